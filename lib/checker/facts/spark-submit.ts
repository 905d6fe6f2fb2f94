import { parse as parseShell } from 'shell-quote';
import type { Place } from '../finding/finding';
import { knownText } from '../python/values';
import type { JobCode, Stated } from './job';
import type { Command } from './shell-commands';
import { environmentPlace, type Owner } from './variables';

const SUBMIT_FLAGS: readonly (readonly [flag: string, key: string])[] = [
  ['--master', 'spark.master'],
  ['--deploy-mode', 'spark.submit.deployMode'],
  ['--packages', 'spark.jars.packages'],
  ['--exclude-packages', 'spark.jars.excludes'],
  ['--repositories', 'spark.jars.repositories'],
  ['--jars', 'spark.jars'],
  ['--num-executors', 'spark.executor.instances'],
  ['--executor-cores', 'spark.executor.cores'],
  ['--executor-memory', 'spark.executor.memory'],
  ['--driver-memory', 'spark.driver.memory'],
  ['--driver-class-path', 'spark.driver.extraClassPath'],
  ['--driver-java-options', 'spark.driver.extraJavaOptions'],
];

const SUBMIT_SWITCHES: ReadonlySet<string> = new Set([
  '--supervise',
  '--verbose',
  '-v',
  '--version',
  '--help',
  '-h',
]);

interface ParsedCommand {
  readonly options: ReadonlyMap<string, Stated[]>;
  /** The program and its own arguments. */
  readonly words: readonly { readonly word: string; readonly place: Place }[];
}

export function sparkSubmitArguments({ words, place }: Command, start: number): ParsedCommand {
  const options = new Map<string, Stated[]>();
  let index = start;
  while (index < words.length) {
    const word = words[index] ?? '';
    if (!word.startsWith('-')) break;
    const [flag = '', attached] = splitOnce(word, '=');
    const name = flag === '-c' ? '--conf' : flag;
    if (SUBMIT_SWITCHES.has(name)) {
      index += 1;
      continue;
    }
    const value = attached ?? words[index + 1] ?? '';
    const at = attached === undefined ? index + 1 : index;
    options.set(name, [...(options.get(name) ?? []), { value, place: place(value, at) }]);
    index = at + 1;
  }
  return {
    options,
    words: words.slice(index).map((word, offset) => ({ word, place: place(word, index + offset) })),
  };
}

export function addSubmitSettings(conf: Map<string, Stated>, { options }: ParsedCommand): void {
  for (const { value, place } of options.get('--conf') ?? []) {
    const equals = value.indexOf('=');
    if (equals > 0) conf.set(value.slice(0, equals).trim(), { value: value.slice(equals + 1), place });
  }
  for (const [flag, key] of SUBMIT_FLAGS) {
    const given = options.get(flag);
    const last = given?.[given.length - 1];
    if (last !== undefined) conf.set(key, last);
  }
}

/** What PYSPARK_SUBMIT_ARGS gives to a session that a plain Python program makes. */
export function pysparkArguments(
  code: JobCode | undefined,
  variables: ReadonlyMap<string, string | null>,
  owner: Owner,
): (ParsedCommand & { readonly isOpen: boolean }) | undefined {
  const name = 'PYSPARK_SUBMIT_ARGS';
  const own = code?.facts.environment.get(name);
  const value = own === undefined ? variables.get(name) : (knownText(own) ?? null);
  if (value === undefined) return undefined;
  const place =
    own === undefined || code === undefined
      ? environmentPlace(owner, name)
      : code.placeOf(own, own.at ?? { module: '', line: 0 });
  const words = parseShell(value ?? '').filter(word => typeof word === 'string');
  return { ...sparkSubmitArguments({ words, place: () => place }, 0), isOpen: value === null };
}

export function pythonArguments({ words, place }: Command, start: number): ParsedCommand {
  let index = start;
  while (words[index]?.startsWith('-') === true)
    index += words[index] === '-W' || words[index] === '-X' ? 2 : 1;
  return {
    options: new Map(),
    words: words.slice(index).map((word, offset) => ({ word, place: place(word, index + offset) })),
  };
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const index = text.indexOf(separator);
  return index < 0 ? [text, undefined] : [text.slice(0, index), text.slice(index + separator.length)];
}
