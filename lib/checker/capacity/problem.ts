import type { PodSet, UnreadableFigure } from '../manifest/pods';
import { matchesLabels } from '../manifest/selector';
import {
  allows,
  type HostPort,
  hostPorts,
  matchesTerm,
  portsCollide,
  type Relations,
  relations,
  selects,
  type Term,
  tolerates,
} from './filters';
import type { ClusterNode, Taint } from './node';
import { type Amounts, PODS, podRequest, VOLUMES } from './pod-request';
import { Residents } from './residents';

/** For each node the number of its domain, -1 where the node has no such label. */
export type Domains = readonly number[];

/** Two kinds of pods that may not be in one domain. */
export interface Conflict {
  readonly other: number;
  readonly topology: number;
  /** 'anti-affinity' or 'host port' */
  readonly why: string;
}

export interface Spread {
  readonly topology: number;
  readonly maxSkew: number;
  readonly minDomains: number;
  /** Kinds whose pods count. */
  readonly matches: readonly number[];
  readonly matchesItself: boolean;
  /** Nodes whose pods and domains count: those that the pod's selectors allow. */
  readonly counted: readonly boolean[];
  /** Pods that count and were on each node before all others. */
  readonly residents: readonly number[];
}

/** Kinds of which a pod asks to be in one domain, in each of these topologies. */
export interface Affinity {
  readonly topologies: readonly number[];
  /** In ascending order. */
  readonly matches: readonly number[];
  readonly matchesItself: boolean;
  /** For each of the topologies, the nodes in whose domain such a pod was before all others. */
  readonly isNearResident: readonly (readonly boolean[])[];
  /** Whether there is any such pod: the very first of the kind then has to be near it. */
  readonly hasResident: boolean;
  /** Nodes with one of the topologies: what is elsewhere does not count as being there. */
  readonly inTopology: readonly boolean[];
}

/** A set whose volumes are bound to zones: each zone is a kind of its own, together they are the set's pods. */
export interface Binding {
  /** One for all kinds of the set. */
  readonly id: number;
  /** Pods of the set in all zones together. */
  readonly total: number;
  /** Most that can have been bound in this zone. */
  readonly most: number;
  /** How far zones may differ, when a spread over zones says so. */
  readonly maxSkew?: number;
}

/** Pods that are alike in all that the scheduler looks at. */
export interface PodKind {
  readonly index: number;
  readonly set: PodSet;
  readonly label: string;
  /** The zone that the pods' volumes are bound to. */
  readonly zone?: string;
  readonly count: number;
  /** In the order of `Problem.resources`. */
  readonly requests: readonly number[];
  readonly eligible: readonly boolean[];
  /** As `eligible`, before nodes were cordoned: where a pod may still be. */
  readonly eligibleBefore: readonly boolean[];
  /** Pods of one set whose volumes are bound in some zone: how many of them are in which is the adversary's choice. */
  readonly binding?: Binding;
  readonly conflicts: readonly Conflict[];
  readonly affinity?: Affinity;
  readonly spreads: readonly Spread[];
  readonly priority: number;
  readonly preempts: boolean;
  /** The kind without which pods of this one do not come: an executor's driver. */
  readonly after?: number;
}

export interface ProblemNode {
  readonly node: ClusterNode;
  /** What is left for the kinds after the node's critical daemon pods, in the order of `Problem.resources`. */
  readonly capacity: readonly number[];
}

/** A figure that is left out of the sums, and whose it is. */
export interface Uncounted extends UnreadableFigure {
  readonly set: PodSet;
}

/** Nodes and pods in integers: what the searches work on. */
export interface Problem {
  readonly resources: readonly string[];
  readonly nodes: readonly ProblemNode[];
  readonly kinds: readonly PodKind[];
  /** Domains by topology number; 0 is the node itself. */
  readonly topologies: readonly Domains[];
  /** What cannot be counted. */
  readonly uncounted: readonly Uncounted[];
}

/** How many pods of a set, and which limits stand on where they may go. */
export interface Demand {
  readonly set: PodSet;
  readonly count: number;
  /** The zone that the set's volumes are bound to. */
  readonly zone?: string;
  readonly binding?: Binding;
}

export interface ProblemOptions {
  /** Nodes that take no new pod (cordoned): they still count as domains. */
  readonly cordoned?: ReadonlySet<string>;
}

