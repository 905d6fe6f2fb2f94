import { Duration, Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-28';
import { Construct } from 'constructs';
import { backlogProblems } from './backlog';
import type { ClickHouseDb } from './clickhouse-db';
import { CodeConfigMap } from './code-config-map';
import { timeZoneProblems } from './container';
import { secretEnv } from './external';
import { locationProblems, storeOf, validLocations } from './job-locations';
import { objectLabels } from './labels';
import { expiryDays, type ObjectLocation } from './object-store';
import { SparkExecutorCount, SparkJob, type SparkPodDefaults, sparkPod } from './spark-job';
import type { SparkStreamingJob } from './spark-streaming-job';
import { type StreamFigures, type StreamOptions, streamFigures, streamProblems } from './stream-options';

/** Who scans and aggregates: Spark's executors, or ClickHouse, which then reads the files itself. */
export type GoldEngine = 'spark' | 'clickhouse';

export interface SparkGoldJobProps extends StreamOptions {
  /** The job whose commit log and silver files are folded. */
  readonly source: SparkStreamingJob;
  /** Where the metrics go. */
  readonly database: ClickHouseDb;
  /** Spark's own notes; no other job may use the same. */
  readonly checkpoint: ObjectLocation;
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
   * IANA zone of the business day.
   * @default 'UTC'
   */
  readonly businessTimeZone?: string;
}

/** One core and 2g are the running system's (seed); the request is open there: docs/capacity.md. */
const EXECUTOR: SparkPodDefaults = {
  taskSlots: 1,
  cpu: { request: Cpu.millis(400), limit: Cpu.millis(1000) },
  memory: Size.gibibytes(2),
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
 *   checkpoint: store.bucket('gold').prefix('checkpoints/activity-gold/'),
 *   executors: SparkExecutorCount.fixed(2),
 * });
 */
export class SparkGoldJob extends Construct {
  public readonly name: string;
  public readonly job: SparkJob;
  public readonly checkpoint: ObjectLocation;
  public readonly trigger: Duration;
  public readonly maxFilesPerTrigger: number;

  constructor(scope: Construct, id: string, props: SparkGoldJobProps) {
    super(scope, id);
    const { source, database } = props;
    const figures = streamFigures(props);
    const namespace = props.namespace ?? 'default';
    const executor = sparkPod(EXECUTOR, props.executor);
    const executors = props.executors ?? SparkExecutorCount.dynamic({ initial: 2, min: 2, max: 4 });
    this.name = props.name ?? 'activity-gold';
    this.checkpoint = props.checkpoint;
    this.trigger = figures.trigger;
    this.maxFilesPerTrigger = props.maxFilesPerTrigger ?? 10;
    const locations = { commits: source.commits, checkpoint: props.checkpoint };
    const businessTimeZone = props.businessTimeZone ?? 'UTC';
    const eventsPerSecond = figures.eventsPerSecondPerSlot * executors.min * executor.taskSlots;
    const job = `[SparkApplication/${namespace}/${this.name}] spark job ${this.name}`;
    this.node.addValidation({
      validate: () => [
        ...locationProblems(job, this.name, locations),
        ...timeZoneProblems(job, 'businessTimeZone', businessTimeZone),
        ...this.triggerProblems(
          job,
          figures,
          source,
          eventsPerSecond,
          props.longestOutage ?? Duration.days(2),
        ),
      ],
    });

    const store = storeOf(locations);
    const credentials = store.addClient(this.name, {
      namespace,
      read: [source.silver, source.commits],
      write: validLocations({ checkpoint: props.checkpoint }),
    });
    const { writer } = database;
    this.job = new SparkJob(this, 'Job', {
      ...props,
      name: this.name,
      component: 'gold',
      namespace,
      code: new CodeConfigMap(this, 'Code', {
        name: 'spark-gold-code',
        namespace,
        entry: 'gold_job.py',
        labels: objectLabels('spark', this.name, 'gold'),
      }),
      arguments: [
        'run',
        ...Object.entries(locations).flatMap(([name, location]) => [`--${name}`, location.url]),
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
    });
  }

  /** The bound of a batch has to go together with what the source writes, and with how long silver is kept. */
  private triggerProblems(
    job: string,
    figures: StreamFigures,
    source: SparkStreamingJob,
    eventsPerSecond: number,
    outage: Duration,
  ): string[] {
    const { maxFilesPerTrigger } = this;
    const problems = streamProblems(job, figures);
    if (problems.length > 0) return problems;
    if (!Number.isSafeInteger(maxFilesPerTrigger) || maxFilesPerTrigger < 1) {
      return [
        `${job} has maxFilesPerTrigger ${maxFilesPerTrigger} but a whole number of at least 1 is allowed; set it to e.g. 10 (rule unbounded-backlog)`,
      ];
    }
    const arriving = source.traffic.eventsPerSecond;
    // A commit holds what arrived within one trigger of the source.
    const commitsPerSecond = maxFilesPerTrigger / figures.triggerSeconds;
    const eventsPerCommit = arriving * source.trigger.toSeconds({ integral: false });
    return backlogProblems(
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
