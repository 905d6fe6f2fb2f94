import type { Place } from '../finding/finding';
import type { ManifestObject } from '../object/manifest-object';

/** A text that somebody wrote, and the place of its first line. */
export interface FileText {
  readonly text: string;
  readonly place: (innerLine: number) => Place;
  /** The ConfigMap that holds it, or the object whose command line does. */
  readonly object?: ManifestObject;
  /** The file beside the manifests that it is. */
  readonly file?: string;
}
