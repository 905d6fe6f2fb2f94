import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DeclaredProgram } from '../../../lib/checker/facts/declared-program';
import { buildModel } from '../../../lib/checker/facts/model';
import { normalizedLocation } from '../../../lib/checker/facts/object-store';
import { loadManifests } from '../../../lib/checker/manifest/load';
import { objectId } from '../../../lib/checker/object/object-id';
import type { CodeFacts, Sink, Source } from '../../../lib/checker/python/facts';
import { knownPrefix, knownText } from '../../../lib/checker/python/values';
import { tablesIn } from '../../../lib/checker/sql/ddl';
import { dataFlowsOf } from '../../../lib/lakehouse/workload/data-flow';
import { app } from '../../../main';

const DIST = join(__dirname, '..', '..', '..', 'dist');

/** What the constructs state, by the object that runs the program. */
const declared = dataFlowsOf(app);

/** What is found by following the programs in dist/. */
const followed = new Map(
  buildModel(
    loadManifests(
      readdirSync(DIST)
        .filter(file => file.endsWith('.yaml'))
        .map(file => ({ file, bytes: readFileSync(join(DIST, file)) })),
    ).objects,
  ).programs.flatMap(({ object, code }) =>
    code === undefined ? [] : [[objectId(object), code.facts] as const],
  ),
);

const SCHEMA_JOB = [...followed.keys()].find(id => id.startsWith('Job/')) ?? '';
const STREAMING = 'SparkApplication/default/activity-streaming';
const GOLD = 'SparkApplication/default/activity-gold';

const BRONZE = 's3a://raw-data/user-activity';
const SILVER = 's3a://silver/user-activity-v2';
const QUARANTINE = 's3a://silver/quarantine/user-activity';
const COMMITS = 's3a://silver/commits/user-activity';
const CHECKPOINT = 's3a://silver/checkpoints/activity-streaming';
const TOPIC = 'user-activity-logs';

/** What following the code does not show, or shows in part: what is seen in its place, and why. */
interface Unseen {
  readonly stated: string;
  /** What is seen in its place. @default nothing but the location, in the hands of code that is not followed */
  readonly seen?: string;
  readonly reason: string;
}

const CLIENT = 'objects of the log are read and written through the S3A client, not by Spark';
const LISTED = 'the files are those that a listing of the store or the commit log names while the job runs';

const UNSEEN: Readonly<Record<string, readonly Unseen[]>> = {
  [STREAMING]: [
    {
      stated: `reads kafka ${TOPIC}`,
      seen: 'reads kafka ?',
      reason: 'offsets of partitions are assigned, which Kafka told while the job runs',
    },
    { stated: `reads json ${BRONZE}`, seen: 'reads json ?', reason: LISTED },
    { stated: `reads parquet ${SILVER}`, seen: 'reads parquet ?', reason: LISTED },
    { stated: `reads parquet ${QUARANTINE}`, seen: 'reads parquet ?', reason: LISTED },
    { stated: `reads json ${COMMITS}`, reason: CLIENT },
    { stated: `writes json ${COMMITS}`, reason: CLIENT },
  ],
  [GOLD]: [
    { stated: `reads parquet ${SILVER}`, seen: 'reads parquet ?', reason: LISTED },
    { stated: `reads json ${COMMITS}`, reason: CLIENT },
  ],
  [SCHEMA_JOB]: [],
};

/** Tables into which rows are inserted without the names of their columns: those are all, in the order of the table. */
const WITHOUT_NAMES = [
  'gold_loads',
  'gold_positions',
  'gold_business_day',
  'gold_replaced_files',
  'gold_expired_files',
  'gold_generations',
];

function stated({ reads = [], writes = [] }: DeclaredProgram): string[] {
  return [
    ...reads.map(({ format, location, topic, checkpoint, options = {} }) =>
      [
        `reads ${format} ${topic ?? normalizedLocation(location ?? '?')}`,
        ...(checkpoint === undefined
          ? []
          : [
              `as a stream by ${options['maxOffsetsPerTrigger']} from ${options['kafka.bootstrap.servers']}`,
              `noted in ${normalizedLocation(checkpoint)}`,
            ]),
      ].join(' '),
    ),
    ...writes.map(({ format, location }) => `writes ${format} ${normalizedLocation(location)}`),
  ];
}

