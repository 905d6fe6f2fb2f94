import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

const COMMANDS = 'lib/commands/cdk8s-lakehouse.ts';

/** A chore of scripts/, or the commands of the package. */
function run(script: string, ...options: string[]) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--import', 'tsx', script === COMMANDS ? COMMANDS : `scripts/${script}.ts`, ...options],
    { cwd: resolve(__dirname, '../..'), encoding: 'utf8' },
  );
  return { status, stdout, stderr };
}

test.each([
  [COMMANDS, ['secrets', '--dry-run'], "Unknown option '--dry-run'\n"],
  [
    'generate-contract',
    ['stray'],
    "Unexpected argument 'stray'. This command does not take positional arguments\n",
  ],
  [
    COMMANDS,
    ['capacity', '--html', 'no/such/folder/page.html'],
    '--html is "no/such/folder/page.html" but must be a file in a folder that can be written\n',
  ],
  [
    COMMANDS,
    ['capacity', '--frequency', '99'],
    '--frequency is "99" but must be a whole number from 100 to 100000\n',
  ],
  [
    COMMANDS,
    ['capacity', '--what-if', '--html', 'page.html'],
    '--what-if and --html are both given; the page does not show it, choose --json or the text\n',
  ],
  [COMMANDS, ['capacity', '--html', 'page.html', '--json'], '--json and --html are both given; choose one\n'],
  [
    COMMANDS,
    ['capacity', '--instance-type', 'm6i.huge'],
    expect.stringMatching(/^--instance-type: .*m6i\.huge.*\n$/),
  ],
  [COMMANDS, ['chek', 'dist'], 'cdk8s-lakehouse: "chek" is no command; did you mean check?\n'],
  [
    COMMANDS,
    ['deploy'],
    'cdk8s-lakehouse: "deploy" is no command; choose synth, check, capacity, secrets, cluster-context or doctor\n',
  ],
  [COMMANDS, ['constructor'], expect.stringContaining('"constructor" is no command; choose ')],
  [COMMANDS, [], expect.stringContaining('cdk8s-lakehouse: no command is given; choose one\n\nusage: ')],
  ['load', ['--rate'], "Option '--rate <value>' argument missing\n"],
  ['load', ['--rate', 'fast'], '--rate is "fast" but must be a whole number from 1 to 5000\n'],
])(
  '%s %j is refused with one sentence and does nothing',
  (script, options, stderr) => {
    expect(run(script, ...options)).toEqual({ status: 2, stdout: '', stderr });
  },
  60_000,
);

test.each([
  ['generate-contract', []],
  ['load', []],
  ...['synth', 'check', 'capacity', 'secrets', 'cluster-context', 'doctor'].map(
    name => [COMMANDS, [name]] as [string, string[]],
  ),
])(
  '%s %j says how it is used',
  (script, command) => {
    expect(run(script, ...command, '--help')).toEqual({
      status: 0,
      stdout: expect.stringMatching(
        script === COMMANDS ? `usage: cdk8s-lakehouse ${command}` : /^usage: npm run /,
      ),
      stderr: '',
    });
  },
  60_000,
);

test('the commands are listed, and the version is that of package.json', () => {
  const { version } = JSON.parse(readFileSync(resolve(__dirname, '../../package.json'), 'utf8'));

  expect(run(COMMANDS, '--help').stdout).toMatch(/^usage: cdk8s-lakehouse COMMAND[\s\S]*\n {2}doctor /);
  expect(run(COMMANDS, '--version')).toEqual({ status: 0, stdout: `${version}\n`, stderr: '' });
}, 60_000);

test('a file that is up to date is told from an argument that cannot be used', () => {
  expect(run('generate-contract', '--check')).toEqual({ status: 0, stdout: '', stderr: '' });
}, 60_000);
