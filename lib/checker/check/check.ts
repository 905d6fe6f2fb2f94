import { describeNodes } from '../capacity/check-fit';
import { type ClusterNode, nodesOf } from '../capacity/node';
import { contextNodes, parseClusterContext, UnusableContext } from '../eks/cluster-context';
import { DEFAULT_NODES, describedNodes, type FitNodes, parseNodes } from '../facts/nodes';
import type { Finding } from '../finding/finding';
import { say } from '../finding/message';
import type { Note } from '../finding/note';
import { type Violation, violation } from '../finding/reporter';
import { type Loaded, loadManifests, type NamedText, type Skipped, type Unreadable } from '../manifest/load';
import { asObject } from '../object/manifest-object';
import type { ReadProgram } from '../review/programs';
import { type Review, type ReviewOptions, review } from '../review/review';
import { rules } from '../rules';
import type { Collected } from './collect';
import { type Coverage, coverageOf } from './coverage';
import { declaredEnvironmentOf, environmentOf } from './environments';
import type { Compared } from './identity';
import { ignoring } from './ignoring';
import type { Environment, Ignore, ProjectFile } from './project-file';

export interface CheckOptions extends Pick<ReviewOptions, 'only' | 'level' | 'external'> {
  /** The nodes to fit, whatever the files describe. @default what the project file says, else what the files describe, else 4 × m6i.large */
  readonly nodes?: readonly ClusterNode[];
  /** Whether what was not understood counts as an error. @default what the project file says, else false */
  readonly isStrict?: boolean;
  /** What the project says about all of its manifests. @default nothing */
  readonly project?: ProjectFile;
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
  readonly coverage: Coverage;
  /** Of how many violations and notes the project file says that nobody has to mend them. */
  readonly ignored: number;
  /** Whether nothing was found that a rule looks at. */
  readonly isEmpty: boolean;
  /** Whether a path or a document could not be read. */
  readonly unusable: boolean;
  readonly text: Loaded['text'];
  /** What the violations were made of. */
  readonly findings: readonly Finding[];
  readonly objects: Loaded['objects'];
  /** What a baseline made of it. */
  readonly baseline?: Compared;
}

/** What the gate says about what was collected. Pure. */
export function check(collected: Collected, options: CheckOptions = {}): CheckResult {
  const { only, level = 'warning', project } = options;
  const loaded = loadManifests(collected.sources);
  const contexts = loaded.contexts.map(contextOf);
  const unreadable = [
    ...collected.unreadable,
    ...loaded.unreadable,
    ...contexts.flatMap(item => ('list' in item ? [] : item)),
  ];
  const described = contexts.find(item => 'list' in item);
  // A rule that somebody asks for by name is asked, whatever the project file says.
  const levels = new Map(
    [...(project?.levels ?? [])].flatMap(([rule, stated]) =>
      stated.level === 'off' && only?.includes(rule) === true ? [] : [[rule, stated.level] as const],
    ),
  );
  const reviews = systems(loaded, project?.environments).map(({ objects, sql, python, environment }) =>
    review(objects, {
      external: [...(options.external ?? []), ...(project?.external ?? []), ...loaded.generated],
      sql,
      python,
      unreadable,
      nodes: nodesFor(objects, described, environment, options),
      locate: loaded.locate,
      levels,
      ...(only === undefined ? {} : { only: [...only, 'unparseable-manifest'] }),
    }),
  );
  const ignores = ignoring(project);
  const findings = reviews.flatMap(review => review.findings.filter(finding => !ignores.finding(finding)));
  const told = distinct(reviews.flatMap(({ notes }) => notes));
  const notes = distinct([
    ...[...collected.skipped, ...loaded.skipped].map(skippedNote),
    ...pythonNotes(loaded, reviews),
    ...emptyNotes(collected, loaded, unreadable),
    ...told,
  ]).filter(note => !ignores.note(note));
  const asked = {
    otherRules: only === undefined ? 0 : rules.length - new Set(only).size,
    off: [...(project?.levels ?? [])].flatMap(([rule, stated]) =>
      stated.level === 'off' && only === undefined ? [{ rule, reason: stated.reason }] : [],
    ),
    withoutWarnings: level === 'error',
  };
  return {
    violations: distinct(
      findings
        .filter(finding => level === 'warning' || finding.level === 'error')
        .map(finding => violation(finding)),
    ),
    notes: [...notes, ...withoutEffect(project, collected, ignores.used, only)],
    isStrict: options.isStrict ?? project?.isStrict ?? false,
    notices: distinct(reviews.flatMap(({ fit }) => fitNotices(fit))),
    checked: { files: loaded.files, objects: loaded.objects.length },
    coverage: coverageOf(collected, loaded, programsOf(reviews), notes, asked),
    ignored: ignores.count(),
    isEmpty: isEmpty(loaded, reviews),
    unusable: unreadable.length > 0,
    text: loaded.text,
    findings,
    objects: loaded.objects,
  };
}

