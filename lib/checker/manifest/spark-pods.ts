import { measured, say } from '../finding/message';
import {
  asObject,
  asObjects,
  at,
  type ManifestObject,
  type PlainObject,
  stringMap,
} from '../object/manifest-object';
import { apacheSparkSpec, isApacheSpark } from './apache-spark';
import type {
  DeclaredPodSet,
  PodRole,
  PodVolumeClaim,
  ReplicaRange,
  UnreadableFigure,
} from './declared-pods';
import { claimOf } from './declared-pods';

const MIN_OVERHEAD_MIB = 384;
const JVM_OVERHEAD_FACTOR = 0.1;
/** Python and R keep their memory outside the JVM's heap. */
const NON_JVM_OVERHEAD_FACTOR = 0.4;
/** Executors when nobody says a number: spark.executor.instances is 2 on Kubernetes. */
const DEFAULT_EXECUTORS = 2;

const MIB_PER_UNIT: Readonly<Record<string, number>> = {
  b: 2 ** -20,
  k: 2 ** -10,
  kb: 2 ** -10,
  m: 1,
  mb: 1,
  g: 2 ** 10,
  gb: 2 ** 10,
  t: 2 ** 20,
  tb: 2 ** 20,
  p: 2 ** 30,
  pb: 2 ** 30,
};

/** Memory as Spark reads it: whole numbers with b, k, m, g, t, p, in MiB when no unit is given, in whole MiB. */
export function sparkMemoryMiB(value: unknown): number | undefined {
  const match = /^(\d+)([a-z]*)$/.exec(String(value).trim().toLowerCase());
  const unit = MIB_PER_UNIT[match?.[2] || 'm'];
  return match === null || unit === undefined ? undefined : Math.floor(Number(match[1]) * unit);
}

/**
 * The driver and executor pods of SparkApplication and ScheduledSparkApplication, with the arithmetic of Spark 3.5's
 * BasicDriverFeatureStep, BasicExecutorFeatureStep and ResourceProfile: memory = memory + overhead (+ PySpark and
 * off-heap memory for executors), overhead = memoryOverhead, else max(trunc(factor × memory), 384 MiB); the CPU
 * request is coreRequest, else cores; a CPU limit stands only where coreLimit is set; request and limit of memory
 * are one. Fields of the application win over the same key in sparkConf, as the operator passes them later.
 */
export function sparkPods(objects: readonly ManifestObject[]): DeclaredPodSet[] {
  return objects.flatMap(owner => {
    if (isApacheSpark(owner)) return applicationPods(owner, apacheSparkSpec(owner) ?? {}, {});
    if (!owner.apiVersion.startsWith('sparkoperator.k8s.io/')) return [];
    if (owner.kind === 'SparkApplication') return applicationPods(owner, asObject(owner.body['spec']), {});
    if (owner.kind !== 'ScheduledSparkApplication') return [];
    const spec = asObject(owner.body['spec']);
    return applicationPods(owner, asObject(spec['template']), {
      schedule: String(spec['schedule']),
      overlapsItself: (spec['concurrencyPolicy'] ?? 'Allow') === 'Allow',
      ...(spec['suspend'] === true ? { suspended: true } : {}),
    });
  });
}

interface Schedule {
  readonly schedule?: string;
  readonly overlapsItself?: boolean;
  readonly suspended?: boolean;
}

function applicationPods(owner: ManifestObject, spec: PlainObject, schedule: Schedule): DeclaredPodSet[] {
  const conf = stringMap(spec['sparkConf']);
  const suspended = schedule.suspended === true || spec['suspend'] === true;
  const one = suspended ? 0 : 1;
  const endsByItself = schedule.schedule !== undefined || at(spec, 'restartPolicy', 'type') !== 'Always';
  const set = (role: 'driver' | 'executor', replicas: ReplicaRange): DeclaredPodSet => {
    const unreadable: UnreadableFigure[] = [];
    return {
      owner,
      name: `${owner.metadata.name}-${role === 'executor' ? 'exec' : 'driver'}`,
      role: role satisfies PodRole,
      template: template(owner, spec, conf, role, unreadable),
      replicas,
      volumeClaims: claims(conf, role),
      updateStrategy: { kind: schedule.schedule === undefined ? 'recreate' : 'none' },
      ...(schedule.schedule === undefined
        ? {}
        : { schedule: schedule.schedule, overlapsItself: schedule.overlapsItself === true }),
      endsByItself,
      unreadable,
    };
  };
  return [
    set('driver', { initial: one, min: one, max: one }),
    set('executor', suspended ? { initial: 0, min: 0, max: 0 } : executorCount(spec, conf)),
  ];
}

function number(value: unknown): number | undefined {
  const parsed = typeof value === 'number' ? value : Number.parseInt(String(value), 10);
  return Number.isSafeInteger(parsed) && parsed >= 0 ? parsed : undefined;
}

