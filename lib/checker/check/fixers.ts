import { STRIMZI_CLUSTER_LABEL } from '../facts/strimzi';
import type { Finding } from '../finding/finding';
import type { Path } from '../finding/message';
import { figures } from '../finding/reporter';
import { apiGroup, namespaceOf, sparkSpec } from '../manifest/pod-templates';
import { asObject, at, isObject, type ManifestObject } from '../object/manifest-object';

/** A change of one value in an object. */
export type Edit =
  | { readonly is: 'set'; readonly path: Path; readonly value: string }
  | { readonly is: 'delete'; readonly path: Path }
  /** A key of the mapping at the path; mappings on the way that are missing are made. */
  | { readonly is: 'add'; readonly path: Path; readonly key: string; readonly value: string };

type Fixer = (finding: Finding, objects: readonly ManifestObject[]) => readonly Edit[];

/** The rules of which a finding may have one right answer that stands in the manifest. docs/check.md lists them. */
export const FIXERS: Readonly<Record<string, Fixer>> = {
  'restart-policy-lets-stream-die': restartAlways,
  'ivy-cache-unwritable': ivyInTmp,
  'version-conflict': packageOfThatVersion,
  'topic-without-operator': labelOfTheOnlyKafka,
};

/** A driver that a failure ends is started again under Always alone, and what counts its restarts is ignored then. */
function restartAlways({ place }: Finding): readonly Edit[] {
  if (!('object' in place)) return [];
  const application = sparkSpec(place.object);
  if (application === undefined || place.object.kind !== 'SparkApplication') return [];
  const path = [...application.path, 'restartPolicy'];
  const policy = application.spec['restartPolicy'];
  const counts = ['onFailureRetries', 'onSubmissionFailureRetries']
    .filter(key => at(policy, key) !== undefined)
    .map((key): Edit => ({ is: 'delete', path: [...path, key] }));
  const type = at(policy, 'type');
  if (type === 'Always') return counts;
  return [
    type === undefined
      ? { is: 'add', path, key: 'type', value: 'Always' }
      : { is: 'set', path: [...path, 'type'], value: 'Always' },
    ...counts,
  ];
}

/** Of an application the operator's pod can write /tmp alone, so no other folder serves it and the driver. */
function ivyInTmp({ place, concerns }: Finding): readonly Edit[] {
  if (!('object' in place)) return [];
  const object = concerns.find(other => sparkSpec(other) !== undefined) ?? place.object;
  const application = sparkSpec(object);
  if (application === undefined || object !== place.object) return [];
  const path = [...application.path, 'sparkConf'];
  const key = 'spark.jars.ivy';
  const value = '/tmp/.ivy2';
  return asObject(application.spec['sparkConf'])[key] === undefined
    ? [{ is: 'add', path, key, value }]
    : [{ is: 'set', path: [...path, key], value }];
}

/** Coordinates in a manifest, whose Scala, Spark or Hadoop is that of the job's Spark. */
function packageOfThatVersion({ place, message }: Finding): readonly Edit[] {
  if (!('object' in place) || place.innerLine !== undefined) return [];
  const { measured, allowed } = figures(message);
  const [wrong, right] = [String(measured[0] ?? ''), String(allowed[0] ?? '')];
  const text = valueAt(place.object, place.path);
  if (typeof text !== 'string') return [];
  if (!/^\d+\.\d+(\.\d+)?$/.test(right) || !/^\d/.test(wrong)) return [];
  const value = text
    .split(',')
    .map(coordinate => mended(coordinate, wrong, right))
    .join(',');
  return value === text ? [] : [{ is: 'set', path: place.path, value }];
}

function mended(coordinate: string, wrong: string, right: string): string {
  const [group = '', artifact = '', version = '', ...rest] = coordinate.split(':');
  if (rest.length > 0 || version === '') return coordinate;
  if (artifact.endsWith(`_${wrong}`))
    return `${group}:${artifact.slice(0, -wrong.length)}${right}:${version}`;
  const isOfRelease = /^\s*org\.apache\.(spark|hadoop)$/.test(group) && /^\d+\.\d+\.\d+$/.test(right);
  return isOfRelease && version.trim() === wrong ? `${group}:${artifact}:${right}` : coordinate;
}

/** Where there is one Kafka, in the topic's own namespace, a topic without a label can belong to it alone. */
function labelOfTheOnlyKafka({ place }: Finding, objects: readonly ManifestObject[]): readonly Edit[] {
  if (!('object' in place) || place.object.metadata.labels?.[STRIMZI_CLUSTER_LABEL] !== undefined) return [];
  const clusters = objects.filter(
    object => object.kind === 'Kafka' && apiGroup(object) === 'kafka.strimzi.io',
  );
  const [kafka] = clusters;
  if (kafka === undefined || clusters.length > 1 || namespaceOf(kafka) !== namespaceOf(place.object))
    return [];
  return [
    { is: 'add', path: ['metadata', 'labels'], key: STRIMZI_CLUSTER_LABEL, value: kafka.metadata.name },
  ];
}

/** Numbers and booleans in the data of a ConfigMap, which takes texts alone: the same, as texts. */
export function textsOfConfigMap(object: ManifestObject): readonly Edit[] {
  if (object.kind !== 'ConfigMap' || apiGroup(object) !== '') return [];
  return Object.entries(asObject(object.body['data'])).flatMap(([key, value]): Edit[] =>
    typeof value === 'number' || typeof value === 'boolean'
      ? [{ is: 'set', path: ['data', key], value: String(value) }]
      : [],
  );
}

function valueAt({ body }: ManifestObject, path: Path): unknown {
  return path.reduce<unknown>(
    (value, key) =>
      Array.isArray(value) ? value[Number(key)] : isObject(value) ? value[String(key)] : undefined,
    body,
  );
}
