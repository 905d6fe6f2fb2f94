import { type Chart, Duration, Size, Testing } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-28';
import { EbsStorageClass } from '../../../lib/lakehouse/cluster/storage-class';
import type { KafkaClusterTopicProps } from '../../../lib/lakehouse/kafka/cluster-topic';
import { KafkaCluster, type KafkaClusterProps } from '../../../lib/lakehouse/kafka/kafka-cluster';
import { KafkaCoordination } from '../../../lib/lakehouse/kafka/kafka-coordination';
import { TrafficEstimate } from '../../../lib/lakehouse/sizing/traffic';
import { ExternalSecret } from '../../../lib/lakehouse/workload/external';
import { PriorityClasses } from '../../../lib/lakehouse/workload/priority-classes';
import { inside, objectOf, problems, restricted, synthesized } from '../synthesis';

const EVENTS = 'user-activity-logs';

function cluster(
  chart: Chart,
  props: KafkaClusterProps = {},
  topic: Partial<KafkaClusterTopicProps> = {},
): KafkaCluster {
  const kafka = new KafkaCluster(chart, 'kafka', props);
  kafka.addTopic(EVENTS, { partitions: 6, traffic: new TrafficEstimate(chart, 'traffic'), ...topic });
  return kafka;
}

const zookeeper = { coordination: KafkaCoordination.zookeeper() };

