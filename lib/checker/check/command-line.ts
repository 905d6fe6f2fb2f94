import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { parseArgs } from 'node:util';
import { parseNodes } from '../facts/nodes';
import { advice, nearest } from '../finding/spelling';
import { rules } from '../rules';
import { baselineText, parseBaseline, sinceBaseline } from './baseline';
import { type CheckOptions, check } from './check';
import { collect, reason, STDIN } from './collect';
import { amount } from './coverage';
import { fix } from './fix';
import { githubReport } from './github';
import { humanReport } from './human';
import { jsonReport } from './json';
import { externalFault, PROJECT_FILE, projectFileSchema, readProjectFile } from './project-file';
import { RENDERERS, type Rendering, type Run, render } from './render';
import { sarifReport } from './sarif';
import { type ExitCode, verdict } from './verdict';

export interface CommandLineOutput {
  readonly code: ExitCode;
  readonly stdout: string;
  readonly stderr: string;
  /** Files to write: mended ones, and a baseline. */
  readonly writes: readonly { readonly file: string; readonly text: string }[];
}

export interface CommandLineContext {
  readonly stdin: () => Uint8Array;
  /** Whether standard output is a terminal that shows colours. */
  readonly color: boolean;
  /** The project's folder, which holds docs/rules/. */
  readonly home: string;
  /** Runs helm or kustomize. */
  readonly run: Run;
}

const FORMATS = ['human', 'json', 'sarif', 'github'] as const;
const LEVELS = ['error', 'warning'] as const;

export const USAGE = `usage: cdk8s-lakehouse check PATH… [options]      PATH is a file, a folder, or - for standard input

  --format human|json|sarif|github   how to report (default human); github: annotations of a workflow
  --rule RULE                 only this rule, also when the project file turns it off; may be repeated
  --level error|warning       the least level to report (default warning)
  --external KIND/NS/NAME     something that exists although no file declares it; may be repeated, * matches any text
  --nodes COUNTxTYPE[,…]      the nodes that all pods have to fit, whatever files describe (default 4xm6i.large)
  --strict, --no-strict       whether what was not understood is an error
  --config FILE               the project file (default: the nearest ${PROJECT_FILE} from PATH upwards)
  --no-config                 without a project file
  --schema                    the JSON schema of the project file
  --baseline FILE             only what FILE does not know yet is reported, and what is gone from it
  --write-baseline            writes what is found now to the baseline
  --diff                      shows what --fix would write
  --fix                       mends what has one right answer, and reports the rest
  --render helm|kustomize     charts or kustomizations are rendered first, by the program that is installed; may be
                              given twice
  --values FILE               values for --render helm; may be repeated
  --list-rules                every rule with what it refuses
  --explain RULE              what a rule is about, with a bad and a good example

exit code: 0 no error, 1 violations of level error, or with --strict notes, 2 an argument, path or document that cannot
be used, 3 nothing was checked: there was no Kubernetes object, Python or SQL
`;

