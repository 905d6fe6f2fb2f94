import { MIXES, type RandomCluster, randomCluster } from '../../../e2e/scheduler/random-cluster';
import { isVictim, Placement } from '../../../lib/checker/capacity/placement';
import { buildProblem, type PodKind, type Problem } from '../../../lib/checker/capacity/problem';
import { decide } from '../../../lib/checker/capacity/verdict';
import { node, pods, problem, spread } from './clusters';

/** Each way in which the scheduler can push pods off a node for one that then fits: the most important may stay first. */
function preemptions(placement: Placement, kind: number, on: number): number[][] {
  const { kinds } = placement.problem;
  const pod = kinds[kind] as PodKind;
  const counts = placement.on[on] as number[];
  const found: number[][] = [];
  const spare = (waiting: readonly number[], victims: readonly number[]) => {
    if (waiting.length === 0) found.push([...victims]);
    const highest = Math.max(...waiting.map(other => (kinds[other] as PodKind).priority));
    for (const other of new Set(waiting.filter(one => kinds[one]?.priority === highest))) {
      const rest = [...waiting];
      rest.splice(rest.indexOf(other), 1);
      placement.place(other, on);
      const fits = placement.blocker(kind, on) === undefined;
      if (fits) spare(rest, victims);
      placement.remove(other, on);
      if (!fits) spare(rest, [...victims, other]);
    }
  };
  const candidates = counts.flatMap((count, other) =>
    isVictim(pod, kinds[other] as PodKind) ? Array.from({ length: count }, () => other) : [],
  );
  if (candidates.length === 0) return [];
  for (const other of candidates) placement.remove(other, on);
  if (placement.blocker(kind, on) === undefined) spare(candidates, []);
  for (const other of candidates) placement.place(other, on);
  return found;
}

/** Pods of a kind on a node: `[node][kind]`. */
type State = readonly (readonly number[])[];

interface Walk {
  /** Kinds that some order leaves unplaced for good. */
  readonly stuck: ReadonlySet<number>;
  /** The states in which every pod has a node. */
  readonly complete: readonly State[];
}

/** Every placement that can come about, beginning with any of these; undefined when they are too many. */
function walkThrough(
  of: Problem,
  starts: readonly State[] = [of.nodes.map(() => of.kinds.map(() => 0))],
): Walk | undefined {
  const seen = new Set<string>();
  const stuck = new Set<number>();
  const complete: State[] = [];
  let placement = new Placement(of);
  const walk = (): boolean => {
    const key = JSON.stringify(placement.on);
    if (seen.has(key)) return true;
    seen.add(key);
    if (seen.size > 3_000) return false;
    const rest = of.kinds.filter(({ index, count }) => (placement.placed[index] as number) < count);
    if (rest.length === 0) complete.push(JSON.parse(key));
    let moved = false;
    for (const { index } of rest) {
      const candidates = placement.candidates(index);
      const moves =
        candidates.length > 0
          ? candidates.map(on => ({ on, victims: [] as number[] }))
          : of.nodes.flatMap((_, on) => preemptions(placement, index, on).map(victims => ({ on, victims })));
      for (const { on, victims } of moves) {
        moved = true;
        for (const victim of victims) placement.remove(victim, on);
        placement.place(index, on);
        const isWhole = walk();
        placement.remove(index, on);
        for (const victim of victims) placement.place(victim, on);
        if (!isWhole) return false;
      }
    }
    if (!moved) for (const { index } of rest) stuck.add(index);
    return true;
  };
  for (const start of starts) {
    placement = new Placement(of);
    start.forEach((counts, node) => {
      counts.forEach((count, kind) => {
        for (let pod = 0; pod < count; pod++) placement.place(kind, node);
      });
    });
    if (!walk()) return undefined;
  }
  return { stuck, complete };
}

// A node that was cordoned late may hold pods that no order brings there now.
const isSmall = ({ problem: of, cordoned }: RandomCluster) =>
  cordoned.size === 0 && of.nodes.length <= 4 && of.kinds.reduce((sum, { count }) => sum + count, 0) <= 9;
