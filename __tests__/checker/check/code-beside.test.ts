import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { check } from '../../../lib/checker/check/check';
import { collect } from '../../../lib/checker/check/collect';
import { checkCommand } from '../../../lib/checker/check/command-line';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'code-beside-'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function put(path: string, text: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
}

function result(...paths: readonly string[]) {
  const named = paths.length === 0 ? [folder] : paths.map(path => join(folder, path));
  return check(collect(named, () => new Uint8Array()));
}

/** Rule, file and line of each violation. */
function found(...paths: readonly string[]): string[] {
  return result(...paths)
    .violations.map(({ rule, file, line }) => `${rule} ${relative(folder, file ?? '')}:${line}`)
    .sort();
}

function notes(...paths: readonly string[]): string[] {
  return result(...paths).notes.map(({ file, what }) => `${relative(folder, file ?? '')}: ${what}`);
}

function human(...paths: readonly string[]) {
  const named = paths.length === 0 ? [folder] : paths.map(path => join(folder, path));
  return checkCommand(named, {
    stdin: () => new Uint8Array(),
    color: false,
    home: folder,
    run: () => undefined,
  });
}

/** A stream with a checkpoint in a folder, as people write it. */
const STREAM = (
  checkpoint = 's3a://lake/checkpoints/clicks',
  bound = 'maxOffsetsPerTrigger',
) => `from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
clicks = (
    spark.readStream.format("kafka")
    .option("kafka.bootstrap.servers", "kafka:9092")
    .option("subscribe", "clicks")
    .option("${bound}", 50000)
    .load()
)
query = (
    clicks.selectExpr("CAST(value AS STRING) AS line")
    .writeStream.format("parquet")
    .option("checkpointLocation", "${checkpoint}")
    .start("s3a://lake/clicks/")
)
query.awaitTermination()
`;

interface Application {
  readonly name?: string;
  readonly main?: string;
  readonly image?: string;
  readonly volumes?: string;
  readonly mounts?: string;
}

const APPLICATION = ({
  name = 'clicks',
  main = 'local:///opt/code/job.py',
  image = 'registry.example.com/clicks:1.0',
  volumes = '',
  mounts = '',
}: Application = {}) => `apiVersion: sparkoperator.k8s.io/v1beta2
kind: SparkApplication
metadata: { name: ${name}, namespace: lake }
spec:
  type: Python
  mode: cluster
  image: ${image}
  sparkVersion: 3.5.7
  mainApplicationFile: ${main}
  restartPolicy: { type: Always, onFailureRetryInterval: 30, onSubmissionFailureRetryInterval: 30 }
  deps:
    packages: ["org.apache.spark:spark-sql-kafka-0-10_2.12:3.5.7", "org.apache.hadoop:hadoop-aws:3.3.4"]
  sparkConf: { spark.jars.ivy: /tmp/.ivy2 }
${volumes}  driver: { cores: 1, coreRequest: 400m, memory: 1g, serviceAccount: spark${mounts} }
  executor: { cores: 1, coreRequest: 400m, instances: 2, memory: 1g }
`;

const MOUNTED = {
  image: 'apache/spark:3.5.7-java17-python3',
  volumes: '  volumes: [{ name: code, configMap: { name: code } }]\n',
  mounts: ', volumeMounts: [{ name: code, mountPath: /opt/code }]',
};

