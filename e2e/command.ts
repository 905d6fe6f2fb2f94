import { execFile } from 'node:child_process';

/** What a finished command printed. */
export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end. A failure is a code, not an error; only a command that cannot be started throws. */
export function run(
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv; stdin?: string | undefined } = {},
): Promise<CommandResult> {
  const { stdin, ...rest } = options;
  return new Promise((resolve, reject) => {
    const child = execFile(command, args, { ...rest, maxBuffer: 64 << 20 }, (error, stdout, stderr) => {
      if (error !== null && typeof error.code === 'string')
        reject(new Error(`${command} cannot run (${error.code}); is it installed and on the PATH?`));
      else
        resolve({
          code: typeof error?.code === 'number' ? error.code : error === null ? 0 : 1,
          stdout,
          stderr,
        });
    });
    child.stdin?.end(stdin ?? '');
  });
}
