import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parsePython } from '../lib/checker/python/parse';
import type { Module } from '../lib/checker/python/syntax';
import { commandLine } from '../lib/commands/command-line';

const USAGE = `usage: npm run test:python-grammar [-- --python PROGRAM --folder FOLDER]

Reads every Python file of some folders as npm run check does, and compares with what CPython says: whether it takes
the file, and which names, attributes and texts stand on which lines.
  --python PROGRAM   a Python 3.12 (default python3)
  --folder FOLDER    anything with Python files; may be repeated (default the standard library, its tests included)
Exit 1 where a file is refused that CPython takes, or taken that CPython refuses. What is not read, with a note that says
so, is listed and counted.`;

interface Said {
  readonly path: string;
  readonly text: string;
  readonly refused?: string;
  readonly marks?: readonly string[];
}

/** What scripts/python_oracle.py prints of a tree, of ours. */
function marksOf({ body, lineOf }: Module): Set<string> {
  const marks = new Set<string>();
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) for (const item of value) visit(item);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return;
    const node = value as Record<string, unknown> & { kind?: string; from: number };
    const line = () => lineOf(node.from) + 1;
    if (node.kind === 'name') marks.add(`${line()} name ${String(node['id'])}`);
    if (node.kind === 'named') marks.add(`${line()} name ${String(node['target'])}`);
    if (node.kind === 'type-alias') marks.add(`${line()} name ${String(node['name'])}`);
    if (node.kind === 'attribute') marks.add(`${line()} attribute ${String(node['name'])}`);
    if (node.kind === 'string') {
      const parts = node['parts'] as readonly unknown[];
      if (parts.every(part => typeof part === 'string'))
        marks.add(`${line()} text ${shortened(parts.join(''))}`);
    }
    for (const inner of Object.values(node)) visit(inner);
  };
  visit(body);
  return marks;
}

function shortened(text: string): string {
  const points = [...text].map(character => character.codePointAt(0)).join('.');
  return createHash('md5').update(points).digest('hex');
}

function share(part: number, whole: number): string {
  return `${part} of ${whole} (${((100 * part) / Math.max(whole, 1)).toFixed(2)} %)`;
}

async function main(python: string, folders: readonly string[]): Promise<void> {
  const oracle = spawn(python, [join(__dirname, 'python_oracle.py'), ...folders], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    oracle.once('error', () => reject(new Error(`${python} cannot be started; name a Python 3.12`)));
    oracle.once('close', resolve);
  });
  let [taken, read, same, refused, alsoRefused, wrong] = [0, 0, 0, 0, 0, 0];
  for await (const row of createInterface({ input: oracle.stdout })) {
    const { path, text, marks, refused: reason } = JSON.parse(row) as Said;
    const module = parsePython(text);
    const { failure } = module;
    if (reason !== undefined) {
      refused += 1;
      if (failure?.isRefusedByPython === true) alsoRefused += 1;
      else console.log(`taken, though CPython refuses it: ${path}: ${reason}`);
      continue;
    }
    taken += 1;
    if (failure !== undefined) {
      if (failure.isRefusedByPython) wrong += 1;
      const verdict = failure.isRefusedByPython
        ? 'refused, though CPython takes it'
        : 'not read, with a note';
      console.log(`${verdict}: ${path}:${failure.line + 1}: ${failure.message}`);
      continue;
    }
    read += 1;
    const [own, theirs] = [marksOf(module), new Set(marks)];
    const lacking = [...theirs].filter(mark => !own.has(mark));
    const foreign = [...own].filter(mark => !theirs.has(mark));
    if (lacking.length + foreign.length === 0) same += 1;
    else console.log(`another tree: ${path}: lacks ${lacking[0] ?? '-'}, has ${foreign[0] ?? '-'}`);
  }
  if ((await ended) !== 0) throw new Error(`${python} could not read the files; name a Python 3.12`);
  console.log(`files that CPython takes and that are read here: ${share(read, taken)}`);
  console.log(`of these with the same names, attributes and texts on the same lines: ${share(same, read)}`);
  console.log(`files that CPython refuses and that are refused here: ${share(alsoRefused, refused)}`);
  console.log(`files that are refused here though CPython takes them: ${wrong}`);
  if (wrong > 0 || alsoRefused < refused) process.exitCode = 1;
}

void commandLine(
  USAGE,
  { python: { type: 'string' }, folder: { type: 'string', multiple: true } },
  ({ python = 'python3', folder = [] }) => main(python, folder),
);
