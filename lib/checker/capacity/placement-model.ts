import type { Pods } from './blocking-sets';
import { Milp } from './milp';
import type { Affinity, PodKind, Problem, Spread } from './problem';

type Terms = [variable: number, coefficient: number][];

/** Scaled amounts stay below this, so that the solver's tolerance is far from one unit. */
const MOST_UNITS = 1_000_000;

function gcd(a: number, b: number): number {
  let [x, y] = [a, b];
  while (y !== 0) [x, y] = [y, x % y];
  return x;
}

/** A spread that counts the pods of one kind alone: its state does not depend on the order of arrival. */
export function isSelfSpread(spread: Spread, kind: PodKind): boolean {
  return (
    spread.matchesItself &&
    spread.matches.every(other => other === kind.index) &&
    spread.residents.every(count => count === 0)
  );
}

/** Whether a pod that a spread or an affinity of some kind counts can be pushed out, which leaves the others as they were. */
export function preemptionBreaksRelations(problem: Problem): boolean {
  return problem.kinds.some(kind => !relationsOutlastPreemption(problem, kind));
}

/** Of which kinds the spreads and affinities hold, whatever was taken away. */
export function relationsThatHold(
  problem: Problem,
  { afterRemovals }: { readonly afterRemovals?: boolean },
): (kind: PodKind) => boolean {
  return kind => afterRemovals !== true && relationsOutlastPreemption(problem, kind);
}

/** Whether nobody can push out a pod that the spreads and affinities of this kind count. */
function relationsOutlastPreemption(problem: Problem, kind: PodKind): boolean {
  const preemptors = problem.kinds.filter(({ preempts }) => preempts).map(({ priority }) => priority);
  const highest = Math.max(Number.NEGATIVE_INFINITY, ...preemptors);
  const counted = [...kind.spreads.flatMap(({ matches }) => matches), ...(kind.affinity?.matches ?? [])];
  return counted.every(other => (problem.kinds[other] as PodKind).priority >= highest);
}

/**
 * The legal placements of some kinds in integer variables: how many pods of a kind are on a node. What a row cannot
 * say exactly is left out, never tightened: the model holds every placement that can come about.
 */
export class PlacementModel {
  readonly milp = new Milp();
  /** The variable for the pods of a kind on a node, -1 where there is none: `on[node][kind]`. */
  readonly on: number[][];
  /** The fewest pods in any domain, for spreads over one kind once their rows are added. */
  readonly least = new Map<Spread, number>();
  private readonly inGame: ReadonlySet<number>;

  /** `atMost` of each kind may be placed, and `atLeast` must be. */
  constructor(
    readonly problem: Problem,
    readonly kinds: readonly PodKind[],
    atMost: (kind: PodKind) => number,
    atLeast: (kind: PodKind) => number,
    /** Where pods can be: now, or also on nodes that were cordoned later. */
    eligible: (kind: PodKind) => readonly boolean[],
  ) {
    this.inGame = new Set(kinds.map(({ index }) => index));
    this.on = problem.nodes.map(() => problem.kinds.map(() => -1));
    for (const kind of kinds) {
      const most = atMost(kind);
      if (most <= 0) continue;
      problem.nodes.forEach((_, node) => {
        if (eligible(kind)[node] === true) {
          (this.on[node] as number[])[kind.index] = this.milp.variable(0, most);
        }
      });
      this.milp.row(this.sum(this.everywhere([kind.index])), atLeast(kind), most);
    }
    this.addConflicts();
  }

  onNode(node: number, kind: number): number {
    return this.on[node]?.[kind] ?? -1;
  }

  /** The variables of these kinds on all nodes. */
  everywhere(kinds: readonly number[]): number[] {
    return this.problem.nodes.flatMap((_, node) => this.variablesOn(node, kinds));
  }

  inDomain(topology: number, domain: number, kinds: readonly number[]): number[] {
    return this.problem.nodes.flatMap((_, node) =>
      this.problem.topologies[topology]?.[node] === domain ? this.variablesOn(node, kinds) : [],
    );
  }

  /** The variables of these kinds on a node. */
  variablesOn(node: number, kinds: readonly number[]): number[] {
    return kinds.flatMap(kind => (this.onNode(node, kind) >= 0 ? [this.onNode(node, kind)] : []));
  }

  sum(variables: readonly number[], coefficient = 1): Terms {
    return variables.map(variable => [variable, coefficient]);
  }

  domainsOf(topology: number): number[] {
    return [...new Set(this.problem.topologies[topology] ?? [])].filter(domain => domain >= 0);
  }

  countedDomains(spread: Spread): number[] {
    const domains = this.problem.topologies[spread.topology] ?? [];
    return [...new Set(domains.filter((_, node) => spread.counted[node]))].filter(domain => domain >= 0);
  }

