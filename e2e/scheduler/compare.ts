import { seeded } from '../../lib/checker/capacity/search';
import {
  type DecideOptions,
  decide,
  type ProblemVerdict,
  type Verdict,
} from '../../lib/checker/capacity/verdict';
import { asApiObjects, type SchedulerOracle } from './oracle';
import type { RandomCluster } from './random-cluster';

export interface Comparison {
  readonly verdict: ProblemVerdict;
  /** Each contradiction between the engine and the scheduler, as a sentence. */
  readonly contradictions: readonly string[];
}

/** Verdicts by how often they came. */
export type Tally = Record<Verdict, number>;

/**
 * Holds the engine's verdict on a cluster against the real scheduler: what is guaranteed is never left pending in
 * any of the orders, an impossible set is never placed whole, and each witness, replayed, blocks.
 */
export async function compare(
  oracle: SchedulerOracle,
  cluster: RandomCluster,
  seed: number,
  orders: number,
  options: DecideOptions = {},
): Promise<Comparison> {
  const { nodes, demands, cordoned, problem } = cluster;
  const verdict = await decide(problem, options);
  const { question, podsOf } = asApiObjects(nodes, demands);
  const contradictions: string[] = [];
  const random = seeded(seed ^ 0x5eed);
  const shuffled = () =>
    question.pods
      .map((_, pod) => ({ pod, key: random() }))
      .sort((a, b) => a.key - b.key)
      .map(({ pod }) => pod);
  const cordonedNodes = nodes.flatMap((node, index) => (cordoned.has(node.name) ? [index] : []));
  const labelOf = (pod: number) => demands.findIndex((_, demand) => podsOf[demand]?.includes(pod));

  const arrivals = (['score', 'any'] as const).flatMap(choose =>
    Array.from({ length: orders / 2 }, () => ({ choose, pods: shuffled() })),
  );
  const witnesses = verdict.kinds.flatMap(({ witness, label, set }) => {
    if (witness === undefined) return [];
    const taken = demands.map(() => 0);
    const podFor = (podLabel: string): number => {
      const kind = problem.kinds.find(other => other.label === podLabel);
      const demand = demands.findIndex(other => other.set === kind?.set);
      const pod = podsOf[demand]?.[taken[demand] as number] ?? -1;
      taken[demand] = (taken[demand] as number) + 1;
      return pod;
    };
    const placed = witness.placement.map(
      ({ pod, node }) => [podFor(pod), nodes.findIndex(({ name }) => name === node)] as const,
    );
    const ask = podFor(problem.kinds.find(kind => kind.set === set)?.label ?? '');
    return [{ label, replay: { placed, ask } }];
  });
  const answer = await oracle.ask({
    ...question,
    cordoned: cordonedNodes,
    orders: arrivals,
    replays: witnesses.map(({ replay }) => replay),
    seed,
  });
  if (answer.error !== undefined) return { verdict, contradictions: [`the oracle failed: ${answer.error}`] };

  for (const [number, { choose }] of arrivals.entries()) {
    const pending = answer.pending?.[number];
    if (pending === undefined) contradictions.push('the oracle left out an order');
    else if (verdict.verdict === 'impossible' && pending.length === 0) {
      contradictions.push('impossible, but every pod was placed');
    }
    for (const pod of pending ?? []) {
      const label = problem.kinds.find(kind => kind.set === demands[labelOf(pod)]?.set)?.label;
      if (verdict.kinds.find(kind => kind.label === label)?.verdict === 'guaranteed') {
        contradictions.push(`${label} is guaranteed, but a pod of it stayed pending (${choose})`);
      }
    }
  }
  for (const [number, { label }] of witnesses.entries()) {
    const asked = answer.asked?.[number];
    if (asked === undefined || asked.error !== undefined) {
      contradictions.push(`the witness for ${label} does not replay: ${asked?.error}`);
    } else if ((asked.nodes?.length ?? 0) > 0 || asked.nominated !== '') {
      contradictions.push(`the witness for ${label} does not block: ${JSON.stringify(asked)}`);
    }
  }
  return { verdict, contradictions };
}
