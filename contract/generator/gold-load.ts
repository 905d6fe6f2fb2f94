import { type Contract, ContractError, objectNamed, objectsTagged } from './contract';
import { clickHouseTypes, measureOf } from './measures';

/** How silver rows become the states of one table, on each engine. {…} are filled in by the gold job. */
export interface StateLoad {
  readonly table: string;
  /** ClickHouse: the day of a row of states. */
  readonly day: string;
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
    const insert = `INSERT INTO {database}.${states.name} (${[...states.columns.map(column => column.name), 'generation'].join(', ')})`;
    const structure = [
      ...keys.map(key => `${key.name} ${key.physicalType}`),
      ...measures.map(measure => `${measure.name} ${measure.partialType}`),
    ].join(', ');
    return {
      table: states.name,
      day: String(states.custom['day']),
      fromFile: `${insert}
SELECT ${[...keys.map(key => `${key.transformLogic} AS ${key.name}`), ...measures.map(measure => `${measure.aggregate} AS ${measure.name}_state`)].join(', ')}, {generation}
FROM (SELECT ${used.map(name => dialect(contract, name, 'clickhouse')).join(', ')} FROM {source})
WHERE ${where === '' ? '' : `${where} AND `}{rows}
GROUP BY ${keys.map(key => key.name).join(', ')}`,
      fromPartials: `${insert}
SELECT ${[...keys.map(key => key.name), ...measures.map(measure => measure.load(`partials.${measure.name}`))].join(', ')}, {generation}
FROM input('${structure.replaceAll("'", "\\'")}') AS partials
WHERE {rows}
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
