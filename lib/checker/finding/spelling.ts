import { closest, distance } from 'fastest-levenshtein';

/** The name that was probably meant, or all that there are: the end of a sentence about a name that does not exist. */
export function advice(name: string, names: readonly string[]): string {
  const near = nearest(name, names);
  if (near !== undefined) return `did you mean ${near}?`;
  return names.length < 2
    ? `choose ${names[0] ?? ''}`
    : `choose ${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;
}

/** The name that differs from this one in a few letters, or of which this one is the beginning. */
export function nearest(name: string, names: readonly string[]): string | undefined {
  if (names.length === 0) return undefined;
  const longer = names.filter(other => other.startsWith(name));
  if (name.length > 2 && longer.length === 1) return longer[0];
  const near = closest(name, [...names]);
  return distance(name.toLowerCase(), near.toLowerCase()) <= Math.max(2, name.length / 3) ? near : undefined;
}
