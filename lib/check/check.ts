import { type Loaded, loadManifests, type Note } from '../manifest/load';
import { buildModel } from '../rules/model';
import type { Violation } from '../rules/rule';
import { type RunOptions, runRules } from '../rules/run';
import type { Collected } from './collect';

export interface CheckOptions extends Pick<RunOptions, 'only' | 'level' | 'external'> {}

export interface CheckResult {
  readonly violations: readonly Violation[];
  readonly notes: readonly Note[];
  readonly checked: { readonly files: number; readonly objects: number };
  /** Whether a path or a document could not be read. */
  readonly unusable: boolean;
  readonly text: Loaded['text'];
}

/** The rules over what was collected. Pure. */
export function check({ sources, notes, problems }: Collected, options: CheckOptions = {}): CheckResult {
  const loaded = loadManifests(sources);
  const unreadable = [...problems, ...loaded.problems];
  const model = buildModel(loaded.objects, {
    external: [...(options.external ?? []), ...loaded.generated],
    sql: loaded.sql,
    problems: unreadable,
  });
  const violations = runRules(model, {
    locate: loaded.locate,
    ...(options.level === undefined ? {} : { level: options.level }),
    ...(options.only === undefined ? {} : { only: [...options.only, 'unparseable-manifest'] }),
  });
  return {
    violations,
    notes: [...notes, ...loaded.notes],
    checked: { files: loaded.files, objects: loaded.objects.length },
    unusable: unreadable.length > 0,
    text: loaded.text,
  };
}
