import { Duration, Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-28';
import { Construct } from 'constructs';
import { allowed, measured, say } from '../../checker/finding/message';
import type { KafkaConnection, KafkaLogin, KafkaTopic } from '../kafka/kafka-topic';
import { backlogRefusals } from '../sizing/backlog';
import type { TrafficEstimate } from '../sizing/traffic';
import type { ObjectLocation } from '../storage/object-store';
import { CodeConfigMap } from '../workload/code-config-map';
import { timeZoneRefusals } from '../workload/container';
import { objectLabels } from '../workload/labels';
import {
  anything,
  checkedProps,
  duration,
  having,
  number,
  numbers,
  type PropTypes,
  required,
  text,
} from '../workload/props';
import { type Culprit, type Refusal, refuse, writing } from '../workload/refuse';
import { SparkExecutorCount } from './executor-count';
import { foldersOf, locationRefusals, storeOf } from './job-locations';
import { sessionSettings } from './spark-conf';
import { SPARK_JOB_OPTION_TYPES, SparkJob, sparkPods } from './spark-job';
import { type SparkPodDefaults, sparkPod } from './spark-pod';
import {
  STOP_TIMEOUT,
  type StreamFigures,
  type StreamOptions,
  streamFigures,
  streamRefusals,
} from './stream-options';

export interface SparkStreamingJobProps extends StreamOptions {
  /** The topic to keep. */
  readonly topic: KafkaTopic;
  /** Where every record is kept as it came. */
  readonly bronze: ObjectLocation;
  /** Where the parsed events are kept. */
  readonly silver: ObjectLocation;
  /** Where the records are kept that hold no event, each with its reason. */
  readonly quarantine: ObjectLocation;
  /** The commit log: one object for each batch names what the batch wrote. */
  readonly commits: ObjectLocation;
  /** Spark's own notes; no other job may use the same. */
  readonly checkpoint: ObjectLocation;
  /** What has to be kept up with. */
  readonly traffic: TrafficEstimate;
  /**
   * Name of the job.
   * @default 'activity-streaming'
   */
  readonly name?: string;
  /**
   * The most records that one batch reads, so that a backlog drains in batches that end.
   * @default half of what the job processes within a trigger
   */
  readonly maxOffsetsPerTrigger?: number;
  /**
   * The longest outage of the job that must not lose a record.
   * @default Duration.days(1)
   */
  readonly longestOutage?: Duration;
  /**
   * How long bronze is kept.
   * @default Duration.days(7)
   */
  readonly bronzeRetention?: Duration;
  /**
   * How long silver and quarantine are kept.
   * @default Duration.days(7)
   */
  readonly silverRetention?: Duration;
  /**
   * Sequences of batches that are gone for good, as an error of the job names them: it goes on without them.
   * @default none
   */
  readonly acceptLost?: readonly number[];
  /**
   * IANA zone of event times without a zone.
   * @default 'UTC'
   */
  readonly timeZone?: string;
}

/** The request keeps both executors placed with one of four m6i.large lost: docs/capacity.md. */
const EXECUTOR: SparkPodDefaults = {
  taskSlots: 1,
  cpu: { request: Cpu.millis(300), limit: Cpu.millis(1000) },
  memory: Size.gibibytes(1),
};

/** Of the events, for the room that quarantine needs: far above what healthy web servers write. */
const QUARANTINED_SHARE = 0.01;
/** Where a login's files appear in the pods. */
const KAFKA_PATH = '/opt/spark/kafka';

const TYPES: PropTypes<SparkStreamingJobProps> = {
  topic: required(having('a KafkaTopic', 'chart.topic', 'topicName')),
  bronze: anything,
  silver: anything,
  quarantine: anything,
  commits: anything,
  checkpoint: anything,
  traffic: required(having('a TrafficEstimate', 'chart.traffic', 'eventsPerSecond')),
  name: text,
  ...SPARK_JOB_OPTION_TYPES,
  trigger: duration,
  eventsPerSecondPerSlot: number,
  maxOffsetsPerTrigger: number,
  longestOutage: duration,
  bronzeRetention: duration,
  silverRetention: duration,
  acceptLost: numbers,
  timeZone: text,
};

/**
 * Kafka to bronze, silver and quarantine: the job that loses nothing.
 *
 * Creates the code's ConfigMap, the SparkApplication (a driver and two executors of one task slot) and what
 * `SparkJob` creates. The sizes are the chart's choice: docs/capacity.md says what was measured.
 *
 * @example
 * const streaming = new SparkStreamingJob(chart, 'streaming', {
 *   topic,
 *   bronze: store.bucket('raw-data').prefix('user-activity/'),
 *   silver: store.bucket('silver').prefix('user-activity-v2/'),
 *   quarantine: store.bucket('silver').prefix('quarantine/user-activity/'),
 *   commits: store.bucket('silver').prefix('commits/user-activity/'),
 *   checkpoint: store.bucket('raw-data').prefix('checkpoints/activity-streaming/'),
 *   traffic,
 *   maxOffsetsPerTrigger: 300_000,
 * });
 */
export class SparkStreamingJob extends Construct {
  public readonly name: string;
  public readonly job: SparkJob;
  public readonly topic: KafkaTopic;
  public readonly bronze: ObjectLocation;
  public readonly silver: ObjectLocation;
  public readonly commits: ObjectLocation;
  public readonly checkpoint: ObjectLocation;
  public readonly trigger: Duration;
  public readonly maxOffsetsPerTrigger: number;
  public readonly silverRetention: Duration;
  public readonly traffic: TrafficEstimate;
  private readonly longestOutage: Duration;
  /** Events that all slots together process in a second. */
  private readonly eventsPerSecond: number;

  constructor(scope: Construct, id: string, stated: SparkStreamingJobProps) {
    super(scope, id);
    const props = checkedProps(this, stated, TYPES);
    const figures = streamFigures(props);
    const namespace = props.namespace ?? 'default';
    const executor = sparkPod(EXECUTOR, props.executor);
    const executors = props.executors ?? SparkExecutorCount.fixed(2);
    this.name = props.name ?? 'activity-streaming';
    this.topic = props.topic;
    const given = {
      bronze: props.bronze,
      silver: props.silver,
      quarantine: props.quarantine,
      commits: props.commits,
      checkpoint: props.checkpoint,
    };
    const locations = foldersOf(given);
    const { bronze, silver, quarantine, commits, checkpoint } = locations;
    this.bronze = bronze;
    this.silver = silver;
    this.commits = commits;
    this.checkpoint = checkpoint;
    this.traffic = props.traffic;
    this.trigger = figures.trigger;
    this.longestOutage = props.longestOutage ?? Duration.days(1);
    this.silverRetention = props.silverRetention ?? Duration.days(7);
    const timeZone = props.timeZone ?? 'UTC';
    this.eventsPerSecond = figures.eventsPerSecondPerSlot * executors.min * executor.taskSlots;
    this.maxOffsetsPerTrigger =
      props.maxOffsetsPerTrigger ?? Math.floor(0.5 * this.eventsPerSecond * figures.triggerSeconds);

    const application = { kind: 'SparkApplication', namespace, name: this.name };
    const job: Culprit = { what: `spark job ${this.name}`, writes: { object: application, path: ['spec'] } };
    refuse(this, () => [
      ...locationRefusals(job, this.name, given),
      ...timeZoneRefusals(job, 'timeZone', timeZone),
      ...this.triggerRefusals(job, figures),
    ]);

    const store = storeOf(locations);
    const credentials = store.addClient(this.name, { namespace, write: Object.values(locations) });
    const eventsPerDay = props.traffic.eventsIn(Duration.days(1));
    store.addDataSet(bronze, {
      retention: props.bronzeRetention ?? Duration.days(7),
      bytesPerDay: eventsPerDay * props.traffic.bronzeBytesPerEvent,
    });
    store.addDataSet(silver, {
      retention: this.silverRetention,
      bytesPerDay: eventsPerDay * props.traffic.silverBytesPerEvent,
    });
    store.addDataSet(quarantine, {
      retention: this.silverRetention,
      bytesPerDay: QUARANTINED_SHARE * eventsPerDay * props.traffic.bronzeBytesPerEvent,
    });

    const stored = [
      { format: 'json', location: bronze.url },
      { format: 'parquet', location: silver.url },
      { format: 'parquet', location: quarantine.url },
      { format: 'json', location: commits.url },
    ];
    const kafka = props.topic.connect(this.name, {
      namespace,
      operation: 'consume',
      pods: Object.values(sparkPods(this.name, namespace)),
    });
    const kafkaClient = {
      'kafka.bootstrap.servers': kafka.bootstrapServers,
      ...(kafka.securityProtocol === 'PLAINTEXT'
        ? {}
        : { 'kafka.security.protocol': kafka.securityProtocol }),
    };
    this.job = new SparkJob(this, 'Job', {
      ...props,
      name: this.name,
      component: 'streaming',
      restartPolicy: 'Always',
      stopTimeout: STOP_TIMEOUT,
      namespace,
      code: new CodeConfigMap(this, 'Code', {
        name: 'spark-app-code',
        namespace,
        entry: 'streaming_job.py',
        labels: objectLabels('spark', this.name, 'streaming'),
      }),
      arguments: [
        ...['--bootstrap-servers', kafka.bootstrapServers],
        ...['--topic', props.topic.topicName],
        ...Object.entries(locations).flatMap(([name, location]) => [`--${name}`, location.url]),
        ...['--trigger-seconds', `${figures.triggerSeconds}`],
        ...['--max-offsets-per-trigger', `${this.maxOffsetsPerTrigger}`],
        ...['--time-zone', timeZone],
        ...(props.acceptLost ?? []).flatMap(sequence => ['--accept-lost', `${sequence}`]),
        ...kafkaOptions(kafka).flatMap(option => ['--kafka-option', option]),
      ],
      connectors: ['kafka', 'objectStore'],
      store,
      credentials,
      driver: figures.driver,
      executor,
      executors,
      ...kafkaLogin(kafka.login),
      dataFlow: {
        reads: [
          {
            format: 'kafka',
            topic: props.topic.topicName,
            options: { ...kafkaClient, maxOffsetsPerTrigger: `${this.maxOffsetsPerTrigger}` },
            checkpoint: checkpoint.url,
          },
          // Around a record that Spark cannot read, what is left of a batch is read in pieces.
          {
            format: 'kafka',
            topic: props.topic.topicName,
            options: kafkaClient,
          },
          // A manifest that is lost is written again from the files of its batch.
          ...stored,
        ],
        writes: stored,
        settings: sessionSettings,
      },
    });
  }

  /** Trigger, bound, traffic and retention have to go together. */
  private triggerRefusals(job: Culprit, figures: StreamFigures): Refusal[] {
    const { maxOffsetsPerTrigger, eventsPerSecond, traffic, topic } = this;
    const wrong = streamRefusals(job, figures);
    if (wrong.length > 0) return wrong;
    const seconds = figures.triggerSeconds;
    if (!Number.isSafeInteger(maxOffsetsPerTrigger) || maxOffsetsPerTrigger < 1) {
      return [
        {
          ...writing(job, 'arguments'),
          rule: 'unbounded-backlog',
          message: say`${job.what} has maxOffsetsPerTrigger ${measured(maxOffsetsPerTrigger)} but a whole number of at least 1 is allowed`,
          remedy: say`set it to e.g. 300000`,
        },
      ];
    }
    const processable = Math.floor(eventsPerSecond * seconds);
    const arriving = Math.ceil(traffic.peakEventsPerSecond * seconds);
    return [
      ...(maxOffsetsPerTrigger <= processable
        ? []
        : [
            {
              ...writing(job, 'arguments'),
              rule: 'unbounded-backlog',
              message: say`${job.what} reads up to ${measured(maxOffsetsPerTrigger)} records a trigger of ${seconds} s but processes ${eventsPerSecond} a second, ${allowed(processable)} in that time`,
              remedy: say`set maxOffsetsPerTrigger to at most ${processable}, or raise trigger or executors`,
            },
          ]),
      ...(maxOffsetsPerTrigger >= arriving
        ? []
        : [
            {
              ...writing(job, 'arguments'),
              rule: 'unbounded-backlog',
              message: say`${job.what} reads up to ${measured(maxOffsetsPerTrigger)} records a trigger of ${seconds} s but ${allowed(arriving)} arrive in that time at the traffic's peak`,
              remedy: say`set maxOffsetsPerTrigger to at least ${arriving}, or lower the traffic estimate's peakFactor`,
            },
          ]),
      ...backlogRefusals(
        job,
        `topic ${topic.topicName}`,
        {
          outage: this.longestOutage,
          arriving: traffic.eventsPerSecond,
          reading: maxOffsetsPerTrigger / seconds,
          retention: topic.retention,
        },
        'raise the retention of the topic, or maxOffsetsPerTrigger',
      ),
    ];
  }
}

/** Settings of the Kafka client beside servers and topic. */
function kafkaOptions({ securityProtocol, login }: KafkaConnection): string[] {
  if (login === undefined)
    return securityProtocol === 'PLAINTEXT' ? [] : [`security.protocol=${securityProtocol}`];
  return [
    `security.protocol=${securityProtocol}`,
    'sasl.mechanism=SCRAM-SHA-512',
    'ssl.truststore.type=PEM',
    `ssl.truststore.location=${KAFKA_PATH}/ca/${login.certificateAuthority.key}`,
  ];
}

/** The login's files and the JVM option that points at them: no password passes through the command line. */
function kafkaLogin(login: KafkaLogin | undefined) {
  if (login === undefined) return {};
  return {
    javaOptions: `-Djava.security.auth.login.config=${KAFKA_PATH}/login/${login.jaasConfig.key}`,
    secretFiles: [
      { volumeName: 'kafka-login', ...login.jaasConfig, mountPath: `${KAFKA_PATH}/login` },
      { volumeName: 'kafka-ca', ...login.certificateAuthority, mountPath: `${KAFKA_PATH}/ca` },
    ],
  };
}
