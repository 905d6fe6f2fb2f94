import type { PythonText } from '../manifest/load';
import type { PodTemplate } from '../manifest/pod-template';
import { podTemplates } from '../manifest/pod-templates';
import type { ManifestObject } from '../object/manifest-object';
import { airflowTemplates } from './airflow-pods';
import { type CodeBeside, codeBeside } from './code-beside';

/** The objects of a folder or a chart, found by kind and name. */
export interface ManifestIndex {
  readonly objects: readonly ManifestObject[];
  readonly templates: readonly PodTemplate[];
  readonly ofKind: (...kinds: readonly string[]) => readonly ManifestObject[];
  /**
   * The objects of a kind and name that a namespace's objects can mean: those of that namespace. An object
   * without a namespace may be applied into any, so it is found from everywhere and finds everything. Of several
   * the one that one kustomization builds, then the one whose file is nearest.
   */
  readonly find: (kind: string, from: ManifestObject, name: string) => ManifestObject | undefined;
  /** The Python files beside the manifests. */
  readonly beside: CodeBeside;
}

export function indexManifests(
  objects: readonly ManifestObject[],
  python: readonly PythonText[] = [],
): ManifestIndex {
  const byKind = grouped(objects, object => object.kind);
  const byName = grouped(objects, object => `${object.kind}/${object.metadata.name}`);
  return {
    objects,
    templates: [...podTemplates(objects), ...airflowTemplates(objects)],
    ofKind: (...kinds) => kinds.flatMap(kind => byKind.get(kind) ?? []),
    find: (kind, from, name) => {
      const candidates = byName.get(`${kind}/${name}`) ?? [];
      const { namespace } = from.metadata;
      const own = candidates.filter(
        object => namespace !== undefined && object.metadata.namespace === namespace,
      );
      return nearest(
        own.length > 0
          ? own
          : candidates.filter(object => namespace === undefined || object.metadata.namespace === undefined),
        from,
      );
    },
    beside: codeBeside(python),
  };
}

/** The first of the objects that are built with another one, else the first whose file is nearest to its. */
function nearest(objects: readonly ManifestObject[], from: ManifestObject): ManifestObject | undefined {
  if (objects.length < 2) return objects[0];
  const folders = from.source?.file.split('/').slice(0, -1) ?? [];
  const rank = ({ source }: ManifestObject) => {
    const others = source?.file.split('/').slice(0, -1) ?? [];
    const apart = folders.findIndex((folder, index) => folder !== others[index]);
    const isOfOneBuild =
      source?.kustomization !== undefined && source.kustomization === from.source?.kustomization;
    return (isOfOneBuild ? 1000 : 0) + (apart < 0 ? folders.length : apart);
  };
  return objects.reduce((best, object) => (rank(object) > rank(best) ? object : best));
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
