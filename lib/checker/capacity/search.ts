import type { Highs } from 'highs';
import type { MilpLimits } from './milp';
import { arrivalOrder, Placement, type Step } from './placement';
import {
  isSelfSpread,
  PlacementModel,
  preemptionBreaksRelations,
  relationsThatHold,
} from './placement-model';
import type { PodKind, Problem } from './problem';

/** The answer to: can all pods be placed at once? */
export type Existence =
  | { readonly exists: true; readonly steps: readonly Step[] }
  | { readonly exists: false; readonly proof: ImpossibilityProof }
  | { readonly exists: 'undecided'; readonly bound: string };

/** Why no placement can exist. */
export type ImpossibilityProof =
  /** A single pod that no node takes even when empty. */
  | { readonly kind: 'pod'; readonly pod: number }
  /** All pods together ask for more of a resource than all nodes have. */
  | { readonly kind: 'total'; readonly resource: number; readonly asked: number; readonly available: number }
  /** The search went through every placement. */
  | { readonly kind: 'search' };

export interface SearchOptions {
  /** Steps of the exact search before it gives up. @default 200000 */
  readonly maxSteps?: number;
  /** Pods were taken away before, so that spreads need not hold of those that stayed. @default false */
  readonly afterRemovals?: boolean;
}

/** A small, fast, seeded generator (mulberry32): searches repeat exactly. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Largest share of any one resource of the whole cluster that one pod takes. */
function weight(problem: Problem, kind: PodKind): number {
  return Math.max(
    0,
    ...kind.requests.map((request, r) => {
      const most = Math.max(...problem.nodes.map(({ capacity }) => capacity[r] as number));
      return request === 0 ? 0 : request / Math.max(1, most);
    }),
  );
}

/** A proof of impossibility that needs no search. */
export function quickImpossibility(problem: Problem): ImpossibilityProof | undefined {
  const empty = new Placement(problem);
  for (const kind of problem.kinds) {
    const fits = problem.nodes.some((_, node) => {
      const blocker = empty.blocker(kind.index, node);
      return blocker === undefined || blocker.filter === 'affinity' || blocker.filter === 'spread';
    });
    if (!fits) return { kind: 'pod', pod: kind.index };
  }
  for (let r = 0; r < problem.resources.length; r++) {
    const asked = problem.kinds.reduce((sum, kind) => sum + kind.count * (kind.requests[r] as number), 0);
    const available = problem.nodes.reduce(
      (sum, { capacity }, node) =>
        problem.kinds.some(({ eligible }) => eligible[node]) ? sum + Math.max(0, capacity[r] as number) : sum,
      0,
    );
    if (asked > available) return { kind: 'total', resource: r, asked, available };
  }
  return undefined;
}

/** Pods one by one, each on the node that suits it best or a random one; undefined when one finds no place. */
function greedy(
  problem: Problem,
  order: readonly number[],
  random: () => number,
  attempt: number,
): Step[] | undefined {
  const placement = new Placement(problem);
  const steps: Step[] = [];
  const waiting: number[] = [...order];
  let idle = 0;
  while (waiting.length > 0 && idle < waiting.length) {
    const kind = waiting.shift() as number;
    const candidates = placement.candidates(kind);
    if (candidates.length === 0) {
      waiting.push(kind);
      idle++;
      continue;
    }
    idle = 0;
    const score = (node: number) => {
      const { capacity } = problem.nodes[node] as Problem['nodes'][number];
      const free = placement.freeOn(node);
      let left = 0;
      for (let r = 0; r < 2; r++) left += (free[r] as number) / Math.max(1, capacity[r] as number);
      return attempt % 3 === 1 ? -left : attempt % 3 === 2 ? random() : left;
    };
    const node = candidates.reduce((best, other) => (score(other) < score(best) ? other : best));
    placement.place(kind, node);
    steps.push({ kind, node });
  }
  return waiting.length === 0 ? steps : undefined;
}

const GREEDY_ATTEMPTS = 24;

/** A placement of all pods by rules of thumb, or none found. */
export function greedyPlacement(problem: Problem): Step[] | undefined {
  const random = seeded(1);
  const pods = problem.kinds
    .map(kind => ({ kind, weight: weight(problem, kind) }))
    .sort((a, b) => b.weight - a.weight)
    .flatMap(({ kind }) => Array.from({ length: kind.count }, () => kind.index));
  for (let attempt = 0; attempt < GREEDY_ATTEMPTS; attempt++) {
    const order =
      attempt < 3
        ? pods
        : pods
            .map((kind, index) => ({ kind, key: index + random() * pods.length * 0.3 }))
            .sort((a, b) => a.key - b.key)
            .map(({ kind }) => kind);
    const steps = greedy(problem, order, random, attempt);
    if (steps !== undefined) return steps;
  }
  return undefined;
}

/** Nodes that nothing tells apart have one number. */
export function nodeClasses(problem: Problem): number[] {
  const classes = new Map<string, number>();
  return problem.nodes.map(({ capacity }, node) => {
    const key = JSON.stringify([
      capacity,
      problem.kinds.map(kind => kind.eligible[node]),
      problem.kinds.map(kind => kind.spreads.map(spread => [spread.counted[node], spread.residents[node]])),
      problem.kinds.map(({ affinity }) => affinity?.isNearResident.map(near => near[node])),
      problem.topologies.slice(1).map(domains => domains[node]),
    ]);
    if (!classes.has(key)) classes.set(key, classes.size);
    return classes.get(key) as number;
  });
}

