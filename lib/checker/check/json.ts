import type { CheckResult } from './check';

/** The report for programs; its form is part of the command's contract. */
export function jsonReport({ violations, notes, checked }: CheckResult): string {
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
    },
    null,
    2,
  )}\n`;
}
