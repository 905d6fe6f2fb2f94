import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parseSync } from '@swc/core';

/** One import: the file that has it, and the file that it names. Both are relative to the root, with '/'. */
export interface ImportEdge {
  readonly from: string;
  readonly to: string;
}

/** Every import of the TypeScript files below a folder, types included, of files below the root. */
export function importGraph(root: string, folder: string): ImportEdge[] {
  return readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter(file => file.endsWith('.ts'))
    .sort()
    .flatMap(file => {
      const from = path.posix.join(folder, file.split(path.sep).join('/'));
      return importedFiles(root, from).map(to => ({ from, to }));
    });
}

function importedFiles(root: string, file: string): string[] {
  const { body } = parseSync(readFileSync(path.join(root, file), 'utf8'), { syntax: 'typescript' });
  return body
    .flatMap(statement => ('source' in statement && statement.source ? [statement.source.value] : []))
    .filter(name => name.startsWith('.'))
    .map(name => {
      const base = path.posix.join(path.posix.dirname(file), name);
      const found = [base, `${base}.ts`, `${base}/index.ts`].find(
        candidate => path.extname(candidate) !== '' && existsSync(path.join(root, candidate)),
      );
      if (found === undefined) throw new Error(`${file} imports ${name}, which is no file`);
      return found;
    });
}

/** The first circle that the edges make, its first member again at the end; undefined when there is none. */
export function circleIn(edges: readonly ImportEdge[]): readonly string[] | undefined {
  const next = new Map<string, Set<string>>();
  for (const { from, to } of edges) {
    if (from !== to) (next.get(from) ?? next.set(from, new Set()).get(from))?.add(to);
  }
  const done = new Set<string>();
  const visit = (node: string, path: readonly string[]): readonly string[] | undefined => {
    if (path.includes(node)) return [...path.slice(path.indexOf(node)), node];
    if (done.has(node)) return undefined;
    for (const target of next.get(node) ?? []) {
      const circle = visit(target, [...path, node]);
      if (circle !== undefined) return circle;
    }
    done.add(node);
    return undefined;
  };
  for (const node of next.keys()) {
    const circle = visit(node, []);
    if (circle !== undefined) return circle;
  }
  return undefined;
}

/** The edges between folders: what a file's folder takes from another. A file directly in a room is a module of its own. */
export function folderGraph(edges: readonly ImportEdge[], rooms: readonly string[]): ImportEdge[] {
  const moduleOf = (file: string) => {
    const folder = path.posix.dirname(file);
    return rooms.includes(folder) ? file.replace(/\.ts$/, '') : folder;
  };
  const all = edges.map(({ from, to }) => ({ from: moduleOf(from), to: moduleOf(to) }));
  const distinct = new Map(all.map(edge => [`${edge.from} ${edge.to}`, edge]));
  return [...distinct.values()].filter(({ from, to }) => from !== to);
}
