/**
 * Kubernetes quantities, parsed once and exactly.
 *
 * The grammar is that of k8s.io/apimachinery/pkg/api/resource (release 0.36): a decimal number, then a binary
 * suffix (Ki … Ei), a decimal one (n, u, m, k, M, G, T, P, E) or an exponent (e3). Fractions are rounded up,
 * as the API server does, so a request is never counted smaller than the scheduler counts it.
 */

const SUFFIXES: Readonly<Record<string, readonly [numerator: bigint, denominator: bigint]>> = {
  n: [1n, 1_000_000_000n],
  u: [1n, 1_000_000n],
  m: [1n, 1_000n],
  '': [1n, 1n],
  k: [10n ** 3n, 1n],
  M: [10n ** 6n, 1n],
  G: [10n ** 9n, 1n],
  T: [10n ** 12n, 1n],
  P: [10n ** 15n, 1n],
  E: [10n ** 18n, 1n],
  Ki: [2n ** 10n, 1n],
  Mi: [2n ** 20n, 1n],
  Gi: [2n ** 30n, 1n],
  Ti: [2n ** 40n, 1n],
  Pi: [2n ** 50n, 1n],
  Ei: [2n ** 60n, 1n],
};

const QUANTITY = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,3})|([KMGTPE]i|[numkMGTPE]))?$/;

/** A value as it is written; what is too large for a number has no JSON. */
export function shownValue(value: unknown): string {
  return typeof value === 'number' ? String(value) : JSON.stringify(value);
}

/** A quantity that Kubernetes would refuse. The message names the value, what is allowed and how to mend it. */
export class QuantityError extends Error {
  constructor(
    readonly value: unknown,
    readonly reason: string,
  ) {
    super(
      `${shownValue(value)} is no quantity (${reason}); write a number with an optional unit, e.g. 500m, 2, 512Mi or 20Gi`,
    );
    this.name = 'QuantityError';
  }
}

/** The value times `scale`, rounded up to an integer. */
function scaled(value: unknown, scale: bigint): number {
  if (typeof value !== 'string' && typeof value !== 'number') throw new QuantityError(value, 'not a number');
  if (value === Number.POSITIVE_INFINITY) throw new QuantityError(value, 'larger than 2^53');
  const match = QUANTITY.exec(String(value));
  const [, sign = '', whole = '', fraction = '', exponent, suffix = ''] = match ?? [];
  if (match === null || whole + fraction === '') throw new QuantityError(value, 'not a number');
  const unit = SUFFIXES[suffix];
  if (unit === undefined) throw new QuantityError(value, `unknown unit ${suffix}`);
  let numerator = BigInt(whole + fraction) * unit[0] * scale;
  let denominator = unit[1] * 10n ** BigInt(fraction.length);
  const power = Number(exponent ?? 0);
  if (power >= 0) numerator *= 10n ** BigInt(power);
  else denominator *= 10n ** BigInt(-power);
  if (sign === '-' && numerator > 0n) throw new QuantityError(value, 'negative');
  const result = (numerator + denominator - 1n) / denominator;
  if (result > BigInt(Number.MAX_SAFE_INTEGER)) throw new QuantityError(value, 'larger than 2^53');
  return Number(result);
}

/** CPU in integer millicores, rounded up: '0.5' → 500, '1' → 1000, '100u' → 1. */
export function cpuMillis(value: unknown): number {
  return scaled(value, 1000n);
}

/** Memory or storage in integer bytes, rounded up: '1Gi' → 1073741824, '1500m' → 2. */
export function bytes(value: unknown): number {
  return scaled(value, 1n);
}

/** A plain count (extended resources, pods) as an integer, rounded up. */
export function count(value: unknown): number {
  return scaled(value, 1n);
}

/** Bytes as a person reads them, exact where a binary unit divides them: 2147483648 → '2Gi', 7291820Ki stays. */
export function formatBytes(value: number): string {
  for (const [unit, size] of [
    ['Ti', 2 ** 40],
    ['Gi', 2 ** 30],
    ['Mi', 2 ** 20],
    ['Ki', 2 ** 10],
  ] as const) {
    if (value !== 0 && value % size === 0) return `${value / size}${unit}`;
  }
  return `${value}`;
}
