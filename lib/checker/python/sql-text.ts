/** An INSERT inside of a text, with the line of the text on which it stands. */
export interface InsertText {
  readonly line: number;
  readonly database: string | undefined;
  readonly table: string;
  /** Undefined when the statement names none, or one of them is not known. */
  readonly columns: readonly string[] | undefined;
}

/** `\0` stands for a piece that is not known. */
const INSERT =
  /\bINSERT\s+INTO\s+(?:TABLE\s+)?(?!FUNCTION\b)((?:[`"]?[\w\0]+[`"]?\s*\.\s*)?[`"]?\w+[`"]?)(?![\w\0])\s*(?:(\([^()]*\))|(?=\0|;|$|(?:VALUES|FORMAT|SELECT|WITH|SETTINGS|FROM)\b))/gi;

/** The INSERT statements in a text, which may be a URL with the statement as a parameter. */
export function insertsIn(text: string): InsertText[] {
  // A comment keeps its length, so that lines stay what they are.
  const plain = text.replace(/--[^\n]*|\/\*[\s\S]*?\*\//g, comment => comment.replace(/[^\n]/g, ' '));
  const decoded = /INSERT(\+|%20)INTO/i.test(text)
    ? plain
        .replace(/\+|%20/g, ' ')
        .replaceAll('%28', '(')
        .replaceAll('%29', ')')
        .replaceAll('%2C', ',')
    : plain;
  return [...decoded.matchAll(INSERT)].map(match => {
    const [, name = '', list] = match;
    const parts = name.split('.').map(part => part.trim().replace(/^[`"]|[`"]$/g, ''));
    const table = parts[parts.length - 1] ?? '';
    const [database] = parts.length > 1 ? parts : [undefined];
    const columns =
      list === undefined || list.includes('\0') || list.includes('*')
        ? undefined
        : list
            .slice(1, -1)
            .split(',')
            .map(column => column.trim().replace(/^[`"]|[`"]$/g, ''));
    return {
      line: decoded.slice(0, match.index).split('\n').length - 1,
      database: database?.includes('\0') === true ? undefined : database,
      table,
      columns: columns?.every(column => /^\w+$/.test(column)) === true ? columns : undefined,
    };
  });
}
