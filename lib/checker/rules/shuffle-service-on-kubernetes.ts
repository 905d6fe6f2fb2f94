import { runsOnKubernetes } from '../facts/job';
import type { Model } from '../facts/model';
import type { Rule } from '../facts/rule';
import type { Found } from '../finding/finding';
import { measured, say } from '../finding/message';
import { declaredContainers } from '../manifest/pod-templates';
import { asObjects } from '../object/manifest-object';

const KEY = 'spark.shuffle.service.enabled';
/** spark.shuffle.service.port */
const PORT = 7337;

/** Each executor registers with a shuffle service of its node, and ends where there is none. */
export const shuffleServiceOnKubernetes: Rule = {
  id: 'shuffle-service-on-kubernetes',
  level: 'error',
  needs: ['setting'],
  refuses: 'the external shuffle service for a job on Kubernetes, which has none',
  remedy: `delete ${KEY}; with dynamic allocation set spark.dynamicAllocation.shuffleTracking.enabled to true`,
  check: model =>
    model.jobs.flatMap((job): Found[] => {
      const stated = job.conf.get(KEY);
      if (stated?.value.toLowerCase() !== 'true' || !runsOnKubernetes(job) || hasService(model)) return [];
      return [
        {
          place: stated.place,
          message: say`${job.name} sets ${KEY} to ${measured('true')}, but Kubernetes has no shuffle service: each executor fails to register with port ${PORT} of its node and ends`,
          concerns: [job.object],
        },
      ];
    }),
};

/** Whether somebody runs one on each node. */
function hasService(model: Model): boolean {
  return model.templates
    .filter(({ object }) => object.kind === 'DaemonSet')
    .some(template =>
      declaredContainers(template).some(({ container }) =>
        asObjects(container['ports']).some(
          ({ containerPort, hostPort }) => containerPort === PORT || hostPort === PORT,
        ),
      ),
    );
}
