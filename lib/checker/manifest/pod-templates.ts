import {
  asObject,
  asObjects,
  at,
  isObject,
  type ManifestObject,
  type PlainObject,
} from '../object/manifest-object';
import { apacheSparkSpec, isApacheSpark } from './apache-spark';
import { operatedTemplates } from './operated';
import type { DeclaredContainer, PodTemplate } from './pod-template';

const SPEC_PATHS: Readonly<Record<string, readonly string[]>> = {
  Pod: ['spec'],
  Deployment: ['spec', 'template', 'spec'],
  StatefulSet: ['spec', 'template', 'spec'],
  DaemonSet: ['spec', 'template', 'spec'],
  ReplicaSet: ['spec', 'template', 'spec'],
  ReplicationController: ['spec', 'template', 'spec'],
  Job: ['spec', 'template', 'spec'],
  CronJob: ['spec', 'jobTemplate', 'spec', 'template', 'spec'],
};

const API_GROUPS: ReadonlySet<string> = new Set(['', 'apps', 'batch', 'extensions']);

/** '' for the core group. */
export function apiGroup(object: Pick<ManifestObject, 'apiVersion'>): string {
  return object.apiVersion.includes('/') ? (object.apiVersion.split('/')[0] ?? '') : '';
}

/** From the root of an object of Kubernetes' own workloads to its pod spec. */
export function podSpecPath(object: ManifestObject): readonly string[] | undefined {
  return API_GROUPS.has(apiGroup(object)) ? SPEC_PATHS[object.kind] : undefined;
}

/** The pod templates of Kubernetes' own workloads, and of custom resources that hold pod specs, unexpanded. */
export function podTemplates(objects: readonly ManifestObject[]): PodTemplate[] {
  return objects.flatMap(object => {
    const path = podSpecPath(object);
    if (path === undefined) return operatedTemplates(object);
    const spec = at(object.body, ...path);
    return isObject(spec) ? [{ object, path, spec }] : [];
  });
}

/** The containers of a pod spec with their roles; ephemeral containers are left out: they cannot be declared. */
export function declaredContainers(
  template: Pick<PodTemplate, 'path' | 'spec' | 'containers'>,
): readonly DeclaredContainer[] {
  if (template.containers !== undefined) return template.containers;
  const of = (key: 'containers' | 'initContainers') => {
    const list = template.spec[key];
    return (Array.isArray(list) ? list : []).flatMap((container, index): DeclaredContainer[] =>
      isObject(container)
        ? [
            {
              container,
              role:
                key === 'containers'
                  ? 'container'
                  : container['restartPolicy'] === 'Always'
                    ? 'sidecar'
                    : 'init container',
              path: [...template.path, key, index],
            },
          ]
        : [],
    );
  };
  return [...of('initContainers'), ...of('containers')];
}

/** The namespace in which an object lands when nothing else is said. */
export function namespaceOf(object: ManifestObject): string {
  return object.metadata.namespace ?? 'default';
}

/** Environment variables of a container with their index: literals only, the rest as undefined. */
export function environment(
  container: PlainObject,
): readonly { name: string; value: string | undefined; index: number }[] {
  const list = container['env'];
  return (Array.isArray(list) ? list : []).flatMap((entry, index) => {
    if (!isObject(entry) || typeof entry['name'] !== 'string') return [];
    const value = entry['value'];
    return [
      {
        name: entry['name'],
        value: value === undefined || value === null ? undefined : String(value),
        index,
      },
    ];
  });
}

/** The files that a container sees of ConfigMaps: where each is mounted, and by which volume source. */
export function volumeMounts(
  container: PlainObject,
): readonly { name: string; mountPath: string; subPath?: string; readOnly: boolean }[] {
  return asObjects(container['volumeMounts']).flatMap(mount => {
    const { name, mountPath, subPath } = mount;
    if (typeof name !== 'string' || typeof mountPath !== 'string') return [];
    return [
      {
        name,
        mountPath: mountPath.replace(/\/+$/, '') || '/',
        readOnly: mount['readOnly'] === true,
        ...(typeof subPath === 'string' ? { subPath } : {}),
      },
    ];
  });
}

/** The volumes of a pod spec by name. */
export function volumesByName(volumes: unknown): ReadonlyMap<string, PlainObject> {
  return new Map(
    asObjects(volumes).flatMap(volume =>
      typeof volume['name'] === 'string' ? [[volume['name'], asObject(volume)] as const] : [],
    ),
  );
}

export type SparkRole = 'driver' | 'executor';

/** The `spec` of a SparkApplication, of Apache's too, or of the application inside a ScheduledSparkApplication. */
export function sparkSpec(
  object: ManifestObject,
): { readonly spec: PlainObject; readonly path: readonly string[] } | undefined {
  if (isApacheSpark(object)) {
    const translated = apacheSparkSpec(object);
    return translated === undefined ? undefined : { spec: translated, path: ['spec'] };
  }
  if (apiGroup(object) !== 'sparkoperator.k8s.io') return undefined;
  const path =
    object.kind === 'SparkApplication'
      ? ['spec']
      : object.kind === 'ScheduledSparkApplication'
        ? ['spec', 'template']
        : undefined;
  const spec = path === undefined ? undefined : at(object.body, ...path);
  return path !== undefined && isObject(spec) ? { spec, path } : undefined;
}
