import { init, parse } from '@polyglot-sql/sdk';
import fc from 'fast-check';
import { tablesIn } from '../../../lib/checker/sql/ddl';

const shape = (sql: string) =>
  tablesIn(sql).map(({ database, name, kind, columns }) => ({ database, name, kind, columns }));

describe('ClickHouse DDL', () => {
  it('gives tables with their columns, whatever stands around them', () => {
    expect(
      shape(`-- a comment; with a semicolon
        CREATE DATABASE IF NOT EXISTS logs;
        /* ; */ CREATE TABLE IF NOT EXISTS logs.\`m-1\` UUID 'x' ON CLUSTER c
        (
          minute DateTime64(3, 'UTC') CODEC(Delta, ZSTD) COMMENT 'it''s; a (comment',
          \`index\` Nullable(String) DEFAULT if(1 = 1, 'a,b', concat('(', ')')),
          states AggregateFunction(quantiles(0.5, 0.9), UInt64),
          tuple Tuple(a Int8, b Array(String)),
          INDEX i minute TYPE minmax GRANULARITY 1,
          PROJECTION p (SELECT states ORDER BY minute),
          CONSTRAINT c CHECK minute > 0,
          PRIMARY KEY (minute)
        )
        ENGINE = ReplicatedReplacingMergeTree('/t/{shard}', '{replica}')
        PARTITION BY toYYYYMM(minute) ORDER BY (minute, index) TTL minute + INTERVAL 30 DAY
        SETTINGS index_granularity = 8192`),
    ).toEqual([
      { database: 'logs', name: 'm-1', kind: 'table', columns: ['minute', 'index', 'states', 'tuple'] },
    ]);
  });

  it('knows views, and tables whose columns follow from elsewhere', () => {
    expect(
      shape(`USE logs; CREATE VIEW v AS SELECT 1 AS a; CREATE MATERIALIZED VIEW mv TO t (x Int8) AS SELECT 1 AS x;
        CREATE OR REPLACE TABLE t2 AS t; CREATE DICTIONARY d (k UInt64, v String) PRIMARY KEY k`),
    ).toEqual([
      { database: 'logs', name: 'v', kind: 'view', columns: undefined },
      { database: 'logs', name: 'mv', kind: 'materialized view', columns: undefined },
      { database: 'logs', name: 't2', kind: 'table', columns: undefined },
      { database: 'logs', name: 'd', kind: 'dictionary', columns: ['k', 'v'] },
    ]);
  });

  it('follows ALTER, RENAME and DROP in their order', () => {
    expect(
      shape(`CREATE TABLE a (x Int8, y Int8) ENGINE = Memory;
        ALTER TABLE a ADD COLUMN IF NOT EXISTS z String DEFAULT 'DROP COLUMN x' AFTER x, DROP COLUMN y, RENAME COLUMN x TO w, MODIFY COLUMN z String;
        RENAME TABLE a TO b; CREATE TABLE gone (x Int8) ENGINE = Memory; DROP TABLE IF EXISTS gone`),
    ).toEqual([{ database: undefined, name: 'b', kind: 'table', columns: ['w', 'z'] }]);
  });

  it.each(['c', '`c-1`', "'{cluster}'"])('reads on past ON CLUSTER %s', cluster => {
    expect(
      shape(`CREATE TABLE a ON CLUSTER ${cluster} (x Int8) ENGINE = Memory;
        ALTER TABLE a ON CLUSTER ${cluster} ADD COLUMN y Int8`),
    ).toEqual([{ database: undefined, name: 'a', kind: 'table', columns: ['x', 'y'] }]);
  });

  it('says on which line a statement starts', () => {
    expect(
      tablesIn("SELECT '\n';\n\nCREATE TABLE a (x Int8)\nENGINE = Memory").map(({ line }) => line),
    ).toEqual([3]);
  });

  it('loses an unknown statement alone', () => {
    expect(
      shape('GRANT SELECT ON x TO y; CREATE USER u IDENTIFIED BY (; CREATE TABLE t (x Int8)').map(
        ({ name }) => name,
      ),
    ).toEqual(['t']);
  });
});

describe('against a full SQL parser', () => {
  beforeAll(async () => init());

  const name = fc
    .stringMatching(/^[a-z][a-z0-9_]{0,8}$/)
    .filter(
      word =>
        !/^(as|if|or|to|on|in|by|is|not|and|set|all|any|asc|end|for|from|left|like|null|date|time|index|primary|projection|constraint|column|select|with)/.test(
          word,
        ),
    );
  const type = fc.constantFrom(
    'UInt64',
    'String',
    'Nullable(String)',
    "DateTime64(3, 'UTC')",
    'Array(UInt8)',
    'LowCardinality(String)',
    'AggregateFunction(uniqExact, String)',
    'Decimal(10, 2)',
  );
  const suffix = fc.constantFrom('', ' DEFAULT 1', " COMMENT 'a, (b'", ' CODEC(ZSTD(3))');
  const column = fc.record({ name, type, suffix });
  const table = fc.record({
    database: fc.option(name),
    name,
    columns: fc.uniqueArray(column, { minLength: 1, maxLength: 8, selector: item => item.name }),
  });

  it('finds the same tables and columns', () => {
    fc.assert(
      fc.property(table, made => {
        const list = made.columns.map(item => `  ${item.name} ${item.type}${item.suffix}`).join(',\n');
        const id = made.database === null ? made.name : `${made.database}.${made.name}`;
        const sql = `CREATE TABLE IF NOT EXISTS ${id}\n(\n${list}\n)\nENGINE = MergeTree\nORDER BY ${made.columns[0]?.name}`;
        const parsed = parse(sql, 'clickhouse' as Parameters<typeof parse>[1]);
        const [statement] =
          (
            parsed as unknown as {
              ast: {
                create_table: {
                  name: { name: { name: string }; schema: { name: string } | null };
                  columns: { name: { name: string } }[];
                };
              }[];
            }
          ).ast ?? [];
        const theirs = statement?.create_table;
        expect(tablesIn(sql).map(item => [item.database, item.name, item.columns])).toEqual([
          [theirs?.name.schema?.name, theirs?.name.name.name, theirs?.columns.map(item => item.name.name)],
        ]);
      }),
      { numRuns: 200 },
    );
  });
});
