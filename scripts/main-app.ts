import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { App } from 'cdk8s';

/** The app that main.ts describes, checked, without writing dist/; undefined, with the errors printed, when it is refused. */
export function mainApp(): App | undefined {
  const unused = mkdtempSync(join(tmpdir(), 'cdk8s-lakehouse-'));
  try {
    process.env['CDK8S_OUTDIR'] = unused;
    return (require('../main') as { app: App | undefined }).app;
  } finally {
    rmSync(unused, { recursive: true, force: true });
  }
}
