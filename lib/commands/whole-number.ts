/** The number that an option's text says; else adds to the problems what it must be. */
export function wholeNumber(
  name: string,
  text: string,
  from: number,
  to: number,
  problems: string[],
): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < from || value > to)
    problems.push(`--${name} is ${JSON.stringify(text)} but must be a whole number from ${from} to ${to}`);
  return value;
}
