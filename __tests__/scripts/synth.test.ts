import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const ROOT = resolve(__dirname, '../..');
const MAIN = (name: string) => `
import { ApiObject, Chart } from 'cdk8s';
import { synthesize } from './lib/lakehouse/synthesize';
synthesize(app => {
  const chart = new Chart(app, 'chart');
  new ApiObject(chart, 'one', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: '${name}' } });
  const name: string = '${name}';
  if (name === 'refused') for (const what of ['first', 'second']) chart.node.addValidation({ validate: () => [what] });
  if (name === 'thrown') throw new Error('topic nope is not known');
});
`;

let project: string;

beforeEach(() => {
  project = mkdtempSync(join(tmpdir(), 'project-'));
  for (const own of ['scripts', 'tsconfig.json'])
    cpSync(join(ROOT, own), join(project, own), { recursive: true });
  symlinkSync(join(ROOT, 'lib'), join(project, 'lib'));
  symlinkSync(join(ROOT, 'node_modules'), join(project, 'node_modules'));
});
// The type checker of an interrupted synthesis may still be writing what it learned.
afterEach(() => rmSync(project, { recursive: true, maxRetries: 20, retryDelay: 100 }));

function synth(name: string) {
  writeFileSync(join(project, 'main.ts'), MAIN(name));
  return spawnSync(process.execPath, ['--require', 'tsx/cjs', 'scripts/synth.ts'], {
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
  ['thrown', ['[main.ts:9] topic nope is not known']],
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
    const interrupted = spawn(process.execPath, ['--import', 'tsx', 'scripts/synth.ts'], { cwd: project });
    await once(interrupted.stderr, 'data');

    interrupted.kill(signal);

    expect(await once(interrupted, 'exit')).toEqual([code, null]);
    expect(dist()).toEqual(before);
    expect(readdirSync(project).filter(entry => entry.startsWith('.dist'))).toEqual([]);
  },
  60_000,
);
