import { isClickHouse, operatedTemplates } from '../manifest/operated';
import { apiGroup, declaredContainers, podSpecPath, sparkSpec } from '../manifest/pod-templates';
import { shownValue } from '../manifest/quantity';
import { at, isObject, type ManifestObject, type PlainObject } from '../object/manifest-object';
import type { Model } from './model';
import type { Unknown } from './unknown';

/** What stands in an object in a form that Kubernetes does not take, and pods of kinds that no rule knows. */
export function unreadPods(model: Model): Unknown[] {
  return model.objects.flatMap(object => [
    ...misshapen(object).map(
      ({ path, value, shape }): Unknown => ({
        cause: 'values in another form than Kubernetes takes',
        place: { object, path },
        concerns: [object],
        what: `${path.join('.')} is ${formOf(value)} but Kubernetes takes ${shape}, so it is not looked at`,
        remedy: `write ${shape} there`,
        needs: object.kind === 'ConfigMap' ? ['text', 'names', 'course'] : ['pods', 'course'],
      }),
    ),
    ...podsOfOtherKinds(object).map(
      (path): Unknown => ({
        cause: 'pods that are not looked at',
        place: { object, path },
        concerns: [object],
        what: `pods of kind ${object.kind} (${object.apiVersion}) are not looked at`,
        remedy:
          'check their containers in a kind that is read (docs/check.md), or give the reason on the object',
        needs: ['pods', 'course'],
      }),
    ),
  ]);
}

type Shape = 'a mapping' | 'a list' | 'a list of mappings' | 'a list with a container' | 'text';

interface Misshapen {
  readonly path: readonly (string | number)[];
  readonly value: unknown;
  readonly shape: Shape;
}

function isOf(shape: Shape, value: unknown): boolean {
  switch (shape) {
    case 'a mapping':
      return isObject(value);
    case 'a list':
      return Array.isArray(value);
    case 'a list of mappings':
      return Array.isArray(value) && value.every(isObject);
    case 'a list with a container':
      return Array.isArray(value) && value.length > 0 && value.every(isObject);
    case 'text':
      return typeof value === 'string';
  }
}

function formOf(value: unknown): string {
  if (value === undefined) return 'missing';
  if (value === null) return 'empty';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  return isObject(value) ? 'a mapping' : shownValue(value);
}

const CONTAINER: Readonly<Record<string, Shape>> = {
  image: 'text',
  resources: 'a mapping',
  'resources.requests': 'a mapping',
  'resources.limits': 'a mapping',
  env: 'a list of mappings',
  envFrom: 'a list of mappings',
  volumeMounts: 'a list of mappings',
  command: 'a list',
  args: 'a list',
};

const POD: Readonly<Record<string, Shape>> = {
  initContainers: 'a list of mappings',
  volumes: 'a list of mappings',
};

const SPARK_POD: Readonly<Record<string, Shape>> = {
  env: 'a list of mappings',
  volumeMounts: 'a list of mappings',
  initContainers: 'a list of mappings',
  sidecars: 'a list of mappings',
};

const SPARK: Readonly<Record<string, Shape>> = {
  mainApplicationFile: 'text',
  arguments: 'a list',
  sparkConf: 'a mapping',
  deps: 'a mapping',
  volumes: 'a list of mappings',
  driver: 'a mapping',
  executor: 'a mapping',
};

/** Of other kinds, from the object's root. */
const OTHERS: Readonly<Record<string, Readonly<Record<string, Shape>>>> = {
  '/ConfigMap': { data: 'a mapping' },
  'kafka.strimzi.io/Kafka': {
    spec: 'a mapping',
    'spec.kafka': 'a mapping',
    'spec.zookeeper': 'a mapping',
    'spec.entityOperator': 'a mapping',
  },
  'kafka.strimzi.io/KafkaNodePool': {
    spec: 'a mapping',
    'spec.storage': 'a mapping',
    'spec.resources': 'a mapping',
    'spec.roles': 'a list',
  },
  'kafka.strimzi.io/KafkaConnect': { spec: 'a mapping', 'spec.resources': 'a mapping' },
};

