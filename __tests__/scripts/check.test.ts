import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  cpSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(__dirname, '..', '..');
let project: string;

beforeEach(() => {
  project = mkdtempSync(join(tmpdir(), 'check-'));
  for (const part of ['lib', 'scripts', 'package.json']) {
    cpSync(join(root, part), join(project, part), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(project, 'node_modules'));
});

afterEach(() => rmSync(project, { recursive: true, force: true }));

function run(...args: string[]) {
  return spawnSync(process.execPath, [join(project, 'scripts/check.js'), ...args], {
    cwd: project,
    input: '',
    encoding: 'utf8',
  });
}

test('the bundle of the last run is used again as long as its source stays as it is', () => {
  run('--list-rules');
  const cache = join(project, '.cache/check.js');
  writeFileSync(cache, readFileSync(cache, 'utf8').replace('whose pods can move', 'of the bundle kept'));

  expect(run('--list-rules').stdout).toContain('of the bundle kept');

  appendFileSync(join(project, 'lib/checker/check/human.ts'), '\nexport const CHANGED = true;\n');

  expect(run('--list-rules').stdout).not.toContain('of the bundle kept');
});

test('a changed source is checked with at once', () => {
  expect(run('-').stdout).toContain('no Kubernetes object was found');

  const file = join(project, 'lib/checker/check/check.ts');
  writeFileSync(
    file,
    readFileSync(file, 'utf8').replace('no Kubernetes object was found', 'nothing is here'),
  );

  expect(run('-').stdout).toContain('nothing is here');
});

test('a bundle that was cut off is made again', () => {
  run('-');
  const cache = join(project, '.cache/check.js');
  writeFileSync(cache, readFileSync(cache, 'utf8').slice(0, 100));

  expect(run('-')).toMatchObject({ status: 3, stdout: expect.stringContaining('nothing was checked') });
});

test('where no bundle can be kept the command runs all the same', () => {
  writeFileSync(join(project, '.cache'), '');

  expect(run('-')).toMatchObject({ status: 3, stdout: expect.stringContaining('nothing was checked') });
});
