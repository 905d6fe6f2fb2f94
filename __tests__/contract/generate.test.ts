import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { clickHouseTables, clickHouseViews } from '../../contract/generator/clickhouse-ddl';
import { ContractError, objectNamed, objectsTagged, readContract } from '../../contract/generator/contract';
import { generatedFiles } from '../../contract/generator/generate';
import { metricsTables } from '../../lib/lakehouse/contract/schema';

const root = join(__dirname, '../..');
const text = readFileSync(join(root, 'contract/lakehouse.odcs.yaml'), 'utf8');

function problemsOf(changed: string): readonly string[] {
  try {
    generatedFiles(readContract(changed));
  } catch (error) {
    if (error instanceof ContractError) return error.problems;
    throw error;
  }
  return [];
}

/** The contract with one text replaced, which has to be there. */
function edited(from: string, to: string): string {
  expect(text).toContain(from);
  return text.replace(from, to);
}

test('no generated file is stale', () => {
  const stale = [...generatedFiles(readContract(text))]
    .filter(([path, generated]) => readFileSync(join(root, path), 'utf8') !== generated)
    .map(([path]) => path);
  expect(stale).toEqual([]);
});

test('the contract of this repository has no problem', () => {
  expect(problemsOf(text)).toEqual([]);
});

test('the metrics tables are views, and their states and ledgers tables', () => {
  const contract = readContract(text);
  expect(clickHouseViews(contract).map(view => view.name)).toEqual([
    'gold_hidden_generations',
    'metrics_server_health_minutely',
    'metrics_operational_hourly',
    'metrics_business_daily',
    'metrics_funnel_daily',
    'metrics_data_quality_hourly',
    'metrics_incomplete_days',
  ]);
  expect(Object.keys(metricsTables)).toEqual(objectsTagged(contract, 'metrics').map(object => object.name));
  expect(clickHouseTables(contract).every(table => table.columns.every(column => column.type !== ''))).toBe(
    true,
  );
});

describe('a row that is inserted twice is a row that is inserted once', () => {
  const states = clickHouseTables(readContract(text)).filter(table => table.name.endsWith('_states'));

  // max, min, any of equal values, and unions: each gives for a value and the same value that value.
  const idempotent =
    /^(SimpleAggregateFunction\((max|min|any|groupUniqArrayArray), .*\)|AggregateFunction\(uniqExact, .*\))$/;

  test.each(states.map(table => [table.name, table] as const))('in %s', (_, table) => {
    expect(table.engine).toBe('AggregatingMergeTree');
    expect(table.orderBy.at(-1)).toBe('load');
    const aggregates = table.columns.filter(column => !table.orderBy.includes(column.name));
    expect(aggregates.length).toBeGreaterThan(0);
    expect(aggregates.filter(column => !idempotent.test(column.type))).toEqual([]);
  });

  test('and no table has a memory of what was inserted', () => {
    for (const table of clickHouseTables(readContract(text))) {
      expect(table.settings).toMatchObject({ fsync_after_insert: 1, fsync_part_directory: 1 });
      expect(Object.keys(table.settings).join()).not.toContain('deduplication');
    }
  });
});

test('a measure that is added to the contract alone reaches both engines, the DDL, the view and the types', () => {
  const changed = edited(
    '      - { name: users, logicalType: array, required: true, description: The distinct users, customProperties',
    `      - { name: latency, logicalType: integer, required: true, description: Sum of latencies, customProperties: [{ property: measure, value: { kind: sum, of: delay_us } }] }
      - { name: users, logicalType: array, required: true, description: The distinct users, customProperties`,
  ).replace(
    '      - { name: total_bytes, logicalType: integer, physicalType: UInt128,',
    `      - { name: total_latency, logicalType: integer, physicalType: Int64, required: true, description: Latency, customProperties: [{ property: derivation, value: { server_health_states: latency } }] }
      - { name: total_bytes, logicalType: integer, physicalType: UInt128,`,
  );
  const files = generatedFiles(readContract(changed));
  expect(files.get('contract/clickhouse.sql')).toContain('latency SimpleAggregateFunction(max, Int64)');
  expect(files.get('contract/clickhouse.sql')).toContain("CAST(states.latency, 'Int64') AS total_latency");
  expect(files.get('spark-jobs/contract_gold.py')).toContain('sum(delay_us) AS latency_state');
  expect(files.get('spark-jobs/contract_gold.py')).toContain(
    '("latency", "sum(delay_us)", "sum({partial})")',
  );
  expect(files.get('lib/lakehouse/contract/schema.ts')).toContain('readonly total_latency: number;');
});

