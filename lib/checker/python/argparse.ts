import {
  type Arguments,
  type At,
  concatenated,
  type Instance,
  knownText,
  Native,
  NONE,
  type Text,
  text,
  textOf,
  truth,
  UNKNOWN,
  type Value,
} from './values';

interface Option {
  readonly flags: readonly string[];
  readonly destination: string;
  readonly action: string;
  readonly nargs: string | number | undefined;
  readonly defaultValue: Value;
  readonly constant: Value;
  readonly convert: Value | undefined;
}

/** What the parser asks of the program around it. */
export interface CommandLine {
  /** The words after the program's name; undefined when nobody knows them. */
  readonly words: readonly Value[] | undefined;
  call(callee: Value, args: Arguments, at: At): Value;
}

/** Python's argparse.ArgumentParser, as far as programs use it to read settings. */
export class ArgumentParser extends Native {
  private readonly options: Option[] = [];
  private readonly defaults = new Map<string, Value>();
  private commands:
    | { readonly destination: string | undefined; readonly parsers: Map<string, ArgumentParser> }
    | undefined;

  constructor(
    private readonly line: CommandLine,
    args: Arguments,
  ) {
    super();
    const parents = args.keywords.get('parents');
    if (parents?.kind === 'list') {
      for (const parent of parents.items) {
        if (!(parent instanceof ArgumentParser)) continue;
        this.options.push(...parent.options);
        for (const [key, value] of parent.defaults) this.defaults.set(key, value);
      }
    }
  }

  public method(name: string, args: Arguments, at: At): Value {
    switch (name) {
      case 'add_argument':
        this.add(args);
        return NONE;
      case 'add_argument_group':
      case 'add_mutually_exclusive_group':
        return this;
      case 'add_subparsers': {
        const destination = knownText(args.keywords.get('dest'));
        this.commands = { destination, parsers: new Map() };
        return new Commands(this.line, this.commands.parsers);
      }
      case 'set_defaults':
        for (const [key, value] of args.keywords) this.defaults.set(key, value);
        return NONE;
      case 'parse_args':
      case 'parse_known_args':
      case 'parse_intermixed_args': {
        const given = args.positional[0] ?? args.keywords.get('args');
        const words =
          given === undefined || given.kind === 'none'
            ? this.line.words
            : given.kind === 'list' && !given.isOpen
              ? given.items
              : undefined;
        const namespace = this.parse(words, at);
        return name === 'parse_known_args'
          ? { kind: 'list', items: [namespace, { kind: 'list', items: [], isOpen: true }], isOpen: false }
          : namespace;
      }
      default:
        return UNKNOWN;
    }
  }

  private add(args: Arguments): void {
    const flags = args.positional.flatMap(value => knownText(value) ?? []);
    const [first] = flags;
    if (first === undefined) return;
    const long = flags.find(flag => flag.startsWith('--')) ?? first;
    const nargs = args.keywords.get('nargs');
    const action = knownText(args.keywords.get('action')) ?? 'store';
    this.options.push({
      flags,
      destination: knownText(args.keywords.get('dest')) ?? long.replace(/^-+/, '').replaceAll('-', '_'),
      action,
      nargs: nargs?.kind === 'number' ? nargs.value : knownText(nargs),
      defaultValue:
        args.keywords.get('default') ??
        (action === 'store_true'
          ? { kind: 'boolean', value: false }
          : action === 'store_false'
            ? { kind: 'boolean', value: true }
            : NONE),
      constant: args.keywords.get('const') ?? NONE,
      convert: args.keywords.get('type'),
    });
  }

  /** The namespace that a command line gives. */
  private parse(words: readonly Value[] | undefined, at: At): Instance {
    const attributes = new Map<string, Value>();
    this.fill(words, attributes, at);
    return { kind: 'instance', of: undefined, attributes, isOpen: false };
  }

  private fill(words: readonly Value[] | undefined, into: Map<string, Value>, at: At): void {
    for (const option of this.options) {
      const isText = option.defaultValue.kind === 'text';
      into.set(
        option.destination,
        words === undefined
          ? UNKNOWN
          : isText
            ? this.converted(option, option.defaultValue, at)
            : option.defaultValue,
      );
    }
    for (const [key, value] of this.defaults)
      if (!into.has(key) || into.get(key)?.kind === 'none') into.set(key, value);
    if (words === undefined) {
      for (const parser of this.commands?.parsers.values() ?? []) parser.fill(undefined, into, at);
      if (this.commands?.destination !== undefined) into.set(this.commands.destination, UNKNOWN);
      return;
    }
    const positionals = this.options.filter(({ flags }) => !flags[0]?.startsWith('-'));
    let index = 0;
    while (index < words.length) {
      const word = words[index] ?? UNKNOWN;
      index += 1;
      const shown = knownText(word);
      const flag = shown?.startsWith('-') === true ? shown.split('=', 1)[0] : flagOf(word);
      const option = flag === undefined ? undefined : this.option(flag);
      if (option !== undefined) {
        const attached = afterEquals(word);
        const isFlag = ['store_true', 'store_false', 'store_const', 'count', 'append_const'].includes(
          option.action,
        );
        const values = isFlag
          ? []
          : attached !== undefined
            ? [attached]
            : this.following(words, index, option);
        if (attached === undefined) index += values.length;
        this.assign(option, values, into, at);
        continue;
      }
      if (flag?.startsWith('-')) continue;
      const command = shown === undefined ? undefined : this.commands?.parsers.get(shown);
      if (command !== undefined && this.commands !== undefined) {
        if (this.commands.destination !== undefined) into.set(this.commands.destination, word);
        command.fill(words.slice(index), into, at);
        return;
      }
      const positional = positionals.shift();
      if (positional === undefined) continue;
      const more =
        positional.nargs === '*' || positional.nargs === '+' || typeof positional.nargs === 'number'
          ? this.following(words, index, positional)
          : [];
      index += more.length;
      this.assign(positional, [word, ...more], into, at);
    }
  }

