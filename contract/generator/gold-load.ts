import { type Contract, ContractError, objectNamed, objectsTagged } from './contract';
import { eventLimits } from './event-limits';
import { clickHouseTypes, measureOf, noLoad } from './measures';

interface Range {
  readonly from: string;
  readonly to: string;
}

/**
 * What gold takes a silver row's numbers and times for, whoever wrote it: one outside counts as the nearest inside. The
 * parser lets none outside into silver.
 */
function silverRanges(contract: Contract): Readonly<Record<string, Range>> {
  const { firstTime, endOfTime, maxBytes } = eventLimits(contract);
  const text = (moment: Date): string => moment.toISOString().replace('T', ' ').slice(0, 19);
  const last = new Date(Date.parse(endOfTime) - 1000);
  const times = { from: text(new Date(firstTime)), to: `${text(last)}.999999` };
  return { event_time: times, kafka_timestamp: times, bytes: { from: '0', to: `${maxBytes}` } };
}

/** How silver rows become the states of one table, on each engine. {…} are filled in by the gold job. */
export interface StateLoad {
  readonly table: string;
  /** ClickHouse: the day of a row of states. */
  readonly day: string;
  /** The column that counts every event; undefined where none does. */
  readonly count: string | undefined;
  /** ClickHouse: for each column that is kept a load, a number that tells it from one of other events, {column} being it. */
  readonly checks: readonly { readonly name: string; readonly expression: string }[];
  /** ClickHouse: SELECT of the days of a silver file's rows, in order. {source}, {rows}. */
  readonly days: string;
  /** ClickHouse: INSERT … SELECT that reads the silver file itself. {source}, {rows}, {generation}. */
  readonly fromFile: string;
  /** ClickHouse: INSERT … SELECT of partials that Spark sends as JSON lines. {rows}, {generation}. */
  readonly fromPartials: string;
  /** Spark: the silver columns as gold sees them, `expression AS name`. */
  readonly events: readonly string[];
  /** Spark: which gold events count; empty for all. */
  readonly where: string;
  readonly keys: readonly { readonly name: string; readonly of: string }[];
  /** Spark: the partials of a group, and of a group of groups. */
  readonly partials: readonly {
    readonly name: string;
    readonly expression: string;
    readonly merge: string;
  }[];
}

type Plain = Readonly<Record<string, unknown>>;

