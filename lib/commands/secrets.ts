import { randomInt } from 'node:crypto';
import type { App } from 'cdk8s';
import { stringify } from 'yaml';
import { type Secrets, secrets } from '../lakehouse/secrets';
import { ExternalSecret } from '../lakehouse/workload/external';
import { validateApp } from '../lakehouse/write-manifests';
import { commandLine } from './command-line';
import { describedApp } from './program';

const USAGE = `usage: cdk8s-lakehouse secrets | kubectl apply -f -
Prints every Secret that main.ts refers to, with random values, to stdout: they never touch the disk. What has to be
made by hand is said on stderr. The Secrets are immutable, so a second run changes nothing; to change all passwords:
  cdk8s-lakehouse secrets | kubectl replace --force -f -     and restart the pods that use them`;

/** Letters and digits only: every program takes them in files, on command lines and in JAAS strings. */
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** 32 of 62 characters: 190 bits. MinIO's generated secret keys have at most 40 characters. */
function random(): string {
  return Array.from({ length: 32 }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
}

export function secretManifests(args: readonly string[]): Promise<void> {
  return commandLine(USAGE, {}, print, args);
}

async function print(): Promise<void> {
  const { value, isRefused } = await describedApp(madeUp);
  if (isRefused || value === undefined) {
    process.exitCode = 1;
    return;
  }
  for (const sentence of value.byHand) console.error(`by hand: ${sentence}`);
  process.stdout.write(value.manifests.map(manifest => `---\n${stringify(manifest)}`).join(''));
}

/** The Secrets of an app that would be synthesized. */
function madeUp(app: App): Secrets {
  validateApp(app);
  return secrets(
    app.node.findAll().filter(node => node instanceof ExternalSecret),
    random,
  );
}
