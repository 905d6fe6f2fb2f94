import { grouped } from '../facts/manifest-index';
import { listed } from '../finding/message';
import type { Note } from '../finding/note';
import type { Loaded } from '../manifest/load';
import { apiGroup } from '../manifest/pod-templates';
import type { ReadProgram } from '../review/programs';
import { schemaOf } from '../schema/schema';
import type { Collected } from './collect';
import { isRead } from './read-kinds';

type Language = ReadProgram['language'];

/** What a run looked at, and what it did not look at. */
export interface Coverage {
  readonly files: {
    /** All that were read. */
    readonly read: number;
    readonly withObjects: number;
    readonly sql: number;
    readonly python: number;
  };
  /** By kind, the most frequent first. */
  readonly objects: readonly {
    readonly kind: string;
    readonly count: number;
    /** Whether rules look at what stands in such objects, and not at their names alone. */
    readonly isRead: boolean;
  }[];
  readonly programs: readonly {
    readonly language: Language;
    readonly wholly: number;
    readonly partly: number;
    readonly notAtAll: number;
  }[];
  readonly notLookedAt: readonly NotLookedAt[];
}

export interface NotLookedAt {
  readonly what: string;
  readonly why: string;
  readonly count: number;
  /** Files, or programs by object and key. Empty for what stands in no single place. */
  readonly where: readonly string[];
}

/** What was asked of a run that leaves something out. */
export interface Asked {
  /** Rules that were not asked for. */
  readonly otherRules: number;
  /** Rules that the project file turns off, with the reasons. */
  readonly off: readonly { readonly rule: string; readonly reason: string }[];
  readonly withoutWarnings: boolean;
}

const NO_OBJECT = 'no Kubernetes object stands in it';

const LANGUAGES: readonly Language[] = ['Python', 'shell', 'SQL'];

export function coverageOf(
  { sources, skipped, others = [] }: Pick<Collected, 'sources' | 'skipped' | 'others'>,
  loaded: Loaded,
  programs: readonly ReadProgram[],
  notes: readonly Note[],
  asked: Asked,
): Coverage {
  const withObjects = new Set(loaded.objects.flatMap(({ source }) => source?.file ?? []));
  return {
    files: {
      read: loaded.files,
      withObjects: withObjects.size,
      sql: loaded.sql.length,
      python: loaded.python.length,
    },
    objects: [...grouped(loaded.objects, kindId)]
      .map(([, objects]) => ({
        kind: kindName(objects[0]),
        count: objects.length,
        isRead: objects[0] !== undefined && isRead(objects[0]),
      }))
      .sort((left, right) => right.count - left.count || compare(left.kind, right.kind)),
    programs: LANGUAGES.map(language => {
      const own = programs.filter(program => program.language === language);
      const count = (understood: ReadProgram['understood']) =>
        own.filter(program => program.understood === understood).length;
      return {
        language,
        wholly: count('wholly'),
        partly: count('partly'),
        notAtAll: count('not at all'),
      };
    }).filter(({ wholly, partly, notAtAll }) => wholly + partly + notAtAll > 0),
    notLookedAt: [
      ...unreadKinds(loaded).map(objects => ({
        what: kindName(objects[0]),
        why: `no rule knows this kind; only ${hasSchema(objects[0]) ? 'names, fields and their types' : 'names'} are looked at`,
        count: objects.length,
        where: distinct(objects.flatMap(({ source }) => source?.file ?? [])),
      })),
      ...[...grouped([...skipped, ...loaded.skipped], ({ what }) => what)].map(([what, items]) => ({
        what: items.length === 1 ? 'file' : 'files',
        why: what.endsWith('looked at') ? what : `it is ${what}`,
        count: items.length,
        where: items.map(({ file }) => file),
      })),
      ...withoutObjects(sources, skipped, loaded, withObjects),
      ...[...grouped(others, extensionOf)].map(([extension, files]) => ({
        what: files.length === 1 ? `${extension} file` : `${extension} files`,
        why: 'only YAML, JSON and SQL of a folder is read',
        count: files.length,
        where: files,
      })),
      ...[
        ...grouped(
          programs.filter(({ understood }) => understood !== 'wholly'),
          ({ language, understood, why = '' }) => JSON.stringify([language, understood, why]),
        ),
      ].map(([, items]) => ({
        what: `${items[0]?.language} ${items.length === 1 ? 'program' : 'programs'} understood ${items[0]?.understood}`,
        why: items[0]?.why ?? '',
        count: items.length,
        where: items.map(({ name }) => name),
      })),
      ...[...grouped(notes.filter(isOfCoverage), ({ cause }) => cause)].map(([cause, items]) => ({
        what: items.length === 1 ? 'note' : 'notes',
        why: cause,
        count: items.length,
        where: distinct(items.flatMap(({ file }) => file ?? [])),
      })),
      ...(asked.otherRules === 0
        ? []
        : [
            {
              what: asked.otherRules === 1 ? 'rule' : 'rules',
              why: 'not asked for by --rule',
              count: asked.otherRules,
              where: [],
            },
          ]),
      ...asked.off.map(({ rule, reason }) => ({
        what: `rule ${rule}`,
        why: `turned off: ${reason}`,
        count: 1,
        where: [],
      })),
      ...(asked.withoutWarnings
        ? [{ what: 'warnings', why: 'left out by --level error', count: 1, where: [] }]
        : []),
    ],
  };
}

