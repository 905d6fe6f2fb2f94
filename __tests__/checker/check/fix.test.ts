import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { FIXERS } from '../../../lib/checker/check/fixers';
import { spliced, unifiedDiff } from '../../../lib/checker/check/unified-diff';
import { HOME, Project } from './run-check';

let project: Project;
beforeEach(() => {
  project = new Project();
});
afterEach(() => project.remove());

const RESOURCES = 'cores: 1, coreLimit: 1000m, memory: 512m, memoryOverhead: 256m';
/** A streaming application with comments and a layout of its own. */
const STREAM = (spec: string, image = 'apache/spark:3.5.7-java17-python3') => `# the orders, as they come
apiVersion: sparkoperator.k8s.io/v1beta2
kind: SparkApplication
metadata: {name: orders,   namespace: default}   # one line is enough
spec:
  type: Python
  mode: cluster
  image: "${image}"
  sparkVersion: 3.5.7
  mainApplicationFile: local:///code/job.py

${spec}  driver: { ${RESOURCES}, serviceAccount: spark, volumeMounts: [{ name: code, mountPath: /code }] }
  executor: { instances: 2, ${RESOURCES} }
  volumes: [{ name: code, configMap: { name: code } }]
---
apiVersion: v1
kind: ConfigMap
metadata: { name: code, namespace: default }
data:
  job.py: |
    from pyspark.sql import SparkSession
    spark = SparkSession.builder.getOrCreate()
    query = spark.readStream.format("rate").load().writeStream.format("console").option("checkpointLocation", "s3a://a/c").start()
    query.awaitTermination()
`;
const ALWAYS = '  restartPolicy: { type: Always }\n';
const ONLY = (rule: string) => ['--rule', rule];

/** Mends one rule's findings, and returns what differs: the removed and the added lines. */
function fixed(rule: string, text: string, file = 'a.yaml') {
  project.put(file, text);
  const { code, stdout, stderr } = project.check([...ONLY(rule), '--fix']);
  const after = project.read(file);
  const lines = (whole: string) => whole.split('\n');
  return {
    code,
    stdout,
    stderr,
    after,
    removed: lines(text).filter(line => !lines(after).includes(line)),
    added: lines(after).filter(line => !lines(text).includes(line)),
  };
}

describe('restart-policy-lets-stream-die', () => {
  const RULE = 'restart-policy-lets-stream-die';

  it.each<[string, string, string[], string[]]>([
    [
      'a word',
      '  restartPolicy:\n    type: OnFailure # as in the docs\n',
      ['    type: OnFailure # as in the docs'],
      ['    type: Always # as in the docs'],
    ],
    [
      'a word in quotes',
      "  restartPolicy:\n    type: 'Never'\n",
      ["    type: 'Never'"],
      ["    type: 'Always'"],
    ],
    [
      'a flow mapping',
      '  restartPolicy: { type: OnFailure, onFailureRetries: 3, onFailureRetryInterval: 10 }\n',
      ['  restartPolicy: { type: OnFailure, onFailureRetries: 3, onFailureRetryInterval: 10 }'],
      ['  restartPolicy: { type: Always, onFailureRetryInterval: 10 }'],
    ],
    [
      'lines',
      '  restartPolicy:\n    onFailureRetries: 3 # three\n    # how long to wait\n    onFailureRetryInterval: 10\n    type: OnFailure\n',
      ['    onFailureRetries: 3 # three', '    type: OnFailure'],
      ['    type: Always'],
    ],
    [
      'counts under Always',
      '  restartPolicy:\n    type: Always\n    onSubmissionFailureRetries: 5\n',
      ['    onSubmissionFailureRetries: 5'],
      [],
    ],
    ['nothing', '', [], ['  restartPolicy:', '    type: Always']],
  ])('mends %s and leaves every other byte', (_, spec, removed, added) => {
    const result = fixed(RULE, STREAM(spec));
    expect(result).toMatchObject({ code: 0, removed, added });
    expect(result.stdout).toContain('--- a/');
    expect(result.stderr).toContain('note: 1 file mended');
  });

  it('keeps the ends of lines of other systems', () => {
    const text = STREAM('  restartPolicy:\n    type: OnFailure\n').replaceAll('\n', '\r\n');
    expect(fixed(RULE, text).after).toBe(text.replace('OnFailure', 'Always'));
  });

  it('leaves a Job and a bare pod: what they should be is for their authors to say', () => {
    const text = `apiVersion: batch/v1
kind: Job
metadata: { name: orders, namespace: default }
spec:
  template:
    spec:
      restartPolicy: Never
      volumes: [{ name: code, configMap: { name: code } }]
      containers:
        - name: a
          image: apache/spark:3.5.7-java17-python3
          command: [/opt/spark/bin/spark-submit, /code/job.py]
          volumeMounts: [{ name: code, mountPath: /code }]
---
${STREAM(ALWAYS).split('---\n')[1]}`;
    const result = fixed(RULE, text);
    expect(result).toMatchObject({ code: 1, after: text });
    expect(result.stderr).toContain('nothing that was found has one right answer that --fix knows');
  });
});