/** With dynamic allocation: initial = max(initialExecutors, minExecutors, instances); without a maximum, Infinity. */
function executorCount(spec: PlainObject, conf: Readonly<Record<string, string>>): ReplicaRange {
  const instances = number(at(spec, 'executor', 'instances')) ?? number(conf['spark.executor.instances']);
  const dynamic = asObject(spec['dynamicAllocation']);
  const enabled =
    typeof dynamic['enabled'] === 'boolean'
      ? dynamic['enabled']
      : conf['spark.dynamicAllocation.enabled'] === 'true';
  if (!enabled) {
    const count = instances ?? DEFAULT_EXECUTORS;
    return { initial: count, min: count, max: count };
  }
  const setting = (key: string) => number(dynamic[key]) ?? number(conf[`spark.dynamicAllocation.${key}`]);
  const min = setting('minExecutors') ?? 0;
  return {
    initial: Math.max(min, setting('initialExecutors') ?? min, instances ?? 0),
    min,
    max: setting('maxExecutors') ?? Number.POSITIVE_INFINITY,
  };
}

function isNonJvm(spec: PlainObject): boolean {
  return (
    ['Python', 'R'].includes(String(spec['type'])) || /\.(py|R|r)$/.test(String(spec['mainApplicationFile']))
  );
}

/** The pod's memory in MiB; what cannot be read is added to `unreadable`. */
function podMemoryMiB(
  spec: PlainObject,
  conf: Readonly<Record<string, string>>,
  role: 'driver' | 'executor',
  unreadable: UnreadableFigure[],
): number {
  const read = (what: string, value: unknown): number => {
    const mib = sparkMemoryMiB(value);
    if (mib !== undefined) return mib;
    unreadable.push({
      resource: 'memory',
      message: say`${role}.${what} ${measured(JSON.stringify(value))} is no Spark memory size`,
      remedy: say`write a whole number with k, m, g or t, e.g. 2g`,
    });
    return 0;
  };
  const side = asObject(spec[role]);
  const memory = read('memory', side['memory'] ?? conf[`spark.${role}.memory`] ?? '1g');
  const declaredOverhead = side['memoryOverhead'] ?? conf[`spark.${role}.memoryOverhead`];
  const factor = Number(
    conf[`spark.${role}.memoryOverheadFactor`] ??
      spec['memoryOverheadFactor'] ??
      conf['spark.kubernetes.memoryOverheadFactor'] ??
      (isNonJvm(spec) ? NON_JVM_OVERHEAD_FACTOR : JVM_OVERHEAD_FACTOR),
  );
  const overhead =
    declaredOverhead !== undefined
      ? read('memoryOverhead', declaredOverhead)
      : Math.max(Math.trunc(factor * memory), MIN_OVERHEAD_MIB);
  if (role === 'driver') return memory + overhead;
  const pyspark =
    spec['type'] === 'Python' && conf['spark.executor.pyspark.memory'] !== undefined
      ? read('pyspark.memory', conf['spark.executor.pyspark.memory'])
      : 0;
  const offHeap =
    conf['spark.memory.offHeap.enabled'] === 'true'
      ? Math.ceil(offHeapBytes(conf['spark.memory.offHeap.size']) / 2 ** 20)
      : 0;
  return memory + overhead + pyspark + offHeap;
}

/** Off-heap size counts in bytes when no unit is given. */
function offHeapBytes(value: string | undefined): number {
  if (value === undefined) return 0;
  return /^\d+$/.test(value) ? Number(value) : (sparkMemoryMiB(value) ?? 0) * 2 ** 20;
}

