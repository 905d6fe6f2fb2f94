import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const root = path.join(__dirname, '../..');
const main = (labels: string) => `
import { ApiObject, App, Chart } from 'cdk8s';
export const app = new App();
const chart = new Chart(app, 'chart', ${labels});
new ApiObject(chart, 'one', { apiVersion: 'v1', kind: 'ConfigMap' });
`;
const REFUSAL =
  /^\[main\.ts:4\] .*'label' does not exist in type 'ChartProps'; did you mean to write 'labels'\?/m;

let project: string;

beforeAll(() => {
  project = mkdtempSync(path.join(tmpdir(), 'project-'));
  for (const shared of ['lib', 'node_modules']) {
    symlinkSync(path.join(root, shared), path.join(project, shared));
  }
  for (const own of ['package.json', 'tsconfig.json', 'cdk8s.yaml']) {
    cpSync(path.join(root, own), path.join(project, own), { recursive: true });
  }
});
afterAll(() => rmSync(project, { recursive: true }));

/** Runs a command of package.json in a project whose main.ts gives its chart these props. */
function run(command: string, props: string) {
  writeFileSync(path.join(project, 'main.ts'), main(props));
  return spawnSync('npm', ['run', '--silent', ...command.split(' ')], { cwd: project, encoding: 'utf8' });
}

test('npm run cdk8s -- synth refuses a type error and writes nothing', () => {
  const { status, stderr } = run('cdk8s -- synth', "{ label: { app: 'a' } }");

  expect(stderr).toMatch(REFUSAL);
  expect(status).toBe(1);
  expect(existsSync(path.join(project, 'dist'))).toBe(false);
}, 240_000);

test('npm run secrets refuses a type error and prints no Secret', () => {
  const { status, stdout, stderr } = run('secrets', "{ label: { app: 'a' } }");

  expect(stderr).toMatch(REFUSAL);
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
}, 240_000);

test.each([
  ['cdk8s -- synth', /^\S+: 1 file, 1 object\n/],
  ['secrets', /^$/],
])(
  'npm run %s takes the prop in its right spelling',
  (command, stderr) => {
    expect(run(command, "{ labels: { app: 'a' } }")).toMatchObject({
      status: 0,
      stderr: expect.stringMatching(stderr),
    });
  },
  240_000,
);