describe('ivy-cache-unwritable', () => {
  const RULE = 'ivy-cache-unwritable';
  const PACKAGES = `${ALWAYS}  deps:\n    packages:\n      - org.apache.spark:spark-sql-kafka-0-10_2.12:3.5.7\n`;

  it.each<[string, string, string[], string[]]>([
    ['no sparkConf', PACKAGES, [], ['  sparkConf:', '    spark.jars.ivy: /tmp/.ivy2']],
    [
      'a sparkConf',
      `${PACKAGES}  sparkConf:\n    # adaptive\n    spark.sql.adaptive.enabled: "true"\n\n    # the end\n`,
      [],
      ['    spark.jars.ivy: /tmp/.ivy2'],
    ],
    [
      'another folder',
      `${PACKAGES}  sparkConf:\n    spark.jars.ivy: "/home/spark/.ivy2"\n`,
      ['    spark.jars.ivy: "/home/spark/.ivy2"'],
      ['    spark.jars.ivy: "/tmp/.ivy2"'],
    ],
  ])('mends an application with %s', (_, spec, removed, added) => {
    expect(fixed(RULE, STREAM(spec))).toMatchObject({ code: 0, removed, added });
  });

  it('mends JSON, which stays JSON, and an item of a List', () => {
    const [application, code] = parseAllDocuments(
      STREAM(`${PACKAGES}  sparkConf: { spark.ui.enabled: "false" }\n`),
    ).map(document => document.toJS());
    const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [code, application] }, null, 1);
    const { code: exit, after } = fixed(RULE, list, 'a.json');
    expect(exit).toBe(0);
    expect(JSON.parse(after).items[1].spec.sparkConf).toEqual({
      'spark.ui.enabled': 'false',
      'spark.jars.ivy': '/tmp/.ivy2',
    });
  });

  it('leaves an application whose /tmp cannot be written either', () => {
    const text = STREAM(`${PACKAGES}  sparkConf:\n    spark.jars.ivy: /home/spark/.ivy2\n`).replace(
      'mountPath: /code }]',
      'mountPath: /code }, { name: code, mountPath: /tmp }]',
    );
    const result = fixed(RULE, text);
    expect(result).toMatchObject({ code: 1, after: text });
    expect(result.stderr).toContain(
      '[SparkApplication/default/orders] ivy-cache-unwritable is not mended by --fix: the change would leave the finding, or bring another one',
    );
  });
});

describe('version-conflict', () => {
  const PACKAGES = (...packages: string[]) =>
    `${ALWAYS}  deps:\n    packages:\n${packages.map(item => `      - ${item}\n`).join('')}`;

  it.each([
    ['Scala', 'org.apache.spark:spark-avro_2.13:3.5.7', 'org.apache.spark:spark-avro_2.12:3.5.7'],
    ['Spark', 'org.apache.spark:spark-avro_2.12:3.4.1', 'org.apache.spark:spark-avro_2.12:3.5.7'],
    ['Hadoop', 'org.apache.hadoop:hadoop-aws:3.4.0', 'org.apache.hadoop:hadoop-aws:3.3.4'],
  ])('takes the %s of the job', (_, wrong, right) => {
    expect(fixed('version-conflict', STREAM(PACKAGES(wrong)))).toMatchObject({
      code: 0,
      removed: [`      - ${wrong}`],
      added: [`      - ${right}`],
    });
  });

  it('mends each of a list in one setting', () => {
    const conf = (scala: string) =>
      `${ALWAYS}  sparkConf:\n    spark.jars.ivy: /tmp/.ivy2\n    spark.jars.packages: org.apache.spark:spark-avro_${scala}:3.5.7,org.apache.spark:spark-sql-kafka-0-10_${scala}:3.5.7\n`;
    expect(fixed('version-conflict', STREAM(conf('2.13'))).after).toBe(STREAM(conf('2.12')));
  });
});

describe('topic-without-operator', () => {
  const KAFKA = (name: string) => `apiVersion: kafka.strimzi.io/v1
kind: Kafka
metadata: { name: ${name}, namespace: kafka }
spec:
  kafka: { version: 4.2.0 }
  entityOperator: { topicOperator: {} }
`;
  const TOPIC = (labels = '') => `apiVersion: kafka.strimzi.io/v1
kind: KafkaTopic
metadata:
  name: orders
  namespace: kafka
${labels}spec: { partitions: 3, replicas: 3 }
`;

  it('labels a topic with the only Kafka of its namespace', () => {
    expect(fixed('topic-without-operator', `${KAFKA('main')}---\n${TOPIC()}`)).toMatchObject({
      code: 0,
      removed: [],
      added: ['  labels:', '    strimzi.io/cluster: main'],
    });
    const labelled = TOPIC('  labels:\n    team: a # theirs\n');
    expect(fixed('topic-without-operator', `${KAFKA('main')}---\n${labelled}`).added).toEqual([
      '    strimzi.io/cluster: main',
    ]);
  });

  it('leaves it where two could be meant', () => {
    const text = `${KAFKA('main')}---\n${KAFKA('other')}---\n${TOPIC()}`;
    expect(fixed('topic-without-operator', text)).toMatchObject({ code: 1, after: text });
  });
});

