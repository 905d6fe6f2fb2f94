import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ContractError, readContract } from '../contract/generator/contract';
import { generatedFiles } from '../contract/generator/generate';
import { commandLine, UnusableInput } from '../lib/commands/command-line';

const CONTRACT = 'contract/lakehouse.odcs.yaml';
const USAGE = `usage: npm run generate [-- --check]
Writes the DDL, the types and the schemas that are derived from ${CONTRACT}.
  --check  write nothing; exit 1 when a file is not what would be written
Exit code 2 when the contract cannot be used.`;

void commandLine(USAGE, { check: { type: 'boolean' } }, ({ check }) => {
  const root = join(__dirname, '..');
  const files = derivedFiles(readFileSync(join(root, CONTRACT), 'utf8'));
  const stale = [...files].filter(
    ([path, text]) => !existsSync(join(root, path)) || readFileSync(join(root, path), 'utf8') !== text,
  );
  if (check && stale.length > 0)
    throw new Error(
      stale
        .map(([path]) => `${path} is not what ${CONTRACT} says; run npm run generate and commit it`)
        .join('\n'),
    );
  for (const [path, text] of stale) {
    writeFileSync(join(root, path), text);
    process.stderr.write(`wrote ${path}\n`);
  }
});

function derivedFiles(contract: string): ReadonlyMap<string, string> {
  try {
    return generatedFiles(readContract(contract));
  } catch (error) {
    if (!(error instanceof ContractError)) throw error;
    throw new UnusableInput(error.problems.map(problem => `${CONTRACT}: ${problem}`).join('\n'));
  }
}
