import { describeNodes, type Misfit } from '../capacity/check-fit';
import { formatAmount, readableAmount } from '../capacity/pod-request';
import { fitOf, heaviest, requestPlace } from '../facts/fit';
import type { Model } from '../facts/model';
import type { Rule } from '../facts/rule';
import { unjudged } from '../facts/unjudged-fit';
import type { Found } from '../finding/finding';
import { allowed, measured, say } from '../finding/message';
import { expandPods } from '../manifest/pods';

/** Incident 4: each pod would have fitted a node, all of them together did not. */
export const setDoesNotFit: Rule = {
  id: 'set-does-not-fit',
  level: 'error',
  needs: ['pods', 'nodes', 'figures'],
  refuses: 'a set of pods that the nodes cannot hold together',
  remedy:
    'lower a request or a replica count, or add a node; cdk8s-lakehouse capacity names the smallest change that helps',
  check: model => {
    const fit = unjudged(model) === undefined ? fitOf(model) : undefined;
    if (fit === undefined) return [];
    const nodes = describeNodes(fit.nodes.list);
    return fit.misfits.flatMap(misfit => found(model, nodes, misfit));
  },
};

function found(model: Model, nodes: string, misfit: Misfit): Found[] {
  switch (misfit.cause) {
    case 'not selected':
    case 'too large':
    case 'unreadable':
      return [];
    case 'unbounded':
      return [
        {
          place: requestPlace(misfit.set, 'cpu'),
          message: say`dynamic allocation has no maximum but ${nodes} hold a finite number of executors`,
          remedy: say`set dynamicAllocation.maxExecutors`,
        },
      ];
    case 'sum': {
      const { when, resource, requested, allocatable } = misfit;
      const asked = measured(requested, value => formatAmount(resource, value));
      const there = allowed(allocatable, value => readableAmount(resource, value));
      return ofAll(
        model,
        resource,
        say`all pods ${when} ask for ${asked} ${resource} but ${nodes} allocate ${there} after their daemon pods`,
      );
    }
    case 'no placement': {
      const { when, binding, relation } = misfit;
      const because =
        binding !== undefined
          ? say`binding resource ${binding.resource}, largest pod ${binding.pod} with ${measured(binding.requested, value => formatAmount(binding.resource, value))}`
          : relation === undefined
            ? 'no one resource or relation alone is to blame'
            : relation.of === undefined
              ? say`${relation.why} is to blame`
              : say`${relation.why} of ${relation.of} is to blame`;
      return ofAll(
        model,
        binding?.resource ?? 'cpu',
        say`no placement of all pods ${when} on ${nodes} exists (${because})`,
      );
    }
    case 'undecided': {
      const { when, bound } = misfit;
      return ofAll(
        model,
        'cpu',
        say`the search ended before it was clear whether all pods fit ${nodes} ${when} (${bound})`,
      ).map(found => ({
        ...found,
        level: 'warning',
        remedy: say`run cdk8s-lakehouse capacity, which searches longer`,
      }));
    }
  }
}

/** What no single object is to blame for stands at the heaviest workload, and concerns each. */
function ofAll(model: Model, resource: string, message: Found['message']): Found[] {
  const set = heaviest(model);
  if (set === undefined) return [];
  const concerns = expandPods(model.objects).map(({ owner }) => owner);
  return [{ place: requestPlace(set, resource), message, concerns }];
}
