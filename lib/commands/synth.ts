import { cpSync, existsSync, mkdtempSync, renameSync, rmSync, statSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import type { App } from 'cdk8s';
import { describeNodes } from '../checker/capacity/check-fit';
import { nodesOf } from '../checker/capacity/node';
import { RefusedApp } from '../lakehouse/refused-app';
import { notesIn, SynthChecks } from '../lakehouse/synth-checks';
import { manifestFiles, writeManifests } from '../lakehouse/write-manifests';
import { commandLine, UnusableInput } from './command-line';
import { describedApp } from './program';

const USAGE = `usage: cdk8s-lakehouse synth
Type-checks and runs main.ts, and writes what its app describes into dist/, or into $CDK8S_OUTDIR. What is wrong is
printed, all of it, and leaves dist/ as it was: exit code 1. Errors, warnings and what was done go to stderr.`;

export function synth(args: readonly string[]): Promise<void> {
  return commandLine(USAGE, {}, writeDist, args);
}

/**
 * Writes the manifests into a temporary folder beside dist/, and puts that in the place of dist/ only when the program
 * was not refused: what was last applied stays as it was (`cdk8s synth` empties dist/ first).
 */
async function writeDist(): Promise<void> {
  const started = performance.now();
  const wanted = process.env['CDK8S_OUTDIR'];
  if (wanted === '')
    throw new UnusableInput('CDK8S_OUTDIR is empty but must be a folder; unset it, or set it to e.g. dist');
  const target = wanted ?? 'dist';
  if (statSync(target, { throwIfNoEntry: false })?.isDirectory() === false)
    throw new UnusableInput(`${target} is no folder, so no manifest can be written into it; move it away`);
  const work = mkdtempSync(join(process.cwd(), '.dist-'));
  const fresh = join(work, 'new');
  const removed = () => rmSync(work, { recursive: true, force: true });
  const stopped = (signal: NodeJS.Signals) => process.exit(128 + constants.signals[signal]);
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const signal of signals) process.once(signal, stopped);
  // Whoever ends the process: a signal, or the program.
  process.once('exit', removed);
  try {
    const { value, isRefused } = await describedApp(app => written(app, fresh));
    if (isRefused || value === undefined) {
      process.exitCode = 1;
      return;
    }
    if (wanted !== undefined) {
      // The cdk8s CLI, which runs this too, has emptied the folder that it names.
      cpSync(fresh, wanted, { recursive: true });
    } else {
      if (existsSync('dist')) renameSync('dist', join(work, 'former'));
      renameSync(fresh, 'dist');
    }
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    console.error([`${target}/: ${value.count}`, ...value.fit, `done in ${seconds} s`].join('\n'));
  } finally {
    for (const signal of signals) process.off(signal, stopped);
    process.off('exit', removed);
    removed();
  }
}

/** Writes an app's manifests and says what there is. Prints the warnings and the notes, of an app that is refused too. */
function written(app: App, folder: string): { readonly count: string; readonly fit: readonly string[] } {
  const warn = (warnings: readonly string[]) => {
    for (const warning of warnings) console.error(`warning: ${warning}`);
  };
  try {
    warn(writeManifests(app, folder));
  } catch (error) {
    if (error instanceof RefusedApp) warn(error.warnings);
    throw error;
  } finally {
    for (const note of notesIn(app)) console.error(`note: ${note}`);
  }
  const files = manifestFiles(app);
  const objects = [...files.values()].reduce((sum, members) => sum + members.length, 0);
  const checks = app.node.findAll().filter(node => node instanceof SynthChecks);
  return {
    count: `${plural(files.size, 'file')}, ${plural(objects, 'object')}`,
    fit:
      checks.length === 0
        ? ["not checked: no chart has SynthChecks; add new SynthChecks(chart, 'checks')"]
        : checks.map(fitLine),
  };
}

/** What the checks found about the room on the nodes. */
function fitLine({ nodes, review }: SynthChecks): string {
  const on = describeNodes(nodesOf(nodes));
  const { misfits, witnesses } = review.fit ?? { misfits: [], witnesses: [] };
  if (misfits.length > 0) return `fit: not proved on ${on}; cdk8s-lakehouse capacity says why`;
  const pods = witnesses.at(-1)?.placement.length ?? 0;
  return pods === 0
    ? 'fit: there is no pod to place'
    : `fit: ${on} have room for all ${plural(pods, 'pod')} at most, those of the cluster itself included`;
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
