import { podRequest } from '../../../lib/checker/capacity/pod-request';
import { text } from '../../../lib/checker/finding/reporter';
import { expandPods, type PodSet, type UnreadableFigure } from '../../../lib/checker/manifest/pods';
import { manifestObjects } from '../../../lib/checker/object/manifest-object';

type Data = Record<string, unknown>;

const container = (requests: Data, limits: Data = {}) => ({
  name: 'main',
  image: 'x:1',
  resources: { requests, limits },
});
const deployment = (spec: Data = {}, podSpec: Data = {}): Data => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'was' },
  spec: {
    replicas: 3,
    ...spec,
    template: {
      metadata: { labels: { app: 'web' } },
      spec: { containers: [container({ cpu: '200m' })], ...podSpec },
    },
  },
});
const sparkApplication = (spec: Data = {}, sparkConf: Data = {}): Data => ({
  apiVersion: 'sparkoperator.k8s.io/v1beta2',
  kind: 'SparkApplication',
  metadata: { name: 'gold', namespace: 'default' },
  spec: {
    type: 'Python',
    mainApplicationFile: 'local:///gold.py',
    driver: {},
    executor: {},
    ...spec,
    sparkConf,
  },
});

const said = ({ message, remedy }: UnreadableFigure) => `${text(message)}; ${text(remedy)}`;

function only(...documents: Data[]): PodSet {
  const sets = expandPods(manifestObjects(documents));
  expect(sets).toHaveLength(1);
  return sets[0] as PodSet;
}
function role(name: PodSet['role'], ...documents: Data[]): PodSet {
  const found = expandPods(manifestObjects(documents)).find(set => set.role === name);
  if (found === undefined) throw new Error(`no ${name}`);
  return found;
}
const request = (set: PodSet) => podRequest(set.pod.spec, set.volumeClaims).amounts;

describe('a Deployment', () => {
  test('rolls with a quarter more, rounded up, and a quarter fewer, rounded down, unless it says otherwise', () => {
    expect(only(deployment()).updateStrategy).toEqual({ kind: 'surge', maxSurge: 1, maxUnavailable: 0 });
    expect(only(deployment({ replicas: 10 })).updateStrategy).toEqual({
      kind: 'surge',
      maxSurge: 3,
      maxUnavailable: 2,
    });
    expect(only(deployment({ strategy: { type: 'Recreate' } })).updateStrategy).toEqual({ kind: 'recreate' });
    const exact = { strategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: '50%' } } };
    expect(only(deployment(exact)).updateStrategy).toEqual({ kind: 'surge', maxSurge: 0, maxUnavailable: 1 });
  });

  test('grows to its autoscaler’s maximum', () => {
    const autoscaler = {
      apiVersion: 'autoscaling/v2',
      kind: 'HorizontalPodAutoscaler',
      metadata: { name: 'web', namespace: 'was' },
      spec: { scaleTargetRef: { kind: 'Deployment', name: 'web' }, minReplicas: 2, maxReplicas: 6 },
    };
    expect(only(deployment(), autoscaler).replicas).toEqual({ initial: 3, min: 2, max: 6 });
    const elsewhere = { ...autoscaler, metadata: { name: 'web', namespace: 'other' } };
    expect(only(deployment(), elsewhere).replicas).toEqual({ initial: 3, min: 3, max: 3 });
  });

  test('has the budget that selects its pods; two budgets let none go', () => {
    const budget = (name: string, spec: Data) => ({
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name, namespace: 'was' },
      spec: { selector: { matchLabels: { app: 'web' } }, ...spec },
    });
    expect(only(deployment(), budget('a', { minAvailable: 2 })).disruptionBudget).toEqual({
      name: 'a',
      maxUnavailable: 1,
    });
    expect(only(deployment(), budget('a', { maxUnavailable: '50%' })).disruptionBudget?.maxUnavailable).toBe(
      2,
    );
    const both = only(deployment(), budget('a', { maxUnavailable: 1 }), budget('b', { maxUnavailable: 1 }));
    expect(both.disruptionBudget).toEqual({ name: 'a and b', maxUnavailable: 0 });
    expect(only(deployment()).disruptionBudget).toBeUndefined();
  });
});

