import type { Problem } from '../../lib/checker/capacity/problem';
import { seeded } from '../../lib/checker/capacity/search';
import {
  type DecideOptions,
  decide,
  type ProblemVerdict,
  type Verdict,
} from '../../lib/checker/capacity/verdict';
import type { PlainObject } from '../../lib/checker/object/manifest-object';
import { type Arrival, asApiObjects, type Question, type SchedulerOracle } from './oracle';
import type { RandomCluster } from './random-cluster';

/** A cluster as the engine and as the scheduler see it. */
export interface Contest {
  readonly problem: Problem;
  readonly question: Pick<Question, 'nodes' | 'objects' | 'pods'>;
  readonly cordoned: readonly number[];
  /** For each pod, the label of its kind in the problem; undefined for a pod that is there before all others. */
  readonly kindOf: readonly (string | undefined)[];
}

export interface Comparison {
  readonly verdict: ProblemVerdict;
  /** Each contradiction between the engine and the scheduler, as a sentence. */
  readonly contradictions: readonly string[];
  /** Witnesses that were replayed. */
  readonly witnesses: number;
}

/** Verdicts by how often they came. */
export type Tally = Record<Verdict, number>;

const CONTINUATIONS = 6;

export function contestOf({ nodes, demands, cordoned, problem }: RandomCluster): Contest {
  const { question, podsOf } = asApiObjects(nodes, demands);
  const kindOf = question.pods.map((_, pod) => {
    const demand = demands[podsOf.findIndex(pods => pods.includes(pod))];
    return problem.kinds.find(({ set }) => set === demand?.set)?.label;
  });
  return {
    problem,
    question,
    kindOf,
    cordoned: nodes.flatMap((node, index) => (cordoned.has(node.name) ? [index] : [])),
  };
}

/**
 * Holds the engine's verdict on a cluster against the real scheduler: what is guaranteed is never left pending in
 * any of the orders, an impossible set is never placed whole, and each witness, replayed, blocks: at once, and after
 * the others arrived in several orders.
 */
export async function compare(
  oracle: SchedulerOracle,
  { problem, question, cordoned, kindOf }: Contest,
  seed: number,
  orders: number,
  options: DecideOptions = {},
): Promise<Comparison> {
  const verdict = await decide(problem, options);
  const contradictions: string[] = [];
  const random = seeded(seed ^ 0x5eed);
  const first = kindOf.flatMap((kind, pod) => (kind === undefined ? [pod] : []));
  const later = kindOf.flatMap((kind, pod) => (kind === undefined ? [] : [pod]));
  const shuffled = (pods: readonly number[]) =>
    pods
      .map(pod => ({ pod, key: random() }))
      .sort((a, b) => a.key - b.key)
      .map(({ pod }) => pod);

  const arrivals = (['score', 'any'] as const).flatMap(choose =>
    Array.from({ length: orders / 2 }, () => ({ choose, pods: [...first, ...shuffled(later)] })),
  );
  const nodeNamed = (name: unknown) =>
    question.nodes.findIndex(({ metadata }) => (metadata as PlainObject)['name'] === name);
  const there = first.map(pod => {
    const spec = question.pods[pod]?.['spec'] as PlainObject;
    return [pod, nodeNamed(daemonNode(spec))] as const;
  });
  const witnesses = verdict.kinds.flatMap(({ witness, label }) => {
    if (witness === undefined) return [];
    const free = [...later];
    const podFor = (kind: string): number => {
      const position = free.findIndex(pod => kindOf[pod] === kind);
      return position < 0 ? -1 : (free.splice(position, 1)[0] as number);
    };
    const placed = witness.placement.map(({ pod, node }) => [podFor(pod), nodeNamed(node)] as const);
    const ask = podFor(label);
    const then = Array.from(
      { length: CONTINUATIONS },
      (_, number): Arrival => ({
        choose: number % 2 === 0 ? 'score' : 'any',
        pods: shuffled([ask, ...free]),
      }),
    );
    return [{ label, replay: { placed: [...there, ...placed], ask, then } }];
  });
  const answer = await oracle.ask({
    ...question,
    cordoned,
    orders: arrivals,
    replays: witnesses.map(({ replay }) => replay),
    seed,
  });
  if (answer.error !== undefined)
    return { verdict, contradictions: [`the oracle failed: ${answer.error}`], witnesses: 0 };

  for (const [number, { choose }] of arrivals.entries()) {
    const pending = answer.pending?.[number];
    if (pending === undefined) contradictions.push('the oracle left out an order');
    else if (verdict.verdict === 'impossible' && pending.length === 0) {
      contradictions.push('impossible, but every pod was placed');
    }
    for (const pod of pending ?? []) {
      const label = kindOf[pod];
      if (label === undefined) contradictions.push('a pod that comes before all others found no node');
      if (verdict.kinds.find(kind => kind.label === label)?.verdict === 'guaranteed') {
        contradictions.push(`${label} is guaranteed, but a pod of it stayed pending (${choose})`);
      }
    }
  }
  for (const [number, { label }] of witnesses.entries()) {
    const asked = answer.asked?.[number];
    if (asked === undefined || (asked.error ?? '') !== '') {
      contradictions.push(`the witness for ${label} does not replay: ${asked?.error}`);
    } else if ((asked.nodes?.length ?? 0) > 0 || asked.nominated !== '') {
      contradictions.push(`the witness for ${label} does not block: ${JSON.stringify(asked)}`);
    } else if (!asked.pending?.some(pods => pods.some(pod => kindOf[pod] === label))) {
      contradictions.push(`the witness for ${label} blocks, but when the others arrive it is placed`);
    }
  }
  return { verdict, contradictions, witnesses: witnesses.length };
}

/** The node that a daemon pod's affinity names. */
function daemonNode(spec: PlainObject): unknown {
  const text = JSON.stringify(spec['affinity'] ?? {});
  return /"metadata\.name","operator":"In","values":\["([^"]+)"\]/.exec(text)?.[1];
}