/** The objects of each kind that no rule reads, the most frequent first. */
function unreadKinds({ objects }: Loaded): (readonly Loaded['objects'][number][])[] {
  const unread = objects.filter(object => !isRead(object));
  return [...grouped(unread, kindId).values()].sort((left, right) => right.length - left.length);
}

function hasSchema(object: Loaded['objects'][number] | undefined): boolean {
  return object !== undefined && schemaOf(object) !== undefined;
}

/** Notes on files that are skipped are told by file, those on Python as programs. */
function isOfCoverage({ cause }: Note): boolean {
  return !TOLD_ELSEWHERE.has(cause) && !cause.startsWith('Python that ');
}

const TOLD_ELSEWHERE: ReadonlySet<string> = new Set([
  'files that are skipped',
  'nothing to look at',
  'settings without effect',
]);

function withoutObjects(
  sources: Collected['sources'],
  skipped: Collected['skipped'],
  loaded: Loaded,
  withObjects: ReadonlySet<string>,
): NotLookedAt[] {
  const told = new Set([
    ...withObjects,
    ...loaded.kustomizations,
    ...[
      ...loaded.sql,
      ...loaded.python,
      ...loaded.contexts,
      ...loaded.unreadable,
      ...loaded.skipped,
      ...skipped,
    ].map(({ file }) => file),
  ]);
  const where = sources.map(({ file }) => file).filter(file => !told.has(file));
  if (where.length === 0) return [];
  return [
    {
      what: where.length === 1 ? 'file' : 'files',
      why: NO_OBJECT,
      count: where.length,
      where,
    },
  ];
}

/** What was looked at, in one line. */
export function lookedAt({ files, objects, programs }: Coverage): string {
  const read = objects.filter(object => object.isRead);
  const total = read.reduce((sum, { count }) => sum + count, 0);
  const kinds = read.map(({ kind, count }) => `${count} ${kind}`);
  return [
    amount(files.read, 'file'),
    total === 0
      ? objects.length === 0
        ? 'no object'
        : 'no object of a kind that rules know'
      : `${amount(total, 'object')} (${kinds.join(', ')})`,
    ...programs.map(({ language, wholly, partly, notAtAll }) => {
      const parts = [
        ...(wholly > 0 ? [`${wholly} wholly`] : []),
        ...(partly > 0 ? [`${partly} partly`] : []),
        ...(notAtAll > 0 ? [`${notAtAll} not at all`] : []),
      ];
      return `${amount(wholly + partly + notAtAll, `${language} program`)} understood (${parts.join(', ')})`;
    }),
  ].join('; ');
}

/** Of one thing so many places are named; the others are counted. */
const SHOWN_PLACES = 3;

/** What was not looked at and why, a line for each reason. */
export function notLookedAtLines({ notLookedAt }: Coverage): string[] {
  return [...grouped(notLookedAt, ({ why }) => why)].map(([why, items]) => {
    const where = items.flatMap(item => item.where);
    const more = where.length - SHOWN_PLACES;
    const places =
      items.length > 1 || where.length === 0
        ? ''
        : ` (${[...where.slice(0, SHOWN_PLACES), ...(more > 0 ? [`${more} more`] : [])].join(', ')})`;
    return `${items.map(counted).join(', ')}: ${why}${places}`;
  });
}

/** What was not looked at, in one breath. Empty where everything was. */
export function notLookedAtInShort({ notLookedAt }: Coverage): string {
  return listed(
    notLookedAt.map(item =>
      /^(files?|notes?)$/.test(item.what) ? `${counted(item)} (${briefly(item.why)})` : counted(item),
    ),
  );
}

function briefly(why: string): string {
  return why === NO_OBJECT ? 'no object' : why.replace(/^it is /, '');
}

function counted({ what, count }: NotLookedAt): string {
  return /^(rule |warnings)/.test(what) ? what : `${count} ${what}`;
}

export function amount(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

function kindId(object: Loaded['objects'][number]): string {
  return `${apiGroup(object)}/${object.kind}`;
}

/** A kind, with its group where it is not Kubernetes' own. */
function kindName(object: Loaded['objects'][number] | undefined): string {
  if (object === undefined) return '';
  const group = apiGroup(object);
  return group.includes('.') && !group.endsWith('.k8s.io') && !isRead(object)
    ? `${object.kind} (${group})`
    : object.kind;
}

function extensionOf(file: string): string {
  return file.slice(file.lastIndexOf('.'));
}

function distinct(items: readonly string[]): string[] {
  return [...new Set(items)];
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
