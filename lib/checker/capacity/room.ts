import type { PodSet } from '../manifest/pods';
import type { Step } from './placement';
import type { PodKind, Problem } from './problem';
import type { Existence } from './search';

/**
 * Where there is no room for all: a placement of everything but the sets that wait, with the most of their pods that
 * there is room for, higher priorities first and no executor without its driver. Undefined when not even the others
 * have one, or when a question on the way was not decided.
 */
export function roomBeside(
  problem: Problem,
  waiting: ReadonlySet<PodSet>,
  prove: (part: Problem) => Existence,
): readonly Step[] | undefined {
  const counts = problem.kinds.map(({ set, count }) => (waiting.has(set) ? 0 : count));
  const place = () =>
    prove({
      ...problem,
      kinds: problem.kinds.map((kind, index) => ({ ...kind, count: counts[index] as number })),
    });
  const others = place();
  if (others.exists !== true) return undefined;
  let { steps } = others;
  for (const { index, set, count } of inTurn(problem.kinds.filter(kind => waiting.has(kind.set)))) {
    const driver = problem.kinds.find(other => other.set.role === 'driver' && other.set.owner === set.owner);
    if (set.role === 'executor' && driver !== undefined && counts[driver.index] === 0) continue;
    for (counts[index] = count; (counts[index] as number) > 0; (counts[index] as number)--) {
      const more = place();
      if (more.exists === 'undecided') return undefined;
      if (more.exists === false) continue;
      ({ steps } = more);
      break;
    }
  }
  return steps;
}

function inTurn(kinds: readonly PodKind[]): PodKind[] {
  const rank = ({ set }: PodKind) => (set.role === 'driver' ? 0 : 1);
  return [...kinds].sort((a, b) => b.priority - a.priority || rank(a) - rank(b));
}
