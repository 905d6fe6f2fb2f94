import { dirname, relative, resolve, sep } from 'node:path';
import { escapeRegExp } from '../facts/text-pattern';
import type { Finding } from '../finding/finding';
import { NOT_UNDERSTOOD, type Note } from '../finding/note';
import { objectId } from '../object/object-id';
import type { Ignore, ProjectFile } from './project-file';

export interface Ignoring {
  /** Whether a finding is left out. */
  readonly finding: (finding: Finding) => boolean;
  /** Whether a note is left out. */
  readonly note: (note: Note) => boolean;
  /** The ignores that left something out so far. */
  readonly used: ReadonlySet<Ignore>;
  /** How much was left out so far. */
  readonly count: () => number;
}

/** What a project file says that nobody has to mend. */
export function ignoring(project: ProjectFile | undefined): Ignoring {
  const used = new Set<Ignore>();
  const left = new Set<string>();
  const folder = project === undefined ? '' : dirname(resolve(project.file));
  const ignores = (project?.ignores ?? []).map(ignore => ({
    ignore,
    object: pattern(ignore.object),
    file: pattern(ignore.file),
  }));
  const isLeftOut = (rule: string, objects: readonly string[], file: string | undefined, id: string) => {
    const below = file === undefined ? '' : relative(folder, resolve(file)).split(sep).join('/');
    const matching = ignores.filter(
      ({ ignore, object, file: files }) =>
        ignore.rule === rule &&
        (object === undefined || objects.some(name => object.test(name)) || ignore.object === '*') &&
        (files === undefined || files.test(below)),
    );
    for (const { ignore } of matching) used.add(ignore);
    if (matching.length > 0) left.add(id);
    return matching.length > 0;
  };
  return {
    finding: ({ rule = '', place, concerns, position, message: _, ...rest }) => {
      const own = 'object' in place ? [place.object] : [];
      const objects = [...own, ...concerns].map(objectId);
      const at = 'object' in place ? [...place.path, place.innerLine] : [];
      return isLeftOut(
        rule,
        objects,
        position?.file,
        JSON.stringify([rule, objects, position, at, rest.level]),
      );
    },
    note: note =>
      isLeftOut(
        NOT_UNDERSTOOD,
        note.object === '' ? [] : [note.object],
        note.file,
        JSON.stringify([note.cause, note.object, note.file, note.line, note.what]),
      ),
    used,
    count: () => left.size,
  };
}

/** '*' matches any text, and Kind/name any namespace. */
function pattern(text: string | undefined): RegExp | undefined {
  if (text === undefined) return undefined;
  const [kind = '', ...names] = text.split('/').map(part => part.split('*').map(escapeRegExp).join('.*'));
  return new RegExp(
    `^${[kind, ...(names.length === 1 ? ['(?:[^/]+/)?'] : []), ...names].join('/').replace('(?:[^/]+/)?/', '(?:[^/]+/)?')}$`,
  );
}
