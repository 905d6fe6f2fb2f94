import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { checkCommand } from '../checker/check/command-line';
import type { Run } from '../checker/check/render';
import { endWithTheReader } from './closed-pipe';

/** A chart that fetches or loops is given up after so long. */
const RENDER_TIMEOUT_MS = 120_000;

/** The rules on any folder of manifests. `home` is the folder of this package, which holds docs/rules/. */
export function check(args: readonly string[], home: string): void {
  // The command is over before most of what V8 11 (Node 20) optimizes for it pays; later engines weigh that themselves.
  if (process.versions.v8.startsWith('11.')) setFlagsFromString('--interrupt-budget=1000000');
  const { code, stdout, stderr, writes } = checkCommand(args, {
    stdin: () => readFileSync(0),
    color:
      process.stdout.isTTY === true &&
      process.env['NO_COLOR'] === undefined &&
      process.env['TERM'] !== 'dumb',
    home,
    run,
  });
  const faults = writes.flatMap(({ file, text }) => {
    try {
      writeFileSync(file, text);
      return [];
    } catch (error) {
      return [
        `check: ${file} cannot be written: ${(error as NodeJS.ErrnoException).code}; mend its permissions\n`,
      ];
    }
  });
  endWithTheReader();
  process.stderr.write(stderr + faults.join(''));
  process.stdout.write(stdout);
  process.exitCode = faults.length > 0 ? 2 : code;
}

const run: Run = (program, args) => {
  const { error, status, stdout, stderr } = spawnSync(program, args, {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    timeout: RENDER_TIMEOUT_MS,
  });
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  if (code === 'ENOENT' || code === 'EACCES') return undefined;
  return {
    status,
    stdout,
    stderr: code === 'ETIMEDOUT' ? `it was given up after ${RENDER_TIMEOUT_MS / 1000} s` : stderr,
  };
};
