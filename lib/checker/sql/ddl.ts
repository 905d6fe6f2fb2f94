/**
 * Tables and columns out of ClickHouse DDL: a reader for CREATE TABLE, CREATE VIEW, ALTER TABLE … ADD/DROP/RENAME
 * COLUMN, RENAME TABLE and DROP TABLE, and nothing else. It reads tokens, so any engine, type, codec or setting may
 * stand in between, and a statement that it does not know costs that statement alone. The parsers for ClickHouse on
 * npm load a WebAssembly module of 23 MB and refuse a file whole; the tests hold this reader against one of them.
 */

export interface Table {
  /** Undefined when the statement names none. */
  readonly database: string | undefined;
  readonly name: string;
  /** Undefined when they follow from a query or another table. */
  readonly columns: readonly string[] | undefined;
  readonly kind: 'table' | 'view' | 'materialized view' | 'dictionary';
  /** Line in the text, from 0. */
  readonly line: number;
}

interface Token {
  readonly text: string;
  readonly kind: 'word' | 'quoted' | 'string' | 'symbol';
  readonly line: number;
}

const TOKEN =
  /--[^\n]*|#![^\n]*|\/\*[\s\S]*?(?:\*\/|$)|'(?:[^'\\]|\\[\s\S]|'')*'?|`(?:[^`\\]|\\[\s\S])*`?|"(?:[^"\\]|\\[\s\S])*"?|[A-Za-z_][\w$]*|\d[\w.]*|\S/g;

