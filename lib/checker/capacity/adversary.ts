import type { Highs } from 'highs';
import { coverNodes, isBlockedNodeByNode } from './blocking-cover';
import { blockingSets, type Pods, shortage } from './blocking-sets';
import type { MilpLimits } from './milp';
import { arrivalOrder, isVictim, Placement, type Step } from './placement';
import {
  isSelfSpread,
  PlacementModel,
  preemptionBreaksRelations,
  relationsThatHold,
} from './placement-model';
import type { Conflict, PodKind, Problem } from './problem';
import { seeded } from './search';

/** Whether some order of arrival leaves a pod of one kind without a node. */
export type Contest =
  /** Provided that the kinds `given`, which it leans on, are always placed. */
  | { readonly outcome: 'always placed'; readonly given: readonly number[] }
  /** The pods that are placed, in an order that leads there; the kind then has no node. */
  | {
      readonly outcome: 'blocked';
      readonly steps: readonly Step[];
      /** The problem with the volumes bound as the witness needs it. */
      readonly problem: Problem;
    }
  | { readonly outcome: 'undecided'; readonly bound: string };

export interface ContestOptions {
  readonly limits: MilpLimits;
  /** Pods of the contested kind that may be placed already. @default its count − 1 */
  readonly placedAtMost?: number;
  /**
   * Whether pods may have been taken away before (a lost or drained node, preemption): spreads and affinities then
   * need not hold of those that are left. @default false
   */
  readonly afterRemovals?: boolean;
  /** Whether volumes can have been bound as in this problem. @default yes */
  readonly canBeBound?: (problem: Problem) => boolean;
}

/**
 * The adversary: chooses which pods arrive before a pod X and where the scheduler puts them, so that X finds no
 * node. Pods that X may push out do not count against it.
 *
 * Exact where the filters are monotone (resources, ports, volumes, anti-affinity, spreads over the pods of one
 * kind): the linear model then describes exactly the placements that can come about. For the rest it describes more
 * than those, so that "always placed" stays a proof, and "blocked" is claimed only for a replayed order.
 */
export function contest(highs: Highs, problem: Problem, kind: number, options: ContestOptions): Contest {
  const x = problem.kinds[kind] as PodKind;
  const placedAtMost = options.placedAtMost ?? x.count - 1;
  if (boundShowsRoom(problem, x, placedAtMost)) return { outcome: 'always placed', given: [] };

  const guess = guessedBlock(problem, x, placedAtMost);
  if (guess !== undefined && options.canBeBound?.(guess.problem) !== false)
    return { outcome: 'blocked', ...guess };

  const covered = blockedNodeByNode(highs, problem, x, placedAtMost, options);
  if (covered !== undefined) return covered;

  const removals = options.afterRemovals === true || preemptionBreaksRelations(problem);
  const holds = relationsThatHold(problem, options);
  const entangled = isEntangled(problem);
  const preemptors = preemptorsAgainst(problem, x);
  const attempts: readonly AttemptOptions[] = [
    { placedAtMost, holds, given: [] },
    ...(preemptors.length > 0 ? [{ placedAtMost, holds, given: preemptors }] : []),
    ...(removals && hasRelations(problem) ? [{ placedAtMost, holds: () => true, given: [] }] : []),
    ...(entangled ? leanings(problem, x).map(given => ({ placedAtMost, holds, given })) : []),
  ];
  let bound = '';
  for (const [number, attempt] of attempts.entries()) {
    const model = attemptModel(problem, x, attempt);
    const result = model.placements.milp.solve(highs, options.limits);
    if (result.status === 'infeasible') {
      // The first model holds everything that can come about; others, once what they lean on is always placed.
      const isProof = number === 0 || attempt.given.length > 0;
      const isEmpty = isProof && !admitsAnyState(highs, problem, x, attempt, options.limits);
      if (isEmpty && number === 0)
        throw new Error(`the model of ${x.label} holds no state at all, so it proves nothing`);
      if (isProof && !isEmpty) return { outcome: 'always placed', given: attempt.given };
      continue;
    }
    if (result.status === 'stopped') {
      bound = `${options.limits.seconds} s or ${options.limits.nodes} nodes of the solver`;
      continue;
    }
    const { values } = result;
    const concrete = boundProblem(problem, kind => values[model.bound.get(kind) ?? -1] ?? 0);
    const steps = arrivalOrder(concrete, model.placements.placement(values));
    const stuck = steps === undefined ? undefined : stuckWith(concrete, x, steps, placedAtMost);
    if (stuck !== undefined && options.canBeBound?.(concrete) !== false) {
      return { outcome: 'blocked', steps: stuck, problem: concrete };
    }
    bound = 'a blocking placement exists, but no order of arrival that keeps the pod blocked was found';
  }
  return { outcome: 'undecided', bound };
}