/** The values in a mapping that are there and have another shape; what is left out is the API's to default. */
function others(
  value: unknown,
  shapes: Readonly<Record<string, Shape>>,
  path: readonly (string | number)[],
): Misshapen[] {
  return Object.entries(shapes).flatMap(([keys, shape]) => {
    const inner = keys.split('.');
    const found = at(value, ...inner);
    if (found === undefined || found === null || isOf(shape, found)) return [];
    return [{ path: [...path, ...inner], value: found, shape }];
  });
}

function misshapen(object: ManifestObject): Misshapen[] {
  const path = podSpecPath(object) ?? sparkPath(object);
  if (path !== undefined) {
    const spec = at(object.body, ...path);
    if (!isObject(spec)) return [outermost(object, path)];
    return sparkPath(object) === undefined ? ofPod(spec, path) : ofSpark(spec, path);
  }
  const shapes = OTHERS[`${apiGroup(object)}/${object.kind}`] ?? {};
  const texts =
    object.kind === 'ConfigMap' && isObject(object.body['data']) ? Object.entries(object.body['data']) : [];
  return [
    ...others(object.body, shapes, []),
    ...texts.flatMap(([key, value]): Misshapen[] =>
      typeof value === 'string' || value === null ? [] : [{ path: ['data', key], value, shape: 'text' }],
    ),
  ];
}

/** The first value on the way to a pod spec that is no mapping. */
function outermost({ body }: ManifestObject, path: readonly string[]): Misshapen {
  const length = path.findIndex((_, index) => !isObject(at(body, ...path.slice(0, index + 1)))) + 1;
  const way = path.slice(0, length);
  return { path: way, value: at(body, ...way), shape: 'a mapping' };
}

function ofPod(spec: PlainObject, path: readonly string[]): Misshapen[] {
  const containers = spec['containers'];
  return [
    ...(isOf('a list with a container', containers)
      ? []
      : [{ path: [...path, 'containers'], value: containers, shape: 'a list with a container' } as const]),
    ...others(spec, POD, path),
    ...declaredContainers({ spec, path }).flatMap(({ container, path: place }) =>
      others(container, CONTAINER, place),
    ),
  ];
}

function ofSpark(spec: PlainObject, path: readonly string[]): Misshapen[] {
  return [
    ...others(spec, SPARK, path),
    ...['driver', 'executor'].flatMap(part => others(spec[part], SPARK_POD, [...path, part])),
  ];
}

const SPARK_GROUP = 'sparkoperator.k8s.io';

function sparkPath(object: ManifestObject): readonly string[] | undefined {
  if (apiGroup(object) !== SPARK_GROUP) return undefined;
  if (object.kind === 'ScheduledSparkApplication') return ['spec', 'template'];
  return object.kind === 'SparkApplication' ? ['spec'] : undefined;
}

const CONTAINER_LISTS: ReadonlySet<string> = new Set(['containers', 'initContainers', 'sidecars', 'steps']);
const CONTAINERS: ReadonlySet<string> = new Set(['container', 'script']);

/** A policy's image is a pattern, and no pod has it. */
function hasImage(value: unknown): boolean {
  const image = isObject(value) ? value['image'] : undefined;
  return typeof image === 'string' && !/[*?!]/.test(image);
}

/** Where the first containers with images stand in an object of a kind whose pods are not expanded. */
function podsOfOtherKinds(object: ManifestObject): (readonly string[])[] {
  const isKnown =
    podSpecPath(object) !== undefined ||
    sparkSpec(object) !== undefined ||
    isClickHouse(object) ||
    operatedTemplates(object).length > 0 ||
    apiGroup(object) === 'kafka.strimzi.io' ||
    object.kind === 'CustomResourceDefinition';
  if (isKnown) return [];
  if (apiGroup(object) === SPARK_GROUP && isObject(at(object.body, 'spec', 'executor'))) return [['spec']];
  const seen = new Set<unknown>();
  const find = (value: unknown, path: readonly string[]): readonly string[] | undefined => {
    if (typeof value !== 'object' || value === null || seen.has(value)) return undefined;
    seen.add(value);
    for (const [key, inner] of Object.entries(value)) {
      const here = [...path, key];
      if (CONTAINERS.has(key) && hasImage(inner)) return here;
      if (CONTAINER_LISTS.has(key) && Array.isArray(inner) && inner.some(hasImage)) return here;
      const found = find(inner, here);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  const found = find(object.body, []);
  return found === undefined ? [] : [found];
}