function template(
  owner: ManifestObject,
  spec: PlainObject,
  conf: Readonly<Record<string, string>>,
  role: 'driver' | 'executor',
  unreadable: UnreadableFigure[],
): DeclaredPodSet['template'] {
  const side = asObject(spec[role]);
  const podTemplate = asObject(side['template']);
  const templateSpec = asObject(podTemplate['spec']);
  const containerName =
    conf[`spark.kubernetes.${role}.podTemplateContainerName`] ??
    (role === 'driver' ? 'spark-kubernetes-driver' : 'spark-kubernetes-executor');
  const declared = asObjects(templateSpec['containers']);
  const own = declared.find(({ name }) => name === containerName) ?? declared[0];
  const cores = side['cores'] ?? conf[`spark.${role}.cores`] ?? 1;
  const cpuRequest = side['coreRequest'] ?? conf[`spark.kubernetes.${role}.request.cores`] ?? cores;
  const cpuLimit = side['coreLimit'] ?? conf[`spark.kubernetes.${role}.limit.cores`];
  const memory = `${podMemoryMiB(spec, conf, role, unreadable)}Mi`;
  const { cpu: _cpu, ...templateLimits } = asObject(at(own, 'resources', 'limits'));
  const image = side['image'] ?? spec['image'] ?? own?.['image'];
  const priorityClass = side['priorityClassName'] ?? at(spec, 'batchSchedulerOptions', 'priorityClassName');
  const container: PlainObject = {
    ...own,
    name: containerName,
    ...(image === undefined ? {} : { image }),
    ...(side['env'] === undefined ? {} : { env: side['env'] }),
    ...(side['envFrom'] === undefined ? {} : { envFrom: side['envFrom'] }),
    ...(side['ports'] === undefined ? {} : { ports: side['ports'] }),
    ...(side['volumeMounts'] === undefined ? {} : { volumeMounts: side['volumeMounts'] }),
    ...(side['securityContext'] === undefined ? {} : { securityContext: side['securityContext'] }),
    resources: {
      requests: { ...asObject(at(own, 'resources', 'requests')), cpu: cpuRequest, memory },
      limits: {
        ...templateLimits,
        ...(cpuLimit === undefined ? {} : { cpu: cpuLimit }),
        memory: side['memoryLimit'] ?? memory,
      },
    },
  };
  const serviceAccount =
    side['serviceAccount'] ?? conf[`spark.kubernetes.authenticate.${role}.serviceAccountName`];
  return {
    labels: {
      ...stringMap(at(podTemplate, 'metadata', 'labels')),
      ...confLabels(conf, role),
      ...stringMap(side['labels']),
      'spark-role': role,
      'spark-app-name': owner.metadata.name,
      'sparkoperator.k8s.io/app-name': owner.metadata.name,
    },
    annotations: {
      ...stringMap(at(podTemplate, 'metadata', 'annotations')),
      ...stringMap(side['annotations']),
    },
    spec: {
      ...templateSpec,
      ...(side['affinity'] === undefined ? {} : { affinity: side['affinity'] }),
      ...(priorityClass === undefined ? {} : { priorityClassName: priorityClass }),
      ...(serviceAccount === undefined ? {} : { serviceAccountName: serviceAccount }),
      ...(side['podSecurityContext'] === undefined ? {} : { securityContext: side['podSecurityContext'] }),
      ...(side['terminationGracePeriodSeconds'] === undefined
        ? {}
        : { terminationGracePeriodSeconds: side['terminationGracePeriodSeconds'] }),
      nodeSelector: {
        ...stringMap(templateSpec['nodeSelector']),
        ...prefixed(conf, 'spark.kubernetes.node.selector.'),
        ...prefixed(conf, `spark.kubernetes.${role}.node.selector.`),
        ...stringMap(spec['nodeSelector']),
        ...stringMap(side['nodeSelector']),
      },
      tolerations: [...asObjects(templateSpec['tolerations']), ...asObjects(side['tolerations'])],
      volumes: [...asObjects(templateSpec['volumes']), ...asObjects(spec['volumes']).filter(used(side))],
      initContainers: [...asObjects(templateSpec['initContainers']), ...asObjects(side['initContainers'])],
      containers: [container, ...declared.filter(other => other !== own), ...asObjects(side['sidecars'])],
    },
  };
}

/** The operator's webhook adds an application's volume only where something mounts it. */
function used(side: PlainObject): (volume: PlainObject) => boolean {
  const mounts = [side, ...asObjects(side['sidecars']), ...asObjects(side['initContainers'])].flatMap(from =>
    asObjects(from['volumeMounts']),
  );
  return volume => mounts.some(mount => mount['name'] === volume['name']);
}

function prefixed(conf: Readonly<Record<string, string>>, prefix: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(conf).flatMap(([key, value]) =>
      key.startsWith(prefix) ? [[key.slice(prefix.length), value]] : [],
    ),
  );
}

function confLabels(conf: Readonly<Record<string, string>>, role: string): Readonly<Record<string, string>> {
  return prefixed(conf, `spark.kubernetes.${role}.label.`);
}

/** Volumes that Spark claims by itself: `spark.kubernetes.<role>.volumes.persistentVolumeClaim.<name>.options.…`. */
function claims(conf: Readonly<Record<string, string>>, role: string): PodVolumeClaim[] {
  const options = prefixed(conf, `spark.kubernetes.${role}.volumes.persistentVolumeClaim.`);
  return Object.entries(options).flatMap(([key, value]) => {
    const name = /^(.+)\.options\.claimName$/.exec(key)?.[1];
    if (name === undefined) return [];
    return [
      claimOf(value === 'OnDemand' ? name : value, value === 'OnDemand', {
        storageClassName: options[`${name}.options.storageClass`],
        resources: { requests: { storage: options[`${name}.options.sizeLimit`] } },
      }),
    ];
  });
}
