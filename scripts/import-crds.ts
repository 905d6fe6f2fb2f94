import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { commandLine } from '../lib/commands/command-line';
import { writeBindings } from './crds/bindings';
import { definitionSources } from './crds/definitions';

const USAGE = `usage: npm run build:imports [-- --check]
Writes imports/ from the custom resource definitions that cdk8s.yaml names: from the folder CRDS_DIR when that
is set, else from their published URLs.
  --check  write nothing; exit 1 when imports/ is not what would be written`;

const root = resolve(__dirname, '..');
const imports = join(root, 'imports');

async function main(isCheck: boolean): Promise<void> {
  const sources = definitionSources(readFileSync(join(root, 'cdk8s.yaml'), 'utf8'));
  const directory = process.env['CRDS_DIR'] ? resolve(process.env['CRDS_DIR']) : undefined;
  const work = mkdtempSync(join(tmpdir(), 'cdk8s-lakehouse-imports-'));
  const fresh = join(work, 'imports');
  try {
    await writeBindings(sources, fresh, directory);
    if (isCheck) return refuseDifferences(fresh);
    rmSync(imports, { recursive: true, force: true });
    cpSync(fresh, imports, { recursive: true });
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function refuseDifferences(fresh: string): void {
  const names = new Set([imports, fresh].flatMap(folder => (existsSync(folder) ? readdirSync(folder) : [])));
  const stale = [...names].filter(name => content(join(imports, name)) !== content(join(fresh, name)));
  if (stale.length > 0)
    throw new Error(
      stale.map(name => `imports/${name} is stale; run npm run build:imports and commit it`).join('\n'),
    );
}

function content(file: string): string | undefined {
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}

void commandLine(USAGE, { check: { type: 'boolean', default: false } }, ({ check }) => main(check));
