import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

/** Everything that is fetched or built lies here. */
export function cacheFolder(): string {
  return (
    process.env['LAKEHOUSE_CACHE'] ??
    join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'cdk8s-lakehouse')
  );
}

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
