import type { PodSet } from '../manifest/pods';
import { type InstanceType, instanceTypes } from './instance-types';
import { solver } from './milp';
import { allocatable, type ClusterNode } from './node';
import { formatAmount, podRequest } from './pod-request';
import { buildProblem, labelOf } from './problem';
import { runsOnce } from './scenarios';
import { provePlacement } from './search';
import { DEFAULT_LIMITS } from './verdict';

/** One change that makes everything fit; the engine has placed all pods with it. */
export interface Advice {
  readonly change: string;
  /** On-demand price of the nodes with the change over the price now, in us-east-1. */
  readonly priceFactor?: number;
}

const STEPS: Readonly<Record<string, number>> = { cpu: 50, memory: 64 * 2 ** 20 };

/**
 * The smallest single changes with which all pods, at their most, have a placement on the nodes: one request lowered,
 * replicas taken away from one set, nodes added, or the next instance type. Only sets that `mayChange` are touched.
 */
export async function advise(
  sets: readonly PodSet[],
  nodes: readonly ClusterNode[],
  mayChange: (set: PodSet) => boolean,
): Promise<Advice[]> {
  const highs = await solver();
  const fits = (changed: readonly PodSet[], on: readonly ClusterNode[]): boolean => {
    const problem = buildProblem(
      on,
      changed.filter(set => !runsOnce(set)).map(set => ({ set, count: set.replicas.max })),
    );
    return provePlacement(highs, problem, { ...DEFAULT_LIMITS, seconds: 0.5 }).exists === true;
  };
  if (fits(sets, nodes)) return [];
  const replaced = (set: PodSet, by: PodSet) => sets.map(other => (other === set ? by : other));
  const own = sets.filter(set => mayChange(set) && set.role !== 'daemon' && set.replicas.max > 0);

  const figures = own.flatMap((set): Advice[] =>
    ['cpu', 'memory'].flatMap(resource => {
      const now = podRequest(set.pod.spec, []).amounts[resource] ?? 0;
      const step = takesWholeCores(set, resource) ? 1000 : (STEPS[resource] ?? 1);
      const most = largest(Math.ceil(now / step) - 1, units =>
        fits(replaced(set, withRequest(set, resource, units * step)), nodes),
      );
      if (most === undefined) return [];
      const whole = takesWholeCores(set, resource);
      const to = whole ? `${most} ${most === 1 ? 'core' : 'cores'}` : formatAmount(resource, most * step);
      return [
        {
          change: `${labelOf(set)}: ${to} ${whole ? '' : `${resource} `}instead of ${formatAmount(resource, now)}`,
        },
      ];
    }),
  );
  const replicas = own.flatMap((set): Advice[] => {
    const { max } = set.replicas;
    const most = largest(max - 1, count =>
      fits(replaced(set, { ...set, replicas: { initial: count, min: count, max: count } }), nodes),
    );
    return most === undefined ? [] : [{ change: `${labelOf(set)}: ${most} pods at most instead of ${max}` }];
  });
  const last = nodes.at(-1);
  const more: Advice[] = [];
  for (let added = 1; last !== undefined && added <= nodes.length; added++) {
    const extra = Array.from({ length: added }, (_, index) =>
      renamed(last, `${last.name}-added-${index + 1}`),
    );
    if (!fits(sets, [...nodes, ...extra])) continue;
    more.push({
      change: `${added} more ${last.instanceType.name}`,
      ...price([...nodes, ...extra], nodes),
    });
    break;
  }
  const larger = instanceTypes.find(
    type =>
      last !== undefined && type.vcpus > last.instanceType.vcpus && fits(sets, nodes.map(resized(type))),
  );
  return [
    ...figures,
    ...replicas,
    ...more,
    ...(larger === undefined
      ? []
      : [{ change: `${nodes.length} × ${larger.name}`, ...price(nodes.map(resized(larger)), nodes) }]),
  ];
}

/** The largest number from 1 up to `most` for which it holds, if it holds for smaller ones as well. */
function largest(most: number, holds: (value: number) => boolean): number | undefined {
  if (most < 1 || !holds(1)) return undefined;
  let [low, high] = [1, most];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (holds(middle)) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Without coreRequest a Spark pod's CPU request is its number of cores, which is whole. */
function takesWholeCores(set: PodSet, resource: string): boolean {
  if (resource !== 'cpu' || (set.role !== 'driver' && set.role !== 'executor')) return false;
  return (podRequest(set.pod.spec, []).amounts['cpu'] ?? 0) % 1000 === 0;
}

/** The set with its largest container's request changed so that the pod asks for `amount`. */
function withRequest(set: PodSet, resource: string, amount: number): PodSet {
  const now = podRequest(set.pod.spec, []).amounts[resource] ?? 0;
  const of = (container: PodSet['pod']['spec']['containers'][number]) =>
    podRequest({ ...set.pod.spec, containers: [container], initContainers: [] }, []).amounts[resource] ?? 0;
  const largestContainer = set.pod.spec.containers.reduce((a, b) => (of(b) > of(a) ? b : a));
  const value = Math.max(0, of(largestContainer) - (now - amount));
  const containers = set.pod.spec.containers.map(container =>
    container === largestContainer
      ? {
          ...container,
          resources: {
            ...container.resources,
            requests: { ...container.resources.requests, [resource]: formatAmount(resource, value) },
          },
        }
      : container,
  );
  return { ...set, pod: { ...set.pod, spec: { ...set.pod.spec, containers } } };
}

function renamed(node: ClusterNode, name: string): ClusterNode {
  return { ...node, name, labels: { ...node.labels, 'kubernetes.io/hostname': name } };
}

function resized(instanceType: InstanceType): (node: ClusterNode) => ClusterNode {
  return node => ({
    ...node,
    instanceType,
    labels: { ...node.labels, 'node.kubernetes.io/instance-type': instanceType.name },
    allocatable: {
      ...allocatable(instanceType),
      ephemeralStorageBytes: node.allocatable.ephemeralStorageBytes,
    },
  });
}

function price(after: readonly ClusterNode[], before: readonly ClusterNode[]): Pick<Advice, 'priceFactor'> {
  const sum = (nodes: readonly ClusterNode[]) =>
    nodes.reduce((usd, { instanceType }) => usd + (instanceType.usdPerHour ?? Number.NaN), 0);
  const priceFactor = sum(after) / sum(before);
  return Number.isFinite(priceFactor) ? { priceFactor } : {};
}