export function stateLoads(contract: Contract): readonly StateLoad[] {
  return objectsTagged(contract, 'state').map(states => {
    const where = String(states.custom['where'] ?? '');
    const keys = states.columns.filter(column => column.primaryKey);
    const measures = states.columns
      .filter(column => !column.primaryKey)
      .map(column => {
        const measure = measureOf(contract, states.name, column);
        if (measure === undefined)
          throw new ContractError([`${states.name}.${column.name} is neither a key nor a measure`]);
        return { name: column.name, ...measure };
      });
    const texts = [
      where,
      ...keys.map(key => key.transformLogic ?? ''),
      ...measures.map(measure => measure.aggregate),
    ];
    const used = usedColumns(contract, texts.join(' '));
    const columns = [...states.columns.map(column => column.name), 'generation', 'load'];
    const insert = `INSERT INTO {database}.${states.name} (${columns.join(', ')})`;
    const structure = [
      ...keys.map(key => `${key.name} ${key.physicalType}`),
      ...measures.map(measure => `${measure.name} ${measure.partialType}`),
    ].join(', ');
    const day = String(states.custom['day']);
    const { name: dayKey = '', transformLogic: dayOf = '' } = keys.find(key => day.includes(key.name)) ?? {};
    const inDays = usedColumns(contract, `${where} ${dayOf}`);
    // A group becomes two rows of one part: what is kept a load, and what is shared by all loads. Where nothing is kept
    // a load, the first says that the load's part is there: one row a day.
    const isSummed = measures.some(measure => measure.perLoad);
    const keyOf = (key: string): string =>
      isSummed || day.includes(key) ? key : `if(is_of_load, '', ${key}) AS ${key}`;
    const rows = (groups: string): string =>
      `SELECT ${[
        ...keys.map(key => keyOf(key.name)),
        ...measures.map(({ name, perLoad, none }) =>
          perLoad ? `if(is_of_load, ${name}_state, ${none})` : `if(is_of_load, ${none}, ${name}_state)`,
        ),
        '{generation}',
        `if(is_of_load, toUUID('{load}'), ${noLoad})`,
      ].join(', ')}
FROM (
${groups}
) AS groups
ARRAY JOIN [false, true] AS is_of_load`;
    const moved = Object.entries(silverRanges(contract)).map(
      ([name, range]) => `${inRange(name, range, 'clickhouse')} AS ${name}`,
    );
    const source = `(SELECT * REPLACE (${moved.join(', ')}) FROM {source})`;
    return {
      table: states.name,
      day,
      count: states.columns.find(
        column => (column.custom['measure'] as Plain | undefined)?.['kind'] === 'count',
      )?.name,
      checks: measures.flatMap(({ name, check }) =>
        check === undefined ? [] : [{ name, expression: check('{column}') }],
      ),
      days: `SELECT DISTINCT ${day}
FROM (SELECT ${dayOf} AS ${dayKey} FROM (SELECT ${inDays.map(name => dialect(contract, name, 'clickhouse')).join(', ')} FROM ${source})${where === '' ? '' : ` WHERE ${where}`})
WHERE {rows}
ORDER BY 1`,
      fromFile: `${insert}
${rows(`SELECT ${[...keys.map(key => `${key.transformLogic} AS ${key.name}`), ...measures.map(measure => `${measure.aggregate} AS ${measure.name}_state`)].join(', ')}
FROM (SELECT ${used.map(name => dialect(contract, name, 'clickhouse')).join(', ')} FROM ${source})
WHERE ${where === '' ? '' : `${where} AND `}{rows}
GROUP BY ${keys.map(key => key.name).join(', ')}`)}`,
      fromPartials: `${insert}
${rows(`SELECT ${[...keys.map(key => key.name), ...measures.map(measure => `${measure.load(`partials.${measure.name}`)} AS ${measure.name}_state`)].join(', ')}
FROM input('${structure.replaceAll("'", "\\'")}') AS partials
WHERE {rows}`)}
FORMAT JSONEachRow`,
      events: used.map(name => dialect(contract, name, 'spark')),
      where,
      keys: keys.map(key => ({ name: key.name, of: key.transformLogic ?? '' })),
      partials: measures.map(measure => ({
        name: measure.name,
        expression: measure.partial,
        merge: measure.merge,
      })),
    };
  });
}

/** A silver column's value, moved into its range; null stays null. */
function inRange(name: string, { from, to }: Range, engine: 'spark' | 'clickhouse'): string {
  const bound = (text: string): string => {
    if (!text.includes(':')) return text;
    return engine === 'spark' ? `timestamp'${text}'` : `toDateTime64('${text}', 6, 'UTC')`;
  };
  return engine === 'spark'
    ? `CASE WHEN ${name} < ${bound(from)} THEN ${bound(from)} WHEN ${name} > ${bound(to)} THEN ${bound(to)} ELSE ${name} END`
    : `multiIf(${name} < ${bound(from)}, ${bound(from)}, ${name} > ${bound(to)}, ${bound(to)}, ${name})`;
}

/** Spark: the silver columns that gold moves into their range, `expression AS name` each. */
export function silverInRange(contract: Contract): readonly (readonly [string, string])[] {
  return Object.entries(silverRanges(contract)).map(([name, range]) => [name, inRange(name, range, 'spark')]);
}

/** The columns of a silver file as ClickHouse reads them, which are those that are no partition. */
export function silverStructure(contract: Contract): string {
  return objectNamed(contract, 'silver')
    .columns.filter(column => !column.partitioned)
    .map(column => {
      const type = clickHouseTypes[column.physicalType ?? ''];
      return `${column.name} ${column.required ? type : `Nullable(${type})`}`;
    })
    .join(', ');
}

/** The columns of gold_event, else of silver, that an expression names. */
function usedColumns(contract: Contract, text: string): readonly string[] {
  const words = new Set(text.replace(/'[^']*'/g, '').match(/\w+/g) ?? []);
  const event = objectNamed(contract, 'gold_event').columns.map(column => column.name);
  const silver = objectNamed(contract, 'silver').columns.map(column => column.name);
  return [...event, ...silver.filter(name => !event.includes(name))].filter(name => words.has(name));
}

function dialect(contract: Contract, name: string, engine: 'spark' | 'clickhouse'): string {
  const column = objectNamed(contract, 'gold_event').columns.find(one => one.name === name);
  return column === undefined ? name : `${String(column.custom[engine])} AS ${name}`;
}
