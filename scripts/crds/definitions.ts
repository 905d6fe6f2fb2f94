import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';

/** One module of imports/ and where its custom resource definitions are published. */
export interface DefinitionSource {
  /** File name without extension under CRDS_DIR. */
  readonly name: string;
  /** Module under imports/, without extension: the API group, with a prefix where two releases share one. */
  readonly module: string;
  /** Published YAML files that together hold the definitions, in the order in which they are bound. */
  readonly urls: readonly string[];
}

type Json = Readonly<Record<string, unknown>>;

/** The `definitions` of a cdk8s.yaml. */
export function definitionSources(cdk8sYaml: string): DefinitionSource[] {
  const { definitions = {} } = parse(cdk8sYaml) as {
    definitions?: Record<string, Omit<DefinitionSource, 'name'>>;
  };
  return Object.entries(definitions).map(([name, source]) => ({ name, ...source }));
}

/**
 * The documents of a multi-document YAML text, as custom resource definitions without descriptions and examples.
 * `origin` names the text in an error.
 */
export function readDefinitions(text: string, origin: string): Json[] {
  const definitions = parseAllDocuments(text).flatMap(document => {
    const [problem] = document.errors;
    if (problem) throw new Error(`${origin} is not readable YAML: ${problem.message.split('\n', 1)[0]}`);
    const plain: unknown = document.toJS();
    return plain === null ? [] : [plain];
  });
  for (const definition of definitions) {
    if (!isObject(definition) || definition['kind'] !== 'CustomResourceDefinition')
      throw new Error(`${origin} holds a document that is no CustomResourceDefinition`);
  }
  if (definitions.length === 0)
    throw new Error(`${origin} holds no document, expected CustomResourceDefinitions`);
  return definitions.map(definition => withoutDescriptions(definition as Json));
}

/** The definition with every schema of its versions stripped of `description`, `example` and `externalDocs`. */
export function withoutDescriptions(definition: Json): Json {
  const spec = definition['spec'] as Json;
  const versions = (spec['versions'] as Json[]).map(version => {
    const schema = version['schema'] as Json | undefined;
    return schema?.['openAPIV3Schema']
      ? { ...version, schema: { openAPIV3Schema: bareSchema(schema['openAPIV3Schema'] as Json) } }
      : version;
  });
  return { ...definition, spec: { ...spec, versions } };
}

const TEXTS: ReadonlySet<string> = new Set(['description', 'example', 'externalDocs']);

/** Walks only where schemas stand: a property that is itself called `description` stays. */
function bareSchema(schema: Json): Json {
  return Object.fromEntries(
    Object.entries(schema)
      .filter(([key]) => !TEXTS.has(key))
      .map(([key, value]) => {
        if (key === 'properties' && isObject(value))
          return [key, Object.fromEntries(Object.entries(value).map(([k, v]) => [k, bareSchema(v as Json)]))];
        if ((key === 'items' || key === 'additionalProperties' || key === 'not') && isObject(value))
          return [key, bareSchema(value)];
        if ((key === 'allOf' || key === 'anyOf' || key === 'oneOf') && Array.isArray(value))
          return [key, value.map(part => bareSchema(part as Json))];
        return [key, value];
      }),
  );
}

/**
 * The definitions of one source: from `<directory>/<name>.yaml` when a directory is given, else from its URLs.
 * Both ways give the same objects for the same release.
 */
export async function fetchDefinitions(source: DefinitionSource, directory?: string): Promise<Json[]> {
  if (directory !== undefined) {
    const file = join(directory, `${source.name}.yaml`);
    const text = await readFile(file, 'utf8').catch((cause: Error) => {
      throw new Error(
        `${file} cannot be read (${cause.message}); unset CRDS_DIR to fetch the published files`,
      );
    });
    return readDefinitions(text, file);
  }
  const texts = await Promise.all(source.urls.map(async url => readDefinitions(await download(url), url)));
  return texts.flat();
}

async function download(url: string): Promise<string> {
  const remedy = 'set CRDS_DIR to a folder that holds the definitions, or mend the URL in cdk8s.yaml';
  const response = await fetch(url, { signal: AbortSignal.timeout(60_000) }).catch((cause: Error) => {
    const why = cause.cause instanceof Error ? cause.cause.message : cause.message;
    throw new Error(`${url} cannot be fetched (${why}); ${remedy}`);
  });
  if (!response.ok) throw new Error(`${url} answered ${response.status} ${response.statusText}; ${remedy}`);
  return response.text();
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
