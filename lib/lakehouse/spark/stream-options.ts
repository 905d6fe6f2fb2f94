import { Duration, Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-28';
import { measured, say } from '../../checker/finding/message';
import { secondsRefusals } from '../workload/container';
import { type Culprit, type Refusal, writing } from '../workload/refuse';
import type { SparkJobOptions } from './spark-job';
import { type SparkPodProps, sparkPod } from './spark-pod';

/** How long a driver that is asked to stop waits for its batch: twice the jobs' default trigger. */
export const STOP_TIMEOUT = Duration.seconds(120);

/** What may be changed of a job that works in batches. */
export interface StreamOptions extends SparkJobOptions {
  /**
   * Time from the start of one batch to the start of the next, in whole seconds.
   * @default Duration.seconds(60)
   */
  readonly trigger?: Duration;
  /**
   * Events that one task slot gets done in a second; `npm run bench` measures it.
   * @default 10000 (less than half of what one core did, docs/benchmarks.md)
   */
  readonly eventsPerSecondPerSlot?: number;
}

/** The same, resolved. */
export interface StreamFigures {
  readonly trigger: Duration;
  readonly triggerSeconds: number;
  readonly eventsPerSecondPerSlot: number;
  /** The driver plans batches and handles no rows. */
  readonly driver: Required<SparkPodProps>;
}

export function streamFigures(props: StreamOptions): StreamFigures {
  const trigger = props.trigger ?? Duration.seconds(60);
  return {
    trigger,
    triggerSeconds: trigger.toSeconds({ integral: false }),
    eventsPerSecondPerSlot: props.eventsPerSecondPerSlot ?? 10_000,
    driver: sparkPod(
      {
        taskSlots: 1,
        cpu: { request: Cpu.millis(250), limit: Cpu.millis(1000) },
        memory: Size.mebibytes(768),
      },
      props.driver,
    ),
  };
}

/** What is wrong with the figures themselves: nothing can be reckoned with them then. */
export function streamRefusals(job: Culprit, { trigger, eventsPerSecondPerSlot }: StreamFigures): Refusal[] {
  return [
    ...secondsRefusals(job, 'trigger', trigger),
    ...(eventsPerSecondPerSlot > 0 && Number.isFinite(eventsPerSecondPerSlot)
      ? []
      : [
          {
            ...writing(job),
            message: say`${job.what} has eventsPerSecondPerSlot ${measured(eventsPerSecondPerSlot)} but it must be a positive number`,
            remedy: say`set eventsPerSecondPerSlot to what you measured, e.g. 10000`,
          },
        ]),
  ];
}
