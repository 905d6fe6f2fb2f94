import { readableAmount } from './pod-request';
import type { Affinity, PodKind, Problem } from './problem';

/** Why a node cannot take a pod, as the scheduler's filters decide. */
export type Blocker =
  | { readonly filter: 'not selected' }
  | { readonly filter: 'resource'; readonly resource: number; readonly missing: number }
  | { readonly filter: 'conflict'; readonly other: number; readonly why: string }
  | { readonly filter: 'spread'; readonly topology: number }
  | { readonly filter: 'affinity' }
  /** The node is blocked as it is, and pushing out others would take away what the pod affinity asks for. */
  | { readonly filter: 'affinity to victims'; readonly direct: Blocker };

/** Whether pods of one kind may push out those of another. */
export function isVictim(by: PodKind, other: PodKind): boolean {
  return by.preempts && other.priority < by.priority;
}

/** One pod of a kind on a node, both by index. */
export interface Step {
  readonly kind: number;
  readonly node: number;
}

/**
 * Which pods are where, with the scheduler's filters: NodeResourcesFit, NodeAffinity, TaintToleration, NodePorts,
 * NodeVolumeLimits, InterPodAffinity and PodTopologySpread. Every claim of a search is replayed through it.
 */
export class Placement {
  /** Pods placed, by kind. */
  readonly placed: number[];
  /** Pods of a kind on a node: `on[node][kind]`. */
  readonly on: number[][];
  private readonly free: number[][];
  /** Pods of a kind in a domain: `inDomain[topology][domain][kind]`. */
  private readonly inDomain: number[][][];

  /** With `beforeCordon`, nodes that were cordoned later still take pods. */
  constructor(
    readonly problem: Problem,
    private readonly beforeCordon = false,
  ) {
    this.placed = problem.kinds.map(() => 0);
    this.on = problem.nodes.map(() => problem.kinds.map(() => 0));
    this.free = problem.nodes.map(({ capacity }) => [...capacity]);
    this.inDomain = problem.topologies.map(domains =>
      Array.from({ length: Math.max(-1, ...domains) + 1 }, () => problem.kinds.map(() => 0)),
    );
  }

  freeOn(node: number): readonly number[] {
    return this.free[node] as number[];
  }

  place(kind: number, node: number): void {
    this.change(kind, node, 1);
  }

  remove(kind: number, node: number): void {
    this.change(kind, node, -1);
  }

  private change(kind: number, node: number, by: 1 | -1): void {
    const { requests } = this.problem.kinds[kind] as PodKind;
    const free = this.free[node] as number[];
    for (let r = 0; r < requests.length; r++) free[r] = (free[r] as number) - by * (requests[r] as number);
    this.placed[kind] = (this.placed[kind] as number) + by;
    const on = this.on[node] as number[];
    on[kind] = (on[kind] as number) + by;
    this.problem.topologies.forEach((domains, topology) => {
      const counts = this.inDomain[topology]?.[domains[node] as number];
      if (counts !== undefined) counts[kind] = (counts[kind] as number) + by;
    });
  }

  /** The first filter that keeps the kind off the node; undefined when the node takes it. */
  blocker(kind: number, node: number): Blocker | undefined {
    const pod = this.problem.kinds[kind] as PodKind;
    const eligible = this.beforeCordon ? pod.eligibleBefore : pod.eligible;
    if (eligible[node] !== true) return { filter: 'not selected' };
    const free = this.free[node] as number[];
    for (let r = 0; r < free.length; r++) {
      const request = pod.requests[r] as number;
      if (request > 0 && request > (free[r] as number)) {
        return { filter: 'resource', resource: r, missing: request - (free[r] as number) };
      }
    }
    return this.relationBlocker(pod, node);
  }

  private relationBlocker(pod: PodKind, node: number): Blocker | undefined {
    const { topologies } = this.problem;
    for (const { other, topology, why } of pod.conflicts) {
      const domain = topologies[topology]?.[node] ?? -1;
      if (domain >= 0 && (this.inDomain[topology]?.[domain]?.[other] ?? 0) > 0) {
        return { filter: 'conflict', other, why };
      }
    }
    return (
      this.spreadBlocker(pod, node) ?? (this.isAffinityMet(pod, node) ? undefined : { filter: 'affinity' })
    );
  }

