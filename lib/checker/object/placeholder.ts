/**
 * Whether somebody puts another text in the place of a part of this one before it is applied: `${name}`, `{{ name }}`,
 * `<name>`, `%name%`, `@name@`, `__NAME__`.
 */
export function hasPlaceholder(text: string): boolean {
  return /[{}]|\$\(|<[^<>]+>|%\w+%|@\w+@|__\w+__/.test(text);
}