/** The taint of a cordoned node. */
const UNSCHEDULABLE: Taint = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };
const BASE_RESOURCES = ['cpu', 'memory', 'ephemeral-storage', PODS, VOLUMES];

/** Compiles pods and nodes. Daemon pods are put on every node they select: critical ones are there first. */
export function buildProblem(
  nodes: readonly ClusterNode[],
  demands: readonly Demand[],
  options: ProblemOptions = {},
): Problem {
  const uncounted: Uncounted[] = [];
  const prepared = demands.map(demand => {
    const { set } = demand;
    const request = podRequest(set.pod.spec, set.volumeClaims);
    for (const figure of [...set.unreadable, ...request.unreadable]) uncounted.push({ ...figure, set });
    return { ...demand, amounts: request.amounts, allows: nodes.map(node => allows(set, node, demand.zone)) };
  });
  const resources = [
    ...BASE_RESOURCES,
    ...new Set(
      prepared.flatMap(({ amounts }) => Object.keys(amounts)).filter(name => !BASE_RESOURCES.includes(name)),
    ),
  ];
  const vector = (amounts: Amounts) => resources.map(resource => amounts[resource] ?? 0);

  const capacities = nodes.map(({ allocatable }) =>
    vector({
      cpu: allocatable.cpuMillis,
      memory: allocatable.memoryBytes,
      'ephemeral-storage': allocatable.ephemeralStorageBytes,
      [PODS]: allocatable.pods,
      [VOLUMES]: allocatable.ebsVolumes,
    }),
  );
  const residents = new Residents(nodes);
  residents.settle(
    prepared
      .filter(({ count }) => count > 0)
      .map(({ amounts, ...pod }) => ({ ...pod, requests: vector(amounts) })),
    capacities,
  );

  const topologies: Domains[] = [nodes.map((_, index) => index)];
  const topologyByKey = new Map<string, number>();
  const topology = (key: string): number => {
    const known = topologyByKey.get(key);
    if (known !== undefined) return known;
    const values = new Map<string, number>();
    const domains = nodes.map(({ labels }) => {
      const value = labels[key];
      if (value === undefined) return -1;
      if (!values.has(value)) values.set(value, values.size);
      return values.get(value) ?? -1;
    });
    const same = topologies.findIndex(known => known.every((domain, node) => domain === domains[node]));
    const number = same >= 0 ? same : topologies.push(domains) - 1;
    topologyByKey.set(key, number);
    return number;
  };

  const pods = prepared
    .filter(({ count }) => count > 0)
    .flatMap((pod): readonly (typeof pod & { readonly label: string; readonly daemonOf?: number })[] =>
      pod.set.role === 'daemon'
        ? nodes.flatMap((node, index) =>
            pod.allows[index] && !residents.has(pod.set, index)
              ? [
                  {
                    ...pod,
                    label: `${labelOf(pod.set)} on ${node.name}`,
                    daemonOf: index,
                    allows: nodes.map((_, n) => n === index),
                  },
                ]
              : [],
          )
        : [{ ...pod, label: labelOf(pod.set) + (pod.zone === undefined ? '' : ` bound in ${pod.zone}`) }],
    );

  // Few pods have any of these: the others are never compared with each other.
  const selecting = pods.map(({ set }) => relations(set));
  const repelling = selecting.flatMap(({ antiAffinity }, index) => (antiAffinity.length > 0 ? [index] : []));
  const ports = pods.map(({ set }) => hostPorts(set));
  const onHostPorts = ports.flatMap((list, index) => (list.length > 0 ? [index] : []));
  const kinds = pods.map((pod, index): PodKind => {
    const own = selecting[index] as Relations;
    const ownPorts = ports[index] as HostPort[];
    const matching = (term: Term) =>
      pods.flatMap((other, number) => (matchesTerm(term, other.set) ? [number] : []));
    const conflicts: Conflict[] = own.antiAffinity.flatMap(term =>
      matching(term).map(other => ({ other, topology: topology(term.topologyKey), why: 'anti-affinity' })),
    );
    for (const other of repelling) {
      for (const term of selecting[other]?.antiAffinity ?? []) {
        if (matchesTerm(term, pod.set)) {
          conflicts.push({ other, topology: topology(term.topologyKey), why: 'anti-affinity' });
        }
      }
    }
    for (const other of ownPorts.length > 0 ? onHostPorts : []) {
      if (portsCollide(ownPorts, ports[other] ?? [])) {
        conflicts.push({ other, topology: 0, why: 'host port' });
      }
    }
    const uniqueConflicts = [
      ...new Map(conflicts.map(conflict => [`${conflict.other}/${conflict.topology}`, conflict])).values(),
    ];
    const affinityMatches =
      own.affinity.length === 0
        ? []
        : pods.flatMap((other, number) =>
            own.affinity.every(term => matchesTerm(term, other.set)) ? [number] : [],
          );
    const near = residents.near(own.affinity);
    const affinity =
      own.affinity.length === 0
        ? undefined
        : {
            topologies: own.affinity.map(term => topology(term.topologyKey)),
            matches: affinityMatches,
            matchesItself: affinityMatches.includes(index),
            isNearResident: near.isNear,
            hasResident: near.any,
            inTopology: nodes.map(({ labels }) =>
              own.affinity.some(({ topologyKey }) => labels[topologyKey] !== undefined),
            ),
          };
    const spreadKeys = own.spread.map(({ constraint }) => String(constraint['topologyKey']));
    // What the DaemonSet controller puts in the place of a daemon pod's node affinity names its node.
    const isSelected = nodes.map((node, number) =>
      pod.daemonOf === undefined ? selects(pod.set.pod.spec, node) : pod.daemonOf === number,
    );
    const spreads = own.spread
      .filter(({ countsPods }) => countsPods)
      .map(({ constraint, selector }): Spread => {
        const isCounted = (other: PodSet) =>
          other.namespace === pod.set.namespace && matchesLabels(selector, other.pod.labels);
        const matches = pods.flatMap((other, number) => (isCounted(other.set) ? [number] : []));
        const counted = nodes.map(
          (node, number) =>
            spreadKeys.every(key => node.labels[key] !== undefined) &&
            ((constraint['nodeAffinityPolicy'] ?? 'Honor') !== 'Honor' || isSelected[number] === true) &&
            ((constraint['nodeTaintsPolicy'] ?? 'Ignore') !== 'Honor' ||
              (tolerates(pod.set, node.taints) &&
                (!options.cordoned?.has(node.name) || tolerates(pod.set, [UNSCHEDULABLE])))),
        );
        return {
          topology: topology(String(constraint['topologyKey'])),
          maxSkew: Number(constraint['maxSkew'] ?? 1),
          minDomains: Number(constraint['minDomains'] ?? 1),
          matches,
          matchesItself: matches.includes(index),
          counted,
          residents: residents.counted(isCounted).map((count, node) => (counted[node] ? count : 0)),
        };
      });
    const driver =
      pod.set.role === 'executor'
        ? pods.findIndex(({ set }) => set.role === 'driver' && set.owner === pod.set.owner)
        : -1;
    const needsKeys = [...own.affinity.map(term => term.topologyKey), ...spreadKeys];
    const eligibleBefore = nodes.map(
      (node, number) =>
        pod.allows[number] === true &&
        needsKeys.every(key => node.labels[key] !== undefined) &&
        !residents.keepsOff(pod.set, number),
    );
    return {
      index,
      set: pod.set,
      label: pod.label,
      ...(pod.zone === undefined ? {} : { zone: pod.zone }),
      count: pod.count,
      requests: vector(pod.amounts),
      eligible: eligibleBefore.map(
        (allowed, number) =>
          allowed &&
          (!options.cordoned?.has(nodes[number]?.name ?? '') || tolerates(pod.set, [UNSCHEDULABLE])),
      ),
      eligibleBefore,
      ...(pod.binding === undefined ? {} : { binding: pod.binding }),
      conflicts: uniqueConflicts,
      ...(affinity === undefined ? {} : { affinity }),
      spreads,
      priority: pod.set.priority,
      preempts: pod.set.preempts,
      ...(driver < 0 ? {} : { after: driver }),
    };
  });

  return {
    resources,
    nodes: nodes.map((node, index) => ({ node, capacity: capacities[index] ?? [] })),
    kinds,
    topologies,
    uncounted,
  };
}

/** 'namespace/name' of a set, as errors and reports call it. */
export function labelOf(set: Pick<PodSet, 'namespace' | 'name'>): string {
  return `${set.namespace}/${set.name}`;
}
