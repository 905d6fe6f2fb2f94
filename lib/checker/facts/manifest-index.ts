import { type PodTemplate, podTemplates } from '../manifest/pod-templates';
import type { ManifestObject } from '../object/manifest-object';
import { airflowTemplates } from './airflow-pods';

/** The objects of a folder or a chart, found by kind and name. */
export interface ManifestIndex {
  readonly objects: readonly ManifestObject[];
  readonly templates: readonly PodTemplate[];
  readonly ofKind: (...kinds: readonly string[]) => readonly ManifestObject[];
  /**
   * The objects of a kind and name that a namespace's objects can mean: those of that namespace. An object
   * without a namespace may be applied into any, so it is found from everywhere and finds everything.
   */
  readonly find: (kind: string, from: ManifestObject, name: string) => ManifestObject | undefined;
}

export function indexManifests(objects: readonly ManifestObject[]): ManifestIndex {
  const byKind = grouped(objects, object => object.kind);
  const byName = grouped(objects, object => `${object.kind}/${object.metadata.name}`);
  return {
    objects,
    templates: [...podTemplates(objects), ...airflowTemplates(objects)],
    ofKind: (...kinds) => kinds.flatMap(kind => byKind.get(kind) ?? []),
    find: (kind, from, name) => {
      const candidates = byName.get(`${kind}/${name}`) ?? [];
      const { namespace } = from.metadata;
      return (
        candidates.find(object => namespace !== undefined && object.metadata.namespace === namespace) ??
        candidates.find(object => namespace === undefined || object.metadata.namespace === undefined)
      );
    },
  };
}

/** Items by key, in their order. */
export function grouped<K, T>(items: readonly T[], key: (item: T) => K): ReadonlyMap<K, readonly T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const group = groups.get(key(item));
    if (group === undefined) groups.set(key(item), [item]);
    else group.push(item);
  }
  return groups;
}
