import type { Highs } from 'highs';
import { blockingSets, type Pods, shortage } from './blocking-sets';
import { Milp, type MilpLimits } from './milp';
import type { PodKind, Problem } from './problem';

/** Which nodes can be blocked at once, counting only how many pods of each kind there are. */
export type Cover =
  /** Not all nodes of X: whatever else holds, one stays open. */
  | { readonly status: 'infeasible' }
  /** All of them, by these pods on each node; undefined where only sums were looked at. */
  | { readonly status: 'feasible'; readonly on?: readonly Pods[] }
  | { readonly status: 'stopped' };

/** Whether X can be kept off a node only by what stands on that node. */
export function isBlockedNodeByNode(x: PodKind, inGame: ReadonlySet<number>): boolean {
  return (
    x.affinity === undefined &&
    x.spreads.length === 0 &&
    x.conflicts.every(({ other, topology }) => topology === 0 || !inGame.has(other))
  );
}

/**
 * One blocking set for each node of X, out of the pods that there are: a model whose linear relaxation is nearly as
 * strong as the question itself, with one variable for all nodes alike. It leaves out everything between nodes
 * (spreads, affinities, anti-affinity by zone), so "infeasible" is a proof, and what it finds has to be replayed.
 */
export function coverNodes(
  highs: Highs,
  problem: Problem,
  x: PodKind,
  game: readonly PodKind[],
  firm: readonly PodKind[],
  atMost: (kind: PodKind) => number,
  limits: MilpLimits,
): Cover {
  const inGame = new Set(game.map(({ index }) => index));
  const milp = new Milp();
  const none = Number.NEGATIVE_INFINITY;
  const used = new Map(game.map(kind => [kind.index, [] as [variable: number, coefficient: number][]]));
  const choices: { readonly nodes: readonly number[]; readonly sets: readonly [number, Pods][] }[] = [];
  let exact = true;

  for (const nodes of alikeFor(problem, x, game)) {
    const [node = 0] = nodes;
    const sets: Pods[] = x.conflicts
      .filter(({ other }) => inGame.has(other) && problem.kinds[other]?.eligibleBefore[node] === true)
      .map(({ other }) => [[other, 1]]);
    const blocked: [number, number][] = [];
    for (let r = 0; r < problem.resources.length; r++) {
      const found = blockingSets(problem, firm, x, node, r, atMost);
      if (found !== undefined) {
        sets.push(...found);
        continue;
      }
      // Too many to list: only the sum over all these nodes has to suffice.
      exact = false;
      const need = shortage(problem, x, node, r) as number;
      const byThis = milp.variable(0, nodes.length);
      const filled: [number, number][] = [];
      for (const kind of firm) {
        const request = kind.requests[r] as number;
        const most = Math.min(atMost(kind), mostOn(problem, kind, node));
        if (request === 0 || most <= 0 || kind.eligibleBefore[node] !== true) continue;
        const variable = milp.variable(0, Math.min(atMost(kind), most * nodes.length));
        filled.push([variable, Math.min(1, request / need)]);
        milp.row(
          [
            [variable, 1],
            [byThis, -most],
          ],
          none,
          0,
        );
        used.get(kind.index)?.push([variable, 1]);
      }
      milp.row([...filled, [byThis, -1]], -1e-6, Number.POSITIVE_INFINITY);
      blocked.push([byThis, 1]);
    }
    const chosen = sets.map((pods): [number, Pods] => [milp.variable(0, nodes.length), pods]);
    for (const [variable, pods] of chosen)
      for (const [kind, count] of pods) used.get(kind)?.push([variable, count]);
    milp.row(
      [...blocked, ...chosen.map(([variable]): [number, number] => [variable, 1])],
      nodes.length,
      nodes.length,
    );
    choices.push({ nodes, sets: chosen });
  }

  for (const kind of game)
    milp.row(used.get(kind.index) ?? [], none, Math.min(atMost(kind), mostApart(problem, kind)));
  const bindings = new Set(game.flatMap(({ binding }) => (binding === undefined ? [] : [binding.id])));
  for (const id of bindings) {
    const kinds = game.filter(({ binding }) => binding?.id === id);
    const total = (kinds[0]?.binding?.total ?? 0) - (x.binding?.id === id ? 1 : 0);
    milp.row(
      kinds.flatMap(({ index }) => used.get(index) ?? []),
      none,
      total,
    );
  }
  const result = milp.solve(highs, limits);
  if (result.status !== 'feasible') return result;
  if (!exact) return { status: 'feasible' };
  const on: Pods[] = problem.nodes.map(() => []);
  for (const { nodes, sets } of choices) {
    const assigned = sets.flatMap(([variable, pods]) =>
      Array.from({ length: result.values[variable] as number }, () => pods),
    );
    nodes.forEach((node, index) => {
      on[node] = assigned[index] ?? [];
    });
  }
  return { status: 'feasible', on };
}

/** The nodes of X in groups that differ in nothing that a pod of the game can see on the node itself. */
function alikeFor(problem: Problem, x: PodKind, game: readonly PodKind[]): number[][] {
  const groups = new Map<string, number[]>();
  problem.nodes.forEach(({ capacity }, node) => {
    if (x.eligible[node] !== true) return;
    const key = JSON.stringify([capacity, game.map(({ eligibleBefore }) => eligibleBefore[node])]);
    groups.set(key, [...(groups.get(key) ?? []), node]);
  });
  return [...groups.values()];
}

/** How many pods of a kind one node holds by resources alone. */
function mostOn(problem: Problem, kind: PodKind, node: number): number {
  const capacity = problem.nodes[node]?.capacity ?? [];
  return kind.requests.reduce(
    (most, request, r) =>
      request === 0 ? most : Math.min(most, Math.floor((capacity[r] as number) / request)),
    kind.conflicts.some(({ other, topology }) => other === kind.index && topology === 0) ? 1 : kind.count,
  );
}

/** How many pods of a kind can be placed at all where each keeps a domain to itself. */
function mostApart(problem: Problem, kind: PodKind): number {
  return Math.min(
    kind.count,
    ...kind.conflicts
      .filter(({ other }) => other === kind.index)
      .map(({ topology }) => new Set(problem.topologies[topology]).size),
  );
}
