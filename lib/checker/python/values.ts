import type { ClassDefinition, Expression, FunctionDefinition, Parameter } from './syntax';

/** A place in the code: the module's name and a line of it, from 0. */
export interface At {
  readonly module: string;
  readonly line: number;
}

/** Where a text was written down, when that is not the code itself. */
export type Origin = { readonly argument: number } | { readonly variable: string };

/** A text of which some pieces may be unknown (null). */
export interface Text {
  readonly kind: 'text';
  readonly parts: readonly (string | null)[];
  /** Where the code has it. */
  readonly at?: At;
  readonly origin?: Origin;
}

export interface PythonFunction {
  readonly kind: 'function';
  readonly name: string;
  readonly parameters: readonly Parameter[];
  readonly body: FunctionDefinition['body'] | Expression;
  readonly scope: Scope;
  readonly module: string;
  /** Arguments that are bound already: self, or functools.partial's. */
  readonly bound: Arguments;
  readonly isProperty: boolean;
}

export interface PythonClass {
  readonly kind: 'class';
  readonly definition: ClassDefinition;
  readonly members: Map<string, Value>;
  readonly bases: readonly Value[];
  /** Fields in order, when the constructor follows from them (dataclass, NamedTuple). */
  readonly fields: readonly { readonly name: string; readonly defaultValue?: Value }[] | undefined;
}

export interface Instance {
  readonly kind: 'instance';
  readonly of: PythonClass | undefined;
  readonly attributes: Map<string, Value>;
  /** Whether other attributes may exist. */
  readonly isOpen: boolean;
}

export type Value =
  | { readonly kind: 'unknown' }
  | { readonly kind: 'none' }
  | { readonly kind: 'boolean'; readonly value: boolean }
  | { readonly kind: 'number'; readonly value: number; readonly origin?: Origin }
  | Text
  | { readonly kind: 'list'; readonly items: Value[]; isOpen: boolean }
  | { readonly kind: 'dict'; readonly entries: Map<string, Value>; isOpen: boolean }
  | PythonFunction
  | PythonClass
  | Instance
  /** A module of the job, or one that is being read. */
  | { readonly kind: 'module'; readonly name: string; readonly scope: Scope }
  /** Something of a library, by its dotted path, e.g. os.environ. */
  | { readonly kind: 'external'; readonly path: string }
  | { readonly kind: 'method'; readonly receiver: Value; readonly name: string }
  | { readonly kind: 'union'; readonly options: readonly Value[] }
  | Native;

export interface Arguments {
  readonly positional: readonly Value[];
  readonly keywords: ReadonlyMap<string, Value>;
  /** Whether unknown ones may come with them. */
  readonly isOpen: boolean;
}

/** What a library's object does, for the libraries that are understood. */
export abstract class Native {
  public readonly kind = 'native';
  public abstract method(name: string, args: Arguments, at: At): Value;
  public attribute(_name: string, _at: At): Value {
    return UNKNOWN;
  }
  /** Called when the object reaches code that is not understood. */
  public escape(): void {}
}

export const UNKNOWN: Value = { kind: 'unknown' };
export const NONE: Value = { kind: 'none' };
export const NO_ARGUMENTS: Arguments = { positional: [], keywords: new Map(), isOpen: false };

/** Names and their values in one function, class or module. */
export class Scope {
  public names = new Map<string, Value>();
  /** Names that a `global` or `nonlocal` statement sends outwards. */
  public readonly outer = new Set<string>();

  constructor(public readonly parent: Scope | undefined) {}

  public get(name: string): Value | undefined {
    return this.names.get(name) ?? this.parent?.get(name);
  }

  public set(name: string, value: Value): void {
    if (!this.outer.has(name)) {
      this.names.set(name, value);
      return;
    }
    let scope = this.parent;
    while (scope !== undefined && !scope.names.has(name)) scope = scope.parent;
    (scope ?? this).names.set(name, value);
  }
}

export function text(value: string, at?: At, origin?: Origin): Text {
  return {
    kind: 'text',
    parts: [value],
    ...(at === undefined ? {} : { at }),
    ...(origin === undefined ? {} : { origin }),
  };
}

