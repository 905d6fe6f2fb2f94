import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The folder of this package, from its sources or from what was built of them: the nearest one that has a package.json. */
export function packageFolder(from: string = __dirname): string {
  try {
    readFileSync(join(from, 'package.json'));
    return from;
  } catch {
    return packageFolder(dirname(from));
  }
}

export function packageVersion(): string {
  const text = readFileSync(join(packageFolder(), 'package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