/**
 * Whether all pods can be placed at once: exact, with the order of arrival that leads there, or a proof that none
 * exists. Rules of thumb first, then a depth-first search that tries identical pods and identical nodes once.
 */
export function findPlacement(problem: Problem, options: SearchOptions = {}): Existence {
  const proof = quickImpossibility(problem);
  if (proof !== undefined) return { exists: false, proof };
  const steps = greedyPlacement(problem);
  if (steps !== undefined) return { exists: true, steps };
  const relationsHold = options.afterRemovals !== true && !preemptionBreaksRelations(problem);
  return exhaustive(problem, options.maxSteps ?? 200_000, relationsHold);
}

function exhaustive(problem: Problem, maxSteps: number, relationsHold: boolean): Existence {
  const kinds = problem.kinds
    .filter(kind => kind.count > 0)
    .map(kind => ({ kind, weight: weight(problem, kind) }))
    .sort((a, b) => b.weight - a.weight)
    .map(({ kind }) => kind);
  const classes = nodeClasses(problem);
  const placement = new Placement(problem);
  const demandAfter = kinds.map((_, position) =>
    problem.resources.map((__, r) =>
      kinds.slice(position).reduce((sum, kind) => sum + kind.count * (kind.requests[r] as number), 0),
    ),
  );
  let stepsLeft = maxSteps;
  let unreachable = false;

  /** Filters that hold of every placement that can come about, whatever the order. */
  const admits = (kind: PodKind, node: number): boolean => {
    const blocker = placement.blocker(kind.index, node);
    return blocker === undefined || blocker.filter === 'spread' || blocker.filter === 'affinity';
  };
  const spreadHolds = (kind: PodKind): boolean =>
    kind.spreads.every(spread => {
      if (!isSelfSpread(spread, kind)) return true;
      const counts = new Map<number, number>();
      problem.topologies[spread.topology]?.forEach((domain, node) => {
        if (spread.counted[node]) {
          counts.set(domain, (counts.get(domain) ?? 0) + (placement.on[node]?.[kind.index] ?? 0));
        }
      });
      const least = counts.size < spread.minDomains ? 0 : Math.min(...counts.values());
      return Math.max(...counts.values()) - least <= spread.maxSkew;
    });
  const roomFor = (position: number): boolean => {
    const demand = demandAfter[position];
    return (
      demand === undefined ||
      demand.every((asked, r) => {
        let available = 0;
        for (let node = 0; node < problem.nodes.length; node++)
          available += Math.max(0, placement.freeOn(node)[r] as number);
        return asked <= available;
      })
    );
  };

  const place = (position: number, placedOfKind: number, from: number): Step[] | 'none' | 'out of steps' => {
    const kind = kinds[position];
    if (kind === undefined) {
      const order = arrivalOrder(problem, placement.on);
      if (order === undefined) unreachable = true;
      return order ?? 'none';
    }
    if (placedOfKind === kind.count) {
      return (!relationsHold || spreadHolds(kind)) && roomFor(position + 1)
        ? place(position + 1, 0, 0)
        : 'none';
    }
    const tried = new Set<string>();
    for (let node = from; node < problem.nodes.length; node++) {
      if (!admits(kind, node)) continue;
      const same = `${classes[node]}:${placement.on[node]?.join(',')}`;
      if (tried.has(same)) continue;
      tried.add(same);
      if (stepsLeft-- <= 0) return 'out of steps';
      placement.place(kind.index, node);
      const result = place(position, placedOfKind + 1, node);
      placement.remove(kind.index, node);
      if (result !== 'none') return result;
    }
    return 'none';
  };

  const result = place(0, 0, 0);
  if (result === 'out of steps')
    return { exists: 'undecided', bound: `${maxSteps} steps of the exact search` };
  if (result !== 'none') return { exists: true, steps: result };
  return unreachable
    ? { exists: 'undecided', bound: 'a placement exists, but no order of arrival that leads there was found' }
    : { exists: false, proof: { kind: 'search' } };
}

/** As `findPlacement`, with the solver where the search gives up: undecided only within the solver's limits too. */
export function provePlacement(
  highs: Highs,
  problem: Problem,
  limits: MilpLimits,
  options: Pick<SearchOptions, 'afterRemovals'> = {},
): Existence {
  const found = findPlacement(problem, { maxSteps: 500, ...options });
  if (found.exists !== 'undecided') return found;
  // Where a spread can be left uneven, only the looser model can prove that there is no placement.
  const relationsMayBreak = options.afterRemovals === true || preemptionBreaksRelations(problem);
  const attempts = relationsMayBreak ? [false, true] : [true];
  let bound = '';
  for (const [number, keepsRelations] of attempts.entries()) {
    const model = new PlacementModel(
      problem,
      problem.kinds.filter(({ count }) => count > 0),
      ({ count }) => count,
      ({ count }) => count,
      ({ eligible }) => eligible,
    );
    model.addCapacity();
    model.addSpreadBounds();
    model.addRelations(keepsRelations ? () => true : relationsThatHold(problem, options));
    const result = model.milp.solve(highs, limits);
    if (result.status === 'infeasible' && number === 0) return { exists: false, proof: { kind: 'search' } };
    if (result.status === 'stopped') bound = `${limits.seconds} s or ${limits.nodes} nodes of the solver`;
    if (result.status !== 'feasible') continue;
    const steps = arrivalOrder(problem, model.placement(result.values));
    if (steps !== undefined) return { exists: true, steps };
    bound = 'a placement exists, but no order of arrival that leads there was found';
  }
  return { exists: 'undecided', bound };
}
