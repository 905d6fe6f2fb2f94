import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { ALLOWED_EDITS, REFUSED_EDITS } from './lakehouse/refused-edits';

/** A dozen programs are run one after the other, each for a second or two of the processor. */
jest.setTimeout(600_000);

const root = path.join(__dirname, '..');
const original = readFileSync(path.join(root, 'main.ts'), 'utf8');

/** What `npm run synth` runs, without npm around it. */
const command = ['--require', 'tsx/cjs', 'lib/commands/cdk8s-lakehouse.ts', 'synth'];

/** What it says when it has written. */
const DONE = /^dist\/: 7 files, \d+ objects\n.*4 × m6i\.large.*\ndone in \d+\.\d s\n?$/;

/** What TypeScript learns in one copy of the project is the start of the next. */
const cache = mkdtempSync(path.join(tmpdir(), 'cache-'));
afterAll(() => rmSync(cache, { recursive: true }));

/** The files of a program, by name. */
type Program = Readonly<Record<string, string>>;

interface Run {
  readonly exitCode: number;
  readonly stderr: string;
  /** The files of dist/ afterwards, by name. */
  readonly dist: Readonly<Record<string, string>>;
}

/** A copy of the project that has another program, and a dist/ of one file. */
function projectOf(program: Program): string {
  const project = mkdtempSync(path.join(tmpdir(), 'project-'));
  for (const shared of ['lib', 'imports', 'spark-jobs', 'was', 'node_modules', '__tests__']) {
    symlinkSync(path.join(root, shared), path.join(project, shared));
  }
  symlinkSync(cache, path.join(project, '.cache'));
  for (const own of ['package.json', 'tsconfig.json']) {
    cpSync(path.join(root, own), path.join(project, own), { recursive: true });
  }
  for (const [file, text] of Object.entries(program)) writeFileSync(path.join(project, file), text);
  cpSync(path.join(root, '.editorconfig'), path.join(project, 'dist', 'former.yaml'));
  return project;
}

/** Runs `npm run synth` in a copy of the project for each program, all in one process. */
async function synthEach(programs: readonly Program[]): Promise<Run[]> {
  const projects = programs.map(projectOf);
  try {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--require', 'tsx/cjs', path.join(__dirname, 'synth-projects.ts'), ...projects],
      { cwd: root },
    );
    const ends: Omit<Run, 'dist'>[] = stdout
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line));
    return ends.map((end, index) => ({
      ...end,
      dist: manifestsIn(path.join(projects[index] ?? '', 'dist')),
    }));
  } finally {
    for (const project of projects) rmSync(project, { recursive: true });
  }
}

function manifestsIn(folder: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter(file => file.endsWith('.yaml'))
      .map(file => [file, readFileSync(path.join(folder, file), 'utf8')]),
  );
}

/** main.ts with more props, and another beginning. */
function withProps(props: string, beginning = ''): string {
  const chart = "new LakehouseChart(app, 'lakehouse', {\n";
  if (!original.includes(chart)) throw new Error('main.ts has another form than this test expects');
  return beginning + original.replace(chart, `${chart}  ${props},\n`);
}

/** main.ts with an edit of a list. */
function edited(list: 'REFUSED_EDITS' | 'ALLOWED_EDITS', index: number): Program {
  const start = "new LakehouseChart(app, 'lakehouse', {";
  const end = /\n\}\);\n/;
  if (!original.includes(start) || !end.test(original))
    throw new Error('main.ts has another form than this test expects');
  const main = [
    `import { type Edit, ${list} } from './__tests__/lakehouse/refused-edits';`,
    `const { props, after } = ${list}[${index}] as Edit;`,
    original
      .replace(start, `const lakehouse = ${start} ...props,`)
      .replace(end, match => `${match}after?.(lakehouse);\n`),
  ].join('\n');
  return { 'main.ts': main };
}

test('main.ts as it is synthesizes, in a process of its own, and what it writes is the committed dist/', async () => {
  const project = projectOf({ 'main.ts': original });
  try {
    const run = promisify(execFile)(process.execPath, command, { cwd: project });
    await expect(run).resolves.toEqual({ stdout: '', stderr: expect.stringMatching(DONE) });
    expect(manifestsIn(path.join(project, 'dist'))).toEqual(manifestsIn(path.join(root, 'dist')));
  } finally {
    rmSync(project, { recursive: true });
  }
});

test('importing main.ts describes the system and writes nothing', async () => {
  const project = projectOf({ 'main.ts': original });
  try {
    const program =
      "const { app } = require('./main.ts'); console.log(String([app.node.findAll().length > 100, app.node.locked]))";
    const run = promisify(execFile)(process.execPath, ['--require', 'tsx/cjs', '--eval', program], {
      cwd: project,
    });
    await expect(run).resolves.toEqual({ stdout: 'true,false\n', stderr: '' });
    expect(readdirSync(project).filter(name => name.startsWith('.dist'))).toEqual([]);
    expect(Object.keys(manifestsIn(path.join(project, 'dist')))).toEqual(['former.yaml']);
  } finally {
    rmSync(project, { recursive: true });
  }
});

describe('an edit of main.ts is refused, and the former dist/ stays', () => {
  let runs: Run[];
  beforeAll(async () => {
    runs = await synthEach(REFUSED_EDITS.map((_edit, index) => edited('REFUSED_EDITS', index)));
  });

  test.each(REFUSED_EDITS.map(({ name, refusal }, index) => [name, refusal, index] as const))(
    '%s',
    (_name, refusal, index) => {
      const run = runs[index];
      const sentences = run?.stderr.split('\n') ?? [];
      expect(sentences.pop()).toMatch(/^\d errors?, nothing was written$/);
      // One mistake is said once, and nothing else is.
      expect(sentences).toEqual(sentences.map(() => expect.stringMatching(refusal)));
      expect(run?.exitCode).toBe(1);
      expect(Object.keys(run?.dist ?? {})).toEqual(['former.yaml']);
    },
  );
});

