import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { commandLine } from '../lib/commands/command-line';
import { definitionSources, fetchDefinitions } from './crds/definitions';
import { compactSchemas, type Definitions } from './schemas/compact';

/** Publishes the API of every release of Kubernetes as JSON schemas; a new release of it for each of Kubernetes. */
const PACKAGE = 'kubernetes-validate';
const PACKAGE_VERSION = '1.37.0';
/** The oldest Kubernetes that the manifests are written for, to the newest that the package knows. */
const RELEASES = ['1.30', '1.31', '1.32', '1.33', '1.34', '1.35', '1.36', '1.37'];

const USAGE = `usage: npm run build:schemas [-- --check]
Writes lib/checker/schema/schemas.json: the fields of Kubernetes ${RELEASES[0]} to ${RELEASES.at(-1)}, from ${PACKAGE} ${PACKAGE_VERSION} of
the Python package index, and those of the custom resource definitions that cdk8s.yaml names: from the folder CRDS_DIR
when that is set, else from their published URLs.
  --check  write nothing; exit 1 when the file is not what would be written`;

const root = resolve(__dirname, '..');
const target = join(root, 'lib', 'checker', 'schema', 'schemas.json');

async function main(isCheck: boolean): Promise<void> {
  const sources = definitionSources(readFileSync(join(root, 'cdk8s.yaml'), 'utf8'));
  const directory = process.env['CRDS_DIR'] ? resolve(process.env['CRDS_DIR']) : undefined;
  const custom = await Promise.all(sources.map(source => fetchDefinitions(source, directory)));
  const text = written(compactSchemas(kubernetesReleases(), custom.flat()));
  if (!isCheck) return writeFileSync(target, text);
  if (!existsSync(target) || readFileSync(target, 'utf8') !== text)
    throw new Error('lib/checker/schema/schemas.json is stale; run npm run build:schemas and commit it');
}

function kubernetesReleases(): ReadonlyMap<string, Definitions> {
  const work = mkdtempSync(join(tmpdir(), 'cdk8s-lakehouse-schemas-'));
  try {
    const options = ['--quiet', '--no-deps', '--only-binary', ':all:', '--dest', work];
    execFileSync('python3', ['-m', 'pip', 'download', ...options, `${PACKAGE}==${PACKAGE_VERSION}`], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const [wheel = ''] = readdirSync(work);
    return new Map(RELEASES.map(release => [release, definitionsOf(join(work, wheel), release)]));
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** A wheel is a zip file, which Node's own library does not read. */
function definitionsOf(wheel: string, release: string): Definitions {
  const file = `kubernetes_validate/kubernetes-json-schema/v${release}.0-local/_definitions.json`;
  const read = 'import sys, zipfile; sys.stdout.buffer.write(zipfile.ZipFile(sys.argv[1]).read(sys.argv[2]))';
  const text = execFileSync('python3', ['-c', read, wheel, file], { maxBuffer: 64 * 2 ** 20 });
  return (JSON.parse(text.toString()) as { readonly $defs: Definitions }).$defs;
}

/** A line for each kind and each type, so that a difference can be read. */
function written(schemas: object): string {
  const parts = Object.entries(schemas).map(([key, value]) => {
    if (Array.isArray(value)) return `${JSON.stringify(key)}: ${JSON.stringify(value)}`;
    const lines = Object.entries(value).map(
      ([name, item]) => `${JSON.stringify(name)}: ${JSON.stringify(item)}`,
    );
    return `${JSON.stringify(key)}: {\n${lines.join(',\n')}\n}`;
  });
  return `{\n${parts.join(',\n')}\n}\n`;
}

void commandLine(USAGE, { check: { type: 'boolean', default: false } }, ({ check }) => main(check));