describe('the default cluster', () => {
  const objects = synthesized(chart => cluster(chart));

  test('has three brokers and three controllers with the figures of the running system', () => {
    expect(inside(objectOf(objects, 'KafkaNodePool', 'broker'), 'spec')).toMatchObject({
      replicas: 3,
      roles: ['broker'],
      resources: {
        requests: { cpu: '200m', memory: '1Gi' },
        limits: { cpu: '500m', memory: '2Gi' },
      },
      jvmOptions: { '-Xms': '512m', '-Xmx': '512m' },
      storage: {
        type: 'jbod',
        volumes: [{ type: 'persistent-claim', size: '10Gi', class: 'gp3', deleteClaim: false }],
      },
    });
    expect(inside(objectOf(objects, 'KafkaNodePool', 'controller'), 'spec')).toMatchObject({
      replicas: 3,
      roles: ['controller'],
      resources: {
        requests: { cpu: '100m', memory: '512Mi' },
        limits: { cpu: '300m', memory: '1Gi' },
      },
      storage: { volumes: [{ type: 'persistent-claim', size: '2Gi' }] },
    });
  });

  test('is Strimzi 1.x with a Kafka that it runs, listeners plain and TLS, and rack awareness', () => {
    const kafka = objectOf(objects, 'Kafka', 'streaming-cluster');
    expect(kafka.apiVersion).toBe('kafka.strimzi.io/v1');
    expect(kafka.metadata.namespace).toBe('kafka');
    expect(inside(kafka, 'spec', 'kafka')).toMatchObject({
      version: '4.2.0',
      metadataVersion: '4.2-IV1',
      rack: { topologyKey: 'topology.kubernetes.io/zone' },
      listeners: [
        { name: 'plain', port: 9092, type: 'internal', tls: false },
        { name: 'tls', port: 9093, type: 'internal', tls: true },
      ],
    });
  });

  test('acknowledges a record when two of three brokers have it, and makes no topic by accident', () => {
    expect(inside(objectOf(objects, 'Kafka', 'streaming-cluster'), 'spec', 'kafka', 'config')).toEqual({
      'auto.create.topics.enable': false,
      'default.replication.factor': 3,
      'min.insync.replicas': 2,
      'offsets.topic.replication.factor': 3,
      'transaction.state.log.replication.factor': 3,
      'transaction.state.log.min.isr': 2,
      'unclean.leader.election.enable': false,
    });
  });

  test('has a topic operator and an exporter with requests and limits, and no user operator', () => {
    const spec = inside(objectOf(objects, 'Kafka', 'streaming-cluster'), 'spec');
    expect(spec).toMatchObject({
      entityOperator: {
        topicOperator: {
          resources: { requests: { cpu: '50m', memory: '256Mi' }, limits: { cpu: '500m', memory: '384Mi' } },
        },
      },
      kafkaExporter: {
        topicRegex: '.*',
        groupRegex: '.*',
        resources: { requests: { cpu: '20m', memory: '64Mi' }, limits: { cpu: '200m', memory: '128Mi' } },
      },
    });
    expect(Object.keys((spec as { entityOperator: object }).entityOperator)).not.toContain('userOperator');
  });

  test('never puts two brokers or two controllers on one node, and hands partitions over before it stops', () => {
    for (const pool of ['broker', 'controller']) {
      const labelSelector = {
        matchLabels: { 'strimzi.io/cluster': 'streaming-cluster', 'strimzi.io/pool-name': pool },
      };
      expect(inside(objectOf(objects, 'KafkaNodePool', pool), 'spec', 'template', 'pod')).toMatchObject({
        terminationGracePeriodSeconds: 120,
        affinity: {
          podAntiAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: [
              { topologyKey: 'kubernetes.io/hostname', labelSelector },
            ],
          },
        },
        topologySpreadConstraints: [
          {
            maxSkew: 1,
            topologyKey: 'topology.kubernetes.io/zone',
            whenUnsatisfiable: 'ScheduleAnyway',
            labelSelector,
          },
        ],
      });
    }
  });

  test('runs every container restricted, with a read-only root', () => {
    const templates = [
      inside(objectOf(objects, 'KafkaNodePool', 'broker'), 'spec', 'template', 'kafkaContainer'),
      inside(objectOf(objects, 'KafkaNodePool', 'broker'), 'spec', 'template', 'initContainer'),
      inside(objectOf(objects, 'KafkaNodePool', 'controller'), 'spec', 'template', 'kafkaContainer'),
      inside(
        objectOf(objects, 'Kafka', 'streaming-cluster'),
        ...['spec', 'entityOperator', 'template', 'topicOperatorContainer'],
      ),
      inside(
        objectOf(objects, 'Kafka', 'streaming-cluster'),
        'spec',
        'kafkaExporter',
        'template',
        'container',
      ),
    ];
    for (const template of templates) {
      expect(template).toEqual({ securityContext: restricted });
    }
  });

  test('has the topic, kept for three days on three brokers', () => {
    const topic = objectOf(objects, 'KafkaTopic', EVENTS);
    expect(topic.metadata.labels).toMatchObject({ 'strimzi.io/cluster': 'streaming-cluster' });
    expect(inside(topic, 'spec')).toEqual({
      partitions: 6,
      replicas: 3,
      config: {
        'cleanup.policy': 'delete',
        'retention.ms': 3 * 24 * 3600 * 1000,
        'segment.ms': 3 * 3600 * 1000,
        'min.insync.replicas': 2,
      },
    });
  });
});

