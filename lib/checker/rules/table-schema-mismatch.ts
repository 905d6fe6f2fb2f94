import { distance } from 'fastest-levenshtein';
import type { Job } from '../facts/job';
import type { Rule } from '../facts/rule';
import { type DeclaredTable, declaredTables, hasUnknownTables } from '../facts/tables';
import type { Found, Place } from '../finding/finding';
import { allowed, listed, measured, quote, say } from '../finding/message';
import { knownPrefix, knownText } from '../python/values';

interface Write {
  readonly place: Place;
  readonly database: string | undefined;
  readonly table: string;
  readonly columns: readonly string[] | undefined;
}

/** Incident 6: the DDL had metrics_funnel_hourly(hour_bucket), the job wrote metrics_funnel_daily(date). */
export const tableSchemaMismatch: Rule = {
  id: 'table-schema-mismatch',
  level: 'error',
  needs: ['course', 'table', 'schema'],
  refuses: 'code that writes a table or column which the DDL lacks',
  remedy: 'make the DDL and the code agree, best by deriving both from one contract',
  check: model => {
    if (!model.programs.some(({ code }) => code !== undefined)) return [];
    const tables = declaredTables(model);
    if (tables.length === 0 || hasUnknownTables(model)) return [];
    return model.programs.flatMap(job => writesOf(job).flatMap(write => finding(job, write, tables)));
  },
};

function writesOf(job: Job): Write[] {
  const { code } = job;
  if (code === undefined) return [];
  const sinks = code.facts.sinks.flatMap((sink): Write[] => {
    const name = knownText(sink.table?.name);
    if (sink.table === undefined || name === undefined || !isClickHouse(job, sink.format, sink.options, name))
      return [];
    const parts = name.replaceAll('`', '').split('.');
    const url = knownPrefix(sink.options.get('url')?.value);
    const fromUrl = /^jdbc:(?:clickhouse|ch):(?:https?:)?\/\/[^/]+\/(\w+)/.exec(url)?.[1];
    const fromOption = knownText(sink.options.get('database')?.value);
    const table = parts[parts.length - 1] ?? '';
    return [
      {
        place: code.placeOf(sink.table.name, sink.table.at),
        database: parts[parts.length - 2] ?? fromOption ?? fromUrl,
        table,
        columns: sink.columns,
      },
    ];
  });
  const inserts = code.facts.inserts.map(insert => ({ ...insert, place: code.place(insert.at) }));
  return [...sinks, ...inserts];
}

/** A write that goes to ClickHouse: by its URL, its format, or a catalog of that kind. */
function isClickHouse(
  job: Job,
  format: string | undefined,
  options: ReadonlyMap<string, { value: { parts: readonly (string | null)[] } }>,
  name: string,
): boolean {
  const url = options.get('url')?.value.parts[0] ?? '';
  if (format === 'jdbc')
    return /^jdbc:(clickhouse|ch):/.test(url) || knownTextOf(options.get('driver')).includes('clickhouse');
  if (format === 'clickhouse') return true;
  const catalog = name.split('.').length > 2 ? name.split('.')[0] : undefined;
  return (
    catalog !== undefined &&
    job.conf.get(`spark.sql.catalog.${catalog}`)?.value.toLowerCase().includes('clickhouse') === true
  );
}

function knownTextOf(setting: { value: { parts: readonly (string | null)[] } } | undefined): string {
  return (setting?.value.parts ?? []).join('').toLowerCase();
}

function finding(
  job: Job,
  { place, database, table, columns }: Write,
  tables: readonly DeclaredTable[],
): Found[] {
  // A database of which no table is declared may be somebody else's.
  const inDatabase = tables.filter(
    item => database === undefined || item.database === undefined || item.database === database,
  );
  if (inDatabase.length === 0) return [];
  const declared = inDatabase.filter(item => item.name === table);
  const shown = database === undefined ? table : `${database}.${table}`;
  if (declared.length === 0) {
    const near = [...new Set(inDatabase.map(({ name }) => name))]
      .sort((left, right) => distance(left, table) - distance(right, table))
      .slice(0, 3);
    return [
      {
        place: place,
        message: say`${job.name} writes table ${measured(shown, quote)}, which no DDL makes; the nearest declared are ${allowed(listed(near))}`,
        remedy: say`declare ${shown}, or write a declared table`,
        concerns: [job.object],
      },
    ];
  }
  if (columns === undefined || declared.some(item => item.columns === undefined)) return [];
  const known = new Set(declared.flatMap(item => item.columns ?? []));
  const lacking = columns.filter(column => !known.has(column));
  if (lacking.length === 0) return [];
  return [
    {
      place: place,
      message: say`${job.name} writes ${lacking.length === 1 ? 'column' : 'columns'} ${measured(listed(lacking))} of table ${quote(shown)}, which the DDL lacks; it has ${allowed(listed([...known]))}`,
      remedy: say`add ${lacking.length === 1 ? 'the column' : 'the columns'} to the DDL, or write the declared ones`,
      concerns: [job.object],
    },
  ];
}
