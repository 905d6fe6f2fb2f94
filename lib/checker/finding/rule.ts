import type { Model } from '../facts/model';
import type { ManifestObject } from '../manifest/model';
import type { Need } from './note';

export type Level = 'error' | 'warning';

/** Keys and indexes from an object's root to a value in it. */
export type Path = readonly (string | number)[];

/** Where a culprit stands: a value of a manifest object, a line of the text in that value, or a line of a file. */
export type Place =
  | { readonly object: ManifestObject; readonly path: Path; readonly innerLine?: number }
  | { readonly file: string; readonly line: number };

/** What one rule says about one place. */
export interface Finding {
  readonly at: Place;
  /** What is wrong, the value, what is allowed: lowercase, no full stop. */
  readonly message: string;
  /** How to mend this one. @default the rule's remedy */
  readonly remedy?: string;
  /** @default the rule's level */
  readonly level?: Level;
  /** Other objects on which an annotation silences the finding, e.g. the job whose code stands in a ConfigMap. */
  readonly concerns?: readonly ManifestObject[];
}

export interface Rule {
  readonly id: string;
  readonly level: Level;
  /** What it has to know beyond the manifests. @default nothing */
  readonly needs?: readonly Need[];
  /** One line for `--list-rules`: what the rule refuses. */
  readonly refuses: string;
  /** How to mend what it refuses. */
  readonly remedy: string;
  readonly check: (model: Model) => readonly Finding[];
}

export interface Violation {
  readonly rule: string;
  readonly level: Level;
  /** Kind/namespace/name; empty for a finding about a file that is no manifest. */
  readonly object: string;
  /** Undefined where the manifests come from memory. */
  readonly file?: string;
  /** Counted from 1. */
  readonly line?: number;
  /** Counted from 1. */
  readonly column?: number;
  readonly message: string;
  readonly remedy: string;
}

/** A value as a message shows it: in quotes, shortened. */
export function quote(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));
  const oneLine = text.replace(/\s+/g, ' ').trim();
  return `"${oneLine.length > 120 ? `${oneLine.slice(0, 117)}...` : oneLine}"`;
}

/** 'a', 'a and b', 'a, b and c' */
export function listed(items: readonly string[], word: 'and' | 'or' = 'and'): string {
  if (items.length < 2) return items[0] ?? '';
  return `${items.slice(0, -1).join(', ')} ${word} ${items[items.length - 1]}`;
}
