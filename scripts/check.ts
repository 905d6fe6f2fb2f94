import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { checkCommand } from '../lib/check/command-line';

const { code, stdout, stderr } = checkCommand(process.argv.slice(2), {
  stdin: () => readFileSync(0),
  color:
    process.stdout.isTTY === true && process.env['NO_COLOR'] === undefined && process.env['TERM'] !== 'dumb',
  home: dirname(__dirname),
});
process.stderr.write(stderr);
process.stdout.write(stdout);
process.exitCode = code;
