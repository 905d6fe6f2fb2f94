/** A piece of a text that is replaced. */
export interface Splice {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** A text with its pieces replaced. They do not overlap. */
export function spliced(text: string, splices: readonly Splice[]): string {
  return inOrder(splices).reduceRight(
    (whole, { start, end, text: piece }) => whole.slice(0, start) + piece + whole.slice(end),
    text,
  );
}

const CONTEXT = 3;

/** What splices make of a text, as `diff -u` shows it and `patch -p1` takes it. */
export function unifiedDiff(file: string, before: string, splices: readonly Splice[]): string {
  const old = linesOf(before);
  const changes = changedLines(before, splices);
  const hunks: (typeof changes)[] = [];
  for (const change of changes) {
    const last = hunks.at(-1);
    const previous = last?.at(-1);
    if (previous !== undefined && change.from - previous.to <= 2 * CONTEXT) last?.push(change);
    else hunks.push([change]);
  }
  let shift = 0;
  const shown = hunks.map(hunk => {
    const from = Math.max(0, (hunk[0]?.from ?? 0) - CONTEXT);
    const to = Math.min(old.length, (hunk.at(-1)?.to ?? 0) + CONTEXT);
    const rows: string[] = [];
    let added = 0;
    let position = from;
    for (const { from: start, to: end, lines } of hunk) {
      rows.push(...old.slice(position, start).map(line => row(' ', line)));
      rows.push(...old.slice(start, end).map(line => row('-', line)));
      rows.push(...lines.map(line => row('+', line)));
      added += lines.length - (end - start);
      position = end;
    }
    rows.push(...old.slice(position, to).map(line => row(' ', line)));
    const head = `@@ -${range(from, to - from)} +${range(from + shift, to - from + added)} @@\n`;
    shift += added;
    return head + rows.join('');
  });
  return `--- a/${file}\n+++ b/${file}\n${shown.join('')}`;
}

function range(from: number, count: number): string {
  return `${count === 0 ? from : from + 1}${count === 1 ? '' : `,${count}`}`;
}

function row(mark: string, line: string): string {
  return line.endsWith('\n') ? `${mark}${line}` : `${mark}${line}\n\\ No newline at end of file\n`;
}

interface ChangedLines {
  /** From the first line to before the last, of the old text. */
  readonly from: number;
  readonly to: number;
  readonly lines: readonly string[];
}

/** The lines that splices touch, whole, with what they become; splices of one line are one change. */
function changedLines(text: string, splices: readonly Splice[]): ChangedLines[] {
  const starts = [0];
  for (const line of linesOf(text)) starts.push((starts.at(-1) ?? 0) + line.length);
  const lineAt = (offset: number) => starts.findLastIndex(start => start <= offset);
  const groups: { from: number; to: number; splices: Splice[] }[] = [];
  for (const splice of inOrder(splices)) {
    const from = Math.min(lineAt(splice.start), starts.length - 1);
    const isWhole = splice.end === starts[lineAt(splice.end)];
    const to = isWhole ? lineAt(splice.end) : lineAt(splice.end) + 1;
    const last = groups.at(-1);
    if (last !== undefined && from < last.to) {
      last.to = Math.max(last.to, to);
      last.splices.push(splice);
    } else groups.push({ from, to: Math.max(to, from), splices: [splice] });
  }
  return groups.map(group => {
    const start = starts[group.from] ?? text.length;
    const end = starts[group.to] ?? text.length;
    const moved = group.splices.map(splice => ({
      ...splice,
      start: splice.start - start,
      end: splice.end - start,
    }));
    return { from: group.from, to: group.to, lines: linesOf(spliced(text.slice(start, end), moved)) };
  });
}

function inOrder(splices: readonly Splice[]): Splice[] {
  return [...splices].sort((left, right) => left.start - right.start || left.end - right.end);
}

function linesOf(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}
