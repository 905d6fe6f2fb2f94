import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { commandLine } from './command-line';
import { packageFolder } from './package-folder';
import { type Answer, diagnose, needs, needsOfThePackage, type ToolName, tools } from './prerequisites';

const USAGE = `usage: cdk8s-lakehouse doctor
Says which prerequisite is missing for which command, and how to get it. Exit code 1 when one is.`;

function ask([program, ...args]: readonly [string, ...string[]]): Promise<Answer> {
  return new Promise(resolve =>
    execFile(program, args, { timeout: 20_000 }, (error, stdout, stderr) =>
      resolve(error ? undefined : stdout + stderr),
    ),
  );
}

export function doctor(args: readonly string[]): Promise<void> {
  return commandLine(USAGE, {}, report, args);
}

async function report(): Promise<void> {
  // The tests and benchmarks, and with them what only they need, are in the repository, not in the package.
  const isRepository = existsSync(join(packageFolder(), 'local'));
  const wanted = isRepository ? needs : needsOfThePackage;
  const names = [...new Set(Object.values(wanted).flat())];
  const answers = await Promise.all(names.map(async name => [name, await ask(tools[name].ask)] as const));
  const { problems, commands } = diagnose(
    Object.fromEntries(answers) as Partial<Record<ToolName, Answer>>,
    wanted,
  );
  for (const line of [...problems, ...commands]) console.log(line);
  if (problems.length > 0) process.exitCode = 1;
}
