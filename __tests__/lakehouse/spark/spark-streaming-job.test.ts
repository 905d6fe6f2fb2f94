import { Duration, Size, Testing } from 'cdk8s';
import { KafkaCluster } from '../../../lib/lakehouse/kafka/kafka-cluster';
import { KafkaTopic } from '../../../lib/lakehouse/kafka/kafka-topic';
import { TrafficEstimate, type TrafficEstimateProps } from '../../../lib/lakehouse/sizing/traffic';
import { SparkExecutorCount } from '../../../lib/lakehouse/spark/executor-count';
import {
  SparkStreamingJob,
  type SparkStreamingJobProps,
} from '../../../lib/lakehouse/spark/spark-streaming-job';
import { ExternalObjectStoreCredentials, ObjectStore } from '../../../lib/lakehouse/storage/object-store';
import { SynthChecks } from '../../../lib/lakehouse/synth-checks';

interface Options {
  readonly job?: Partial<SparkStreamingJobProps>;
  readonly traffic?: TrafficEstimateProps;
  readonly retention?: Duration;
  readonly scram?: boolean;
}

function streaming({ job = {}, traffic: trafficProps, retention, scram = false }: Options = {}) {
  const chart = Testing.chart();
  const traffic = new TrafficEstimate(chart, 'traffic', trafficProps);
  const store = ObjectStore.external(chart, 'store', {
    region: 'us-east-1',
    buckets: ['raw-data', 'silver'],
    credentials: ExternalObjectStoreCredentials.secret(),
  });
  const topicProps = { partitions: 6, ...(retention === undefined ? {} : { retention }) };
  const topic = scram
    ? new KafkaCluster(chart, 'kafka', { clientSecurity: 'scram-tls' }).addTopic('logs', {
        ...topicProps,
        traffic,
      })
    : KafkaTopic.external(chart, 'topic', {
        topicName: 'logs',
        bootstrapServers: 'a:9092,b:9092',
        ...topicProps,
      });
  const silver = store.bucket('silver');
  const construct = new SparkStreamingJob(chart, 'streaming', {
    topic,
    bronze: store.bucket('raw-data').prefix('user-activity/'),
    silver: silver.prefix('user-activity-v2/'),
    quarantine: silver.prefix('quarantine/user-activity/'),
    commits: silver.prefix('commits/user-activity/'),
    checkpoint: silver.prefix('checkpoints/streaming/'),
    traffic,
    ...job,
  });
  const spec = () => Testing.synth(chart).find(({ kind }) => kind === 'SparkApplication').spec;
  return { construct, store, chart, spec };
}

/** The value that follows an option on a command line. */
function option(spec: { arguments: string[] }, name: string): string | undefined {
  return spec.arguments[spec.arguments.indexOf(name) + 1];
}

function problems(options: Options): string[] {
  return streaming(options).construct.node.validate();
}

test('synthesis refuses two jobs on one checkpoint, and takes two on two', () => {
  const shared = (folder: string) => {
    const { construct, chart, store } = streaming();
    const of = (bucket: string, path: string) => store.bucket(bucket).prefix(`second/${path}`);
    new SparkStreamingJob(chart, 'second', {
      name: 'second',
      namespace: 'other',
      topic: construct.topic,
      bronze: of('raw-data', 'bronze/'),
      silver: of('silver', 'silver/'),
      quarantine: of('silver', 'quarantine/'),
      commits: of('silver', 'commits/'),
      checkpoint: store.bucket('silver').prefix(folder),
      traffic: construct.traffic,
    });
    return new SynthChecks(chart, 'checks').node
      .validate()
      .filter(text => text.includes('checkpoint-shared'));
  };
  expect(shared('checkpoints/streaming/')).toEqual([
    expect.stringMatching(
      /default\/activity-streaming\] checkpoint "s3a:\/\/silver\/checkpoints\/streaming\/" of activity-streaming is also the checkpoint of second/,
    ),
    expect.stringMatching(
      /other\/second\] checkpoint .* of second is also the checkpoint of activity-streaming/,
    ),
  ]);
  expect(shared('checkpoints/second/')).toEqual([]);
});

