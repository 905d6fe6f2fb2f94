import type { Need } from '../../../lib/checker/finding/note';
import { manifestObjects } from '../../../lib/checker/object/manifest-object';
import { review } from '../../../lib/checker/review/review';
import { rules } from '../../../lib/checker/rules';

const KAFKA = `spark.readStream.format("kafka").option("kafka.bootstrap.servers", "lake-kafka-bootstrap:9092")`;

interface Options {
  readonly annotations?: Record<string, string>;
  readonly env?: readonly unknown[];
  readonly others?: readonly unknown[];
  /** Files beside the main one. */
  readonly files?: Record<string, string>;
}

/** A job whose code is this, after the lines that make `spark`. */
function job(code: string, { annotations, env = [], others = [], files = {} }: Options = {}): unknown[] {
  return [
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'code', namespace: 'n' },
      data: {
        'job.py': `import os\nfrom pyspark.sql import SparkSession\nspark = SparkSession.builder.getOrCreate()\n${code}\n`,
        ...files,
      },
    },
    {
      apiVersion: 'sparkoperator.k8s.io/v1beta2',
      kind: 'SparkApplication',
      metadata: { name: 'etl', namespace: 'n', ...(annotations === undefined ? {} : { annotations }) },
      spec: {
        type: 'Python',
        mainApplicationFile: 'local:///code/job.py',
        volumes: [{ name: 'code', configMap: { name: 'code' } }],
        driver: { env, volumeMounts: [{ name: 'code', mountPath: '/code' }] },
      },
    },
    ...others,
  ];
}

function notes(objects: readonly unknown[], only?: readonly string[]) {
  return review(manifestObjects(objects), only === undefined ? {} : { only }).notes;
}

const CLUSTER = {
  apiVersion: 'kafka.strimzi.io/v1',
  kind: 'Kafka',
  metadata: { name: 'lake', namespace: 'n' },
  spec: { kafka: {} },
};
const DDL = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'ddl', namespace: 'n' },
  data: { 'a.sql': 'CREATE TABLE logs.events (id Int64) ENGINE = MergeTree ORDER BY id;\n' },
};
const WEB = (containers: unknown) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', namespace: 'n' },
  spec: { containers },
});
const FROM_SECRET = [{ name: 'PLACE', valueFrom: { secretKeyRef: { name: 'settings', key: 'place' } } }];
const STATED = [{ name: 'PLACE', value: 's3a://lake/place' }];
const PLACE = 'os.environ["PLACE"]';
const RATE = 'spark.readStream.format("rate").load()';
const write = (checkpoint: string, location = '"s3a://lake/events"', more = '') =>
  `spark.readStream.format("rate").load().writeStream.format("parquet")${more}.option("checkpointLocation", ${checkpoint}).start(${location})`;

