import { isVictim, Placement } from '../../lib/checker/capacity/placement';
import type { PodKind } from '../../lib/checker/capacity/problem';
import { seeded } from '../../lib/checker/capacity/search';
import { asApiObjects, type SchedulerOracle } from './oracle';
import { MIXES, randomCluster } from './random-cluster';

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

/** What the real scheduler's preemption said of a pod that no node takes, by index into the cluster of that seed. */
export interface PreemptionVector {
  readonly seed: number;
  /** Demand and node of every pod that is placed, in order of arrival. */
  readonly placed: readonly (readonly [demand: number, node: number])[];
  /** Demand of the pod. */
  readonly asked: number;
  /** The node that would be freed for it, -1 for none. */
  readonly freed: number;
}

/** Vectors of small clusters whose pods look at others: each pod that is left over, and that has somebody to push out. */
export async function preemptionVectors(oracle: SchedulerOracle, count: number): Promise<PreemptionVector[]> {
  const vectors: PreemptionVector[] = [];
  for (let seed = 1; vectors.length < count; seed++) {
    const { nodes, demands, cordoned, problem } = randomCluster(seed, MIXES.relations);
    if (cordoned.size > 0) continue;
    const { question, podsOf } = asApiObjects(nodes, demands);
    const kindOf = demands.map(({ set }) => problem.kinds.findIndex(kind => kind.set === set));
    const placement = new Placement(problem);
    const random = seeded(seed);
    const placed: [demand: number, node: number][] = [];
    const left = new Set<number>();
    const order = demands
      .flatMap(({ count: replicas }, demand) =>
        Array.from({ length: replicas }, () => ({ demand, key: random() })),
      )
      .sort((a, b) => a.key - b.key);
    for (const { demand } of order) {
      const kind = kindOf[demand] as number;
      const candidates = placement.candidates(kind);
      const node = candidates[Math.floor(random() * candidates.length)];
      if (node === undefined) left.add(demand);
      else {
        placement.place(kind, node);
        placed.push([demand, node]);
      }
    }
    const pod = (demand: number) => problem.kinds[kindOf[demand] as number] as PodKind;
    const asked = [...left].filter(
      demand =>
        placement.candidates(kindOf[demand] as number).length === 0 &&
        placed.some(([other]) => isVictim(pod(demand), pod(other))),
    );
    const free = podsOf.map(pods => [...pods]);
    const steps = placed.map(([demand, node]) => [free[demand]?.shift() as number, node] as const);
    const answer = await oracle.ask({
      ...question,
      replays: asked.map(demand => ({
        placed: steps,
        ask: free[demand]?.[0] as number,
      })),
      seed,
    });
    for (const [number, demand] of asked.entries()) {
      const said = answer.asked?.[number];
      const problems =
        answer.error ?? said?.error ?? (said?.nodes?.length ? `${said.nodes} would take it` : '');
      if (said === undefined || problems !== '') throw new Error(`seed ${seed}: ${problems}`);
      vectors.push({
        seed,
        placed,
        asked: demand,
        freed: nodes.findIndex(({ name }) => name === said.nominated),
      });
    }
  }
  return vectors;
}
