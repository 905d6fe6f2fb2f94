import type { PythonText } from '../manifest/load';
import type { ManifestObject } from '../object/manifest-object';
import { isForeign } from '../python/standard-library';
import type { FileText } from './file-text';

/** The Python files that stand beside the manifests, as the programs of which manifests give the path alone. */
export interface CodeBeside {
  readonly files: readonly PythonText[];
  /**
   * The files that a program sees, by the paths that it has in its pod: its own, which goes by the name that the
   * manifest gives, and those around it. Empty where no file has the name, or where nobody knows which one is meant.
   */
  readonly around: (main: string, object: ManifestObject) => Readonly<Record<string, FileText>>;
  /** The one file that holds a module of some folder, for what a program imports from elsewhere. */
  readonly module: (name: string) => FileText | undefined;
}

/** Spark's own programs stand in its image. */
const OF_THE_IMAGE = /^\/opt\/spark\/(examples|python)\//;

export function codeBeside(files: readonly PythonText[]): CodeBeside {
  const texts = new Map(files.map(({ file, text }) => [file, fileText(file, text)]));
  const byName = new Map<string, PythonText[]>();
  for (const file of files) {
    const name = nameOf(file.file);
    byName.set(name, [...(byName.get(name) ?? []), file]);
  }
  const around = (main: string, object: ManifestObject) => {
    if (OF_THE_IMAGE.test(main)) return {};
    const found = meant(byName.get(nameOf(main)) ?? [], main, object.source?.file ?? '');
    if (found === undefined) return {};
    const [folder, target] = [folderOf(found.file), folderOf(main)];
    const inside = folder === '' ? '' : `${folder}/`;
    const placed = [...texts].flatMap(([file, text]) =>
      file.startsWith(inside) ? [[`${target}/${file.slice(inside.length)}`, text] as const] : [],
    );
    return Object.fromEntries(placed);
  };
  const module = (name: string) => {
    if (!isForeign(name.split('.')[0] ?? name)) return undefined;
    const path = name.replaceAll('.', '/');
    const found = files.filter(({ file }) => ends(file, `${path}.py`) || ends(file, `${path}/__init__.py`));
    return found.length === 1 ? texts.get(found[0]?.file ?? '') : undefined;
  };
  return { files, around, module };
}

/** Of several files of one name the one that has most of the path, then the one that is nearest to the manifest. */
function meant(candidates: readonly PythonText[], main: string, manifest: string): PythonText | undefined {
  const rank = ({ file }: PythonText) => [
    common(file.split('/').reverse(), main.split('/').reverse()),
    common(file.split('/').slice(0, -1), manifest.split('/').slice(0, -1)),
  ];
  const ranked = candidates
    .map(candidate => ({ candidate, rank: rank(candidate) }))
    .sort((one, other) => compare(other.rank, one.rank));
  const [first, second] = ranked;
  const isClear = second === undefined || compare(first?.rank ?? [], second.rank) > 0;
  return isClear || first?.candidate.text === second?.candidate.text ? first?.candidate : undefined;
}

function compare(one: readonly number[], other: readonly number[]): number {
  const index = one.findIndex((value, place) => value !== other[place]);
  return index < 0 ? 0 : (one[index] ?? 0) - (other[index] ?? 0);
}

/** How many parts two paths have in common from their start on. */
function common(one: readonly string[], other: readonly string[]): number {
  const differ = one.findIndex((part, index) => part !== other[index]);
  return differ < 0 ? one.length : differ;
}

export function fileText(file: string, text: string): FileText {
  return { text, place: line => ({ file, line: line + 1 }), file };
}

function ends(file: string, path: string): boolean {
  return file === path || file.endsWith(`/${path}`);
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

function folderOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}
