import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { GoldenVector, PreemptionVector } from '../../../e2e/scheduler/golden';
import { MIXES, randomCluster } from '../../../e2e/scheduler/random-cluster';
import { Placement } from '../../../lib/checker/capacity/placement';

const lines = (file: string) =>
  readFileSync(resolve(__dirname, '..', '..', '..', 'e2e', 'scheduler', file), 'utf8')
    .trim()
    .split('\n');
const vectors = lines('golden.jsonl').map((line): GoldenVector => JSON.parse(line));
const preemptions = lines('golden-preemption.jsonl').map((line): PreemptionVector => JSON.parse(line));

test('there are vectors, and pods that found no node among them', () => {
  const steps = vectors.flatMap(vector => vector.steps);
  expect(steps.length).toBeGreaterThan(500);
  expect(steps.filter(([, , on]) => on < 0).length).toBeGreaterThan(20);
});

test.each(vectors.map(vector => [vector.seed, vector] as const))(
  'cluster %d: every pod has the nodes that the real scheduler found for it',
  (seed, { steps }) => {
    const { demands, problem } = randomCluster(seed);
    const placement = new Placement(problem);
    for (const [demand, nodes, on] of steps) {
      const kind = problem.kinds.findIndex(({ set }) => set === demands[demand]?.set);
      expect(placement.candidates(kind)).toEqual(nodes);
      if (on >= 0) placement.place(kind, on);
    }
  },
);

describe('preemption, as the real scheduler decided it', () => {
  const replayed = preemptions.map(({ seed, placed, asked, freed }) => {
    const { demands, problem } = randomCluster(seed, MIXES.relations);
    const kind = (demand: number) => problem.kinds.findIndex(({ set }) => set === demands[demand]?.set);
    const placement = new Placement(problem);
    for (const [demand, node] of placed) placement.place(kind(demand), node);
    const blockers = problem.nodes.map((_, node) => placement.blockerAfterPreemption(kind(asked), node));
    return { name: `cluster ${seed}, demand ${asked}`, freed, blockers };
  });

  test('there are pods that get a node, that get none, and that would push out what they lean on', () => {
    expect(replayed.filter(({ freed }) => freed >= 0).length).toBeGreaterThan(20);
    expect(replayed.filter(({ freed }) => freed < 0).length).toBeGreaterThan(20);
    const leaning = replayed.filter(({ blockers }) =>
      blockers.some(blocker => blocker?.filter === 'affinity to victims'),
    );
    expect(leaning.length).toBeGreaterThan(3);
  });
  test.each(replayed)('$name: a node is freed exactly where one can be', ({ freed, blockers }) => {
    if (freed >= 0) expect(blockers[freed]).toBeUndefined();
    else expect(blockers).not.toContain(undefined);
  });
});
