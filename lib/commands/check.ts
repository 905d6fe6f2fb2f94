import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { checkCommand } from '../checker/check/command-line';

/** The rules on any folder of manifests. `home` is the folder of this package, which holds docs/rules/. */
export function check(args: readonly string[], home: string): void {
  // The command is over before most of what V8 11 (Node 20) optimizes for it pays; later engines weigh that themselves.
  if (process.versions.v8.startsWith('11.')) setFlagsFromString('--interrupt-budget=1000000');
  const { code, stdout, stderr } = checkCommand(args, {
    stdin: () => readFileSync(0),
    color:
      process.stdout.isTTY === true &&
      process.env['NO_COLOR'] === undefined &&
      process.env['TERM'] !== 'dumb',
    home,
  });
  process.stderr.write(stderr);
  process.stdout.write(stdout);
  process.exitCode = code;
}
