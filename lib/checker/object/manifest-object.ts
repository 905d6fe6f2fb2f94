/** One Kubernetes object as plain data, with where it came from when that is known. */
export interface ManifestObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    /** What the object goes by: '<generateName>…' where the server completes it, '' where it has none. */
    readonly name: string;
    /** Whether the API server makes the name when the object is created. */
    readonly isNameGenerated?: true;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  /** The whole object, metadata and kind included. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly source?: {
    readonly file: string;
    readonly line: number;
    /** The nearest folder with a kustomization: what stands in two of them is not applied together by itself. */
    readonly kustomization?: string;
  };
}

/** A mapping of plain data; anything else reads as empty. */
export type PlainObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is PlainObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value if it is a mapping, else an empty one. */
export function asObject(value: unknown): PlainObject {
  return isObject(value) ? value : {};
}

/** The items that are mappings, of a value that should be a list of them. */
export function asObjects(value: unknown): readonly PlainObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

/** The items of a value that should be a list, with their places in it. */
export function listItems(value: unknown): [unknown, number][] {
  return Array.isArray(value) ? value.map((item, index) => [item, index]) : [];
}

/** The value at a path of keys, e.g. at(body, 'spec', 'template', 'spec'). */
export function at(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>((inner, key) => (isObject(inner) ? inner[key] : undefined), value);
}

/** A map of strings (labels, annotations, node selectors): scalars are read as text, the rest is left out. */
export function stringMap(value: unknown): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(asObject(value)).flatMap(([key, item]) =>
      ['string', 'number', 'boolean'].includes(typeof item) ? [[key, String(item)]] : [],
    ),
  );
}

/** Plain data as manifest objects. `List` kinds are flattened; what has no kind is left out. */
export function manifestObjects(documents: readonly unknown[]): ManifestObject[] {
  return documents.flatMap(document => {
    if (!isObject(document)) return [];
    const { apiVersion, kind } = document;
    if (typeof apiVersion !== 'string' || typeof kind !== 'string') return [];
    if (kind.endsWith('List') && Array.isArray(document['items'])) return manifestObjects(document['items']);
    const metadata = asObject(document['metadata']);
    const { namespace } = metadata;
    return [
      {
        apiVersion,
        kind,
        metadata: {
          ...nameOf(metadata),
          ...(typeof namespace === 'string' ? { namespace } : {}),
          ...(isObject(metadata['labels']) ? { labels: stringMap(metadata['labels']) } : {}),
          ...(isObject(metadata['annotations']) ? { annotations: stringMap(metadata['annotations']) } : {}),
        },
        body: document,
      },
    ];
  });
}

/** An API server refuses a name that is no text, or none at all; the object is looked at all the same. */
function nameOf({
  name,
  generateName,
}: PlainObject): Pick<ManifestObject['metadata'], 'name' | 'isNameGenerated'> {
  if (typeof name === 'string' && name !== '') return { name };
  if (typeof generateName === 'string' && generateName !== '') {
    return { name: `${generateName}…`, isNameGenerated: true };
  }
  return { name: ['number', 'boolean'].includes(typeof name) ? String(name) : '' };
}