describe('numbers in a ConfigMap', () => {
  const CONFIG_MAP = (port: string) =>
    `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a, namespace: n }\ndata:\n  port: ${port} # of the server\n  on: "true"\n`;

  it('become texts', () => {
    project.put('a.yaml', CONFIG_MAP('8080'));
    expect(project.check(['--strict']).code).toBe(1);
    expect(project.check(['--strict', '--fix']).code).toBe(0);
    expect(project.read('a.yaml')).toBe(CONFIG_MAP('"8080"'));
  });

  it('stay where they would become another text: 0x1F90 is read as 8080', () => {
    project.put('a.yaml', CONFIG_MAP('0x1F90'));
    project.check(['--fix']);
    expect(project.read('a.yaml')).toBe(CONFIG_MAP('0x1F90'));
  });
});

describe('what is not mended', () => {
  const WRONG = '  restartPolicy:\n    type: OnFailure\n';
  const RULE = 'restart-policy-lets-stream-die';

  it.each([
    [
      'a template',
      `# {{ .Values.name }}\n${STREAM(WRONG)}`,
      'holds {{ }}, so it is a template for some program',
    ],
    [
      'what an anchor shares',
      STREAM('  restartPolicy: &policy\n    type: OnFailure\n'),
      'stands behind an anchor',
    ],
    [
      'what an alias takes',
      STREAM(`  sparkConfMap: &p { type: OnFailure }\n  restartPolicy: *p\n`),
      'stands behind an anchor',
    ],
  ])('%s, with a sentence', (_, text, sentence) => {
    const result = fixed(RULE, text);
    expect(result).toMatchObject({ code: 1, after: text });
    expect(result.stderr).toContain(sentence);
  });

  it('is left alone while its neighbour is mended', () => {
    project.put(
      'b.yaml',
      `# {{ x }}\n${STREAM(WRONG).replaceAll('orders', 'others').replaceAll('code', 'kode')}`,
    );
    const result = fixed(RULE, STREAM(WRONG));
    expect(result.after).toBe(STREAM(WRONG.replace('OnFailure', 'Always')));
    expect(result.stderr).toContain(
      '[SparkApplication/default/others] restart-policy-lets-stream-die is not mended by --fix: ',
    );
  });

  it('is everything with --diff, which shows it', () => {
    project.put('a.yaml', STREAM(WRONG));
    const { code, stdout, stderr } = project.check([...ONLY(RULE), '--diff']);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^--- a\/a\.yaml\n\+\+\+ b\/a\.yaml\n@@ -\d+,7 \+\d+,7 @@\n/);
    expect(stdout).toContain('\n-    type: OnFailure\n+    type: Always\n');
    expect(stderr).toContain('--fix would mend 1 file');
    expect(project.read('a.yaml')).toBe(STREAM(WRONG));
  });

  it('is nothing at all where --fix and --diff are both asked for', () => {
    expect(project.check(['--fix', '--diff'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--fix writes and --diff only shows'),
    });
  });
});

test('docs/check.md lists the rules that are mended', () => {
  const page = readFileSync(join(HOME, 'docs', 'check.md'), 'utf8');
  const section = page.slice(page.indexOf('## Mending'), page.indexOf('## In a pipeline'));
  const listed = [...section.matchAll(/^\| \[([\w-]+)\]/gm)].map(([, rule]) => rule);
  expect(listed).toEqual(Object.keys(FIXERS));
});

test('a second run finds nothing to mend', () => {
  project.put('a.yaml', STREAM('  restartPolicy:\n    type: OnFailure\n'));
  project.check(['--fix']);
  const once = project.read('a.yaml');
  expect(project.check(['--fix']).stderr).toContain('nothing that was found has one right answer');
  expect(project.read('a.yaml')).toBe(once);
});

test('a diff is what patch takes', () => {
  const text = Array.from({ length: 40 }, (_, index) => `line ${index}\n`).join('');
  const at = (line: string) => text.indexOf(`${line}\n`);
  const splices = [
    { start: at('line 1'), end: at('line 2'), text: '' },
    { start: at('line 5') + 5, end: at('line 5') + 6, text: 'five' },
    { start: at('line 6'), end: at('line 6'), text: 'new\nnewer\n' },
    { start: at('line 30') + 5, end: at('line 30') + 7, text: 'thirty' },
    { start: text.length, end: text.length, text: 'end' },
  ];
  project.put('a.txt', text);
  const diff = unifiedDiff('a.txt', text, splices);
  const { status, stderr } = spawnSync('git', ['apply', '-'], {
    cwd: project.folder,
    input: diff,
    encoding: 'utf8',
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(project.read('a.txt')).toBe(spliced(text, splices));
});
