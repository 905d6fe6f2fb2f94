import type { Finding } from '../finding/finding';
import type { Path } from '../finding/message';
import { isObject, type ManifestObject } from '../object/manifest-object';
import { objectId } from '../object/object-id';

/**
 * Whether what a construct says about its props is what a rule sees in the object that came of them: the same rule, in
 * the same object, at the same place in it. The construct's words name the prop, so they are the ones to keep.
 */
export function covers(stated: Finding, { rule, place }: Finding): boolean {
  if (stated.rule === undefined || stated.rule !== rule) return false;
  if (!('construct' in stated.place) || !('object' in place)) return false;
  const { writes } = stated.place;
  if (writes === undefined || objectId(writes.object) !== objectId(place.object)) return false;
  const seen = namedPath(place.object, place.path);
  return writes.path.slice(0, seen.length).every((key, index) => key === seen[index]);
}

/** A path in which the items of a list that have names stand by them: an index says nothing about which container it is. */
function namedPath({ body }: ManifestObject, path: Path): Path {
  let value: unknown = body;
  return path.map(key => {
    value = (value as Record<string | number, unknown> | undefined)?.[key];
    const name = typeof key === 'number' && isObject(value) ? value['name'] : undefined;
    return typeof name === 'string' ? name : key;
  });
}
