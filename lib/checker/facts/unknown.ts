import type { Place } from '../finding/finding';
import type { Need } from '../finding/note';
import type { ManifestObject } from '../object/manifest-object';

/** Something that a rule needs to know and that the files do not tell. */
export interface Unknown {
  /** What it is a case of, in words that many share. */
  readonly cause: string;
  readonly place: Place;
  /** The objects on which an annotation silences it. */
  readonly concerns: readonly ManifestObject[];
  readonly what: string;
  readonly remedy: string;
  readonly needs: readonly Need[];
}
