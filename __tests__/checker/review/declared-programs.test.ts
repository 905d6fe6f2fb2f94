import type { DeclaredProgram } from '../../../lib/checker/facts/declared-program';
import { line } from '../../../lib/checker/finding/reporter';
import { manifestObjects } from '../../../lib/checker/object/manifest-object';
import { review } from '../../../lib/checker/review/review';

const CODE = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'code', namespace: 'n' },
  data: { 'job.py': 'exec(open("/etl").read())\n' },
};

function application(name: string, words: readonly string[] = []): unknown {
  return {
    apiVersion: 'sparkoperator.k8s.io/v1beta2',
    kind: 'SparkApplication',
    metadata: { name, namespace: 'n' },
    spec: {
      type: 'Python',
      mode: 'cluster',
      sparkVersion: '3.5.7',
      image: 'apache/spark:3.5.7-java17-python3',
      mainApplicationFile: 'local:///code/job.py',
      arguments: words,
      restartPolicy: { type: 'Always' },
      deps: {
        packages: ['org.apache.spark:spark-sql-kafka-0-10_2.12:3.5.7', 'org.apache.hadoop:hadoop-aws:3.3.4'],
      },
      sparkConf: { 'spark.jars.ivy': '/tmp/ivy' },
      volumes: [{ name: 'code', configMap: { name: 'code' } }],
      driver: { volumeMounts: [{ name: 'code', mountPath: '/code' }] },
      executor: { instances: 2 },
    },
  };
}

const STREAM: DeclaredProgram = {
  reads: [
    {
      format: 'kafka',
      topic: 'events',
      options: { 'kafka.bootstrap.servers': 'kafka:9092', maxOffsetsPerTrigger: '1000' },
      checkpoint: 's3a://lake/checkpoints/etl/',
    },
  ],
  writes: [{ format: 'parquet', location: 's3a://lake/events/' }],
};
const UNBOUNDED: DeclaredProgram = {
  reads: [{ format: 'kafka', topic: 'events', checkpoint: 's3a://lake/checkpoints/etl/' }],
};
const ON_VOLUME: DeclaredProgram = {
  reads: [
    {
      format: 'kafka',
      topic: 'events',
      options: { maxOffsetsPerTrigger: '5' },
      checkpoint: '/checkpoints/etl',
    },
  ],
};

function said(programs: Readonly<Record<string, DeclaredProgram>>, ...others: readonly unknown[]) {
  const words = ['--checkpoint', '/checkpoints/etl'];
  const { findings, notes } = review(manifestObjects([CODE, application('etl', words), ...others]), {
    programs: new Map(Object.entries(programs)),
  });
  return {
    findings: findings.map(finding => line(finding)),
    notes,
    places: findings.map(({ place }) => place),
  };
}

it('follows the code of a program that is not declared, and says where that ends', () => {
  expect(said({}).notes).toEqual([
    expect.objectContaining({ what: 'exec() runs a text that is not followed' }),
  ]);
  expect(said({ 'SparkApplication/n/another': STREAM }).notes).toHaveLength(1);
});

it('takes a declared program as it is', () => {
  const { findings, notes } = said({ 'SparkApplication/n/etl': STREAM });
  expect(notes.map(({ silences }) => silences)).toEqual([['undefined-name']]);
  expect(findings).toEqual([]);
});

it('refuses a declared stream without a bound', () => {
  expect(said({ 'SparkApplication/n/etl': UNBOUNDED }).findings).toEqual([
    expect.stringMatching(
      /^\[SparkApplication\/n\/etl\] .*stream of etl reads Kafka topic "events" without maxOffsetsPerTrigger/,
    ),
  ]);
});

it('refuses a declared checkpoint on a local path, at the argument that says it', () => {
  const { findings, places } = said({ 'SparkApplication/n/etl': ON_VOLUME });
  expect(findings).toEqual([
    expect.stringMatching(/checkpoint "\/checkpoints\/etl" of etl is on a local path of its pod/),
  ]);
  expect(places).toEqual([expect.objectContaining({ path: ['spec', 'arguments', 1] })]);
});

it('refuses two declared streams on one checkpoint, and no two on two', () => {
  const both = (second: string) =>
    said(
      {
        'SparkApplication/n/etl': STREAM,
        'SparkApplication/n/again': {
          reads: STREAM.reads?.map(read => ({ ...read, checkpoint: second })) ?? [],
        },
      },
      application('again'),
    ).findings;
  expect(both('s3://lake/checkpoints/etl')).toEqual([
    expect.stringMatching(/of again is also the checkpoint of etl/),
    expect.stringMatching(/of etl is also the checkpoint of again/),
  ]);
  expect(both('s3a://lake/checkpoints/again/')).toEqual([]);
});

it('refuses a read of a folder that no declared program writes', () => {
  const reader = (location: string) =>
    said(
      {
        'SparkApplication/n/etl': STREAM,
        'SparkApplication/n/again': { reads: [{ format: 'parquet', location }] },
      },
      application('again'),
    ).findings;
  expect(reader('s3a://lake/events-v2/')).toEqual([
    expect.stringMatching(/again reads "s3a:\/\/lake\/events-v2\/" but nothing writes there/),
  ]);
  expect(reader('s3a://lake/events/')).toEqual([]);
});

it('refuses rows for a column that no declared program makes', () => {
  const insert = (columns: string[]) =>
    said({
      'SparkApplication/n/etl': {
        inserts: [{ database: 'logs', table: 'events', columns }],
        definitions: ['CREATE TABLE logs.events (id Int64) ENGINE = MergeTree ORDER BY id'],
      },
    }).findings;
  expect(insert(['id', 'at'])).toEqual([expect.stringMatching(/writes column at of table "logs\.events"/)]);
  expect(insert(['id'])).toEqual([]);
});