describe('a field that is added to the event may be a column of silver', () => {
  const readings = (becomes: string): string =>
    `        customProperties:\n          - { property: readings, value: [{ words: missing, examples: [missing], becomes: ${becomes} }] }\n`;
  const withField = (stated: string): string =>
    edited(
      '      - name: year\n        logicalType: integer\n',
      '      - name: country\n        logicalType: string\n        physicalType: STRING\n        description: Country.\n      - name: year\n        logicalType: integer\n',
    ).replace(
      '      - name: bytes\n        logicalType: integer\n        logicalTypeOptions',
      `      - name: country\n        logicalType: string\n        description: Country.\n${stated}      - name: bytes\n        logicalType: integer\n        logicalTypeOptions`,
    );

  test('when it says what each form of a JSON value becomes', () => {
    expect(problemsOf(withField(readings('{ value: null }')))).toEqual([]);
  });

  test('not when it does not', () => {
    expect(problemsOf(withField(''))).toEqual([
      'event.country has no readings; state what each form of a JSON value becomes',
    ]);
  });

  test('and not when a form becomes a reason that quarantine does not have', () => {
    expect(problemsOf(withField(readings('{ reason: no_country }')))).toEqual([
      'event.country becomes no_country, which is no reason of quarantine',
    ]);
  });
});

test('the limits of an event reach the jobs', () => {
  const changed = edited('{ minimum: 0, maximum: 2147483647 }', '{ minimum: 0, maximum: 60000 }');
  const jobs = generatedFiles(readContract(changed)).get('spark-jobs/contract.py');
  expect(jobs).toContain('MAX_LATENCY_MS = 60000\n');
  expect(jobs).toContain('MAX_BYTES = 1099511627775\n');
  expect(jobs).toContain('FIRST_TIME = "1970-01-02T00:00:00Z"\n');
});

test.each([
  [
    'an unknown logical type',
    edited('logicalType: boolean', 'logicalType: flag'),
    /^silver\.is_failed has logicalType flag; allowed are string, integer, /,
  ],
  [
    'an unknown measure',
    edited('kind: count', 'kind: median'),
    /^server_health_states\.total_records has measure kind median; allowed are count, sum, /,
  ],
  [
    'a measure of nothing',
    edited('kind: sum, of: failed', 'kind: sum, of: lost'),
    /^a measure is made of lost, which neither gold_event nor silver has$/,
  ],
  [
    'a column that stands twice',
    edited(
      'name: http_method\n        logicalType: string\n        physicalType',
      'name: status\n        logicalType: string\n        physicalType',
    ),
    /^silver\.status stands twice; give each column its own name$/,
  ],
  [
    'a derivation from no state table',
    edited('{ server_health_states: minute }', '{ server_states: minute }'),
    /metrics_server_health_minutely/,
  ],
  [
    'a silver column that nothing makes',
    edited(
      '      - name: year\n        logicalType: integer\n',
      '      - name: country\n        logicalType: string\n        physicalType: STRING\n        description: Country.\n      - name: year\n        logicalType: integer\n',
    ),
    /^silver\.country is no field of the event, and no job makes it; those that are made are raw_json, topic, /,
  ],
  [
    'a range that does not begin at 0',
    edited('{ minimum: 0, maximum: 2147483647 }', '{ minimum: -1, maximum: 2147483647 }'),
    /^event: minimum of latency_ms is -1; the parser knows only 0$/,
  ],
  [
    'a range without an end',
    edited('{ minimum: 0, maximum: 1099511627775 }', '{ minimum: 0 }'),
    /^event: maximum of bytes is undefined; set a whole number above 0, at most 2\^53 - 1$/,
  ],
  [
    'a first time that is none',
    edited("minimum: '1970-01-02T00:00:00Z'", "minimum: 'yesterday'"),
    /^event: minimum of event_time is yesterday; set a time as 2026-01-15T00:00:00Z$/,
  ],
  [
    'no longest value',
    edited('property: maxValueBytes', 'property: maxValueBits'),
    /^event: custom property maxValueBytes is undefined; set a whole number above 0/,
  ],
  [
    'no description',
    edited('        description: Kafka topic.\n', ''),
    /^bronze\.topic has no description; say what it means$/,
  ],
])('%s is refused', (_, changed, sentence) => {
  const problems = problemsOf(changed);
  expect(problems.length).toBeGreaterThan(0);
  expect(problems.join('\n')).toMatch(sentence);
});

test('all problems are reported at once', () => {
  const changed = edited('logicalType: boolean', 'logicalType: flag').replace(
    '        description: Kafka topic.\n',
    '',
  );
  expect(problemsOf(changed)).toHaveLength(2);
});

test('an object that the contract lacks is named with those that it has', () => {
  expect(() => objectNamed(readContract(text), 'platinum')).toThrow(
    /^the contract has no object platinum; its objects are event, bronze, /,
  );
});
