import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { commandLine } from '../lib/commands/command-line';

const USAGE = `usage: npm run inner
What a changed file needs before the next step: the types of everything, lint and format of what differs from the last
commit, and the tests next to it: those that changed, those that import a changed file, and those that mirror its path.
The tests of what depends on it from further away are npm run test:unit.`;

const root = resolve(__dirname, '..');

/** TypeScript, JavaScript and JSON files that differ from the last commit, new ones included. */
function changedFiles(): string[] {
  const git = (...args: string[]) =>
    execFileSync('git', args, { cwd: root, encoding: 'utf8' }).split('\n').filter(Boolean);
  const names = [
    ...git('diff', '--name-only', '--relative', 'HEAD'),
    ...git('ls-files', '--others', '--exclude-standard'),
  ];
  return names.filter(name => /\.(ts|js|json)$/.test(name) && existsSync(join(root, name)));
}

/** The unit tests next to the changed files. */
function testsOf(changed: readonly string[]): string[] {
  const tests = readdirSync(join(root, '__tests__'), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.test.ts'))
    .map(name => join('__tests__', name));
  const imports = new Map(tests.map(test => [test, importsOf(test)]));
  return [...new Set(changed.flatMap(file => testsNextTo(file, tests, imports)))].sort();
}

function testsNextTo(
  file: string,
  tests: readonly string[],
  imports: ReadonlyMap<string, readonly string[]>,
): string[] {
  if (tests.includes(file)) return [file];
  const mirror = join('__tests__', file.replace(/^lib\//, '')).replace(/\.ts$/, '.test.ts');
  const own = tests.filter(test => test === mirror || imports.get(test)?.includes(file.replace(/\.ts$/, '')));
  const isOfLib = file.startsWith('lib/');
  return own.length > 0 || !isOfLib ? own : tests.filter(test => dirname(test) === dirname(mirror));
}

/** The files, from the root and without their extension, that a test imports. */
function importsOf(test: string): string[] {
  return [...readFileSync(join(root, test), 'utf8').matchAll(/from '(\.[^']+)'/g)].map(([, path = '']) =>
    relative(root, resolve(root, dirname(test), path)),
  );
}

/** Runs one tool, prints what it says when it is done, and tells whether it was content. */
function succeeds(name: string, args: readonly string[]): Promise<boolean> {
  const started = performance.now();
  const child = spawn(join(root, 'node_modules', '.bin', name), args, { cwd: root });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => (said += chunk));
  return new Promise((done, fail) => {
    child.on('error', fail);
    child.on('close', code => {
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      console.log(`${code === 0 ? '✔' : '✖'} ${name} (${seconds} s)`);
      if (code !== 0) console.log(said.trimEnd());
      done(code === 0);
    });
  });
}

void commandLine(USAGE, {}, async () => {
  const changed = changedFiles();
  if (changed.length === 0) {
    console.log('nothing differs from the last commit');
    return;
  }
  const tests = testsOf(changed);
  const results = await Promise.all([
    succeeds('tsc', ['--noEmit', '--incremental', '--tsBuildInfoFile', '.cache/types.tsbuildinfo']),
    succeeds('biome', ['check', '--no-errors-on-unmatched', ...changed]),
    ...(tests.length === 0 ? [] : [succeeds('jest', [`--maxWorkers=${cpus().length}`, ...tests])]),
  ]);
  console.log(`${changed.length} changed, tests: ${tests.join(', ') || 'none are next to it'}`);
  if (results.includes(false)) process.exitCode = 1;
});
