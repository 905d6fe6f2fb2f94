import { describeNodes } from '../capacity/check-fit';
import { type ClusterNode, nodesOf } from '../capacity/node';
import { contextNodes, parseClusterContext, UnusableContext } from '../eks/cluster-context';
import { DEFAULT_NODES, describedNodes, type FitNodes, parseNodes } from '../facts/nodes';
import { say } from '../finding/message';
import type { Note } from '../finding/note';
import { type Violation, violation } from '../finding/reporter';
import { type Loaded, loadManifests, type NamedText, type Skipped, type Unreadable } from '../manifest/load';
import { asObject } from '../object/manifest-object';
import { type Review, type ReviewOptions, review } from '../review/review';
import { rules } from '../rules';
import type { Collected } from './collect';
import { environmentOf } from './environments';

export interface CheckOptions extends Pick<ReviewOptions, 'only' | 'level' | 'external'> {
  /** The nodes to fit when no file describes any. @default 4 × m6i.large */
  readonly nodes?: readonly ClusterNode[];
  /** Whether what was not understood counts as an error. @default false */
  readonly isStrict?: boolean;
}

export interface CheckResult {
  readonly violations: readonly Violation[];
  /** What was not understood. */
  readonly notes: readonly Note[];
  /** Whether notes count as errors. */
  readonly isStrict: boolean;
  /** What the result rests on. */
  readonly notices: readonly string[];
  readonly checked: { readonly files: number; readonly objects: number };
  /** Whether nothing was found that a rule looks at. */
  readonly isEmpty: boolean;
  /** Whether code alone was looked at, and no manifest. */
  readonly isCodeAlone: boolean;
  /** Whether a path or a document could not be read. */
  readonly unusable: boolean;
  readonly text: Loaded['text'];
}

/** What the gate says about what was collected. Pure. */
export function check(collected: Collected, options: CheckOptions = {}): CheckResult {
  const loaded = loadManifests(collected.sources);
  const contexts = loaded.contexts.map(contextOf);
  const unreadable = [
    ...collected.unreadable,
    ...loaded.unreadable,
    ...contexts.flatMap(item => ('list' in item ? [] : item)),
  ];
  const described = contexts.find(item => 'list' in item);
  const reviews = systems(loaded).map(({ objects, sql, python }) =>
    review(objects, {
      external: [...(options.external ?? []), ...loaded.generated],
      sql,
      python,
      unreadable,
      nodes: nodesFor(objects, described, options),
      locate: loaded.locate,
      ...(options.level === undefined ? {} : { level: options.level }),
      ...(options.only === undefined ? {} : { only: [...options.only, 'unparseable-manifest'] }),
    }),
  );
  return {
    violations: distinct(reviews.flatMap(({ findings }) => findings.map(finding => violation(finding)))),
    notes: distinct([
      ...[...collected.skipped, ...loaded.skipped].map(skippedNote),
      ...pythonNotes(loaded, reviews),
      ...emptyNotes(collected, loaded, unreadable),
      ...reviews.flatMap(({ notes }) => notes),
    ]),
    isStrict: options.isStrict ?? false,
    notices: distinct(reviews.flatMap(({ fit }) => fitNotices(fit))),
    checked: { files: loaded.files, objects: loaded.objects.length },
    isEmpty: isEmpty(loaded, reviews),
    isCodeAlone:
      loaded.python.some(({ isNamed }) => isNamed) &&
      [loaded.objects, loaded.sql, loaded.contexts].every(({ length }) => length === 0),
    unusable: unreadable.length > 0,
    text: loaded.text,
  };
}

/** The objects and SQL that are applied together: all, or for each environment its own and what belongs to all. */
export function systems({ objects, sql, python }: Loaded): Pick<Loaded, 'objects' | 'sql' | 'python'>[] {
  const files = [...objects.map(({ source }) => source?.file ?? ''), ...sql.map(({ file }) => file)];
  const of = environmentOf(files);
  const names = [...new Set(files.flatMap(file => of(file) ?? []))];
  if (names.length === 0) return [{ objects, sql, python }];
  return names.map(name => {
    const belongs = (file: string) => (of(file) ?? name) === name;
    return {
      objects: objects.filter(({ source }) => belongs(source?.file ?? '')),
      sql: sql.filter(({ file }) => belongs(file)),
      python: python.filter(({ file }) => belongs(file)),
    };
  });
}

/** Whether nothing was found that a rule looks at. */
function isEmpty({ objects, sql, python, contexts }: Loaded, reviews: readonly Review[]): boolean {
  return (
    [objects, sql, contexts].every(({ length }) => length === 0) &&
    !python.some(({ isNamed }) => isNamed) &&
    reviews.every(({ python: { run } }) => run.length === 0)
  );
}

function distinct<T>(items: readonly T[]): T[] {
  return [...new Map(items.map(item => [JSON.stringify(item), item])).values()];
}

