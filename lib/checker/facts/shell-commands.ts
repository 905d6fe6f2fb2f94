import { parse as parseShell } from 'shell-quote';
import type { Place } from '../finding/finding';
import type { Path } from '../finding/message';
import { listItems, type ManifestObject, type PlainObject } from '../object/manifest-object';
import type { FileText } from './file-text';
import { escapeRegExp } from './text-pattern';
import { substituted } from './variables';

export interface Command {
  readonly words: readonly string[];
  readonly place: (word: string, index: number) => Place;
}

/** The commands that a container runs: its own, and those of the shell script that it gives or mounts. */
export function commandsOf(
  object: ManifestObject,
  container: PlainObject,
  path: Path,
  files: Readonly<Record<string, FileText>>,
  variables: ReadonlyMap<string, string | null>,
): Command[] {
  const written = (['command', 'args'] as const).flatMap(key =>
    listItems(container[key]).map(([word, index]) => ({
      word: substituted(String(word), variables),
      path: [...path, key, index],
    })),
  );
  const [program, ...rest] = written;
  if (program === undefined) return [];
  const isShell = /(^|\/)(ba|da|z|k)?sh$/.test(program.word);
  if (isShell) {
    const flag = rest.findIndex(({ word }) => /^-[a-z]*c$/.test(word));
    const script = flag >= 0 ? rest[flag + 1] : undefined;
    if (script !== undefined)
      return shellCommands(script.word, innerLine => ({ object, path: script.path, innerLine }), variables);
    const file = files[rest.find(({ word }) => !word.startsWith('-'))?.word ?? ''];
    return file === undefined ? [] : shellCommands(file.text, file.place, variables);
  }
  const script = files[program.word];
  if (script !== undefined && /^#!.*sh/.test(script.text))
    return shellCommands(script.text, script.place, variables);
  return [
    {
      words: written.map(({ word }) => word),
      place: (_, index) => ({ object, path: written[index]?.path ?? path }),
    },
  ];
}

function shellCommands(
  script: string,
  place: (innerLine: number) => Place,
  variables: ReadonlyMap<string, string | null>,
): Command[] {
  const lines = script.split('\n');
  const locals = new Map(variables);
  let tokens: ReturnType<typeof parseShell>;
  try {
    // A line that ends in a backslash goes on; any other line break ends a command.
    const joined = script.replace(/\\\r?\n/g, ' ').replace(/\r?\n/g, ' ;\n');
    tokens = parseShell(joined, name => `\0${name}\0`);
  } catch {
    return [];
  }
  // Variables get their values in the order of the commands; `${NAME}` stays of one that is unknown.
  const expanded = (word: string) =>
    word.replace(/\0(\w+)(?::?-([^\0]*))?[^\0]*\0/g, (_, name: string, fallback: string | undefined) => {
      const value = locals.get(name);
      return value ?? (value === undefined ? fallback : undefined) ?? `\${${name}}`;
    });
  const commands: { word: string; written: string }[][] = [[]];
  for (const token of tokens) {
    if (typeof token === 'string') {
      const word = expanded(token);
      const current = commands[commands.length - 1];
      const assignment = /^([A-Za-z_]\w*)=(.*)$/s.exec(word);
      if (assignment !== null && (current?.length === 0 || current?.[0]?.word === 'export'))
        locals.set(assignment[1] ?? '', assignment[2] ?? '');
      else current?.push({ word, written: token });
    } else if ('op' in token && token.op !== 'glob') commands.push([]);
    else if ('pattern' in token) {
      commands[commands.length - 1]?.push({ word: expanded(token.pattern), written: token.pattern });
    }
  }
  return commands
    .filter(words => words.length > 0)
    .map(words => ({
      words: words.map(({ word }) => word),
      place: (word, index) => place(lineHolding(lines, word, words[index]?.written ?? word)),
    }));
}

/** The line of a script on which a word stands, as it is or with its variables. */
function lineHolding(lines: readonly string[], word: string, written: string): number {
  const pattern = written
    .split(/\0(\w+)[^\0]*\0/)
    .map((piece, index) => (index % 2 === 0 ? escapeRegExp(piece) : `"?\\$\\{?${piece}\\b[^}"]*\\}?"?`))
    .join('');
  const holds = new RegExp(pattern);
  return Math.max(
    0,
    lines.findIndex(text => text.includes(word) || holds.test(text)),
  );
}
