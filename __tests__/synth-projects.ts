import path from 'node:path';

/**
 * Runs `npm run synth` of each project folder that is named on the command line, one after the other and all in this
 * process, because loading the program takes longer than running it. Prints a line of JSON for each.
 */
const [script = '', ...projects] = process.argv.splice(2);
let lines: string[] | undefined;
console.error = (text: string) => lines?.push(text);

/** A program is over when nothing is left to do. */
process.on('beforeExit', next);
next();

function next(): void {
  if (lines !== undefined) {
    console.log(JSON.stringify({ exitCode: process.exitCode, stderr: lines.join('\n') }));
  }
  process.exitCode = 0;
  const project = projects.shift();
  if (project === undefined) {
    process.off('beforeExit', next);
    return;
  }
  lines = [];
  process.chdir(project);
  delete process.env['CDK8S_OUTDIR'];
  require(path.join(project, script));
}
