import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { writeBindings } from '../lib/crds/bindings';
import { definitionSources } from '../lib/crds/definitions';

const USAGE = `usage: npm run import [-- --check]
Writes imports/ from the custom resource definitions that cdk8s.yaml names: from the folder CRDS_DIR when that
is set, else from their published URLs.
  --check  write nothing; exit 1 when imports/ is not what would be written`;

const root = resolve(__dirname, '..');
const imports = join(root, 'imports');

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { check: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
  });
  if (values.help) return console.log(USAGE);
  const sources = definitionSources(readFileSync(join(root, 'cdk8s.yaml'), 'utf8'));
  const directory = process.env['CRDS_DIR'] ? resolve(process.env['CRDS_DIR']) : undefined;
  const work = mkdtempSync(join(tmpdir(), 'cdk8s-lakehouse-imports-'));
  const fresh = join(work, 'imports');
  try {
    await writeBindings(sources, fresh, directory);
    if (values.check) return refuseDifferences(fresh);
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
      stale.map(name => `imports/${name} is stale; run npm run import and commit it`).join('\n'),
    );
}

function content(file: string): string | undefined {
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}

main().catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
