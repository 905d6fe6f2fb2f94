import { checkFit, type FitCheck as Fit, type Misfit } from '../capacity/check-fit';
import { type ClusterService, servicesBeside } from '../capacity/cluster-services';
import type { Place } from '../finding/finding';
import { silences } from '../finding/silence';
import { declaredContainers, podTemplates, sparkSpec } from '../manifest/pod-templates';
import { expandPods } from '../manifest/pods';
import { cpuMillis } from '../manifest/quantity';
import { asObject, type ManifestObject } from '../object/manifest-object';
import type { Model } from './model';
import type { FitNodes } from './nodes';

/** The fit of a model, with what was counted. */
export interface FitCheck extends Fit {
  readonly nodes: FitNodes;
  /** What was counted beside the objects. */
  readonly services: readonly ClusterService[];
}

const results = new WeakMap<Model, FitCheck | undefined>();

/** The fit of a model's pods on its nodes, computed once; undefined without nodes or without pods. */
export function fitOf(model: Model): FitCheck | undefined {
  if (!results.has(model)) results.set(model, compute(model));
  return results.get(model);
}

function compute(model: Model): FitCheck | undefined {
  const { nodes, objects } = model;
  if (nodes === undefined || expandPods(objects).length === 0) return undefined;
  const services = model.services ?? servicesBeside(objects);
  const fitting = (counted: readonly ManifestObject[]): FitCheck => ({
    ...checkFit(counted, nodes.list, { services }),
    nodes,
    services,
  });
  const first = fitting(objects);
  const leftOut = new Set(
    first.misfits.flatMap(misfit => (isLeftOut(misfit, nodes) ? [misfit.set.owner] : [])),
  );
  return leftOut.size === 0 ? first : fitting(objects.filter(object => !leftOut.has(object)));
}

/**
 * Pods that select labels, where nobody described those of the nodes, and pods of which somebody gave a reason that they
 * need not fit: the others have to fit without them.
 */
function isLeftOut(
  misfit: Misfit,
  { areDescribed }: FitNodes,
): misfit is Misfit & { cause: 'not selected' | 'too large' } {
  if (misfit.cause !== 'not selected' && misfit.cause !== 'too large') return false;
  return (
    (misfit.cause === 'not selected' && !areDescribed) || silences(misfit.set.owner, 'executor-does-not-fit')
  );
}

/** Where the request of a resource stands. */
export function requestPlace(
  { owner, role }: OwnedPods,
  resource: string,
): Place & { object: ManifestObject } {
  const application = sparkSpec(owner);
  if (application !== undefined) {
    const part = role === 'driver' ? 'driver' : 'executor';
    const pod = asObject(application.spec[part]);
    const key = (resource === 'cpu' ? ['coreRequest', 'cores'] : [resource]).find(
      name => pod[name] !== undefined,
    );
    return { object: owner, path: [...application.path, part, ...(key === undefined ? [] : [key])] };
  }
  const [template] = podTemplates([owner]);
  const [container] = template === undefined ? [] : declaredContainers(template);
  return {
    object: owner,
    path: container === undefined ? [] : [...container.path, 'resources', 'requests'],
  };
}

interface OwnedPods {
  readonly owner: ManifestObject;
  readonly role: string;
}

/** The workload that asks for the most CPU: where to look first when the whole set is too large. */
export function heaviest(model: Model): OwnedPods | undefined {
  let best: { set: OwnedPods; millis: number } | undefined;
  for (const { owner, role, pod, replicas } of expandPods(model.objects)) {
    const each = pod.spec.containers.reduce(
      (sum, { resources }) => sum + millisOf(resources.requests['cpu']),
      0,
    );
    const millis = each * (Number.isFinite(replicas.max) ? replicas.max : replicas.initial);
    if (best === undefined || millis > best.millis) best = { set: { owner, role }, millis };
  }
  return best?.set;
}

function millisOf(quantity: unknown): number {
  try {
    return quantity === undefined ? 0 : cpuMillis(quantity);
  } catch {
    return 0;
  }
}