describe('a program whose path a manifest gives', () => {
  it.each([
    ['in the same folder', 'a.yaml', 'job.py', 'local:///opt/code/job.py'],
    ['in another folder', 'k8s/a.yaml', 'src/jobs/job.py', 'local:///opt/code/job.py'],
    ['in a bucket', 'a.yaml', 'job.py', 's3a://lake/code/job.py'],
    ['without a scheme', 'a.yaml', 'job.py', '/opt/code/job.py'],
  ])('is the file of its name %s', (_, manifest, code, main) => {
    put(manifest, APPLICATION({ main }));
    put(code, STREAM('/tmp/checkpoint'));
    expect(found()).toEqual([`checkpoint-on-volume ${code}:14`]);
    put(code, STREAM());
    expect(found()).toEqual([]);
    expect(notes()).toEqual([]);
  });

  it('is looked at where a container submits it', () => {
    const deployment = `apiVersion: apps/v1
kind: Deployment
metadata: { name: clicks, namespace: lake }
spec:
  selector: { matchLabels: { app: clicks } }
  template:
    metadata: { labels: { app: clicks } }
    spec:
      containers:
        - name: spark
          image: registry.example.com/clicks:1.0
          command: [/opt/spark/bin/spark-submit, --master, "k8s://https://kubernetes.default", /app/job.py]
          resources: { requests: { cpu: 500m, memory: 1Gi }, limits: { cpu: 500m, memory: 1Gi } }
`;
    put('a.yaml', deployment);
    put('job.py', STREAM('s3a://lake/checkpoints/clicks', 'minOffsetsPerTrigger'));
    expect(found()).toContain('unbounded-backlog job.py:5');
    put('job.py', STREAM());
    expect(found()).not.toContain('unbounded-backlog job.py:5');
  });

  it('brings the modules around it, and those of other folders that only one file can be', () => {
    put('k8s/a.yaml', APPLICATION());
    put('src/job.py', 'from common.places import CHECKPOINT\nfrom streams import run\nrun(CHECKPOINT)\n');
    put('src/common/__init__.py', '');
    put('src/common/places.py', 'CHECKPOINT = "/tmp/checkpoint"\n');
    const [imports = '', body = ''] = STREAM().split('\n\n');
    const inside = body.replace('"s3a://lake/checkpoints/clicks"', 'checkpoint').replaceAll('\n', '\n    ');
    put('lib/streams.py', `${imports}\ndef run(checkpoint):\n    ${inside}\n`);
    expect(found()).toEqual(['checkpoint-on-volume src/common/places.py:1']);
    expect(notes()).toEqual([]);
  });

  it('is, of two of one name, the one that more of the path leads to, then the nearer one', () => {
    put('one/a.yaml', APPLICATION({ name: 'one' }));
    put('one/job.py', STREAM('/tmp/one'));
    put('two/a.yaml', APPLICATION({ name: 'two', main: 'local:///opt/two/job.py' }));
    put('two/job.py', STREAM());
    expect(found()).toEqual(['checkpoint-on-volume one/job.py:14']);
  });

  it('is not guessed where two files are as likely', () => {
    put('k8s/a.yaml', APPLICATION());
    put('one/job.py', STREAM('/tmp/one'));
    put('two/job.py', STREAM('/tmp/two'));
    expect(found()).toEqual([]);
    expect(notes()).toEqual(
      expect.arrayContaining([expect.stringContaining('k8s/a.yaml: the code of Spark job clicks')]),
    );
  });

  it('is read from the ConfigMap where one is mounted, whatever stands beside', () => {
    const code = STREAM('/tmp/mounted').replaceAll('\n', '\n    ');
    put(
      'a.yaml',
      `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: code, namespace: lake }\ndata:\n  job.py: |\n    ${code}\n---\n${APPLICATION(MOUNTED)}`,
    );
    put('job.py', STREAM());
    expect(found()).toEqual(['checkpoint-on-volume a.yaml:19']);
    expect(notes()).toEqual([]);
  });

  it('is checked in all that Python itself refuses', () => {
    put('a.yaml', APPLICATION());
    put('job.py', `${STREAM()}print("x"\n`);
    expect(found()).toEqual(['python-syntax-error job.py:19']);
    put('job.py', `${STREAM()}print(rowz)\n`);
    expect(found()).toEqual(['undefined-name job.py:18']);
  });
});

it('reads a mapping with a key named toString where a text belongs', () => {
  put('a.yaml', APPLICATION().replace('type: Python', 'type: { toString: null }'));
  put('job.py', STREAM());
  expect(found()).toEqual(['invalid-field a.yaml:5']);
});

describe('Python that no manifest runs', () => {
  it('is a note in a folder, and what a ConfigMap holds under its name is none', () => {
    put('a.yaml', APPLICATION());
    put('job.py', STREAM());
    put('tool.py', 'print(undefined)\n');
    expect(found()).toEqual([]);
    expect(notes()).toEqual([expect.stringMatching(/^tool\.py: tool\.py is not looked at/)]);
    put(
      'b.yaml',
      'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: t, namespace: lake }\ndata: { tool.py: "" }\n',
    );
    expect(notes()).toEqual([]);
  });

  it('is analysed by itself where it is named, and never called clean', () => {
    put('job.py', STREAM('/tmp/checkpoint', 'minOffsetsPerTrigger'));
    expect(found('job.py')).toEqual(['checkpoint-on-volume job.py:14', 'unbounded-backlog job.py:5']);
    expect(human('job.py').code).toBe(1);
    put('job.py', STREAM());
    expect(found('job.py')).toEqual([]);
    expect(notes('job.py')).toEqual([
      expect.stringMatching(/^job\.py: no manifest among the files runs job\.py/),
    ]);
    expect(human('job.py')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining(
        'no faults in what was looked at, 1 note on what was not understood; not looked at: 1 Python program understood partly',
      ),
    });
    expect(human('job.py').stdout).not.toContain('clean');
  });

  it('is named also behind a folder that holds it', () => {
    put('src/job.py', STREAM('/tmp/checkpoint'));
    expect(found('src', 'src/job.py')).toEqual(['checkpoint-on-volume src/job.py:14']);
  });

  it('is what the manifest says where both are named', () => {
    put('a.yaml', APPLICATION());
    put('job.py', STREAM('/tmp/checkpoint'));
    expect(found('a.yaml', 'job.py')).toEqual(['checkpoint-on-volume job.py:14']);
    expect(notes('a.yaml', 'job.py')).toEqual([]);
  });

  it('is nothing that was checked where it stands alone in a folder', () => {
    put('src/job.py', STREAM());
    expect(human()).toMatchObject({ code: 3, stdout: expect.stringContaining('nothing was checked') });
  });
});

