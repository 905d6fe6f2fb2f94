import { quote } from '../checker/finding/message';

/** `file(line,column): error TSnnnn: text`, the form of `tsc --pretty false`; without a file where none is to blame. */
const ERROR = /^(?:(?<file>.+)\((?<line>\d+),\d+\): )?error (?<code>TS\d+): (?<text>.*)$/;

/** TypeScript could not keep what it knows for the next time: that costs time, nothing else. */
const NOT_KEPT = 'TS5033';

/**
 * The errors in what `tsc --pretty false` printed, a sentence each, in the form of synthesis' own: file and line, the
 * text of that line, what TypeScript says.
 */
export function typeErrors(output: string, textOf: (file: string) => string): readonly string[] {
  const errors = output
    .trimEnd()
    .split(/\r?\n(?=\S)/)
    .flatMap(entry => {
      const [first = '', ...details] = entry.split(/\r?\n/);
      const { file, line, code, text } = ERROR.exec(first)?.groups ?? {};
      if (text === undefined || code === NOT_KEPT) return [];
      const said = `${[text, ...details].map(clause).join('; ')} (${code})`;
      if (file === undefined) return `[main.ts] ${said}`;
      const source = textOf(file).split('\n')[Number(line) - 1] ?? '';
      return `[${file}:${line}] ${quote(source.trim().replace(/[,;]$/, ''))}: ${said}`;
    });
  return [...new Set(errors)];
}

/** One line of TypeScript's explanation as a part of a sentence. */
function clause(text: string): string {
  return text
    .trim()
    .replace(/\.$/, '')
    .replace(/\. (?=Did you mean)/, '; ')
    .replace(/(?<=^|; )[A-Z](?=[a-z])/g, letter => letter.toLowerCase());
}
