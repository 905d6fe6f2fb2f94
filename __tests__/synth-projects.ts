import { synth } from '../lib/commands/synth';

/**
 * Runs `npm run synth` in each project folder that is named on the command line, one after the other and all in this
 * process, because loading the program takes longer than running it. Prints a line of JSON for each.
 */
async function synthEach(projects: readonly string[]): Promise<void> {
  for (const project of projects) {
    const lines: string[] = [];
    console.error = (text: string) => lines.push(text);
    process.exitCode = 0;
    process.chdir(project);
    await synth([]);
    console.log(JSON.stringify({ exitCode: process.exitCode, stderr: lines.join('\n') }));
  }
  process.exitCode = 0;
}

void synthEach(process.argv.slice(2));