/** The answer where what stands on each node alone decides it; undefined where it takes the whole model. */
function blockedNodeByNode(
  highs: Highs,
  problem: Problem,
  x: PodKind,
  placedAtMost: number,
  options: ContestOptions,
): Contest | undefined {
  const { firm, related } = opponents(problem, x);
  const game = [...firm, ...related].filter(({ count }) => count > 0);
  if (!isBlockedNodeByNode(x, new Set(game.map(({ index }) => index)))) return undefined;
  const atMost = (kind: PodKind) => (kind.index === x.index ? placedAtMost : kind.count);
  const cover = coverNodes(highs, problem, x, game, firm, atMost, options.limits);
  if (cover.status === 'infeasible') return { outcome: 'always placed', given: [] };
  if (cover.status === 'stopped' || cover.on === undefined || boundSets(problem).length > 0) return undefined;
  const on = cover.on.map(pods => {
    const counts = problem.kinds.map(() => 0);
    for (const [kind, count] of pods) counts[kind] = (counts[kind] ?? 0) + count;
    return counts;
  });
  const steps = arrivalOrder(problem, on);
  const stuck = steps === undefined ? undefined : stuckWith(problem, x, steps, placedAtMost);
  return stuck === undefined ? undefined : { outcome: 'blocked', steps: stuck, problem };
}

/** The kinds of each set whose volumes are bound to zones. */
function boundSets(problem: Problem): PodKind[][] {
  const ids = new Set(problem.kinds.flatMap(({ binding }) => (binding === undefined ? [] : [binding.id])));
  return [...ids].map(id => problem.kinds.filter(({ binding }) => binding?.id === id));
}

/** The problem with each bound set's pods counted in the zones of one binding. */
function boundProblem(problem: Problem, countOf: (kind: number) => number): Problem {
  if (problem.kinds.every(({ binding }) => binding === undefined)) return problem;
  return {
    ...problem,
    kinds: problem.kinds.map(kind =>
      kind.binding === undefined ? kind : { ...kind, count: countOf(kind.index) },
    ),
  };
}

/**
 * Replays the order and lets the rest arrive; where X stays without a node, also by pushing out others, the steps to
 * a state in which nobody else can move.
 */
function stuckWith(
  problem: Problem,
  x: PodKind,
  steps: readonly Step[],
  placedAtMost: number,
): Step[] | undefined {
  const before = new Placement(problem, true);
  const placement = new Placement(problem);
  for (const { kind, node } of steps) {
    if (before.blocker(kind, node) !== undefined) return undefined;
    before.place(kind, node);
    placement.place(kind, node);
  }
  if ((placement.placed[x.index] as number) > placedAtMost || !placement.isBlocked(x.index)) return undefined;
  if (x.after !== undefined && (placement.placed[x.after] as number) === 0) return undefined;
  if (!isEntangled(problem) && preemptorsAgainst(problem, x).length === 0) return [...steps];
  const random = seeded(7);
  for (let attempt = 0; attempt < 8; attempt++) {
    const last = new Placement(problem);
    for (const { kind, node } of steps) last.place(kind, node);
    const { added, isUndone } = letTheRestArrive(last, x, random);
    if (!last.isBlocked(x.index)) continue;
    if (x.after !== undefined && (last.placed[x.after] as number) === 0) continue;
    const order = isUndone ? arrivalOrder(problem, last.on) : [...steps, ...added];
    if (order !== undefined) return order;
  }
  return undefined;
}