describe('every figure can be set', () => {
  const figures = (cpu: number, memory: number) => ({
    cpu: { request: Cpu.millis(cpu), limit: Cpu.millis(2 * cpu) },
    memory: { request: Size.mebibytes(memory), limit: Size.mebibytes(2 * memory) },
  });
  const resources = (cpu: number, memory: number) => ({
    requests: { cpu: `${cpu}m`, memory: `${memory}Mi` },
    limits: { cpu: `${2 * cpu}m`, memory: `${2 * memory}Mi` },
  });
  const all = (chart: Chart): KafkaClusterProps => ({
    name: 'events',
    namespace: 'messaging',
    coordination: KafkaCoordination.kraft({ replicas: 5, storage: Size.gibibytes(3), ...figures(110, 600) }),
    strimziVersion: '1.2.0',
    kafkaVersion: '4.3.0',
    brokers: 4,
    ...figures(210, 1100),
    storage: Size.gibibytes(50),
    storageClass: new EbsStorageClass(chart, 'volumes'),
    rackTopologyKey: 'example.com/rack',
    operatorCpu: figures(60, 0).cpu,
    operatorMemory: figures(0, 300).memory,
    exporterCpu: figures(30, 0).cpu,
    exporterMemory: figures(0, 70).memory,
    priority: new PriorityClasses(chart, 'priorities').serving,
  });
  const objects = synthesized(chart =>
    cluster(chart, all(chart), {
      partitions: 12,
      retention: Duration.hours(10),
      replication: 4,
      minInsyncReplicas: 3,
      segment: Duration.minutes(30),
    }),
  );

  test('of the brokers', () => {
    const pool = objectOf(objects, 'KafkaNodePool', 'broker');
    expect(pool.metadata).toMatchObject({
      namespace: 'messaging',
      labels: { 'strimzi.io/cluster': 'events' },
    });
    expect(inside(pool, 'spec')).toMatchObject({
      replicas: 4,
      resources: resources(210, 1100),
      jvmOptions: { '-Xms': '550m', '-Xmx': '550m' },
      storage: { volumes: [{ size: '50Gi', class: 'lakehouse-gp3' }] },
      template: { pod: { priorityClassName: 'lakehouse-serving' } },
    });
  });

  test('of the controllers', () => {
    expect(inside(objectOf(objects, 'KafkaNodePool', 'controller'), 'spec')).toMatchObject({
      replicas: 5,
      resources: resources(110, 600),
      storage: { volumes: [{ size: '3Gi' }] },
    });
  });

  test('of the cluster and its companions', () => {
    expect(inside(objectOf(objects, 'Kafka', 'events'), 'spec')).toMatchObject({
      kafka: { version: '4.3.0', rack: { topologyKey: 'example.com/rack' } },
      entityOperator: { topicOperator: { resources: resources(60, 300) } },
      kafkaExporter: { resources: resources(30, 70) },
    });
  });

  test('of the topic', () => {
    expect(inside(objectOf(objects, 'KafkaTopic', EVENTS), 'spec')).toMatchObject({
      partitions: 12,
      replicas: 4,
      config: { 'retention.ms': 36_000_000, 'segment.ms': 1_800_000, 'min.insync.replicas': 3 },
    });
  });

  test('clients are told where it is', () => {
    const kafka = cluster(Testing.chart(), { name: 'events', namespace: 'messaging' });
    expect(kafka.topic(EVENTS).connect('was', { namespace: 'was', operation: 'produce' })).toEqual({
      bootstrapServers: 'events-kafka-bootstrap.messaging.svc.cluster.local:9092',
      securityProtocol: 'PLAINTEXT',
    });
  });
});

describe('with ZooKeeper', () => {
  const objects = synthesized(chart => cluster(chart, zookeeper));

  test('everything is of the API version that Strimzi 0.45 understands, without node pools', () => {
    const ofStrimzi = objects.filter(({ kind }) => kind !== 'NetworkPolicy');
    expect(ofStrimzi.map(({ apiVersion, kind }) => `${apiVersion} ${kind}`)).toEqual([
      'kafka.strimzi.io/v1beta2 Kafka',
      'kafka.strimzi.io/v1beta2 KafkaTopic',
    ]);
  });

  test('the figures are the same', () => {
    expect(inside(objectOf(objects, 'Kafka', 'streaming-cluster'), 'spec')).toMatchObject({
      kafka: {
        version: '3.9.1',
        replicas: 3,
        config: { 'inter.broker.protocol.version': '3.9', 'min.insync.replicas': 2 },
        resources: { requests: { cpu: '200m', memory: '1Gi' }, limits: { cpu: '500m', memory: '2Gi' } },
        storage: { type: 'jbod', volumes: [{ type: 'persistent-claim', size: '10Gi' }] },
        template: {
          kafkaContainer: { securityContext: restricted },
          podDisruptionBudget: { maxUnavailable: 1 },
        },
      },
      zookeeper: {
        replicas: 3,
        resources: { requests: { cpu: '100m', memory: '512Mi' }, limits: { cpu: '300m', memory: '1Gi' } },
        storage: { type: 'persistent-claim', size: '2Gi' },
        template: { zookeeperContainer: { securityContext: restricted } },
      },
    });
  });
});