describe('a ConfigMap generator', () => {
  const KUSTOMIZATION = (generator: string) =>
    `apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nnamespace: lake\nresources: [a.yaml]\nconfigMapGenerator:\n  - name: code\n    ${generator}\n`;

  it.each([
    ['a file', 'files: [job.py]', 'job.py'],
    ['a file of another folder', 'files: [src/job.py]', 'src/job.py'],
    ['a file under another name', 'files: ["job.py=src/main.py"]', 'src/main.py'],
  ])('of %s holds the code of the job', (_, generator, file) => {
    put('k/kustomization.yaml', KUSTOMIZATION(generator));
    put('k/a.yaml', APPLICATION(MOUNTED));
    put(`k/${file}`, STREAM('/tmp/checkpoint'));
    expect(found()).toEqual([`checkpoint-on-volume k/${file}:14`]);
    put(`k/${file}`, STREAM());
    expect(found()).toEqual([]);
    expect(notes()).toEqual([]);
  });

  it('of a kustomization without apiVersion and kind is one as well', () => {
    put('Kustomization', 'resources: [a.yaml]\nconfigMapGenerator:\n- name: code\n  files: [job.py]\n');
    put('a.yaml', APPLICATION(MOUNTED));
    put('job.py', STREAM('/tmp/checkpoint'));
    expect(found()).toEqual(['checkpoint-on-volume job.py:14']);
  });

  it('of literals and environment files gives variables', () => {
    const job = STREAM().replace('"s3a://lake/checkpoints/clicks"', 'os.environ["PLACE"]');
    const files = `files: [job.py]\n  - name: settings\n    literals: ['PLACE="/tmp/checkpoint"']\n    envs: [more.env]`;
    put('kustomization.yaml', KUSTOMIZATION(files));
    put('more.env', '# a comment\nOTHER=1\n');
    put('job.py', `import os\n${job}`);
    put(
      'a.yaml',
      APPLICATION({
        ...MOUNTED,
        mounts: `${MOUNTED.mounts}, envFrom: [{ configMapRef: { name: settings } }]`,
      }),
    );
    expect(found()).toEqual(['checkpoint-on-volume kustomization.yaml:8']);
    put('kustomization.yaml', KUSTOMIZATION(files.replace('/tmp/checkpoint', 's3a://lake/checkpoint')));
    expect(found()).toEqual([]);
    expect(notes()).toEqual([]);
  });

  it('of settings in a file of any name is read', () => {
    put('kustomization.yaml', KUSTOMIZATION('files: [job.py, spark-defaults.conf]'));
    put('spark-defaults.conf', 'spark.task.maxAttempts 4\n');
    put('job.py', STREAM());
    const volumes = `${MOUNTED.volumes}  sparkConfigMap: code\n`;
    put('a.yaml', APPLICATION({ ...MOUNTED, volumes }));
    expect(found()).toEqual(['unknown-spark-conf spark-defaults.conf:1']);
    put('spark-defaults.conf', 'spark.task.maxFailures 4\n');
    expect(found()).toEqual([]);
  });

  it('gives each of two kustomizations its own', () => {
    for (const [name, checkpoint] of [
      ['one', '/tmp/one'],
      ['two', 's3a://lake/two'],
    ] as const) {
      put(`${name}/kustomization.yaml`, KUSTOMIZATION('files: [job.py]'));
      put(`${name}/a.yaml`, APPLICATION({ ...MOUNTED, name }));
      put(`${name}/job.py`, STREAM(checkpoint));
    }
    expect(found()).toEqual(['checkpoint-on-volume one/job.py:14']);
  });

  it('of a file that is not there says so, and its key is no missing one', () => {
    put('kustomization.yaml', KUSTOMIZATION('files: [job.py]'));
    put('a.yaml', APPLICATION(MOUNTED));
    expect(found()).toEqual([]);
    expect(notes()).toEqual(
      expect.arrayContaining([expect.stringContaining('job.py, which is not among the files')]),
    );
  });
});

it('a folder of Helm charts alone is not clean, and the notes say what to check instead', () => {
  put('chart/Chart.yaml', 'apiVersion: v2\nname: chart\n');
  put('chart/values.yaml', 'replicas: 3\n');
  put('chart/templates/a.yaml', 'kind: {{ .Values.kind }}\n');
  const { code, stdout } = human();
  expect(code).toBe(3);
  expect(stdout).toContain('✖ nothing was checked');
  expect(stdout).toContain(
    `fix render it with --render helm, or check what it renders: helm template ${folder}/chart | cdk8s-lakehouse check -`,
  );
  put('plain.yaml', APPLICATION());
  expect(human().code).toBe(0);
});