  /** How many pods that were there before all others a spread counts in a domain. */
  residentsIn(spread: Spread, domain: number): number {
    return spread.residents.reduce(
      (sum, count, node) => (this.problem.topologies[spread.topology]?.[node] === domain ? sum + count : sum),
      0,
    );
  }

  /** The variables of the pods that a spread counts in a domain. */
  countedIn(spread: Spread, domain: number): number[] {
    return this.problem.nodes.flatMap((_, node) =>
      spread.counted[node] && this.problem.topologies[spread.topology]?.[node] === domain
        ? this.variablesOn(node, spread.matches)
        : [],
    );
  }

  /** The unit in which amounts of a resource are counted, and whether every amount is a multiple of it. */
  private unitOf(resource: number, extra: number): { readonly unit: number; readonly exact: boolean } {
    const capacities = this.problem.nodes.map(({ capacity }) => capacity[resource] as number);
    const requests = [...this.kinds.map(kind => kind.requests[resource] as number), extra];
    const unit = Math.max(requests.reduce(gcd, 0), Math.ceil(Math.max(1, ...capacities) / MOST_UNITS));
    return { unit, exact: requests.every(request => request % unit === 0) };
  }

  /** No node holds more than it has. Half a unit of slack: whole numbers cannot tell, rounding cannot matter. */
  addCapacity(): void {
    this.problem.resources.forEach((_, r) => {
      const { unit } = this.unitOf(r, 0);
      this.problem.nodes.forEach(({ capacity }, node) => {
        const filled = this.filling(this.kinds, node, r, amount => Math.floor(amount / unit));
        if (filled.length > 0) {
          this.milp.row(
            filled,
            Number.NEGATIVE_INFINITY,
            Math.max(0, Math.floor((capacity[r] as number) / unit)) + 0.5,
          );
        }
      });
    });
  }

  /** Of these sets of pods at most one is chosen, and its pods are on the node. */
  addChoice(node: number, sets: readonly (readonly [chosen: number, pods: Pods])[]): void {
    if (sets.length === 0) return;
    this.milp.row(this.sum(sets.map(([chosen]) => chosen)), 0, 1);
    for (const { index } of this.kinds) {
      const needed = sets.flatMap(([chosen, pods]): Terms => {
        const count = pods.find(([kind]) => kind === index)?.[1] ?? 0;
        return count === 0 ? [] : [[chosen, -count]];
      });
      if (needed.length > 0)
        this.milp.row([[this.onNode(node, index), 1], ...needed], 0, Number.POSITIVE_INFINITY);
    }
  }

  /** A reason that can hold only when the pods of `firm` leave less of the resource on the node than `request`. */
  addShortage(firm: readonly PodKind[], node: number, resource: number, request: number): number {
    const { unit, exact } = this.unitOf(resource, request);
    const capacity = this.problem.nodes[node]?.capacity[resource] as number;
    const need = exact
      ? Math.floor(capacity / unit) - request / unit + 1
      : Math.floor((capacity - request + 1) / unit);
    const reason = this.milp.binary();
    if (need > 0) {
      const filled = this.filling(firm, node, resource, amount => Math.ceil(amount / unit));
      this.milp.row([...filled, [reason, -(need - 0.5)]], 0, Number.POSITIVE_INFINITY);
    }
    return reason;
  }

  private filling(
    kinds: readonly PodKind[],
    node: number,
    resource: number,
    inUnits: (amount: number) => number,
  ): Terms {
    return kinds.flatMap((kind): Terms => {
      const variable = this.onNode(node, kind.index);
      const amount = kind.requests[resource] as number;
      return variable >= 0 && amount > 0 ? [[variable, inUnits(amount)]] : [];
    });
  }

  /** Two kinds that exclude each other are not both in a domain. */
  private addConflicts(): void {
    const { milp, problem } = this;
    const done = new Set<string>();
    for (const kind of this.kinds) {
      for (const { other, topology } of kind.conflicts) {
        const key = `${Math.min(kind.index, other)}/${Math.max(kind.index, other)}/${topology}`;
        if (!this.inGame.has(other) || done.has(key)) continue;
        done.add(key);
        for (const domain of this.domainsOf(topology)) {
          const mine = this.inDomain(topology, domain, [kind.index]);
          const theirs = this.inDomain(topology, domain, [other]);
          if (kind.index === other) {
            if (mine.length > 0) milp.row(this.sum(mine), 0, 1);
          } else if (mine.length > 0 && theirs.length > 0) {
            const side = milp.binary();
            milp.row([...this.sum(mine), [side, -kind.count]], Number.NEGATIVE_INFINITY, 0);
            const others = problem.kinds[other]?.count ?? 0;
            milp.row([...this.sum(theirs), [side, others]], Number.NEGATIVE_INFINITY, others);
          }
        }
      }
    }
  }

