import { distance } from 'fastest-levenshtein';
import type { Path } from '../finding/message';
import { isObject } from '../object/manifest-object';
import { type Fields, schemas, type ValueType } from './schema';

/** Where a value differs from the schema of its object. */
export type Mistake =
  | {
      readonly is: 'unknown field';
      readonly path: Path;
      /** The field that was probably meant. */
      readonly near?: string;
      /** The object, around or below the place, that has a field of this name. */
      readonly belongsTo?: Path;
      /** The fields that there are. */
      readonly fields: readonly string[];
    }
  | { readonly is: 'wrong type'; readonly path: Path; readonly value: unknown; readonly type: ValueType };

/** Somebody fills it in before it is applied, or a test compares it. */
const PLACEHOLDER = /\$\{|\$\(|\{\{|^<[^>]+>$|^\(.*\)$/;

/** Every field of an object that its schema does not have, and every value of another type. What is missing is not looked at. */
export function mistakesIn(body: unknown, schema: Fields): Mistake[] {
  return inFields(body, schema, [], []);
}

type Around = readonly { readonly path: Path; readonly schema: Fields }[];

function inFields(value: unknown, schema: Fields, path: Path, around: Around): Mistake[] {
  if (!isObject(value)) return [];
  const here = [...around, { path, schema }];
  return Object.entries(value).flatMap(([key, inner]): Mistake[] => {
    const type = Object.hasOwn(schema.fields, key) ? schema.fields[key] : undefined;
    if (type !== undefined) return inValue(inner, type, [...path, key], here);
    // What Kustomize and kubectl put among the fields, e.g. $patch.
    if (schema.isOpen === true || key.startsWith('$') || PLACEHOLDER.test(key)) return [];
    const fields = Object.keys(schema.fields);
    const near = meant(key, fields);
    const belongsTo = near === undefined ? ownerOf(key, here) : undefined;
    return [
      {
        is: 'unknown field',
        path: [...path, key],
        fields,
        ...(near === undefined ? {} : { near }),
        ...(belongsTo === undefined ? {} : { belongsTo }),
      },
    ];
  });
}

function inValue(value: unknown, type: ValueType, path: Path, around: Around): Mistake[] {
  if (value === null || value === undefined || type === 'any') return [];
  if (typeof value === 'string' && PLACEHOLDER.test(value)) return [];
  if (!isOfType(value, type)) return [{ is: 'wrong type', path, value, type }];
  if (typeof type === 'string' || 'oneOf' in type) return [];
  if ('fields' in type) {
    const schema = schemas.types[type.fields];
    return schema === undefined ? [] : inFields(value, schema, path, around);
  }
  return 'list' in type
    ? (value as unknown[]).flatMap((item, index) => inValue(item, type.list, [...path, index], around))
    : Object.entries(value).flatMap(([key, item]) => inValue(item, type.map, [...path, key], around));
}

function isOfType(value: unknown, type: ValueType): boolean {
  switch (type) {
    case 'text':
      return typeof value === 'string';
    case 'whole number':
      return Number.isInteger(value);
    case 'number':
      return typeof value === 'number';
    case 'boolean':
      return typeof value === 'boolean';
    case 'quantity':
      return typeof value === 'string' || typeof value === 'number';
    case 'whole number or text':
      return typeof value === 'string' || Number.isInteger(value);
    case 'object':
      return isObject(value);
    case 'any':
      return true;
    default:
      if ('list' in type) return Array.isArray(value);
      return 'oneOf' in type ? typeof value === 'string' && type.oneOf.includes(value) : isObject(value);
  }
}

/** The name that differs in case or in a letter or two: of a short name, in one. */
export function meant(name: string, names: readonly string[]): string | undefined {
  const lower = name.toLowerCase();
  const most = name.length > 5 ? 2 : 1;
  const [near] = names
    .map(other => ({ other, edits: distance(lower, other.toLowerCase()) }))
    .filter(({ edits }) => edits <= (name.length > 2 ? most : 0))
    .sort((left, right) => left.edits - right.edits);
  return near?.other;
}

/** The nearest object around an unknown field that has it, or the one just below. */
function ownerOf(key: string, around: Around): Path | undefined {
  const outer = around.findLast(({ schema }) => Object.hasOwn(schema.fields, key));
  if (outer !== undefined) return outer.path;
  const here = around.at(-1);
  const below = Object.entries(here?.schema.fields ?? {}).find(
    ([, type]) =>
      typeof type === 'object' &&
      'fields' in type &&
      Object.hasOwn(schemas.types[type.fields]?.fields ?? {}, key),
  );
  return here === undefined || below === undefined ? undefined : [...here.path, below[0]];
}
