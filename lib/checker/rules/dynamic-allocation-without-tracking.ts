import { type Job, runsOnKubernetes } from '../facts/job';
import type { Rule } from '../facts/rule';
import { sparkVersionOf } from '../facts/spark-version';
import type { Found } from '../finding/finding';
import { measured, say } from '../finding/message';
import { sparkSpec } from '../manifest/pod-templates';
import { at } from '../object/manifest-object';

const ENABLED = 'spark.dynamicAllocation.enabled';
const TRACKING = 'spark.dynamicAllocation.shuffleTracking.enabled';

/** ExecutorAllocationManager refuses to start where nothing keeps shuffle files of executors that leave. */
export const dynamicAllocationWithoutTracking: Rule = {
  id: 'dynamic-allocation-without-tracking',
  level: 'error',
  needs: ['setting'],
  refuses: 'dynamic allocation on Kubernetes without shuffle tracking or what stands for it',
  remedy: `set ${TRACKING} to true`,
  check: model =>
    model.jobs.flatMap((job): Found[] => {
      const enabled = job.conf.get(ENABLED);
      if (enabled?.value.toLowerCase() !== 'true' || !runsOnKubernetes(job) || keepsShuffle(job)) return [];
      const tracking = job.conf.get(TRACKING);
      const what = tracking === undefined ? 'without shuffle tracking' : 'with shuffle tracking off';
      return [
        {
          place: (tracking ?? enabled).place,
          message: say`${job.name} has dynamic allocation ${measured(what)}, and nothing keeps the shuffle files of executors that leave: Spark does not start`,
          concerns: [job.object],
        },
      ];
    }),
};

/** The four conditions of which Spark wants one. */
function keepsShuffle(job: Job): boolean {
  const isOn = (key: string) => job.conf.get(key)?.value.toLowerCase() === 'true';
  // The operator switches tracking on where its own field asks for dynamic allocation.
  const byOperator = at(sparkSpec(job.object)?.spec, 'dynamicAllocation', 'enabled') === true;
  const version = sparkVersionOf(job);
  const [major = 0, minor = 0] = (version ?? '').split('.').map(Number);
  // True by itself since 3.4; of an unknown release nobody knows.
  const isByDefault = version === undefined || major > 3 || (major === 3 && minor >= 4);
  const tracks = job.conf.has(TRACKING) ? isOn(TRACKING) : isByDefault;
  return (
    byOperator ||
    tracks ||
    isOn('spark.shuffle.service.enabled') ||
    (isOn('spark.decommission.enabled') && isOn('spark.storage.decommission.shuffleBlocks.enabled')) ||
    job.conf.has('spark.shuffle.sort.io.plugin.class') ||
    job.conf.has('spark.shuffle.manager')
  );
}
