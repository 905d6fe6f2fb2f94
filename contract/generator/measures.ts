import { type Column, type Contract, ContractError, objectNamed } from './contract';

/**
 * How a column of a state table is made of gold events, and how its states become one final value.
 *
 * A state that is inserted twice has to be as good as one that is inserted once. A set, a minimum and a maximum are so
 * by themselves. A sum is not: it is kept a load (a silver file), and summed over distinct loads when it is read.
 */
export interface Measure {
  /** Whether the state is kept a load. */
  readonly perLoad: boolean;
  /** ClickHouse's type of the state: an aggregate that is idempotent. */
  readonly type: string;
  /** ClickHouse: the state of nothing. */
  readonly none: string;
  /** ClickHouse: the state of a group of gold events. */
  readonly aggregate: string;
  /** ClickHouse: one number that tells states of other events apart, of a state that is kept a load. */
  readonly check?: (column: string) => string;
  /** ClickHouse: the final value of a group of states, of which none stands twice. */
  readonly final: (column: string) => string;
  /** Spark: the partial of a group of gold events. */
  readonly partial: string;
  /** Spark: the partial of a group of groups, {partial} being theirs; what travels to ClickHouse. */
  readonly merge: string;
  /** ClickHouse's type of what travels. */
  readonly partialType: string;
  /** ClickHouse: the state of what travels. */
  readonly load: (column: string) => string;
}

type Options = Readonly<Record<string, unknown>>;

/** ClickHouse's type for each Spark type of silver. */
export const clickHouseTypes: Readonly<Record<string, string>> = {
  STRING: 'String',
  INT: 'Int32',
  BIGINT: 'Int64',
  BOOLEAN: 'Bool',
  TIMESTAMP: "DateTime64(6, 'UTC')",
};

/** ClickHouse: the load of a row whose states are not kept a load. */
export const noLoad = "toUUID('00000000-0000-0000-0000-000000000000')";

const same = (column: string): string => column;

/** What a number is split by before Spark adds it up: both parts of a sum of 2^40 rows then fit a BIGINT. */
const PART = 1_048_576;

const kinds: Readonly<Record<string, (contract: Contract, options: Options) => Measure>> = {
  count: () => ({
    perLoad: true,
    type: 'SimpleAggregateFunction(max, UInt64)',
    none: '0',
    aggregate: 'count()',
    check: column => `sum(${column})`,
    final: column => `sum(${column})`,
    partial: 'count(1)',
    merge: 'sum({partial})',
    partialType: 'UInt64',
    load: same,
  }),
  // Of flags: a sum is at most the number of rows.
  sum: (contract, { of }) => ({
    perLoad: true,
    type: `SimpleAggregateFunction(max, ${typeOf(contract, of)})`,
    none: '0',
    aggregate: `sum(${of})`,
    check: column => `sum(${column})`,
    final: column => `sum(${column})`,
    partial: `sum(${of})`,
    merge: 'sum({partial})',
    partialType: typeOf(contract, of),
    load: same,
  }),
  // Of numbers below 2^60: 2^67 of them fit 128 bits.
  wideSum: (contract, { of }) => ({
    perLoad: true,
    type: `SimpleAggregateFunction(max, ${wide(contract, of)})`,
    none: '0',
    aggregate: `sum(to${wide(contract, of)}(${of}))`,
    check: column => `sum(${column})`,
    final: column => `sum(${column})`,
    partial: `array(sum(${of} div ${PART}), sum(${of} % ${PART}))`,
    merge: 'array(sum({partial}[0]), sum({partial}[1]))',
    partialType: 'Array(Int64)',
    load: column => `CAST(toInt128(${column}[1]) * ${PART} + ${column}[2], '${wide(contract, of)}')`,
  }),
  distinct: (contract, { of }) => ({
    perLoad: false,
    type: `AggregateFunction(uniqExact, ${typeOf(contract, of)})`,
    none: `arrayReduce('uniqExactState', CAST([], 'Array(${typeOf(contract, of)})'))`,
    aggregate: `uniqExactStateIf(${of}, ${of} != '')`,
    final: column => `uniqExactMerge(${column})`,
    // With repeats until the last merge: collect_set would hash each value in every aggregate, into objects.
    partial: `collect_list(nullif(${of}, ''))`,
    merge: 'array_distinct(flatten(collect_list({partial})))',
    partialType: `Array(${typeOf(contract, of)})`,
    load: column => `arrayReduce('uniqExactState', ${column})`,
  }),
  histogram: (contract, { of, where }) => ({
    perLoad: true,
    type: 'SimpleAggregateFunction(any, Map(UInt64, UInt64))',
    none: "CAST(map(), 'Map(UInt64, UInt64)')",
    aggregate: `sumMapIf(map(${bucket(String(of))}, toUInt64(1)), ${where})`,
    check: column =>
      `sum(arraySum((size, count) -> (size + 1) * count, mapKeys(${column}), mapValues(${column})))`,
    final: column => `sumMap(${column})`,
    partial: `collect_list(CASE WHEN ${where} THEN ${of} END)`,
    merge: 'flatten(collect_list({partial}))',
    partialType: `Array(${typeOf(contract, of)})`,
    load: column =>
      `arrayReduce('sumMap', arrayMap(${of} -> map(${bucket(String(of))}, toUInt64(1)), ${column}))`,
  }),
  latest: (contract, { by, of }) => {
    const fields = [...(by as string[]), ...(of as string[])];
    const type = `Tuple(${fields.map(field => `${field} ${typeOf(contract, field)}`).join(', ')})`;
    return {
      perLoad: false,
      type: `SimpleAggregateFunction(max, ${type})`,
      none: `defaultValueOfTypeName('${type}')`,
      aggregate: `max(tuple(${fields.join(', ')}))`,
      final: column => `max(${column})`,
      partial: `max(struct(${fields.join(', ')}))`,
      merge: 'max({partial})',
      partialType: type,
      load: same,
    };
  },
  first: (contract, { of, where }) => ({
    perLoad: false,
    type: `SimpleAggregateFunction(min, Nullable(${typeOf(contract, of)}))`,
    none: 'NULL',
    aggregate: `minOrNullIf(${of}, ${where})`,
    final: column => `min(${column})`,
    partial: `min(CASE WHEN ${where} THEN ${of} END)`,
    merge: 'min({partial})',
    partialType: `Nullable(${typeOf(contract, of)})`,
    load: same,
  }),
  last: (contract, { of, where }) => ({
    perLoad: false,
    type: `SimpleAggregateFunction(max, Nullable(${typeOf(contract, of)}))`,
    none: 'NULL',
    aggregate: `maxOrNullIf(${of}, ${where})`,
    final: column => `max(${column})`,
    partial: `max(CASE WHEN ${where} THEN ${of} END)`,
    merge: 'max({partial})',
    partialType: `Nullable(${typeOf(contract, of)})`,
    load: same,
  }),
  every: (contract, { of, where }) => ({
    perLoad: false,
    type: `SimpleAggregateFunction(groupUniqArrayArray, Array(${typeOf(contract, of)}))`,
    none: `CAST([], 'Array(${typeOf(contract, of)})')`,
    aggregate: `groupUniqArrayIf(${of}, ${where})`,
    final: column => `groupUniqArrayArray(${column})`,
    partial: `collect_set(CASE WHEN ${where} THEN ${of} END)`,
    merge: 'array_distinct(flatten(collect_list({partial})))',
    partialType: `Array(${typeOf(contract, of)})`,
    load: same,
  }),
};

