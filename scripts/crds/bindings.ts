import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { type DefinitionSource, fetchDefinitions } from './definitions';

/**
 * Writes the typed bindings of every source to `output` as <module>.ts, with `cdk8s import`.
 *
 * @throws one error that names every source that could not be had
 */
export async function writeBindings(
  sources: readonly DefinitionSource[],
  output: string,
  directory?: string,
): Promise<void> {
  const work = await mkdtemp(join(tmpdir(), 'cdk8s-lakehouse-import-'));
  try {
    const results = await Promise.allSettled(
      sources.map(async source => {
        const file = join(work, `${source.name}.yaml`);
        const definitions = await fetchDefinitions(source, directory);
        // JSON documents are YAML documents
        await writeFile(file, definitions.map(definition => `---\n${JSON.stringify(definition)}\n`).join(''));
        await bind(source, file, output, work);
      }),
    );
    const errors = results.flatMap(result =>
      result.status === 'rejected' ? [String(result.reason.message)] : [],
    );
    if (errors.length > 0) throw new Error(errors.join('\n'));
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** cdk8s names a module after the API group; `prefix:=file` puts `prefix-` before it. */
async function bind(
  { name, module }: DefinitionSource,
  file: string,
  output: string,
  cwd: string,
): Promise<void> {
  const prefix = /^([a-z]+)-/.exec(module)?.[1];
  const cli = join(dirname(createRequire(__filename).resolve('cdk8s-cli/package.json')), 'bin', 'cdk8s');
  const args = ['import', '--language', 'typescript', '--no-save', '--output', output];
  await promisify(execFile)(process.execPath, [cli, ...args, prefix ? `${prefix}:=${file}` : file], {
    cwd,
    env: { ...process.env, CDK8S_CHECK_UPGRADE: 'false' },
    maxBuffer: 64 * 2 ** 20,
  }).catch((cause: { stderr?: string }) => {
    throw new Error(
      `${name} cannot be bound by cdk8s import: ${cause.stderr?.trim().split('\n', 1)[0] ?? cause}`,
    );
  });
}
