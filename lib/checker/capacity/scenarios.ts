import type { PodSet } from '../manifest/pods';
import type { ClusterNode } from './node';
import { buildProblem, type Demand, labelOf, type Problem } from './problem';

const ZONE = 'topology.kubernetes.io/zone';
const HOST = 'kubernetes.io/hostname';

/** A way to spread the nodes over zones, e.g. 2 + 2. */
export interface ZoneLayout {
  readonly id: string;
  readonly nodes: readonly ClusterNode[];
}

/** One situation in which every pod has to find a node. */
export interface Scenario {
  readonly id: string;
  readonly title: string;
  readonly layout: string;
  readonly problem: Problem;
  /** As `problem`, with the volumes free to be bound anywhere. */
  readonly unbound: Problem;
  /** Pods were taken away before. */
  readonly afterRemovals: boolean;
  /** For a set that is being rolled: pods of it that run while a new one must find a node. */
  readonly rolling?: { readonly set: PodSet; readonly running: number };
  /** Budgets that let no pod go, so that the drain never ends. */
  readonly deadlocks: readonly string[];
  /** The nodes on which everything was first started. */
  readonly before: readonly ClusterNode[];
  /** How many of them are lost or drained. */
  readonly gone: number;
}

/** Sizes of zones, largest first: every way for a few nodes, the evenest for many. */
function zoneSizes(nodes: number): number[][] {
  if (nodes > 6) {
    return [2, 3].map(zones =>
      Array.from({ length: zones }, (_, zone) => Math.floor((nodes + zones - 1 - zone) / zones)),
    );
  }
  const sizes: number[][] = [];
  for (let a = nodes - 1; a >= 1; a--) {
    for (let b = Math.min(a, nodes - a); b >= 1; b--) {
      const c = nodes - a - b;
      if (c === 0) sizes.push([a, b]);
      else if (c <= b && c > 0) sizes.push([a, b, c]);
    }
  }
  return sizes;
}

/** The nodes in one zone, and each way to spread them over two and three: all others up to six nodes, then the evenest. */
export function zoneLayouts(nodes: readonly ClusterNode[]): ZoneLayout[] {
  return [[nodes.length], ...zoneSizes(nodes.length)].map(sizes => {
    const zoneOf = sizes.flatMap((size, zone) => Array.from({ length: size }, () => `zone-${'abc'[zone]}`));
    return {
      id: sizes.join('+'),
      nodes: nodes.map((node, index) => {
        const zone = zoneOf[index] ?? 'zone-a';
        return { ...node, zone, labels: { ...node.labels, [ZONE]: zone } };
      }),
    };
  });
}

/** One-shot jobs have run when the cluster is up; jobs by the clock may run at any time. */
export function runsOnce(set: PodSet): boolean {
  return set.endsByItself && set.schedule === undefined && set.owner.kind === 'Job';
}

/**
 * Every scenario of a layout: the first start; everything at its most; overlapping scheduled jobs; each node lost,
 * each drained (of nodes that nothing tells apart, one); each rolling update of the sets that are the caller's own.
 */
