import type { PodSet } from '../manifest/pods';
import { contest } from './adversary';
import { solver } from './milp';
import type { ClusterNode } from './node';
import { buildProblem, labelOf, type Problem } from './problem';
import { runsOnce } from './scenarios';
import { provePlacement } from './search';
import { DEFAULT_LIMITS } from './verdict';

/** How far one set could grow, with all others at their most. */
export interface Growth {
  readonly pods: string;
  /** At most, as declared. */
  readonly now: number;
  /** The most for which all pods have a placement; 0 where not even one has. */
  readonly fit: number;
  /** The most for which each pod of the set is guaranteed a node, whatever the order of arrival. */
  readonly guaranteed: number;
}

const LIMITS = { ...DEFAULT_LIMITS, seconds: 0.5 };
/** Beyond so many more nobody asks. */
const MOST_MORE = 100;

/** For each set that `mayChange` and that runs in copies, how many would fit; what is undecided does not count. */
export async function whatIf(
  sets: readonly PodSet[],
  nodes: readonly ClusterNode[],
  mayChange: (set: PodSet) => boolean,
): Promise<Growth[]> {
  const highs = await solver();
  const running = sets.filter(set => !runsOnce(set) && set.schedule === undefined);
  const grows = ({ role, replicas }: PodSet) => ['replica', 'executor'].includes(role) && replicas.max > 0;
  return running
    .filter(set => mayChange(set) && grows(set))
    .map(set => {
      const problemOf = (count: number): Problem =>
        buildProblem(
          nodes,
          running.map(other => ({ set: other, count: other === set ? count : other.replicas.max })),
        );
      const most = set.replicas.max + MOST_MORE;
      const fit = last(most, count => provePlacement(highs, problemOf(count), LIMITS).exists === true);
      const guaranteed = last(fit, count => {
        const problem = problemOf(count);
        return problem.kinds
          .filter(kind => kind.set === set)
          .every(({ index }) => {
            const result = contest(highs, problem, index, { limits: LIMITS });
            return result.outcome === 'always placed' && result.given.length === 0;
          });
      });
      return { pods: labelOf(set), now: set.replicas.max, fit, guaranteed };
    });
}

/** The last number up to `most` for which it holds from 1 on; 0 where it does not hold for 1. */
function last(most: number, holds: (count: number) => boolean): number {
  let [low, high] = [0, 1];
  while (high <= most && holds(high)) [low, high] = [high, high * 2];
  high = Math.min(high, most + 1);
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (holds(middle)) low = middle;
    else high = middle;
  }
  return low;
}