/**
 * All pods but those of X's kind arrive until nobody can move, also by pushing out others; `isUndone` says whether
 * somebody was pushed out.
 */
function letTheRestArrive(
  placement: Placement,
  x: PodKind,
  random: () => number,
): { readonly added: Step[]; readonly isUndone: boolean } {
  const { problem } = placement;
  const added: Step[] = [];
  let isUndone = false;
  const oneOf = (nodes: readonly number[]) => nodes[Math.floor(random() * nodes.length)];
  const isWaiting = ({ index, count, after }: PodKind) =>
    index !== x.index &&
    (placement.placed[index] as number) < count &&
    (after === undefined || (placement.placed[after] as number) > 0);
  for (let moved = true; moved; ) {
    moved = false;
    const inTurn = problem.kinds
      .map(kind => ({ kind, key: random() }))
      .sort((a, b) => a.key - b.key)
      .map(({ kind }) => kind);
    for (const kind of inTurn) {
      while (isWaiting(kind)) {
        const free = oneOf(placement.candidates(kind.index));
        const node = free ?? oneOf(placement.nodesToFree(kind.index));
        if (node === undefined) break;
        if (free === undefined) {
          placement.pushOut(kind.index, node);
          isUndone = true;
        }
        placement.place(kind.index, node);
        added.push({ kind: kind.index, node });
        moved = true;
      }
    }
  }
  return { added, isUndone };
}

/** Kinds that may push out pods that count against X: a block holds only once they have their nodes, or can get none. */
function preemptorsAgainst(problem: Problem, x: PodKind): number[] {
  const { firm, related } = opponents(problem, x);
  const lowest = Math.min(
    Number.POSITIVE_INFINITY,
    ...[...firm, ...related].filter(({ count }) => count > 0).map(({ priority }) => priority),
  );
  return problem.kinds
    .filter(
      ({ index, count, preempts, priority, binding }) =>
        index !== x.index && count > 0 && preempts && priority > lowest && binding === undefined,
    )
    .map(({ index }) => index);
}

function hasRelations(problem: Problem): boolean {
  return problem.kinds.some(kind => kind.spreads.length > 0 || kind.affinity !== undefined);
}

/** Kinds whose arrival can lift a block of X. */
function supporters(x: PodKind): number[] {
  return [
    ...new Set([...x.spreads.flatMap(({ matches }) => matches), ...(x.affinity?.matches ?? [])]),
  ].filter(other => other !== x.index);
}

/** What X may lean on: first those kinds that do not lean on X themselves, which settles more; then all. */
function leanings(problem: Problem, x: PodKind): number[][] {
  const all = supporters(x);
  const oneWay = all.filter(other => !supporters(problem.kinds[other] as PodKind).includes(x.index));
  return [oneWay, ...(oneWay.length < all.length ? [all] : [])].filter(kinds => kinds.length > 0);
}

/** Whether a block can lift when others arrive: affinity, or a spread that counts other kinds. */
function isEntangled(problem: Problem): boolean {
  return problem.kinds.some(
    kind => kind.affinity !== undefined || kind.spreads.some(spread => !isSelfSpread(spread, kind)),
  );
}

/**
 * Pods that X cannot push out, and those that matter to it all the same: beyond one node, or because it leans on pods
 * that it would push out, and so has to do without preemption.
 */
function opponents(problem: Problem, x: PodKind): { readonly firm: PodKind[]; readonly related: PodKind[] } {
  // What comes only after X is not there before it.
  const others = problem.kinds.filter(({ after }) => after !== x.index);
  const firm = others.filter(kind => !isVictim(x, kind));
  const victims = others.filter(kind => isVictim(x, kind));
  const leansOnVictims = victims.some(({ index }) => x.affinity?.matches.includes(index));
  const relatedTo = new Set([
    ...x.conflicts.filter(({ topology }) => topology !== 0).map(({ other }) => other),
    ...x.spreads.flatMap(({ matches }) => matches),
  ]);
  return { firm, related: victims.filter(({ index }) => leansOnVictims || relatedTo.has(index)) };
}

