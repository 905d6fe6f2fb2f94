import { type ParseArgsConfig, parseArgs } from 'node:util';

/** An argument that cannot be used: exit code 2. */
export class UnusableInput extends Error {}

type Options = NonNullable<ParseArgsConfig['options']>;
export type Values<O extends Options> = ReturnType<typeof parseArgs<{ options: O }>>['values'];

/**
 * Runs a command with what its options say, or prints its usage for --help. What is wrong ends it with a sentence: exit
 * code 2 for an argument, 1 for everything else.
 */
export async function commandLine<O extends Options>(
  usage: string,
  options: O,
  run: (values: Values<O>) => void | Promise<void>,
  args: readonly string[] = process.argv.slice(2),
): Promise<void> {
  try {
    const values = parsed(options, args);
    if ('help' in values) console.log(usage);
    else await run(values);
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    process.exitCode = error instanceof UnusableInput ? 2 : 1;
  }
}

function parsed<O extends Options>(options: O, args: readonly string[]): Values<O> {
  try {
    return parseArgs({ args: [...args], options: { ...options, help: { type: 'boolean', short: 'h' } } })
      .values as Values<O>;
  } catch (error) {
    throw new UnusableInput((error as Error).message);
  }
}