/** What each need is not met by, what the note says, which rules it names, and the nearest code that is understood. */
const CASES: readonly {
  readonly need: Need;
  readonly open: unknown[];
  readonly what: RegExp;
  readonly silences: readonly string[];
  readonly known: unknown[];
}[] = [
  {
    need: 'text',
    open: job('spark.range(3)', {
      files: { 'other.py': 'class A: pass\na = A()\nb, c = A(), A()\n𝔘 = b\n' },
    }),
    what: /^other\.py is not read, because the grammar of this check does not know what stands here: /,
    silences: ['plaintext-secret', 'undefined-name'],
    known: job('spark.range(3)', {
      files: { 'other.py': 'class A: pass\na = A()\nb, c = A(), A()\nU = b\n' },
    }),
  },
  {
    need: 'names',
    open: job('from pyspark.sql.functions import *\nspark.range(3).select(col("id"))'),
    what: /^import \* from pyspark\.sql\.functions brings names that nobody knows$/,
    silences: ['undefined-name'],
    known: job('from pyspark.sql.functions import col\nspark.range(3).select(col("id"))'),
  },
  {
    need: 'course',
    open: job('exec(open("/code/rest.txt").read())'),
    what: /^exec\(\) runs a text that is not followed$/,
    silences: ['bronze-not-written', 'restart-policy-lets-stream-die', 'undefined-name'],
    known: job('print(open("/code/rest.txt").read())'),
  },
  {
    need: 'format',
    open: job(`spark.read.format(${PLACE}).load("s3a://lake/a")`, { env: FROM_SECRET }),
    what: /^etl reads or writes in a format that is not known$/,
    silences: ['bronze-not-written', 'connector-package-missing', 'unbounded-backlog'],
    known: job(`spark.read.format(${PLACE}).load("s3a://lake/a")`, {
      env: [{ name: 'PLACE', value: 'json' }],
    }),
  },
  {
    need: 'options',
    open: job(`${KAFKA}.option("subscribe", "a").options(**given()).load()`),
    what: /^etl reads a stream with options that are not known, so neither is the bound of a trigger$/,
    silences: ['unbounded-backlog'],
    known: job(`${KAFKA}.option("subscribe", "a").options(maxOffsetsPerTrigger=5).load()`),
  },
  {
    need: 'location',
    open: job(`spark.range(3).write.parquet(${PLACE})`, { env: FROM_SECRET }),
    what: /^etl writes to a location that is not known$/,
    silences: ['layer-without-writer', 'missing-reference'],
    known: job(`spark.range(3).write.parquet(${PLACE})`, { env: STATED }),
  },
  {
    need: 'checkpoint-root',
    open: job(write(PLACE), { env: FROM_SECRET }),
    what: /^etl keeps a checkpoint that is not known to its end: "…"$/,
    silences: ['checkpoint-on-volume', 'checkpoint-shared'],
    known: job(write(PLACE), { env: STATED }),
  },
  {
    need: 'checkpoint',
    open: job(`${write(`"s3a://lake/checkpoints/" + ${PLACE}`)}\n${write('"s3a://lake/checkpoints/b"')}`, {
      env: FROM_SECRET,
    }),
    what: /^etl keeps a checkpoint that is not known to its end: "s3a:\/\/lake\/checkpoints\/…"$/,
    silences: ['checkpoint-shared'],
    known: job(
      `${write(`"s3a://lake/checkpoints/etl/run=" + ${PLACE}`)}\n${write('"s3a://lake/checkpoints/b"')}`,
      {
        env: FROM_SECRET,
      },
    ),
  },
  {
    need: 'sink-options',
    open: job(`${RATE}.writeStream.format("parquet").options(**given()).start("s3a://lake/events")`),
    what: /^etl starts a stream with options that are not known, so neither is its checkpoint$/,
    silences: ['checkpoint-on-volume', 'checkpoint-shared', 'stream-without-checkpoint'],
    known: job(
      `${RATE}.writeStream.format("parquet").options(checkpointLocation="s3a://lake/c").start("s3a://lake/events")`,
    ),
  },
  {
    need: 'topic',
    open: job(`${KAFKA}.option("subscribe", ${PLACE}).load()`, { env: FROM_SECRET, others: [CLUSTER] }),
    what: /^etl uses a topic that is not known: "…"$/,
    silences: ['missing-reference'],
    known: job(`${KAFKA}.option("subscribe", ${PLACE}).load()`, { env: STATED, others: [CLUSTER] }),
  },
  {
    need: 'table',
    open: job(
      `spark.range(3).write.format("jdbc").option("url", "jdbc:clickhouse://c/logs").option("dbtable", ${PLACE}).save()`,
      { env: FROM_SECRET, others: [DDL] },
    ),
    what: /^etl writes a table that is not known: "…"$/,
    silences: ['table-schema-mismatch'],
    known: job(
      `spark.range(3).write.format("jdbc").option("url", "jdbc:clickhouse://c/logs").option("dbtable", ${PLACE}).save()`,
      { env: [{ name: 'PLACE', value: 'events' }], others: [DDL] },
    ),
  },
  {
    need: 'schema',
    open: job(`client.execute("CREATE TABLE " + ${PLACE} + " (id Int64)")`, {
      env: FROM_SECRET,
      others: [DDL],
    }),
    what: /^etl makes a table or column whose name is not known$/,
    silences: ['table-schema-mismatch'],
    known: job('client.execute("CREATE TABLE " + "a" + " (id Int64)")', { others: [DDL] }),
  },
  {
    need: 'setting',
    open: job(`spark.conf.set("spark.jars.packages", ${PLACE})`, { env: FROM_SECRET }),
    what: /^etl sets spark\.jars\.packages to a value that is not known$/,
    silences: ['ivy-cache-unwritable', 'connector-package-missing', 'version-conflict', 'single-executor'],
    known: job(`spark.conf.set("spark.jars.packages", ${PLACE})`, { env: STATED }),
  },
  {
    need: 'figures',
    open: [WEB([{ name: 'web', resources: { requests: { memory: '<memory>' } } }])],
    what: /^memory of pod of web is a placeholder, so these pods are not counted$/,
    silences: ['invalid-quantity', 'set-does-not-fit'],
    known: [WEB([{ name: 'web', resources: { requests: { memory: '64Mi' } } }])],
  },
  {
    need: 'pods',
    open: job('spark.range(3)', { others: [WEB({ name: 'a', image: 'nginx:1.29.3' })] }),
    what: /^spec\.containers is a mapping but Kubernetes takes a list with a container, so it is not looked at$/,
    silences: ['container-without-limits', 'mutable-image-tag', 'set-does-not-fit', 'plaintext-secret'],
    known: job('spark.range(3)', { others: [WEB([{ name: 'a', image: 'nginx:1.29.3' }])] }),
  },
];

