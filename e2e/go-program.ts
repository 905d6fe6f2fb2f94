import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { cacheFolder } from './cache-folder';
import { run } from './command';

/** A program that is built from the Go module proxy, in the versions that its go.mod names. */
export interface GoProgram {
  /** Its name in messages and in the cache. */
  readonly name: string;
  /** Folder of go.mod and go.sum. */
  readonly module: string;
  /** Folder of its main package, below the module's. @default the module names it as a tool */
  readonly folder?: string;
  /** Import path of a main package that the module's go.mod names as a tool. */
  readonly tool?: string;
  readonly linkerFlags?: readonly string[];
}

/** Seconds between two lines of progress. */
const PROGRESS_MS = 30_000;

/** The program's path: what the same sources gave before, else a new build, with its progress on standard error. */
export async function buildGoProgram(program: GoProgram): Promise<string> {
  const { name, module, folder, tool, linkerFlags = [] } = program;
  const sources = folder === undefined ? [] : goFiles(join(module, folder));
  const hash = createHash('sha256');
  for (const file of [join(module, 'go.mod'), join(module, 'go.sum'), ...sources])
    hash.update(relative(module, file)).update(readFileSync(file));
  const cache = join(cacheFolder(), name.replaceAll(' ', '-'));
  const target = join(cache, hash.digest('hex').slice(0, 16));
  if (existsSync(target)) return target;

  const log = (line: string) => process.stderr.write(`${line}\n`);
  mkdirSync(cache, { recursive: true });
  const started = Date.now();
  const seconds = () => Math.round((Date.now() - started) / 1000);
  log(`building the ${name} from the Go module proxy (minutes, the first time)`);
  const progress = setInterval(() => log(`still building, ${seconds()} s`), PROGRESS_MS);
  const unfinished = `${target}.${process.pid}`;
  const flags = ['-s', '-w', ...linkerFlags].join(' ');
  try {
    const result = await run(
      'go',
      ['build', '-trimpath', '-ldflags', flags, '-o', unfinished, tool ?? `./${folder}`],
      {
        cwd: module,
      },
    );
    if (result.code !== 0)
      throw new Error(
        `the ${name} did not build; go build said: ${result.stderr.trim().split('\n').slice(-5).join(' | ')}`,
      );
    renameSync(unfinished, target);
  } finally {
    clearInterval(progress);
    rmSync(unfinished, { force: true });
  }
  log(`the ${name} is built: ${seconds()} s, ${Math.round(statSync(target).size / 1e6)} MB`);
  return target;
}

function goFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.go'))
    .sort()
    .map(name => join(folder, name));
}
