import { App } from 'cdk8s';
import { notesIn } from './synth-checks';
import { RefusedApp, writeManifests } from './write-manifests';

/** The apps that were described in this process, refused or not: what `npm run capacity` looks at. */
export const describedApps: App[] = [];

/**
 * Runs a program that describes an app, and writes its manifests into $CDK8S_OUTDIR, or dist/.
 *
 * What is wrong is printed to stderr, all of it and without a stack trace, and nothing is written: exit code 1.
 * Warnings, and what the checks did not understand, are printed there too. Returns the app, for commands that look into it; nothing when it was refused.
 *
 * @example
 * synthesize(app => {
 *   new LakehouseChart(app, 'lakehouse');
 * });
 */
export function synthesize(describe: (app: App) => void): App | undefined {
  try {
    const app = new App();
    describe(app);
    describedApps.push(app);
    for (const warning of writeManifests(app, process.env['CDK8S_OUTDIR'] ?? 'dist')) {
      console.error(`warning: ${warning}`);
    }
    for (const note of notesIn(app)) console.error(`note: ${note}`);
    return app;
  } catch (error) {
    console.error(refusal(error));
    process.exitCode = 1;
    return undefined;
  }
}

/** The sentence for what a program, or the validation, threw. */
function refusal(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof RefusedApp) return error.message;
  // What stopped before the validation has no object: the line of the program that asked for it says where.
  const line = /\/(?<file>main\.ts:\d+)/.exec(error.stack ?? '')?.groups?.['file'];
  const where = line === undefined ? '' : `[${line}] `;
  // These are written for people; the other classes are the JavaScript engine's, and a type check says more.
  return error.constructor === Error || error instanceof RangeError
    ? `${where}${error.message}`
    : `${where}${error.message}; a value is not of the type that it must be`;
}