/**
 * A counting argument: each pod blocks at most some share of a node. When all shares together are fewer than X's
 * nodes, X always finds one.
 */
function boundShowsRoom(problem: Problem, x: PodKind, placedAtMost: number): boolean {
  if (x.affinity !== undefined || x.spreads.length > 0) return false;
  const nodes = problem.nodes.flatMap((_, node) => (x.eligible[node] ? [node] : []));
  if (nodes.length === 0) return false;
  const { firm, related } = opponents(problem, x);
  let shares = 0;
  const boundShares = new Map<number, number>();
  for (const kind of [...firm, ...related]) {
    const count = kind.index === x.index ? placedAtMost : kind.count;
    let share = 0;
    for (const node of nodes) {
      if (kind.eligible[node] !== true) continue;
      kind.requests.forEach((request, r) => {
        const need = shortage(problem, x, node, r);
        if (need === 0) share = Number.POSITIVE_INFINITY;
        else if (need !== undefined && !related.includes(kind)) share = Math.max(share, request / need);
      });
    }
    for (const conflict of x.conflicts) {
      if (conflict.other !== kind.index) continue;
      share = Math.max(share, ...largestDomain(problem, conflict));
    }
    if (kind.binding !== undefined) {
      boundShares.set(kind.binding.id, Math.max(share, boundShares.get(kind.binding.id) ?? 0));
    } else if (count > 0) shares += count * share;
  }
  for (const kinds of boundSets(problem)) {
    const total = (kinds[0]?.binding?.total ?? 0) - (kinds.includes(x) ? 1 : 0);
    if (total > 0) shares += total * (boundShares.get(kinds[0]?.binding?.id ?? -1) ?? 0);
  }
  if (!Number.isFinite(shares)) return false;
  for (const node of nodes) {
    for (let r = 0; r < problem.resources.length; r++) if (shortage(problem, x, node, r) === 0) return false;
  }
  return shares < nodes.length - 1e-9;
}

function largestDomain(problem: Problem, { topology }: Conflict): number[] {
  const sizes = new Map<number, number>();
  for (const domain of problem.topologies[topology] ?? []) {
    if (domain >= 0) sizes.set(domain, (sizes.get(domain) ?? 0) + 1);
  }
  return [...sizes.values()];
}

const GUESSES = 24;

/** Lets pods arrive in random orders under different habits of placing; often enough to find a block. */
function guessedBlock(
  unbound: Problem,
  x: PodKind,
  placedAtMost: number,
): { steps: Step[]; problem: Problem } | undefined {
  const random = seeded(x.index + 1);
  for (let guess = 0; guess < GUESSES; guess++) {
    const binding = randomBinding(unbound, x, random);
    if (binding === undefined) continue;
    const problem = boundProblem(unbound, kind => binding.get(kind) ?? 0);
    const mostOfX = Math.min(placedAtMost, (problem.kinds[x.index] as PodKind).count - 1);
    const { firm, related } = opponents(problem, x);
    const pods = [...firm, ...related].flatMap(kind =>
      Array.from({ length: kind.index === x.index ? Math.max(0, mostOfX) : kind.count }, () => kind.index),
    );
    const placement = new Placement(problem);
    const steps: Step[] = [];
    const arrival = pods.map(kind => ({ kind, at: random() }));
    const firstOf = (kind: number) =>
      Math.min(Number.POSITIVE_INFINITY, ...arrival.filter(pod => pod.kind === kind).map(({ at }) => at));
    const order = arrival
      .map(({ kind, at }) => {
        const { after } = problem.kinds[kind] as PodKind;
        return { kind, at: after === undefined ? at : Math.max(at, firstOf(after) + Number.EPSILON) };
      })
      .sort((a, b) => a.at - b.at)
      .map(({ kind }) => kind);
    for (const kind of order) {
      const { after } = problem.kinds[kind] as PodKind;
      if (after !== undefined && placement.placed[after] === 0) continue;
      // Least room left for X first: nodes that are nearly blocked get blocked, the others stay for later pods.
      const candidates = placement.candidates(kind);
      const scored = candidates.map(node => {
        const free = placement.freeOn(node);
        const open = placement.blockerAfterPreemption(x.index, node) === undefined;
        let tightest = Number.POSITIVE_INFINITY;
        x.requests.forEach((request, r) => {
          if (request > 0) tightest = Math.min(tightest, (free[r] as number) / request);
        });
        return {
          node,
          score: (open ? 0 : 1000) + (guess % 2 === 0 ? tightest : -tightest) + random() * 0.01,
        };
      });
      if (scored.length === 0) continue;
      const best = scored.reduce((a, b) => (b.score < a.score ? b : a));
      placement.place(kind, best.node);
      steps.push({ kind, node: best.node });
    }
    if (placement.isBlocked(x.index)) {
      const stuck = stuckWith(problem, x, steps, mostOfX);
      if (stuck !== undefined) return { steps: stuck, problem };
    }
  }
  return undefined;
}