describe('with logins over TLS', () => {
  const login = (props: KafkaClusterProps) => (chart: Chart) => {
    const kafka = cluster(chart, { clientSecurity: 'scram-tls', ...props });
    kafka.topic(EVENTS).connect('was', { namespace: 'was', operation: 'produce' });
    kafka.topic(EVENTS).connect('streaming', { namespace: 'default', operation: 'consume' });
  };

  test.each([
    ['KRaft', {}],
    ['ZooKeeper', zookeeper],
  ])('%s: one listener asks for a password, and each client may do what it does', (_, props) => {
    const objects = synthesized(login(props));
    const kafka = objectOf(objects, 'Kafka', 'streaming-cluster');
    expect(inside(kafka, 'spec', 'kafka')).toMatchObject({
      listeners: [{ name: 'tls', port: 9093, tls: true, authentication: { type: 'scram-sha-512' } }],
      authorization: { type: 'simple' },
    });
    expect(inside(kafka, 'spec', 'entityOperator')).toHaveProperty('userOperator.resources.limits');
    const topic = { type: 'topic', name: EVENTS, patternType: 'literal' };
    expect(inside(objectOf(objects, 'KafkaUser', 'was'), 'spec')).toEqual({
      authentication: {
        type: 'scram-sha-512',
        password: { valueFrom: { secretKeyRef: { name: 'streaming-cluster-user-passwords', key: 'was' } } },
      },
      authorization: { type: 'simple', acls: [{ resource: topic, operations: ['Write', 'Describe'] }] },
    });
    expect(inside(objectOf(objects, 'KafkaUser', 'streaming'), 'spec', 'authorization', 'acls')).toEqual([
      { resource: topic, operations: ['Read', 'Describe'] },
      {
        resource: { type: 'group', name: 'spark-kafka-source-', patternType: 'prefix' },
        operations: ['Read'],
      },
    ]);
  });

  test('a client finds its password, its JAAS file and the certificate in its own namespace', () => {
    const chart = Testing.chart();
    const kafka = cluster(chart, { clientSecurity: 'scram-tls' });
    const connection = kafka.topic(EVENTS).connect('was', { namespace: 'was', operation: 'produce' });
    expect(connection).toEqual({
      bootstrapServers: 'streaming-cluster-kafka-bootstrap.kafka.svc.cluster.local:9093',
      securityProtocol: 'SASL_SSL',
      login: {
        username: 'was',
        password: { namespace: 'was', secretName: 'was-kafka-login', key: 'password' },
        jaasConfig: { namespace: 'was', secretName: 'was-kafka-login', key: 'jaas.conf' },
        certificateAuthority: {
          namespace: 'was',
          secretName: 'streaming-cluster-cluster-ca-cert',
          key: 'ca.crt',
        },
      },
    });
    const secrets = chart.node.findAll().filter(node => node instanceof ExternalSecret);
    const passwordOf = (name: string, key: string) =>
      secrets.find(secret => secret.secretName === name)?.keys[key];
    expect(passwordOf('streaming-cluster-user-passwords', 'was')).toEqual({ credential: 'kafka/was' });
    expect(passwordOf('was-kafka-login', 'password')).toEqual({ credential: 'kafka/was' });
  });

  test('two clients of one name are refused, two names pass', () => {
    const connect = (second: string) => (chart: Chart) => {
      const topic = cluster(chart, { clientSecurity: 'scram-tls' }).topic(EVENTS);
      topic.connect('was', { namespace: 'was', operation: 'produce' });
      topic.connect(second, { namespace: 'was', operation: 'produce' });
    };
    expect(problems(connect('shop'))).toEqual([]);
    expect(problems(connect('was'))).toEqual([
      'topic user-activity-logs has two clients named was but each has a user of its own; rename one',
    ]);
  });
});

