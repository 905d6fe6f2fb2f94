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
  symlinkSync(join(ROOT, 'lib'), join(project, 'lib'));
  symlinkSync(join(ROOT, 'node_modules'), join(project, 'node_modules'));
});
// The type checker of an interrupted synthesis may still be writing what it learned.
afterEach(() => rmSync(project, { recursive: true, maxRetries: 20, retryDelay: 100 }));

const COMMAND = ['--require', 'tsx/cjs', 'lib/commands/cdk8s-lakehouse.ts', 'synth'];

function synth(name: string, program = MAIN(name)) {
  writeFileSync(join(project, 'main.ts'), program);
  return spawnSync(process.execPath, COMMAND, {
    cwd: project,
    encoding: 'utf8',
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
