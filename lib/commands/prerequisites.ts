/** What each command needs beside `npm ci` or `npm install`. */

export interface Tool {
  readonly name: string;
  /** Program and arguments that print the version, on stdout or stderr. */
  readonly ask: readonly [program: string, ...args: string[]];
  /** The version in what it prints, as its first group; without one, a success is enough. */
  readonly version?: RegExp;
  /** The oldest that will do. */
  readonly oldest?: string;
  /** The only major version that will do. */
  readonly major?: number;
  readonly why: string;
  readonly remedy: string;
}

/** What a tool answered: its output, or undefined when it is not there or failed. */
export type Answer = string | undefined;

/** Oldest versions: package.json's engines, spark-jobs' target, the Java of Spark's image, the go.mod files of e2e/. */
export const tools = {
  node: {
    name: 'Node.js',
    ask: ['node', '--version'],
    version: /^v([\d.]+)/,
    oldest: '20',
    why: 'runs everything',
    remedy: 'install Node.js 20 or newer from nodejs.org or your package manager',
  },
  typescript: {
    name: 'TypeScript',
    ask: ['node', '-p', "require('typescript/package.json').version"],
    version: /^([\d.]+)/m,
    oldest: '5.4',
    why: 'checks the types of main.ts at each synthesis',
    remedy: 'run npm install --save-dev typescript in the folder of main.ts',
  },
  npm: {
    name: 'npm',
    ask: ['npm', '--version'],
    version: /^([\d.]+)/m,
    oldest: '9',
    why: 'installs dependencies and the ClickHouse library',
    remedy: 'it comes with Node.js',
  },
  python: {
    name: 'Python',
    ask: ['python3', '--version'],
    version: /Python ([\d.]+)/,
    oldest: '3.10',
    why: 'runs the jobs and their tests',
    remedy:
      'install Python 3.10 or newer and put it first in the PATH (Debian and Ubuntu: apt install python3)',
  },
  venv: {
    name: "Python's venv",
    ask: ['python3', '-c', 'import ensurepip, venv'],
    why: 'keeps the Python packages apart',
    remedy: 'Debian and Ubuntu: apt install python3-venv',
  },
  java: {
    name: 'Java',
    ask: [process.env['JAVA_HOME'] ? `${process.env['JAVA_HOME']}/bin/java` : 'java', '-version'],
    version: /version "([\d.]+)/,
    major: 17,
    why: "runs Spark and Kafka, in the version of Spark's image",
    remedy:
      'install a JDK 17 (Debian and Ubuntu: apt install openjdk-17-jdk-headless), or point JAVA_HOME at one',
  },
  maven: {
    name: 'Maven',
    ask: ['mvn', '--version'],
    version: /Apache Maven ([\d.]+)/,
    oldest: '3.8',
    why: "fetches Kafka and Spark's connectors",
    remedy: 'install Maven 3.8 or newer (Debian and Ubuntu: apt install maven)',
  },
  go: {
    name: 'Go',
    ask: ['go', 'version'],
    version: /go version go([\d.]+)/,
    oldest: '1.25',
    why: 'builds the S3 server and the Kubernetes control plane',
    remedy: 'install Go 1.25 or newer from go.dev, and put it in the PATH',
  },
  git: {
    name: 'git',
    ask: ['git', '--version'],
    version: /git version ([\d.]+)/,
    why: 'fetches public repositories at a commit',
    remedy: 'install git (Debian and Ubuntu: apt install git)',
  },
  linux: {
    name: 'Linux on x86_64',
    ask: ['uname', '-sm'],
    version: /^Linux x86_64()/,
    why: 'is what the ClickHouse library is published for',
    remedy: 'use such a machine, a virtual one, or a container of linux/amd64',
  },
} as const satisfies Record<string, Tool>;

export type ToolName = keyof typeof tools;

const SERVERS: readonly ToolName[] = ['node', 'npm', 'python', 'venv', 'java', 'maven', 'go', 'linux'];

/** What the commands of the package need, for whoever has installed it. */
export const needsOfThePackage: Readonly<Record<string, readonly ToolName[]>> = {
  'synth, secrets': ['node', 'typescript'],
  'check, capacity, cluster-context': ['node'],
};

/** What the commands of the repository need. */
export const needs: Readonly<Record<string, readonly ToolName[]>> = {
  'synth, cdk8s, check, capacity, secrets, cluster-context, inner, test:unit': ['node'],
  'test:package': ['node', 'npm'],
  'test:render': ['node', 'go'],
  corpus: ['node', 'git'],
  'test, test:crashes, faults, local, bench, fuzz': SERVERS,
  'test:cluster': SERVERS,
  'test:policy': ['node', 'python', 'venv', 'go'],
};

/** What is wrong with what a tool answered, and how to mend it; undefined when it will do. */
export function problem(tool: Tool, answer: Answer): string | undefined {
  const { name, why, remedy, version, oldest, major } = tool;
  if (answer === undefined) return `${name} is missing: it ${why}; ${remedy}`;
  if (version === undefined) return undefined;
  const found = version.exec(answer)?.[1];
  if (found === undefined)
    return `${name} answers ${JSON.stringify(answer.trim().split('\n', 1)[0])}: it ${why}; ${remedy}`;
  if (major !== undefined && numbers(found)[0] !== major)
    return `${name} ${found} is not ${name} ${major}: it ${why}; ${remedy}`;
  if (oldest !== undefined && isOlder(found, oldest))
    return `${name} ${found} is older than ${oldest}: it ${why}; ${remedy}`;
  return undefined;
}

export interface Diagnosis {
  /** Every tool that will not do, once. */
  readonly problems: readonly string[];
  /** A line a group of commands: what it lacks, or that it can run. */
  readonly commands: readonly string[];
}

/** What the tools that some commands need have answered. */
export function diagnose(
  answers: Partial<Readonly<Record<ToolName, Answer>>>,
  wanted: Readonly<Record<string, readonly ToolName[]>> = needs,
): Diagnosis {
  const lacking = new Map<ToolName, string>();
  for (const name of (Object.keys(tools) as ToolName[]).filter(name =>
    Object.values(wanted).flat().includes(name),
  )) {
    const text = problem(tools[name], answers[name]);
    if (text !== undefined) lacking.set(name, text);
  }
  return {
    problems: [...lacking.values()],
    commands: Object.entries(wanted).map(([commands, names]) => {
      const missing = names.filter(name => lacking.has(name)).map(name => tools[name].name);
      return `${commands}: ${missing.length === 0 ? 'ready' : `needs ${missing.join(', ')}`}`;
    }),
  };
}

function numbers(version: string): number[] {
  return version.split('.').map(Number);
}

function isOlder(version: string, oldest: string): boolean {
  const found = numbers(version);
  for (const [index, least] of numbers(oldest).entries()) {
    const part = found[index] ?? 0;
    if (part !== least) return part < least;
  }
  return false;
}
