import { Column } from './column';
import { type Arguments, knownText, type Value } from './values';

/**
 * In which columns of a dataframe the value of a record stands as Kafka gave it, under whatever name; undefined where
 * nobody knows.
 */
export type RawColumns = ReadonlySet<string> | undefined;

/** Functions of Spark that take something out of a value, or count it, so that it cannot be had back. */
const TAKES_A_PART: ReadonlySet<string> = new Set([
  'from_json',
  'get_json_object',
  'json_tuple',
  'from_csv',
  'from_xml',
  'from_avro',
  'from_protobuf',
  'schema_of_json',
  'parse_json',
  'parse_url',
  'regexp_extract',
  'regexp_extract_all',
  'split',
  'split_part',
  'substring',
  'substr',
  'substring_index',
  'length',
  'size',
  'sha1',
  'sha2',
  'md5',
  'crc32',
  'hash',
  'xxhash64',
  'count',
  'countdistinct',
  'count_distinct',
  'approx_count_distinct',
  'sum',
  'avg',
  'mean',
  'window',
  'session_window',
  'date_format',
  'to_timestamp',
  'to_date',
  'unix_timestamp',
  'isnull',
  'isnotnull',
]);

/** The columns that a function's result may hold as they are; undefined when it may be any. */
export function carriedBy(name: string, args: Arguments): readonly string[] | undefined {
  if (TAKES_A_PART.has(name.toLowerCase())) return [];
  if (name === 'lit' || name === 'typedLit') return [];
  const carried = [...args.positional, ...args.keywords.values()].map(carriedIn);
  return args.isOpen || carried.includes(undefined) ? undefined : carried.flatMap(names => names ?? []);
}

function carriedIn(value: Value): readonly string[] | undefined {
  if (value instanceof Column) return value.carries;
  if (value.kind === 'list') {
    const inner = value.items.map(carriedIn);
    return value.isOpen || inner.includes(undefined) ? undefined : inner.flatMap(names => names ?? []);
  }
  if (value.kind === 'number' || value.kind === 'boolean' || value.kind === 'none') return [];
  const name = knownText(value);
  return name === undefined ? undefined : [name];
}

/** The columns that an expression of SQL may hold as they are. */
export function carriedByText(expression: string): readonly string[] {
  const unquoted = expression.replace(/'(?:[^'\\]|\\.)*'/g, "''");
  return withoutParts(unquoted.replace(/\s+as\s+`?\w+`?\s*$/i, '')).match(/[\w.]+|\*/g) ?? [];
}

/** The expression without the calls that take a part of something. */
function withoutParts(expression: string): string {
  for (const match of expression.matchAll(/\b(\w+)\s*\(/g)) {
    if (!TAKES_A_PART.has((match[1] ?? '').toLowerCase())) continue;
    let depth = 0;
    for (let end = match.index; end < expression.length; end += 1) {
      if (expression[end] === '(') depth += 1;
      if (expression[end] === ')') depth -= 1;
      if (expression[end] === ')' && depth === 0)
        return withoutParts(`${expression.slice(0, match.index)} ${expression.slice(end + 1)}`);
    }
    return expression.slice(0, match.index);
  }
  return expression;
}

/** What stands in the columns that a select gives. */
export function selected(values: readonly Value[], raw: RawColumns, isSql: boolean): RawColumns {
  if (raw === undefined) return undefined;
  const kept = new Set<string>();
  let isOpen = false;
  const add = (value: Value): void => {
    if (value.kind === 'list') {
      for (const item of value.items) add(item);
      isOpen ||= value.isOpen;
      return;
    }
    const text = knownText(value);
    const carried =
      value instanceof Column
        ? value.carries
        : text === undefined
          ? undefined
          : isSql
            ? carriedByText(text)
            : [text];
    if (carried === undefined) isOpen = true;
    else if (carried.includes('*') && text?.trim() === '*') for (const name of raw) kept.add(name);
    else if (carried.some(name => name === '*' || raw.has(name.slice(name.lastIndexOf('.') + 1))))
      kept.add(nameOf(value, text, isSql));
  };
  for (const value of values) add(value);
  return isOpen && kept.size === 0 ? undefined : kept;
}

function nameOf(value: Value, text: string | undefined, isSql: boolean): string {
  if (value instanceof Column) return value.name ?? '?';
  const alias = isSql ? /\s+as\s+`?(\w+)`?\s*$/i.exec(text ?? '')?.[1] : undefined;
  return alias ?? (text ?? '?').slice((text ?? '').lastIndexOf('.') + 1);
}

/** What stands in the columns that a method of a dataframe leaves. */
export function rawAfter(name: string, args: Arguments, raw: RawColumns): RawColumns {
  if (raw === undefined) return undefined;
  const [first, second] = args.positional;
  const target = knownText(first ?? args.keywords.get('colName'));
  if (name === 'select') return selected(args.positional, raw, false);
  if (name === 'selectExpr') return selected(args.positional, raw, true);
  if (name === 'withColumn') {
    const value = second ?? args.keywords.get('col');
    if (target === undefined || value === undefined) return undefined;
    const made = selected([value], raw, false);
    const rest = [...raw].filter(column => column !== target);
    if (made !== undefined) return new Set([...rest, ...(made.size > 0 ? [target] : [])]);
    return rest.length > 0 ? new Set(rest) : undefined;
  }
  if (name === 'withColumnRenamed') {
    const renamed = knownText(second);
    if (target === undefined || renamed === undefined) return undefined;
    return new Set([...raw].map(column => (column === target ? renamed : column)));
  }
  if (name === 'drop') {
    const dropped = args.positional.map(value => (value instanceof Column ? value.name : knownText(value)));
    return new Set([...raw].filter(column => !dropped.includes(column)));
  }
  return undefined;
}
