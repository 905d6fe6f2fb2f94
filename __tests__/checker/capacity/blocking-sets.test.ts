import { blockingSets, shortage } from '../../../lib/checker/capacity/blocking-sets';
import { Placement } from '../../../lib/checker/capacity/placement';
import type { PodKind, Problem } from '../../../lib/checker/capacity/problem';
import { near, node, pods, problem } from './clusters';

const CPU = 0;
const all = ({ count }: PodKind) => count;
const setsFor = (of: Problem, resource = CPU) => {
  const [x, ...others] = of.kinds as [PodKind, ...PodKind[]];
  return blockingSets(of, others, x, 0, resource, all)?.map(set =>
    set.map(([kind, count]) => `${count} ${of.kinds[kind]?.label.replace('test/', '')}`).join(' + '),
  );
};

const x = pods('x', 1, 600);
const one = [node('a')];

test('each smallest set that leaves too little is listed, larger pods first', () => {
  expect(setsFor(problem(one, [x, pods('big', 2, 450), pods('small', 2, 150)]))).toEqual(['1 big']);
  expect(setsFor(problem(one, [x, pods('big', 2, 300), pods('small', 5, 150)]))).toEqual([
    '1 big + 1 small',
    '2 big',
    '3 small',
  ]);
});

test('a set that the filters do not let stand together is none', () => {
  const apart = pods('apart', 2, 300, 0, near('podAntiAffinity', 'apart'));
  expect(setsFor(problem(one, [x, apart, pods('other', 1, 150)]))).toEqual(['1 apart + 1 other']);
  expect(setsFor(problem(one, [x, pods('fat', 2, 300, 600), pods('other', 1, 150)]))).toEqual([
    '1 fat + 1 other',
  ]);
});

test('nothing has to stand there where X does not fit anyway, and nothing can block by what X does not ask for', () => {
  expect(setsFor(problem([node('a', 500)], [x, pods('other', 1, 100)]))).toEqual(['']);
  expect(setsFor(problem(one, [pods('x', 1, 0), pods('other', 5, 100)]))).toEqual([]);
});

test('too many to list are not listed in part', () => {
  const many = Array.from({ length: 12 }, (_, index) => pods(`p${index}`, 6, 31 + index));
  expect(setsFor(problem(one, [x, ...many]))).toBeUndefined();
});

test('every set that blocks holds a listed one, and every listed one blocks', () => {
  const sets = [
    x,
    pods('a', 3, 220, 300),
    pods('b', 2, 130, 100),
    pods('c', 4, 90, 250),
    pods('d', 1, 400, 10),
  ];
  const of = problem(one, sets);
  const [first, ...others] = of.kinds as [PodKind, ...PodKind[]];
  const listed = blockingSets(of, others, first, 0, CPU, all) ?? [];
  const need = shortage(of, first, 0, CPU) as number;
  let blocking = 0;
  const walk = (position: number, counts: number[]): void => {
    const kind = others[position];
    if (kind !== undefined) {
      for (let count = 0; count <= kind.count; count++) walk(position + 1, [...counts, count]);
      return;
    }
    const placement = new Placement(of);
    const legal = others.every(({ index }, i) =>
      Array.from({ length: counts[i] as number }).every(() => {
        if (placement.blocker(index, 0) !== undefined) return false;
        placement.place(index, 0);
        return true;
      }),
    );
    if (!legal) return;
    const filled = others.reduce(
      (sum, { requests }, i) => sum + (requests[CPU] as number) * (counts[i] as number),
      0,
    );
    const holdsListed = listed.some(set =>
      set.every(([index, count]) => (placement.on[0]?.[index] as number) >= count),
    );
    expect(holdsListed).toBe(filled >= need);
    if (holdsListed) blocking++;
  };
  walk(0, []);
  expect(blocking).toBeGreaterThan(listed.length);
});