/** The whole command on data: arguments in, output, exit code and files to write out. */
export function checkCommand(args: readonly string[], context: CommandLineContext): CommandLineOutput {
  const parsed = parse(args);
  if ('error' in parsed) return refuse(parsed.error);
  const { values, positionals } = parsed;
  const print = (stdout: string): CommandLineOutput => ({ code: 0, stdout, stderr: '', writes: [] });
  if (values.help === true) return print(USAGE);
  if (values['list-rules'] === true) return print(ruleList());
  if (values.schema === true) return print(`${JSON.stringify(projectFileSchema(), null, 2)}\n`);

  const ids = rules.map(({ id }) => id);
  const unknown = [...(values.rule ?? []), ...(values.explain === undefined ? [] : [values.explain])].find(
    id => !ids.includes(id),
  );
  if (unknown !== undefined) {
    const near = nearest(unknown, ids);
    return refuse(
      `rule "${unknown}" does not exist; ${near === undefined ? `the rules are ${ids.join(', ')}` : `did you mean ${near}?`}`,
    );
  }
  if (values.explain !== undefined)
    return print(readFileSync(join(context.home, 'docs', 'rules', `${values.explain}.md`), 'utf8'));
  const format = FORMATS.find(name => name === (values.format ?? 'human'));
  if (format === undefined)
    return refuse(`--format "${values.format}" is unknown; ${advice(values.format ?? '', FORMATS)}`);
  const level = LEVELS.find(name => name === (values.level ?? 'warning'));
  if (level === undefined)
    return refuse(`--level "${values.level}" is unknown; ${advice(values.level ?? '', LEVELS)}`);
  const renderers = RENDERERS.filter(name => values.render?.includes(name) === true);
  const strange = values.render?.find(name => !RENDERERS.some(renderer => renderer === name));
  if (strange !== undefined) return refuse(`--render "${strange}" is unknown; ${advice(strange, RENDERERS)}`);
  if (values.values !== undefined && !renderers.includes('helm'))
    return refuse('--values is for --render helm, which is not given; add it, or leave --values out');
  const nodes = values.nodes === undefined ? undefined : parseNodes(values.nodes);
  if (nodes !== undefined && 'error' in nodes) return refuse(`--nodes ${nodes.error}`);
  const external = values.external ?? [];
  const fault = external.map(externalFault).find(item => item !== undefined);
  if (fault !== undefined) return refuse(`--external ${fault}`);
  if (positionals.length === 0)
    return refuse('no path is given; name a file, a folder, or - for standard input');
  if (positionals.includes(''))
    return refuse('a path is empty; name a file, a folder, or - for standard input');
  if (values.fix === true && values.diff === true)
    return refuse('--fix writes and --diff only shows; give one of the two');

  const found = values['no-config'] === true ? undefined : projectFile(positionals, values.config);
  if (found !== undefined && 'faults' in found) return unusable(found.faults);
  const project = found?.project;
  const baseline = values.baseline ?? project?.baseline;
  if (values['write-baseline'] === true && baseline === undefined)
    return refuse('--write-baseline has no file; name it with --baseline FILE');
  const known =
    baseline === undefined || values['write-baseline'] === true ? undefined : readBaseline(baseline);
  if (known !== undefined && 'error' in known) return unusable([known.error]);

  let rendering: Rendering = { collected: collect(positionals, context.stdin), notices: [] };
  for (const renderer of renderers) {
    const next = render(rendering.collected, renderer, values.values ?? [], context.run);
    if ('error' in next) return unusable([next.error]);
    rendering = { collected: next.collected, notices: [...rendering.notices, ...next.notices] };
  }

  const options: CheckOptions = {
    external,
    level,
    ...(values.strict === true || values['no-strict'] === true ? { isStrict: values.strict === true } : {}),
    ...(nodes === undefined ? {} : { nodes: nodes.nodes }),
    ...(values.rule === undefined ? {} : { only: values.rule }),
    ...(project === undefined ? {} : { project }),
  };
  const first = check(rendering.collected, options);
  const fixed =
    values.fix === true || values.diff === true ? fix(rendering.collected, options, first) : undefined;
  const whole =
    values.fix === true && fixed !== undefined && fixed.files.length > 0
      ? check(fixed.collected, options)
      : first;
  const result = known === undefined ? whole : sinceBaseline(whole, known.findings, values.rule);
  const report =
    format === 'json'
      ? jsonReport(result)
      : format === 'sarif'
        ? sarifReport(result, rules, projectVersion(context.home))
        : format === 'github'
          ? githubReport(result, rules.length)
          : humanReport(result, { color: context.color, rules: values.rule?.length ?? rules.length });
  const diff = fixed === undefined ? '' : fixed.diff;
  const isWritten = values['write-baseline'] === true && baseline !== undefined;
  const { code } = verdict(result);
  const notices = [
    ...(project === undefined ? [] : [`settings of ${project.file}`]),
    ...rendering.notices,
    ...result.notices,
    ...(fixed?.refused ?? []),
    ...(fixed === undefined ? [] : [fixNotice(fixed.files.length, values.fix === true)]),
    ...(isWritten
      ? [`${result.violations.length + result.notes.length} findings and notes are in ${baseline} now`]
      : []),
  ];
  return {
    // What was just written is known from now on.
    code: isWritten && code === 1 ? 0 : code,
    stdout: format === 'human' && diff !== '' ? `${diff}\n${report}` : report,
    stderr: `${format === 'human' ? '' : diff}${notices.map(notice => `note: ${notice}\n`).join('')}`,
    writes: [
      ...(values.fix === true ? (fixed?.files ?? []) : []),
      ...(isWritten ? [{ file: baseline, text: baselineText(result) }] : []),
    ],
  };
}