describe('priority', () => {
  const priority = (name: string, value: number, more: Data = {}) => ({
    apiVersion: 'scheduling.k8s.io/v1',
    kind: 'PriorityClass',
    metadata: { name },
    value,
    ...more,
  });
  test('is the class’s, the cluster’s own, the global default, or none', () => {
    const pod = deployment({}, { priorityClassName: 'high' });
    expect(only(pod, priority('high', 7))).toMatchObject({ priority: 7, preempts: true });
    expect(only(pod, priority('high', 7, { preemptionPolicy: 'Never' }))).toMatchObject({
      priority: 7,
      preempts: false,
    });
    expect(only(deployment({}, { priorityClassName: 'system-node-critical' })).priority).toBe(2000001000);
    expect(only(deployment(), priority('low', 3, { globalDefault: true })).priority).toBe(3);
    expect(only(deployment()).priority).toBe(0);
  });
});

describe('requests', () => {
  test('a missing request is the limit, and a LimitRange fills what is still missing', () => {
    const limited = deployment(
      {},
      { containers: [{ name: 'a', resources: { limits: { cpu: '1', memory: '1Gi' } } }] },
    );
    expect(request(only(limited))).toMatchObject({ cpu: 1000, memory: 2 ** 30 });
    const range = {
      apiVersion: 'v1',
      kind: 'LimitRange',
      metadata: { name: 'defaults', namespace: 'was' },
      spec: {
        limits: [
          { type: 'Container', default: { cpu: '300m', memory: '256Mi' }, defaultRequest: { cpu: '50m' } },
        ],
      },
    };
    const silent = deployment({}, { containers: [{ name: 'a' }] });
    expect(request(only(silent, range))).toMatchObject({ cpu: 50, memory: 256 * 2 ** 20 });
    expect(request(only(limited, range))).toMatchObject({ cpu: 1000, memory: 2 ** 30 });
    expect(request(only(silent))).toMatchObject({ pods: 1 });
    expect(request(only(silent))['cpu']).toBeUndefined();
  });

  test('the peak of the init containers counts beside the sidecars that started before them', () => {
    const init = (cpu: string, more: Data = {}) => ({ ...container({ cpu }), ...more });
    const sidecar = init('100m', { restartPolicy: 'Always' });
    const cpu = (initContainers: Data[]) => request(only(deployment({}, { initContainers })))['cpu'];
    expect(cpu([init('500m')])).toBe(500);
    expect(cpu([init('100m')])).toBe(200);
    expect(cpu([sidecar])).toBe(300);
    expect(cpu([sidecar, init('500m')])).toBe(600);
    expect(cpu([init('500m'), sidecar])).toBe(500);
  });

  test('overhead is added, and the pod’s own requests take the place of its containers’', () => {
    expect(request(only(deployment({}, { overhead: { cpu: '50m' } })))['cpu']).toBe(250);
    expect(request(only(deployment({}, { resources: { requests: { cpu: '900m' } } })))['cpu']).toBe(900);
  });

  test('what is no quantity is named, not thrown', () => {
    const { pod, volumeClaims } = only(
      deployment({}, { containers: [container({ memory: '2 GB', cpu: '1' })] }),
    );
    const { amounts, unreadable } = podRequest(pod.spec, volumeClaims);
    expect(unreadable.map(({ message }) => text(message))).toEqual([
      expect.stringContaining('container main: resources.requests.memory "2 GB" is no quantity'),
    ]);
    expect(amounts).toMatchObject({ cpu: 1000 });
  });
});

