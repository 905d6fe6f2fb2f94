import { existsSync, lstatSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { say } from '../finding/message';
import { generatorFiles, KUSTOMIZATION } from '../manifest/kustomization';
import { decode, type Skipped, type SourceText, type Unreadable } from '../manifest/load';

export interface Collected {
  readonly sources: readonly SourceText[];
  readonly skipped: readonly Skipped[];
  readonly unreadable: readonly Unreadable[];
  /** What was named, each with the files that were met there. */
  readonly named: readonly { readonly path: string; readonly files: readonly string[] }[];
  /** Programs and languages of configuration that were met and are not read. @default none */
  readonly others?: readonly string[];
}

/** The name that stands for standard input. */
export const STDIN = '-';

const EXTENSIONS = /\.(ya?ml|json|sql|py)$/i;
/** Manifests that some program fills in first; the parts of a chart that begin with _ make none by themselves. */
const TEMPLATES = /^[^_].*\.(ya?ml|json)\.\w+$|^[^_].*\.(tpl|j2|jinja2?|gotmpl)$/i;
const OTHERS = /\.(ipynb|sh|bash|scala|java|kt|jar|tf|jsonnet|libsonnet|cue|k|pkl|dhall)$/i;
const NEVER_MANIFESTS = /^(node_modules|__pycache__|site-packages|venv|package-lock\.json|tsconfig\.json)$/;

/**
 * Reads the files that paths name: a file whatever it is called, a folder's YAML, JSON, SQL and Python files at any
 * depth, and what a ConfigMap generator of a kustomization in it takes. Hidden folders, node_modules and virtual
 * environments are left out. A link is followed inside of the folder that was named, each file
 * is read once, and what cannot be read is reported.
 */
export function collect(paths: readonly string[], stdin: () => Uint8Array): Collected {
  const sources: SourceText[] = [];
  const skipped: Skipped[] = [];
  const unreadable: Unreadable[] = [];
  const others: string[] = [];
  const seen = new Set<string>();

  /** Where each file that was read stands among the sources. */
  const places = new Map<string, number>();

  let met: string[] = [];
  const skip = (path: string, what: string, remedy: string) => {
    met.push(shown(path));
    skipped.push({ file: shown(path), what, remedy });
  };

  const read = (file: string, role: Pick<SourceText, 'isNamed' | 'isData'> = {}) => {
    met.push(shown(file));
    const real = realpathSync(file);
    const before = places.get(real);
    if (before !== undefined) {
      // A folder that holds it came first.
      sources[before] = { ...(sources[before] as SourceText), ...role };
      return;
    }
    seen.add(real);
    places.set(real, sources.length);
    sources.push({ file: shown(file), bytes: readFileSync(file), ...role });
  };

  /** Files of any name that become the data of a ConfigMap. */
  const readGenerated = (file: string, root: string) => {
    const text = decode(readFileSync(file)) ?? '';
    for (const path of generatorFiles(text).map(name => join(dirname(file), name))) {
      const isRead = EXTENSIONS.test(path) || !existsSync(path) || !isInside(path, root);
      if (!isRead && statSync(path).isFile()) read(path, { isData: true });
    }
  };

  const attempt = (file: string, action: () => void) => {
    try {
      action();
    } catch (error) {
      met.push(shown(file));
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
          skip(path, 'a link that leads nowhere, in a circle or out of the folder', 'name what it leads to');
          return;
        }
        const status = statSync(path);
        if (status.isDirectory()) walk(path, root);
        else if (!status.isFile()) {
          skip(path, 'a pipe, a socket or a device', 'name it where it is to be read');
        } else if (EXTENSIONS.test(name) || KUSTOMIZATION.test(name)) {
          read(path);
          if (KUSTOMIZATION.test(name)) readGenerated(path, root);
        } else if (TEMPLATES.test(name)) skip(path, 'a template, by its name', 'check what it renders to');
        else if (OTHERS.test(name)) others.push(shown(path));
      });
    }
  };

  const named: { path: string; files: readonly string[] }[] = [];
  for (const path of paths) {
    met = [];
    attempt(path, () => {
      if (path === STDIN) {
        met.push('stdin');
        sources.push({ file: 'stdin', bytes: stdin() });
      } else if (statSync(path).isDirectory()) walk(path, realpathSync(path));
      else read(path, { isNamed: true });
    });
    named.push({ path: path === STDIN ? 'stdin' : shown(path), files: met });
  }
  return { sources, skipped, unreadable, named, others };
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

export function reason(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  return REASONS[code ?? ''] ?? code ?? String(error);
}
