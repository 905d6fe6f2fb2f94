import type { Job } from '../facts/job';
import type { Model } from '../facts/model';
import { normalizedLocation } from '../facts/object-store';
import type { Rule } from '../facts/rule';
import type { Found } from '../finding/finding';
import { measured, quote, say } from '../finding/message';
import { at } from '../object/manifest-object';

const LAYERS = ['bronze', 'silver', 'quarantine', 'commits'];
const OPTIONS = [...LAYERS, 'checkpoint'];

/** A folder of a commit log, as an argument of the streaming job names it. */
interface Folder {
  readonly job: Job;
  readonly option: string;
  /** Of the folder's URL among the arguments. */
  readonly index: number;
  readonly url: string;
  readonly commits: string;
}

/** Two logs with one folder take each other's files for those of a crashed attempt, and remove them. */
export const logFolderShared: Rule = {
  id: 'log-folder-shared',
  level: 'error',
  refuses: 'a folder of the streaming job that is, or lies inside, a folder of another commit log',
  remedy: "give each commit log folders of its own, none inside another's",
  check: model => {
    const folders = foldersOf(model);
    return folders.flatMap((inner): Found[] => {
      const outer = folders.find(other => other.commits !== inner.commits && isIn(inner, other));
      if (outer === undefined) return [];
      const relation = isIn(outer, inner) ? 'is also' : 'lies inside';
      return [
        {
          place: { object: inner.job.object, path: [...inner.job.path, 'arguments', inner.index] },
          message: say`${inner.option} ${measured(inner.url, quote)} of ${inner.job.name} ${relation} ${outer.option} ${quote(outer.url)} of ${outer.job.name}, whose commit log is ${quote(outer.commits)}`,
          concerns: [inner.job.object],
        },
      ];
    });
  },
};

function foldersOf(model: Model): Folder[] {
  return model.jobs.flatMap(job => {
    const stated: unknown = at(job.object.body, ...job.path.map(String), 'arguments');
    const texts = Array.isArray(stated) ? stated.map(String) : [];
    const given = OPTIONS.flatMap(option => {
      const index = texts.indexOf(`--${option}`) + 1;
      const url = index === 0 ? undefined : texts[index];
      return url === undefined ? [] : [{ option, index, url }];
    });
    const commits = given.find(({ option }) => option === 'commits');
    // Who has all of them is the streaming job, or parses a day again in its place.
    if (commits === undefined || !LAYERS.every(layer => given.some(({ option }) => option === layer)))
      return [];
    return given.map(folder => ({ job, ...folder, commits: normalizedLocation(commits.url) }));
  });
}

/** Two equal checkpoints are the matter of checkpoint-shared. */
function isIn(inner: Folder, outer: Folder): boolean {
  const [one, other] = [normalizedLocation(inner.url), normalizedLocation(outer.url)];
  return one === other
    ? inner.option !== 'checkpoint' || outer.option !== 'checkpoint'
    : one.startsWith(`${other}/`);
}
