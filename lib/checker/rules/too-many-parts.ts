import type { Model } from '../facts/model';
import { pythonModules } from '../facts/python-modules';
import { rowInserts } from '../facts/row-inserts';
import type { Rule } from '../facts/rule';
import { type DeclaredTable, declaredTables } from '../facts/tables';
import type { Found } from '../finding/finding';
import { measured, quote, say } from '../finding/message';
import { knownPrefix, knownText } from '../python/values';

/** Functions that give a partition to each stretch of time, with how many of them a day has. */
const STRETCHES: readonly (readonly [pattern: RegExp, aDay: number])[] = [
  [/^tostartof(second|millisecond|microsecond|nanosecond)$/, 86_400],
  [/^tostartofminute$/, 1440],
  [/^tostartoffiveminutes?$/, 288],
  [/^tostartoftenminutes$/, 144],
  [/^tostartoffifteenminutes$/, 96],
  [/^tostartofhour$/, 24],
  [/^toyyyymmddhhmmss$/, 86_400],
  [/^(tounixtimestamp(64\w+)?|now(64)?)$/, 86_400],
];

const SECONDS: Readonly<Record<string, number>> = { SECOND: 1, MINUTE: 60, HOUR: 3600 };

/** As many parts are too many for ClickHouse (parts_to_throw_insert is 3000; 300 until 23.6): it refuses inserts then. */
export const tooManyParts: Rule = {
  id: 'too-many-parts',
  level: 'warning',
  needs: ['course', 'options'],
  refuses: 'a table of ClickHouse with a partition for each hour or less, and inserts of one row',
  remedy: 'partition by month or by day, and insert thousands of rows at a time',
  check: model => [
    ...declaredTables(model).flatMap(ofTable),
    ...smallBatches(model),
    ...pythonModules(model)
      .filter(({ text }) => /clickhouse/i.test(text) && !/async_insert/.test(text))
      .flatMap(({ object, shown, module, place }): Found[] =>
        rowInserts(module).map(offset => ({
          place: place(module.lineOf(offset)),
          message: say`${shown} inserts ${measured('one row at a time')} in a loop, and each insert makes a part that has to be merged`,
          remedy: say`collect the rows and insert them together, or let the server collect them with async_insert`,
          ...(object === undefined ? {} : { concerns: [object] }),
        })),
      ),
  ],
};

function ofTable({ name, engine, partitionBy, types = {}, hasTtl, place }: DeclaredTable): Found[] {
  if (partitionBy === undefined || (engine !== undefined && !/MergeTree$/i.test(engine))) return [];
  const fine = finePartition(partitionBy, types, hasTtl === true);
  if (fine === undefined) return [];
  return [
    {
      place,
      message: say`table ${name} is partitioned by ${measured(partitionBy.replace(/ ([(),])/g, '$1').replace(/([(]) /g, '$1'), quote)}, ${fine}; every insert makes a part in each partition that it touches, and parts of two partitions are never merged`,
      remedy: say`partition by month or day, e.g. PARTITION BY toYYYYMM(ts), and put the finer order into ORDER BY`,
    },
  ];
}

/** How many partitions an expression makes, where they are many. */
function finePartition(
  expression: string,
  types: Readonly<Record<string, string>>,
  hasTtl: boolean,
): string | undefined {
  const words = expression.split(' ');
  // What is wrapped in a coarser function is coarse.
  if (
    /^(tuple \( )?(toYYYYMM|toMonday|toStartOf(Month|Week|Quarter|Year|Day)|toDate|toYear|toYYYYMMDD|toRelative\w+) /i.test(
      expression,
    )
  )
    return undefined;
  for (const word of words) {
    const [, aDay] = STRETCHES.find(([pattern]) => pattern.test(word.toLowerCase())) ?? [];
    // With a TTL the hours that are kept at once may be few.
    if (aDay !== undefined && !(aDay === 24 && hasTtl)) return `which makes up to ${aDay} partitions a day`;
  }
  const interval = /INTERVAL (\d+) (SECOND|MINUTE|HOUR)/i.exec(expression);
  if (interval !== null && /toStartOfInterval/i.test(expression)) {
    const seconds = Number(interval[1]) * (SECONDS[(interval[2] ?? '').toUpperCase()] ?? 1);
    if (seconds > 0 && seconds <= 3600 && !(seconds === 3600 && hasTtl))
      return `which makes up to ${Math.floor(86_400 / seconds)} partitions a day`;
  }
  const column = words.filter(word => !'(),'.includes(word));
  const [only = ''] = column;
  const type = column.length === 1 ? (types[only] ?? '') : '';
  if (/^(Nullable\()?DateTime/i.test(type))
    return 'a time to the second, which makes up to 86400 partitions a day';
  return /^(Nullable\()?UUID/i.test(type) ? 'which has a value of its own for nearly every row' : undefined;
}

/** Rows that Spark's JDBC writer sends in one statement: its default is 1000. */
const LEAST_BATCH = 100;

function smallBatches(model: Model): Found[] {
  return model.jobs.flatMap(({ object, name, code }) =>
    (code?.facts.sinks ?? []).flatMap(({ format, options }): Found[] => {
      const size = options.get('batchsize');
      const rows = Number(knownText(size?.value) ?? Number.NaN);
      const isClickHouse =
        format === 'jdbc' && /^jdbc:(clickhouse|ch):/.test(knownPrefix(options.get('url')?.value));
      if (code === undefined || size === undefined || !isClickHouse || !(rows < LEAST_BATCH)) return [];
      return [
        {
          place: code.placeOf(size.value, size.at),
          message: say`${name} writes to ClickHouse with batchsize ${measured(rows)}, and each batch makes a part that has to be merged`,
          remedy: say`delete batchsize, which means 1000, or set a greater one`,
          concerns: [object],
        },
      ];
    }),
  );
}
