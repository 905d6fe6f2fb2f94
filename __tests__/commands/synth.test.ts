import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const ROOT = resolve(__dirname, '../..');
const MAIN = (name: string) => `
import { ApiObject, App, Chart } from 'cdk8s';
export const app = new App();
const chart = new Chart(app, 'chart');
new ApiObject(chart, 'one', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: '${name}' } });
const name: string = '${name}';
if (name === 'refused') for (const what of ['first', 'second']) chart.node.addValidation({ validate: () => [what] });
if (name === 'thrown') throw new Error('topic nope is not known');
`;

let project: string;

beforeEach(() => {
  project = mkdtempSync(join(tmpdir(), 'project-'));
  cpSync(join(ROOT, 'tsconfig.json'), join(project, 'tsconfig.json'));
  for (const name of ['lib', 'imports']) symlinkSync(join(ROOT, name), join(project, name));
  symlinkSync(join(ROOT, 'node_modules'), join(project, 'node_modules'));
});
// The type checker of an interrupted synthesis may still be writing what it learned.
afterEach(() => rmSync(project, { recursive: true, maxRetries: 20, retryDelay: 100 }));

const COMMAND = ['--require', 'tsx/cjs', 'lib/commands/cdk8s-lakehouse.ts', 'synth'];

function synth(name: string, program = MAIN(name), env: NodeJS.ProcessEnv = {}) {
  writeFileSync(join(project, 'main.ts'), program);
  return spawnSync(process.execPath, COMMAND, {
    cwd: project,
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
}

function dist(): Record<string, string> {
  const folder = join(project, 'dist');
  return Object.fromEntries(
    readdirSync(folder).map(file => [file, readFileSync(join(folder, file), 'utf8')]),
  );
}

test('dist/ holds what the program makes now, and nothing of what it made before', () => {
  expect(synth('before').status).toBe(0);
  writeFileSync(join(project, 'dist/gone.k8s.yaml'), 'kind: ConfigMap');

  expect(synth('after').status).toBe(0);

  expect(Object.keys(dist())).toEqual(['00-cluster.k8s.yaml']);
  expect(dist()['00-cluster.k8s.yaml']).toContain('name: after');
  expect(readdirSync(project).filter(name => name.startsWith('.'))).toEqual(['.cache']);
}, 60_000);

test.each([
  ['refused', ['[chart] first', '[chart] second']],
  ['thrown', ['[main.ts:8] topic nope is not known']],
])(
  'a program that is %s leaves dist/ as it was and says everything without a stack trace',
  (name, sentences) => {
    synth('before');
    const before = dist();

    const { status, stderr } = synth(name);

    expect(status).toBe(1);
    for (const sentence of sentences) expect(stderr).toContain(sentence);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(dist()).toEqual(before);
    expect(readdirSync(project).filter(entry => entry.startsWith('.'))).toEqual(['.cache']);
  },
  60_000,
);

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)(
  '%s leaves dist/ as it was, and nothing beside it',
  async (signal, code) => {
    synth('before');
    const before = dist();
    writeFileSync(join(project, 'main.ts'), `process.stderr.write('described');${MAIN('after')}`);
    const interrupted = spawn(process.execPath, COMMAND, { cwd: project });
    await once(interrupted.stderr, 'data');

    interrupted.kill(signal);

    expect(await once(interrupted, 'exit')).toEqual([code, null]);
    expect(dist()).toEqual(before);
    expect(readdirSync(project).filter(entry => entry.startsWith('.dist'))).toEqual([]);
  },
  60_000,
);

test('it says on stderr what it wrote, and that nothing was checked where no chart asks for it', () => {
  expect(synth('one')).toMatchObject({
    status: 0,
    stdout: '',
    stderr: expect.stringMatching(
      /^dist\/: 1 file, 1 object\nnot checked: no chart has SynthChecks; .*\ndone in \d+\.\d s\n$/,
    ),
  });
}, 60_000);

test.each([
  [
    'describes no object',
    "import { App } from 'cdk8s';\nexport const app = new App();\n",
    "[app] it has no Kubernetes object, so there is nothing to write; add a chart, e.g. new LakehouseChart(app, 'lakehouse')\n",
  ],
  [
    'exports no app',
    "import { App } from 'cdk8s';\nconst app = new App();\nvoid app;\n",
    '[main.ts] exports no app; write export const app = new App()\n',
  ],
  [
    'exports something else',
    'export const app = 7;\n',
    '[main.ts] exports an app that is no App of cdk8s; write export const app = new App()\n',
  ],
])(
  'a program that %s is refused with one sentence',
  (_name, program, stderr) => {
    expect(synth('', program)).toMatchObject({ status: 1, stdout: '', stderr });
    expect(existsSync(join(project, 'dist'))).toBe(false);
  },
  60_000,
);

test('a folder without a program is told from one whose program is refused', () => {
  const { status, stderr } = spawnSync(process.execPath, COMMAND, { cwd: project, encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 2, stderr: expect.stringContaining(' has no main.ts; ') });
}, 60_000);

const AFTER = (statement: string) => `${MAIN('after')}${statement}\n`;

test.each([
  ["throw 'oops';", "[main.ts] throws 'oops', which does not say where; throw new Error() with a sentence\n"],
  ['throw null;', '[main.ts] throws null, which does not say where; throw new Error() with a sentence\n'],
  [
    'throw undefined;',
    '[main.ts] throws undefined, which does not say where; throw new Error() with a sentence\n',
  ],
  [
    'throw { get message() { throw 1; } };',
    '[main.ts] throws { message: [Getter] }, which does not say where; throw new Error() with a sentence\n',
  ],
  [
    'throw new Error();',
    '[main.ts:9] throws Error without a message; give it a sentence that says what is wrong\n',
  ],
  [
    'const f = (): number => f() + 1; f();',
    '[main.ts:9] a function calls itself without an end (Maximum call stack size exceeded); give it one\n',
  ],
  ["Promise.reject(new Error('late'));", '[main.ts:9] late\n'],
  [
    "Promise.reject('late');",
    "[main.ts] throws 'late', which does not say where; throw new Error() with a sentence\n",
  ],
  ["setTimeout(() => { throw new Error('later'); }, 10);", '[main.ts:9] later\n'],
  [
    'process.exit(0);',
    '[main.ts:9] ends the process with process.exit(), before anything is written; remove the call, and throw an Error to refuse something\n',
  ],
  [
    'process.exit(200);',
    '[main.ts:9] ends the process with process.exit(), before anything is written; remove the call, and throw an Error to refuse something\n',
  ],
  [
    'setTimeout(() => process.exit(0), 10);',
    '[main.ts:9] ends the process with process.exit(), before anything is written; remove the call, and throw an Error to refuse something\n',
  ],
  [
    'const = ;',
    '[main.ts:9] "const =": variable declaration expected (TS1134)\n1 type error, nothing was written\n',
  ],
])(
  'a program with the line %s is refused with one sentence, and nothing is left beside dist/',
  (statement, stderr) => {
    expect(synth('', AFTER(statement))).toMatchObject({ status: 1, stdout: '', stderr });
    expect(readdirSync(project).filter(entry => /dist/.test(entry))).toEqual([]);
  },
  60_000,
);

test.each([
  "Promise.reject(new Error('late')).catch(() => undefined);",
  'setTimeout(() => undefined, 10);',
  "try { throw 'oops'; } catch { void 0; }",
])(
  'a program with the line %s is written',
  statement => {
    expect(synth('', AFTER(statement))).toMatchObject({
      status: 0,
      stderr: expect.stringMatching(/^dist\/: 1 file, /),
    });
  },
  60_000,
);

test.each(['secrets', 'capacity'])(
  '%s ends with a sentence and exit code 1 when the program throws late',
  command => {
    writeFileSync(join(project, 'main.ts'), AFTER("Promise.reject(new Error('late'));"));
    const { status, stderr } = spawnSync(process.execPath, [...COMMAND.slice(0, -1), command], {
      cwd: project,
      encoding: 'utf8',
    });
    expect({ status, stderr }).toEqual({ status: 1, stderr: '[main.ts:9] late\n' });
  },
  60_000,
);

test.each([
  ["const { App } = require('cdk8s');\nconst = ;\n", "[main.js:2] Unexpected token '='\n"],
  ["\nrequire('./chart');\n", '[chart.ts:3] cannot be parsed: Expected identifier but found "="\n'],
])(
  'a program in JavaScript, whose types nobody checks, is refused with the line that cannot be parsed',
  (program, refusal) => {
    writeFileSync(join(project, 'main.js'), program);
    writeFileSync(join(project, 'chart.ts'), 'const one = 1;\n\nconst = ;\n');
    const { status, stderr } = spawnSync(process.execPath, COMMAND, { cwd: project, encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 1, stderr: refusal });
  },
  60_000,
);

test('a file in the place of the folder is refused and stays', () => {
  writeFileSync(join(project, 'dist'), 'mine');
  expect(synth('after')).toMatchObject({
    status: 2,
    stderr: 'dist is no folder, so no manifest can be written into it; move it away\n',
  });
  expect(readFileSync(join(project, 'dist'), 'utf8')).toBe('mine');
}, 60_000);

test('CDK8S_OUTDIR names a folder, or is refused', () => {
  expect(synth('after', MAIN('after'), { CDK8S_OUTDIR: '' })).toMatchObject({
    status: 2,
    stderr: 'CDK8S_OUTDIR is empty but must be a folder; unset it, or set it to e.g. dist\n',
  });
  expect(synth('after', MAIN('after'), { CDK8S_OUTDIR: 'out' })).toMatchObject({
    status: 0,
    stderr: expect.stringMatching(/^out\/: 1 file, 1 object\n/),
  });
  expect(readdirSync(join(project, 'out'))).toEqual(['00-cluster.k8s.yaml']);
}, 60_000);

describe('the notes on what was not understood', () => {
  const CODE = `
spark = SparkSession.builder.getOrCreate()
stream = spark.readStream.format("rate").load().writeStream.format("parquet")
stream.option("checkpointLocation", os.environ["PLACE"]).start("s3a://lake/events")
`;
  const program = (image: string) => `
import { ApiObject, App, Chart } from 'cdk8s';
import { SynthChecks } from './lib';
export const app = new App();
const chart = new Chart(app, 'chart');
new SynthChecks(chart, 'checks');
const few = { cpu: '100m', memory: '64Mi' };
const resources = { requests: few, limits: few };
const data = { 'job.py': 'import os\\nfrom pyspark.sql import SparkSession' + ${JSON.stringify(CODE)} };
const code = { name: 'code', namespace: 'n' };
new ApiObject(chart, 'code', { apiVersion: 'v1', kind: 'ConfigMap', metadata: code, data });
const env = [{ name: 'PLACE', valueFrom: { secretKeyRef: { name: 's', key: 'place', optional: true } } }];
const volumes = [{ name: 'code', configMap: { name: 'code' } }];
const volumeMounts = [{ name: 'code', mountPath: '/code' }];
const options = ['--packages', 'org.apache.hadoop:hadoop-aws:3.4.1', '--conf', 'spark.jars.ivy=/tmp/.ivy2'];
const command = ['spark-submit', ...options, '/code/job.py'];
const job = { name: 'job', image: 'apache/spark:4.0.0', resources, env, command, volumeMounts };
const web = { name: 'web', image: '${image}', resources };
const metadata = { name: 'job', namespace: 'n' };
const spec = { containers: [job, web], volumes };
new ApiObject(chart, 'pod', { apiVersion: 'v1', kind: 'Pod', metadata, spec });
`;
  const NOTE = /^note: \[ConfigMap\/n\/code\] job keeps a checkpoint that is not known to its end: /m;

  test('are printed when the rules refuse something else', () => {
    const { status, stderr } = synth('', program('nginx'));
    expect(stderr).toMatch(NOTE);
    expect(stderr).toMatch(/^\[Pod\/n\/job\] image "nginx" of container web has no tag/m);
    expect(status).toBe(1);
  }, 60_000);

  test('are printed when nothing is refused', () => {
    const { status, stderr } = synth('', program('nginx:1.27.1'));
    expect(stderr).toMatch(NOTE);
    expect(stderr).toMatch(/^dist\/: 1 file, 2 objects$/m);
    expect(status).toBe(0);
  }, 60_000);
});

test.each([
  ['nginx', 1],
  ['nginx:1.27.1', 0],
])(
  'a warning is printed whether the app is refused or not: with image %s',
  (image, status) => {
    const program = `
import { ApiObject, App, Chart } from 'cdk8s';
import { SynthChecks } from './lib';
export const app = new App();
const chart = new Chart(app, 'chart');
new SynthChecks(chart, 'checks');
const few = { cpu: '100m', memory: '64Mi' };
const env = [{ name: 'HOOK', value: 'https://hooks.slack.com/services/T01ABCDEF/B01ABCDEF/abcdefghijklmnopqrstuvwx' }];
const web = { name: 'web', image: '${image}', resources: { requests: few, limits: few }, env };
new ApiObject(chart, 'pod', { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web', namespace: 'n' }, spec: { containers: [web] } });
`;
    const ran = synth('', program);
    expect(ran).toMatchObject({ status, stderr: expect.stringMatching(/^warning: \[Pod\/n\/web\] /m) });
  },
  60_000,
);