/** Some way in which volumes can have been bound to zones, with one of X's in its zone. */
function randomBinding(problem: Problem, x: PodKind, random: () => number): Map<number, number> | undefined {
  const counts = new Map<number, number>();
  for (const kinds of boundSets(problem)) {
    const total = kinds[0]?.binding?.total ?? 0;
    for (let pod = 0; pod < total; pod++) {
      const inZones = kinds.filter(({ zone }) => zone !== undefined);
      const least = Math.min(...inZones.map(({ index }) => counts.get(index) ?? 0));
      const open = kinds.filter(({ index, binding }) => {
        const count = counts.get(index) ?? 0;
        return count < (binding?.most ?? 0) && count + 1 - least <= (binding?.maxSkew ?? total);
      });
      const forX = pod === 0 ? open.find(({ index }) => index === x.index) : undefined;
      const chosen = forX ?? open[Math.floor(random() * open.length)];
      if (chosen === undefined) return undefined;
      counts.set(chosen.index, (counts.get(chosen.index) ?? 0) + 1);
    }
  }
  return counts;
}

interface AttemptOptions {
  readonly placedAtMost: number;
  /** The kinds whose spreads and affinities hold of the pods that are placed. */
  readonly holds: (kind: PodKind) => boolean;
  /** Kinds that are placed already: a block that one of their pods could lift does not count. */
  readonly given: readonly number[];
}

interface Attempt {
  readonly placements: PlacementModel;
  /** The variable for the pods of a kind whose volumes are bound in its zone. */
  readonly bound: ReadonlyMap<number, number>;
}

/**
 * Whether the model holds any state once nobody has to be blocked: one that holds none proves nothing. Where X comes only
 * after pods that no node takes, it never comes: that is a state too.
 */
function admitsAnyState(
  highs: Highs,
  problem: Problem,
  x: PodKind,
  options: AttemptOptions,
  limits: MilpLimits,
): boolean {
  const { after: _, ...free } = x;
  const { milp } = stateModel(problem, free, options).placements;
  return milp.admitsZeros() || milp.solve(highs, limits).status === 'feasible';
}

/** The states that can come about with X unplaced, in integers. */
function stateModel(problem: Problem, x: PodKind, options: AttemptOptions): Attempt {
  const { firm, related } = opponents(problem, x);
  const game = [...firm, ...related].filter(({ count }) => count > 0);
  const placements = new PlacementModel(
    problem,
    game,
    kind => (kind.index === x.index ? options.placedAtMost : kind.count),
    () => 0,
    // A cordoned node may still hold pods that came before.
    kind => kind.eligibleBefore,
  );
  placements.addCapacity();
  placements.addSpreadBounds();
  placements.addRelations(options.holds);
  placements.addArrivals(x);
  const bound = addBindings(placements, x);
  for (const other of options.given) {
    const count = problem.kinds[other]?.count ?? 0;
    placements.milp.row(placements.sum(placements.everywhere([other])), count, count);
  }
  return { placements, bound };
}

