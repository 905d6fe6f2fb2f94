import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { diagnose, needs, problem, tools } from '../../lib/commands/prerequisites';

/** What the programs print, on machines that have them. */
const ANSWERS = {
  node: 'v20.20.2\n',
  npm: 'npm warn something\n11.19.1\n',
  python: 'Python 3.10.12\n',
  venv: '',
  java: 'openjdk version "17.0.15" 2025-04-15\nOpenJDK Runtime Environment (build 17.0.15+6)\n',
  maven: 'Apache Maven 3.8.7\nMaven home: /usr/share/maven\n',
  go: 'go version go1.26.8 linux/amd64\n',
  git: 'git version 2.39.5\n',
  linux: 'Linux x86_64\n',
} as const;

test('a machine that has everything is ready for every command', () => {
  const { problems, commands } = diagnose(ANSWERS);

  expect(problems).toEqual([]);
  expect(commands.every(line => line.endsWith(': ready'))).toBe(true);
});

test.each([
  ['node', 'v18.19.0', 'Node.js 18.19.0 is older than 20: it runs everything; install Node.js 20 or newer'],
  ['python', 'Python 3.9.18', 'Python 3.9.18 is older than 3.10: it runs the jobs and their tests; '],
  [
    'java',
    'openjdk version "21.0.2" 2024-01-16',
    "Java 21.0.2 is not Java 17: it runs Spark and Kafka, in the version of Spark's image; ",
  ],
  ['java', 'java version "1.8.0_392"', 'Java 1.8.0 is not Java 17: '],
  ['maven', 'Apache Maven 3.6.3', 'Maven 3.6.3 is older than 3.8: '],
  ['go', 'go version go1.24.1 linux/amd64', 'Go 1.24.1 is older than 1.25: '],
  ['go', 'no idea\nat all', 'Go answers "no idea": '],
  [
    'linux',
    'Darwin arm64',
    'Linux on x86_64 answers "Darwin arm64": it is what the ClickHouse library is published for; ',
  ],
  [
    'venv',
    undefined,
    "Python's venv is missing: it keeps the Python packages apart; Debian and Ubuntu: apt install python3-venv",
  ],
] as const)('%s answering %j is named with the reason and the remedy', (name, answer, sentence) => {
  expect(problem(tools[name], answer)).toContain(sentence);
});

test.each([
  ['node', 'v20.0.0'],
  ['node', 'v100.1.0'],
  ['python', 'Python 3.10.0'],
  ['python', 'Python 3.14.0rc1'],
  ['java', 'openjdk version "17" 2021-09-14'],
  ['go', 'go version go1.25 linux/amd64'],
] as const)('%s answering %j will do', (name, answer) => {
  expect(problem(tools[name], answer)).toBeUndefined();
});

test('what is missing is said for the commands that need it, and only for those', () => {
  const { commands } = diagnose({ ...ANSWERS, go: undefined, java: undefined });

  expect(commands).toEqual([
    'synth, cdk8s, check, capacity, secrets, cluster-context, inner, test:unit: ready',
    'test:package: ready',
    'test:render: needs Go',
    'corpus: ready',
    'test, test:crashes, faults, local, bench, fuzz: needs Java, Go',
    'test:cluster: needs Java, Go',
    'test:policy: needs Go',
  ]);
});

test('the commands are those of package.json', () => {
  const { scripts } = JSON.parse(readFileSync(join(__dirname, '../../package.json'), 'utf8'));

  expect(Object.keys(scripts)).toEqual(
    expect.arrayContaining(Object.keys(needs).flatMap(names => names.split(', '))),
  );
});

test('on a machine with nothing but Node the command says so, and exits 1', async () => {
  const path = mkdtempSync(join(tmpdir(), 'path-'));
  try {
    symlinkSync(process.execPath, join(path, 'node'));
    const root = resolve(__dirname, '..', '..');
    const { code, stdout } = await new Promise<{ code: unknown; stdout: string }>(done =>
      execFile(
        process.execPath,
        ['--import', 'tsx', 'lib/commands/cdk8s-lakehouse.ts', 'doctor'],
        { cwd: root, env: { PATH: path, HOME: path } },
        (error, stdout) => done({ code: error?.code, stdout }),
      ),
    );

    expect(code).toBe(1);
    expect(stdout).toContain('test:unit: ready\n');
    expect(stdout).toContain('Java is missing: ');
    expect(stdout).toMatch(
      /^test, test:crashes, faults, local, bench, fuzz: needs npm, Python, Python's venv, Java, Maven, Go, Linux on x86_64$/m,
    );
  } finally {
    rmSync(path, { recursive: true });
  }
}, 30_000);
