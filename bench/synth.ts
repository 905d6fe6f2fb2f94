import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/**
 * How long `npm run synth` takes as a whole (npm, loading, checks, writing), as a multiple of what the smallest cdk8s
 * app takes in the same way on the same machine: one Deployment of cdk8s-plus. Prints both medians and the ratio.
 *
 * The two take turns, so that what else the machine does hits both alike.
 */
const ROUNDS = 9;
const root = path.join(__dirname, '..');

const ONE_DEPLOYMENT = `
import { App, Chart } from 'cdk8s';
import { Deployment } from 'cdk8s-plus-28';

const app = new App();
new Deployment(new Chart(app, 'one'), 'deployment', { containers: [{ image: 'nginx:1.29.1' }] });
app.synth();
`;

function secondsOf(project: string): number {
  const start = process.hrtime.bigint();
  execFileSync('npm', ['run', '--silent', 'synth'], { cwd: project, stdio: ['ignore', 'ignore', 'inherit'] });
  return Number(process.hrtime.bigint() - start) / 1e9;
}

function median(values: readonly number[]): number {
  return [...values].sort((left, right) => left - right)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function project(files: Readonly<Record<string, string>>, links: readonly string[]): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'synth-'));
  for (const link of links) symlinkSync(path.join(root, link), path.join(folder, link));
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    writeFileSync(path.join(folder, file), text);
  }
  return folder;
}

const one = project(
  { 'main.ts': ONE_DEPLOYMENT, 'package.json': '{ "private": true, "scripts": { "synth": "tsx main.ts" } }' },
  ['node_modules', 'tsconfig.json'],
);
try {
  const times = { one: [] as number[], lakehouse: [] as number[] };
  for (let round = -1; round < ROUNDS; round++) {
    const [first, second] = [secondsOf(one), secondsOf(root)];
    if (round < 0) continue; // fills the caches of the file system and of tsx
    times.one.push(first);
    times.lakehouse.push(second);
  }
  const [base, whole] = [median(times.one), median(times.lakehouse)];
  console.log(`one Deployment: ${base.toFixed(2)} s (median of ${ROUNDS})`);
  console.log(`npm run synth:  ${whole.toFixed(2)} s (median of ${ROUNDS})`);
  console.log(`ratio:          ${(whole / base).toFixed(2)} (bound: 2)`);
} finally {
  rmSync(one, { recursive: true });
}