function wide(contract: Contract, of: unknown): string {
  return typeOf(contract, of).replace('64', '128');
}

/** The measure of a state column; undefined for a key. Throws a ContractError for an unknown kind. */
export function measureOf(contract: Contract, table: string, column: Column): Measure | undefined {
  const options = column.custom['measure'] as Options | undefined;
  if (options === undefined) return undefined;
  const kind = kinds[String(options['kind'])];
  if (kind === undefined) {
    const allowed = Object.keys(kinds).join(', ');
    throw new ContractError([
      `${table}.${column.name} has measure kind ${String(options['kind'])}; allowed are ${allowed}`,
    ]);
  }
  return kind(contract, options);
}

/**
 * A size cut to its seven leading binary digits: the lower end of a bucket at most 1/64 of it wide, so that the
 * bucket's middle is at most 1/128 (0.8 %) off. Integer arithmetic, so both engines agree to the last bucket.
 */
export function bucket(size: string): string {
  return `${size} - ${size} % ${bucketWidth(size)}`;
}

/** ClickHouse: the width of the bucket of a size; the same for every size in the bucket. */
export function bucketWidth(size: string): string {
  return `greatest(toUInt64(1), intDiv(roundToExp2(${size}), 64))`;
}

/** ClickHouse: the value of rank ceil(percent / 100 × n) in a final histogram, as its bucket's middle; null when empty. */
export function percentile(histogram: string, percent: number): string {
  const keys = `arraySort(mapKeys(${histogram}))`;
  const ranks = `arrayCumSum(arraySort((n, size) -> size, mapValues(${histogram}), mapKeys(${histogram})))`;
  const rank = `intDiv(${percent} * ranks[-1] + 99, 100)`;
  const size = `arrayMap((sizes, ranks) -> sizes[arrayFirstIndex(n -> n >= ${rank}, ranks)], [${keys}], [${ranks}])`;
  return `if(empty(${histogram}), NULL, arrayMap(size -> size + (${bucketWidth('size')} - 1) / 2, ${size})[1])`;
}

function typeOf(contract: Contract, name: unknown): string {
  const event = objectNamed(contract, 'gold_event').columns.find(column => column.name === name);
  if (event?.physicalType !== undefined) return event.physicalType;
  const silver = objectNamed(contract, 'silver').columns.find(column => column.name === name);
  const type = silver?.physicalType === undefined ? undefined : clickHouseTypes[silver.physicalType];
  if (type === undefined) {
    throw new ContractError([
      `a measure is made of ${String(name)}, which neither gold_event nor silver has`,
    ]);
  }
  return type;
}