export function scenarios(
  sets: readonly PodSet[],
  layout: ZoneLayout,
  rolls: (set: PodSet) => boolean,
): Scenario[] {
  const { nodes } = layout;
  const zones = new Set(nodes.map(({ zone }) => zone));
  const running = sets.filter(set => !runsOnce(set));
  const most = (set: PodSet) => set.replicas.max;
  const demandsOf = (chosen: readonly PodSet[], count: (set: PodSet) => number): Demand[] =>
    chosen.map(set => ({ set, count: count(set) }));
  const unscheduled = (chosen: readonly PodSet[]) => chosen.filter(({ schedule }) => schedule === undefined);

  const scenario = (
    id: string,
    title: string,
    at: readonly ClusterNode[],
    demands: readonly Demand[],
    more: Partial<Pick<Scenario, 'afterRemovals' | 'rolling' | 'deadlocks'>> & {
      readonly bound?: boolean;
      readonly gone?: number;
      readonly cordoned?: ReadonlySet<string>;
    } = {},
  ): Scenario => {
    const options = more.cordoned === undefined ? {} : { cordoned: more.cordoned };
    const unbound = buildProblem(at, demands, options);
    const bound = more.bound === true && zones.size > 1 ? boundDemands(demands, nodes) : undefined;
    return {
      id,
      title,
      layout: layout.id,
      problem: bound === undefined ? unbound : buildProblem(at, bound, options),
      unbound,
      afterRemovals: more.afterRemovals ?? false,
      deadlocks: more.deadlocks ?? [],
      ...(more.rolling === undefined ? {} : { rolling: more.rolling }),
      before: nodes,
      gone: more.gone ?? 0,
    };
  };

  const steady = demandsOf(unscheduled(running), most);
  const scheduled = sets.filter(({ schedule }) => schedule !== undefined);
  const list: Scenario[] = [
    scenario(
      'start',
      'first start, everything at its initial number',
      nodes,
      demandsOf(unscheduled(sets), set => set.replicas.initial),
    ),
    scenario('most', 'everything at its most', nodes, steady),
  ];
  if (scheduled.length > 0) {
    list.push(
      scenario('overlap', 'all scheduled jobs at once', nodes, [
        ...steady,
        ...demandsOf(scheduled, set => most(set) * (set.overlapsItself === true ? 2 : 1)),
      ]),
    );
  }
  for (const { node, others } of distinctNodes(nodes)) {
    const rest = nodes.filter(other => other !== node);
    list.push(
      scenario(`lost-${node.name}`, `${node.name}${others} lost`, rest, steady, {
        bound: true,
        afterRemovals: true,
        gone: 1,
      }),
    );
  }
  for (const { zone, others } of distinctZones(nodes)) {
    const rest = nodes.filter(other => other.zone !== zone);
    list.push(
      scenario(`lost-zone-${zone}`, `${zone}${others} lost, with all its nodes`, rest, steady, {
        bound: true,
        afterRemovals: true,
        gone: nodes.length - rest.length,
      }),
    );
  }
  const deadlocks = running.flatMap(({ disruptionBudget, replicas }) =>
    disruptionBudget !== undefined && disruptionBudget.maxUnavailable <= 0 && replicas.initial > 0
      ? [disruptionBudget.name]
      : [],
  );
  for (const { node, others } of distinctNodes(nodes)) {
    list.push(
      scenario(`drain-${node.name}`, `${node.name}${others} drained`, nodes, steady, {
        bound: true,
        afterRemovals: true,
        cordoned: new Set([node.name]),
        gone: 1,
        deadlocks: [...new Set(deadlocks)],
      }),
    );
  }
  if (steady.some(({ set }) => set.updateStrategy.kind === 'replace' && set.role !== 'daemon')) {
    list.push(
      scenario('replace', 'rolling update, one pod at a time (StatefulSets, Kafka)', nodes, steady, {
        bound: true,
        afterRemovals: true,
      }),
    );
  }
  for (const set of unscheduled(running).filter(rolls)) {
    const strategy = set.updateStrategy;
    if (strategy.kind !== 'surge' || strategy.maxSurge === 0 || set.replicas.max === 0) continue;
    const { max } = set.replicas;
    // With an old pod taken away first, its place is free: only beside all of them the new one needs more.
    const running = max - Math.min(1, strategy.maxUnavailable);
    const renewed = tellsTemplatesApart(set) ? withNewTemplate(set) : undefined;
    list.push(
      scenario(
        `roll-${labelOf(set)}`,
        `rolling update of ${labelOf(set)}, ${strategy.maxSurge} more`,
        nodes,
        steady.flatMap((demand): Demand[] => {
          if (demand.set !== set) return [demand];
          return renewed === undefined
            ? [{ ...demand, count: max + strategy.maxSurge }]
            : [
                { ...demand, count: running },
                { ...demand, set: renewed, count: strategy.maxSurge },
              ];
        }),
        {
          bound: true,
          afterRemovals: true,
          rolling:
            renewed === undefined ? { set, running } : { set: renewed, running: strategy.maxSurge - 1 },
        },
      ),
    );
  }
  return list;
}

const TEMPLATE_HASH = 'pod-template-hash';