  /**
   * What a spread over one kind leaves behind even when pods were taken away: a domain got its m-th pod while every
   * other had m − maxSkew or more, there were never more pods than the kind has, and never fewer domains than now.
   */
  addSpreadBounds(): void {
    for (const kind of this.kinds) {
      for (const spread of kind.spreads) {
        if (!isSelfSpread(spread, kind)) continue;
        const domains = this.countedDomains(spread);
        const most = Math.floor((kind.count + (domains.length - 1) * spread.maxSkew) / domains.length);
        for (const domain of domains)
          this.milp.row(this.sum(this.countedIn(spread, domain)), 0, Math.max(most, spread.maxSkew));
      }
    }
  }

  /**
   * Spreads and affinities hold of the pods that are placed, as far as the order of arrival cannot matter; `holds`
   * says of which kinds.
   */
  addRelations(holds: (kind: PodKind) => boolean): void {
    const { milp, problem } = this;
    for (const kind of this.kinds.filter(holds)) {
      for (const spread of kind.spreads) {
        if (!isSelfSpread(spread, kind)) continue;
        const domains = this.countedDomains(spread);
        const least = milp.variable(0, domains.length < spread.minDomains ? 0 : kind.count);
        this.least.set(spread, least);
        for (const domain of domains) {
          milp.row([...this.sum(this.countedIn(spread, domain)), [least, -1]], 0, spread.maxSkew);
        }
      }
      const { affinity } = kind;
      if (affinity === undefined || !affinity.matches.every(other => this.inGame.has(other))) continue;
      if (affinity.matchesItself) {
        this.addFollowing(kind, affinity, this.kinds.filter(holds));
        continue;
      }
      for (const [number, topology] of affinity.topologies.entries()) {
        problem.nodes.forEach((_, node) => {
          const variable = this.onNode(node, kind.index);
          if (variable < 0 || affinity.isNearResident[number]?.[node] === true) return;
          const near = this.inDomain(topology, problem.topologies[topology]?.[node] ?? -1, affinity.matches);
          milp.row([[variable, 1], ...this.sum(near, -kind.count)], Number.NEGATIVE_INFINITY, 0);
        });
      }
    }
  }

  /**
   * Pods that ask to be near their own kind: the very first may choose, all others follow to where one of those kinds
   * is. So they are in one domain, and in those that kinds which do not ask for it have opened. Once for all that ask
   * for the same.
   */
  private addFollowing(kind: PodKind, affinity: Affinity, kinds: readonly PodKind[]): void {
    const { milp } = this;
    const asks = ({ matches, topologies }: Affinity) => JSON.stringify([matches, topologies]);
    const askFor = (other: PodKind) =>
      other.affinity?.matchesItself === true && asks(other.affinity) === asks(affinity);
    const following = kinds.filter(askFor).map(({ index }) => index);
    if (following[0] !== kind.index) return;
    const opening = affinity.matches.filter(other => !following.includes(other));
    const most = following.reduce((sum, kind) => sum + (this.problem.kinds[kind]?.count ?? 0), 0);
    for (const [number, topology] of affinity.topologies.entries()) {
      const isOpen = (domain: number) =>
        affinity.isNearResident[number]?.some(
          (near, node) => near && this.problem.topologies[topology]?.[node] === domain,
        ) === true;
      const chosen = this.domainsOf(topology).map(domain => ({ domain, variable: milp.binary() }));
      milp.row(this.sum(chosen.map(({ variable }) => variable)), 0, affinity.hasResident ? 0 : 1);
      for (const { domain, variable } of chosen) {
        if (isOpen(domain)) continue;
        const there = this.inDomain(topology, domain, following);
        const opened = this.inDomain(topology, domain, opening);
        milp.row(
          [...this.sum(there), [variable, -most], ...this.sum(opened, -most)],
          Number.NEGATIVE_INFINITY,
          0,
        );
      }
    }
  }

  /** Who comes only after others is not there without them; where X does, they are there. */
  addArrivals(x: PodKind): void {
    for (const { index, after, count } of this.kinds) {
      if (after === undefined || !this.inGame.has(after)) continue;
      const first = this.everywhere([after]);
      if (index === x.index && x.after !== undefined)
        this.milp.row(this.sum(first), 1, Number.POSITIVE_INFINITY);
      this.milp.row(
        [...this.sum(this.everywhere([index])), ...this.sum(first, -count)],
        Number.NEGATIVE_INFINITY,
        0,
      );
    }
  }

  /** The pods of each kind on each node, of a solution. */
  placement(values: readonly number[]): number[][] {
    return this.on.map(row => row.map(variable => (variable < 0 ? 0 : (values[variable] as number))));
  }
}
