import type { Highs } from 'highs';
import { Milp, type MilpLimits } from './milp';
import { arrivalOrder, Placement, type Step } from './placement';
import type { Conflict, PodKind, Problem, Spread } from './problem';
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
}

/** Scaled amounts stay below this, so that the solver's tolerance is far from one unit. */
const MOST_UNITS = 1_000_000;

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
  if (guess !== undefined) return { outcome: 'blocked', ...guess };

  const removals = options.afterRemovals === true || preemptionBreaksRelations(problem);
  const entangled = isEntangled(problem);
  const attempts: readonly ModelOptions[] = [
    { placedAtMost, keepsRelations: !removals, supportersPlaced: false },
    ...(removals && hasRelations(problem)
      ? [{ placedAtMost, keepsRelations: true, supportersPlaced: false }]
      : []),
    ...(entangled ? [{ placedAtMost, keepsRelations: !removals, supportersPlaced: true }] : []),
  ];
  let bound = '';
  for (const [number, attempt] of attempts.entries()) {
    const model = buildModel(problem, x, attempt);
    const result = model.milp.solve(highs, options.limits);
    if (result.status === 'infeasible') {
      // The first model holds everything that can come about; the third, once its supporters are always placed.
      if (number === 0) return { outcome: 'always placed', given: [] };
      if (attempt.supportersPlaced) return { outcome: 'always placed', given: supporters(x) };
      continue;
    }
    if (result.status === 'stopped') {
      bound = `${options.limits.seconds} s or ${options.limits.nodes} nodes of the solver`;
      continue;
    }
    const value = (variable: number) => (variable < 0 ? 0 : (result.values[variable] as number));
    const concrete = boundProblem(problem, kind => value(model.bound.get(kind) ?? -1));
    const steps = arrivalOrder(
      concrete,
      model.on.map(row => row.map(value)),
    );
    const stuck = steps === undefined ? undefined : stuckWith(concrete, x, steps, placedAtMost);
    if (stuck !== undefined) return { outcome: 'blocked', steps: stuck, problem: concrete };
    bound = 'a blocking placement exists, but no order of arrival that keeps the pod blocked was found';
  }
  return { outcome: 'undecided', bound };
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

/** Replays the order and lets the rest arrive; the steps if X stays without a node, also by pushing out others. */
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
  if (!isEntangled(problem)) return [...steps];
  const random = seeded(7);
  for (let attempt = 0; attempt < 8; attempt++) {
    const added: Step[] = [];
    const rest = problem.kinds
      .filter(({ index }) => index !== x.index)
      .flatMap(({ index, count }) =>
        Array.from({ length: count - (placement.placed[index] as number) }, () => index),
      );
    for (let moved = true; moved; ) {
      moved = false;
      for (const [position, kind] of [...rest].entries()) {
        const candidates = kind < 0 ? [] : placement.candidates(kind);
        const node = candidates[Math.floor(random() * candidates.length)];
        if (node === undefined) continue;
        placement.place(kind, node);
        added.push({ kind, node });
        rest[position] = -1;
        moved = true;
      }
    }
    const stuck = placement.isBlocked(x.index);
    for (const { kind, node } of added) placement.remove(kind, node);
    if (stuck) return [...steps, ...added];
  }
  return undefined;
}

function hasRelations(problem: Problem): boolean {
  return problem.kinds.some(kind => kind.spreads.length > 0 || kind.affinity !== undefined);
}

/** Whether a pod with a spread or an affinity can be pushed out, which leaves the others as they were. */
function preemptionBreaksRelations(problem: Problem): boolean {
  const preemptors = problem.kinds.filter(({ preempts }) => preempts).map(({ priority }) => priority);
  const highest = Math.max(Number.NEGATIVE_INFINITY, ...preemptors);
  const related = new Set(
    problem.kinds.flatMap(kind => [
      ...kind.spreads.flatMap(({ matches }) => matches),
      ...(kind.affinity?.matches ?? []),
    ]),
  );
  return problem.kinds.some(kind => related.has(kind.index) && kind.priority < highest);
}

/** Kinds whose arrival can lift a block of X. */
function supporters(x: PodKind): number[] {
  return [
    ...new Set([...x.spreads.flatMap(({ matches }) => matches), ...(x.affinity?.matches ?? [])]),
  ].filter(other => other !== x.index);
}

/** Whether a block can lift when others arrive: affinity, or a spread that counts other kinds. */
function isEntangled(problem: Problem): boolean {
  return problem.kinds.some(
    kind => kind.affinity !== undefined || kind.spreads.some(spread => !isSelfSpread(spread, kind)),
  );
}

function isSelfSpread(spread: Spread, kind: PodKind): boolean {
  return spread.matchesItself && spread.matches.every(other => other === kind.index);
}

