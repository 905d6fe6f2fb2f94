import { resolve, sep } from 'node:path';
import type { Environment } from './project-file';

/** Folders that hold one system for several clusters, as teams name them. */
const ENVIRONMENT =
  /^(dev|develop|development|test|testing|qa|uat|int|integration|stage|staging|preprod|pre-prod|prod|prd|production|sandbox|demo)\d*$/i;

/**
 * The environment of each file: the name of its first folder that has such a name and a sibling with another one.
 * Undefined for what belongs to all of them, such as a base.
 */
export function environmentOf(files: readonly string[]): (file: string) => string | undefined {
  const siblings = new Map<string, Set<string>>();
  for (const file of files) {
    for (const { parent, name } of environmentFolders(file))
      siblings.set(parent, (siblings.get(parent) ?? new Set()).add(name));
  }
  return file => environmentFolders(file).find(({ parent }) => (siblings.get(parent)?.size ?? 0) > 1)?.name;
}

function environmentFolders(file: string): { readonly parent: string; readonly name: string }[] {
  const folders = file.split('/').slice(0, -1);
  return folders.flatMap((folder, index) =>
    ENVIRONMENT.test(folder)
      ? [{ parent: folders.slice(0, index).join('/'), name: folder.toLowerCase() }]
      : [],
  );
}

/** The environment whose folder holds a file: the one with the longest path. Undefined for what belongs to all of them. */
export function declaredEnvironmentOf(
  environments: readonly Environment[],
): (file: string) => string | undefined {
  const folders = environments
    .flatMap(({ name, folders: own }) => own.map(folder => ({ name, folder })))
    .sort((left, right) => right.folder.length - left.folder.length);
  return file => {
    const path = resolve(file);
    return folders.find(({ folder }) => path === folder || path.startsWith(`${folder}${sep}`))?.name;
  };
}