test('synthesis refuses a folder inside that of another log, and takes one beside it', () => {
  const second = (quarantine: string) => {
    const { construct, chart, store } = streaming();
    const of = (bucket: string, path: string) => store.bucket(bucket).prefix(`second/${path}`);
    new SparkStreamingJob(chart, 'second', {
      name: 'second',
      namespace: 'other',
      topic: construct.topic,
      bronze: of('raw-data', 'bronze/'),
      silver: of('silver', 'silver/'),
      quarantine: store.bucket('silver').prefix(quarantine),
      commits: of('silver', 'commits/'),
      checkpoint: of('silver', 'checkpoint/'),
      traffic: construct.traffic,
    });
    return new SynthChecks(chart, 'checks').node
      .validate()
      .filter(text => text.includes('log-folder-shared'));
  };
  const silver = streaming().construct.silver.path;
  expect(second(`${silver}quarantine/`)).toEqual([
    expect.stringMatching(
      /other\/second\] quarantine .* of second lies inside silver .* of activity-streaming/,
    ),
  ]);
  expect(second('quarantine-of-second/')).toEqual([]);
});

describe('defaults', () => {
  test('the job is told topic, locations and bounds', () => {
    expect(streaming().spec().arguments).toEqual([
      '--bootstrap-servers',
      'a:9092,b:9092',
      '--topic',
      'logs',
      '--bronze',
      's3a://raw-data/user-activity/',
      '--silver',
      's3a://silver/user-activity-v2/',
      '--quarantine',
      's3a://silver/quarantine/user-activity/',
      '--commits',
      's3a://silver/commits/user-activity/',
      '--checkpoint',
      's3a://silver/checkpoints/streaming/',
      '--trigger-seconds',
      '60',
      '--max-offsets-per-trigger',
      '600000',
      '--time-zone',
      'UTC',
      '--stop-timeout-seconds',
      '120',
    ]);
  });

  test('it has two executors, and the connectors to Kafka and to the object store', () => {
    const spec = streaming().spec();
    expect(spec.executor.instances).toBe(2);
    expect(spec.deps.packages.join()).toMatch(/spark-sql-kafka.*hadoop-aws/);
    expect(spec.mainApplicationFile).toMatch(/\/streaming_job\.py$/);
  });

  test('its driver is given more time than it waits for its batch', () => {
    const spec = streaming().spec();
    expect(spec.driver.terminationGracePeriodSeconds).toBeGreaterThan(
      Number(option(spec, '--stop-timeout-seconds')),
    );
  });

  test('bronze, silver and quarantine are declared to the store with what flows in and how long they are kept', () => {
    const { store } = streaming({
      traffic: { eventsPerSecond: 100, bronzeBytesPerEvent: 500, silverBytesPerEvent: 90 },
    });
    expect(
      store.dataSets.map(({ location, bytesPerDay, retention }) => [
        location.url,
        bytesPerDay,
        retention.toDays(),
      ]),
    ).toEqual([
      ['s3a://raw-data/user-activity/', 100 * 86_400 * 500, 7],
      ['s3a://silver/user-activity-v2/', 100 * 86_400 * 90, 7],
      ['s3a://silver/quarantine/user-activity/', 86_400 * 500, 7],
    ]);
  });

  test('nothing is refused', () => {
    expect(problems({})).toEqual([]);
  });
});