const UNDERSTOOD = ['wholly', 'partly', 'not at all'] as const;

/** Each program once, and understood as well as in the system where it is understood best. */
function programsOf(reviews: readonly Review[]): ReadProgram[] {
  const best = new Map<string, ReadProgram>();
  for (const program of reviews.flatMap(({ programs }) => programs)) {
    const id = `${program.language} ${program.name}`;
    const known = best.get(id);
    if (known === undefined || UNDERSTOOD.indexOf(program.understood) < UNDERSTOOD.indexOf(known.understood))
      best.set(id, program);
  }
  return [...best.values()];
}

/** The objects and SQL that are applied together: all, or for each environment its own and what belongs to all. */
export function systems(
  { objects, sql, python }: Loaded,
  environments: readonly Environment[] = [],
): (Pick<Loaded, 'objects' | 'sql' | 'python'> & { readonly environment?: Environment })[] {
  const files = [...objects.map(({ source }) => source?.file ?? ''), ...sql.map(({ file }) => file)];
  const of = environments.length === 0 ? environmentOf(files) : declaredEnvironmentOf(environments);
  const names = [...new Set(files.flatMap(file => of(file) ?? []))];
  if (names.length === 0) return [{ objects, sql, python }];
  return names.map(name => {
    const belongs = (file: string) => (of(file) ?? name) === name;
    const environment = environments.find(item => item.name === name);
    return {
      objects: objects.filter(({ source }) => belongs(source?.file ?? '')),
      sql: sql.filter(({ file }) => belongs(file)),
      python: python.filter(({ file }) => belongs(file)),
      ...(environment === undefined ? {} : { environment }),
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

/** What the caller says, else the project file, else what the files describe, else the default. */
function nodesFor(
  objects: Loaded['objects'],
  context: FitNodes | undefined,
  environment: Environment | undefined,
  { nodes, project }: CheckOptions,
): FitNodes {
  const described = describedNodes(objects) ?? context;
  const unused = described === undefined ? '' : `; ${described.source} is not used`;
  if (nodes !== undefined) return { list: nodes, source: `--nodes${unused}`, areDescribed: false };
  const stated = environment?.nodes ?? project?.nodes;
  if (stated !== undefined) return { ...stated, source: `${project?.file}${unused}` };
  if (described !== undefined) return described;
  const parsed = parseNodes(DEFAULT_NODES);
  return {
    list: 'nodes' in parsed ? parsed.nodes : [],
    source: 'the default; --nodes says otherwise',
    areDescribed: false,
  };
}

/** What a project file's line does not reach, as it matches nothing: a fault of the line, or one that was mended since. */
function withoutEffect(
  project: ProjectFile | undefined,
  { sources }: Collected,
  used: ReadonlySet<Ignore>,
  only: readonly string[] | undefined,
): Note[] {
  if (project === undefined) return [];
  const note = (line: number, what: string, remedy: string): Note => ({
    cause: 'settings without effect',
    object: '',
    file: project.file,
    line,
    what,
    remedy,
    silences: [],
  });
  const of = declaredEnvironmentOf(project.environments);
  const met = new Set(sources.map(({ file }) => of(file)));
  return [
    ...project.ignores
      .filter(ignore => !used.has(ignore) && (only === undefined || only.includes(ignore.rule)))
      .map(({ rule, object, file, line }) =>
        note(
          line,
          `the ignore of ${rule} on ${[object, file].filter(part => part !== undefined).join(' in ')} matches no finding`,
          'delete it if the finding is mended, else correct its object or file',
        ),
      ),
    ...project.environments
      .filter(({ name }) => !met.has(name))
      .map(({ name, line }) =>
        note(
          line,
          `no file of environment ${name} is among the checked ones`,
          'correct its folders, or check the folder that holds them',
        ),
      ),
  ];
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
