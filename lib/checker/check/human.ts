import { codeFrameColumns } from '@babel/code-frame';
import { createColors } from 'picocolors';
import { grouped } from '../facts/manifest-index';
import { NOT_UNDERSTOOD } from '../finding/note';
import type { Violation } from '../finding/reporter';
import type { CheckResult } from './check';
import { amount, lookedAt, notLookedAtLines } from './coverage';
import { verdict } from './verdict';

/** The report for people: grouped by file, with the lines around each culprit, and one line at the end. */
export function humanReport(
  result: CheckResult,
  options: { readonly color: boolean; readonly rules: number },
): string {
  const colors = createColors(options.color);
  const masked = maskedTexts(result);
  const files = [...grouped(result.violations, ({ file }) => file ?? '')].map(([file, violations]) =>
    [
      colors.underline(colors.bold(file)),
      ...violations.map(violation => {
        const isError = violation.level === 'error';
        const tag = (isError ? colors.red : colors.yellow)(colors.bold(violation.level));
        const head = `  ${tag} ${colors.bold(violation.message)} ${colors.dim(`(${violation.rule})`)}`;
        const place = `  ${colors.dim('at')}  ${colors.cyan(`${file}:${violation.line ?? 1}`)}${violation.object === '' ? '' : `${colors.dim(', ')}${violation.object}`}`;
        const fix = `  ${colors.green('fix')} ${violation.remedy}`;
        return [head, place, frame(masked(file), violation, colors), fix]
          .filter(part => part !== '')
          .join('\n');
      }),
    ].join('\n\n'),
  );
  return `${[...files, ...notes(result, options.rules, colors), ending(result, options.rules, colors)].join('\n\n')}\n`;
}

/** Of one cause so many notes are shown; the others are counted. */
const SHOWN_NOTES = 3;

/** What was not understood, one paragraph a cause. */
function notes(result: CheckResult, rules: number, colors: ReturnType<typeof createColors>): string[] {
  const tag = result.isStrict ? colors.red(colors.bold('error')) : colors.cyan(colors.bold('note'));
  return [...grouped(result.notes, ({ cause }) => cause)].map(([cause, group]) => {
    const shown = group.slice(0, SHOWN_NOTES).map(({ what, remedy, silences, object, file, line }) => {
      const place = [file, line].filter(part => part !== undefined).join(':');
      return [
        `  ${tag} ${what} ${colors.dim(`(${NOT_UNDERSTOOD})`)}`,
        `  ${colors.dim('at')}  ${colors.cyan(place)}${object === '' ? '' : `${colors.dim(', ')}${object}`}`,
        ...(silences.length === 0
          ? []
          : [`  ${colors.dim('silent')} ${silences.length === rules ? 'every rule' : silences.join(', ')}`]),
        `  ${colors.green('fix')} ${remedy}`,
      ].join('\n');
    });
    const more = group.length - shown.length;
    return [
      colors.underline(colors.bold(cause)),
      ...shown,
      ...(more > 0 ? [`  and ${more} more of these; --format json lists them`] : []),
    ].join('\n\n');
  });
}

function frame(
  text: string | undefined,
  { line }: Violation,
  colors: ReturnType<typeof createColors>,
): string {
  if (text === undefined || line === undefined) return '';
  return codeFrameColumns(text, { start: { line } }, { linesAbove: 2, linesBelow: 2, highlightCode: false })
    .split('\n')
    .map(row => {
      const cut = row.length > 118 ? `${row.slice(0, 115)}...` : row;
      return `      ${cut.startsWith('>') ? colors.bold(cut) : colors.dim(cut)}`.trimEnd();
    })
    .join('\n');
}

/** Texts as a report may show them: a line that holds a credential keeps what is left of its value. */
function maskedTexts(result: CheckResult): (file: string) => string | undefined {
  const secrets = grouped(
    result.violations.filter(({ rule }) => rule === 'plaintext-secret'),
    ({ file }) => file,
  );
  return file => {
    const text = result.text(file);
    const lines = new Set((secrets.get(file) ?? []).map(({ line }) => line));
    if (text === undefined || lines.size === 0) return text;
    return text
      .split('\n')
      .map((row, index) =>
        lines.has(index + 1) ? row.replace(/^(\s*(?:- )?[^:=,]*[:=,]?).*$/, '$1 ********') : row,
      )
      .join('\n');
  };
}

/** What was looked at and what was not, and what the whole run comes to. */
function ending(result: CheckResult, rules: number, colors: ReturnType<typeof createColors>): string {
  const { is, sentence } = verdict(result);
  const gone = result.baseline?.gone ?? [];
  const rows = [
    `${colors.dim('looked at     ')} ${lookedAt(result.coverage)}`,
    ...notLookedAtLines(result.coverage).map(
      (line, index) => `${colors.dim(index === 0 ? 'not looked at ' : '              ')} ${line}`,
    ),
    ...gone.map(
      ({ rule, object, file, message }, index) =>
        `${colors.dim(index === 0 ? 'gone          ' : '              ')} ${rule}: ${object === '' ? file : object}: ${message}`,
    ),
    ...(gone.length === 0 ? [] : ['               --write-baseline takes what is gone out of the baseline']),
  ];
  const [mark, paint] = {
    clean: ['✔', colors.green],
    warned: ['⚠', colors.yellow],
    refused: ['✖', colors.red],
    nothing: ['✖', colors.red],
  }[is] as [string, (text: string) => string];
  const scope = `${amount(result.checked.files, 'file')}, ${amount(result.checked.objects, 'object')}, ${amount(rules, 'rule')}`;
  return `${rows.join('\n')}\n${paint(colors.bold(`${mark} ${sentence}`))} ${colors.dim(`(${scope})`)}`;
}