function fixNotice(files: number, isWritten: boolean): string {
  if (files === 0) return 'nothing that was found has one right answer that --fix knows';
  const count = amount(files, 'file');
  return isWritten ? `${count} mended` : `--fix would mend ${count}`;
}

/** The project file that is named, else the nearest one from what all paths have in common upwards, within a repository. */
function projectFile(
  paths: readonly string[],
  named: string | undefined,
): ReturnType<typeof readProjectFile> | undefined {
  const read = (file: string, remedy: string) => {
    const shown = relative('', file).startsWith('..') ? file : relative('', file);
    try {
      return readProjectFile(shown, readFileSync(file, 'utf8'));
    } catch (error) {
      return { faults: [`${shown} cannot be read: ${reason(error)}; ${remedy}`] };
    }
  };
  if (named !== undefined) return read(named, 'name an existing file with --config');
  let folder = commonFolder(paths);
  for (;;) {
    const file = join(folder, PROJECT_FILE);
    if (existsSync(file))
      return read(file, 'make it a file that may be read, or leave it out with --no-config');
    if (existsSync(join(folder, '.git')) || dirname(folder) === folder) return undefined;
    folder = dirname(folder);
  }
}

function commonFolder(paths: readonly string[]): string {
  const folders = paths.map(path => {
    const whole = resolve(path === STDIN ? '' : path);
    return existsSync(whole) && statSync(whole).isDirectory() ? whole : dirname(whole);
  });
  return folders.reduce((common, folder) => {
    let shared = common;
    while (folder !== shared && !folder.startsWith(shared.endsWith(sep) ? shared : `${shared}${sep}`))
      shared = dirname(shared);
    return shared;
  });
}

function readBaseline(file: string): ReturnType<typeof parseBaseline> {
  const name = relative('', file).startsWith('..') ? file : relative('', file);
  try {
    return parseBaseline(name, readFileSync(file, 'utf8'));
  } catch (error) {
    return {
      error: `baseline ${name} cannot be read: ${reason(error)}; write it with --baseline ${name} --write-baseline`,
    };
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        format: { type: 'string' },
        rule: { type: 'string', multiple: true },
        level: { type: 'string' },
        external: { type: 'string', multiple: true },
        nodes: { type: 'string' },
        strict: { type: 'boolean' },
        'no-strict': { type: 'boolean' },
        config: { type: 'string' },
        'no-config': { type: 'boolean' },
        schema: { type: 'boolean' },
        baseline: { type: 'string' },
        'write-baseline': { type: 'boolean' },
        diff: { type: 'boolean' },
        fix: { type: 'boolean' },
        render: { type: 'string', multiple: true },
        values: { type: 'string', multiple: true },
        'list-rules': { type: 'boolean' },
        explain: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    return { error: String(error instanceof Error ? error.message : error).split('. ')[0] ?? '' };
  }
}

function refuse(message: string): CommandLineOutput {
  return { code: 2, stdout: '', stderr: `check: ${message}\n\n${USAGE}`, writes: [] };
}

/** What is wrong with something beside the manifests: sentences, and the usage would only hide them. */
function unusable(faults: readonly string[]): CommandLineOutput {
  return { code: 2, stdout: '', stderr: faults.map(fault => `check: ${fault}\n`).join(''), writes: [] };
}

function ruleList(): string {
  const width = Math.max(...rules.map(({ id }) => id.length));
  return rules
    .map(({ id, level, refuses }) => `${id.padEnd(width)}  ${level.padEnd(7)}  ${refuses}\n`)
    .join('');
}

function projectVersion(home: string): string {
  return (JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as { version: string }).version;
}