describe('a Spark application', () => {
  // The figures are what Spark 3.5.7's own submission creates.
  test.each([
    ['1g, Python', { driver: { memory: '1g' } }, {}, 'driver', 1433],
    [
      '2g with its overhead stated',
      { executor: { memory: '2g', memoryOverhead: '512m' } },
      {},
      'executor',
      2560,
    ],
    ['512m: the least overhead', { executor: { memory: '512m' } }, {}, 'executor', 896],
    [
      '4g, Scala',
      { type: 'Scala', mainApplicationFile: 'local:///a.jar', executor: { memory: '4g' } },
      {},
      'executor',
      4505,
    ],
    ['2g with a factor', { memoryOverheadFactor: '0.2', executor: { memory: '2g' } }, {}, 'executor', 2457],
    ['memory from sparkConf', {}, { 'spark.executor.memory': '3g' }, 'executor', 3072 + 1228],
    [
      'a field wins over sparkConf',
      { executor: { memory: '1g' } },
      { 'spark.executor.memory': '3g' },
      'executor',
      1433,
    ],
    ['no unit means MiB', { executor: { memory: '1024' } }, {}, 'executor', 1433],
    [
      'PySpark memory of executors',
      { executor: { memory: '1g' } },
      { 'spark.executor.pyspark.memory': '500m' },
      'executor',
      1933,
    ],
    [
      'off-heap memory',
      { executor: { memory: '1g' } },
      { 'spark.memory.offHeap.enabled': 'true', 'spark.memory.offHeap.size': '256m' },
      'executor',
      1689,
    ],
  ] as const)('%s', (_name, spec, conf, which, mebibytes) => {
    expect(request(role(which, sparkApplication(spec, conf)))['memory']).toBe(mebibytes * 2 ** 20);
  });

  test('requests coreRequest, else whole cores, and has a CPU limit only where coreLimit is set', () => {
    const cores = role('executor', sparkApplication({ executor: { cores: 2 } }));
    expect(request(cores)['cpu']).toBe(2000);
    expect(cores.pod.spec.containers[0]?.resources.limits['cpu']).toBeUndefined();
    const set = role(
      'executor',
      sparkApplication({ executor: { cores: 1, coreRequest: '500m', coreLimit: '1' } }),
    );
    expect(request(set)['cpu']).toBe(500);
    expect(set.pod.spec.containers[0]?.resources.limits['cpu']).toBe('1');
  });

  test('starts with the most of its initial, least and stated executors', () => {
    const dynamic = (more: Data) => sparkApplication({ dynamicAllocation: { enabled: true, ...more } });
    expect(role('executor', dynamic({ minExecutors: 2, maxExecutors: 4 })).replicas).toEqual({
      initial: 2,
      min: 2,
      max: 4,
    });
    expect(
      role('executor', dynamic({ initialExecutors: 3, minExecutors: 2, maxExecutors: 4 })).replicas.initial,
    ).toBe(3);
    expect(role('executor', dynamic({})).replicas.max).toBe(Number.POSITIVE_INFINITY);
    expect(role('executor', sparkApplication()).replicas).toEqual({ initial: 2, min: 2, max: 2 });
    expect(role('executor', sparkApplication({ executor: { instances: 3 } })).replicas.max).toBe(3);
  });

  test('memory that Spark cannot read is named', () => {
    expect(role('driver', sparkApplication({ driver: { memory: '2Gi' } })).unreadable.map(said)).toEqual([
      'driver.memory "2Gi" is no Spark memory size; write a whole number with k, m, g or t, e.g. 2g',
    ]);
    expect(role('driver', sparkApplication({ driver: { memory: '2g' } })).unreadable).toEqual([]);
  });

  test('by the clock, it overlaps itself unless it may not', () => {
    const scheduled = (more: Data) => ({
      apiVersion: 'sparkoperator.k8s.io/v1beta2',
      kind: 'ScheduledSparkApplication',
      metadata: { name: 'nightly', namespace: 'default' },
      spec: { schedule: '0 1 * * *', template: sparkApplication()['spec'], ...more },
    });
    expect(role('driver', scheduled({}))).toMatchObject({
      schedule: '0 1 * * *',
      overlapsItself: true,
      endsByItself: true,
    });
    expect(role('driver', scheduled({ concurrencyPolicy: 'Forbid' })).overlapsItself).toBe(false);
    expect(role('driver', scheduled({ suspend: true })).replicas.max).toBe(0);
  });
});

