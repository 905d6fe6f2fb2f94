import type { CheckResult } from './check';
import { verdict } from './verdict';

/** The report for programs; its form is part of the command's contract. */
export function jsonReport(result: CheckResult): string {
  const { violations, notes, checked, coverage, ignored, baseline } = result;
  const { code, sentence } = verdict(result);
  return `${JSON.stringify(
    {
      violations: violations.map(
        ({ rule, level, object, file, line, message, remedy, measured, allowed }) => ({
          rule,
          level,
          object,
          file,
          line,
          message,
          remedy,
          measured,
          allowed,
        }),
      ),
      notes: notes.map(({ cause, object, file, line, what, remedy, silences }) => ({
        cause,
        object,
        file,
        line,
        what,
        remedy,
        silences,
      })),
      checked,
      coverage,
      ignored,
      ...(baseline === undefined ? {} : { baseline }),
      verdict: { code, sentence },
    },
    null,
    2,
  )}\n`;
}