/** The states in which X is unplaced and every node that it may use is blocked, in integers. */
function attemptModel(problem: Problem, x: PodKind, options: AttemptOptions): Attempt {
  const { placements, bound } = stateModel(problem, x, options);
  const { milp, kinds: game } = placements;
  const firm = game.filter(kind => !isVictim(x, kind));
  const inGame = new Set(game.map(({ index }) => index));
  const none = Number.NEGATIVE_INFINITY;
  const any = Number.POSITIVE_INFINITY;
  const countOf = (kinds: readonly number[]) =>
    kinds.reduce((sum, kind) => sum + (problem.kinds[kind]?.count ?? 0), 0);

  // Blocked by which filter, for each node that X may use: at least one of these holds.
  const usable = problem.nodes.flatMap((_, node) => (x.eligible[node] ? [node] : []));
  const reasons = new Map(usable.map(node => [node, [] as number[]]));
  const atMost = (kind: PodKind) => (kind.index === x.index ? options.placedAtMost : kind.count);
  /** The variables of those among these kinds that X would push out of the node. */
  const victimsOn = (node: number, kinds: readonly number[]) =>
    kinds.flatMap(kind => {
      const variable = placements.onNode(node, kind);
      return variable >= 0 && isVictim(x, problem.kinds[kind] as PodKind) ? [variable] : [];
    });
  for (const node of usable) {
    const listed: [reason: number, pods: Pods][] = [];
    x.requests.forEach((request, r) => {
      const sets = blockingSets(problem, firm, x, node, r, atMost);
      if (sets !== undefined) listed.push(...sets.map((pods): [number, Pods] => [milp.binary(), pods]));
      else reasons.get(node)?.push(placements.addShortage(firm, node, r, request));
    });
    placements.addChoice(node, listed);
    reasons.get(node)?.push(...listed.map(([reason]) => reason));
    for (const { other, topology } of x.conflicts) {
      // On its own node X pushes out what it can; what stands elsewhere in the domain stays.
      const domain = problem.topologies[topology]?.[node] ?? -1;
      const all = !inGame.has(other) || domain < 0 ? [] : placements.inDomain(topology, domain, [other]);
      const there = all.filter(variable => !victimsOn(node, [other]).includes(variable));
      if (there.length === 0) continue;
      const reason = milp.binary();
      milp.row([...placements.sum(there), [reason, -1]], 0, any);
      reasons.get(node)?.push(reason);
    }
  }

  for (const spread of x.spreads) {
    const domains = placements.countedDomains(spread);
    const over = spread.maxSkew + 1 - (spread.matchesItself ? 1 : 0);
    const residents = spread.residents.reduce((sum, count) => sum + count, 0);
    const most = countOf(spread.matches) + residents + over;
    const emptiest = domains.length < spread.minDomains ? undefined : domains.map(() => milp.binary());
    if (emptiest !== undefined) milp.row(placements.sum(emptiest), 1, 1);
    const least = placements.least.get(spread);
    if (least !== undefined && emptiest !== undefined) {
      // The spread's own rows hold every domain within maxSkew of the least, which some domain has.
      domains.forEach((domain, number) => {
        const there = placements.sum(placements.countedIn(spread, domain));
        const chosen = emptiest[number] as number;
        milp.row([...there, [least, -1], [chosen, spread.maxSkew]], none, spread.maxSkew);
      });
    }
    for (const node of usable) {
      const domain = problem.topologies[spread.topology]?.[node] as number;
      const here = placements.countedIn(spread, domain);
      const before = placements.residentsIn(spread, domain);
      const reason = milp.binary();
      reasons.get(node)?.push(reason);
      if (emptiest === undefined) {
        milp.row([...placements.sum(here), [reason, -over]], -before, any);
      } else if (least !== undefined) {
        milp.row([...placements.sum(here), [least, -1], [reason, -over]], 0, any);
      } else {
        domains.forEach((other, number) => {
          const there = placements.countedIn(spread, other);
          milp.row(
            [
              ...placements.sum(here),
              ...placements.sum(there, -1),
              [reason, -most],
              [emptiest[number] as number, -most],
            ],
            over - 2 * most + placements.residentsIn(spread, other) - before,
            any,
          );
        });
      }
    }
  }
  const { affinity } = x;
  if (affinity !== undefined) {
    const most = countOf(affinity.matches);
    const everywhere = problem.nodes.flatMap((_, node) =>
      affinity.inTopology[node] === true ? placements.variablesOn(node, affinity.matches) : [],
    );
    for (const node of usable) {
      const victims = victimsOn(node, affinity.matches);
      const stays = (variable: number) => !victims.includes(variable);
      const asItIs = victims.length === 0 ? [] : blockedAsItIs(placements, x, game, node);
      for (const [number, topology] of affinity.topologies.entries()) {
        if (affinity.isNearResident[number]?.[node] === true) continue;
        const near = placements.inDomain(
          topology,
          problem.topologies[topology]?.[node] ?? -1,
          affinity.matches,
        );
        const nobodyNear = (those: readonly number[], anywhere: readonly number[]) => {
          const reason = milp.binary();
          milp.row([...placements.sum(those), [reason, most]], none, most);
          if (affinity.matchesItself && !affinity.hasResident)
            milp.row([...placements.sum(anywhere), [reason, -1]], 0, any);
          reasons.get(node)?.push(reason);
          return reason;
        };
        nobodyNear(near, everywhere);
        if (victims.length === 0) continue;
        // Those near would be pushed out, and as they stand something else keeps X off.
        const onlyVictimsNear = nobodyNear(near.filter(stays), everywhere.filter(stays));
        milp.row([...placements.sum(asItIs), [onlyVictimsNear, -1]], 0, any);
      }
    }
  }
  for (const reason of reasons.values()) milp.row(placements.sum(reason), 1, any);
  return { placements, bound };
}

