import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { ALLOWED_EDITS, REFUSED_EDITS } from './refused-edits';

/** A dozen programs are run one after the other, each for a second or two of the processor. */
jest.setTimeout(600_000);

const root = path.join(__dirname, '..');
const original = readFileSync(path.join(root, 'main.ts'), 'utf8');

/** What `npm run synth` runs, without npm and tsx around it. */
const script =
  readFileSync(path.join(root, 'package.json'), 'utf8').match(/"synth": "tsx (?<file>[^"]+)"/)?.groups?.[
    'file'
  ] ?? '';

interface Run {
  readonly exitCode: number;
  readonly stderr: string;
  /** The files of dist/ afterwards, by name. */
  readonly dist: Readonly<Record<string, string>>;
}

/** A copy of the project that has another main.ts, and a dist/ of one file. */
function projectOf(main: string): string {
  const project = mkdtempSync(path.join(tmpdir(), 'project-'));
  for (const shared of ['lib', 'imports', 'spark-jobs', 'was', 'node_modules']) {
    symlinkSync(path.join(root, shared), path.join(project, shared));
  }
  for (const own of ['package.json', 'tsconfig.json', 'scripts']) {
    cpSync(path.join(root, own), path.join(project, own), { recursive: true });
  }
  writeFileSync(path.join(project, 'main.ts'), main);
  cpSync(path.join(root, '.editorconfig'), path.join(project, 'dist', 'former.yaml'));
  return project;
}

/** Runs the script of `npm run synth` in a copy of the project for each main.ts, all in one process. */
async function synthEach(mains: readonly string[]): Promise<Run[]> {
  const projects = mains.map(projectOf);
  try {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--import', 'tsx', path.join(__dirname, 'synth-projects.ts'), script, ...projects],
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

/** main.ts with an edit of a list. */
function edited(list: 'REFUSED_EDITS' | 'ALLOWED_EDITS', index: number): string {
  const start = "new LakehouseChart(app, 'lakehouse', {";
  const end = /\n {2}\}\);\n/;
  if (!original.includes(start) || !end.test(original))
    throw new Error('main.ts has another form than this test expects');
  return [
    `import { ${list} } from ${JSON.stringify(path.join(__dirname, 'refused-edits'))};`,
    `const { props, after } = ${list}[${index}];`,
    original
      .replace(start, `const lakehouse = ${start} ...props,`)
      .replace(end, match => `${match}  after?.(lakehouse);\n`),
  ].join('\n');
}

test('main.ts as it is synthesizes, in a process of its own, and what it writes is the committed dist/', async () => {
  const project = projectOf(original);
  try {
    const run = promisify(execFile)(process.execPath, ['--import', 'tsx', script], { cwd: project });
    await expect(run).resolves.toMatchObject({ stderr: '' });
    expect(manifestsIn(path.join(project, 'dist'))).toEqual(manifestsIn(path.join(root, 'dist')));
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
    expect(run?.stderr).toBe('');
    expect(run?.exitCode).toBe(0);
    expect(Object.keys(run?.dist ?? {})).toContain('00-cluster.k8s.yaml');
  });
});
