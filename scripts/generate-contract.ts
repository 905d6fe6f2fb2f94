import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ContractError, readContract } from '../lib/contract/contract';
import { generatedFiles } from '../lib/contract/generate';

/** Writes what is derived from the contract; with --check, names the files that are stale and exits 1. */
function main(options: readonly string[]): number {
  const unknown = options.filter(option => option !== '--check');
  if (unknown.length > 0) {
    process.stderr.write(`unknown option ${unknown.join(' ')}; allowed is --check\n`);
    return 2;
  }
  const root = join(__dirname, '..');
  const files = generatedFiles(
    readContract(readFileSync(join(root, 'contract/lakehouse.odcs.yaml'), 'utf8')),
  );
  const stale = [...files].filter(
    ([path, text]) => !existsSync(join(root, path)) || readFileSync(join(root, path), 'utf8') !== text,
  );
  if (options.includes('--check')) {
    for (const [path] of stale) {
      process.stderr.write(
        `${path} is not what contract/lakehouse.odcs.yaml says; run npm run generate and commit it\n`,
      );
    }
    return stale.length > 0 ? 1 : 0;
  }
  for (const [path, text] of stale) {
    writeFileSync(join(root, path), text);
    process.stderr.write(`wrote ${path}\n`);
  }
  return 0;
}

try {
  process.exitCode = main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof ContractError)) throw error;
  process.stderr.write(
    `${error.problems.map(problem => `contract/lakehouse.odcs.yaml: ${problem}`).join('\n')}\n`,
  );
  process.exitCode = 2;
}