/** The nodes of a committed context, or what is wrong with it. */
function contextOf({ file, text }: NamedText): FitNodes | readonly Unreadable[] {
  try {
    const list = nodesOf(contextNodes(parseClusterContext(file, text)));
    return { list, source: file, areDescribed: true };
  } catch (error) {
    const faults =
      error instanceof UnusableContext
        ? error.faults
        : [error instanceof Error ? error.message : String(error)];
    return faults.map(fault => ({
      file,
      line: 1,
      message: say`the description of the nodes cannot be used: ${fault}`,
      remedy: say`write it again with cdk8s-lakehouse cluster-context`,
    }));
  }
}

/** What the files describe, else what the caller says, else an assumption, which makes notes and no findings. */
function nodesFor(
  objects: Loaded['objects'],
  context: FitNodes | undefined,
  { nodes }: CheckOptions,
): FitNodes {
  const described = describedNodes(objects) ?? context;
  if (described !== undefined) {
    const { source } = described;
    return { ...described, source: nodes === undefined ? source : `${source}; --nodes is not used` };
  }
  if (nodes !== undefined) return { list: nodes, source: '--nodes', areDescribed: false };
  const parsed = parseNodes(DEFAULT_NODES);
  return {
    list: 'nodes' in parsed ? parsed.nodes : [],
    source: 'assumed, for nobody described them; --nodes says otherwise',
    areDescribed: false,
    areAssumed: true,
  };
}

/** Each path that was named and held nothing to look at: probably not what somebody meant. */
function emptyNotes(
  { named, skipped }: Collected,
  loaded: Loaded,
  unreadable: readonly Unreadable[],
): Note[] {
  const used = new Set([
    ...loaded.objects.map(({ source }) => source?.file),
    ...loaded.kustomizations,
    ...[
      ...loaded.sql,
      ...loaded.python,
      ...loaded.contexts,
      ...unreadable,
      ...loaded.skipped,
      ...skipped,
    ].map(({ file }) => file),
  ]);
  return named
    .filter(({ files }) => !files.some(file => used.has(file)))
    .map(({ path }) => ({
      cause: 'nothing to look at',
      object: '',
      file: path,
      line: 1,
      what: 'no Kubernetes object was found',
      remedy: 'name a file or folder that holds manifests',
      silences: rules.map(({ id }) => id),
    }));
}

/** Rules that what a program's code does is enough for. */
const OF_CODE_ALONE = new Set(
  rules
    .filter(
      ({ id, needs = [] }) =>
        id === 'python-syntax-error' || (needs.some(need => need !== 'pods') && !needs.includes('setting')),
    )
    .map(({ id }) => id),
);

/** Python that no manifest runs: one that was named shows what its code does, and nothing of how it is run. */
function pythonNotes({ python, objects }: Loaded, reviews: readonly Review[]): Note[] {
  const read = new Set(reviews.flatMap(({ python: { run, named } }) => [...run, ...named]));
  const run = new Set(reviews.flatMap(reviewed => reviewed.python.run));
  /** Names and texts of what ConfigMaps hold. */
  const held = new Set<unknown>(
    objects
      .filter(({ kind }) => kind === 'ConfigMap')
      .flatMap(({ body }) => Object.entries(asObject(body['data'])).flat()),
  );
  const note = (file: string, what: string, remedy: string, silences: (id: string) => boolean): Note => ({
    cause: 'Python that no manifest runs',
    object: '',
    file,
    line: 1,
    what,
    remedy,
    silences: rules.map(({ id }) => id).filter(silences),
  });
  return python.flatMap(({ file, text, isNamed }): Note[] => {
    const name = file.slice(file.lastIndexOf('/') + 1);
    if (isNamed && !run.has(file))
      return [
        note(
          file,
          `no manifest among the files runs ${name}: what its code shows is checked, and not its image, its packages, its settings or what it reads of arguments and variables`,
          'check it together with the manifest that runs it',
          id => !OF_CODE_ALONE.has(id),
        ),
      ];
    if (isNamed || read.has(file) || held.has(name) || held.has(text) || text.trim() === '') return [];
    return [
      note(
        file,
        `${name} is not looked at: no manifest among the files runs a program of this name`,
        'check it with the manifest that runs it, or name the file to look at its code alone',
        () => true,
      ),
    ];
  });
}

/** No rule looks into a file that is skipped. */
function skippedNote({ file, part = 'file', line = 1, what, remedy }: Skipped): Note {
  return {
    cause: 'files that are skipped',
    object: '',
    file,
    line,
    what: `the ${part} is skipped: it is ${what}`,
    remedy,
    silences: rules.map(({ id }) => id),
  };
}

/** What was counted for the fit: whether it is right depends on it. */
function fitNotices(fit: Review['fit']): string[] {
  if (fit === undefined) return [];
  const { nodes, services } = fit;
  const beside = services.map(({ name }) => name).join(', ') || 'nothing';
  return [`fit counted on ${describeNodes(nodes.list)} (${nodes.source}), beside ${beside}`];
}
