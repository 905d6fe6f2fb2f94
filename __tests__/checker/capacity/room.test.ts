import { buildProblem, labelOf } from '../../../lib/checker/capacity/problem';
import { roomBeside } from '../../../lib/checker/capacity/room';
import { findPlacement } from '../../../lib/checker/capacity/search';
import type { PodSet } from '../../../lib/checker/manifest/pods';
import { node, pods } from './clusters';

const nodes = [node('a', 1000), node('b', 1000)];

/** How many pods of each set a placement has beside which there is room for no more. */
function room(sets: readonly PodSet[], waiting: readonly PodSet[]): Record<string, number> | undefined {
  const problem = buildProblem(
    nodes,
    sets.map(set => ({ set, count: set.replicas.max })),
  );
  const steps = roomBeside(problem, new Set(waiting), part => findPlacement(part));
  if (steps === undefined) return undefined;
  const count = (set: PodSet) => steps.filter(({ kind }) => problem.kinds[kind]?.set === set).length;
  return Object.fromEntries(sets.map(set => [labelOf(set).replace('test/', ''), count(set)]));
}

/** A driver and executors that one owner has. */
function job(driverCpu: number, executors: number, executorCpu: number): [PodSet, PodSet] {
  const driver = pods('driver', 1, driverCpu);
  return [
    { ...driver, role: 'driver' },
    { ...pods('exec', executors, executorCpu), role: 'executor', owner: driver.owner },
  ];
}

test('the others are placed whole, and of what waits the most that fits beside them', () => {
  const [web, batch] = [pods('web', 2, 600), pods('batch', 5, 200)];
  expect(room([web, batch], [batch])).toEqual({ web: 2, batch: 4 });
});

test('room goes to the higher priority first', () => {
  const web = pods('web', 2, 600);
  const low = pods('low', 2, 400, 0, { priorityClassName: 'low' });
  const high = pods('high', 1, 400, 0, { priorityClassName: 'high' });
  expect(room([web, low, high], [low, high])).toEqual({ web: 2, low: 1, high: 1 });
});

test('a driver goes before its executors, which are nothing without it', () => {
  const web = pods('web', 2, 600);
  const fits = job(300, 3, 400);
  expect(room([web, ...fits], fits)).toEqual({ web: 2, driver: 1, exec: 1 });
  const tooLarge = job(500, 3, 400);
  expect(room([web, ...tooLarge], tooLarge)).toEqual({ web: 2, driver: 0, exec: 0 });
});

test('nothing is said when the others have no placement themselves', () => {
  const [web, batch] = [pods('web', 3, 600), pods('batch', 1, 200)];
  expect(room([web, batch], [batch])).toBeUndefined();
});
