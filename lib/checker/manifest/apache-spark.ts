import {
  asObject,
  asObjects,
  at,
  isObject,
  type ManifestObject,
  type PlainObject,
  stringMap,
} from '../object/manifest-object';

/** A SparkApplication of Apache's own operator (spark.apache.org). */
export function isApacheSpark({ apiVersion, kind }: ManifestObject): boolean {
  return apiVersion.startsWith('spark.apache.org/') && kind === 'SparkApplication';
}

/** Where the pod template of a part stands in such an application. */
export function apachePodPath(part: 'driver' | 'executor'): readonly string[] {
  return ['spec', `${part}Spec`, 'podTemplateSpec', 'spec'];
}

const translated = new WeakMap<PlainObject, PlainObject>();

/**
 * The `spec` of such an application in the fields that Kubeflow's operator has for the same: what is said about it
 * stands at the nearest value above it. All of its settings are in sparkConf, its pods are templates.
 */
export function apacheSparkSpec({ body }: ManifestObject): PlainObject | undefined {
  const spec = body['spec'];
  if (!isObject(spec)) return undefined;
  const known = translated.get(spec);
  if (known !== undefined) return known;
  const conf = stringMap(spec['sparkConf']);
  const files = typeof spec['pyFiles'] === 'string' ? spec['pyFiles'].split(',') : [];
  const [main = spec['jars']] = files;
  const restart = asObject(at(spec, 'applicationTolerations', 'restartConfig'));
  const part = (name: 'driver' | 'executor') => {
    const template = asObject(at(spec, `${name}Spec`, 'podTemplateSpec'));
    const containerName = conf[`spark.kubernetes.${name}.podTemplateContainerName`];
    const containers = asObjects(at(template, 'spec', 'containers'));
    const own = containers.find(container => container['name'] === containerName) ?? containers[0] ?? {};
    const account = conf[`spark.kubernetes.authenticate.${name}.serviceAccountName`];
    return {
      template,
      ...(own['env'] === undefined ? {} : { env: own['env'] }),
      ...(own['envFrom'] === undefined ? {} : { envFrom: own['envFrom'] }),
      ...(own['volumeMounts'] === undefined ? {} : { volumeMounts: own['volumeMounts'] }),
      ...(own['securityContext'] === undefined ? {} : { securityContext: own['securityContext'] }),
      ...(account === undefined ? {} : { serviceAccount: account }),
    };
  };
  const volumes = (['driver', 'executor'] as const).flatMap(name =>
    asObjects(at(body, ...apachePodPath(name), 'volumes')),
  );
  const version = at(spec, 'runtimeVersions', 'sparkVersion');
  const image = conf['spark.kubernetes.container.image'];
  const policy = restart['restartPolicy'];
  const result: PlainObject = {
    type: files.length > 0 ? 'Python' : 'Scala',
    mode: 'cluster',
    ...(typeof main === 'string' ? { mainApplicationFile: main } : {}),
    ...(spec['driverArgs'] === undefined ? {} : { arguments: spec['driverArgs'] }),
    ...(image === undefined ? {} : { image }),
    ...(typeof version === 'string' ? { sparkVersion: version } : {}),
    sparkConf: asObject(spec['sparkConf']),
    volumes: [...new Map(volumes.map(volume => [volume['name'], volume])).values()],
    driver: part('driver'),
    executor: part('executor'),
    ...(policy === undefined
      ? {}
      : { restartPolicy: { type: policy, onFailureRetries: restart['maxRestartAttempts'] } }),
  };
  translated.set(spec, result);
  return result;
}

/** The containers of a part that stand beside Spark's own, for which Spark sets the resources. */
export function besideSpark(
  body: PlainObject,
  part: 'driver' | 'executor',
): readonly (readonly [PlainObject, 'containers' | 'initContainers', number])[] {
  const path = apachePodPath(part);
  const name = at(body, 'spec', 'sparkConf', `spark.kubernetes.${part}.podTemplateContainerName`);
  const containers = asObjects(at(body, ...path, 'containers'));
  const own = containers.find(container => container['name'] === name) ?? containers[0];
  return [
    ...containers.flatMap((container, index) =>
      container === own ? [] : [[container, 'containers', index] as const],
    ),
    ...asObjects(at(body, ...path, 'initContainers')).map(
      (container, index) => [container, 'initContainers', index] as const,
    ),
  ];
}
