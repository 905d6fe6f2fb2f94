import { NOT_UNDERSTOOD } from '../finding/note';
import type { CheckResult } from './check';
import { lookedAt, notLookedAtLines } from './coverage';
import { verdict } from './verdict';

/** The report as commands of GitHub's workflows: each finding stands beside its line in the pull request. */
export function githubReport(result: CheckResult, rules: number): string {
  const { violations, notes, isStrict } = result;
  const rows = [
    ...violations.map(({ level, file, line, column, rule, object, message, remedy }) =>
      command(level, { file, line, col: column, title: rule }, said(object, `${message}; ${remedy}`)),
    ),
    ...notes.map(({ file, line, object, what, remedy, silences }) =>
      command(
        isStrict ? 'error' : 'notice',
        { file, line, title: NOT_UNDERSTOOD },
        said(
          object,
          `${what}; ${remedy}${silences.length === 0 || silences.length === rules ? '' : ` (silent: ${silences.join(', ')})`}`,
        ),
      ),
    ),
  ];
  return [
    ...rows,
    `looked at: ${lookedAt(result.coverage)}`,
    ...notLookedAtLines(result.coverage).map(line => `not looked at: ${line}`),
    verdict(result).sentence,
    '',
  ].join('\n');
}

function said(object: string, sentence: string): string {
  return object === '' ? sentence : `${object}: ${sentence}`;
}

function command(
  name: 'error' | 'warning' | 'notice',
  properties: Readonly<Record<string, string | number | undefined>>,
  message: string,
): string {
  const list = Object.entries(properties).flatMap(([key, value]) =>
    value === undefined ? [] : [`${key}=${escaped(String(value)).replace(/:/g, '%3A').replace(/,/g, '%2C')}`],
  );
  return `::${name} ${list.join(',')}::${escaped(message)}`;
}

/** As GitHub's own toolkit does it (actions/toolkit, packages/core/src/command.ts). */
function escaped(text: string): string {
  return text.replace(/%/g, '%25').replace(/\r/g, '%0D').replace(/\n/g, '%0A');
}
