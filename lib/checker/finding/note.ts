/**
 * What a rule may have to know beyond the manifests: where it is not known, the rules that need it say nothing.
 * - `text`: the tree of each Python file
 * - `names`: every name that a Python file defines
 * - `course`: all that a program does, from its start to its end
 * - `pods`: the containers of every pod
 * - `nodes`: which nodes the pods have to fit
 * - the others: this one value, of each read, write or setting of a program
 * - `sink-options`: which options a writer has
 * - `checkpoint-root`: the start of a checkpoint's location, which tells a volume from an object store
 * - `schema`: which tables and columns exist
 */
export type Need =
  | 'pods'
  | 'copies'
  | 'figures'
  | 'nodes'
  | 'text'
  | 'names'
  | 'course'
  | 'format'
  | 'options'
  | 'location'
  | 'checkpoint'
  | 'checkpoint-root'
  | 'sink-options'
  | 'topic'
  | 'table'
  | 'schema'
  | 'setting';

/** Something that was not understood, and what nobody was told for that reason. */
export interface Note {
  /** What it is a case of, in words that many notes share: they are shown together. */
  readonly cause: string;
  /** Kind/namespace/name; empty where no object is concerned. */
  readonly object: string;
  /** Undefined where the manifests come from memory. */
  readonly file?: string;
  /** Counted from 1. */
  readonly line?: number;
  readonly what: string;
  readonly remedy: string;
  /** The rules that say nothing for lack of it. */
  readonly silences: readonly string[];
}

/** The name under which an annotation silences notes, and under which code scanning lists them. */
export const NOT_UNDERSTOOD = 'not-understood';

/** A note as one line: where, what, how to mend it, and the rules that are silent. */
export function formatNote({ object, file, line, what, remedy, silences }: Note): string {
  const place = object !== '' ? object : [file, line].filter(part => part !== undefined).join(':');
  return `[${place}] ${what}; ${remedy} (silent: ${silences.join(', ')})`;
}
