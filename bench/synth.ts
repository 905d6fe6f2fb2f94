import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { commandLine } from '../lib/commands/command-line';
import { median } from './median';

const USAGE = `Usage: npm run bench:synth

How long npm run synth takes as a whole (npm, loading, checks, writing), as a multiple of what the smallest cdk8s app
takes on the same machine: one Deployment of cdk8s-plus, synthesized in the usual way, by cdk8s synth, and by nothing
but the loader that npm run synth uses too. They take turns, so that what else the machine does hits all alike. Prints
the medians and both ratios.`;

const ROUNDS = 7;
const root = path.join(__dirname, '..');

const ONE_DEPLOYMENT = `
import { App, Chart } from 'cdk8s';
import { Deployment } from 'cdk8s-plus-28';

const app = new App();
new Deployment(new Chart(app, 'one'), 'deployment', { containers: [{ image: 'nginx:1.29.1' }] });
app.synth();
`;

function secondsOf(project: string, script: string): number {
  const start = process.hrtime.bigint();
  execFileSync('npm', ['run', '--silent', script], {
    cwd: project,
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, CDK8S_CHECK_UPGRADE: 'false' },
  });
  return Number(process.hrtime.bigint() - start) / 1e9;
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

function run(): void {
  const scripts = { cli: 'cdk8s synth', loader: 'tsx main.ts' };
  const one = project(
    {
      'main.ts': ONE_DEPLOYMENT,
      'cdk8s.yaml': 'language: typescript\napp: npx tsx main.ts\n',
      'package.json': JSON.stringify({ private: true, scripts }),
    },
    ['node_modules', 'tsconfig.json'],
  );
  try {
    const times = { cli: [] as number[], loader: [] as number[], lakehouse: [] as number[] };
    for (let round = -1; round < ROUNDS; round++) {
      const seconds = {
        cli: secondsOf(one, 'cli'),
        loader: secondsOf(one, 'loader'),
        lakehouse: secondsOf(root, 'synth'),
      };
      if (round < 0) continue; // fills the caches of the file system and of tsx
      times.cli.push(seconds.cli);
      times.loader.push(seconds.loader);
      times.lakehouse.push(seconds.lakehouse);
    }
    const [cli, loader, whole] = [median(times.cli), median(times.loader), median(times.lakehouse)];
    console.log(`one Deployment, cdk8s synth: ${cli.toFixed(2)} s`);
    console.log(`one Deployment, tsx main.ts: ${loader.toFixed(2)} s`);
    console.log(`npm run synth:               ${whole.toFixed(2)} s (medians of ${ROUNDS})`);
    console.log(`ratio to cdk8s synth:        ${(whole / cli).toFixed(2)} (bound: 2)`);
    console.log(`ratio to tsx main.ts:        ${(whole / loader).toFixed(2)}`);
  } finally {
    rmSync(one, { recursive: true });
  }
}

commandLine(USAGE, {}, run);
