import { isStream, type Job, type Stated } from '../facts/job';
import type { Rule } from '../facts/rule';
import type { Found } from '../finding/finding';
import { allowed, measured, say } from '../finding/message';

/** Incident 11: one executor was left, so nothing was distributed and one lost pod stopped the stream. */
export const singleExecutor: Rule = {
  id: 'single-executor',
  level: 'error',
  needs: ['course', 'setting'],
  refuses: "fewer than two executors for a stream; dynamic allocation's minimum counts",
  remedy: 'ask for at least two executors',
  check: model =>
    model.jobs.flatMap((job): Found[] => {
      if (isStream(job) !== true || job.isLocal) return [];
      const { count, stated, what } = executors(job);
      if (count === undefined || count >= 2) return [];
      return [
        {
          place: stated?.place ?? {
            object: job.object,
            path: [...job.path, ...(job.kind === 'application' ? ['executor'] : [])],
          },
          message: say`stream ${job.name} has ${what} ${measured(count)}, so one lost pod stops it and nothing is distributed; at least ${allowed(2)} are needed`,
          remedy: say`set ${what} to at least 2`,
          concerns: [job.object],
        },
      ];
    }),
};

function executors(job: Job): { count: number | undefined; stated: Stated | undefined; what: string } {
  const number = (key: string) => {
    const stated = job.conf.get(key);
    return {
      stated,
      count: stated === undefined || !/^\d+$/.test(stated.value) ? undefined : Number(stated.value),
    };
  };
  if (job.conf.get('spark.dynamicAllocation.enabled')?.value === 'true') {
    const minimum = number('spark.dynamicAllocation.minExecutors');
    // spark.dynamicAllocation.minExecutors defaults to 0.
    return {
      ...minimum,
      count: minimum.stated === undefined ? 0 : minimum.count,
      what:
        job.kind === 'application' &&
        !(
          'object' in (minimum.stated?.place ?? {}) &&
          minimum.stated?.place !== undefined &&
          'path' in minimum.stated.place &&
          minimum.stated.place.path.includes('sparkConf')
        )
          ? 'dynamicAllocation.minExecutors'
          : 'spark.dynamicAllocation.minExecutors',
    };
  }
  const fixed = number('spark.executor.instances');
  if (fixed.stated !== undefined)
    return { ...fixed, what: job.kind === 'application' ? 'executor.instances' : 'spark.executor.instances' };
  // The operator defaults executor.instances to 1; Spark on Kubernetes by itself starts 2.
  return { count: job.kind === 'application' ? 1 : 2, stated: undefined, what: 'executor.instances' };
}
