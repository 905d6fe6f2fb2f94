import { describeNodes, type Misfit } from '../capacity/check-fit';
import { formatAmount, readableAmount } from '../capacity/pod-request';
import type { Place } from '../finding/finding';
import type { ManifestObject } from '../object/manifest-object';
import { fitOf, heaviest, requestPlace } from './fit';
import { nodeMaker } from './growth';
import type { Model } from './model';
import type { Unknown } from './unknown';

/** Why what does not fit the nodes of a model proves nothing; undefined where it does. */
export function unjudged(model: Model): { readonly why: string; readonly remedy: string } | undefined {
  if (model.nodes?.areAssumed === true) {
    return {
      why: 'nobody described the nodes',
      remedy:
        'say with --nodes which nodes there are, e.g. --nodes 4xm6i.large, or check a ClusterConfig of eksctl or a cluster.context.json with it',
    };
  }
  const maker = nodeMaker(model);
  return maker === undefined
    ? undefined
    : { why: `${maker} may add others`, remedy: `see that ${maker} may make a node that is large enough` };
}

/** What the fit would say, where the nodes are not known for sure. */
export function unjudgedFit(model: Model): Unknown[] {
  const because = unjudged(model);
  const fit = because === undefined ? undefined : fitOf(model);
  if (because === undefined || fit === undefined) return [];
  const nodes = describeNodes(fit.nodes.list);
  return fit.misfits.flatMap((misfit): Unknown[] => {
    const said = told(model, nodes, misfit);
    if (said === undefined) return [];
    return [
      {
        cause: 'pods whose fit is not judged',
        place: said.place,
        concerns: [said.place.object],
        what: `${said.what}, but ${because.why}`,
        remedy: because.remedy,
        needs: ['nodes'],
      },
    ];
  });
}

type ObjectPlace = Place & { readonly object: ManifestObject };

function told(
  model: Model,
  nodes: string,
  misfit: Misfit,
): { readonly place: ObjectPlace; readonly what: string } | undefined {
  switch (misfit.cause) {
    case 'too large': {
      const { set, resource, requested, allocatable } = misfit;
      return {
        place: requestPlace(set, resource),
        what: `${set.role} of ${set.owner.metadata.name} asks for ${formatAmount(resource, requested)} ${resource} and one of ${nodes} allocates ${readableAmount(resource, allocatable)}`,
      };
    }
    case 'not selected':
      return {
        place: requestPlace(misfit.set, 'cpu'),
        what: `${misfit.set.role} of ${misfit.set.owner.metadata.name} selects none of ${nodes}`,
      };
    case 'unbounded':
      return {
        place: requestPlace(misfit.set, 'cpu'),
        what: `dynamic allocation of ${misfit.set.owner.metadata.name} has no maximum and ${nodes} hold a finite number of executors`,
      };
    case 'unreadable':
      return undefined;
    case 'sum':
    case 'no placement':
    case 'undecided': {
      const set = heaviest(model);
      if (set === undefined) return undefined;
      const resource = misfit.cause === 'sum' ? misfit.resource : 'cpu';
      const how =
        misfit.cause === 'sum'
          ? `ask for ${formatAmount(resource, misfit.requested)} ${resource} and ${nodes} allocate ${readableAmount(resource, misfit.allocatable)}`
          : misfit.cause === 'no placement'
            ? `have no placement on ${nodes}`
            : `have no placement on ${nodes} that the search found`;
      return { place: requestPlace(set, resource), what: `all pods ${misfit.when} ${how}` };
    }
  }
}
