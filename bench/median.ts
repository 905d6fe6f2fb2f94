/** The middle value; of an even number of values, the higher of the two in the middle. NaN for none. */
export function median(values: readonly number[]): number {
  return [...values].sort((left, right) => left - right)[Math.floor(values.length / 2)] ?? Number.NaN;
}
