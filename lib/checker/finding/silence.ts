import type { ManifestObject } from '../object/manifest-object';
import { objectId } from '../object/object-id';
import type { Finding } from './finding';

/** The start of the annotation that silences one rule on one object; its value is the reason. */
export const IGNORE_ANNOTATION_PREFIX = 'ignore-check.cdk8s-lakehouse/';

/** Whether an object that a finding is in, or that it concerns, silences its rule. */
export function isSilenced(
  { rule, place, concerns }: Finding,
  byId: ReadonlyMap<string, ManifestObject>,
): boolean {
  if (rule === undefined) return false;
  const own =
    'object' in place
      ? place.object
      : 'construct' in place && place.writes !== undefined
        ? byId.get(objectId(place.writes.object))
        : undefined;
  return [...(own === undefined ? [] : [own]), ...concerns].some(object => silences(object, rule));
}

/** Whether an object's annotation gives a reason to leave a rule out on it. */
export function silences({ metadata }: ManifestObject, rule: string): boolean {
  return (metadata.annotations?.[`${IGNORE_ANNOTATION_PREFIX}${rule}`] ?? '').trim() !== '';
}