describe.each(CASES)('a $need that is not known', ({ open, what, silences, known }) => {
  it('is a note that names the silent rules', () => {
    const found = notes(open);
    expect(found).toEqual([expect.objectContaining({ what: expect.stringMatching(what) })]);
    expect(found[0]?.silences).toEqual(expect.arrayContaining([...silences]));
  });

  it('is none where the nearest code states it', () => {
    expect(notes(known)).toEqual([]);
  });
});

it('has a case for each need of each rule, but for the nodes and for copies, which need files', () => {
  const needs = new Set(rules.flatMap(({ needs: own = [] }) => own));
  needs.delete('nodes'); // unjudged-fit.test.ts
  needs.delete('copies'); // check/variants.test.ts
  expect([...needs].sort()).toEqual(CASES.map(({ need }) => need).sort());
});

it('names the job whose code is not among the files', () => {
  const [, application] = job('');
  expect(notes([application])).toEqual([
    expect.objectContaining({
      object: 'SparkApplication/n/etl',
      what: 'the code of Spark job etl is in no ConfigMap of these files',
      silences: expect.arrayContaining(['bronze-not-written', 'checkpoint-on-volume']),
    }),
  ]);
});

it('says once what many jobs run', () => {
  const objects = job('exec("x = 1")');
  const [, first] = objects as { metadata: object }[];
  const second = { ...first, metadata: { name: 'again', namespace: 'n' } };
  expect(notes([...objects, second])).toHaveLength(1);
});

it('takes a reason on the job for what is not known of it, and no empty one', () => {
  const reason = (text: string) => ({
    env: FROM_SECRET,
    annotations: { 'ignore-check.cdk8s-lakehouse/not-understood': text },
  });
  expect(notes(job(write(PLACE), reason('a different one for each tenant')))).toEqual([]);
  expect(notes(job(write(PLACE), reason(' ')))).toHaveLength(1);
});

it('does not count as unknown what Python refuses as well: that is an error of its own', () => {
  const { notes: found, findings } = review(manifestObjects(job('print "x"')));
  expect(found).toEqual([]);
  expect(findings.map(({ rule }) => rule)).toContain('python-syntax-error');
});

it('does not ask where files are that the program lists while it runs', () => {
  expect(notes(job('spark.read.parquet(*[f for f in listing()]).show()'))).toEqual([]);
});

