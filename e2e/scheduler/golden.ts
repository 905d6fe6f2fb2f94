import { seeded } from '../../lib/capacity/search';
import { asApiObjects, type SchedulerOracle } from './oracle';
import { randomCluster } from './random-cluster';

/** What the real scheduler's filters said of one order of arrival, by index into the cluster of that seed. */
export interface GoldenVector {
  readonly seed: number;
  /** Demand of the pod, nodes that passed, node that it got (-1: none), in order of arrival. */
  readonly steps: readonly (readonly [demand: number, nodes: readonly number[], on: number])[];
}

/** Vectors of the first seeds without priorities: preemption takes pods away, which a list of steps cannot show. */
export async function goldenVectors(oracle: SchedulerOracle, count: number): Promise<GoldenVector[]> {
  const vectors: GoldenVector[] = [];
  for (let seed = 1; vectors.length < count; seed++) {
    const { nodes, demands, cordoned } = randomCluster(seed);
    if (demands.some(({ set }) => set.priority !== 0)) continue;
    const { question, podsOf } = asApiObjects(nodes, demands);
    const random = seeded(seed);
    const order = question.pods
      .map((_, pod) => ({ pod, key: random() }))
      .sort((a, b) => a.key - b.key)
      .map(({ pod }) => pod);
    const answer = await oracle.ask({
      ...question,
      cordoned: nodes.flatMap((node, index) => (cordoned.has(node.name) ? [index] : [])),
      orders: [{ choose: 'any', pods: order }],
      seed,
      trace: true,
    });
    if (answer.error !== undefined) throw new Error(`seed ${seed}: ${answer.error}`);
    const number = (name: string) => nodes.findIndex(node => node.name === name);
    vectors.push({
      seed,
      steps: (answer.traces?.[0] ?? []).map(({ pod, nodes: passed, on }) => [
        podsOf.findIndex(pods => pods.includes(pod)),
        (passed ?? []).map(number).sort((a, b) => a - b),
        number(on),
      ]),
    });
  }
  return vectors;
}
