import { Size } from 'cdk8s';
import fc from 'fast-check';
import { USABLE_SHARE, volumeRefusals } from '../../../lib/lakehouse/sizing/volume-budget';
import { said } from '../said';

test('contents up to the usable share pass, a byte more does not', () => {
  const usable = 100 * 2 ** 30 * USABLE_SHARE;
  const volume = Size.gibibytes(100);
  expect(said(volumeRefusals({ what: 'store' }, volume, [{ what: 'a', bytes: usable }], 'x'))).toEqual([]);
  expect(
    said(volumeRefusals({ what: 'store' }, volume, [{ what: 'a', bytes: usable + 1 }], 'x')),
  ).toHaveLength(1);
});

test('an empty volume passes', () => {
  expect(said(volumeRefusals({ what: 'store' }, Size.gibibytes(1), [], 'x'))).toEqual([]);
});

test.each([Size.gibibytes(0), Size.gibibytes(Number.NaN)])('a volume of nothing is refused (%#)', volume => {
  expect(said(volumeRefusals({ what: 'store' }, volume, [], 'x'))).toEqual([
    expect.stringMatching(/^store has a volume of (0|NaN)Ki but a volume has a size; set storage, e\.g\. /),
  ]);
});

test('contents without a figure are left to what is wrong with the figure', () => {
  for (const bytes of [Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(said(volumeRefusals({ what: 'store' }, Size.gibibytes(1), [{ what: 'a', bytes }], 'x'))).toEqual(
      [],
    );
  }
});

test('every content is named with its share, and the remedy', () => {
  const contents = [
    { what: 'bronze', bytes: 3 * 2 ** 30 },
    { what: 'silver', bytes: 1.5 * 2 ** 30 },
  ];
  expect(said(volumeRefusals({ what: 'store' }, Size.gibibytes(4), contents, 'keep less'))).toEqual([
    'store comes to hold 4.5Gi (bronze 3.0Gi + silver 1.5Gi) but its volume of 4Gi may fill to 3.4Gi (85 %); set storage to at least Size.gibibytes(6), or keep less',
  ]);
});

test('the volume that an error asks for is enough, and a gibibyte less is not', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 2 ** 20, max: 2 ** 45 }), { minLength: 1, maxLength: 4 }),
      sizes => {
        const contents = sizes.map(bytes => ({ what: 'layer', bytes }));
        const [sentence] = said(volumeRefusals({ what: 'store' }, Size.kibibytes(1), contents, 'x'));
        const asked = Number(sentence?.match(/gibibytes\((\d+)\)/)?.[1]);
        expect(said(volumeRefusals({ what: 'store' }, Size.gibibytes(asked), contents, 'x'))).toEqual([]);
        expect(
          said(volumeRefusals({ what: 'store' }, Size.gibibytes(asked - 1), contents, 'x')),
        ).toHaveLength(1);
      },
    ),
  );
});