describe('a checkpoint that is known up to a point', () => {
  const run = (folder: string) => write(`"s3a://lake/checkpoints/${folder}/run=" + ${PLACE}`);
  const beside = (other: string) => notes(job(`${run('a')}\n${other}`, { env: FROM_SECRET }));

  it.each([
    ['of another folder', run('b')],
    ['of a folder whose name begins alike', write('"s3a://lake/checkpoints/a2"')],
    ['of another bucket', write('"s3a://sea/checkpoints/a/run=1"')],
  ])('is known well enough beside one %s', (_, other) => {
    expect(beside(other)).toEqual([]);
  });

  it.each([
    ['that is known as far', run('a'), 2],
    ['in it', write('"s3a://lake/checkpoints/a/run=1"'), 1],
    ['around it', write('"s3://lake/checkpoints/a/"'), 1],
    ['that is known less far', write(`"s3a://lake/checkpoints/" + ${PLACE}`), 2],
  ])('is a note beside one %s', (_, other, count) => {
    const found = beside(other);
    expect(found).toHaveLength(count);
    expect(found[0]?.silences).toEqual(['checkpoint-shared']);
  });
});

describe('where a program loses something of Spark', () => {
  const STREAM = `${KAFKA}.option("subscribe", "a").option("maxOffsetsPerTrigger", 5).load()`;
  const stored = (frame: string) =>
    `${frame}.writeStream.format("parquet").option("checkpointLocation", "s3a://lake/checkpoints/a").start("s3a://lake/a").awaitTermination()`;
  const OWN = stored(STREAM);

  it.each([
    [
      'a session goes to foreign code',
      'import company\ncompany.run(spark)',
      'a SparkSession goes to code of company that is not followed',
      `import company\ncompany.set_up_logging()\n${OWN}`,
    ],
    [
      'a session goes to what foreign code made',
      'from company.jobs import Job\nJob("a").run(session=spark)',
      'a SparkSession goes to code of company that is not followed',
      `from company.jobs import Job\nJob("a").run(session="spark")\n${OWN}`,
    ],
    [
      'a dataframe goes to foreign code',
      'import company\ncompany.store([spark.range(3)])',
      'a dataframe goes to code of company that is not followed',
      `import json\njson.dumps([spark.range(3)])\n${OWN}`,
    ],
    [
      'the context of a session goes to foreign code',
      'from company import Context\nContext(spark.sparkContext)',
      'a SparkSession goes to code of company that is not followed',
      `spark.sparkContext.setLogLevel("WARN")\nprint(4 * spark.sparkContext.defaultParallelism)\n${OWN}`,
    ],
    [
      'an attribute has a name that nobody knows',
      `getattr(spark, ${PLACE})`,
      'a SparkSession goes to getattr of a name that is not followed',
      `getattr(spark, "range")(3)\n${OWN}`,
    ],
    [
      'a metaclass makes the objects of a class',
      'class Maker(type):\n    def __call__(cls):\n        return spark.readStream\nclass Made(metaclass=Maker):\n    pass\nMade()',
      'class Made makes its objects by a metaclass that is not followed',
      `from abc import ABCMeta\nclass Made(metaclass=ABCMeta):\n    pass\nMade()\n${OWN}`,
    ],
    [
      'runpy runs another program',
      'import runpy\nrunpy.run_path("/code/other.py")',
      'runpy runs a program that is not followed',
      `import runpy\n${OWN}`,
    ],
    [
      'a process runs another program',
      'import subprocess, sys\nsubprocess.run([sys.executable, "/code/other.py"])',
      'subprocess.run starts another Python program, which is not followed',
      `import subprocess\nsubprocess.run(["cat", "/code/other.txt"])\n${OWN}`,
    ],
    [
      'SQL is read while the program runs',
      'spark.sql(open("/code/q.sql").read())',
      'spark.sql runs a text that is not known',
      `spark.sql(f"SELECT {given()} FROM b")\n${OWN}`,
    ],
    [
      'the JVM is asked',
      'spark._jsparkSession.conf()',
      '_jsparkSession reaches Spark through py4j, where it is not followed',
      `spark.sparkContext._jsc.hadoopConfiguration().set("a", "b")\n${OWN}`,
    ],
    [
      'the JVM makes a stream',
      'spark._jvm.org.apache.spark.sql.SparkSession.active().readStream().load()',
      'readStream reaches Spark through py4j, where it is not followed',
      OWN,
    ],
    [
      'streams are of RDDs',
      'from pyspark.streaming import StreamingContext\nStreamingContext(spark.sparkContext, 10)',
      'StreamingContext makes streams of RDDs, which are not followed',
      `from pyspark.sql.streaming import StreamingQueryListener\n${OWN}`,
    ],
  ])('%s: a note, and none in the nearest code that is followed', (_, lost, what, followed) => {
    const found = notes(job(lost));
    expect(found).toEqual([expect.objectContaining({ what })]);
    expect(found[0]?.silences).toEqual(
      expect.arrayContaining(['checkpoint-on-volume', 'unbounded-backlog', 'restart-policy-lets-stream-die']),
    );
    expect(notes(job(followed))).toEqual([]);
  });

  it.each([
    ['calls', 'from company.jobs import run\nrun()'],
    ['inherits', 'from company.jobs import Base\nclass Own(Base):\n    pass\nOwn().run()'],
    ['imports by text', 'import importlib\nimportlib.import_module("company.jobs").run()'],
    ['imports beside itself', 'from .company import run\nrun()'],
  ])('is a note on a job that only %s foreign code', (_, code) => {
    const [found, ...others] = notes(job(code));
    expect(others).toEqual([]);
    expect(found).toMatchObject({
      cause: 'code that is not among the files',
      what: 'etl calls company, whose code is not among the files',
      silences: expect.arrayContaining(['bronze-not-written', 'checkpoint-on-volume']),
    });
  });

  it.each([
    [
      'is among the files',
      job('import company\ncompany.run()', { files: { 'company.py': 'def run(): pass\n' } }),
    ],
    ['is in the standard library', job('import logging\nlogging.basicConfig()')],
    ['comes with Spark', job('from pyspark.sql import Window\nWindow.partitionBy("a")')],
  ])('is none where the module %s', (_, objects) => {
    expect(notes(objects)).toEqual([]);
  });

  it.each([
    [
      'functools.reduce',
      `import functools\n${stored(`functools.reduce(lambda r, o: r.option(*o), {"subscribe": "a", "maxOffsetsPerTrigger": "5"}.items(), ${KAFKA}).load()`).replace('s3a://lake/checkpoints', '/tmp')}`,
    ],
    [
      'a context manager',
      `from contextlib import contextmanager\n@contextmanager\ndef given():\n    yield spark\nwith given() as session:\n    ${OWN.replace('spark.read', 'session.read').replace('s3a://lake/checkpoints', '/tmp')}`,
    ],
    [
      '__getattr__',
      `class Lake:\n    def __getattr__(self, name):\n        return getattr(spark, name)\n${OWN.replace('spark.read', 'Lake().read').replace('s3a://lake/checkpoints', '/tmp')}`,
    ],
    [
      'a class that keeps the session',
      `class Lake:\n    session = None\nLake.session = spark\n${OWN.replace('spark.read', 'Lake.session.read').replace('s3a://lake/checkpoints', '/tmp')}`,
    ],
    [
      'a dataframe that comes from foreign code',
      `import company\n${stored('company.read()').replace('s3a://lake/checkpoints', '/tmp')}`,
    ],
  ])('follows %s to the checkpoint', (_, code) => {
    const { notes: found, findings } = review(manifestObjects(job(code)));
    expect(found).toEqual([]);
    expect(findings.map(({ rule }) => rule)).toContain('checkpoint-on-volume');
  });
});

