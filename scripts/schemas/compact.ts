import type { Fields, Schemas, ValueType } from '../../lib/checker/schema/schema';

type Json = Readonly<Record<string, unknown>>;

/** The definitions of one release of Kubernetes, by their names. */
export type Definitions = Readonly<Record<string, Json>>;

const METADATA = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';

/** Types that are no objects with fields, whatever their definition says. */
const OWN_TYPES: Readonly<Record<string, ValueType>> = {
  'io.k8s.apimachinery.pkg.api.resource.Quantity': 'quantity',
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString': 'whole number or text',
};

/**
 * What the releases of Kubernetes and the custom resource definitions know, in one: a field is known when a release
 * has it, with the type that it has in the newest. Descriptions, the status and what only the server writes are left out.
 *
 * @param releases definitions by minor release, the newest last
 */
export function compactSchemas(
  releases: ReadonlyMap<string, Definitions>,
  customResources: readonly Json[],
): Schemas {
  const types = new Map<string, Fields>();
  const kinds = new Map<string, string>();
  for (const definitions of [...releases.values()].reverse()) addRelease(definitions, types, kinds);
  const custom = customResources.flatMap(definition => customKinds(definition, types));
  for (const [kind, type] of custom) kinds.set(kind, type);
  const reached = reachable([...kinds.values()], types);
  return {
    kubernetes: [...releases.keys()],
    kinds: sorted(kinds),
    custom: custom.map(([kind]) => kind).sort(),
    types: sorted(new Map([...types].filter(([name]) => reached.has(name)))),
  };
}

function addRelease(definitions: Definitions, types: Map<string, Fields>, kinds: Map<string, string>): void {
  for (const [name, definition] of Object.entries(definitions)) {
    const properties = definition['properties'] as Readonly<Record<string, Json>> | undefined;
    if (properties === undefined) continue;
    const type = shortName(name);
    const isKind = properties['metadata']?.['$ref'] === `#/$defs/${METADATA}`;
    const fields = Object.entries(properties).map(([key, schema]): [string, ValueType] => [
      key,
      isServers(name, key, isKind) ? 'any' : builtInType(schema, definitions),
    ]);
    types.set(type, { fields: { ...Object.fromEntries(fields), ...types.get(type)?.fields } });
    if (!isKind) continue;
    const own = (definition['x-kubernetes-group-version-kind'] ?? []) as readonly Record<string, string>[];
    for (const { group, version, kind } of own)
      kinds.set(`${group === '' ? '' : `${group}/`}${version} ${kind}`, type);
  }
}

/** What the server writes: nobody's mistake, and half of all definitions. */
function isServers(name: string, key: string, isKind: boolean): boolean {
  return (isKind && key === 'status') || (name === METADATA && key === 'managedFields');
}

function shortName(name: string): string {
  return name.replace(
    /^io\.k8s\.(api\.|(kube-aggregator|apiextensions-apiserver|apimachinery)\.pkg\.(apis\.)?)/,
    '',
  );
}

function builtInType(schema: Json, definitions: Definitions): ValueType {
  const reference = schema['$ref'];
  if (typeof reference === 'string') {
    const name = reference.replace('#/$defs/', '');
    const target = definitions[name] ?? {};
    return (
      OWN_TYPES[name] ??
      (target['properties'] === undefined ? plainType(target, definitions) : { fields: shortName(name) })
    );
  }
  return plainType(schema, definitions);
}

function plainType(schema: Json, definitions: Definitions): ValueType {
  const inner = (key: string) => builtInType(schema[key] as Json, definitions);
  switch (typeIn(schema)) {
    case 'array':
      return { list: inner('items') };
    case 'object':
      return schema['additionalProperties'] === undefined ? 'object' : { map: inner('additionalProperties') };
    default:
      return scalar(schema);
  }
}

function typeIn({ type }: Json): unknown {
  return Array.isArray(type) ? type.find(item => item !== 'null') : type;
}

