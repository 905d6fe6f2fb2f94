import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { commandLine, UnusableInput } from '../../lib/commands/command-line';
import { cacheFolder } from '../cache-folder';

const USAGE = `Usage: npm run corpus -- [--only TEXT] [--from URL]

Runs the check on the public folders of e2e/corpus/folders.yaml, at their commits, and compares what it finds with what
was found by reading: how many findings of each rule are true, and how many are false. Git fetches each folder once,
without history, into the cache.

  --only TEXT  only the repositories whose name contains TEXT
  --from URL   where the repositories are; default https://github.com

Exit code 1: a folder has more findings of a rule than were read. 2: a folder could not be fetched or checked.`;

interface Folder {
  readonly repository: string;
  readonly commit: string;
  readonly paths: readonly string[];
  readonly findings: Readonly<Record<string, { readonly true?: number; readonly false?: number }>>;
}

const HOME = path.join(__dirname, '..', '..');

class CannotFetch extends Error {}

function git(folder: string, ...args: readonly string[]): void {
  const { status, stderr, error } = spawnSync('git', ['-C', folder, ...args], {
    encoding: 'utf8',
    env: { ...process.env, GIT_TERMINAL_PROMPT: '0', GIT_LFS_SKIP_SMUDGE: '1' },
    timeout: 600_000,
  });
  if (status === 0) return;
  const said = stderr?.trim().split('\n').at(-1) ?? '';
  throw new CannotFetch(`git ${args[0]}: ${error?.message ?? (said === '' ? 'it said nothing' : said)}`);
}

/** The folder's work tree, fetched when it is not in the cache. */
function fetched({ repository, commit, paths }: Folder, from: string): string {
  const folder = path.join(cacheFolder(), 'corpus', `${repository.replace('/', '+')}@${commit}`);
  if (existsSync(folder)) return folder;
  const part = `${folder}.part`;
  rmSync(part, { recursive: true, force: true });
  mkdirSync(part, { recursive: true });
  git(part, 'init', '--quiet');
  git(part, 'remote', 'add', 'origin', `${from}/${repository}`);
  // Contents come with the checkout, and only those of its paths.
  git(part, 'fetch', '--quiet', '--depth=1', '--filter=blob:none', 'origin', commit);
  git(part, 'checkout', '--quiet', 'FETCH_HEAD', '--', ...paths);
  rmSync(path.join(part, '.git'), { recursive: true });
  renameSync(part, folder);
  return folder;
}

/** How many findings of each rule the check has. */
function found(folder: string, paths: readonly string[]): Map<string, number> {
  const args = [path.join(HOME, 'scripts', 'check.js'), ...paths, '--no-config', '--format', 'json'];
  const { stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: folder,
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  if (stdout === '') throw new CannotFetch(`check: ${stderr.trim().split('\n')[0] ?? ''}`);
  const counts = new Map<string, number>();
  for (const { rule } of JSON.parse(stdout).violations) counts.set(rule, (counts.get(rule) ?? 0) + 1);
  return counts;
}

function run(only: string, from: string): number {
  const list = path.join(__dirname, 'folders.yaml');
  const folders = (parse(readFileSync(list, 'utf8')) as Folder[]).filter(({ repository }) =>
    repository.includes(only),
  );
  if (folders.length === 0)
    throw new UnusableInput(`corpus: no repository of e2e/corpus/folders.yaml contains "${only}"`);
  const sum = { true: 0, false: 0, unread: 0, failed: 0 };
  for (const [index, folder] of folders.entries()) {
    const at = `${index + 1}/${folders.length} ${folder.repository}`;
    try {
      const counts = found(fetched(folder, from), folder.paths);
      const told: string[] = [];
      for (const rule of new Set([...counts.keys(), ...Object.keys(folder.findings)])) {
        const { true: right = 0, false: wrong = 0 } = folder.findings[rule] ?? {};
        const count = counts.get(rule) ?? 0;
        sum.unread += Math.max(0, count - right - wrong);
        sum.true += right;
        sum.false += wrong;
        if (count > right + wrong) told.push(`${count - right - wrong} of ${rule} not read yet`);
        if (count < right + wrong) told.push(`${right + wrong - count} of ${rule} gone`);
      }
      const all = [...counts.values()].reduce((total, count) => total + count, 0);
      console.log(`${at}: ${all} findings${told.length === 0 ? ', all read' : `; ${told.join(', ')}`}`);
    } catch (error) {
      if (!(error instanceof CannotFetch)) throw error;
      sum.failed += 1;
      console.error(`${at}: ${error.message}; see that ${from} can be reached, and try again`);
    }
  }
  const read = sum.true + sum.false;
  console.log(
    `${folders.length - sum.failed} folders, ${read} findings read: ${sum.true} true, ${sum.false} false, precision ${((100 * sum.true) / Math.max(1, read)).toFixed(1)} %; ${sum.unread} not read yet${sum.failed === 0 ? '' : `; ${sum.failed} folders failed`}`,
  );
  if (sum.failed > 0) return 2;
  return sum.unread > 0 ? 1 : 0;
}

commandLine(
  USAGE,
  {
    only: { type: 'string', default: '' },
    from: { type: 'string', default: 'https://github.com' },
  },
  ({ only = '', from = '' }) => {
    process.exitCode = run(only, from);
  },
);