  private spreadBlocker(pod: PodKind, node: number): Blocker | undefined {
    const { topologies } = this.problem;
    for (const spread of pod.spreads) {
      const domains = topologies[spread.topology] as readonly number[];
      const counts = this.spreadCounts(spread);
      const mine = counts.get(domains[node] as number) ?? 0;
      const least = counts.size < spread.minDomains ? 0 : Math.min(...counts.values());
      if (mine + (spread.matchesItself ? 1 : 0) - least > spread.maxSkew) {
        return { filter: 'spread', topology: spread.topology };
      }
    }
    return undefined;
  }

  /** Whether the affinity is what the scheduler finds first: it looks at anti-affinity after it, at all else before. */
  private isAffinityAlone(pod: PodKind, node: number): boolean {
    return pod.affinity !== undefined && !this.isAffinityMet(pod, node) && !this.failsBefore(pod, node);
  }

  private failsBefore(pod: PodKind, node: number): boolean {
    const free = this.free[node] as number[];
    return (
      pod.requests.some((request, r) => request > 0 && request > (free[r] as number)) ||
      pod.conflicts.some(({ other, why }) => why === 'host port' && (this.on[node]?.[other] as number) > 0) ||
      this.spreadBlocker(pod, node) !== undefined
    );
  }

  private isAffinityMet({ affinity }: PodKind, node: number): boolean {
    if (affinity === undefined) return true;
    const isNear = affinity.topologies.every((topology, number) => {
      if (affinity.isNearResident[number]?.[node] === true) return true;
      const counts = this.inDomain[topology]?.[this.problem.topologies[topology]?.[node] ?? -1];
      return affinity.matches.some(other => (counts?.[other] ?? 0) > 0);
    });
    // The first pod of a group that wants to be with its own kind may go anywhere.
    return isNear || (affinity.matchesItself && !affinity.hasResident && !this.isAnyPlaced(affinity));
  }

  private isAnyPlaced({ matches, inTopology }: Affinity): boolean {
    return matches.some(
      other =>
        (this.placed[other] ?? 0) > 0 &&
        this.on.some((counts, node) => inTopology[node] === true && (counts[other] ?? 0) > 0),
    );
  }

  private spreadCounts(spread: PodKind['spreads'][number]): Map<number, number> {
    const counts = new Map<number, number>();
    const domains = this.problem.topologies[spread.topology] as readonly number[];
    domains.forEach((domain, node) => {
      if (spread.counted[node] !== true) return;
      const on = this.on[node] as number[];
      let matching = (counts.get(domain) ?? 0) + (spread.residents[node] as number);
      for (const other of spread.matches) matching += on[other] as number;
      counts.set(domain, matching);
    });
    return counts;
  }

  /**
   * As `blocker`, for a pod that may push out others: the node is looked at without the pods of lower priority on
   * it, all of them at once, which is how the scheduler's preemption decides (budgets do not stop it, they only order
   * the victims). So a pod gains nothing where its affinity asks for pods that it would push out.
   */
  blockerAfterPreemption(kind: number, node: number): Blocker | undefined {
    const pod = this.problem.kinds[kind] as PodKind;
    const direct = this.blocker(kind, node);
    if (direct === undefined || !pod.preempts) return direct;
    // Preemption does not look at nodes that no removal of pods can mend, and an affinity counts as such.
    if (this.isAffinityAlone(pod, node)) return { filter: 'affinity' };
    const wasMet = this.isAffinityMet(pod, node);
    const victims = (this.on[node] as number[]).flatMap((count, other) =>
      isVictim(pod, this.problem.kinds[other] as PodKind) ? Array.from({ length: count }, () => other) : [],
    );
    for (const victim of victims) this.remove(victim, node);
    const blocker = this.blocker(kind, node);
    for (const victim of victims) this.place(victim, node);
    return blocker?.filter === 'affinity' && wasMet ? { filter: 'affinity to victims', direct } : blocker;
  }

  /** The nodes that preemption would free for the kind. */
  nodesToFree(kind: number): number[] {
    if (this.problem.kinds[kind]?.preempts !== true) return [];
    return this.problem.nodes.flatMap((_, node) =>
      this.blockerAfterPreemption(kind, node) === undefined ? [node] : [],
    );
  }

