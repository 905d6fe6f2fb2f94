import { whatIf } from '../../../lib/checker/capacity/what-if';
import { node, pods } from './clusters';

const nodes = [node('a'), node('b')];

test('as many as fit and as many as are guaranteed, which may be fewer', async () => {
  const found = await whatIf([pods('large', 1, 700), pods('small', 2, 100)], nodes, () => true);
  expect(found).toEqual([
    // Beside two small ones, on one node or two, each node holds one large.
    { pods: 'test/large', now: 1, fit: 2, guaranteed: 2 },
    // Thirteen small ones fill what one large leaves; they are guaranteed, though not the large one beside them.
    { pods: 'test/small', now: 2, fit: 13, guaranteed: 13 },
  ]);
});
test('a set that others may keep off is guaranteed less than fits', async () => {
  const [large] = await whatIf([pods('large', 1, 700), pods('small', 4, 200)], nodes, () => true);
  expect(large).toEqual({ pods: 'test/large', now: 1, fit: 1, guaranteed: 0 });
});
test('what is not to be changed is not asked, and what fits nowhere fits not once', async () => {
  expect(await whatIf([pods('x', 1, 100)], nodes, () => false)).toEqual([]);
  expect(await whatIf([pods('x', 1, 1100)], nodes, () => true)).toEqual([
    { pods: 'test/x', now: 1, fit: 0, guaranteed: 0 },
  ]);
});