describe('Python behind -c in a container', () => {
  const container = (command: readonly string[]) => [
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'once', namespace: 'n' },
      spec: { containers: [{ name: 'main', image: 'apache/spark:3.5.7-java17-python3', command }] },
    },
  ];
  const code = `import sys\nfrom pyspark.sql import SparkSession\nspark = SparkSession.builder.getOrCreate()\n${write('sys.argv[1]')}\n`;

  it.each([
    ['a local path', ['python3', '-u', '-c', code, '/tmp/cp'], true],
    ['a local path, in a shell', ['sh', '-c', `exec python3 -c '${code}' /tmp/cp`], true],
    ['the object store', ['python3', '-c', code, 's3a://lake/cp'], false],
  ])('is followed with its words: a checkpoint on %s', (_, command, isRefused) => {
    const { notes: found, findings } = review(manifestObjects(container(command)));
    expect(found).toEqual([]);
    expect(findings.some(({ rule }) => rule === 'checkpoint-on-volume')).toBe(isRefused);
  });

  it('is a note where it is not read, and none where it is', () => {
    expect(notes(container(['python3', '-c', 'def f(:']))).toEqual([
      expect.objectContaining({
        object: 'Pod/n/once',
        what: expect.stringMatching(/^Python on a command line is not read: expected a parameter/),
        silences: expect.arrayContaining(['checkpoint-on-volume']),
      }),
    ]);
    expect(notes(container(['python3', '-c', 'def f(): pass']))).toEqual([]);
  });
});

