import { createHash } from 'node:crypto';
import { NOT_UNDERSTOOD, type Note } from '../finding/note';
import type { Violation } from '../finding/reporter';

/** What tells a finding from the others in every run. */
export interface Identified {
  readonly id: string;
  readonly rule: string;
  readonly object: string;
  readonly file: string;
  readonly message: string;
}

/** What a baseline makes of a result. */
export interface Compared {
  /** How many findings and notes were known before. */
  readonly known: number;
  /** What was known and is not found any more. */
  readonly gone: readonly Identified[];
}

type Said = Pick<Violation, 'rule' | 'object' | 'file' | 'message'>;

/**
 * Findings with identities that stay when lines move: the rule, the object (where there is none, the file) and what is
 * said, without the numbers of lines in it. Equal ones are counted.
 */
export function identified(findings: readonly Said[]): Identified[] {
  const seen = new Map<string, number>();
  return findings.map(({ rule, object, file = '', message }) => {
    const said = message.replace(/(\.(?:ya?ml|json|py|sql|sh)):\d+/g, '$1').replace(/\b(lines?) \d+/g, '$1');
    const what = [rule, object === '' ? file : object, said].join('\n');
    const repeat = (seen.get(what) ?? 0) + 1;
    seen.set(what, repeat);
    const id = createHash('sha256').update(`${what}\n${repeat}`).digest('hex').slice(0, 32);
    return { id, rule, object, file, message };
  });
}

/** A note in the form of a finding. */
export function saidBy({ object, file, what }: Note): Said {
  return { rule: NOT_UNDERSTOOD, object, ...(file === undefined ? {} : { file }), message: what };
}
