import { cpSync, existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { constants } from 'node:os';
import { join, resolve } from 'node:path';
import { commandLine } from './command-line';
import { runMain } from './main-app';

const USAGE = `usage: npm run synth
Type-checks and runs main.ts, and writes dist/, or into $CDK8S_OUTDIR. What is wrong is printed, all of it, and leaves
dist/ as it was: exit code 1.`;

/**
 * Runs main.ts, in this process, into a temporary folder beside dist/, and puts that in the place of dist/ only when
 * the program was not refused: what was last applied stays as it was (`cdk8s synth` empties dist/ first).
 */
async function main(): Promise<void> {
  const root = resolve(__dirname, '..');
  const dist = join(root, 'dist');
  const wanted = process.env['CDK8S_OUTDIR'];
  const work = mkdtempSync(join(root, '.dist-'));
  const stopped = (signal: NodeJS.Signals) => {
    rmSync(work, { recursive: true, force: true });
    process.exit(128 + constants.signals[signal]);
  };
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const signal of signals) process.once(signal, stopped);
  try {
    await runMain(join(work, 'new'));
    if (process.exitCode) return;
    if (wanted !== undefined) {
      // The cdk8s CLI, which runs this too, has emptied the folder that it names.
      cpSync(join(work, 'new'), wanted, { recursive: true });
      return;
    }
    if (existsSync(dist)) renameSync(dist, join(work, 'former'));
    renameSync(join(work, 'new'), dist);
  } finally {
    for (const signal of signals) process.off(signal, stopped);
    rmSync(work, { recursive: true, force: true });
  }
}

void commandLine(USAGE, {}, main);