/** Whether the pods' spreads or affinities tell the old ones from those of a new template. */
function tellsTemplatesApart({ pod: { spec } }: PodSet): boolean {
  return JSON.stringify([spec.affinity, spec.topologySpreadConstraints]).includes(TEMPLATE_HASH);
}

function withNewTemplate(set: PodSet): PodSet {
  const { labels } = set.pod;
  const hash = `${labels[TEMPLATE_HASH]}-new`;
  return {
    ...set,
    name: `${set.name} (new template)`,
    pod: { ...set.pod, labels: { ...labels, [TEMPLATE_HASH]: hash } },
  };
}

/** One node of each kind that nothing but the name tells apart, and how many more there are. */
function distinctNodes(nodes: readonly ClusterNode[]): { node: ClusterNode; others: string }[] {
  const groups = new Map<string, ClusterNode[]>();
  for (const node of nodes) {
    const { [HOST]: _host, ...labels } = node.labels;
    const key = JSON.stringify([node.instanceType.name, node.allocatable, labels, node.taints]);
    groups.set(key, [...(groups.get(key) ?? []), node]);
  }
  return [...groups.values()].map(alike => ({
    node: alike[0] as ClusterNode,
    others: alike.length > 1 ? ` (or one of ${alike.length - 1} like it)` : '',
  }));
}

/** Zones that can be lost while others are left: of those with the same nodes, one. */
function distinctZones(nodes: readonly ClusterNode[]): { zone: string; others: string }[] {
  const zones = [...new Set(nodes.flatMap(({ zone }) => (zone === undefined ? [] : [zone])))];
  if (zones.length < 2) return [];
  const groups = new Map<string, string[]>();
  for (const zone of zones) {
    const shapes = nodes
      .filter(node => node.zone === zone)
      .map(({ instanceType, allocatable, labels: { [HOST]: _host, [ZONE]: _zone, ...labels }, taints }) =>
        JSON.stringify([instanceType.name, allocatable, labels, taints]),
      );
    const key = shapes.sort().join();
    groups.set(key, [...(groups.get(key) ?? []), zone]);
  }
  return [...groups.values()].map(alike => ({
    zone: alike[0] as string,
    others: alike.length > 1 ? ` (or one of ${alike.length - 1} like it)` : '',
  }));
}

/** Volumes follow no pod out of their zone: each set with volumes becomes one kind of pods for each zone. */
function boundDemands(demands: readonly Demand[], nodes: readonly ClusterNode[]): Demand[] {
  const zones = [...new Set(nodes.map(({ zone }) => zone ?? ''))];
  return demands.flatMap((demand, id): Demand[] => {
    const { set, count } = demand;
    if (set.volumeClaims.length === 0 || set.role === 'daemon' || count === 0) return [demand];
    const alone = buildProblem(nodes, [demand]);
    const kind = alone.kinds[0];
    const separate = kind?.conflicts
      .filter(({ other }) => other === 0)
      .map(({ topology }) => alone.topologies[topology]);
    const spread = kind?.spreads.find(
      ({ topology, matchesItself }) =>
        matchesItself &&
        new Set(alone.topologies[topology]).size === zones.length &&
        zones.length < nodes.length,
    );
    const most = zones.map(zone => {
      const inZone = nodes.flatMap((node, index) =>
        node.zone === zone && kind?.eligible[index] === true ? [index] : [],
      );
      const domains = (separate ?? []).map(domainOf => new Set(inZone.map(node => domainOf?.[node])).size);
      return inZone.length === 0 ? 0 : Math.min(count, ...domains);
    });
    const least = Math.min(...most.filter(pods => pods > 0));
    const even = most.map(pods => (spread === undefined ? pods : Math.min(pods, least + spread.maxSkew)));
    const bound = zones.flatMap((zone, index): Demand[] => {
      const pods = even[index] as number;
      const skew = spread === undefined ? {} : { maxSkew: spread.maxSkew };
      return pods === 0 ? [] : [{ ...demand, zone, binding: { id, total: count, most: pods, ...skew } }];
    });
    // Pods that never found a node have no volume yet: they may go to any zone.
    const unstarted = count - even.reduce((sum, pods) => sum + pods, 0);
    return unstarted <= 0 ? bound : [...bound, { ...demand, binding: { id, total: count, most: unstarted } }];
  });
}
