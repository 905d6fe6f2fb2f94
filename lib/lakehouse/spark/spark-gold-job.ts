import { Duration, Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-28';
import { Construct } from 'constructs';
import { measured, say } from '../../checker/finding/message';
import type { ClickHouseDb } from '../clickhouse/clickhouse-db';
import { ownTableInserts } from '../contract/tables';
import { backlogRefusals } from '../sizing/backlog';
import { expiryDays } from '../storage/object-store';
import { CodeConfigMap } from '../workload/code-config-map';
import { timeZoneRefusals } from '../workload/container';
import { secretEnv } from '../workload/external';
import { objectLabels } from '../workload/labels';
import {
  checkedProps,
  duration,
  having,
  number,
  oneOf,
  type PropTypes,
  required,
  text,
} from '../workload/props';
import { type Culprit, type Refusal, refuse, writing } from '../workload/refuse';
import { SparkExecutorCount } from './executor-count';
import { sessionSettings } from './spark-conf';
import { SPARK_JOB_OPTION_TYPES, SparkJob } from './spark-job';
import { type SparkPodDefaults, sparkPod } from './spark-pod';
import type { SparkStreamingJob } from './spark-streaming-job';
import {
  STOP_TIMEOUT,
  type StreamFigures,
  type StreamOptions,
  streamFigures,
  streamRefusals,
} from './stream-options';

/** Who scans and aggregates: Spark's executors, or ClickHouse, which then reads the files itself. */
export type GoldEngine = 'spark' | 'clickhouse';

export interface SparkGoldJobProps extends StreamOptions {
  /** The job whose commit log and silver files are folded. */
  readonly source: SparkStreamingJob;
  /** Where the metrics go. */
  readonly database: ClickHouseDb;
  /**
   * Name of the job.
   * @default 'activity-gold'
   */
  readonly name?: string;
  /** @default 'spark' */
  readonly engine?: GoldEngine;
  /**
   * The most commits (batches of the source) that one batch folds.
   * @default 10
   */
  readonly maxFilesPerTrigger?: number;
  /**
   * The longest outage of the job that must not lose an event.
   * @default Duration.days(2)
   */
  readonly longestOutage?: Duration;
  /**
   * IANA zone of the business day. The tables keep the one that they are first filled by: for another, fill a new database.
   * @default 'UTC'
   */
  readonly businessTimeZone?: string;
}

/** One core and 2g are what the system ran with; it stated no request: docs/capacity.md. */
const EXECUTOR: SparkPodDefaults = {
  taskSlots: 1,
  cpu: { request: Cpu.millis(400), limit: Cpu.millis(1000) },
  memory: Size.gibibytes(2),
};

const TYPES: PropTypes<SparkGoldJobProps> = {
  source: required(having('a SparkStreamingJob', 'chart.streaming', 'commits', 'silver')),
  database: required(having('a ClickHouseDb', 'chart.database', 'httpUrl')),
  name: text,
  ...SPARK_JOB_OPTION_TYPES,
  trigger: duration,
  eventsPerSecondPerSlot: number,
  engine: oneOf('spark', 'clickhouse'),
  maxFilesPerTrigger: number,
  longestOutage: duration,
  businessTimeZone: text,
};

/**
 * Silver to the five metrics tables: a fold over committed files, each counted once whatever is repeated.
 *
 * Creates the code's ConfigMap, the SparkApplication (a driver and two to four executors of one task slot and 2g)
 * and what `SparkJob` creates.
 *
 * @example
 * const gold = new SparkGoldJob(chart, 'gold', {
 *   source: streaming,
 *   database,
 *   executors: SparkExecutorCount.fixed(2),
 * });
 */
export class SparkGoldJob extends Construct {
  public readonly name: string;
  public readonly job: SparkJob;
  public readonly trigger: Duration;
  public readonly maxFilesPerTrigger: number;

  constructor(scope: Construct, id: string, given: SparkGoldJobProps) {
    super(scope, id);
    const props = checkedProps(this, given, TYPES);
    const { source, database } = props;
    const figures = streamFigures(props);
    const namespace = props.namespace ?? 'default';
    const executor = sparkPod(EXECUTOR, props.executor);
    const executors = props.executors ?? SparkExecutorCount.dynamic({ initial: 2, min: 2, max: 4 });
    this.name = props.name ?? 'activity-gold';
    this.trigger = figures.trigger;
    this.maxFilesPerTrigger = props.maxFilesPerTrigger ?? 10;
    const businessTimeZone = props.businessTimeZone ?? 'UTC';
    const eventsPerSecond = figures.eventsPerSecondPerSlot * executors.min * executor.taskSlots;
    const application = { kind: 'SparkApplication', namespace, name: this.name };
    const job: Culprit = { what: `spark job ${this.name}`, writes: { object: application, path: ['spec'] } };
    refuse(this, () => [
      ...timeZoneRefusals(job, 'businessTimeZone', businessTimeZone),
      ...this.triggerRefusals(job, figures, source, eventsPerSecond, props.longestOutage ?? Duration.days(2)),
    ]);

    const { store } = source.commits.bucket;
    const credentials = store.addClient(this.name, {
      namespace,
      read: [source.silver, source.commits],
    });
    const { writer } = database;
    this.job = new SparkJob(this, 'Job', {
      ...props,
      name: this.name,
      component: 'gold',
      restartPolicy: 'Always',
      stopTimeout: STOP_TIMEOUT,
      namespace,
      code: new CodeConfigMap(this, 'Code', {
        name: 'spark-gold-code',
        namespace,
        entry: 'gold_job.py',
        labels: objectLabels('spark', this.name, 'gold'),
      }),
      arguments: [
        'run',
        ...['--commits', source.commits.url],
        ...['--clickhouse-url', database.httpUrl],
        ...['--clickhouse-user', writer.username],
        ...['--database', database.database],
        ...['--engine', props.engine ?? 'spark'],
        ...['--trigger-seconds', `${figures.triggerSeconds}`],
        ...['--max-files-per-trigger', `${this.maxFilesPerTrigger}`],
        ...['--business-time-zone', businessTimeZone],
        ...['--silver-retention-days', `${expiryDays(source.silverRetention)}`],
      ],
      connectors: ['objectStore'],
      store,
      credentials,
      driver: figures.driver,
      executor,
      executors,
      env: [secretEnv('CLICKHOUSE_PASSWORD', writer.passwordSecret)],
      // The tables know how far the log is folded: no query keeps a checkpoint.
      dataFlow: {
        reads: [
          { format: 'json', location: source.commits.url },
          { format: 'parquet', location: source.silver.url },
        ],
        inserts: ownTableInserts(database.database),
        // It follows the log in a loop of its own.
        goesOn: true,
        settings: sessionSettings,
      },
    });
    this.job.pods.driver.connectTo(database, 'gold: the ledger');
    this.job.pods.executor.connectTo(database, 'gold: partials');
  }

  /** The bound of a batch has to go together with what the source writes, and with how long silver is kept. */
  private triggerRefusals(
    job: Culprit,
    figures: StreamFigures,
    source: SparkStreamingJob,
    eventsPerSecond: number,
    outage: Duration,
  ): Refusal[] {
    const { maxFilesPerTrigger } = this;
    const wrong = streamRefusals(job, figures);
    if (wrong.length > 0) return wrong;
    if (!Number.isSafeInteger(maxFilesPerTrigger) || maxFilesPerTrigger < 1) {
      return [
        {
          ...writing(job, 'arguments'),
          rule: 'unbounded-backlog',
          message: say`${job.what} has maxFilesPerTrigger ${measured(maxFilesPerTrigger)} but a whole number of at least 1 is allowed`,
          remedy: say`set it to e.g. 10`,
        },
      ];
    }
    const arriving = source.traffic.eventsPerSecond;
    // A commit holds what arrived within one trigger of the source.
    const commitsPerSecond = maxFilesPerTrigger / figures.triggerSeconds;
    const eventsPerCommit = arriving * source.trigger.toSeconds({ integral: false });
    return backlogRefusals(
      job,
      `silver of ${source.name}`,
      {
        outage,
        arriving,
        reading: Math.min(eventsPerSecond, commitsPerSecond * eventsPerCommit),
        retention: source.silverRetention,
      },
      "raise maxFilesPerTrigger, executors or the source's silverRetention",
    );
  }
}
