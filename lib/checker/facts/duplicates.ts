import { posix } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { apiGroup, namespaceOf } from '../manifest/pod-templates';
import type { ManifestObject } from '../object/manifest-object';
import { hasPlaceholder } from '../object/placeholder';
import { grouped } from './manifest-index';

/** An object that another one of its kind, namespace and name differs from. */
export interface Duplicate {
  readonly object: ManifestObject;
  readonly first: ManifestObject;
  /** Whether both are applied to one cluster, for all that the files show. */
  readonly areTogether: boolean;
}

export function duplicates(objects: readonly ManifestObject[]): Duplicate[] {
  // Each object of a generated name gets one of its own.
  const named = objects.filter(({ metadata }) => metadata.name !== '' && metadata.isNameGenerated !== true);
  const groups = grouped(named, identity);
  const byFile = grouped(named, ({ source }) => source?.file);
  const idsOf = new Map([...byFile].map(([file, own]) => [file, new Set(own.map(identity))]));
  return [...groups.values()].flatMap(group =>
    group.flatMap((object, index): Duplicate[] => {
      const others = group
        .slice(0, index)
        .filter(other => mayBeOfOneCluster(other, object) && !isDeepStrictEqual(other.body, object.body));
      const together = others.find(other => areTogether(other, object, group, idsOf));
      const first = together ?? others[0];
      return first === undefined ? [] : [{ object, first, areTogether: together !== undefined }];
    }),
  );
}

function identity(object: ManifestObject): string {
  return [apiGroup(object), object.kind, namespaceOf(object), object.metadata.name].join('/');
}

/** Two kustomizations are two builds, and each file with a placeholder has perhaps another text in its place. */
function mayBeOfOneCluster(one: ManifestObject, other: ManifestObject): boolean {
  const { name, namespace = '' } = one.metadata;
  if (hasPlaceholder(name) || hasPlaceholder(namespace)) return one.source?.file === other.source?.file;
  const [left, right] = [one.source?.kustomization, other.source?.kustomization];
  return left === undefined || right === undefined || left === right;
}

/** What helm put out is installed as a whole, whatever the names of its templates. */
const RENDERED = / \(helm template\)$/;

/**
 * What one file, build or folder holds is applied together: `kubectl apply -f` takes the files of one folder, and none
 * of the folders in it. Files of one folder that are variants of one another are alternatives.
 */
function areTogether(
  one: ManifestObject,
  other: ManifestObject,
  group: readonly ManifestObject[],
  idsOf: ReadonlyMap<string | undefined, ReadonlySet<string>>,
): boolean {
  const [left, right] = [one.source, other.source];
  if (left === undefined || right === undefined || left.file === right.file) return true;
  if (RENDERED.test(left.file) && RENDERED.test(right.file)) return true;
  if (left.kustomization !== undefined && left.kustomization === right.kustomization) return true;
  if (posix.dirname(left.file) !== posix.dirname(right.file)) return false;
  const variants = new Set(group.map(({ source }) => source?.file));
  return (
    variants.size < 3 &&
    !areVariants(left.file, right.file, idsOf) &&
    !isWhollyElsewhere(left.file, idsOf) &&
    !isWhollyElsewhere(right.file, idsOf)
  );
}

/**
 * Whether two files of one folder say the same in two ways: one holds nothing but what the other has too, or half of
 * it is there and the names have a word in common (kafka-ephemeral and kafka-persistent).
 */
function areVariants(
  left: string,
  right: string,
  idsOf: ReadonlyMap<string | undefined, ReadonlySet<string>>,
): boolean {
  const [one, other] = [idsOf.get(left) ?? new Set<string>(), idsOf.get(right) ?? new Set<string>()];
  const shared = [...one].filter(id => other.has(id)).length;
  const smallest = Math.min(one.size, other.size);
  if (shared === smallest && smallest >= 2) return true;
  const words = wordsOf(left);
  const isNamedAlike = wordsOf(right).some(word =>
    words.some(other => other.startsWith(word) || word.startsWith(other)),
  );
  return shared * 2 >= smallest && isNamedAlike;
}

/** A file that holds nothing but what other files of its folder hold too: all in one, beside the parts. */
function isWhollyElsewhere(
  file: string,
  idsOf: ReadonlyMap<string | undefined, ReadonlySet<string>>,
): boolean {
  const own = [...(idsOf.get(file) ?? [])];
  const folder = posix.dirname(file);
  const beside = [...idsOf].filter(
    ([other]) => other !== undefined && other !== file && posix.dirname(other) === folder,
  );
  return own.length >= 2 && own.every(id => beside.some(([, ids]) => ids.has(id)));
}

/** Words that tell nothing of what a file is for. */
const GENERIC: ReadonlySet<string> = new Set([
  'app',
  'config',
  'configmap',
  'deployment',
  'example',
  'examples',
  'file',
  'manifest',
  'manifests',
  'resource',
  'resources',
  'service',
  'test',
]);

function wordsOf(file: string): string[] {
  const name = posix.basename(file).replace(/\.(ya?ml|json)$/, '');
  return name
    .toLowerCase()
    .split(/[^a-z]+/)
    .filter(word => word.length >= 3 && !GENERIC.has(word));
}
