import {
  asObject,
  asObjects,
  at,
  type ManifestObject,
  type PlainObject,
  stringMap,
} from '../object/manifest-object';

/** A container as Kubernetes has it after defaulting: requests that were left out are filled from the limits. */
export interface Container extends PlainObject {
  readonly name: string;
  readonly resources: {
    readonly requests: Readonly<Record<string, unknown>>;
    readonly limits: Readonly<Record<string, unknown>>;
  };
}

/** A core/v1 PodSpec as plain data after defaulting; what is not listed here is as it was declared. */
export interface PodSpec extends PlainObject {
  readonly containers: readonly Container[];
  readonly initContainers: readonly Container[];
  readonly volumes: readonly PlainObject[];
  readonly tolerations: readonly PlainObject[];
  readonly topologySpreadConstraints: readonly PlainObject[];
  readonly nodeSelector: Readonly<Record<string, string>>;
  readonly affinity: PlainObject;
}

export interface PodTemplateData {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** The PodSpec as declared. */
  readonly spec: PlainObject;
}

/** What a LimitRange gives to containers that say nothing. */
export interface ContainerDefaults {
  readonly limits: PlainObject;
  readonly requests: PlainObject;
}

/**
 * Per namespace, the container defaults of its LimitRanges, with the defaults of the LimitRange itself applied:
 * a default limit is the maximum unless given, a default request is the default limit, else the minimum
 * (k8s.io/kubernetes/pkg/apis/core/v1/defaults.go, SetDefaults_LimitRangeItem).
 */
export function limitRanges(objects: readonly ManifestObject[]): ReadonlyMap<string, ContainerDefaults[]> {
  const byNamespace = new Map<string, ContainerDefaults[]>();
  for (const object of objects.filter(({ kind }) => kind === 'LimitRange')) {
    for (const item of asObjects(at(object.body, 'spec', 'limits'))) {
      if (item['type'] !== 'Container') continue;
      const limits = { ...asObject(item['max']), ...asObject(item['default']) };
      const requests = { ...asObject(item['min']), ...limits, ...asObject(item['defaultRequest']) };
      const namespace = object.metadata.namespace ?? 'default';
      byNamespace.set(namespace, [...(byNamespace.get(namespace) ?? []), { limits, requests }]);
    }
  }
  return byNamespace;
}

/**
 * A pod spec as the API server stores it, as far as scheduling and resources go: API defaulting first (a request
 * that is missing is the limit), then the LimitRanges of the namespace (what is still missing).
 */
export function defaultedPodSpec(spec: PlainObject, defaults: readonly ContainerDefaults[]): PodSpec {
  return {
    ...spec,
    containers: asObjects(spec['containers']).map(container => defaultedContainer(container, defaults)),
    initContainers: asObjects(spec['initContainers']).map(container =>
      defaultedContainer(container, defaults),
    ),
    volumes: asObjects(spec['volumes']),
    tolerations: asObjects(spec['tolerations']),
    topologySpreadConstraints: asObjects(spec['topologySpreadConstraints']),
    nodeSelector: stringMap(spec['nodeSelector']),
    affinity: asObject(spec['affinity']),
  };
}

function defaultedContainer(container: PlainObject, defaults: readonly ContainerDefaults[]): Container {
  const declaredLimits = asObject(at(container, 'resources', 'limits'));
  let limits: PlainObject = declaredLimits;
  let requests: PlainObject = { ...declaredLimits, ...asObject(at(container, 'resources', 'requests')) };
  for (const range of defaults) {
    limits = { ...range.limits, ...limits };
    requests = { ...range.requests, ...requests };
  }
  return {
    ...container,
    name: String(container['name'] ?? ''),
    resources: { ...asObject(container['resources']), requests, limits },
  };
}