/** Pods that X cannot push out, and those that matter to it beyond one node. */
function opponents(problem: Problem, x: PodKind): { readonly firm: PodKind[]; readonly related: PodKind[] } {
  const firm = problem.kinds.filter(kind => !x.preempts || kind.priority >= x.priority);
  const relatedTo = new Set([
    ...x.conflicts.filter(({ topology }) => topology !== 0).map(({ other }) => other),
    ...x.spreads.flatMap(({ matches }) => matches),
    ...(x.affinity?.matches ?? []),
  ]);
  const related = problem.kinds.filter(kind => !firm.includes(kind) && relatedTo.has(kind.index));
  return { firm, related };
}

/** What a resource still has to be filled with so that X no longer fits; undefined where it cannot be filled so far. */
function needed(problem: Problem, x: PodKind, node: number, resource: number): number | undefined {
  const request = x.requests[resource] as number;
  const capacity = problem.nodes[node]?.capacity[resource] as number;
  return request === 0 ? undefined : Math.max(0, capacity - request + 1);
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
  for (const kind of [...firm, ...related]) {
    const count = kind.index === x.index ? placedAtMost : kind.count;
    let share = 0;
    for (const node of nodes) {
      if (kind.eligible[node] !== true) continue;
      kind.requests.forEach((request, r) => {
        const need = needed(problem, x, node, r);
        if (need === 0) share = Number.POSITIVE_INFINITY;
        else if (need !== undefined && !related.includes(kind)) share = Math.max(share, request / need);
      });
    }
    for (const conflict of x.conflicts) {
      if (conflict.other !== kind.index) continue;
      share = Math.max(share, ...largestDomain(problem, conflict));
    }
    if (count > 0) shares += count * share;
    if (!Number.isFinite(shares)) return false;
  }
  for (const node of nodes) {
    for (let r = 0; r < problem.resources.length; r++) if (needed(problem, x, node, r) === 0) return false;
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

const GUESSES = 12;

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
    const order = pods
      .map(kind => ({ kind, key: random() }))
      .sort((a, b) => a.key - b.key)
      .map(({ kind }) => kind);
    for (const kind of order) {
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
      const least = Math.min(...kinds.map(({ index }) => counts.get(index) ?? 0));
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

interface ModelOptions {
  readonly placedAtMost: number;
  /** Spreads and affinities hold of the pods that are placed. */
  readonly keepsRelations: boolean;
  /** A block by affinity or spread counts only when all that could lift it are placed already. */
  readonly supportersPlaced: boolean;
}

interface Model {
  readonly milp: Milp;
  /** The variable for the pods of a kind on a node, -1 where there is none: `on[node][kind]`. */
  readonly on: number[][];
  /** The variable for the pods of a kind whose volumes are bound in its zone. */
  readonly bound: ReadonlyMap<number, number>;
}

function gcd(a: number, b: number): number {
  let [x, y] = [a, b];
  while (y !== 0) [x, y] = [y, x % y];
  return x;
}

/** The placements in which X is unplaced and every node that it may use is blocked, in integers. */
function buildModel(problem: Problem, x: PodKind, options: ModelOptions): Model {
  const milp = new Milp();
  const { firm, related } = opponents(problem, x);
  const game = [...firm, ...related].filter(({ count }) => count > 0);
  const inGame = new Set(game.map(({ index }) => index));
  const none = Number.NEGATIVE_INFINITY;
  const any = Number.POSITIVE_INFINITY;

  const on = problem.nodes.map(() => problem.kinds.map(() => -1));
  for (const kind of game) {
    const most = kind.index === x.index ? options.placedAtMost : kind.count;
    if (most <= 0) continue;
    const own: number[] = [];
    problem.nodes.forEach((_, node) => {
      // A cordoned node may still hold pods that came before.
      if (kind.eligibleBefore[node] !== true) return;
      const variable = milp.variable(0, most);
      (on[node] as number[])[kind.index] = variable;
      own.push(variable);
    });
    milp.row(
      own.map(variable => [variable, 1]),
      0,
      most,
    );
  }
  const onNode = (node: number, kind: number) => on[node]?.[kind] ?? -1;

  const bound = new Map<number, number>();
  for (const kinds of boundSets(problem)) {
    const { total, maxSkew } = kinds[0]?.binding ?? { total: 0 };
    for (const kind of kinds) {
      const variable = milp.variable(kind.index === x.index ? 1 : 0, kind.binding?.most ?? 0);
      bound.set(kind.index, variable);
      const placed = problem.nodes.flatMap((_, node) =>
        onNode(node, kind.index) >= 0 ? [onNode(node, kind.index)] : [],
      );
      milp.row(
        [...placed.map((v): [number, number] => [v, 1]), [variable, -1]],
        none,
        kind.index === x.index ? -1 : 0,
      );
    }
    const variables = kinds.map(({ index }) => bound.get(index) as number);
    milp.row(
      variables.map(variable => [variable, 1]),
      total,
      total,
    );
    if (maxSkew === undefined) continue;
    const least = milp.variable(0, total);
    for (const variable of variables)
      milp.row(
        [
          [variable, 1],
          [least, -1],
        ],
        0,
        maxSkew,
      );
  }
  const inDomain = (topology: number, domain: number, kinds: readonly number[]) =>
    problem.nodes.flatMap((_, node) =>
      problem.topologies[topology]?.[node] === domain
        ? kinds.flatMap(kind => (onNode(node, kind) >= 0 ? [onNode(node, kind)] : []))
        : [],
    );
  const domainsOf = (topology: number) =>
    [...new Set(problem.topologies[topology] ?? [])].filter(domain => domain >= 0);
  const countOf = (kinds: readonly number[]) =>
    kinds.reduce((sum, kind) => sum + (problem.kinds[kind]?.count ?? 0), 0);

  // Blocked by which filter, for each node that X may use: at least one of these holds.
  const reasons = problem.nodes.map((): number[] => []);
  const usable = problem.nodes.flatMap((_, node) => (x.eligible[node] ? [node] : []));

  problem.resources.forEach((_, r) => {
    const capacities = problem.nodes.map(({ capacity }) => capacity[r] as number);
    const requests = game.map(kind => kind.requests[r] as number);
    const unit = Math.max(
      [...requests, x.requests[r] as number].reduce(gcd, 0),
      Math.ceil(Math.max(1, ...capacities) / MOST_UNITS),
    );
    const exact = [...requests, x.requests[r] as number].every(request => request % unit === 0);
    problem.nodes.forEach((__, node) => {
      const capacity = capacities[node] as number;
      const filled = game.flatMap((kind): [number, number][] =>
        onNode(node, kind.index) >= 0 && (kind.requests[r] as number) > 0
          ? [[onNode(node, kind.index), Math.floor((kind.requests[r] as number) / unit)]]
          : [],
      );
      // Half a unit of slack on each side: whole numbers cannot tell, the solver's rounding cannot matter.
      if (filled.length > 0) milp.row(filled, none, Math.floor(capacity / unit) + 0.5);
      if (x.eligible[node] !== true || (x.requests[r] as number) === 0) return;
      const need = exact
        ? Math.floor(capacity / unit) - (x.requests[r] as number) / unit + 1
        : Math.floor((capacity - (x.requests[r] as number) + 1) / unit);
      const reason = milp.binary();
      const filling = firm.flatMap((kind): [number, number][] =>
        onNode(node, kind.index) >= 0 && (kind.requests[r] as number) > 0
          ? [[onNode(node, kind.index), Math.ceil((kind.requests[r] as number) / unit)]]
          : [],
      );
      if (need > 0) milp.row([...filling, [reason, -(need - 0.5)]], 0, any);
      reasons[node]?.push(reason);
    });
  });

  // Conflicts: two kinds that exclude each other are not both in a domain.
  const done = new Set<string>();
  for (const kind of game) {
    for (const { other, topology } of kind.conflicts) {
      const key = `${Math.min(kind.index, other)}/${Math.max(kind.index, other)}/${topology}`;
      if (!inGame.has(other) || done.has(key)) continue;
      done.add(key);
      for (const domain of domainsOf(topology)) {
        const mine = inDomain(topology, domain, [kind.index]);
        const theirs = inDomain(topology, domain, [other]);
        if (kind.index === other) {
          if (mine.length > 0)
            milp.row(
              mine.map(variable => [variable, 1]),
              0,
              1,
            );
        } else if (mine.length > 0 && theirs.length > 0) {
          const side = milp.binary();
          milp.row([...mine.map((v): [number, number] => [v, 1]), [side, -kind.count]], none, 0);
          const others = problem.kinds[other]?.count ?? 0;
          milp.row([...theirs.map((v): [number, number] => [v, 1]), [side, others]], none, others);
        }
      }
    }
  }
  for (const { other, topology } of x.conflicts) {
    // On its own node X pushes out what it can; what stands elsewhere in the domain stays.
    if (!inGame.has(other)) continue;
    for (const node of usable) {
      const domain = problem.topologies[topology]?.[node] ?? -1;
      const there = domain < 0 ? [] : inDomain(topology, domain, [other]);
      if (there.length === 0) continue;
      const reason = milp.binary();
      milp.row([...there.map((v): [number, number] => [v, 1]), [reason, -1]], 0, any);
      reasons[node]?.push(reason);
    }
  }

  if (options.keepsRelations) {
    for (const kind of game) {
      for (const spread of kind.spreads) {
        if (!isSelfSpread(spread, kind)) continue;
        const domains = countedDomains(problem, spread);
        const least = milp.variable(0, domains.length < spread.minDomains ? 0 : kind.count);
        for (const domain of domains) {
          const there = countedIn(problem, spread, domain, onNode);
          milp.row([...there.map((v): [number, number] => [v, 1]), [least, -1]], 0, spread.maxSkew);
        }
      }
      const { affinity } = kind;
      if (affinity === undefined || !affinity.matches.every(other => inGame.has(other))) continue;
      if (affinity.matchesItself) {
        if (affinity.matches.length > 1) continue;
        // Only the first may choose: all others follow into its domains.
        for (const topology of affinity.topologies) {
          const chosen = domainsOf(topology).map(domain => ({ domain, variable: milp.binary() }));
          milp.row(
            chosen.map(({ variable }) => [variable, 1]),
            0,
            1,
          );
          for (const { domain, variable } of chosen) {
            const there = inDomain(topology, domain, [kind.index]);
            milp.row([...there.map((v): [number, number] => [v, 1]), [variable, -kind.count]], none, 0);
          }
        }
        continue;
      }
      for (const topology of affinity.topologies) {
        problem.nodes.forEach((_, node) => {
          const variable = onNode(node, kind.index);
          if (variable < 0) return;
          const near = inDomain(topology, problem.topologies[topology]?.[node] ?? -1, affinity.matches);
          milp.row([[variable, 1], ...near.map((v): [number, number] => [v, -kind.count])], none, 0);
        });
      }
    }
  }

  const lifters = new Set<number>();
  for (const spread of x.spreads) {
    const domains = countedDomains(problem, spread);
    const over = spread.maxSkew + 1 - (spread.matchesItself ? 1 : 0);
    const most = countOf(spread.matches) + over;
    const emptiest = domains.length < spread.minDomains ? undefined : domains.map(() => milp.binary());
    if (emptiest !== undefined)
      milp.row(
        emptiest.map(variable => [variable, 1]),
        1,
        1,
      );
    for (const node of usable) {
      const domain = problem.topologies[spread.topology]?.[node] as number;
      const here = countedIn(problem, spread, domain, onNode);
      const reason = milp.binary();
      if (emptiest === undefined) {
        milp.row([...here.map((v): [number, number] => [v, 1]), [reason, -over]], 0, any);
      } else {
        domains.forEach((other, number) => {
          const there = countedIn(problem, spread, other, onNode);
          milp.row(
            [
              ...here.map((v): [number, number] => [v, 1]),
              ...there.map((v): [number, number] => [v, -1]),
              [reason, -most],
              [emptiest[number] as number, -most],
            ],
            over - 2 * most,
            any,
          );
        });
      }
      reasons[node]?.push(reason);
      if (options.supportersPlaced) {
        for (const other of spread.matches) if (other !== x.index) lifters.add(other);
      }
    }
  }
  const { affinity } = x;
  if (affinity !== undefined) {
    const everywhere = problem.nodes.flatMap((_, node) =>
      affinity.matches.flatMap(kind => (onNode(node, kind) >= 0 ? [onNode(node, kind)] : [])),
    );
    for (const node of usable) {
      for (const topology of affinity.topologies) {
        const near = inDomain(topology, problem.topologies[topology]?.[node] ?? -1, affinity.matches);
        const reason = milp.binary();
        const most = countOf(affinity.matches);
        milp.row([...near.map((v): [number, number] => [v, 1]), [reason, most]], none, most);
        if (affinity.matchesItself) {
          milp.row([...everywhere.map((v): [number, number] => [v, 1]), [reason, -1]], 0, any);
        }
        reasons[node]?.push(reason);
      }
    }
    if (options.supportersPlaced) {
      for (const other of affinity.matches) if (other !== x.index) lifters.add(other);
    }
  }
  for (const other of lifters) {
    const all = problem.nodes.flatMap((_, node) => (onNode(node, other) >= 0 ? [onNode(node, other)] : []));
    const count = problem.kinds[other]?.count ?? 0;
    milp.row(
      all.map(variable => [variable, 1]),
      count,
      count,
    );
  }
  for (const node of usable) {
    milp.row(
      (reasons[node] ?? []).map(variable => [variable, 1]),
      1,
      any,
    );
  }
  return { milp, on, bound };
}

function countedDomains(problem: Problem, spread: Spread): number[] {
  const domains = problem.topologies[spread.topology] ?? [];
  return [...new Set(domains.filter((_, node) => spread.counted[node]))].filter(domain => domain >= 0);
}

function countedIn(
  problem: Problem,
  spread: Spread,
  domain: number,
  onNode: (node: number, kind: number) => number,
): number[] {
  return problem.nodes.flatMap((_, node) =>
    spread.counted[node] && problem.topologies[spread.topology]?.[node] === domain
      ? spread.matches.flatMap(kind => (onNode(node, kind) >= 0 ? [onNode(node, kind)] : []))
      : [],
  );
}
