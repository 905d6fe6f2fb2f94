#!/usr/bin/env node
import { advice } from '../checker/finding/spelling';
import { packageFolder, packageVersion } from './package-folder';

interface Command {
  /** What it does, for the list of commands. */
  readonly does: string;
  /** Loads only what the command needs, and runs it. */
  readonly run: (args: readonly string[]) => void | Promise<void>;
}

const COMMANDS: Readonly<Record<string, Command>> = {
  synth: {
    does: 'checks main.ts and what it describes, and writes dist/, or says why not',
    run: args => (require('./synth') as typeof import('./synth')).synth(args),
  },
  check: {
    does: 'the rules on any folder of manifests',
    run: args => (require('./check') as typeof import('./check')).check(args, packageFolder()),
  },
  capacity: {
    does: 'whether what main.ts describes fits its nodes: at its most, with a node lost, in an update',
    run: args => (require('./capacity') as typeof import('./capacity')).capacity(args),
  },
  secrets: {
    does: 'the Secrets that main.ts refers to, with random values, on stdout',
    run: args => (require('./secrets') as typeof import('./secrets')).secretManifests(args),
  },
  'cluster-context': {
    does: 'asks EKS once for nodes and versions, and writes cluster.context.json',
    run: args => (require('./cluster-context') as typeof import('./cluster-context')).clusterContext(args),
  },
  doctor: {
    does: 'what is missing on this machine for which command',
    run: args => (require('./doctor') as typeof import('./doctor')).doctor(args),
  },
};

const WIDTH = Math.max(...Object.keys(COMMANDS).map(name => name.length));
const USAGE = `usage: cdk8s-lakehouse COMMAND [options]

${Object.entries(COMMANDS)
  .map(([name, { does }]) => `  ${name.padEnd(WIDTH)}  ${does}`)
  .join('\n')}

  --version, -v  the version of this package
  COMMAND --help says how a command is used

exit code: 0 done, 1 refused or not fitting, 2 an argument or input that cannot be used`;

/** The program behind the package's bin and the scripts of package.json. */
export async function cdk8sLakehouse(args: readonly string[]): Promise<void> {
  const [name, ...rest] = args;
  if (name === '--help' || name === '-h') {
    console.log(USAGE);
  } else if (name === '--version' || name === '-v') {
    console.log(packageVersion());
  } else if (name === undefined) {
    refuse(`no command is given; choose one\n\n${USAGE}`);
  } else {
    const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
    if (command === undefined)
      refuse(`${JSON.stringify(name)} is no command; ${advice(name, Object.keys(COMMANDS))}`);
    else await command.run(rest);
  }
}

function refuse(sentence: string): void {
  console.error(`cdk8s-lakehouse: ${sentence}`);
  process.exitCode = 2;
}

if (require.main === module) void cdk8sLakehouse(process.argv.slice(2));
