import { randomInt } from 'node:crypto';
import { stringify } from 'yaml';
import { secrets } from '../lib/lakehouse/secrets';
import { ExternalSecret } from '../lib/lakehouse/workload/external';
import { commandLine } from './command-line';
import { mainApp } from './main-app';

const USAGE = `usage: npm run --silent secrets | kubectl apply -f -
Prints every Secret that main.ts refers to, with random values, to stdout: they never touch the disk. What cannot be
made up is said on stderr. The Secrets are immutable, so a second run changes nothing; to change all passwords:
  npm run --silent secrets | kubectl replace --force -f -     and restart the pods that use them`;

/** Letters and digits only: every program takes them in files, on command lines and in JAAS strings. */
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** 32 of 62 characters: 190 bits. MinIO's generated secret keys have at most 40 characters. */
function random(): string {
  return Array.from({ length: 32 }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
}

async function main(): Promise<void> {
  const app = await mainApp();
  if (app === undefined) return;
  const declared = app.node.findAll().filter(node => node instanceof ExternalSecret);
  const { manifests, byHand } = secrets(declared, random);
  for (const sentence of byHand) console.error(`by hand: ${sentence}`);
  process.stdout.write(manifests.map(manifest => `---\n${stringify(manifest)}`).join(''));
}

void commandLine(USAGE, {}, main);
