import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { commandLine } from '../lib/commands/command-line';
import { median } from './median';

const USAGE = `Usage: npm run bench:check

How long npm run check takes on folders of 50 to 1,000 files, start-up of npm and Node included, and how that grows:
the manifests of the incidents' after folders and of the healthy corpus, each copy in namespaces of its own. Prints
medians of wall and CPU time, and what a file costs.`;

const SIZES = [50, 100, 200, 500, 1000];
const ROUNDS = 5;
const root = path.join(__dirname, '..');

function templates(): string[] {
  const folders = ['__tests__/checker/incidents', '__tests__/checker/healthy/corpus'].map(folder =>
    path.join(root, folder),
  );
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

interface Cost {
  readonly seconds: number;
  /** User and system time of npm and Node: what it costs on a machine that does other things too. */
  readonly cpuSeconds: number;
}

function costOf(folder: string): Cost {
  const start = process.hrtime.bigint();
  // `times` prints what the shell's children took, on its second line.
  const { status, stdout, stderr } = spawnSync(
    'sh',
    ['-c', 'npm run --silent check -- "$0" --format json >/dev/null; code=$?; times; exit $code', folder],
    { cwd: root, encoding: 'utf8' },
  );
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  // 3: an empty folder, in which nothing is checked.
  if (![0, 1, 3].includes(status ?? -1)) throw new Error(`check failed: ${stderr}`);
  const times = [...(stdout.split('\n')[1] ?? '').matchAll(/(\d+)m([\d.]+)s/g)];
  const cpuSeconds = times.reduce((sum, [, minutes, rest]) => sum + Number(minutes) * 60 + Number(rest), 0);
  return { seconds, cpuSeconds };
}

function medianCost(folder: string): Cost {
  const costs = Array.from({ length: ROUNDS }, () => costOf(folder));
  return {
    seconds: median(costs.map(({ seconds }) => seconds)),
    cpuSeconds: median(costs.map(({ cpuSeconds }) => cpuSeconds)),
  };
}

function row(name: string, { seconds, cpuSeconds }: Cost, growth = ''): string {
  return `${name.padStart(12)}   ${seconds.toFixed(2)} s   ${cpuSeconds.toFixed(2)} CPU-s   ${growth}`.trimEnd();
}

function run(): void {
  const texts = templates();
  const work = mkdtempSync(path.join(tmpdir(), 'check-'));
  try {
    const empty = path.join(work, 'empty');
    mkdirSync(empty);
    costOf(empty); // fills the cache of the file system and makes the bundle
    const start = medianCost(empty);
    console.log(row('empty folder', start));
    let first: number | undefined;
    for (const size of SIZES) {
      const folder = path.join(work, String(size));
      fill(folder, texts, size);
      const cost = medianCost(folder);
      // What the files cost beside the start of the command.
      const own = cost.cpuSeconds - start.cpuSeconds;
      first ??= own / size;
      console.log(
        row(
          `${size} files`,
          cost,
          `${((own / size) * 1000).toFixed(1)} CPU-ms a file beside the start, ${(own / size / first).toFixed(2)} x that of ${SIZES[0]}`,
        ),
      );
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

commandLine(USAGE, {}, run);
