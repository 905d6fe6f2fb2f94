/**
 * The same program in spellings that the grammar knows, line by line: patterns and subjects of `match` without
 * parentheses around their commas, a comma behind the last target of `del`, `async` in a comprehension. For texts that
 * Python takes; lines stay where they are.
 */
export function respelled(text: string): string {
  return text.split('\n').map(respelledLine).join('\n');
}

function respelledLine(line: string): string {
  const header = /^\s*(?:match|case)\b(?=\s)/.exec(line);
  if (header !== null) return inParentheses(line, header[0].length);
  return line
    .replace(/^(\s*del\s.*\S)\s*,(?=\s*(?:#.*)?$)/, '$1')
    .replace(/(?<=\S\s*)\basync(?=\s+for\b)/g, '     ');
}

/** `case a, *rest if rest:` with what stands before its guard or colon in parentheses, when that has a comma. */
function inParentheses(line: string, start: number): string {
  let depth = 0;
  let hasComma = false;
  for (const { 0: token, index } of line.matchAll(
    /"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|\bif\b|[()[\]{},:#]/g,
  )) {
    if (index < start) continue;
    if ('([{'.includes(token)) depth += 1;
    else if (')]}'.includes(token)) depth -= 1;
    else if (depth > 0) continue;
    else if (token === ',') hasComma = true;
    else if (token === '#') return line;
    else if (token === ':' || token === 'if')
      return hasComma
        ? `${line.slice(0, start)} (${line.slice(start, index).trim()}) ${line.slice(index)}`
        : line;
  }
  return line;
}
