import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';

function run(script: string, ...options: string[]) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--import', 'tsx', `scripts/${script}.ts`, ...options],
    { cwd: resolve(__dirname, '../..'), encoding: 'utf8' },
  );
  return { status, stdout, stderr };
}

test.each([
  ['secrets', ['--dry-run'], "Unknown option '--dry-run'\n"],
  [
    'generate-contract',
    ['stray'],
    "Unexpected argument 'stray'. This command does not take positional arguments\n",
  ],
  [
    'capacity',
    ['--html', 'no/such/folder/page.html'],
    '--html is "no/such/folder/page.html" but must be a file in a folder that can be written\n',
  ],
  ['capacity', ['--html', 'page.html', '--json'], '--json and --html are both given; choose one\n'],
  ['load', ['--rate'], "Option '--rate <value>' argument missing\n"],
  ['load', ['--rate', 'fast'], '--rate is "fast" but must be a whole number from 1 to 5000\n'],
])(
  '%s %j is refused with one sentence and does nothing',
  (script, options, stderr) => {
    expect(run(script, ...options)).toEqual({ status: 2, stdout: '', stderr });
  },
  60_000,
);

test.each(['secrets', 'generate-contract', 'load'])(
  '%s says how it is used',
  script => {
    expect(run(script, '--help')).toEqual({
      status: 0,
      stdout: expect.stringMatching(/^usage: npm run /),
      stderr: '',
    });
  },
  60_000,
);

test('a file that is up to date is told from an argument that cannot be used', () => {
  expect(run('generate-contract', '--check')).toEqual({ status: 0, stdout: '', stderr: '' });
}, 60_000);