describe('values in another form than Kubernetes takes', () => {
  const CAUSE = 'values in another form than Kubernetes takes';
  const of = (kind: string, rest: object, apiVersion = 'v1') =>
    notes([{ apiVersion, kind, metadata: { name: 'x', namespace: 'n' }, ...rest }]).filter(
      ({ cause }) => cause === CAUSE,
    );
  const a = { name: 'a', image: 'nginx:1.29.3' };
  const application = { type: 'Python', mainApplicationFile: 'local:///a.py', driver: {}, executor: {} };
  const SPARK = 'sparkoperator.k8s.io/v1beta2';
  const STRIMZI = 'kafka.strimzi.io/v1';

  test.each([
    ['Pod', { spec: { containers: a } }, 'v1', 'spec.containers is a mapping but'],
    ['Pod', { spec: { containers: [] } }, 'v1', 'spec.containers is an empty list but'],
    ['Pod', { spec: {} }, 'v1', 'spec.containers is missing but'],
    ['Pod', { spec: { containers: [a], initContainers: 5 } }, 'v1', 'spec.initContainers is 5 but'],
    ['Pod', { spec: { containers: [a], volumes: 'x' } }, 'v1', 'spec.volumes is "x" but'],
    [
      'Pod',
      { spec: { containers: [{ ...a, env: { A: 'b' } }] } },
      'v1',
      'spec.containers.0.env is a mapping',
    ],
    ['Pod', { spec: { containers: [{ ...a, image: 5 }] } }, 'v1', 'spec.containers.0.image is 5 but'],
    ['Deployment', { spec: null }, 'apps/v1', 'spec is empty but'],
    ['Deployment', {}, 'apps/v1', 'spec is missing but'],
    ['Deployment', { spec: { template: [] } }, 'apps/v1', 'spec.template is an empty list but'],
    ['CronJob', { spec: { jobTemplate: { spec: 1 } } }, 'batch/v1', 'spec.jobTemplate.spec is 1 but'],
    ['SparkApplication', { spec: 'x' }, SPARK, 'spec is "x" but'],
    ['SparkApplication', { spec: { ...application, sparkConf: ['a'] } }, SPARK, 'spec.sparkConf is a list'],
    [
      'SparkApplication',
      { spec: { ...application, driver: { env: {} } } },
      SPARK,
      'spec.driver.env is a mapping',
    ],
    ['Kafka', { spec: { kafka: [] } }, STRIMZI, 'spec.kafka is an empty list but'],
    ['KafkaNodePool', { spec: { resources: 'x' } }, STRIMZI, 'spec.resources is "x" but'],
    ['ConfigMap', { data: ['a.py'] }, 'v1', 'data is a list but Kubernetes takes a mapping'],
    ['ConfigMap', { data: { 'a.py': 5 } }, 'v1', 'data.a.py is 5 but Kubernetes takes text'],
  ])('%s with %j is noted', (kind, rest, apiVersion, words) => {
    const found = of(kind, rest, apiVersion);
    expect(found.map(({ what }) => what)).toEqual([expect.stringContaining(words)]);
    expect(found[0]?.silences).toContain('plaintext-secret');
  });

  test.each([
    ['Pod', { spec: { containers: [a], volumes: null } }, 'v1'],
    ['Deployment', { spec: { template: { spec: { containers: [{ ...a, env: [] }] } } } }, 'apps/v1'],
    ['SparkApplication', { spec: application }, SPARK],
    ['Kafka', { spec: { kafka: {}, entityOperator: {} } }, STRIMZI],
    ['ConfigMap', { data: { 'a.py': 'x = 1' } }, 'v1'],
    ['ConfigMap', {}, 'v1'],
    ['Pod', { spec: 5 }, 'other.io/v1'],
  ])('%s with %j is not', (kind, rest, apiVersion) => {
    expect(of(kind, rest, apiVersion)).toEqual([]);
  });
});

