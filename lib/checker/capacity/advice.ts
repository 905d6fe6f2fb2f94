import type { PodSet } from '../manifest/pods';
import { type InstanceType, instanceTypes } from './instance-types';
import { solver } from './milp';
import { allocatable, type ClusterNode } from './node';
import { formatAmount, podRequest } from './pod-request';
import { buildProblem, labelOf } from './problem';
import { runsOnce } from './scenarios';
import { provePlacement } from './search';
import { DEFAULT_LIMITS, isGuaranteed } from './verdict';

/** One change that helps; the engine has tried it. */
export interface Advice {
  readonly change: string;
  /** What all pods have with it: a placement at their most, or the guarantee of one at start and at their most. */
  readonly makes: 'fit' | 'guaranteed';
  /** On-demand price of the nodes with the change over the price now, in us-east-1. */
  readonly priceFactor?: number;
}

const STEPS: Readonly<Record<string, number>> = { cpu: 50, memory: 64 * 2 ** 20 };

type Trial = (changed: readonly PodSet[], on: readonly ClusterNode[]) => Promise<boolean>;

/** Of the solver, for each question of a trial. */
const TRIAL_LIMITS = { ...DEFAULT_LIMITS, seconds: 0.5 };

/**
 * The smallest single changes with which all pods, at their most, have a placement on the nodes; where they have one,
 * those with which each pod is guaranteed a node, at start and at its most. One request lowered, replicas taken away
 * from one set, nodes added, or the next instance type. Only sets that `mayChange` are touched, and for a guarantee
 * only those that `waits` says may wait.
 */
export async function advise(
  sets: readonly PodSet[],
  nodes: readonly ClusterNode[],
  mayChange: (set: PodSet) => boolean,
  waits: (set: PodSet) => boolean = () => true,
): Promise<Advice[]> {
  const highs = await solver();
  const problem = (changed: readonly PodSet[], on: readonly ClusterNode[], when: 'initial' | 'max') =>
    buildProblem(
      on,
      changed
        .filter(set => when === 'initial' || !runsOnce(set))
        .map(set => ({ set, count: set.schedule === undefined || when === 'max' ? set.replicas[when] : 0 })),
    );
  const fits: Trial = async (changed, on) =>
    provePlacement(highs, problem(changed, on, 'max'), TRIAL_LIMITS).exists === true;
  if (!(await fits(sets, nodes))) return changes(sets, nodes, mayChange, fits, 'fit');
  const waiting = new Set(sets.filter(waits).map(({ owner, role }) => `${owner.metadata.name}/${role}`));
  const isSuspect = ({ owner, role }: PodSet) => waiting.has(`${owner.metadata.name}/${role}`);
  const areGuaranteed: Trial = async (changed, on) => {
    const unscheduled = changed.filter(({ schedule }) => schedule === undefined);
    return (
      (await isGuaranteed(problem(unscheduled, on, 'max'), isSuspect, TRIAL_LIMITS)) &&
      (await isGuaranteed(problem(unscheduled, on, 'initial'), isSuspect, TRIAL_LIMITS))
    );
  };
  if (waiting.size === 0 || (await areGuaranteed(sets, nodes))) return [];
  return changes(sets, nodes, set => mayChange(set) && waits(set), areGuaranteed, 'guaranteed');
}

/** Each kind of change at the least with which the trial succeeds. */
async function changes(
  sets: readonly PodSet[],
  nodes: readonly ClusterNode[],
  mayChange: (set: PodSet) => boolean,
  succeeds: Trial,
  makes: Advice['makes'],
): Promise<Advice[]> {
  const found: Advice[] = [];
  const replaced = (set: PodSet, by: PodSet) => sets.map(other => (other === set ? by : other));
  const own = sets.filter(set => mayChange(set) && set.role !== 'daemon' && set.replicas.max > 0);
  for (const set of own) {
    for (const resource of ['cpu', 'memory']) {
      const now = podRequest(set.pod.spec, []).amounts[resource] ?? 0;
      const whole = takesWholeCores(set, resource);
      const step = whole ? 1000 : (STEPS[resource] ?? 1);
      const most = await largest(Math.ceil(now / step) - 1, units =>
        succeeds(replaced(set, withRequest(set, resource, units * step)), nodes),
      );
      if (most === undefined) continue;
      const to = whole ? `${most} ${most === 1 ? 'core' : 'cores'}` : formatAmount(resource, most * step);
      found.push({
        change: `${labelOf(set)}: ${to} ${whole ? '' : `${resource} `}instead of ${formatAmount(resource, now)}`,
        makes,
      });
    }
  }
  for (const set of own) {
    const { max, initial, min } = set.replicas;
    const most = await largest(max - 1, count => {
      const replicas = { initial: Math.min(initial, count), min: Math.min(min, count), max: count };
      return succeeds(replaced(set, { ...set, replicas }), nodes);
    });
    if (most !== undefined)
      found.push({ change: `${labelOf(set)}: ${most} pods at most instead of ${max}`, makes });
  }
  const last = nodes.at(-1);
  for (let added = 1; last !== undefined && added <= nodes.length; added++) {
    const extra = Array.from({ length: added }, (_, index) =>
      renamed(last, `${last.name}-added-${index + 1}`),
    );
    if (!(await succeeds(sets, [...nodes, ...extra]))) continue;
    found.push({
      change: `${added} more ${last.instanceType.name}`,
      makes,
      ...price([...nodes, ...extra], nodes),
    });
    break;
  }
  for (const type of instanceTypes) {
    if (last === undefined || type.vcpus <= last.instanceType.vcpus) continue;
    if (!(await succeeds(sets, nodes.map(resized(type))))) continue;
    found.push({
      change: `${nodes.length} × ${type.name}`,
      makes,
      ...price(nodes.map(resized(type)), nodes),
    });
    break;
  }
  return found;
}

/** The largest number from 1 up to `most` for which it holds, if it holds for smaller ones as well. */
async function largest(
  most: number,
  holds: (value: number) => Promise<boolean>,
): Promise<number | undefined> {
  if (most < 1 || !(await holds(1))) return undefined;
  let [low, high] = [1, most];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (await holds(middle)) low = middle;
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
