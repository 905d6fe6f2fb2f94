import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { buildSync } from 'esbuild';
import { projectFileSchema } from '../lib/checker/check/project-file';
import { commandLine } from '../lib/commands/command-line';

const USAGE = `usage: npm run build
Writes build/, which npm pack takes: the JavaScript and the declarations of lib/ and imports/, and the files that the
constructs read, and the JSON schema of .lakehouse-check.yaml.`;

/** What editors read to complete and check a project file. */
const SCHEMA = 'lakehouse-check.schema.json';
const root = resolve(__dirname, '..');
const build = join(root, 'build');

/** The files that constructs read, beside the modules as they are in the repository. */
function assets(): string[] {
  const jobs = readdirSync(join(root, 'spark-jobs')).filter(file => /\.(py|conf)$/.test(file));
  return [
    ...jobs.map(file => `spark-jobs/${file}`),
    'was/dist/server.js',
    'lib/lakehouse/storage/minio-setup.sh',
  ];
}

/** One file in place of its 180 modules: reading them one by one takes longer than checking a small folder. */
function bundleCheck(): void {
  buildSync({
    absWorkingDir: root,
    entryPoints: ['lib/commands/check.ts'],
    outfile: 'build/lib/commands/check.js',
    allowOverwrite: true,
    bundle: true,
    platform: 'node',
    // Its WebAssembly lies beside it, and most runs need none of it.
    external: ['@astral-sh/ruff-wasm-nodejs'],
    target: 'node20',
    logLevel: 'error',
  });
}

void commandLine(USAGE, {}, () => {
  rmSync(build, { recursive: true, force: true });
  const tsc = join(dirname(require.resolve('typescript/package.json')), 'bin', 'tsc');
  execFileSync(process.execPath, [tsc, '--project', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' });
  bundleCheck();
  for (const file of assets()) cpSync(join(root, file), join(build, file));
  writeFileSync(join(build, SCHEMA), `${JSON.stringify(projectFileSchema(), null, 2)}\n`);
  chmodSync(join(build, 'lib', 'commands', 'cdk8s-lakehouse.js'), 0o755);
});
