import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { GoldenVector } from '../../e2e/scheduler/golden';
import { randomCluster } from '../../e2e/scheduler/random-cluster';
import { Placement } from '../../lib/capacity/placement';

const vectors = readFileSync(resolve(__dirname, '..', '..', 'e2e', 'scheduler', 'golden.jsonl'), 'utf8')
  .trim()
  .split('\n')
  .map((line): GoldenVector => JSON.parse(line));

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