describe('Strimzi', () => {
  const kafka = (version: string, spec: Data): Data => ({
    apiVersion: `kafka.strimzi.io/${version}`,
    kind: 'Kafka',
    metadata: { name: 'c', namespace: 'kafka' },
    spec: { kafka: {}, ...spec },
  });
  const pool = (name: string, roles: string[], spec: Data): Data => ({
    apiVersion: 'kafka.strimzi.io/v1',
    kind: 'KafkaNodePool',
    metadata: { name, namespace: 'kafka', labels: { 'strimzi.io/cluster': 'c' } },
    spec: { roles, replicas: 3, ...spec },
  });
  const resources = (cpu: string) => ({ resources: { requests: { cpu, memory: '1Gi' } } });

  test('v1: the pools own replicas, resources and volumes; all of them share one budget', () => {
    const sets = expandPods(
      manifestObjects([
        kafka('v1', {
          entityOperator: { topicOperator: resources('50m'), userOperator: resources('60m') },
          kafkaExporter: resources('20m'),
        }),
        pool('broker', ['broker'], {
          ...resources('200m'),
          storage: { type: 'jbod', volumes: [{ id: 0, type: 'persistent-claim', size: '20Gi' }] },
        }),
        pool('controller', ['controller'], { ...resources('100m'), storage: { type: 'ephemeral' } }),
      ]),
    );
    expect(
      sets.map(set => [set.name, set.role, set.replicas.max, request(set)['cpu'], set.volumeClaims.length]),
    ).toEqual([
      ['c-broker', 'broker', 3, 200, 1],
      ['c-controller', 'controller', 3, 100, 0],
      ['c-entity-operator', 'entity-operator', 1, 110, 0],
      ['c-kafka-exporter', 'exporter', 1, 20, 0],
    ]);
    expect(sets.slice(0, 2).map(set => set.disruptionBudget)).toEqual([
      { name: 'c-kafka', maxUnavailable: 1 },
      { name: 'c-kafka', maxUnavailable: 1 },
    ]);
    expect(sets[2]?.updateStrategy).toEqual({ kind: 'recreate' });
  });

  test('v1beta2 with ZooKeeper: brokers and ZooKeeper come from the one resource', () => {
    const sets = expandPods(
      manifestObjects([
        kafka('v1beta2', {
          kafka: { replicas: 3, ...resources('200m'), rack: { topologyKey: 'zone' } },
          zookeeper: {
            replicas: 3,
            ...resources('100m'),
            storage: { type: 'persistent-claim', size: '5Gi' },
          },
        }),
      ]),
    );
    expect(sets.map(set => [set.name, set.role, set.replicas.max])).toEqual([
      ['c-kafka', 'broker', 3],
      ['c-zookeeper', 'zookeeper', 3],
    ]);
    expect(JSON.stringify(sets[0]?.pod.spec.affinity)).toContain('{"key":"zone","operator":"Exists"}');
  });

  test('a pool of another cluster adds nothing', () => {
    const stranger = {
      ...pool('broker', ['broker'], {}),
      metadata: { name: 'b', namespace: 'kafka', labels: { 'strimzi.io/cluster': 'x' } },
    };
    expect(expandPods(manifestObjects([kafka('v1', {}), stranger]))).toEqual([]);
  });

  test('Kafka Connect has its replicas and resources', () => {
    const connect = {
      apiVersion: 'kafka.strimzi.io/v1',
      kind: 'KafkaConnect',
      metadata: { name: 'k', namespace: 'kafka' },
      spec: { replicas: 2, ...resources('300m') },
    };
    const set = only(connect);
    expect([set.name, set.replicas.max, request(set)['cpu']]).toEqual(['k-connect', 2, 300]);
  });
});

describe('other workloads', () => {
  const of = (apiVersion: string, kind: string, spec: Data): Data => ({
    apiVersion,
    kind,
    metadata: { name: 'x', namespace: 'n' },
    spec,
  });
  const template = { spec: { containers: [container({ cpu: '1' })] } };
  test('a Job runs at most its completions at once, a suspended CronJob nothing', () => {
    expect(only(of('batch/v1', 'Job', { parallelism: 5, completions: 2, template })).replicas.max).toBe(2);
    expect(
      only(of('batch/v1', 'CronJob', { schedule: '* * * * *', jobTemplate: { spec: { template } } })),
    ).toMatchObject({ replicas: { max: 1 }, overlapsItself: true });
    expect(
      only(of('batch/v1', 'CronJob', { suspend: true, jobTemplate: { spec: { template } } })).replicas.max,
    ).toBe(0);
  });
  test('a StatefulSet has a volume of its own for each pod and replaces one at a time', () => {
    const claims = [
      {
        metadata: { name: 'data' },
        spec: { storageClassName: 'gp3', resources: { requests: { storage: '20Gi' } } },
      },
    ];
    const set = only(of('apps/v1', 'StatefulSet', { replicas: 2, template, volumeClaimTemplates: claims }));
    expect(set.volumeClaims).toEqual([
      { name: 'data', perPod: true, storageClass: 'gp3', size: '20Gi', accessModes: ['ReadWriteOnce'] },
    ]);
    expect(set.updateStrategy).toEqual({ kind: 'replace' });
    expect(request(set)['ebs volumes']).toBe(1);
  });
  test('a DaemonSet tolerates what its controller lets it tolerate', () => {
    const set = only(of('apps/v1', 'DaemonSet', { template }));
    expect(set.role).toBe('daemon');
    expect(set.pod.spec.tolerations.map(({ key }) => key)).toContain('node.kubernetes.io/unschedulable');
  });
  test('lists are flattened, nameless documents and other kinds add nothing', () => {
    const list = {
      apiVersion: 'v1',
      kind: 'List',
      items: [deployment(), { apiVersion: 'v1', kind: 'Service', metadata: { name: 's' } }, null, 'text'],
    };
    expect(expandPods(manifestObjects([list, { kind: 'Deployment' }, 3]))).toHaveLength(1);
  });
  test('a workload whose parts have the wrong shape does not throw', () => {
    const broken = of('apps/v1', 'Deployment', {
      replicas: 'three',
      template: { spec: { containers: 'none', volumes: 4 } },
    });
    expect(only(broken)).toMatchObject({ replicas: { max: 1 }, pod: { spec: { containers: [] } } });
  });
});
