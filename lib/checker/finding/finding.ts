import type { ManifestObject } from '../object/manifest-object';
import type { ObjectIdentity } from '../object/object-id';
import type { Message, Path } from './message';

export type Level = 'error' | 'warning';

/** Where a culprit stands. */
export type Place =
  /** A value of a manifest object, or a line of the text in that value. */
  | { readonly object: ManifestObject; readonly path: Path; readonly innerLine?: number }
  /** A line of a file. */
  | { readonly file: string; readonly line: number }
  /** The props of a construct, and what they become in the object that it writes: a container stands in `path` by its name. */
  | {
      readonly construct: string;
      readonly writes?: { readonly object: ObjectIdentity; readonly path: Path };
    };

/** What a finding is about: an object, the props of a construct, or a file. */
export type Subject =
  | { readonly object: ObjectIdentity | Pick<ManifestObject, 'kind' | 'metadata'> }
  | { readonly construct: string }
  | { readonly file: string; readonly line: number };

/** Line and column, both from 1, of a value: in the file that an object came from, or in the one that it names. */
export type Locator = (
  path: Path,
  innerLine?: number,
) => { readonly file?: string; readonly line: number; readonly column: number };

/** Something that is wrong, as data: rules, fit and constructs all say it like this, and the reporter makes the text. */
export interface Finding {
  /** None for what the props of a construct alone show. */
  readonly rule?: string;
  readonly level: Level;
  readonly subject: Subject;
  readonly place: Place;
  /** What is wrong, with the measured value and what is allowed. */
  readonly message: Message;
  /** How to mend it. */
  readonly remedy: Message;
  /** Other objects on which an annotation silences the finding, e.g. the job whose code stands in a ConfigMap. */
  readonly concerns: readonly ManifestObject[];
  /** Where the place is in its file. Absent where the manifests come from memory. */
  readonly position?: { readonly file: string; readonly line: number; readonly column?: number };
}

/** A finding as a rule states it: what it leaves out follows from the rule and the place. */
export type Found = Pick<Finding, 'place' | 'message'> &
  Partial<Pick<Finding, 'level' | 'remedy' | 'concerns'>>;

/** What a place is about when nothing else is said. */
export function subjectOf(place: Place): Subject {
  if ('file' in place) return { file: place.file, line: place.line };
  if ('object' in place) return { object: place.object };
  return place.writes === undefined ? { construct: place.construct } : { object: place.writes.object };
}
