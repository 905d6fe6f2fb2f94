import { execFile } from 'node:child_process';
import { type Answer, diagnose, type ToolName, tools } from '../lib/commands/doctor';
import { commandLine } from './command-line';

const USAGE = `usage: npm run doctor
Says which prerequisite is missing for which command, and how to get it. Exit code 1 when one is.`;

function ask([program, ...args]: readonly [string, ...string[]]): Promise<Answer> {
  return new Promise(resolve =>
    execFile(program, args, { timeout: 20_000 }, (error, stdout, stderr) =>
      resolve(error ? undefined : stdout + stderr),
    ),
  );
}

async function main(): Promise<void> {
  const answers = await Promise.all(
    Object.entries(tools).map(async ([name, tool]) => [name, await ask(tool.ask)] as const),
  );
  const { problems, commands } = diagnose(Object.fromEntries(answers) as Record<ToolName, Answer>);
  for (const line of [...problems, ...commands]) console.log(line);
  if (problems.length > 0) process.exitCode = 1;
}

void commandLine(USAGE, {}, main);
