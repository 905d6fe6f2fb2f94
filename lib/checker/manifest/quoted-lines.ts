/**
 * The text with the lines of quoted scalars indented. YAML wants them further in than what they belong to; the parsers
 * of kubectl, helm and Python take them anywhere. Spaces at the start of such a line are no part of the value.
 */
export function indentQuotedLines(text: string): string {
  const lines = text.split('\n');
  /** The quote that is open, and how far in its lines have to be. */
  let open: { readonly quote: string; readonly indent: number } | undefined;
  /** How far in a block scalar begins to be one. */
  let block: number | undefined;
  return lines
    .map(line => {
      const own = line.length - line.trimStart().length;
      if (open === undefined && block !== undefined) {
        if (line.trim() === '' || own > block) return line;
        block = undefined;
      }
      const shown =
        open === undefined || own > open.indent ? line : `${' '.repeat(open.indent + 1)}${line.trimStart()}`;
      const start = /^\s*(?:- +)*/.exec(line)?.[0].length ?? 0;
      const quote = quoteAfter(line, open?.quote);
      if (quote === undefined) open = undefined;
      else open ??= { quote, indent: start };
      if (open === undefined && /(?:^|[\s:-])[|>][+-]?\d?[+-]?\s*(?:#.*)?$/.test(line)) {
        // `- |` belongs to the sequence, `- key: |` to the mapping in it.
        block = /^\s*(?:- +)*[|>]/.test(line) ? own : start;
      }
      return shown;
    })
    .join('\n');
}

/** The quote that is open at the end of a line. */
function quoteAfter(line: string, before: string | undefined): string | undefined {
  let quote = before;
  let last = '';
  for (let at = 0; at < line.length; at += 1) {
    const character = line[at] ?? '';
    if (quote === '"' && character === '\\') at += 1;
    else if (quote === "'" && character === "'" && line[at + 1] === "'") at += 1;
    else if (character === quote) quote = undefined;
    else if (quote === undefined && character === '#' && /^$|\s/.test(line[at - 1] ?? '')) return undefined;
    else if (quote === undefined && /["']/.test(character) && /^[:\-?[{,]?$/.test(last)) quote = character;
    if (character.trim() !== '') last = character;
  }
  return quote;
}
