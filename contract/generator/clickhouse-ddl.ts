import {
  type Column,
  type Contract,
  ContractError,
  type ContractObject,
  objectNamed,
  objectsTagged,
} from './contract';
import { measureOf, noLoad, percentile } from './measures';

/** A table of the gold database, as CREATE TABLE has it and as the schema job compares it. */
export interface ClickHouseTable {
  readonly name: string;
  readonly comment: string;
  readonly columns: readonly { readonly name: string; readonly type: string; readonly comment: string }[];
  readonly engine: string;
  readonly partitionBy: string;
  readonly orderBy: readonly string[];
  /** The day of a row, where rows leave after the retention. */
  readonly day: string | undefined;
  readonly settings: Readonly<Record<string, number>>;
}

export interface ClickHouseView {
  readonly name: string;
  readonly comment: string;
  readonly columns: readonly { readonly name: string; readonly type: string; readonly comment: string }[];
  /** The SELECT behind the view; {database} stands for the database. */
  readonly select: string;
}

/** State tables, then ledgers. */
export function clickHouseTables(contract: Contract): readonly ClickHouseTable[] {
  return [
    ...objectsTagged(contract, 'state').map(object => stateTable(contract, object)),
    ...objectsTagged(contract, 'ledger').map(ledgerTable),
  ];
}

/** The view of hidden generations, then the metrics. Throws a ContractError that names every bad derivation. */
export function clickHouseViews(contract: Contract): readonly ClickHouseView[] {
  const problems: string[] = [];
  const metrics = objectsTagged(contract, 'metrics').map(object => metricsView(contract, object, problems));
  if (problems.length > 0) throw new ContractError(problems);
  return [hiddenGenerations, ...metrics];
}

/** An INSERT that is acknowledged survives a power cut: its part's files and their folder are on the disk. */
const durable = { fsync_after_insert: 1, fsync_part_directory: 1 };

function stateTable(contract: Contract, object: ContractObject): ClickHouseTable {
  const keys = object.columns.filter(column => column.primaryKey);
  const day = String(object.custom['day']);
  return {
    name: object.name,
    comment: object.description,
    columns: [
      ...keys.map(described),
      { name: 'generation', type: 'UInt32', comment: 'Generation of the day, 0 until the day is rebuilt' },
      {
        name: 'load',
        type: 'UUID',
        comment: 'Silver file whose sums the row holds; zero in the row of what all files share',
      },
      ...object.columns
        .filter(column => !column.primaryKey)
        .map(column => ({
          name: column.name,
          type: measureOf(contract, object.name, column)?.type ?? '',
          comment: column.description,
        })),
    ],
    engine: 'AggregatingMergeTree',
    // A rebuilt day is a generation of its own: published by one row, dropped as a whole.
    partitionBy: `(${day}, generation)`,
    orderBy: [...keys.map(key => key.name), 'generation', 'load'],
    day,
    settings: { ...durable, ttl_only_drop_parts: 1 },
  };
}

function ledgerTable(object: ContractObject): ClickHouseTable {
  return {
    name: object.name,
    comment: object.description,
    columns: object.columns.map(described),
    engine: 'ReplacingMergeTree',
    partitionBy: 'tuple()',
    orderBy: object.columns.filter(column => column.primaryKey).map(column => column.name),
    day: undefined,
    settings: durable,
  };
}

function described(column: Column): { name: string; type: string; comment: string } {
  return { name: column.name, type: column.physicalType ?? '', comment: column.description };
}

const hiddenGenerations: ClickHouseView = {
  name: 'gold_hidden_generations',
  comment:
    'The generations of rebuilt days that the metrics do not read: replaced ones and those being built.',
  columns: [
    { name: 'day', type: 'Date', comment: 'Day' },
    { name: 'generation', type: 'UInt32', comment: 'Generation that is not read' },
  ],
  // One that nobody has announced is read until a higher one is published: it was before the list of them was lost.
  select: `SELECT day, toUInt32(arrayJoin(arrayConcat(range(current), arrayFilter(one -> one > current, announced)))) AS generation
FROM (
  SELECT day, maxIf(generation, published = 1) AS current, groupUniqArray(generation) AS announced
  FROM {database}.gold_generations
  GROUP BY day
)`,
};

type Derivation = Readonly<Record<string, string>>;

