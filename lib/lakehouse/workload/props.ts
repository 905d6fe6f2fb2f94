import type { Construct } from 'constructs';
import { allowed, type Message, measured, quote, say } from '../../checker/finding/message';
import { sentence } from '../../checker/finding/reporter';
import { isObject, type PlainObject } from '../../checker/object/manifest-object';
import { meant } from '../../checker/schema/mistakes';
import { RefusedApp } from '../refused-app';
import { type Refusal, refuse } from './refuse';

/** What a prop takes. TypeScript says the same to whoever writes it; a program in plain JavaScript hears it here. */
export interface PropType {
  /** As in a sentence: 'a text'. */
  readonly is: string;
  /** A value that it takes, as it is written. */
  readonly example: string;
  readonly takes: (value: unknown) => boolean;
  /** The types of what is inside, which are told by their own names. */
  readonly inner?: (key: string) => PropType | undefined;
  /** Whether the construct cannot do without. */
  readonly isRequired?: true;
}

/** A type for every prop, so that a new one cannot be forgotten. */
export type PropTypes<P> = { readonly [K in keyof Required<P>]: PropType };

export const text: PropType = { is: 'a text', example: "'text'", takes: value => typeof value === 'string' };
export const number: PropType = { is: 'a number', example: '3', takes: value => typeof value === 'number' };
/** An object of further props, which have a type of their own where they are used. */
export const propsObject: PropType = { is: 'an object of props', example: '{ … }', takes: isObject };
export const texts: PropType = {
  is: 'a list of texts',
  example: "['text']",
  takes: Array.isArray,
  inner: () => text,
};
export const numbers: PropType = {
  is: 'a list of numbers',
  example: '[3]',
  takes: Array.isArray,
  inner: () => number,
};
/** What the construct looks at itself. */
export const anything: PropType = { is: 'anything', example: '', takes: () => true };
export const list: PropType = { is: 'a list', example: '[ … ]', takes: Array.isArray };
export const textMap: PropType = {
  is: 'an object of texts',
  example: "{ KEY: 'text' }",
  takes: isObject,
  inner: () => text,
};

export function oneOf(...values: readonly string[]): PropType {
  const names = values.map(value => `'${value}'`);
  return {
    is: `one of ${names.join(', ')}`,
    example: names[0] ?? '',
    takes: value => typeof value === 'string' && values.includes(value),
  };
}

/** An object of a class, or of anything that can stand for it: it is known by what it has. */
export function having(is: string, example: string, ...keys: readonly string[]): PropType {
  return {
    is,
    example,
    takes: value => isObject(value) && keys.every(key => key in value),
  };
}

export const size = having('a Size', 'Size.gibibytes(2)', 'toKibibytes');
export const duration = having('a Duration', 'Duration.seconds(60)', 'toSeconds');
export const storageClass = having(
  'a StorageClass',
  "new ExternalStorageClass(chart, 'gp3', 'gp3')",
  'storageClassName',
);
export const priorityClass = having(
  'a PriorityClass',
  'new PriorityClasses(chart, …).serving',
  'priorityClassName',
);
export const externalSecret = having(
  'an ExternalSecret',
  'new ExternalSecret(chart, …)',
  'secretName',
  'keys',
);
export const cpuResources = shape({ request: having('a Cpu', 'Cpu.millis(500)', 'amount') }, 'limit');
export const memoryResources = shape({ request: size }, 'limit');

/** An object whose props have these types; further ones are of the type of the first. */
function shape(types: Readonly<Record<string, PropType>>, ...more: readonly string[]): PropType {
  const [[first, type] = ['', text]] = Object.entries(types);
  const all = new Map([...Object.entries(types), ...more.map(name => [name, type] as const)]);
  return {
    is: `an object of ${[...all.keys()].join(' and ')}`,
    example: `{ ${first}: ${type.example} }`,
    takes: isObject,
    inner: key => all.get(key),
  };
}

export function required(type: PropType): PropType {
  return { ...type, isRequired: true };
}

/**
 * The props without those of another type, each of which is refused by its name when the app is validated: the default
 * stands in its place until then, so that everything is said together. Throws where the construct cannot do without one.
 */
export function checkedProps<P extends object>(construct: Construct, given: P, types: PropTypes<P>): P {
  const known = types as Readonly<Record<string, PropType>>;
  if (!isObject(given)) throw refusedApp(construct, [wrong('its props', given, propsObject)]);
  const values = given as PlainObject;
  const refusals = new Map<string, Refusal>();
  for (const [name, value] of Object.entries(values)) {
    const type = Object.hasOwn(known, name) ? known[name] : undefined;
    const refusal =
      value === undefined
        ? undefined
        : type === undefined
          ? unknown(name, known)
          : refusalOf(name, value, type);
    if (refusal !== undefined) refusals.set(name, refusal);
  }
  const missing = Object.entries(known)
    .filter(([name, { isRequired }]) => isRequired === true && values[name] === undefined)
    .map(([name, type]) => ({ message: say`it has no ${name}`, remedy: remedy(name, type) }));
  const isFatal = missing.length > 0 || [...refusals.keys()].some(name => known[name]?.isRequired === true);
  if (isFatal) throw refusedApp(construct, [...missing, ...refusals.values()]);
  if (refusals.size === 0) return given;
  refuse(construct, () => [...refusals.values()]);
  return Object.fromEntries(Object.entries(values).filter(([name]) => !refusals.has(name))) as P;
}

function refusedApp({ node }: Construct, refusals: readonly Refusal[]): RefusedApp {
  return new RefusedApp(refusals.map(refusal => `[${node.path}] ${sentence(refusal)}`).join('\n'));
}

function refusalOf(name: string, value: unknown, type: PropType): Refusal | undefined {
  if (!type.takes(value)) return wrong(name, value, type);
  const { inner } = type;
  if (inner === undefined) return undefined;
  for (const [key, item] of Object.entries(value as PlainObject)) {
    const itemType = inner(key);
    if (itemType === undefined || item === undefined) continue;
    const refusal = refusalOf(Array.isArray(value) ? `${name}[${key}]` : `${name}.${key}`, item, itemType);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

function wrong(name: string, value: unknown, type: PropType): Refusal {
  return {
    message: say`${name} is ${measured(shown(value))} but it must be ${allowed(type.is)}`,
    remedy: remedy(name, type, typeof value === 'boolean' || value === null),
  };
}

function remedy(name: string, { example, isRequired }: PropType, mayBeLeftOut = false): Message {
  const optional = mayBeLeftOut && isRequired !== true ? say`leave it out, or ` : say``;
  return say`${optional}set ${name}, e.g. ${example}`;
}

/** A name that is far from all others may be for somebody else, e.g. in an object that several constructs share. */
function unknown(name: string, types: Readonly<Record<string, PropType>>): Refusal | undefined {
  const near = meant(name, Object.keys(types));
  return near === undefined
    ? undefined
    : {
        message: say`it is given ${measured(name)}, which is no prop`,
        remedy: say`did you mean ${allowed(near)}?`,
      };
}

function shown(value: unknown): string {
  if (typeof value === 'string') return quote(value);
  if (typeof value !== 'object' || value === null) return String(value);
  const name = Array.isArray(value) ? 'a list' : value.constructor?.name;
  return name === undefined || name === 'Object' ? 'an object' : Array.isArray(value) ? name : `a ${name}`;
}
