import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';

/** What somebody has who installs the package: no repository, a program of their own, their own TypeScript. */
const ROOT = join(__dirname, '..', '..');
const ownPackage = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  readonly version: string;
  readonly devDependencies: Readonly<Record<string, string>>;
};
const MAIN = readFileSync(join(ROOT, 'main.ts'), 'utf8').replace("from './lib'", "from 'cdk8s-lakehouse'");

const SNAPSHOT_TEST = `
import { App, LakehouseChart } from 'cdk8s-lakehouse';
import { Testing } from 'cdk8s';

test('the manifests are as reviewed', () => {
  const replicas = Number(process.env['WEB_SERVERS'] ?? 3);
  expect(Testing.synth(new LakehouseChart(new App(), 'lakehouse', { was: { replicas } }))).toMatchSnapshot();
});
`;

/** A chart of cdk8s alone that asks for the checks; with the props of its container. */
const ANY_CHART = (resources: string) => `
import { ApiObject } from 'cdk8s';
import { App, Chart, NodeGroup, SynthChecks } from 'cdk8s-lakehouse';

export const app = new App();
const chart = new Chart(app, 'web');
new ApiObject(chart, 'web', {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'default' },
  spec: {
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: { containers: [{ name: 'web', image: 'web:1.4.2', resources: ${resources} }] },
    },
  },
});
new SynthChecks(chart, 'checks', { nodes: new NodeGroup({ count: 2 }) });
`;
const LIMITED = "{ requests: { cpu: '100m', memory: '64Mi' }, limits: { cpu: '200m', memory: '64Mi' } }";

let work: string;
let consumer: string;
let packed: readonly string[];

interface Run {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(folder: string, program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Run {
  const { status, stdout, stderr } = spawnSync(program, args, {
    cwd: folder,
    env: { ...surroundings, ...env },
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  return { status, stdout, stderr };
}

/** Without what npm, jest and a CI service tell their children, and without anybody's AWS credentials. */
const surroundings = Object.fromEntries(
  Object.entries({ ...process.env, HOME: '', AWS_EC2_METADATA_DISABLED: 'true', NO_COLOR: '1' }).filter(
    ([name]) =>
      !/^(npm_package|npm_lifecycle|npm_command|CI$|NODE_ENV|JEST|CDK8S|FORCE_COLOR|AWS_(?!EC2))/.test(name),
  ),
);

/** The command of the installed package. */
const command = (...args: readonly string[]) =>
  run(consumer, join(consumer, 'node_modules/.bin/cdk8s-lakehouse'), args);

function npm(folder: string, ...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync('npm', args, { cwd: folder, encoding: 'utf8' });
  if (status !== 0) throw new Error(`npm ${args.join(' ')} ended with ${status}: ${stderr}${stdout}`);
  return stdout;
}

function filesIn(folder: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter(file => file.endsWith('.yaml'))
      .sort()
      .map(file => [file, readFileSync(join(folder, file), 'utf8')]),
  );
}

/** The compiler options of a strict program, with more of them. */
function tsconfig(options: object = {}): string {
  return JSON.stringify({
    compilerOptions: {
      target: 'es2022',
      lib: ['es2023'],
      module: 'nodenext',
      types: ['jest', 'node'],
      strict: true,
      noImplicitOverride: true,
      noEmit: true,
      ...options,
    },
    include: ['main.ts', 'lakehouse.test.ts'],
  });
}

beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), 'package-'));
  const [{ filename, files }] = JSON.parse(
    npm(ROOT, 'pack', '--silent', '--json', '--pack-destination', work),
  );
  packed = files.map(({ path }: { path: string }) => path);
  consumer = join(work, 'consumer');
  mkdirSync(consumer);
  const versions = ownPackage.devDependencies;
  const own = ['@swc/core', '@swc/jest', '@types/jest', '@types/node', 'jest'];
  const program: Record<string, string> = {
    'package.json': JSON.stringify({
      name: 'consumer',
      private: true,
      dependencies: { 'cdk8s-lakehouse': `file:../${filename}` },
      devDependencies: {
        ...Object.fromEntries(own.map(name => [name, versions[name]])),
        typescript: '5.9.3',
      },
    }),
    'main.ts': MAIN,
    'lakehouse.test.ts': SNAPSHOT_TEST,
    'tsconfig.json': tsconfig(),
    'strictest.json': tsconfig({
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      noPropertyAccessFromIndexSignature: true,
    }),
    'jest.config.js': "module.exports = { transform: { '^.+\\\\.ts$': '@swc/jest' } };\n",
  };
  for (const [file, text] of Object.entries(program)) writeFileSync(join(consumer, file), text);
  npm(consumer, 'install', '--prefer-offline', '--no-audit', '--no-fund');
});
afterAll(() => rmSync(work, { recursive: true, force: true }));