function seen({ sources, sinks }: CodeFacts, { writes = [] }: DeclaredProgram): string[] {
  /** The stated folder that holds a location, whose end may be unknown. */
  const folderOf = (location: string) =>
    [...writes.map(write => normalizedLocation(write.location)), CHECKPOINT].find(folder =>
      `${location}/`.startsWith(`${folder}/`),
    ) ?? location;
  const read = (source: Source) => {
    const option = (name: string) => knownText(source.options.get(name)?.value) ?? '?';
    const query = sinks.find(sink => sink.isStream && sink.sources.includes(source));
    const from = source.format === 'kafka' ? option('subscribe') : '?';
    if (query === undefined) return `reads ${source.format} ${from}`;
    const checkpoint = knownPrefix(query.options.get('checkpointlocation')?.value);
    return `reads ${source.format} ${from} as a stream by ${option('maxoffsetspertrigger')} from ${option('kafka.bootstrap.servers')} noted in ${folderOf(checkpoint)}`;
  };
  const written = ({ format, path }: Sink) => `writes ${format} ${folderOf(knownPrefix(path))}`;
  return [
    ...new Set([...sources.map(read), ...sinks.filter(({ isStream }) => !isStream).map(written)]),
  ].sort();
}

describe.each([...followed])('%s', (id, facts) => {
  const program = declared.get(id) ?? {};
  const unseen = UNSEEN[id] ?? [];

  it('is declared, and followed to its end', () => {
    expect(declared.has(id)).toBe(true);
    expect(facts.gaps).toEqual([]);
    expect(facts.isPartial).toBe(false);
  });

  it('reads and writes what is declared, but for what following its code does not show', () => {
    const all = stated(program);
    expect(all).toEqual(expect.arrayContaining(unseen.map(item => item.stated)));
    const shown = all.filter(flow => !unseen.some(item => item.stated === flow));
    expect(seen(facts, program)).toEqual(
      [...new Set([...shown, ...unseen.flatMap(item => item.seen ?? [])])].sort(),
    );
  });

  it('hands what is not followed the locations that it reads and writes there', () => {
    const locations = unseen.filter(({ seen: other }) => other === undefined);
    const mentioned = facts.mentioned.map(({ value }) => normalizedLocation(knownPrefix(value)));
    expect(mentioned).toEqual(
      expect.arrayContaining(locations.map(item => item.stated.split(' ').at(-1) ?? '')),
    );
  });

  it('inserts into the tables that are declared, with their columns', () => {
    const plain = ({ database, table, columns }: NonNullable<DeclaredProgram['inserts']>[number]) => ({
      database,
      table,
      columns: WITHOUT_NAMES.includes(table) ? undefined : columns?.toSorted(),
    });
    const byTable = (one: { table: string }, other: { table: string }) => (one.table < other.table ? -1 : 1);
    expect(
      facts.inserts
        .map(({ database, table, columns }) => ({ database, table, columns: columns?.toSorted() }))
        .sort(byTable),
    ).toEqual((program.inserts ?? []).map(plain).sort(byTable));
  });

  it('makes the tables that are declared', () => {
    const made = (statements: readonly string[]) =>
      tablesIn(statements.join(';\n')).map(({ line: _, ...table }) => table);
    const followedToo = facts.definitions.map(({ sql }) => sql).filter(sql => /^\s*CREATE\b/.test(sql));
    expect(made(followedToo)).toEqual(made(program.definitions ?? []));
  });

  it('makes the settings that are declared, and no other that a rule looks at', () => {
    const made = Object.fromEntries(facts.conf.map(({ key, setting }) => [key, knownText(setting.value)]));
    expect(made).toEqual(expect.objectContaining(program.settings ?? {}));
    const looked =
      /^spark\.(jars|executor\.instances|dynamicAllocation|master|sql\.(catalog|warehouse\.dir)|eventLog\.dir|sql\.streaming\.checkpointLocation)\b/;
    const others = Object.entries(made).filter(([key]) => !(key in (program.settings ?? {})));
    expect(
      others.filter(
        ([key, value]) => looked.test(key) || value?.startsWith('org.apache.spark.internal.io.cloud.'),
      ),
    ).toEqual([]);
  });
});

it('declares nothing but programs of dist/, and every one of them', () => {
  expect([...declared.keys()].sort()).toEqual([...followed.keys()].sort());
  expect([...declared.keys()].sort()).toEqual([SCHEMA_JOB, GOLD, STREAMING].sort());
});
