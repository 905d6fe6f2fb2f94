import data from './schemas.json';

/**
 * What a value may be: a scalar, one of a few texts, a list or a map of such, any object, anything; or, by its name, an
 * object with fields of its own.
 */
export type ValueType =
  | Scalar
  | 'object'
  | 'any'
  | { readonly oneOf: readonly string[] }
  | { readonly list: ValueType }
  | { readonly map: ValueType }
  | { readonly fields: string };

/** A quantity is a text or a number; which texts are quantities is the business of another rule. */
export type Scalar = 'text' | 'whole number' | 'number' | 'boolean' | 'quantity' | 'whole number or text';

/** An object whose fields are known. */
export interface Fields {
  readonly fields: Readonly<Record<string, ValueType>>;
  /** Whether it takes other fields too. @default false */
  readonly isOpen?: true;
}

/** The file that scripts/import-schemas.ts writes. */
export interface Schemas {
  /** Minor releases of Kubernetes whose fields are known, all of them together. */
  readonly kubernetes: readonly string[];
  /** Type of each kind, by 'apiVersion kind'. */
  readonly kinds: Readonly<Record<string, string>>;
  /** Kinds of custom resources, whose fields differ between the releases of an operator. */
  readonly custom: readonly string[];
  readonly types: Readonly<Record<string, Fields>>;
}

export const schemas = data as unknown as Schemas;

const customKinds = new Set(schemas.custom);

/** The fields of an object, by its API version and kind. Undefined for what has no schema here. */
export function schemaOf(object: { readonly apiVersion: string; readonly kind: string }): Fields | undefined {
  const type = schemas.kinds[kindKey(object)];
  return type === undefined ? undefined : schemas.types[type];
}

/** Whether an object is an operator's: another release of the operator may know other fields. */
export function isCustom(object: { readonly apiVersion: string; readonly kind: string }): boolean {
  return customKinds.has(kindKey(object));
}

function kindKey({ apiVersion, kind }: { readonly apiVersion: string; readonly kind: string }): string {
  return `${apiVersion} ${kind}`;
}
