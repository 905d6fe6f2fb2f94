import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Log } from 'sarif';
import { parse } from 'yaml';
import { DEPLOYMENT, HOME, Project } from './run-check';

const read = (file: string) => parse(readFileSync(join(HOME, file), 'utf8'));

let project: Project;
beforeEach(() => {
  project = new Project();
});
afterEach(() => project.remove());

/** Runs a line of a shell in the project, as a runner does: it stops at the first command that fails. */
function shell(script: string, env: Readonly<Record<string, string>>) {
  const { status, stdout, stderr } = spawnSync(
    'bash',
    ['--noprofile', '--norc', '-eo', 'pipefail', '-c', script],
    {
      cwd: project.folder,
      env: { ...process.env, GITHUB_ACTION_PATH: HOME, ...env },
      encoding: 'utf8',
    },
  );
  return { status, stdout, stderr };
}

describe('the action', () => {
  interface Step {
    readonly name: string;
    readonly shell: string;
    readonly run: string;
    readonly env?: Readonly<Record<string, string>>;
  }
  const action = read('action.yml');
  const [install, check]: readonly Step[] = action.runs.steps;

  /** The step's variables, with what somebody gives as inputs. */
  const inputs = (given: Readonly<Record<string, string>> = {}) =>
    Object.fromEntries(
      Object.entries(check?.env ?? {}).map(([name, value]) => {
        const input = /^\$\{\{ inputs\.(\w+) \}\}$/.exec(value)?.[1] ?? '';
        return [name, given[input] ?? action.inputs[input].default];
      }),
    );
  const run = (given?: Readonly<Record<string, string>>) => shell(check?.run ?? '', inputs(given));

  it('is composite, and every step names its shell', () => {
    expect(action.runs.using).toBe('composite');
    expect(action.runs.steps).toHaveLength(2);
    for (const step of action.runs.steps) expect(step).toMatchObject({ shell: 'bash' });
  });

  it('installs what the lock file of this repository names', () => {
    expect(shell(`${install?.run} --dry-run --offline`, {})).toMatchObject({ status: 0 });
  });

  it('annotates what is wrong in the folder of the workflow, and fails', () => {
    project.put('k8s/web.yaml', DEPLOYMENT('nginx'));
    const { status, stdout } = run();
    expect(status).toBe(1);
    expect(stdout).toMatch(
      /^::error file=k8s\/web\.yaml,line=13,col=11,title=mutable-image-tag::Deployment\/n\/web: /,
    );
  });

  it('passes what is right', () => {
    project.put('k8s/web.yaml', DEPLOYMENT('nginx:1.29.3'));
    expect(run()).toMatchObject({ status: 0, stdout: expect.stringContaining('\nclean\n') });
  });

  it('takes several paths, names with spaces among them, and more options', () => {
    project.put('good/web.yaml', DEPLOYMENT('nginx:1.29.3'));
    project.put('bad one/web.yaml', DEPLOYMENT('nginx', 'api'));
    expect(run({ paths: 'good\n' })).toMatchObject({ status: 0 });
    expect(run({ paths: 'good\nbad one\n' })).toMatchObject({ status: 1 });
    expect(run({ paths: 'good\nbad one\n', args: '--rule illegal-name --strict' })).toMatchObject({
      status: 0,
    });
    expect(run({ paths: 'nowhere' })).toMatchObject({ status: 2 });
  });

  it('writes the findings for code scanning beside its annotations', () => {
    project.put('web.yaml', DEPLOYMENT('nginx'));
    expect(run({ sarif: 'check.sarif' })).toMatchObject({
      status: 1,
      stdout: expect.stringContaining('::error'),
    });
    const log: Log = JSON.parse(project.read('check.sarif'));
    expect(log.runs[0]?.results?.map(({ ruleId }) => ruleId)).toEqual(['mutable-image-tag']);
  });
});

describe('the hook', () => {
  const [hook] = read('.pre-commit-hooks.yaml');
  const { bin } = read('package.json');

  /** The entry's command from the sources of the program that the package installs under its name. */
  const run = () => {
    const [name, ...words] = String(hook.entry).split(' ');
    const source = join(
      HOME,
      String(bin[name ?? ''])
        .replace(/^build\//, '')
        .replace(/\.js$/, '.ts'),
    );
    expect(existsSync(source)).toBe(true);
    const program = [process.execPath, '--require', require.resolve('tsx/cjs'), source];
    const quoted = [...program, ...words, ...hook.args].map(word => `'${word}'`).join(' ');
    return shell(quoted, {});
  };

  it('is installed by npm, as the program of this package', () => {
    expect(hook).toMatchObject({ id: 'lakehouse-check', language: 'node', pass_filenames: false });
    expect(bin).toHaveProperty(String(hook.entry).split(' ')[0] ?? '');
  });

  it.each([
    ['k8s/web.yaml', true],
    ['tables.sql', true],
    ['job.py', true],
    ['readme.md', false],
  ])('runs for a change of %s: %s', (file, isRun) => {
    expect(new RegExp(hook.files).test(file)).toBe(isRun);
  });

  it('refuses a folder in which something is wrong, and passes one in which nothing is', () => {
    project.put('web.yaml', DEPLOYMENT('nginx'));
    expect(run()).toMatchObject({ status: 1, stdout: expect.stringContaining('mutable-image-tag') });
    project.put('web.yaml', DEPLOYMENT('nginx:1.29.3'));
    expect(run()).toMatchObject({ status: 0, stdout: expect.stringContaining('✔ clean') });
  });
});
