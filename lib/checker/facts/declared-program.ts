import type { Place } from '../finding/finding';
import type { CodeFacts, Setting, Sink, Source } from '../python/facts';
import type { At, Text } from '../python/values';
import type { FileText } from './file-text';
import type { JobCode } from './job';

/** What a program reads. */
export interface DeclaredRead {
  /** As Spark names it, e.g. kafka, parquet, json. */
  readonly format: string;
  /** URL of the folder. @default none: it is no file that is read */
  readonly location?: string;
  /** Topic of Kafka, with `kafka.bootstrap.servers` among the options. @default none */
  readonly topic?: string;
  /** Options that rules look at, e.g. maxOffsetsPerTrigger. @default none */
  readonly options?: Readonly<Record<string, string>>;
  /** The folder in which the streaming query on it keeps its offsets, for itself alone. @default it is no stream */
  readonly checkpoint?: string;
}

/** A folder that a program writes. */
export interface DeclaredWrite {
  readonly format: string;
  readonly location: string;
}

/** A table of ClickHouse into which a program inserts rows. */
export interface DeclaredInsert {
  readonly database: string;
  readonly table: string;
  /** @default not stated */
  readonly columns?: readonly string[];
}

/**
 * What a program does with data, all of it: whoever makes its manifest knows, and states it, so that nobody has to
 * follow its code.
 */
export interface DeclaredProgram {
  /** @default none */
  readonly reads?: readonly DeclaredRead[];
  /** @default none */
  readonly writes?: readonly DeclaredWrite[];
  /** @default none */
  readonly inserts?: readonly DeclaredInsert[];
  /** SQL statements with which it makes tables. @default none */
  readonly definitions?: readonly string[];
  /**
   * Whether it goes on for ever by a loop of its own.
   * @default false: it ends, or goes on for as long as its streaming queries do
   */
  readonly goesOn?: boolean;
  /** Settings of Spark that its code makes and that rules look at. @default none */
  readonly settings?: Readonly<Record<string, string>>;
}

/** Programs by the object that runs each: 'Kind/namespace/name'. */
export type DeclaredPrograms = ReadonlyMap<string, DeclaredProgram>;

/** Where a declared program's values stand in the manifest. */
export interface DeclaredPlaces {
  /** The words of its command line. */
  readonly words: readonly string[];
  readonly argument: (index: number) => Place;
  /** What stands in no argument. */
  readonly program: Place;
  /** The files that it sees. */
  readonly files: Readonly<Record<string, FileText>>;
}

/** The facts of a declared program, as if its code had been followed. */
export function declaredCode(program: DeclaredProgram, places: DeclaredPlaces): JobCode {
  const { words, argument, files } = places;
  return {
    facts: factsOf(program, words),
    place: () => places.program,
    placeOf: ({ origin }) =>
      origin !== undefined && 'argument' in origin ? argument(origin.argument) : places.program,
    objects: [
      ...new Set(
        Object.entries(files).flatMap(([path, { object }]) =>
          path.endsWith('.py') && object !== undefined ? [object] : [],
        ),
      ),
    ],
    files: [],
  };
}

function factsOf(program: DeclaredProgram, words: readonly string[]): CodeFacts {
  const { reads = [], writes = [], inserts = [], definitions = [], settings = {} } = program;
  let line = 0;
  // What is declared stands on no line: the number tells one from the other.
  const next = (): At => ({ module: 'declared', line: line++ });
  const text = (value: string): Text => {
    const index = words.indexOf(value);
    return { kind: 'text', parts: [value], ...(index < 0 ? {} : { origin: { argument: index } }) };
  };
  const setting = (at: At, value: string): Setting => ({ at, value: text(value) });
  const sources = reads.map(({ format, location, topic, options = {}, checkpoint }): Source => {
    const at = next();
    const stated = { ...options, ...(topic === undefined ? {} : { subscribe: topic }) };
    return {
      at,
      isStream: checkpoint !== undefined,
      format,
      options: new Map(Object.entries(stated).map(([key, value]) => [key.toLowerCase(), setting(at, value)])),
      hasOpenOptions: false,
      hasSchema: true,
      paths: location === undefined ? [] : [text(location)],
    };
  });
  const sink = (at: At, own: Pick<Sink, 'isStream' | 'format' | 'options' | 'sources'>) => ({
    at,
    isInBatchFunction: false,
    columns: undefined,
    hasOpenOptions: false,
    arms: [],
    turns: [],
    ...own,
  });
  return {
    sources,
    sinks: [
      ...writes.map(
        ({ format, location }): Sink => ({
          ...sink(next(), { isStream: false, format, options: new Map(), sources: [] }),
          path: text(location),
        }),
      ),
      ...reads.flatMap(({ checkpoint }, index): Sink[] => {
        const source = sources[index];
        if (checkpoint === undefined || source === undefined) return [];
        const at = next();
        const options = new Map([['checkpointlocation', setting(at, checkpoint)]]);
        return [
          sink(at, {
            isStream: true,
            format: 'foreachbatch',
            options,
            sources: [source],
          }),
        ];
      }),
    ],
    deadFrames: [],
    unstoredLayers: [],
    queries: { late: [], stopped: [], unawaited: [] },
    batchActions: [],
    inserts: inserts.map(({ database, table, columns }) => ({ at: next(), database, table, columns })),
    definitions: definitions.map(sql => ({ at: next(), sql })),
    conf: Object.entries(settings).map(([key, value]) => ({ key, setting: setting(next(), value) })),
    mentioned: [],
    handed: new Set(),
    environment: new Map(),
    goesOn: program.goesOn ?? false,
    isPartial: false,
    gaps: [],
  };
}
