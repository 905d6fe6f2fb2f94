import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/**
 * How long `npm run check` takes on folders of 50 to 1,000 files, start-up of npm and Node included, and how that grows:
 * the manifests of the incidents' after folders and of the healthy corpus, each copy in namespaces of its own. Prints
 * medians, the ratio to the smallest folder, and what one more file costs.
 */
const SIZES = [50, 100, 200, 500, 1000];
const ROUNDS = 5;
const root = path.join(__dirname, '..');

function templates(): string[] {
  const folders = ['__tests__/incidents', '__tests__/healthy/corpus'].map(folder => path.join(root, folder));
  return folders.flatMap(folder =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter(
        entry =>
          entry.isFile() &&
          /\.(yaml|sql)$/.test(entry.name) &&
          !entry.parentPath.includes(`${path.sep}before`),
      )
      .map(entry => path.join(entry.parentPath, entry.name))
      .sort()
      .map(file => readFileSync(file, 'utf8')),
  );
}

function fill(folder: string, texts: readonly string[], count: number): void {
  for (let index = 0; index < count; index++) {
    const copy = Math.floor(index / texts.length);
    const text = (texts[index % texts.length] ?? '').replace(/namespace: ([\w-]+)/g, `namespace: $1-${copy}`);
    const extension = text.startsWith('CREATE') ? 'sql' : 'yaml';
    const file = path.join(folder, `part-${index % 10}`, `${index}.${extension}`);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
}

function secondsOf(folder: string): number {
  const start = process.hrtime.bigint();
  const { status, stderr } = spawnSync(
    'npm',
    ['run', '--silent', 'check', '--', folder, '--format', 'json'],
    {
      cwd: root,
      encoding: 'utf8',
      maxBuffer: 2 ** 30,
    },
  );
  if (status !== 0 && status !== 1) throw new Error(`check failed: ${stderr}`);
  return Number(process.hrtime.bigint() - start) / 1e9;
}

function median(values: readonly number[]): number {
  return [...values].sort((left, right) => left - right)[Math.floor(values.length / 2)] ?? Number.NaN;
}

const texts = templates();
const work = mkdtempSync(path.join(tmpdir(), 'check-'));
try {
  const results = SIZES.map(size => {
    const folder = path.join(work, String(size));
    fill(folder, texts, size);
    secondsOf(folder); // fills the caches of the file system and of tsx
    return { size, seconds: median(Array.from({ length: ROUNDS }, () => secondsOf(folder))) };
  });
  const [first] = results;
  const empty = path.join(work, 'empty');
  mkdirSync(empty);
  console.log(
    `empty folder   ${median(Array.from({ length: ROUNDS }, () => secondsOf(empty))).toFixed(2)} s`,
  );
  for (const { size, seconds } of results) {
    const ratio = seconds / (first?.seconds ?? Number.NaN);
    console.log(
      `${String(size).padStart(5)} files    ${seconds.toFixed(2)} s   ${ratio.toFixed(1)} x the time of ${first?.size} for ${size / (first?.size ?? 1)} x the files`,
    );
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
