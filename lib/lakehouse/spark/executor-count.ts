import { measured, say } from '../../checker/finding/message';
import type { Refusal } from '../workload/refuse';
/** How many executors a job has. */
export class SparkExecutorCount {
  /** Always that many. */
  public static fixed(count: number): SparkExecutorCount {
    return new SparkExecutorCount(count, count, count);
  }

  /** As many as there are tasks for: dynamic allocation with shuffle tracking. */
  public static dynamic(range: {
    readonly initial: number;
    readonly min: number;
    readonly max: number;
  }): SparkExecutorCount {
    return new SparkExecutorCount(range.initial, range.min, range.max);
  }

  private constructor(
    public readonly initial: number,
    public readonly min: number,
    public readonly max: number,
  ) {}

  public get isDynamic(): boolean {
    return this.min !== this.max;
  }
}

export function executorCountRefusals(job: string, { initial, min, max }: SparkExecutorCount): Refusal[] {
  if (![initial, min, max].every(count => Number.isSafeInteger(count) && count >= 1)) {
    return [
      {
        message: say`spark job ${job} has executors initial ${measured(initial)}, min ${measured(min)}, max ${measured(max)} but whole numbers of at least 2 are allowed`,
        remedy: say`set executors, e.g. SparkExecutorCount.fixed(2)`,
      },
    ];
  }
  return min <= initial && initial <= max
    ? []
    : [
        {
          message: say`spark job ${job} has executors initial ${measured(initial)}, min ${measured(min)}, max ${measured(max)} but min ≤ initial ≤ max must hold`,
          remedy: say`set executors, e.g. SparkExecutorCount.dynamic({ initial: 2, min: 2, max: 4 })`,
        },
      ];
}
