import type { PodKind, Problem } from './problem';

/** Pods on one node: how many of which kind. */
export type Pods = readonly (readonly [kind: number, count: number])[];

/** Sets for one resource of one node, and steps of the search for them: beyond these they are too many to list. */
const MOST_SETS = 400;
const MOST_STEPS = 8_000;

/**
 * Every smallest set of pods that leaves the node less of the resource than X asks for, and that the filters let
 * stand together: whoever blocks X there by this resource has placed one of them. Undefined when they are too many.
 */
export function blockingSets(
  problem: Problem,
  firm: readonly PodKind[],
  x: PodKind,
  node: number,
  resource: number,
  atMost: (kind: PodKind) => number,
): Pods[] | undefined {
  const need = shortage(problem, x, node, resource);
  if (need === undefined) return [];
  if (need <= 0) return [[]];
  const amount = (kind: PodKind) => kind.requests[resource] as number;
  const kinds = firm
    .filter(kind => kind.eligibleBefore[node] === true && amount(kind) > 0 && atMost(kind) > 0)
    .sort((a, b) => amount(b) - amount(a));
  const left = kinds.map(() => 0);
  for (let i = kinds.length - 1; i >= 0; i--) {
    const kind = kinds[i] as PodKind;
    left[i] = (left[i + 1] ?? 0) + amount(kind) * atMost(kind);
  }
  const free = [...(problem.nodes[node]?.capacity ?? [])];
  const chosen: [kind: PodKind, count: number][] = [];
  const sets: Pods[] = [];
  let steps = 0;

  /** Larger pods first: a set that reaches the need with its last and smallest pod holds no pod too many. */
  const extend = (from: number, missing: number): boolean => {
    if (++steps > MOST_STEPS) return false;
    for (let i = from; i < kinds.length && (left[i] as number) >= missing; i++) {
      const kind = kinds[i] as PodKind;
      if (chosen.some(([other]) => excludes(problem, kind, other, node))) continue;
      const most = Math.min(atMost(kind), excludes(problem, kind, kind, node) ? 1 : Number.POSITIVE_INFINITY);
      let placed = 0;
      let rest = missing;
      let complete = true;
      while (
        placed < most &&
        rest > 0 &&
        kind.requests.every((request, r) => request <= (free[r] as number))
      ) {
        kind.requests.forEach((request, r) => {
          free[r] = (free[r] as number) - request;
        });
        placed++;
        rest -= amount(kind);
        chosen.push([kind, placed]);
        if (rest <= 0) complete = sets.push(chosen.map(([{ index }, count]) => [index, count])) <= MOST_SETS;
        else complete = extend(i + 1, rest);
        chosen.pop();
        if (!complete) break;
      }
      kind.requests.forEach((request, r) => {
        free[r] = (free[r] as number) + placed * request;
      });
      if (!complete) return false;
    }
    return true;
  };
  return extend(0, need) ? sets : undefined;
}

/** What a resource still has to be filled with so that X no longer fits; undefined where X asks for none. */
export function shortage(problem: Problem, x: PodKind, node: number, resource: number): number | undefined {
  const request = x.requests[resource] as number;
  const capacity = problem.nodes[node]?.capacity[resource] as number;
  return request === 0 ? undefined : Math.max(0, capacity - request + 1);
}

/** Whether pods of two kinds may not be on this node together. */
function excludes(problem: Problem, a: PodKind, b: PodKind, node: number): boolean {
  return a.conflicts.some(
    ({ other, topology }) => other === b.index && (problem.topologies[topology]?.[node] ?? -1) >= 0,
  );
}