function scalar(schema: Json): ValueType {
  switch (typeIn(schema)) {
    case 'string':
      return 'text';
    case 'integer':
      return 'whole number';
    case 'number':
      return 'number';
    case 'boolean':
      return 'boolean';
    case undefined:
      return 'any';
    default:
      throw new Error(`a schema has type ${JSON.stringify(schema['type'])}, which has no counterpart`);
  }
}

/** The kinds of a custom resource definition, a version each, with their types. */
function customKinds(definition: Json, types: Map<string, Fields>): [string, string][] {
  const { group, names, versions } = definition['spec'] as {
    readonly group: string;
    readonly names: { readonly kind: string };
    readonly versions: readonly {
      readonly name: string;
      readonly schema: { readonly openAPIV3Schema: Json };
    }[];
  };
  return versions.map(({ name, schema: { openAPIV3Schema } }) => {
    const { properties } = openAPIV3Schema as { readonly properties: Readonly<Record<string, Json>> };
    const type = `${group}/${name} ${names.kind}`;
    const spec = Object.entries(properties)
      .filter(([key]) => !['apiVersion', 'kind', 'metadata', 'status'].includes(key))
      .map(([key, schema]): [string, ValueType] => [key, customType(schema, types)]);
    types.set(type, {
      fields: {
        apiVersion: 'text',
        kind: 'text',
        metadata: { fields: shortName(METADATA) },
        status: 'any',
        ...Object.fromEntries(spec),
      },
    });
    return [type, type];
  });
}

/** Equal objects, wherever they stand, share one type: most of a definition is pod templates. */
function customType(schema: Json, types: Map<string, Fields>): ValueType {
  if (schema['x-kubernetes-int-or-string'] === true) return 'whole number or text';
  const isOpen = schema['x-kubernetes-preserve-unknown-fields'] === true;
  switch (schema['type']) {
    case 'array':
      return { list: customType(schema['items'] as Json, types) };
    case 'object': {
      const { properties, additionalProperties } = schema as {
        readonly properties?: Readonly<Record<string, Json>>;
        readonly additionalProperties?: Json | boolean;
      };
      if (properties === undefined) {
        return typeof additionalProperties === 'object' && !isOpen
          ? { map: customType(additionalProperties, types) }
          : 'object';
      }
      const fields = Object.fromEntries(
        Object.entries(properties).map(([key, value]) => [key, customType(value, types)]),
      );
      return { fields: sharedType({ fields, ...(isOpen ? { isOpen } : {}) }, types) };
    }
    case 'string':
      return Array.isArray(schema['enum']) && schema['enum'].every(item => typeof item === 'string')
        ? { oneOf: schema['enum'] }
        : 'text';
    case 'date':
      return 'text';
    default:
      return isOpen ? 'any' : scalar(schema);
  }
}

function sharedType(type: Fields, types: Map<string, Fields>): string {
  const text = JSON.stringify(type);
  const known = sharedNames.get(types) ?? new Map<string, string>();
  sharedNames.set(types, known);
  const name = known.get(text) ?? `custom.${known.size}`;
  known.set(text, name);
  types.set(name, type);
  return name;
}

const sharedNames = new WeakMap<Map<string, Fields>, Map<string, string>>();

function reachable(from: readonly string[], types: ReadonlyMap<string, Fields>): ReadonlySet<string> {
  const reached = new Set<string>();
  const open = [...from];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (reached.has(name)) continue;
    reached.add(name);
    open.push(...Object.values(types.get(name)?.fields ?? {}).flatMap(namesIn));
  }
  return reached;
}

function namesIn(type: ValueType): string[] {
  if (typeof type === 'string' || 'oneOf' in type) return [];
  if ('fields' in type) return [type.fields];
  return namesIn('list' in type ? type.list : type.map);
}

function sorted<T>(map: ReadonlyMap<string, T>): Readonly<Record<string, T>> {
  return Object.fromEntries([...map].sort(([left], [right]) => (left < right ? -1 : 1)));
}
