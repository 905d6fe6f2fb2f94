import type { At, Text } from './values';

/** What a job reads: a file path, a table, or a system such as Kafka. */
export interface Source {
  readonly at: At;
  readonly isStream: boolean;
  /** e.g. kafka, parquet; '?' when it is given but not known, undefined when none is given: Spark's default. */
  readonly format: string | undefined;
  /** Keys in lower case: Spark compares them so. */
  readonly options: ReadonlyMap<string, Setting>;
  /** Whether options may be set that are not in `options`. */
  readonly hasOpenOptions: boolean;
  /** Whether somebody gives it a schema. */
  readonly hasSchema: boolean;
  readonly paths: readonly Text[];
  readonly table?: Text;
}

export interface Setting {
  readonly at: At;
  readonly value: Text;
}

/** One side of a branch: what is on two sides of it never happens together. */
export interface Arm {
  readonly branch: number;
  readonly arm: number;
}

/** What a job writes. */
export interface Sink {
  readonly at: At;
  readonly isStream: boolean;
  /** Whether a streaming query's batch function does it. */
  readonly isInBatchFunction: boolean;
  readonly format: string | undefined;
  readonly options: ReadonlyMap<string, Setting>;
  readonly hasOpenOptions: boolean;
  readonly path?: Text;
  readonly table?: { readonly at: At; readonly name: Text };
  /** The columns that are written, when all of them are known. */
  readonly columns: readonly string[] | undefined;
  readonly sources: readonly Source[];
  /** Of a streaming query, when somebody gives it. */
  readonly outputMode?: Setting;
  /** Of a streaming query that aggregates, whether it does so behind a watermark. */
  readonly aggregation?: { readonly isWatermarked: boolean };
  /** Whether the value of Kafka's records is stored as it was; undefined when nobody knows. */
  readonly keepsRaw?: boolean;
  readonly arms: readonly Arm[];
  /** The turns of loops in which it is made for sure: in another turn it is another one. */
  readonly turns: readonly number[];
}

/** A dataframe that nothing stores. */
export interface DeadFrame {
  readonly at: At;
  /** The variable that holds it. */
  readonly name: string | undefined;
  readonly sources: readonly Source[];
  /** Whether a writer was made for it that is never started. */
  readonly hasIdleWriter: boolean;
}

/** A dataframe that is named after the raw layer, is used, and is stored by nothing. */
export interface UnstoredLayer {
  readonly at: At;
  readonly name: string;
  readonly sources: readonly Source[];
  /** Whether all that is stored of it has lost the value of the records. */
  readonly isLost: boolean;
  /** Whether something of it is stored. */
  readonly isStoredInPart: boolean;
  /** Whether it is what Kafka gave, before anything was made of it. */
  readonly isSource: boolean;
}

/** What becomes of streaming queries after their start. */
export interface QueryFacts {
  /** Started after the program waits for ever for another one. */
  readonly late: readonly { readonly at: At; readonly awaited: At }[];
  /** Stopped, or their session, before anything has waited. */
  readonly stopped: readonly { readonly at: At; readonly started: At; readonly isSession: boolean }[];
  /** Started, and nothing waits until the program ends. */
  readonly unawaited: readonly At[];
}

/** An INSERT statement in a text that the code hands to somebody. */
export interface Insert {
  readonly at: At;
  readonly database: string | undefined;
  readonly table: string;
  readonly columns: readonly string[] | undefined;
}

/** A place from which on a program is not followed. */
export interface Gap {
  readonly at: At;
  /** What stands there. */
  readonly what: string;
}

/** Everything that is known of what a program does. */
export interface CodeFacts {
  readonly sources: readonly Source[];
  readonly sinks: readonly Sink[];
  readonly deadFrames: readonly DeadFrame[];
  readonly unstoredLayers: readonly UnstoredLayer[];
  readonly queries: QueryFacts;
  /** What Spark refuses to do with a stream. */
  readonly batchActions: readonly { readonly at: At; readonly action: string }[];
  readonly inserts: readonly Insert[];
  /** SQL that makes or changes tables, in texts that the code hands to somebody; `\0` stands for an unknown piece. */
  readonly definitions: readonly { readonly at: At; readonly sql: string }[];
  /** Spark settings that the code makes. */
  readonly conf: readonly { readonly key: string; readonly setting: Setting }[];
  /** Object-store URLs that the code hands to something that is not followed. */
  readonly mentioned: readonly Setting[];
  /** Texts that the code hands to something that is not followed, and that may name a bucket. */
  readonly handed: ReadonlySet<string>;
  /** Variables of the environment that the program sets for itself. */
  readonly environment: ReadonlyMap<string, Text>;
  /** Whether it is known to go on for ever without a streaming query, by a loop of its own. */
  readonly goesOn: boolean;
  /** Whether part of the program could not be followed to its end, so that what is missing proves nothing. */
  readonly isPartial: boolean;
  /** Why, but for files that are not read: those tell it themselves. */
  readonly gaps: readonly Gap[];
  /** The first call of something whose code is neither among the files nor in every image. */
  readonly foreignCall?: Gap;
}