const hasPriorities = ({ problem: of }: RandomCluster) =>
  new Set(of.kinds.map(({ priority }) => priority)).size > 1;
const usual = Array.from({ length: 1500 }, (_, index) => randomCluster(index + 5000)).filter(isSmall);
const related = Array.from({ length: 400 }, (_, index) => randomCluster(index, MIXES.relations)).filter(
  isSmall,
);

const spreading = Array.from({ length: 600 }, (_, index) =>
  randomCluster(index, { ...MIXES.relations, priorities: 0.3, affinity: 0.1, spread: 0.7 }),
).filter(isSmall);

test.each([
  ['of one priority', usual.filter(cluster => !hasPriorities(cluster))],
  ['of several priorities', usual.filter(hasPriorities)],
  ['of one priority that look at each other', related.filter(cluster => !hasPriorities(cluster))],
  ['of several priorities that look at each other', related.filter(hasPriorities)],
])(
  'verdicts on pods %s are those of every order of arrival, walked through',
  async (_, clusters) => {
    let checked = 0;
    for (const { problem: of } of clusters) {
      const truth = walkThrough(of);
      if (truth === undefined) continue;
      const { verdict, kinds } = await decide(of);
      checked++;
      if (verdict !== 'undecided') expect(verdict === 'impossible').toBe(truth.complete.length === 0);
      for (const { label, verdict: own } of kinds) {
        const index = of.kinds.findIndex(kind => kind.label === label);
        if (own === 'guaranteed') expect(truth.stuck).not.toContain(index);
        if (own === 'order-dependent' || own === 'impossible') expect(truth.stuck).toContain(index);
      }
    }
    expect(checked).toBeGreaterThan(30);
  },
  60_000,
);

test('what is guaranteed with a node lost finds a node again from every state in which all ran', async () => {
  const checked = { guaranteed: 0, stuck: 0 };
  for (const { problem: before, nodes, demands } of spreading) {
    const ran = walkThrough(before);
    if (ran === undefined || ran.complete.length === 0) continue;
    for (const lost of nodes.keys()) {
      const others = (_: unknown, node: number) => node !== lost;
      const of = buildProblem(nodes.filter(others), demands);
      const truth = walkThrough(
        of,
        ran.complete.map(state => state.filter(others)),
      );
      if (truth === undefined) continue;
      const { kinds } = await decide(of, { afterRemovals: true });
      checked.stuck += truth.stuck.size;
      for (const { label } of kinds.filter(({ verdict }) => verdict === 'guaranteed')) {
        checked.guaranteed++;
        expect(truth.stuck).not.toContain(of.kinds.findIndex(kind => kind.label === label));
      }
    }
  }
  expect(checked.guaranteed).toBeGreaterThan(100);
  expect(checked.stuck).toBeGreaterThan(100);
}, 60_000);

test('a lost node can leave a spread uneven, and what then finds no node is not called guaranteed', async () => {
  const [a, b, c] = [
    node('a', 1000, 1000, { zone: 'z1' }),
    node('b', 2000, 1000, { zone: 'z1' }),
    node('c', 1000, 1000, { zone: 'z2' }),
  ];
  const sets = [
    pods('x', 3, 300, 0, spread('x', 'topology.kubernetes.io/zone')),
    pods('y', 1, 500),
    pods('z', 1, 800),
  ];
  const without = problem([a, c], sets);
  const ran = walkThrough(problem([a, b, c], sets))?.complete ?? [];
  const y = 1;
  expect(walkThrough(without)?.stuck).not.toContain(y);
  expect((await decide(without)).kinds[y]?.verdict).toBe('guaranteed');
  expect(
    walkThrough(
      without,
      ran.map(([onA = [], , onC = []]) => [onA, onC]),
    )?.stuck,
  ).toContain(y);
  expect((await decide(without, { afterRemovals: true })).kinds[y]?.verdict).not.toBe('guaranteed');
});