test('the package holds what runs, and nothing else', () => {
  const wanted = [
    /^(README|CHANGELOG)\.md$|^LICENSE$|^package\.json$/,
    /^build\/(lib|imports)\/.*(\.js|\.d\.ts|\/spark-keys-[\d.]+\.json|\/minio-setup\.sh|\/schema\/schemas\.json)$/,
    /^build\/spark-jobs\/\w+\.py$|^build\/spark-jobs\/spark-defaults\.conf$|^build\/was\/dist\/server\.js$/,
    /^build\/lakehouse-check\.schema\.json$/,
    /^docs\/rules\/[\w-]+\.md$/,
    /^contract\/(lakehouse\.odcs\.yaml|clickhouse\.sql)$/,
  ];
  expect(packed.filter(file => !wanted.some(pattern => pattern.test(file)))).toEqual([]);
  expect(packed.filter(file => /test/.test(file))).toEqual([]);
  for (const pattern of wanted) expect(packed).toContainEqual(expect.stringMatching(pattern));
});

describe('TypeScript 5.9', () => {
  const errors = (project: string) =>
    run(consumer, 'node_modules/.bin/tsc', ['--project', project, '--pretty', 'false'])
      .stdout.split('\n')
      .filter(line => line.includes('error TS'));

  test('strict and without skipLibCheck finds nothing', () => {
    expect(errors('tsconfig.json')).toEqual([]);
  });

  test('at its strictest finds nothing in the declarations of the package', () => {
    // cdk8s-plus-28 itself is not written for exactOptionalPropertyTypes.
    expect(errors('strictest.json').filter(line => !line.startsWith('node_modules/cdk8s-plus-28/'))).toEqual(
      [],
    );
  });

  test('refuses a prop that does not exist', () => {
    writeFileSync(join(consumer, 'wrong.ts'), MAIN.replace('peakFactor', 'peekFactor'));
    writeFileSync(join(consumer, 'wrong.json'), tsconfig().replace('main.ts', 'wrong.ts'));
    expect(errors('wrong.json')).toEqual([
      expect.stringMatching(/^wrong\.ts\(.*'peekFactor' does not exist/),
    ]);
  });
});

describe('synth', () => {
  test('writes byte for byte what the repository has, and says so in three lines on stderr', () => {
    const { status, stdout, stderr } = command('synth');
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
    expect(stderr).toMatch(/^dist\/: 7 files, \d+ objects\n.*4 × m6i\.large.*\ndone in \d+\.\d s\n$/);
    expect(filesIn(join(consumer, 'dist'))).toEqual(filesIn(join(ROOT, 'dist')));
  });

  test.each([
    [
      'a type',
      'peakFactor: 10',
      "peakFactor: '10'",
      /^\[main\.ts:6\] .*\(TS2322\)\n1 type error, nothing was written\n$/m,
    ],
    [
      'a figure',
      'eventsPerSecond: 50',
      'eventsPerSecond: 5000',
      /comes to hold[\s\S]*errors?, nothing was written\n$/,
    ],
  ])('refuses %s that is wrong, and leaves dist/ as it was', (_name, right, wrong, refusal) => {
    const before = filesIn(join(consumer, 'dist'));
    writeFileSync(join(consumer, 'main.ts'), MAIN.replace(right, wrong));
    const { status, stdout, stderr } = command('synth');
    writeFileSync(join(consumer, 'main.ts'), MAIN);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(refusal);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(filesIn(join(consumer, 'dist'))).toEqual(before);
  });

  test('takes a program that is an ECMAScript module', () => {
    const folder = join(consumer, 'module');
    mkdirSync(folder);
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
    writeFileSync(join(folder, 'tsconfig.json'), tsconfig({ types: [] }));
    writeFileSync(join(folder, 'main.ts'), MAIN);
    expect(run(folder, '../node_modules/.bin/cdk8s-lakehouse', ['synth'])).toMatchObject({ status: 0 });
    expect(filesIn(join(folder, 'dist'))).toEqual(filesIn(join(ROOT, 'dist')));
  });
});

describe('a chart of cdk8s alone that asks for the checks', () => {
  const synth = (resources: string) => {
    const folder = join(consumer, 'any-chart');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'main.ts'), ANY_CHART(resources));
    return run(folder, '../node_modules/.bin/cdk8s-lakehouse', ['synth']);
  };

  test('is refused by a rule', () => {
    expect(synth('{}')).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/^\[Deployment\/default\/web\] .*\(rule container-without-limits\)$/m),
    });
  });

  test('is written when nothing is wrong', () => {
    expect(synth(LIMITED)).toMatchObject({
      status: 0,
      stderr: expect.stringMatching(/^dist\/: 1 file, 1 object\n.*2 × m6i\.large.*\ndone in /),
    });
  });
});