describe('pods of kinds that are not read', () => {
  const pod = { spec: { containers: [{ name: 'a', image: 'nginx' }] } };
  const of = (kind: string, apiVersion: string, rest: object, annotations = {}) =>
    notes([{ apiVersion, kind, metadata: { name: 'x', namespace: 'n', annotations }, ...rest }]);
  const ROLLOUT = ['Rollout', 'argoproj.io/v1alpha1', { spec: { template: pod } }] as const;

  test.each<readonly [string, string, object]>([
    ['PodTemplate', 'v1', { template: pod }],
    ROLLOUT,
    ['EventSource', 'argoproj.io/v1alpha1', { spec: { template: { container: { image: 'nginx' } } } }],
    ['Service', 'serving.knative.dev/v1', { spec: { template: pod } }],
    ['Task', 'tekton.dev/v1', { spec: { steps: [{ name: 'a', image: 'nginx' }] } }],
    ['SparkConnect', 'sparkoperator.k8s.io/v1alpha1', { spec: { image: 'spark', server: {}, executor: {} } }],
  ])('%s of %s is noted', (kind, apiVersion, rest) => {
    const found = of(kind, apiVersion, rest);
    expect(found.map(({ what }) => what)).toEqual([`pods of kind ${kind} (${apiVersion}) are not looked at`]);
    expect(found[0]?.silences).toEqual(
      expect.arrayContaining(['container-without-limits', 'set-does-not-fit']),
    );
  });

  test('a reason on the object takes it back', () => {
    expect(of(...ROLLOUT, { 'ignore-check.cdk8s-lakehouse/not-understood': 'canaries' })).toEqual([]);
  });

  test.each([
    ['Deployment', 'apps/v1', { spec: { template: pod } }],
    ['Workflow', 'argoproj.io/v1alpha1', { spec: { templates: [{ container: { image: 'nginx' } }] } }],
    ['Service', 'v1', { spec: { ports: [{ port: 80 }] } }],
    ['ImageRepository', 'image.toolkit.fluxcd.io/v1', { spec: { image: 'nginx' } }],
    [
      'ClusterPolicy',
      'kyverno.io/v1',
      { spec: { rules: [{ validate: { pattern: { spec: { containers: [{ image: '*:*' }] } } } }] } },
    ],
    ['ConfigMap', 'v1', { data: { 'pod.yaml': 'spec: { containers: [{ image: nginx }] }' } }],
  ])('%s of %s is not', (kind, apiVersion, rest) => {
    expect(of(kind, apiVersion, rest).filter(({ cause }) => cause === 'pods that are not looked at')).toEqual(
      [],
    );
  });
});

describe('SQL', () => {
  const of = (sql: string) =>
    notes([
      {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'tables', namespace: 'n' },
        data: { 'tables.sql': sql },
      },
    ]).map(({ what }) => what.replace(/^.*: /, ''));

  test.each([
    ['CREATE TABLE a.c (x Int64 ENGINE = MergeTree ORDER BY x;', 'parentheses that do not match'],
    ['CRATE TABLE a.d (x Int64);', 'a statement that begins with CRATE'],
    ["CREATE TABLE a.e (y String DEFAULT 'a) ENGINE = Memory;", 'a quote that is not closed'],
    ['CREATE TABLE IF NOT EXISTS (x Int64) ENGINE = Memory;', 'a CREATE in a form that is not known'],
  ])('%s is noted', (sql, what) => {
    expect(of(`${sql}\nSELECT 1;`)).toEqual([what]);
  });

  test.each([
    'CREATE TABLE a.c (x Int64) ENGINE = MergeTree ORDER BY x;',
    "INSERT INTO a.b VALUES ('it''s; ok', 1), ('\\'', 2);",
    '-- a comment (\nCREATE DATABASE IF NOT EXISTS a',
    "(SELECT 1) UNION ALL (SELECT ')')",
    'CREATE TABLE {{ name }} (x Int64',
  ])('%s is not', sql => {
    expect(of(sql)).toEqual([]);
  });
});
