import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { inspect } from 'node:util';
import { App } from 'cdk8s';
import { Construct } from 'constructs';
import { RefusedApp } from '../lakehouse/refused-app';
import { UnusableInput } from './command-line';
import { typeErrors } from './type-errors';

/** What the program of this folder came to. */
export interface Described<T> {
  /** What was asked of its app; undefined when the program could not be run, or was refused. */
  readonly value?: T;
  /** Whether something is wrong with it, its types included. What, is printed by then. */
  readonly isRefused: boolean;
}

/** Hears what a program throws beside its course: in a timer, or in a promise that nothing awaits. */
let heard: ((error: unknown) => void) | undefined;

/** As long as the process lives: a timer of the program may outlive the command. */
function hear(listener: (error: unknown) => void): void {
  if (heard === undefined) {
    process.on('uncaughtException', error => heard?.(error));
    process.on('unhandledRejection', reason => heard?.(reason));
  }
  heard = listener;
}

/**
 * Runs main.ts of the folder that the command runs in, in this process, and asks something of the app that it exports.
 * Meanwhile TypeScript, in a process of its own, checks the types of main.ts and of what it imports: running a program
 * does not look at them. What is wrong is printed, whoever found it, without a stack trace; so is what the program
 * throws later, and an end that it puts to the process.
 */
export async function describedApp<T>(ask: (app: App) => T): Promise<Described<T>> {
  const file = ['main.ts', 'main.js'].find(name => existsSync(name));
  if (file === undefined)
    throw new UnusableInput(
      `${process.cwd()} has no main.ts; run the command in the folder of your program, or write one (README.md shows it)`,
    );
  const checked = typeCheck(file);
  const described: { value?: T } = {};
  const unloadable: unknown[] = [];
  let isRefused = false;
  const refused = (error: unknown) => {
    isRefused = true;
    process.exitCode = 1;
    // A program that cannot be loaded mostly has a type error, which says more.
    if (isOfTheProgram(error)) console.error(refusal(error, file));
    else unloadable.push(error);
  };
  const ended = (code: number) => {
    const at = lineOf(new Error(), file);
    // 128 and its number: a signal ended the command, not the program.
    if (code > 128 && at === undefined) return;
    console.error(
      `[${at ?? file}] ends the process with process.exit(), before anything is written; remove the call, and throw an Error to refuse something`,
    );
    process.exitCode = 1;
  };
  hear(refused);
  process.once('exit', ended);
  try {
    try {
      described.value = ask(exportedApp(file));
    } catch (error) {
      refused(error);
    }
    // A turn of the event loop, after which a rejection that nothing handles is known.
    const [errors] = await Promise.all([checked, setImmediate()]);
    if (errors.length > 0) {
      const count = errors.length === 1 ? '1 type error' : `${errors.length} type errors`;
      console.error([...errors, `${count}, nothing was written`].join('\n'));
    } else {
      for (const error of unloadable) console.error(refusal(error, file));
    }
    return { ...described, isRefused: isRefused || errors.length > 0 };
  } finally {
    process.off('exit', ended);
    hear(error => {
      console.error(refusal(error, file));
      process.exitCode = 1;
    });
  }
}

/** The app that a program exports. */
function exportedApp(file: string): App {
  // TypeScript and ECMAScript modules, as they are written.
  require('tsx/cjs');
  const { app } = require(join(process.cwd(), file)) as { app?: unknown };
  if (app instanceof App) return app;
  if (Construct.isConstruct(app) && app.constructor.name === 'App')
    throw new RefusedApp(
      `[${file}] app comes of another copy of cdk8s than the constructs; import { App } from 'cdk8s-lakehouse', or run npm dedupe`,
    );
  throw new RefusedApp(
    app === undefined
      ? `[${file}] exports no app; write export const app = new App()`
      : `[${file}] exports an app that is no App of cdk8s; write export const app = new App()`,
  );
}

/** `folder/file:line:column: ERROR: text`, as esbuild says it of a file that it cannot parse. */
const SYNTAX_ERROR = /^(?<path>.+):(?<line>\d+):\d+: ERROR: (?<text>.*)$/m;

/** Whether an error is what the program, or the validation, says: not that of a module that cannot be loaded. */
function isOfTheProgram(error: unknown): boolean {
  return !(
    error instanceof SyntaxError ||
    (error instanceof Error && ('code' in error || 'errors' in error || SYNTAX_ERROR.test(messageOf(error))))
  );
}