  /** The option of a flag, or of an abbreviation that means only one. */
  private option(flag: string): Option | undefined {
    const exact = this.options.find(({ flags }) => flags.includes(flag));
    if (exact !== undefined || !flag.startsWith('--')) return exact;
    const near = this.options.filter(({ flags }) => flags.some(candidate => candidate.startsWith(flag)));
    return near.length === 1 ? near[0] : undefined;
  }

  private following(words: readonly Value[], start: number, { nargs }: Option): Value[] {
    const values: Value[] = [];
    const limit = typeof nargs === 'number' ? nargs : nargs === '*' || nargs === '+' ? words.length : 1;
    for (const word of words.slice(start)) {
      const shown = knownText(word);
      if (values.length >= limit || (shown !== undefined && /^--?[A-Za-z]/.test(shown))) break;
      values.push(word);
    }
    return values;
  }

  private assign(option: Option, words: readonly Value[], into: Map<string, Value>, at: At): void {
    const { action, nargs, destination } = option;
    if (action === 'store_true' || action === 'store_false') {
      into.set(destination, { kind: 'boolean', value: action === 'store_true' });
      return;
    }
    if (action === 'store_const') {
      into.set(destination, option.constant);
      return;
    }
    const values = words.map(word => this.converted(option, word, at));
    const one: Value =
      nargs === undefined || nargs === '?'
        ? (values[0] ?? (nargs === '?' ? option.constant : UNKNOWN))
        : { kind: 'list', items: values, isOpen: false };
    if (action === 'append' || action === 'extend') {
      const former = into.get(destination);
      const items = former?.kind === 'list' ? former.items : [];
      into.set(destination, {
        kind: 'list',
        items: [...items, ...(action === 'extend' && one.kind === 'list' ? one.items : [one])],
        isOpen: false,
      });
    } else into.set(destination, action === 'store' ? one : UNKNOWN);
  }

  private converted({ convert }: Option, value: Value, at: At): Value {
    if (convert === undefined) return value;
    return this.line.call(convert, { positional: [value], keywords: new Map(), isOpen: false }, at);
  }
}

/** What add_subparsers gives. */
class Commands extends Native {
  constructor(
    private readonly line: CommandLine,
    private readonly parsers: Map<string, ArgumentParser>,
  ) {
    super();
  }

  public method(name: string, args: Arguments): Value {
    if (name !== 'add_parser') return UNKNOWN;
    const parser = new ArgumentParser(this.line, args);
    const command = knownText(args.positional[0]);
    if (command !== undefined) this.parsers.set(command, parser);
    return parser;
  }
}

/** `--flag` of `--flag=…` where only the flag is known. */
function flagOf(word: Value): string | undefined {
  if (word.kind !== 'text') return undefined;
  return /^(--?[A-Za-z][\w-]*)=/.exec(word.parts[0] ?? '')?.[1];
}

function afterEquals(word: Value): Value | undefined {
  if (word.kind !== 'text') return undefined;
  const [first, ...rest] = word.parts;
  const match = /^--?[A-Za-z][\w-]*=(.*)$/s.exec(first ?? '');
  if (match === null) return undefined;
  return { ...word, parts: [match[1] ?? '', ...rest] };
}

/** Python's own conversions of a text: int, float, str, bool. */
export function converted(type: string, value: Value): Value {
  const origin = value.kind === 'text' || value.kind === 'number' ? value.origin : undefined;
  const known = knownText(value);
  if (type === 'str') return textOf(value);
  if (type === 'bool') {
    const result = truth(value);
    return result === undefined ? UNKNOWN : { kind: 'boolean', value: result };
  }
  const number = known === undefined || known.trim() === '' ? Number.NaN : Number(known.replaceAll('_', ''));
  if (Number.isNaN(number)) return UNKNOWN;
  return {
    kind: 'number',
    value: type === 'int' ? Math.trunc(number) : number,
    ...(origin === undefined ? {} : { origin }),
  };
}

/** A command line as texts that remember their place in it; what a shell or Kubernetes puts in later is unknown. */
export function commandLineWords(words: readonly string[]): Value[] {
  return words.map((word, argument) => {
    const parts = word.split(/\$\{[A-Za-z_]\w*\}|\$\([A-Za-z_]\w*\)/);
    return concatenated(
      parts.flatMap((part, index): Text[] => [
        ...(index === 0 ? [] : [{ kind: 'text' as const, parts: [null] }]),
        ...(part === '' && parts.length > 1 ? [] : [text(part, undefined, { argument })]),
      ]),
    );
  });
}
