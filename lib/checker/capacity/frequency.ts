import type { PodSet } from '../manifest/pods';
import { Placement } from './placement';
import type { PodKind, Problem } from './problem';
import { seeded } from './search';

/** In how many random orders of arrival all pods of a kind found a node. */
export interface Frequency {
  readonly label: string;
  readonly set: PodSet;
  readonly placed: number;
  readonly orders: number;
  /** Of the share in all orders, by Wilson's score at 95 %. */
  readonly interval: readonly [low: number, high: number];
}

const Z95 = 1.959964;

/** Wilson's score interval: it holds near 0 and 1, where most of these shares are. */
export function wilson(placed: number, orders: number): readonly [low: number, high: number] {
  const share = placed / orders;
  const scale = 1 + Z95 ** 2 / orders;
  const centre = (share + Z95 ** 2 / (2 * orders)) / scale;
  const half = (Z95 / scale) * Math.sqrt((share * (1 - share)) / orders + Z95 ** 2 / (4 * orders ** 2));
  return [Math.max(0, centre - half), Math.min(1, centre + half)];
}

/**
 * Lets all pods arrive in random orders, executors after their driver, each on a random one of the nodes that take it;
 * who finds none pushes out lower priorities if it may, else waits. The scheduler's scores are not in it: it is a
 * share of orders and ties, no forecast.
 */
export function frequencies(problem: Problem, orders: number, seed = 1): Frequency[] {
  const random = seeded(seed);
  const kinds = problem.kinds.filter(({ count }) => count > 0);
  const placed = new Map(kinds.map(({ index }) => [index, 0]));
  for (let order = 0; order < orders; order++) {
    const placement = arrivals(problem, random);
    for (const { index, count } of kinds) {
      if (placement.placed[index] === count) placed.set(index, (placed.get(index) ?? 0) + 1);
    }
  }
  return kinds.map(({ index, label, set }) => {
    const times = placed.get(index) ?? 0;
    return { label, set, placed: times, orders, interval: wilson(times, orders) };
  });
}

function arrivals(problem: Problem, random: () => number): Placement {
  const placement = new Placement(problem);
  const oneOf = (nodes: readonly number[]) => nodes[Math.floor(random() * nodes.length)];
  let queue = problem.kinds
    .flatMap(({ index, count }) => Array.from({ length: count }, () => ({ index, at: random() })))
    .sort((a, b) => a.at - b.at)
    .map(({ index }) => index);
  let waiting: number[] = [];
  while (queue.length > 0) {
    const kind = queue.shift() as number;
    const { after } = problem.kinds[kind] as PodKind;
    if (after !== undefined && placement.placed[after] === 0) {
      waiting.push(kind);
      continue;
    }
    const free = oneOf(placement.candidates(kind));
    const node = free ?? oneOf(placement.nodesToFree(kind));
    if (node === undefined) {
      waiting.push(kind);
      continue;
    }
    const victims = free === undefined ? placement.pushOut(kind, node) : [];
    placement.place(kind, node);
    // Those that wait are tried again when something changed, who was pushed out after all others.
    queue = [...queue, ...waiting, ...victims];
    waiting = [];
  }
  return placement;
}
