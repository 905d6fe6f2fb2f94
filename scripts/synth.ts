import { existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { commandLine } from './command-line';

const USAGE = `usage: npm run synth
Runs main.ts and writes dist/. What is wrong is printed, all of it, and leaves dist/ as it was: exit code 1.`;

/**
 * Runs main.ts, in this process, into a temporary folder beside dist/, and puts that in the place of dist/ only when
 * the program was not refused: what was last applied stays as it was (`cdk8s synth` empties dist/ first).
 */
function main(): void {
  const root = resolve(__dirname, '..');
  const dist = join(root, 'dist');
  const work = mkdtempSync(join(root, '.dist-'));
  try {
    process.env['CDK8S_OUTDIR'] = join(work, 'new');
    require('../main');
    if (process.exitCode) return;
    if (existsSync(dist)) renameSync(dist, join(work, 'former'));
    renameSync(join(work, 'new'), dist);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

void commandLine(USAGE, {}, main);
