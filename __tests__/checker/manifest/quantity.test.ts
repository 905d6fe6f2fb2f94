import fc from 'fast-check';
import { bytes, count, cpuMillis, formatBytes, QuantityError } from '../../../lib/checker/manifest/quantity';

describe('CPU', () => {
  test.each([
    ['1', 1000],
    ['0.5', 500],
    ['250m', 250],
    ['.1', 100],
    [2, 2000],
    [0.25, 250],
    ['1e1', 10000],
    ['100u', 1],
    ['1n', 1],
    ['0', 0],
    ['1.0001', 1001],
  ])('%s is %d millicores, fractions rounded up', (quantity, millis) => {
    expect(cpuMillis(quantity)).toBe(millis);
  });
});

describe('memory', () => {
  test.each([
    ['1Gi', 1073741824],
    ['1.5Gi', 1610612736],
    ['512Mi', 536870912],
    ['7291820Ki', 7466823680],
    ['1G', 1000000000],
    ['1e3', 1000],
    ['128974848', 128974848],
    ['1500m', 2],
    ['+1k', 1000],
  ])('%s is %d bytes', (quantity, size) => {
    expect(bytes(quantity)).toBe(size);
  });

  test.each(['2gb', '2 Gi', '', '.', 'Gi', '1Gi1', '--1', 'NaN', null, undefined, true, {}, '1ki'])(
    '%p is refused, naming the value and what is allowed',
    quantity => {
      expect(() => bytes(quantity)).toThrow(QuantityError);
      expect(() => bytes(quantity)).toThrow(
        /is no quantity \(.+\); write a number with an optional unit, e\.g\. 500m/,
      );
    },
  );

  test('a negative amount is refused, a zero with a sign is not', () => {
    expect(() => bytes('-1Gi')).toThrow('negative');
    expect(bytes('-0')).toBe(0);
  });

  test('what a double cannot hold exactly is refused', () => {
    expect(() => bytes('8192Pi')).toThrow('larger than 2^53');
    expect(bytes('4Pi')).toBe(2 ** 52);
  });
});

test('a count is rounded up', () => expect(count('1500m')).toBe(2));

test('bytes are printed in the largest unit that divides them, and read back', () => {
  expect(formatBytes(2147483648)).toBe('2Gi');
  expect(formatBytes(1073741825)).toBe('1073741825');
  fc.assert(fc.property(fc.integer({ min: 0, max: 2 ** 50 }), value => bytes(formatBytes(value)) === value));
});

test('millicores are the ceiling of the exact value', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 10n ** 12n }), fc.integer({ min: 0, max: 9 }), (digits, places) => {
      const text = digits.toString().padStart(places + 1, '0');
      const quantity = places === 0 ? text : `${text.slice(0, -places)}.${text.slice(-places)}`;
      const scale = 10n ** BigInt(places);
      return cpuMillis(quantity) === Number((digits * 1000n + scale - 1n) / scale);
    }),
  );
});
