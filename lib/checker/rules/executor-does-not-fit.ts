import { describeNodes } from '../capacity/check-fit';
import { formatAmount, readableAmount } from '../capacity/pod-request';
import { fitOf, requestPlace } from '../facts/fit';
import type { Rule } from '../facts/rule';
import { unjudged } from '../facts/unjudged-fit';
import type { Found } from '../finding/finding';
import { allowed, type FieldName, field, type Message, measured, say } from '../finding/message';
import { sparkSpec } from '../manifest/pod-templates';
import type { PodSet } from '../manifest/pods';
import type { ManifestObject } from '../object/manifest-object';

/** Incident 4: executors of two full cores on nodes that allocate less than two stayed pending for ever. */
export const executorDoesNotFit: Rule = {
  id: 'executor-does-not-fit',
  level: 'error',
  needs: ['pods', 'nodes', 'figures'],
  refuses: 'a pod that no node of the group can hold',
  remedy: 'lower its requests below what a node allocates, or take larger nodes',
  check: model => {
    const fit = unjudged(model) === undefined ? fitOf(model) : undefined;
    return (fit?.misfits ?? []).flatMap((misfit): Found[] => {
      if (misfit.cause === 'not selected') {
        const { set } = misfit;
        return [
          {
            place: requestPlace(set, 'cpu'),
            message: say`${set.role} selects no node: none of ${describeNodes(fit?.nodes.list ?? [])} has the labels it asks for and only taints it tolerates`,
            remedy: say`change its nodeSelector, affinity or tolerations, or label the nodes`,
          },
        ];
      }
      if (misfit.cause !== 'too large') return [];
      const { set, resource, requested, allocatable, instanceTypes } = misfit;
      const most = allowed(allocatable, value => readableAmount(resource, value));
      return [
        {
          place: requestPlace(set, resource),
          message: say`${set.role} needs ${measured(requested, value => formatAmount(resource, value))} ${resource} but ${instanceTypes.join(', ')} allocates ${most} after its daemon pods`,
          remedy: say`set ${requestOf(set, resource)} to at most ${most}, or take a larger instance type`,
        },
      ];
    });
  },
};

/** What sets a pod's request: of a Spark pod, the fields of its part. */
function requestOf({ owner, role }: PodSet, resource: string): string | FieldName | Message {
  const path = sparkSpec(owner)?.path;
  if (path === undefined || (role !== 'executor' && role !== 'driver')) return 'its request';
  const of = (name: string) => fieldOf(owner, [...path, role, name]);
  if (resource === 'cpu') return of('coreRequest');
  if (resource === 'memory') return say`the sum of ${of('memory')} and ${of('memoryOverhead')}`;
  return `the ${resource} request of the ${role}`;
}

function fieldOf(object: ManifestObject, path: readonly string[]): FieldName {
  return field(object, path, path.slice(-2).join('.'));
}