describe('the nearest edit that is allowed is not refused', () => {
  let runs: Run[];
  beforeAll(async () => {
    runs = await synthEach(ALLOWED_EDITS.map((_edit, index) => edited('ALLOWED_EDITS', index)));
  });

  test.each(ALLOWED_EDITS.map(({ name }, index) => [name, index] as const))('%s', (_name, index) => {
    const run = runs[index];
    expect(run?.stderr).toMatch(DONE);
    expect(run?.exitCode).toBe(0);
    expect(Object.keys(run?.dist ?? {})).toContain('00-cluster.k8s.yaml');
  });
});

describe('a program whose types do not fit is refused in the words of TypeScript, and the former dist/ stays', () => {
  const cases: [name: string, program: Program, refusal: readonly (string | RegExp)[]][] = [
    [
      'a misspelt prop',
      { 'main.ts': withProps('was: { replica: 3 }') },
      [
        '[lakehouse/was] it is given replica, which is no prop; did you mean replicas?',
        '1 error, nothing was written',
        /^\[main\.ts:6\] "was: \{ replica: 3 \}": object literal may only specify known properties, but 'replica' does not exist in type '[^']+'; did you mean to write 'replicas'\? \(TS2561\)$/,
        '1 type error, nothing was written',
      ],
    ],
    [
      'two values of another type',
      {
        'main.ts': withProps(
          'was: { replicas: 3 }',
          "const executors: number = [2, 4];\nconst day: number = 'monday';\n",
        ),
      },
      [
        /^\[main\.ts:1\] "const executors: number = \[2, 4\]": type 'number\[\]' is not assignable to type 'number' \(TS2322\)$/,
        /^\[main\.ts:2\] "const day: number = 'monday'": type 'string' is not assignable to type 'number' \(TS2322\)$/,
        '2 type errors, nothing was written',
      ],
    ],
    [
      'an own file that is imported',
      {
        'main.ts': withProps('was: { replicas }', "import { replicas } from './replicas';\n"),
        'replicas.ts': "const names = ['a', 'b', 'c'];\nexport const replicas = names.size;\n",
      },
      [
        /^\[replicas\.ts:2\] "export const replicas = names\.size": property 'size' does not exist on type 'string\[\]' \(TS2339\)$/,
        '1 type error, nothing was written',
      ],
    ],
    [
      'a file that is not there',
      { 'main.ts': withProps('was: { replicas }', "import { replicas } from './replicas';\n") },
      [
        /^\[main\.ts:1\] "import \{ replicas \} from '\.\/replicas'": cannot find module '\.\/replicas' or its corresponding type declarations \(TS2307\)$/,
        '1 type error, nothing was written',
      ],
    ],
    [
      'beside what synthesis refuses',
      { 'main.ts': withProps("topic: { partitions: '12' }") },
      [
        /^\[lakehouse\/kafka\/topic-user-activity-logs\] .* has 12 partitions but /,
        '[KafkaTopic/kafka/user-activity-logs] spec.partitions is "12" but it must be a whole number; write it without quotes, 12 (rule invalid-field)',
        '2 errors, nothing was written',
        /^\[main\.ts:6\] "topic: \{ partitions: '12' \}": type 'string' is not assignable to type 'number' \(TS2322\)$/,
        '1 type error, nothing was written',
      ],
    ],
  ];
  let runs: Run[];
  beforeAll(async () => {
    runs = await synthEach(cases.map(([, program]) => program));
  });

  test.each(cases.map(([name, , refusal], index) => [name, refusal, index] as const))(
    '%s',
    (_name, refusal, index) => {
      const run = runs[index];
      expect(run?.stderr.split('\n')).toEqual(
        refusal.map(line => (typeof line === 'string' ? line : expect.stringMatching(line))),
      );
      expect(run?.exitCode).toBe(1);
      expect(Object.keys(run?.dist ?? {})).toEqual(['former.yaml']);
    },
  );
});

describe('a program whose types fit is not refused', () => {
  const cases: [name: string, program: Program][] = [
    ['the prop in its right spelling', { 'main.ts': withProps('was: { replicas: 3 }') }],
    ['a value of the right type', { 'main.ts': withProps('topic: { partitions: 12 }') }],
    [
      'an own file that is imported',
      {
        'main.ts': withProps('was: { replicas }', "import { replicas } from './replicas';\n"),
        'replicas.ts': "const names = ['a', 'b', 'c'];\nexport const replicas = names.length;\n",
      },
    ],
    [
      'what only a linter minds',
      {
        'main.ts': `import { Size } from 'cdk8s';\nlet nobody = 'reads this';\n${original}`,
        'unrelated.ts': 'export const wrong: number = "that nobody imports";\n',
      },
    ],
  ];
  let runs: Run[];
  beforeAll(async () => {
    runs = await synthEach(cases.map(([, program]) => program));
  });

  test.each(cases.map(([name], index) => [name, index] as const))('%s', (_name, index) => {
    expect(runs[index]).toMatchObject({ stderr: expect.stringMatching(DONE), exitCode: 0 });
    expect(Object.keys(runs[index]?.dist ?? {})).toContain('00-cluster.k8s.yaml');
  });
});
