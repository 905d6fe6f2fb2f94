import type { PodSet, UnreadableFigure } from '../manifest/pods';
import { matchesLabels, matchesRequirement } from '../manifest/selector';
import { asObjects, at, isObject, type PlainObject } from '../object/manifest-object';
import type { ClusterNode, Taint } from './node';
import { type Amounts, PODS, podRequest, VOLUMES } from './pod-request';

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
}

/** Kinds of which a pod asks to be in one domain, in each of these topologies. */
export interface Affinity {
  readonly topologies: readonly number[];
  /** In ascending order. */
  readonly matches: readonly number[];
  readonly matchesItself: boolean;
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
const NODE_CRITICAL = 2_000_000_000;
const ZONE = 'topology.kubernetes.io/zone';
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
  const isCriticalDaemon = (set: PodSet) => set.role === 'daemon' && set.priority >= NODE_CRITICAL;
  for (const daemon of prepared.filter(({ set }) => isCriticalDaemon(set))) {
    const requests = vector(daemon.amounts);
    capacities.forEach((capacity, node) => {
      if (daemon.allows[node])
        for (let r = 0; r < requests.length; r++) capacity[r] = (capacity[r] ?? 0) - (requests[r] ?? 0);
    });
  }

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
    .filter(({ set, count }) => count > 0 && !isCriticalDaemon(set))
    .flatMap(pod =>
      pod.set.role === 'daemon'
        ? nodes.flatMap((node, index) =>
            pod.allows[index]
              ? [
                  {
                    ...pod,
                    label: `${labelOf(pod.set)} on ${node.name}`,
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
    const affinity =
      own.affinity.length === 0
        ? undefined
        : {
            topologies: own.affinity.map(term => topology(term.topologyKey)),
            matches: affinityMatches,
            matchesItself: affinityMatches.includes(index),
          };
    const spreadKeys = own.spread.map(({ constraint }) => String(constraint['topologyKey']));
    const spreads = own.spread.map(({ constraint, selector }): Spread => {
      const matches = pods.flatMap((other, number) =>
        other.set.namespace === pod.set.namespace && matchesLabels(selector, other.set.pod.labels)
          ? [number]
          : [],
      );
      return {
        topology: topology(String(constraint['topologyKey'])),
        maxSkew: Number(constraint['maxSkew'] ?? 1),
        minDomains: Number(constraint['minDomains'] ?? 1),
        matches,
        matchesItself: matches.includes(index),
        counted: nodes.map(
          node =>
            spreadKeys.every(key => node.labels[key] !== undefined) &&
            ((constraint['nodeAffinityPolicy'] ?? 'Honor') !== 'Honor' || selects(pod.set.pod.spec, node)) &&
            ((constraint['nodeTaintsPolicy'] ?? 'Ignore') !== 'Honor' ||
              (tolerates(pod.set, node.taints) && !options.cordoned?.has(node.name))),
        ),
      };
    });
    const needsKeys = [...own.affinity.map(term => term.topologyKey), ...spreadKeys];
    const eligibleBefore = nodes.map(
      (node, number) => pod.allows[number] === true && needsKeys.every(key => node.labels[key] !== undefined),
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

function allows(set: PodSet, node: ClusterNode, zone: string | undefined): boolean {
  return (
    selects(set.pod.spec, node) &&
    tolerates(set, node.taints) &&
    (zone === undefined || node.labels[ZONE] === zone)
  );
}

/** nodeSelector and required node affinity; the terms of the latter are alternatives. */
function selects(spec: PodSet['pod']['spec'], node: ClusterNode): boolean {
  if (!Object.entries(spec.nodeSelector).every(([key, value]) => node.labels[key] === value)) return false;
  const required = at(spec.affinity, 'nodeAffinity', 'requiredDuringSchedulingIgnoredDuringExecution');
  if (!isObject(required)) return true;
  return asObjects(required['nodeSelectorTerms']).some(term => {
    const expressions = asObjects(term['matchExpressions']);
    const fields = asObjects(term['matchFields']);
    return (
      expressions.length + fields.length > 0 &&
      expressions.every(requirement => matchesRequirement(requirement, node.labels)) &&
      fields.every(requirement => matchesRequirement(requirement, { 'metadata.name': node.name }))
    );
  });
}

function tolerates(set: PodSet, taints: readonly Taint[]): boolean {
  return taints.every(
    taint =>
      taint.effect === 'PreferNoSchedule' ||
      set.pod.spec.tolerations.some(
        toleration =>
          (toleration['effect'] === undefined ||
            toleration['effect'] === '' ||
            toleration['effect'] === taint.effect) &&
          (toleration['operator'] === 'Exists'
            ? toleration['key'] === undefined || toleration['key'] === '' || toleration['key'] === taint.key
            : toleration['key'] === taint.key && String(toleration['value'] ?? '') === (taint.value ?? '')),
      ),
  );
}

/** A pod (anti-)affinity term with its namespaces resolved. */
interface Term {
  readonly topologyKey: string;
  readonly selector: PlainObject | undefined;
  /** Undefined: every namespace. */
  readonly namespaces: ReadonlySet<string> | undefined;
  readonly namespaceSelector: PlainObject | undefined;
}

interface Relations {
  readonly affinity: readonly Term[];
  readonly antiAffinity: readonly Term[];
  readonly spread: readonly {
    readonly constraint: PlainObject;
    readonly selector: PlainObject | undefined;
  }[];
}

function relations(set: PodSet): Relations {
  const { spec, labels } = set.pod;
  const terms = (kind: string) =>
    asObjects(at(spec.affinity, kind, 'requiredDuringSchedulingIgnoredDuringExecution')).map((term): Term => {
      const declared = Array.isArray(term['namespaces']) ? term['namespaces'].map(String) : [];
      const namespaceSelector = isObject(term['namespaceSelector']) ? term['namespaceSelector'] : undefined;
      const everywhere = namespaceSelector !== undefined && Object.keys(namespaceSelector).length === 0;
      return {
        topologyKey: String(term['topologyKey']),
        selector: withLabelKeys(term['labelSelector'], term, labels),
        namespaces: everywhere
          ? undefined
          : new Set(declared.length === 0 && namespaceSelector === undefined ? [set.namespace] : declared),
        namespaceSelector,
      };
    });
  return {
    affinity: terms('podAffinity'),
    antiAffinity: terms('podAntiAffinity'),
    spread: spec.topologySpreadConstraints
      .filter(constraint => (constraint['whenUnsatisfiable'] ?? 'DoNotSchedule') === 'DoNotSchedule')
      .map(constraint => ({
        constraint,
        selector: withLabelKeys(constraint['labelSelector'], constraint, labels),
      })),
  };
}

/** matchLabelKeys and mismatchLabelKeys add the pod's own values to the selector. */
function withLabelKeys(
  selector: unknown,
  source: PlainObject,
  labels: Readonly<Record<string, string>>,
): PlainObject | undefined {
  if (!isObject(selector)) return undefined;
  const extra = (['matchLabelKeys', 'mismatchLabelKeys'] as const).flatMap(field => {
    const keys = Array.isArray(source[field]) ? source[field].map(String) : [];
    return keys.flatMap(key => {
      const value = labels[key];
      return value === undefined
        ? []
        : [{ key, operator: field === 'matchLabelKeys' ? 'In' : 'NotIn', values: [value] }];
    });
  });
  return { ...selector, matchExpressions: [...asObjects(selector['matchExpressions']), ...extra] };
}

function matchesTerm(term: Term, set: PodSet): boolean {
  const inNamespace =
    term.namespaces === undefined ||
    term.namespaces.has(set.namespace) ||
    (term.namespaceSelector !== undefined &&
      matchesLabels(term.namespaceSelector, { 'kubernetes.io/metadata.name': set.namespace }));
  return inNamespace && matchesLabels(term.selector, set.pod.labels);
}

interface HostPort {
  readonly protocol: string;
  readonly port: number;
  readonly ip: string;
}

function hostPorts(set: PodSet): HostPort[] {
  const { spec } = set.pod;
  const sidecars = spec.initContainers.filter(container => container['restartPolicy'] === 'Always');
  return [...spec.containers, ...sidecars].flatMap(container =>
    asObjects(container['ports']).flatMap(entry => {
      const port = Number(entry['hostPort'] ?? (spec['hostNetwork'] === true ? entry['containerPort'] : 0));
      return port > 0
        ? [{ protocol: String(entry['protocol'] ?? 'TCP'), port, ip: String(entry['hostIP'] ?? '0.0.0.0') }]
        : [];
    }),
  );
}

function portsCollide(a: readonly HostPort[], b: readonly HostPort[]): boolean {
  return a.some(one =>
    b.some(
      other =>
        one.port === other.port &&
        one.protocol === other.protocol &&
        (one.ip === other.ip || one.ip === '0.0.0.0' || other.ip === '0.0.0.0'),
    ),
  );
}