test('only the namespaces of clients reach the listener that clients use', () => {
  const objects = synthesized(chart => {
    const kafka = cluster(chart);
    for (const [client, namespace] of [
      ['was', 'was'],
      ['streaming', 'default'],
      ['shop', 'was'],
    ] as const) {
      kafka.topic(EVENTS).connect(client, { namespace, operation: 'produce' });
    }
  });
  const peer = (namespace: string) => ({
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
  });
  expect(
    inside(
      objectOf(objects, 'Kafka', 'streaming-cluster'),
      ...['spec', 'kafka', 'listeners', 0, 'networkPolicyPeers'],
    ),
  ).toEqual([peer('was'), peer('default')]);
});

test('a topic whose name is no object name keeps it beside one that is', () => {
  const objects = synthesized(chart =>
    new KafkaCluster(chart, 'kafka').addTopic('User_Activity', {
      partitions: 1,
      traffic: new TrafficEstimate(chart, 'traffic'),
    }),
  );
  expect(inside(objectOf(objects, 'KafkaTopic', 'user-activity'), 'spec', 'topicName')).toBe('User_Activity');
});

describe('refused', () => {
  const object = 'kafka cluster kafka/streaming-cluster';

  test.each<[string, KafkaClusterProps, string]>([
    [
      'ZooKeeper with Strimzi 1.x',
      { ...zookeeper, strimziVersion: '1.2.0' },
      `[Kafka/kafka/streaming-cluster] ${object} coordinates by zookeeper with Strimzi 1.2.0 but that release coordinates by kraft; set strimziVersion to 0.45.2, or choose another coordination (rule version-conflict)`,
    ],
    [
      'KRaft with Strimzi 0.45',
      { strimziVersion: '0.45.2' },
      `[Kafka/kafka/streaming-cluster] ${object} coordinates by kraft with Strimzi 0.45.2 but that release coordinates by zookeeper; set strimziVersion to 1.2.0, or choose another coordination (rule version-conflict)`,
    ],
    [
      'a Strimzi that nobody tried',
      { strimziVersion: '0.30.0' },
      `[Kafka/kafka/streaming-cluster] ${object} coordinates by kraft with Strimzi 0.30.0 but the known releases are 1.2.0 (kraft) and 0.45.2 (zookeeper); set strimziVersion to 1.2.0, or choose another coordination (rule version-conflict)`,
    ],
    [
      'a Kafka that the release does not run',
      { kafkaVersion: '3.9.1' },
      `[Kafka/kafka/streaming-cluster] ${object} has Kafka 3.9.1 but Strimzi 1.2.0 runs 4.2.0, 4.3.0; set kafkaVersion to one of these (rule version-conflict)`,
    ],
    [
      'an even number of controllers',
      { coordination: KafkaCoordination.kraft({ replicas: 2 }) },
      `${object} has 2 controllers but a majority needs an odd number; set coordination.replicas to 1, 3 or 5`,
    ],
    [
      'fewer brokers than copies of a record',
      { brokers: 2, storage: Size.gibibytes(20) },
      'topic user-activity-logs has replication 3 but its cluster has 2 brokers; set replication to a whole number from 1 to 2',
    ],
    [
      'brokers without limits',
      { cpu: { request: Cpu.millis(200) } },
      `[KafkaNodePool/kafka/broker] each broker of ${object} has no cpu limit but every container needs one; set cpu.limit, e.g. Cpu.millis(500) (rule kafka-without-limits)`,
    ],
    [
      'controllers without limits',
      { coordination: KafkaCoordination.kraft({ memory: { request: Size.gibibytes(1) } }) },
      `[KafkaNodePool/kafka/controller] each controller of ${object} has no memory limit but every container needs one; set memory.limit, e.g. Size.mebibytes(512) (rule kafka-without-limits)`,
    ],
    [
      'ZooKeeper nodes without limits',
      { coordination: KafkaCoordination.zookeeper({ cpu: { request: Cpu.millis(100) } }) },
      `[Kafka/kafka/streaming-cluster] each ZooKeeper node of ${object} has no cpu limit but every container needs one; set cpu.limit, e.g. Cpu.millis(500) (rule kafka-without-limits)`,
    ],
    [
      'brokers whose heap is smaller than what they take at start',
      { memory: { request: Size.mebibytes(319), limit: Size.gibibytes(1) } },
      `[KafkaNodePool/kafka/broker] each broker of ${object} has a heap of 159Mi, half of its memory request, but does not start with less than 160Mi; set memory.request to at least 320Mi`,
    ],
    [
      'controllers whose heap is smaller than what they take at start',
      {
        coordination: KafkaCoordination.kraft({
          memory: { request: Size.mebibytes(47), limit: Size.gibibytes(1) },
        }),
      },
      `[KafkaNodePool/kafka/controller] each controller of ${object} has a heap of 23Mi, half of its memory request, but does not start with less than 24Mi; set memory.request to at least 48Mi`,
    ],
    [
      'brokers on volumes of nothing',
      { storage: Size.gibibytes(0) },
      `each broker of ${object} has a volume of 0Ki but a volume has a size; set storage, e.g. Size.gibibytes(10)`,
    ],
    [
      'controllers on volumes of nothing',
      { coordination: KafkaCoordination.kraft({ storage: Size.gibibytes(0) }) },
      `each controller of ${object} has a volume of 0Ki but a volume has a size; set storage, e.g. Size.gibibytes(10)`,
    ],
    [
      'no brokers, and nothing that follows from it',
      { brokers: 0 },
      `brokers of ${object} has 0 replicas but the number must be a whole one of at least 1; set replicas to 1 or more`,
    ],
  ])('%s', (_, props, problem) => {
    expect(problems(chart => cluster(chart, props))).toEqual([problem]);
  });

  test.each<[string, KafkaClusterProps]>([
    ['ZooKeeper with Strimzi 0.45', { ...zookeeper, strimziVersion: '0.45.2' }],
    ['the other Kafka that the release runs', { kafkaVersion: '4.3.0' }],
    ['one controller', { coordination: KafkaCoordination.kraft({ replicas: 1 }) }],
    ['four brokers', { brokers: 4 }],
    [
      'brokers with the least heap that they start with',
      { memory: { request: Size.mebibytes(320), limit: Size.gibibytes(1) } },
    ],
    [
      'controllers with the least heap that they start with',
      {
        coordination: KafkaCoordination.kraft({
          memory: { request: Size.mebibytes(48), limit: Size.gibibytes(1) },
        }),
      },
    ],
  ])('%s passes', (_, props) => {
    expect(problems(chart => cluster(chart, props))).toEqual([]);
  });

  test('more copies to wait for than there are', () => {
    expect(problems(chart => cluster(chart, {}, { minInsyncReplicas: 4 }))).toEqual([
      'topic user-activity-logs has minInsyncReplicas 4 but its replication is 3, and a broker must be able to restart; set minInsyncReplicas to a whole number from 1 to 2',
    ]);
  });

  test('as many copies to wait for as there are, unless there is one', () => {
    expect(problems(chart => cluster(chart, {}, { minInsyncReplicas: 3 }))).toHaveLength(1);
    expect(problems(chart => cluster(chart, {}, { minInsyncReplicas: 2 }))).toEqual([]);
    expect(problems(chart => cluster(chart, {}, { replication: 1, minInsyncReplicas: 1 }))).toEqual([]);
  });

  test('a segment of no time', () => {
    expect(problems(chart => cluster(chart, {}, { segment: Duration.millis(0) }))).toEqual([
      'topic user-activity-logs has a segment of 0 but a segment spans some time; set segment, e.g. Duration.hours(1)',
    ]);
    expect(problems(chart => cluster(chart, {}, { segment: Duration.minutes(1) }))).toEqual([]);
  });

  test.each([
    ['user-activity-logs', EVENTS],
    ['a_b', 'a.b'],
  ])('topic %s beside %s', (second, first) => {
    const two = (name: string) => (chart: Chart) => {
      const traffic = new TrafficEstimate(chart, 'traffic', { eventsPerSecond: 10 });
      const kafka = new KafkaCluster(chart, 'kafka');
      kafka.addTopic(first, { partitions: 6, traffic });
      kafka.addTopic(name, { partitions: 6, traffic });
    };
    expect(problems(two(second))).toEqual([
      `${object} has topic ${JSON.stringify(second)} beside ${JSON.stringify(first)} but Kafka takes one of a name, in which '.' and '_' are the same; rename one, or share it`,
    ]);
    expect(problems(two('another'))).toEqual([]);
  });

  test('a topic that nobody added, however often it is asked for', () => {
    expect(
      problems(chart => {
        const kafka = cluster(chart);
        kafka.topic('clicks');
        kafka.topic('clicks');
      })[0],
    ).toBe(
      `${object} has no topic "clicks", only user-activity-logs; add it with addTopic(), or use one of these`,
    );
    expect(problems(chart => cluster(chart).topic(EVENTS))).toEqual([]);
  });
});