/** What keeps X off a node by what stands on it, were it to push out nobody: one of these holds. */
function blockedAsItIs(
  placements: PlacementModel,
  x: PodKind,
  game: readonly PodKind[],
  node: number,
): number[] {
  const { milp } = placements;
  const shortages = x.requests.flatMap((request, r) =>
    request > 0 ? [placements.addShortage(game, node, r, request)] : [],
  );
  const conflicts = x.conflicts.flatMap(({ other, topology }) => {
    const variable = placements.onNode(node, other);
    if (topology !== 0 || variable < 0) return [];
    const reason = milp.binary();
    milp.row(
      [
        [variable, 1],
        [reason, -1],
      ],
      0,
      Number.POSITIVE_INFINITY,
    );
    return [reason];
  });
  return [...shortages, ...conflicts];
}

/** How many pods of each set have their volumes in which zone; no more of them are placed there. */
function addBindings(placements: PlacementModel, x: PodKind): Map<number, number> {
  const { milp } = placements;
  const bound = new Map<number, number>();
  for (const kinds of boundSets(placements.problem)) {
    const { total } = kinds[0]?.binding ?? { total: 0 };
    const maxSkew = kinds.find(({ zone }) => zone !== undefined)?.binding?.maxSkew;
    for (const kind of kinds) {
      const unplaced = kind.index === x.index ? 1 : 0;
      const variable = milp.variable(unplaced, kind.binding?.most ?? 0);
      bound.set(kind.index, variable);
      const placed = placements.sum(placements.everywhere([kind.index]));
      milp.row([...placed, [variable, -1]], Number.NEGATIVE_INFINITY, -unplaced);
    }
    const variableOf = ({ index }: PodKind) => bound.get(index) as number;
    milp.row(placements.sum(kinds.map(variableOf)), total, total);
    if (maxSkew === undefined) continue;
    const least = milp.variable(0, total);
    for (const variable of kinds.filter(({ zone }) => zone !== undefined).map(variableOf))
      milp.row(
        [
          [variable, 1],
          [least, -1],
        ],
        0,
        maxSkew,
      );
  }
  return bound;
}