/** The whole text, when all of it is known. */
export function knownText(value: Value | undefined): string | undefined {
  if (value?.kind === 'text') return value.parts.includes(null) ? undefined : value.parts.join('');
  if (value?.kind === 'number') return String(value.value);
  if (value?.kind === 'boolean') return String(value.value);
  return undefined;
}

/** The text up to its first unknown piece. */
export function knownPrefix(value: Value | undefined): string {
  if (value?.kind !== 'text') return knownText(value) ?? '';
  const end = value.parts.indexOf(null);
  return (end < 0 ? value.parts : value.parts.slice(0, end)).join('');
}

/** The text with a placeholder for what is unknown. */
export function shownText(value: Value | undefined, placeholder = '…'): string {
  if (value?.kind === 'text') return value.parts.map(part => part ?? placeholder).join('');
  return knownText(value) ?? placeholder;
}

/** What a value becomes inside of a text. */
export function textOf(value: Value): Text {
  if (value.kind === 'text') return value;
  const known =
    value.kind === 'none'
      ? 'None'
      : value.kind === 'boolean'
        ? value.value
          ? 'True'
          : 'False'
        : knownText(value);
  return { kind: 'text', parts: [known ?? null] };
}

/** Texts one after another; the place and origin are those of the first that has one. */
export function concatenated(pieces: readonly Text[], at?: At): Text {
  const parts: (string | null)[] = [];
  for (const part of pieces.flatMap(piece => piece.parts)) {
    const last = parts.length - 1;
    const previous = parts[last];
    if (part === null && previous === null) continue;
    if (typeof part === 'string' && typeof previous === 'string') parts[last] = previous + part;
    else parts.push(part);
  }
  const place = at ?? pieces.find(piece => piece.at !== undefined)?.at;
  const origin = pieces.find(piece => piece.origin !== undefined)?.origin;
  return {
    kind: 'text',
    parts,
    ...(place === undefined ? {} : { at: place }),
    ...(origin === undefined ? {} : { origin }),
  };
}

/** Beyond that many alternatives the others are one unknown. */
const MAX_ALTERNATIVES = 16;

/** One value that may be any of several. */
export function union(values: readonly Value[]): Value {
  const options = new Set<Value>();
  const seen = new Set<string>();
  for (const value of values.flatMap(item => (item.kind === 'union' ? item.options : [item]))) {
    const key = identity(value);
    if (key !== undefined && seen.has(key)) continue;
    if (key !== undefined) seen.add(key);
    options.add(value);
  }
  const [first, ...others] = options;
  if (first === undefined) return UNKNOWN;
  if (others.length === 0) return first;
  const all = [...options];
  return {
    kind: 'union',
    options: all.length > MAX_ALTERNATIVES ? [...all.slice(0, MAX_ALTERNATIVES), UNKNOWN] : all,
  };
}

function identity(value: Value): string | undefined {
  switch (value.kind) {
    case 'unknown':
    case 'none':
      return value.kind;
    case 'boolean':
    case 'number':
      return `${value.kind} ${value.value}`;
    case 'text':
      return `text ${JSON.stringify(value.parts)}`;
    case 'external':
      return `external ${value.path}`;
    default:
      return undefined;
  }
}

/** The alternatives of a value. */
export function alternatives(value: Value): readonly Value[] {
  return value.kind === 'union' ? value.options : [value];
}

/** Whether a value counts as true, when that is known. */
export function truth(value: Value): boolean | undefined {
  switch (value.kind) {
    case 'none':
      return false;
    case 'boolean':
      return value.value;
    case 'number':
      return value.value !== 0;
    case 'text':
      return value.parts.some(part => part !== null && part !== '')
        ? true
        : value.parts.includes(null)
          ? undefined
          : false;
    case 'list':
      return value.isOpen ? undefined : value.items.length > 0;
    case 'dict':
      return value.isOpen ? undefined : value.entries.size > 0;
    case 'function':
    case 'class':
    case 'module':
      return true;
    case 'union': {
      const all = new Set(value.options.map(truth));
      return all.size === 1 ? [...all][0] : undefined;
    }
    default:
      return undefined;
  }
}
