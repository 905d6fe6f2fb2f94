import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

export interface GeneratedPage {
  /** The script of package.json that writes it. */
  readonly script: string;
  /** Path from the root of the repository. */
  readonly file: string;
  /** What it is made from. */
  readonly source: string;
  /** Undefined when the source is refused; why is printed by then. */
  readonly content: () => string | undefined | Promise<string | undefined>;
}

/** The command of a page of docs/ that is generated: writes it, or with --check says whether it is stale. */
export async function generatedPage({ script, file, source, content }: GeneratedPage): Promise<void> {
  const usage = `usage: npm run ${script} [-- --check]
Writes ${file} from ${source}.
  --check  write nothing; exit 1 when the file is not what would be written`;
  const path = join(__dirname, '..', '..', file);
  try {
    const { values } = parseArgs({
      options: { check: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
    });
    if (values.help) {
      console.log(usage);
      return;
    }
    const wanted = await content();
    if (wanted === undefined) {
      process.exitCode = 1;
    } else if (!values.check) {
      writeFileSync(path, wanted);
    } else if (!existsSync(path) || readFileSync(path, 'utf8') !== wanted) {
      console.error(`${file} is stale; run npm run ${script} and commit it`);
      process.exitCode = 1;
    }
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    process.exitCode = 2;
  }
}
