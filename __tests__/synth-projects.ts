import path from 'node:path';

/**
 * Runs `npm run synth` of each project folder that is named on the command line, all in this process, because loading
 * the program takes longer than running it. Prints a line of JSON for each.
 */
const [script = '', ...projects] = process.argv.splice(2);
for (const project of projects) {
  const lines: string[] = [];
  console.error = (text: string) => lines.push(text);
  process.exitCode = 0;
  process.chdir(project);
  require(path.join(project, script));
  console.log(JSON.stringify({ exitCode: process.exitCode, stderr: lines.join('\n') }));
}
process.exitCode = 0;