describe('custom props', () => {
  test('nothing is accepted as lost by default', () => {
    expect(streaming({}).spec().arguments).not.toContain('--accept-lost');
  });

  test('reach the command line', () => {
    const spec = streaming({
      job: {
        name: 'clicks',
        trigger: Duration.seconds(30),
        maxOffsetsPerTrigger: 50_000,
        timeZone: 'Asia/Seoul',
        acceptLost: [17, 18],
        executors: SparkExecutorCount.fixed(3),
        executor: { memory: Size.gibibytes(3) },
      },
    }).spec();
    expect(option(spec, '--trigger-seconds')).toBe('30');
    expect(option(spec, '--max-offsets-per-trigger')).toBe('50000');
    expect(option(spec, '--time-zone')).toBe('Asia/Seoul');
    expect(spec.arguments.join(' ')).toContain(' --accept-lost 17 --accept-lost 18');
    expect(spec.executor).toMatchObject({ instances: 3, memory: '3g' });
  });

  test('the bound follows executors, slots and trigger', () => {
    const { construct } = streaming({
      job: {
        executors: SparkExecutorCount.fixed(4),
        executor: { taskSlots: 2 },
        trigger: Duration.seconds(10),
        eventsPerSecondPerSlot: 1000,
      },
    });
    expect(construct.maxOffsetsPerTrigger).toBe(0.5 * 4 * 2 * 10 * 1000);
  });

  test('a login reaches Kafka by files from Secrets: no password is on the command line', () => {
    const spec = streaming({ scram: true }).spec();
    const options = spec.arguments.filter(
      (_: string, index: number) => spec.arguments[index - 1] === '--kafka-option',
    );
    expect(options).toEqual([
      'security.protocol=SASL_SSL',
      'sasl.mechanism=SCRAM-SHA-512',
      'ssl.truststore.type=PEM',
      expect.stringMatching(/^ssl\.truststore\.location=\/opt\/spark\/kafka\/ca\//),
    ]);
    expect(spec.sparkConf['spark.driver.extraJavaOptions']).toMatch(
      /-Djava\.security\.auth\.login\.config=\/opt\/spark\/kafka\/login\//,
    );
    for (const pod of [spec.driver, spec.executor]) {
      expect(pod.volumeMounts.map(({ mountPath }: { mountPath: string }) => mountPath)).toEqual(
        expect.arrayContaining(['/opt/spark/kafka/login', '/opt/spark/kafka/ca']),
      );
    }
  });
});

describe('refused', () => {
  test.each<[string, Options, string]>([
    [
      'a bound above what is processed in a trigger',
      { job: { maxOffsetsPerTrigger: 1_200_001 } },
      'spark job activity-streaming reads up to 1200001 records a trigger of 60 s but processes 20000 a second, 1200000 in that time; set maxOffsetsPerTrigger to at most 1200000, or raise trigger or executors (rule unbounded-backlog)',
    ],
    [
      'a bound below what arrives in a trigger',
      { job: { maxOffsetsPerTrigger: 29_999 } },
      "spark job activity-streaming reads up to 29999 records a trigger of 60 s but 30000 arrive in that time at the traffic's peak; set maxOffsetsPerTrigger to at least 30000, or lower the traffic estimate's peakFactor (rule unbounded-backlog)",
    ],
    [
      'a retention that a backlog outlives',
      { retention: Duration.hours(24) },
      'needs 24.1 h to recover from an outage of 24 h (50 events arrive a second, 10000 are read) but topic logs is kept for 24 h; raise the retention of the topic, or maxOffsetsPerTrigger (rule unbounded-backlog)',
    ],
    [
      'no bound',
      { job: { maxOffsetsPerTrigger: Number.POSITIVE_INFINITY } },
      'has maxOffsetsPerTrigger Infinity but a whole number of at least 1 is allowed',
    ],
    [
      'a trigger of no time, and nothing that follows from it',
      { job: { trigger: Duration.seconds(0) } },
      'spark job activity-streaming has a trigger of 0 s but it must be a whole number of seconds, at least 1',
    ],
    [
      'a slot that does nothing',
      { job: { eventsPerSecondPerSlot: 0 } },
      'spark job activity-streaming has eventsPerSecondPerSlot 0 but it must be a positive number; set eventsPerSecondPerSlot to what you measured, e.g. 10000',
    ],
    [
      'a zone that is none',
      { job: { timeZone: 'KST' } },
      'spark job activity-streaming has timeZone "KST" but only names of the IANA time zone database',
    ],
    [
      'a checkpoint on a local path',
      { job: { checkpoint: '/app/checkpoints' as never } },
      'spark job activity-streaming has checkpoint "/app/checkpoints" but only a folder of an object store is reached from wherever its pods run',
    ],
    ...['bronze', 'silver', 'quarantine', 'commits'].map((prop): [string, Options, string] => [
      `${prop} on a local path`,
      { job: { [prop]: '/app/b' as never } },
      `spark job activity-streaming has ${prop} "/app/b" but only a folder of an object store is reached from wherever its pods run`,
    ]),
    [
      'bronze that is left out',
      { job: { bronze: undefined as never } },
      'spark job activity-streaming has bronze undefined but only a folder',
    ],
  ])('%s', (_, options, message) => {
    expect(problems(options)).toEqual([expect.stringContaining(message)]);
  });

  test.each<[string, Options]>([
    ['a bound at what is processed', { job: { maxOffsetsPerTrigger: 1_200_000 } }],
    ['a trigger of a second', { job: { trigger: Duration.seconds(1) } }],
    ['a zone of the database', { job: { timeZone: 'Asia/Seoul' } }],
    ['a bound at the peak', { job: { maxOffsetsPerTrigger: 30_000 } }],
    ['a retention that a backlog just does not outlive', { retention: Duration.minutes(24 * 60 + 8) }],
    [
      'a shorter outage within a day of retention',
      { retention: Duration.hours(24), job: { longestOutage: Duration.hours(20) } },
    ],
  ])('but not %s', (_, options) => {
    expect(problems(options)).toEqual([]);
  });

  test('a location in another store', () => {
    const other = streaming().store.bucket('silver').prefix('elsewhere/');
    expect(problems({ job: { commits: other } })).toEqual([
      '[SparkApplication/default/activity-streaming] spark job activity-streaming has commits s3a://silver/elsewhere/ in another object store than raw-data but has the credentials of one; use buckets of one store',
    ]);
  });
});
