import { parseAllDocuments } from 'yaml';
import { asObject, asObjects, type ManifestObject, type PlainObject } from '../object/manifest-object';

/** The names under which kustomize looks for what to build in a folder. */
export const KUSTOMIZATION = /^(kustomization\.ya?ml|Kustomization)$/;

/** Whether a document of a file is one: in a file of that name both apiVersion and kind may be left out. */
export function isKustomization(value: unknown, file: string): boolean {
  const { apiVersion, kind } = asObject(value);
  const isNamedSo = KUSTOMIZATION.test(file.slice(file.lastIndexOf('/') + 1));
  return (
    (kind === 'Kustomization' || kind === 'Component' || (kind === undefined && isNamedSo)) &&
    (apiVersion === undefined || String(apiVersion).startsWith('kustomize.config.k8s.io/'))
  );
}

/** The file that a generator takes a key's value from, relative to its kustomization. */
interface GeneratedFile {
  readonly key: string;
  readonly path: string;
}

/** `job.py` goes by its own name, `main.py=jobs/job.py` by the one before the sign. */
function filesOf(generator: PlainObject): GeneratedFile[] {
  return texts(generator['files']).map(entry => {
    const [key = '', path] = splitOnce(entry);
    return path === undefined ? { key: entry.slice(entry.lastIndexOf('/') + 1), path: entry } : { key, path };
  });
}

/** Files of `KEY=value` lines, each of which is a key. */
function environmentFilesOf(generator: PlainObject): string[] {
  return [...texts(generator['envs']), ...texts([generator['env']])];
}

/** What the ConfigMap generators of a kustomization take, relative to it; nothing where the text is none. */
export function generatorFiles(text: string): string[] {
  return parseAllDocuments(text, { logLevel: 'silent' }).flatMap(document => {
    const generators = document.errors.length > 0 ? [] : configMapGenerators(document.toJS());
    return generators.flatMap(generator => [
      ...filesOf(generator).map(({ path }) => path),
      ...environmentFilesOf(generator),
    ]);
  });
}

function configMapGenerators(body: unknown): readonly PlainObject[] {
  return asObjects(asObject(body)['configMapGenerator']);
}

/** A ConfigMap as kustomize makes it, without the hash at the end of its name, which its users get as well. */
export interface GeneratedConfigMap {
  readonly object: ManifestObject;
  /** Of each key that is a file's text as it is, the file. */
  readonly files: ReadonlyMap<string, string>;
  /** Files that it takes and nobody has. */
  readonly missing: readonly string[];
  /** Where the generator stands in the kustomization. */
  readonly path: readonly (string | number)[];
  /** Whether it adds to a ConfigMap of its name that a base makes, instead of taking its place. */
  readonly isMerged: boolean;
}

/** The ConfigMaps that a kustomization generates out of the files beside it. */
export function generatedConfigMaps(
  body: unknown,
  fileOf: (path: string) => string,
  textOf: (file: string) => string | undefined,
): GeneratedConfigMap[] {
  return configMapGenerators(body).flatMap((generator, index): GeneratedConfigMap[] => {
    const { name, namespace, behavior } = generator;
    if (typeof name !== 'string' || name === '') return [];
    const data: Record<string, string> = {};
    /** Keys of which nobody knows the value. */
    const unknown: Record<string, string> = {};
    const files = new Map<string, string>();
    const missing: string[] = [];
    for (const path of environmentFilesOf(generator)) {
      const text = textOf(fileOf(path));
      if (text === undefined) missing.push(fileOf(path));
      for (const line of (text ?? '').split(/\r?\n/)) {
        const [key = '', value] = splitOnce(line.trim());
        if (value !== undefined && !key.startsWith('#')) data[key.trim()] = value;
      }
    }
    for (const entry of texts(generator['literals'])) {
      const [key = '', value = ''] = splitOnce(entry);
      data[key] = value.replace(/^(['"])([\s\S]*)\1$/, '$2');
    }
    for (const { key, path } of filesOf(generator)) {
      const text = textOf(fileOf(path));
      if (text === undefined) {
        missing.push(fileOf(path));
        unknown[key] = '';
      } else {
        data[key] = text;
        files.set(key, fileOf(path));
      }
    }
    // Where the kustomization gives a namespace, it gives it to all that it builds.
    const metadata = { name, ...(typeof namespace === 'string' ? { namespace } : {}) };
    const binary = Object.keys(unknown).length === 0 ? {} : { binaryData: unknown };
    const made = { apiVersion: 'v1', kind: 'ConfigMap', metadata };
    return [
      {
        object: { ...made, body: { ...made, data, ...binary } },
        files,
        missing,
        path: ['configMapGenerator', index],
        isMerged: behavior === 'merge',
      },
    ];
  });
}

function texts(value: unknown): string[] {
  return (Array.isArray(value) ? value : []).filter(item => typeof item === 'string');
}

function splitOnce(entry: string): [string, string | undefined] {
  const equals = entry.indexOf('=');
  return equals < 0 ? [entry, undefined] : [entry.slice(0, equals), entry.slice(equals + 1)];
}
