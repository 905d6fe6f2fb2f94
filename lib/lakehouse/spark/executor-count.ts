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

export function executorCountProblems(job: string, { initial, min, max }: SparkExecutorCount): string[] {
  if (![initial, min, max].every(count => Number.isSafeInteger(count) && count >= 1)) {
    return [
      `spark job ${job} has executors initial ${initial}, min ${min}, max ${max} but whole numbers of at least 2 are allowed; set executors, e.g. SparkExecutorCount.fixed(2)`,
    ];
  }
  return min <= initial && initial <= max
    ? []
    : [
        `spark job ${job} has executors initial ${initial}, min ${min}, max ${max} but min ≤ initial ≤ max must hold; set executors, e.g. SparkExecutorCount.dynamic({ initial: 2, min: 2, max: 4 })`,
      ];
}
