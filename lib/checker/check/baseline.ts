import type { Note } from '../finding/note';
import type { Violation } from '../finding/reporter';
import { isObject } from '../object/manifest-object';
import type { CheckResult } from './check';
import { type Compared, type Identified, identified, saidBy } from './identity';

const VERSION = 1;

/** The findings and notes of a result as the text of a baseline: the same result gives the same text. */
export function baselineText({ violations, notes }: Pick<CheckResult, 'violations' | 'notes'>): string {
  const findings = [...identified(violations), ...identified(notes.map(saidBy))].sort((left, right) =>
    [left.file, left.object, left.rule, left.id].join('\n') <
    [right.file, right.object, right.rule, right.id].join('\n')
      ? -1
      : 1,
  );
  return `${JSON.stringify({ version: VERSION, findings }, null, 2)}\n`;
}

/** The findings of a baseline's text, or what is wrong with it. */
export function parseBaseline(
  file: string,
  text: string,
): { readonly findings: readonly Identified[] } | { readonly error: string } {
  const again = 'write it again with --write-baseline';
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { error: `baseline ${file} is no JSON; ${again}` };
  }
  if (!isObject(value) || value['version'] !== VERSION || !Array.isArray(value['findings']))
    return { error: `baseline ${file} has no version ${VERSION} with a list of findings; ${again}` };
  const findings = value['findings'].filter(isIdentified);
  if (findings.length < value['findings'].length)
    return { error: `baseline ${file} has a finding without id, rule, object, file or message; ${again}` };
  return { findings };
}

function isIdentified(value: unknown): value is Identified {
  return (
    isObject(value) &&
    ['id', 'rule', 'object', 'file', 'message'].every(key => typeof value[key] === 'string')
  );
}

/** A result without what was known, and what was known and is gone. Of rules that were not asked nothing is gone. */
export function sinceBaseline(
  result: CheckResult,
  baseline: readonly Identified[],
  only: readonly string[] | undefined,
): CheckResult & { readonly baseline: Compared } {
  const known = new Set(baseline.map(({ id }) => id));
  const found = new Set<string>();
  const isNew = (identities: readonly Identified[]) => (_: Violation | Note, index: number) => {
    const id = identities[index]?.id ?? '';
    found.add(id);
    return !known.has(id);
  };
  const violations = result.violations.filter(isNew(identified(result.violations)));
  const notes = result.notes.filter(isNew(identified(result.notes.map(saidBy))));
  const isAsked = (rule: string) => only === undefined || only.includes(rule);
  return {
    ...result,
    violations,
    notes,
    baseline: {
      known: result.violations.length + result.notes.length - violations.length - notes.length,
      gone: baseline.filter(({ id, rule }) => !found.has(id) && isAsked(rule)),
    },
  };
}