function tokens(sql: string): Token[] {
  const result: Token[] = [];
  let line = 0;
  let position = 0;
  for (const match of sql.matchAll(TOKEN)) {
    for (
      let index = sql.indexOf('\n', position);
      index >= 0 && index < match.index;
      index = sql.indexOf('\n', index + 1)
    )
      line += 1;
    position = match.index;
    const [text] = match;
    if (/^(--|#!|\/\*)/.test(text)) continue;
    if (text.startsWith("'")) result.push({ text, kind: 'string', line });
    else if (/^[`"]/.test(text))
      result.push({ text: text.slice(1, -1).replace(/\\(.)/gs, '$1'), kind: 'quoted', line });
    else result.push({ text, kind: /^[A-Za-z_]/.test(text) ? 'word' : 'symbol', line });
  }
  return result;
}

/** The tables that are there after all statements of a text, in order. */
export function tablesIn(sql: string): Table[] {
  const tables = new Map<string, Table>();
  let database: string | undefined;
  for (const statement of statements(tokens(sql))) {
    const reader = new Statement(statement);
    if (reader.takes('USE')) {
      database = reader.name()?.name;
      continue;
    }
    const made = create(reader, database);
    if (made !== undefined) {
      const key = id(made);
      if (!(made.isConditional && tables.has(key))) tables.set(key, made.table);
      continue;
    }
    change(new Statement(statement), tables, database);
  }
  return [...tables.values()];
}

function id({ table: { database, name } }: { table: Table }): string {
  return `${database ?? ''}.${name}`;
}

function statements(all: readonly Token[]): Token[][] {
  const result: Token[][] = [[]];
  for (const token of all) {
    if (token.kind === 'symbol' && token.text === ';') result.push([]);
    else result[result.length - 1]?.push(token);
  }
  return result.filter(statement => statement.length > 0);
}

class Statement {
  private index = 0;

  constructor(private readonly list: readonly Token[]) {}

  public get current(): Token | undefined {
    return this.list[this.index];
  }

  public is(word: string, offset = 0): boolean {
    const token = this.list[this.index + offset];
    return (
      token !== undefined &&
      token.kind !== 'quoted' &&
      token.kind !== 'string' &&
      token.text.toUpperCase() === word
    );
  }

  /** Whether the words come next; then they are read. */
  public takes(...words: readonly string[]): boolean {
    if (!words.every((word, offset) => this.is(word, offset))) return false;
    this.index += words.length;
    return true;
  }

  public identifier(): string | undefined {
    const token = this.current;
    if (token === undefined || (token.kind !== 'word' && token.kind !== 'quoted')) return undefined;
    this.index += 1;
    return token.text;
  }

  public advance(): void {
    this.index += 1;
  }

  /** [database.]table */
  public name(): { readonly database: string | undefined; readonly name: string } | undefined {
    const first = this.identifier();
    if (first === undefined) return undefined;
    if (!this.takes('.')) return { database: undefined, name: first };
    const second = this.identifier();
    return second === undefined ? undefined : { database: first, name: second };
  }

  /** The tokens between the parentheses that come next, in groups at commas. */
  public groups(): Token[][] | undefined {
    if (!this.is('(')) return undefined;
    const groups: Token[][] = [[]];
    let depth = 0;
    for (; this.index < this.list.length; this.index += 1) {
      const token = this.list[this.index];
      if (token === undefined) break;
      const isSymbol = token.kind === 'symbol';
      if (isSymbol && (token.text === '(' || token.text === '[')) {
        depth += 1;
        if (depth === 1) continue;
      }
      if (isSymbol && (token.text === ')' || token.text === ']')) {
        depth -= 1;
        if (depth === 0) {
          this.index += 1;
          return groups;
        }
      }
      if (isSymbol && token.text === ',' && depth === 1) groups.push([]);
      else groups[groups.length - 1]?.push(token);
    }
    return undefined;
  }
}

const NO_COLUMN: ReadonlySet<string> = new Set(['INDEX', 'CONSTRAINT', 'PROJECTION', 'PRIMARY']);

function create(
  reader: Statement,
  current: string | undefined,
): { table: Table; isConditional: boolean } | undefined {
  const line = reader.current?.line ?? 0;
  if (!reader.takes('CREATE') && !reader.takes('ATTACH')) return undefined;
  reader.takes('OR', 'REPLACE');
  reader.takes('TEMPORARY');
  const kind = reader.takes('MATERIALIZED', 'VIEW')
    ? 'materialized view'
    : reader.takes('LIVE', 'VIEW') || reader.takes('WINDOW', 'VIEW') || reader.takes('VIEW')
      ? 'view'
      : reader.takes('DICTIONARY')
        ? 'dictionary'
        : reader.takes('TABLE')
          ? 'table'
          : undefined;
  if (kind === undefined) return undefined;
  const isConditional = reader.takes('IF', 'NOT', 'EXISTS');
  const named = reader.name();
  if (named === undefined) return undefined;
  if (reader.takes('UUID')) reader.advance();
  if (reader.takes('ON', 'CLUSTER')) reader.advance();
  const groups = reader.groups();
  return {
    isConditional,
    table: {
      database: named.database ?? current,
      name: named.name,
      kind,
      line,
      columns: groups === undefined ? undefined : columnsOf(groups),
    },
  };
}

/** The column names of a definition list; a list that is a query gives none. */
function columnsOf(groups: readonly (readonly Token[])[]): string[] | undefined {
  const [head] = groups[0] ?? [];
  if (head?.kind === 'word' && /^(SELECT|WITH)$/i.test(head.text)) return undefined;
  return groups.flatMap(group => {
    const [first, second] = group;
    if (first === undefined || (first.kind !== 'word' && first.kind !== 'quoted')) return [];
    // A column may be called like the keyword: then a type follows it, and not a name with a definition.
    if (
      first.kind === 'word' &&
      NO_COLUMN.has(first.text.toUpperCase()) &&
      (group.length > 2 || second?.text.toUpperCase() === 'KEY')
    )
      return [];
    return [first.text];
  });
}

function change(reader: Statement, tables: Map<string, Table>, current: string | undefined): void {
  if (reader.takes('DROP', 'TABLE') || reader.takes('DROP', 'VIEW') || reader.takes('DETACH', 'TABLE')) {
    reader.takes('IF', 'EXISTS');
    const named = reader.name();
    if (named !== undefined) tables.delete(`${named.database ?? current ?? ''}.${named.name}`);
    return;
  }
  if (reader.takes('RENAME', 'TABLE')) {
    const from = reader.name();
    const to = reader.takes('TO') ? reader.name() : undefined;
    if (from === undefined || to === undefined) return;
    const key = `${from.database ?? current ?? ''}.${from.name}`;
    const table = tables.get(key);
    tables.delete(key);
    const database = to.database ?? current;
    if (table !== undefined)
      tables.set(`${database ?? ''}.${to.name}`, { ...table, database, name: to.name });
    return;
  }
  if (!reader.takes('ALTER', 'TABLE')) return;
  const named = reader.name();
  if (named === undefined) return;
  if (reader.takes('ON', 'CLUSTER')) reader.advance();
  const key = `${named.database ?? current ?? ''}.${named.name}`;
  const table = tables.get(key);
  if (table?.columns === undefined) return;
  let columns = [...table.columns];
  while (reader.current !== undefined) {
    const isAdd = reader.takes('ADD', 'COLUMN');
    const isDrop = !isAdd && reader.takes('DROP', 'COLUMN');
    const isRename = !isAdd && !isDrop && reader.takes('RENAME', 'COLUMN');
    if (isAdd || isDrop || isRename) {
      if (!reader.takes('IF', 'NOT', 'EXISTS')) reader.takes('IF', 'EXISTS');
      const column = reader.identifier();
      const to = isRename && reader.takes('TO') ? reader.identifier() : undefined;
      if (column !== undefined && isAdd && !columns.includes(column)) columns.push(column);
      if (isDrop) columns = columns.filter(name => name !== column);
      if (to !== undefined) columns = columns.map(name => (name === column ? to : name));
    } else if (reader.groups() === undefined) reader.advance();
  }
  tables.set(key, { ...table, columns });
}

/** How many statements of a text this reader takes something from, and of how many it takes nothing. */
export function unreadStatements(sql: string): { readonly read: number; readonly unread: number } {
  const all = statements(tokens(sql));
  const read = all.filter(statement =>
    READ_STATEMENTS.test(
      statement
        .slice(0, 4)
        .map(({ text }) => text.toUpperCase())
        .join(' '),
    ),
  ).length;
  return { read, unread: all.length - read };
}

const READ_STATEMENTS =
  /^(CREATE (OR REPLACE )?(TEMPORARY )?(TABLE|VIEW|MATERIALIZED VIEW|DICTIONARY|DATABASE)|ALTER TABLE|RENAME TABLE|DROP (TABLE|VIEW|DICTIONARY|DATABASE)|USE)\b/;
