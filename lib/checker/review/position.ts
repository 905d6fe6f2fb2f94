import type { Finding, Locator, Place } from '../finding/finding';
import type { ManifestObject } from '../object/manifest-object';

/** Where the values of an object stand in its file. */
export type Locate = (object: ManifestObject) => Locator | undefined;

/** Where a place is in its file. */
export function positionOf(place: Place, locate: Locate | undefined): Finding['position'] {
  if ('file' in place) return { file: place.file, line: place.line };
  if (!('object' in place) || place.object.source === undefined) return undefined;
  const { file, line } = place.object.source;
  return { file, line, ...locate?.(place.object)?.(place.path, place.innerLine) };
}