test('jest with a snapshot: the first run writes it, the next compares', () => {
  const jest = (env: NodeJS.ProcessEnv, ...args: readonly string[]) =>
    run(consumer, 'node_modules/.bin/jest', ['lakehouse.test.ts', ...args], env);
  expect(jest({})).toMatchObject({ status: 0, stderr: expect.stringContaining('1 snapshot written') });
  expect(jest({}, '--ci')).toMatchObject({ status: 0, stderr: expect.stringContaining('1 passed') });
  expect(jest({ WEB_SERVERS: '4' }, '--ci')).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('1 snapshot failed'),
  });
});

describe('check', () => {
  test('finds nothing in what synth wrote', () => {
    const { status, stdout } = command('check', 'dist', '--format', 'json');
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ violations: [], checked: { files: 7 } });
  });

  test('finds what somebody changed by hand', () => {
    const changed = join(consumer, 'changed');
    cpSync(join(consumer, 'dist'), changed, { recursive: true });
    const file = join(changed, '03-was.k8s.yaml');
    writeFileSync(file, readFileSync(file, 'utf8').replace(/image: node:\S+/, 'image: node:latest'));
    const { status, stdout } = command('check', 'changed');
    expect(status).toBe(1);
    expect(stdout).toContain('mutable-image-tag');
  });

  test('brings the schema of its project file, which is what the command prints', () => {
    const { status, stdout } = run(consumer, process.execPath, [
      '-p',
      "JSON.stringify(require('cdk8s-lakehouse/lakehouse-check.schema.json'))",
    ]);
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toEqual(JSON.parse(command('check', '--schema').stdout));
  });

  test('explains each of its rules', () => {
    const names = command('check', '--list-rules').stdout.match(/^[\w-]+/gm) ?? [];
    expect(names.length).toBeGreaterThan(20);
    const name = names[0] ?? '';
    expect(command('check', '--explain', name)).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(new RegExp(`^# ${name}\\n`)),
    });
    expect(names.filter(rule => !packed.includes(`docs/rules/${rule}.md`))).toEqual([]);
  });
});

test('capacity says of each scenario what it says in the repository', () => {
  const { status, stdout } = command('capacity', '--json');
  expect(status).toBe(0);
  const { nodes, scenarios } = JSON.parse(stdout);
  expect(nodes).toHaveLength(4);
  expect(scenarios.map(({ id }: { id: string }) => id)).toEqual(expect.arrayContaining(['start', 'most']));
});

test('secrets prints Secrets that nobody else knows, and nothing that stays', () => {
  const [first, second] = [command('secrets'), command('secrets')];
  expect(first.status).toBe(0);
  const secrets = parseAllDocuments(first.stdout).map(document => document.toJS());
  expect(secrets.length).toBeGreaterThan(3);
  expect(new Set(secrets.map(({ kind }) => kind))).toEqual(new Set(['Secret']));
  expect(first.stdout).not.toBe(second.stdout);
});

test('cluster-context refuses without credentials, with a sentence', () => {
  expect(
    command('cluster-context', '--cluster', 'prod', '--nodegroup', 'workers', '--region', 'eu-west-1'),
  ).toEqual({
    status: 1,
    stdout: '',
    stderr: expect.stringMatching(/^no AWS credentials were found \(.*\); log in, .*\n$/),
  });
});

test('doctor knows what the commands of the package need', () => {
  expect(command('doctor')).toEqual({
    status: 0,
    stdout: 'synth, secrets: ready\ncheck, capacity, cluster-context: ready\n',
    stderr: '',
  });
});

test('the bin tells its version and its commands, and refuses others', () => {
  expect(command('--version')).toEqual({ status: 0, stdout: `${ownPackage.version}\n`, stderr: '' });
  expect(command('--help').stdout).toMatch(/^usage: cdk8s-lakehouse COMMAND/);
  expect(command('sinth')).toEqual({
    status: 2,
    stdout: '',
    stderr: 'cdk8s-lakehouse: "sinth" is no command; did you mean synth?\n',
  });
});
