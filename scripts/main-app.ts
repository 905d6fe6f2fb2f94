import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { App } from 'cdk8s';
import { typeErrors } from '../lib/commands/type-errors';

const root = join(__dirname, '..');

/**
 * Runs main.ts, in this process, and meanwhile a type check of it and of what it imports, in another: running a program
 * does not look at its types. What is wrong is printed, whoever found it, and sets exit code 1. The manifests are in the
 * folder, unless synthesis refused them.
 */
export async function runMain(folder: string): Promise<App | undefined> {
  const check = typeCheck();
  process.env['CDK8S_OUTDIR'] = folder;
  let app: App | undefined;
  let failure: unknown;
  try {
    app = (require('../main') as { app?: App }).app;
  } catch (error) {
    failure = error;
  }
  const errors = await check;
  if (errors.length > 0) {
    const count = errors.length === 1 ? '1 type error' : `${errors.length} type errors`;
    console.error([...errors, `${count}, nothing was written`].join('\n'));
    process.exitCode = 1;
    return undefined;
  }
  // A program that cannot be loaded mostly has a type error, which says more.
  if (failure !== undefined) throw failure;
  return app;
}

/** The app that main.ts describes, checked, without writing dist/; undefined, with the errors printed, when it is refused. */
export async function mainApp(): Promise<App | undefined> {
  const unused = mkdtempSync(join(tmpdir(), 'cdk8s-lakehouse-'));
  try {
    return await runMain(unused);
  } finally {
    rmSync(unused, { recursive: true, force: true });
  }
}

/** The type errors of main.ts and what it imports. What TypeScript learned stays in .cache/, for a quick answer next time. */
function typeCheck(): Promise<readonly string[]> {
  const tsc = join(dirname(require.resolve('typescript/package.json')), 'bin/tsc');
  return new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      [tsc, '--project', 'scripts/main.tsconfig.json', '--pretty', 'false'],
      { cwd: root, maxBuffer: 2 ** 30 },
      (failure, stdout, stderr) => {
        if (failure === null || stdout !== '') {
          resolve(typeErrors(stdout, file => readFileSync(join(root, file), 'utf8')));
        } else {
          const why = /^\w*Error: (?<why>.*?)\.?$/m.exec(stderr)?.groups?.['why'] ?? failure.message;
          reject(new Error(`main.ts could not be type-checked: ${why}; run npm ci`));
        }
      },
    );
  });
}
