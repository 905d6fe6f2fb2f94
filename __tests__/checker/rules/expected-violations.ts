import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { check } from '../../../lib/checker/check/check';
import { collect } from '../../../lib/checker/check/collect';

export interface Expected {
  readonly rule: string;
  readonly object: string;
  readonly file: string;
  readonly line: number;
  /** What the message must contain. */
  readonly words: string;
}

/** `# refused: rule Kind/namespace/name words` at the end of a line says what is refused there, and in which words. */
const MARK = /# refused: (\S+) (\S+) (.+?)(?=\s+# refused:|$)/g;

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name));
}

/** What the marks in a folder's files announce. */
export function expectedViolations(folder: string): Expected[] {
  return filesIn(folder).flatMap(path =>
    readFileSync(path, 'utf8')
      .split('\n')
      .flatMap((text, index) =>
        [...text.matchAll(MARK)].map(([, rule = '', object = '', words = '']) => ({
          rule,
          object: object === '-' ? '' : object,
          file: relative(folder, path),
          line: index + 1,
          words,
        })),
      ),
  );
}

/** What the check command's rules say about a folder, in the form of the marks. */
export function violationsIn(folder: string) {
  const result = check(collect([folder], () => new Uint8Array()));
  return result.violations.map(({ rule, object, file, line, message, remedy }) => ({
    rule,
    object,
    file: relative(folder, file ?? ''),
    line,
    message,
    remedy,
  }));
}

/** Sorts both sides alike, and lets a message stand for the words that it contains. */
export function compared(folder: string): { readonly found: unknown[]; readonly expected: unknown[] } {
  const expected = expectedViolations(folder);
  const found = violationsIn(folder).map(({ rule, object, file, line, message }) => {
    const match = expected.find(
      item =>
        item.rule === rule &&
        item.object === object &&
        item.file === file &&
        item.line === line &&
        message.includes(item.words),
    );
    return { rule, object, file, line, words: match?.words ?? message };
  });
  const sorted = (items: readonly object[]) =>
    items
      .map(item => JSON.stringify(item))
      .sort()
      .map(item => JSON.parse(item));
  return {
    found: sorted(found),
    expected: sorted(
      expected.map(({ rule, object, file, line, words }) => ({ rule, object, file, line, words })),
    ),
  };
}