  /** Takes off the node, and returns, those that preemption would take: all of lower priority but who fits beside the pod. */
  pushOut(kind: number, node: number): number[] {
    const pod = this.problem.kinds[kind] as PodKind;
    const victims = (this.on[node] as number[])
      .flatMap((count, other) =>
        isVictim(pod, this.problem.kinds[other] as PodKind) ? Array.from({ length: count }, () => other) : [],
      )
      .sort(
        (a, b) => (this.problem.kinds[b] as PodKind).priority - (this.problem.kinds[a] as PodKind).priority,
      );
    for (const victim of victims) this.remove(victim, node);
    const gone = victims.filter(victim => {
      this.place(victim, node);
      const isInTheWay = this.blocker(kind, node) !== undefined;
      if (isInTheWay) this.remove(victim, node);
      return isInTheWay;
    });
    return [...gone, ...this.followersGone()];
  }

  /** Takes off, and returns, pods whose first is gone: executors end with their driver. */
  private followersGone(): number[] {
    return this.problem.kinds.flatMap(({ index, after }) => {
      if (after === undefined || (this.placed[after] as number) > 0) return [];
      return this.on.flatMap((counts, node) => {
        const gone = Array.from({ length: counts[index] as number }, () => index);
        for (const follower of gone) this.remove(follower, node);
        return gone;
      });
    });
  }

  /** The nodes that would take the kind now. */
  candidates(kind: number): number[] {
    return this.problem.nodes.flatMap((_, node) => (this.blocker(kind, node) === undefined ? [node] : []));
  }

  /** Whether no node takes the kind, not even by pushing out lower priorities. */
  isBlocked(kind: number): boolean {
    return this.problem.nodes.every((_, node) => this.blockerAfterPreemption(kind, node) !== undefined);
  }
}

/** A blocker in words, as `kubectl describe pod` would tell it, with the figures. */
export function describeBlocker(problem: Problem, kind: number, blocker: Blocker): string {
  switch (blocker.filter) {
    case 'not selected':
      return 'is not one of the nodes that the pod selects or tolerates';
    case 'resource': {
      const resource = problem.resources[blocker.resource] ?? '';
      const request = problem.kinds[kind]?.requests[blocker.resource] ?? 0;
      return `has ${readableAmount(resource, Math.max(0, request - blocker.missing))} ${resource} left of the ${readableAmount(resource, request)} requested`;
    }
    case 'conflict':
      return `has a pod of ${problem.kinds[blocker.other]?.label} beside which it may not run (${blocker.why})`;
    case 'spread':
      return 'is in a domain that would exceed maxSkew of the topology spread';
    case 'affinity':
      return 'has no pod near that the pod affinity asks for';
    case 'affinity to victims':
      return `${describeBlocker(problem, kind, blocker.direct)}, and the pod affinity asks for pods that would be pushed out`;
  }
}

/**
 * An order in which the pods can arrive so that the scheduler may put each on its node: the placement is then one
 * that can really come about. Undefined when no order was found. Without relations between pods any order does.
 */
export function arrivalOrder(problem: Problem, on: readonly (readonly number[])[]): Step[] | undefined {
  const entries = on.flatMap((counts, node) =>
    counts.flatMap((count, kind) => (count > 0 ? [{ kind, node, count }] : [])),
  );
  // The first that asks for its own kind is free to choose only while none of that kind is there.
  const isFree = ({ kind }: Step) => problem.kinds[kind]?.affinity?.matchesItself === true;
  const freeFirst = [...entries.filter(isFree), ...entries.filter(entry => !isFree(entry))];
  return (
    inTurns(problem, entries) ?? inTurns(problem, freeFirst) ?? inTurns(problem, [...freeFirst].reverse())
  );
}

function inTurns(
  problem: Problem,
  entries: readonly (Step & { readonly count: number })[],
): Step[] | undefined {
  const placement = new Placement(problem, true);
  const rest = entries.map(entry => ({ ...entry }));
  const steps: Step[] = [];
  // Spreads open evenly filled domains first: one pod of each entry in turn, the emptiest domain first.
  let progress = true;
  while (progress) {
    progress = false;
    for (const entry of rest) {
      const { after } = problem.kinds[entry.kind] as PodKind;
      const isEarly = after !== undefined && placement.placed[after] === 0;
      if (entry.count === 0 || isEarly || placement.blocker(entry.kind, entry.node) !== undefined) continue;
      placement.place(entry.kind, entry.node);
      steps.push({ kind: entry.kind, node: entry.node });
      entry.count--;
      progress = true;
    }
  }
  return rest.every(({ count }) => count === 0) ? steps : undefined;
}