describe('the brokers have room for what the topics keep', () => {
  // 50 events/s of 285 bytes for (retention + a 24th of it + 6 minutes) on each of three brokers.
  const usableBytes = 10 * 2 ** 30 * 0.85;
  const secondsThatFit = usableBytes / (50 * 285);

  test('the retention that just fits passes, a longer one is refused with figures and remedy', () => {
    const longest = Math.floor(((secondsThatFit - 360) / (1 + 1 / 24)) * 1000) - 1000;
    expect(problems(chart => cluster(chart, {}, { retention: Duration.millis(longest) }))).toEqual([]);
    const [problem, ...others] = problems(chart => cluster(chart, {}, { retention: Duration.days(14) }));
    expect(others).toEqual([]);
    expect(problem).toBe(
      'each broker of kafka cluster kafka/streaming-cluster comes to hold 16.7Gi (topic user-activity-logs over 14 days 16.7Gi) but its volume of 10Gi may fill to 8.5Gi (85 %); set storage to at least Size.gibibytes(20), or shorten the retention of a topic, or add brokers',
    );
  });

  test('the volume that the error asks for passes', () => {
    expect(
      problems(chart => cluster(chart, { storage: Size.gibibytes(20) }, { retention: Duration.days(14) })),
    ).toEqual([]);
    expect(
      problems(chart => cluster(chart, { storage: Size.gibibytes(19) }, { retention: Duration.days(14) })),
    ).toHaveLength(1);
  });

  test('twice the brokers hold half each', () => {
    expect(problems(chart => cluster(chart, { brokers: 6 }, { retention: Duration.days(14) }))).toEqual([]);
  });

  test('topics add up', () => {
    const both = (chart: Chart) => {
      const kafka = cluster(chart, {}, { retention: Duration.days(5) });
      const traffic = new TrafficEstimate(chart, 'more-traffic');
      kafka.addTopic('clicks', { partitions: 6, retention: Duration.days(5), traffic });
    };
    expect(problems(chart => cluster(chart, {}, { retention: Duration.days(5) }))).toEqual([]);
    expect(problems(both)).toHaveLength(1);
  });
});
