import { lstatSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { join, sep } from 'node:path';
import { say } from '../finding/message';
import type { Skipped, SourceText, Unreadable } from '../manifest/load';

export interface Collected {
  readonly sources: readonly SourceText[];
  readonly skipped: readonly Skipped[];
  readonly unreadable: readonly Unreadable[];
}

/** The name that stands for standard input. */
export const STDIN = '-';

const EXTENSIONS = /\.(ya?ml|json|sql)$/i;
const NEVER_MANIFESTS = /^(node_modules|__pycache__|package-lock\.json|tsconfig\.json)$/;

/**
 * Reads the files that paths name: a file whatever it is called, a folder's YAML, JSON and SQL files at any depth.
 * Hidden folders and node_modules are left out. A link is followed inside of the folder that was named, each file
 * is read once, and what cannot be read is reported.
 */
export function collect(paths: readonly string[], stdin: () => Uint8Array): Collected {
  const sources: SourceText[] = [];
  const skipped: Skipped[] = [];
  const unreadable: Unreadable[] = [];
  const seen = new Set<string>();

  const read = (file: string) => {
    const real = realpathSync(file);
    if (seen.has(real)) return;
    seen.add(real);
    sources.push({ file: shown(file), bytes: readFileSync(file) });
  };

  const attempt = (file: string, action: () => void) => {
    try {
      action();
    } catch (error) {
      unreadable.push({
        file: shown(file),
        line: 1,
        message: say`the path cannot be read: ${reason(error)}`,
        remedy: say`name an existing file or folder that may be read`,
      });
    }
  };

  const walk = (folder: string, root: string) => {
    const real = realpathSync(folder);
    if (seen.has(real)) return;
    seen.add(real);
    for (const name of readdirSync(folder).sort()) {
      if (name.startsWith('.') || NEVER_MANIFESTS.test(name)) continue;
      const path = join(folder, name);
      attempt(path, () => {
        if (lstatSync(path).isSymbolicLink() && !isInside(path, root)) {
          skipped.push({
            file: shown(path),
            what: 'a link that leads nowhere, in a circle or out of the folder',
            remedy: 'name what it leads to',
          });
          return;
        }
        const status = statSync(path);
        if (status.isDirectory()) walk(path, root);
        else if (status.isFile() && EXTENSIONS.test(name)) read(path);
      });
    }
  };

  for (const path of paths) {
    attempt(path, () => {
      if (path === STDIN) sources.push({ file: 'stdin', bytes: stdin() });
      else if (statSync(path).isDirectory()) walk(path, realpathSync(path));
      else read(path);
    });
  }
  return { sources, skipped, unreadable };
}

function isInside(link: string, root: string): boolean {
  try {
    return `${realpathSync(link)}${sep}`.startsWith(root.endsWith(sep) ? root : `${root}${sep}`);
  } catch {
    return false;
  }
}

function shown(path: string): string {
  return path.split(sep).join('/').replace(/^\.\//, '');
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder',
  EACCES: 'permission denied',
  ELOOP: 'links lead in a circle',
  EISDIR: 'it is a folder',
};

function reason(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  return REASONS[code ?? ''] ?? code ?? String(error);
}