/** The sentence for what a program, or the validation, threw. */
function refusal(error: unknown, file: string): string {
  if (!(error instanceof Error))
    return `[${file}] throws ${inspect(error, { depth: 0, breakLength: Number.POSITIVE_INFINITY, customInspect: false })}, which does not say where; throw new Error() with a sentence`;
  const message = messageOf(error);
  if (error instanceof RefusedApp) return message;
  const { path, line, text } = SYNTAX_ERROR.exec(message)?.groups ?? {};
  if (path !== undefined) return `[${relative(process.cwd(), path)}:${line}] cannot be parsed: ${text}`;
  if (!isOfTheProgram(error)) return `[${lineOf(error, file) ?? file}] ${message.split('\n', 1)[0]}`;
  // What stopped before the validation has no object: the line of the program that asked for it says where.
  const at = lineOf(error, file);
  const where = at === undefined ? '' : `[${at}] `;
  if (message === '')
    return `[${at ?? file}] throws ${error.name} without a message; give it a sentence that says what is wrong`;
  if (error instanceof RangeError && message === 'Maximum call stack size exceeded')
    return `[${at ?? file}] a function calls itself without an end (${message}); give it one`;
  // These are written for people; the other classes are the JavaScript engine's, and a type check says more.
  return error.constructor === Error || error instanceof RangeError
    ? `${where}${message}`
    : `${where}${message}; a value is not of the type that it must be`;
}

/** The message of an error. It may be a getter, which may throw. */
function messageOf(error: Error): string {
  try {
    return String(error.message);
  } catch {
    return '';
  }
}

/** The line of the program that the stack of an error was built on last. */
function lineOf({ stack }: Error, file: string): string | undefined {
  const [, line] = String(stack).split(`${sep}${file}:`);
  return line === undefined ? undefined : `${file}:${Number.parseInt(line, 10)}`;
}

/** The type errors of a program and what it imports. What TypeScript learned stays in .cache/, for a quick answer next time. */
async function typeCheck(file: string): Promise<readonly string[]> {
  if (!file.endsWith('.ts')) return [];
  const folder = process.cwd();
  const tsc = compilerOf(folder);
  if (tsc === undefined) {
    console.error(
      'note: types are not checked, because typescript is not installed; npm install --save-dev typescript',
    );
    return [];
  }
  return new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      [tsc, ...compilerOptions(folder), '--noEmit', '--pretty', 'false'],
      { cwd: folder, maxBuffer: 2 ** 30 },
      (failure, stdout, stderr) => {
        if (failure === null || stdout !== '') {
          resolve(typeErrors(stdout, name => readFileSync(join(folder, name), 'utf8')));
        } else {
          const why = /^\w*Error: (?<why>.*?)\.?$/m.exec(stderr)?.groups?.['why'] ?? failure.message;
          reject(new Error(`main.ts could not be type-checked: ${why}; run npm ci`));
        }
      },
    );
  });
}

/** The compiler that a folder's program has installed. */
function compilerOf(folder: string): string | undefined {
  try {
    return join(dirname(require.resolve('typescript/package.json', { paths: [folder] })), 'bin', 'tsc');
  } catch {
    return undefined;
  }
}

/** The options of tsconfig.json, for main.ts and what it imports; what is merely unused refuses nothing. */
function compilerOptions(folder: string): readonly string[] {
  const hasOwn = existsSync(join(folder, 'tsconfig.json'));
  const config = {
    ...(hasOwn ? { extends: '../tsconfig.json' } : {}),
    compilerOptions: {
      ...(hasOwn ? {} : { strict: true, target: 'es2022', module: 'nodenext' }),
      // what other packages declare is not the program's to mend
      skipLibCheck: true,
      noUnusedLocals: false,
      noUnusedParameters: false,
      composite: false,
      incremental: true,
      tsBuildInfoFile: 'main.tsbuildinfo',
    },
    files: ['../main.ts'],
    include: [],
  };
  const file = join(folder, '.cache', 'main.tsconfig.json');
  try {
    mkdirSync(join(folder, '.cache'), { recursive: true });
    writeFileSync(`${file}.${process.pid}`, JSON.stringify(config, null, 2));
    renameSync(`${file}.${process.pid}`, file);
    return ['--project', file];
  } catch {
    // A folder that cannot be written: all that tsconfig.json includes, from the start.
    return hasOwn ? ['--project', folder] : [join(folder, 'main.ts')];
  }
}
