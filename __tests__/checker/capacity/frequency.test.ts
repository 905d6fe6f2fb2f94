import { frequencies, wilson } from '../../../lib/checker/capacity/frequency';
import { expandPods } from '../../../lib/checker/manifest/pods';
import { manifestObjects } from '../../../lib/checker/object/manifest-object';
import { node, pods, problem } from './clusters';

const nodes = [node('a'), node('b')];
const shareOf = (sets: Parameters<typeof problem>[1], orders = 2000) =>
  Object.fromEntries(
    frequencies(problem(nodes, sets), orders).map(({ label, placed, orders, interval }) => [
      label,
      { share: placed / orders, interval },
    ]),
  );

describe('the share of random orders in which a kind is placed', () => {
  test('a large pod finds no node when both small ones came first, on two nodes: in 1/3 × 1/2 of all', () => {
    const found = shareOf([pods('large', 1, 800), pods('small', 2, 300)]);
    const { interval } = found['test/large'] ?? { interval: [0, 0] };
    expect(interval[0]).toBeLessThan(5 / 6);
    expect(interval[1]).toBeGreaterThan(5 / 6);
    expect(interval[1] - interval[0]).toBeLessThan(0.035);
    expect(found['test/small']?.share).toBe(1);
  });
  test('one small pod fewer never blocks it', () => {
    expect(shareOf([pods('large', 1, 800), pods('small', 1, 300)])['test/large']?.share).toBe(1);
  });
  test('executors end with a driver that is pushed out, so they never keep it from coming back', () => {
    const sets = expandPods(
      manifestObjects([
        {
          apiVersion: 'sparkoperator.k8s.io/v1beta2',
          kind: 'SparkApplication',
          metadata: { name: 'gold', namespace: 'jobs' },
          spec: {
            type: 'Python',
            mode: 'cluster',
            driver: { cores: 1, coreRequest: '500m', memory: '64m', memoryOverhead: '1m' },
            executor: { instances: 3, cores: 1, coreRequest: '500m', memory: '64m', memoryOverhead: '1m' },
          },
        },
      ]),
    );
    const found = shareOf([...sets, pods('x', 2, 400, 0, { priorityClassName: 'high' })], 300);
    expect(found['test/x']?.share).toBe(1);
    expect(found['jobs/gold-driver']?.share).toBe(1);
    expect(found['jobs/gold-exec']?.share).toBeLessThan(1);
  });
  test('a pod that may push out others is always placed, and they wait', () => {
    const found = shareOf(
      [
        pods('x', 2, 800, 0, { priorityClassName: 'high' }),
        pods('y', 2, 800, 0, { priorityClassName: 'low' }),
      ],
      200,
    );
    expect(found['test/x']?.share).toBe(1);
    expect(found['test/y']?.share).toBe(0);
  });
});

test('Wilson’s interval holds at both ends', () => {
  expect(wilson(0, 100)[0]).toBe(0);
  expect(wilson(0, 100)[1]).toBeCloseTo(0.037, 3);
  expect(wilson(100, 100)[1]).toBe(1);
  expect(wilson(50, 100)).toEqual([expect.closeTo(0.4038, 4), expect.closeTo(0.5962, 4)]);
});
