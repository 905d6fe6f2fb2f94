import type { Insert } from './facts';
import { type Arguments, type At, alternatives, knownText, Native, UNKNOWN, type Value } from './values';

/** Methods of clickhouse-connect's client that write rows, with the place of the column names among their arguments. */
const INSERTS: Readonly<Record<string, number>> = {
  insert: 2,
  insert_df: 3,
  insert_arrow: -1,
  raw_insert: 1,
};

/** What clickhouse_connect.get_client gives: rows are written by method, statements are texts. */
export class ClickHouseClient extends Native {
  constructor(
    private readonly report: (insert: Insert) => void,
    private readonly database: string | undefined,
  ) {
    super();
  }

  public method(name: string, args: Arguments, at: At): Value {
    const place = INSERTS[name];
    const table = args.keywords.get('table') ?? args.positional[0];
    if (place === undefined || table === undefined) return UNKNOWN;
    const given = args.keywords.get('column_names') ?? args.positional[place];
    for (const option of alternatives(table)) {
      const parts = knownText(option)?.replaceAll('`', '').split('.');
      const own = parts === undefined || parts.length < 2 ? undefined : parts[0];
      const last = parts?.[parts.length - 1];
      if (last === undefined) continue;
      this.report({
        at: option.kind === 'text' ? (option.at ?? at) : at,
        database: own ?? knownText(args.keywords.get('database')) ?? this.database,
        table: last,
        columns: columnsOf(given),
      });
    }
    return UNKNOWN;
  }
}

function columnsOf(value: Value | undefined): string[] | undefined {
  if (value?.kind !== 'list' || value.isOpen) return undefined;
  const names = value.items.flatMap(item => knownText(item) ?? []);
  return names.length === value.items.length ? names : undefined;
}
