import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { cacheFolder } from '../cache-folder';

/** Builds the oracle from the pinned sources, or finds it built; returns the program's path. Needs Go. */
export function builtOracle(): string {
  const binary = join(cacheFolder(), 'scheduler', 'scheduler');
  mkdirSync(dirname(binary), { recursive: true });
  execFileSync('go', ['build', '-trimpath', '-ldflags', '-s -w', '-o', binary, './scheduler'], {
    cwd: resolve(__dirname, '..'),
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  return binary;
}