function metricsView(contract: Contract, object: ContractObject, problems: string[]): ClickHouseView {
  const { name, description: comment } = object;
  const select = object.custom['select'];
  if (typeof select === 'string') return { name, comment, columns: object.columns.map(described), select };
  const derivations = object.columns.map(column => (column.custom['derivation'] ?? {}) as Derivation);
  const sources = Object.keys(derivations[0] ?? {});
  object.columns.forEach((column, index) => {
    if (Object.keys(derivations[index] ?? {}).join() !== sources.join()) {
      problems.push(
        `${object.name}.${column.name} has no derivation from ${sources.join(' and ')}; state one for each`,
      );
    }
  });
  for (const source of sources) {
    if (!objectsTagged(contract, 'state').some(state => state.name === source)) {
      problems.push(`${object.name} is derived from ${source}, which is no state table of the contract`);
    }
  }
  if (problems.length > 0) return { name: object.name, comment: object.description, columns: [], select: '' };
  return {
    name: object.name,
    comment: object.description,
    columns: object.columns.map(described),
    select: sources.map(source => metricsSelect(contract, object, source)).join('\nUNION ALL\n'),
  };
}

/** The final values of a state table's groups, and the metric's columns over them. */
function metricsSelect(contract: Contract, object: ContractObject, source: string): string {
  const states = objectNamed(contract, source);
  const final = new RegExp(
    `(?<![.'\\w])(${states.columns.map(column => column.name).join('|')})\\b(?!\\()`,
    'g',
  );
  const derived = (column: Column): string =>
    String((column.custom['derivation'] as Derivation)[source])
      .replace(final, 'states.$1')
      .replace(/\{percentile\(([\w.]+), (\d+)\)\}/g, (_, histogram: string, percent: string) =>
        percentile(histogram, Number(percent)),
      );
  const keys = object.columns.filter(column => column.primaryKey);
  const grouped = object.columns.some(column => /\b(count|countIf|sum|uniqExactIf)\(/.test(derived(column)));
  const columns = object.columns.map(
    column => `  CAST(${derived(column)}, '${quoted(column.physicalType ?? '')}') AS ${column.name}`,
  );
  const finals = states.columns.map(column => {
    const measure = measureOf(contract, states.name, column);
    return measure === undefined
      ? `    ${column.name}`
      : `    ${measure.final(`raw.${column.name}`)} AS ${column.name}`;
  });
  // A row of sums that was inserted twice and is not merged yet must be read once; sets need no such care, only their rows.
  const isSummed = states.columns.some(column => measureOf(contract, states.name, column)?.perLoad);
  const stateKeys = states.columns.filter(column => column.primaryKey).map(column => column.name);
  return `SELECT
${columns.join(',\n')}
FROM (
  SELECT
${finals.join(',\n')}
  FROM {database}.${states.name} AS raw${isSummed ? ' FINAL' : ''}
  WHERE ${isSummed ? '' : `load = ${noLoad} AND `}(${String(states.custom['day'])}, generation) NOT IN (SELECT day, generation FROM {database}.gold_hidden_generations)
  GROUP BY ${stateKeys.join(', ')}${isSummed ? '\n  SETTINGS do_not_merge_across_partitions_select_final = 1' : ''}
) AS states${grouped ? `\nGROUP BY ${keys.map(key => key.name).join(', ')}` : ''}`;
}

function quoted(text: string): string {
  return text.replaceAll("'", "\\'");
}

/** CREATE TABLE IF NOT EXISTS. */
export function createTable(table: ClickHouseTable, database: string): string {
  const columns = table.columns.map(
    column => `  ${column.name} ${column.type} COMMENT '${quoted(column.comment)}'`,
  );
  const settings = Object.entries(table.settings).map(([name, value]) => `${name} = ${value}`);
  return `CREATE TABLE IF NOT EXISTS ${database}.${table.name}
(
${columns.join(',\n')}
)
ENGINE = ${table.engine}
PARTITION BY ${table.partitionBy}
ORDER BY (${table.orderBy.join(', ')})${settings.length === 0 ? '' : `\nSETTINGS ${settings.join(', ')}`}
COMMENT '${quoted(table.comment)}'`;
}

/** CREATE OR REPLACE VIEW: a view holds no data, so it can follow the contract at any time. */
export function createView(view: ClickHouseView, database: string): string {
  return `CREATE OR REPLACE VIEW ${database}.${view.name} AS
${view.select.replaceAll('{database}', database)}
COMMENT '${quoted(view.comment)}'`;
}
