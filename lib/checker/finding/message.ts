import type { ManifestObject } from '../object/manifest-object';

/** Keys and indexes from an object's root to a value in it. */
export type Path = readonly (string | number)[];

/** A value of the sentence that a program may want: what was found, or what would be right. */
export interface Figure {
  readonly is: 'measured' | 'allowed';
  readonly value: string | number;
  readonly shown: string;
}

/** A field of an object, which has another name where a construct writes the object: that of its prop. */
export interface FieldName {
  readonly is: 'field';
  readonly object: ManifestObject;
  readonly path: Path;
  readonly shown: string;
}

export type Part = string | Figure | FieldName;

/**
 * A sentence in its parts: lowercase, no full stop. It cannot be read or searched: whatever later code needs stands as
 * data beside it, and the reporter alone makes a text of it.
 */
export class Message {
  readonly #parts: readonly Part[];

  constructor(parts: readonly Part[]) {
    this.#parts = parts;
  }

  /** For the reporter. */
  public static partsOf(message: Message): readonly Part[] {
    return message.#parts;
  }

  public toString(): never {
    throw new TypeError('a message becomes a text in lib/checker/finding/reporter.ts alone');
  }

  public toJSON(): never {
    return this.toString();
  }
}

/** A message as a template: say`image ${measured(image, quote)} has no tag`. */
export function say(
  strings: TemplateStringsArray,
  ...values: readonly (string | number | Figure | FieldName | Message)[]
): Message {
  return new Message(
    strings.flatMap((text, index): readonly Part[] => {
      const value = values[index];
      if (value === undefined) return [text];
      if (value instanceof Message) return [text, ...Message.partsOf(value)];
      return [text, typeof value === 'number' ? String(value) : value];
    }),
  );
}

/** The value that was found. */
export function measured<T extends string | number>(value: T, show: (value: T) => string = String): Figure {
  return { is: 'measured', value, shown: show(value) };
}

/** The value, or its bound, that would be right. */
export function allowed<T extends string | number>(value: T, show: (value: T) => string = String): Figure {
  return { is: 'allowed', value, shown: show(value) };
}

/** A field to set, as the manifest calls it. */
export function field(object: ManifestObject, path: Path, shown: string): FieldName {
  return { is: 'field', object, path, shown };
}

/** A path as people write it, e.g. 'spec.containers[1].image'. */
export function pathText(path: Path): string {
  return path
    .map(key => {
      if (typeof key === 'number') return `[${key}]`;
      return /^\w+$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
    })
    .join('')
    .replace(/^\./, '');
}

/** A value as a message shows it: in quotes, shortened. */
export function quote(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));
  const oneLine = text.replace(/\s+/g, ' ').trim();
  return `"${oneLine.length > 120 ? `${oneLine.slice(0, 117)}...` : oneLine}"`;
}

/** 'a', 'a and b', 'a, b and c' */
export function listed(items: readonly string[], word: 'and' | 'or' = 'and'): string {
  if (items.length < 2) return items[0] ?? '';
  return `${items.slice(0, -1).join(', ')} ${word} ${items[items.length - 1]}`;
}
