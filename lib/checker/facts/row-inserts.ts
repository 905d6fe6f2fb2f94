import { bodiesOf, childrenOf, expressionsOf } from '../python/names';
import type { Expression, Module, Statement } from '../python/syntax';

/** Methods that hand a statement to a database as text. */
const STATEMENTS: ReadonlySet<string> = new Set([
  'execute',
  'command',
  'query',
  'raw_query',
  'execute_query',
]);
/** Methods that write rows that are given to them. */
const WRITERS: ReadonlySet<string> = new Set(['insert', 'insert_rows', 'save', 'insertInto', 'saveAsTable']);

/** Where a loop over rows writes each of them alone: the offsets of the writing calls. */
export function rowInserts(module: Module): number[] {
  const found: number[] = [];
  const walk = (statements: readonly Statement[], rows: ReadonlySet<string>): void => {
    for (const statement of statements) {
      const inner = statement.kind === 'for' ? new Set([...rows, ...namesIn(statement.target)]) : rows;
      if (rows.size > 0)
        for (const expression of expressionsOf(statement))
          for (const call of callsIn(expression)) if (writesOne(call, rows)) found.push(call.from);
      for (const body of bodiesOf(statement)) walk(body, statement.kind === 'function' ? new Set() : inner);
    }
  };
  walk(module.body, new Set());
  return found;
}

type Call = Extract<Expression, { kind: 'call' }>;

function callsIn(node: Expression): Call[] {
  return [...(node.kind === 'call' ? [node] : []), ...childrenOf(node).flatMap(callsIn)];
}

function namesIn(node: Expression): string[] {
  return node.kind === 'name' ? [node.id] : childrenOf(node).flatMap(namesIn);
}

function writesOne({ callee, args }: Call, rows: ReadonlySet<string>): boolean {
  if (callee.kind !== 'attribute') return false;
  const usesRow = (node: Expression) => namesIn(node).some(name => rows.has(name));
  if (STATEMENTS.has(callee.name)) {
    const [statement, ...data] = args.map(({ value }) => value);
    const text = statement === undefined ? '' : textOf(statement);
    if (statement === undefined || !/^\s*INSERT\s+INTO\b/i.test(text) || /\bSELECT\b/i.test(text))
      return false;
    return data.length === 0
      ? /\bVALUES\b/i.test(text) && usesRow(statement)
      : data.some(value => isOneRow(value, rows));
  }
  if (!WRITERS.has(callee.name)) return false;
  if (callee.name === 'insert' || callee.name === 'insert_rows')
    return args.some(({ value }) => isOneRow(value, rows));
  return callsIn(callee.value).some(
    ({ callee: made, args: given }) =>
      made.kind === 'attribute' &&
      made.name === 'createDataFrame' &&
      given[0] !== undefined &&
      isOneRow(given[0].value, rows),
  );
}

/** A list with one row in it, or the row itself. */
function isOneRow(node: Expression, rows: ReadonlySet<string>): boolean {
  if (node.kind === 'name') return rows.has(node.id);
  if (node.kind !== 'list' && node.kind !== 'tuple') return false;
  const uses = namesIn(node).some(name => rows.has(name));
  return uses && (node.kind === 'tuple' || node.items.length === 1);
}

/** The words of a text as far as they stand there. */
function textOf(node: Expression): string {
  if (node.kind === 'string') return node.parts.map(part => (typeof part === 'string' ? part : '?')).join('');
  return childrenOf(node).map(textOf).join('');
}
