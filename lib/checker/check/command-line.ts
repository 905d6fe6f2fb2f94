import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { parseNodes } from '../facts/nodes';
import { rules } from '../rules';
import { type CheckResult, check } from './check';
import { collect } from './collect';
import { humanReport } from './human';
import { jsonReport } from './json';
import { sarifReport } from './sarif';

export interface CommandLineOutput {
  readonly code: 0 | 1 | 2;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandLineContext {
  readonly stdin: () => Uint8Array;
  /** Whether standard output is a terminal that shows colours. */
  readonly color: boolean;
  /** The project's folder, which holds docs/rules/. */
  readonly home: string;
}

const FORMATS = ['human', 'json', 'sarif'] as const;
const LEVELS = ['error', 'warning'] as const;

export const USAGE = `usage: cdk8s-lakehouse check PATH… [options]      PATH is a file, a folder, or - for standard input

  --format human|json|sarif   how to report (default human)
  --rule RULE                 only this rule; may be repeated
  --level error|warning       the least level to report (default warning)
  --external KIND/NS/NAME     something that exists although no file declares it; may be repeated, * matches any text
  --nodes COUNTxTYPE[,…]      the nodes that all pods have to fit, when no file describes them (default: what does not fit 4xm6i.large is a note)
  --strict                    what was not understood is an error
  --list-rules                every rule with what it refuses
  --explain RULE              what a rule is about, with a bad and a good example

exit code: 0 clean, 1 violations of level error, or with --strict notes, 2 an input that cannot be read
`;

/** The whole command on data: arguments in, output and exit code out. */
export function checkCommand(args: readonly string[], context: CommandLineContext): CommandLineOutput {
  const parsed = parse(args);
  if ('error' in parsed) return refuse(parsed.error);
  const { values, positionals } = parsed;
  if (values.help === true) return { code: 0, stdout: USAGE, stderr: '' };
  if (values['list-rules'] === true) return { code: 0, stdout: ruleList(), stderr: '' };

  const unknown = [...(values.rule ?? []), ...(values.explain === undefined ? [] : [values.explain])].find(
    id => !rules.some(rule => rule.id === id),
  );
  if (unknown !== undefined) {
    return refuse(`rule "${unknown}" does not exist; the rules are ${rules.map(({ id }) => id).join(', ')}`);
  }
  if (values.explain !== undefined) {
    return {
      code: 0,
      stdout: readFileSync(join(context.home, 'docs', 'rules', `${values.explain}.md`), 'utf8'),
      stderr: '',
    };
  }
  const format = FORMATS.find(name => name === (values.format ?? 'human'));
  if (format === undefined)
    return refuse(`--format "${values.format}" is unknown; choose human, json or sarif`);
  const level = LEVELS.find(name => name === (values.level ?? 'warning'));
  if (level === undefined) return refuse(`--level "${values.level}" is unknown; choose error or warning`);
  const nodes = values.nodes === undefined ? undefined : parseNodes(values.nodes);
  if (nodes !== undefined && 'error' in nodes) return refuse(`--nodes ${nodes.error}`);
  const external = values.external ?? [];
  const badExternal = external.find(entry => !/^[A-Z*][^/]*(\/[^/]+){1,2}$/.test(entry));
  if (badExternal !== undefined) {
    return refuse(
      `--external "${badExternal}" is no Kind/namespace/name; write e.g. Secret/storage/minio-credentials`,
    );
  }
  if (positionals.length === 0)
    return refuse('no path is given; name a file, a folder, or - for standard input');

  if (positionals.includes(''))
    return refuse('a path is empty; name a file, a folder, or - for standard input');

  const result = check(collect(positionals, context.stdin), {
    external,
    level,
    isStrict: values.strict === true,
    ...(nodes === undefined ? {} : { nodes: nodes.nodes }),
    ...(values.rule === undefined ? {} : { only: values.rule }),
  });
  const stdout =
    format === 'json'
      ? jsonReport(result)
      : format === 'sarif'
        ? sarifReport(result, rules, projectVersion(context.home))
        : humanReport(result, { color: context.color, rules: values.rule?.length ?? rules.length });
  return {
    code: result.unusable ? 2 : hasErrors(result) ? 1 : result.isEmpty ? 2 : 0,
    stdout,
    stderr: result.notices.map(notice => `note: ${notice}\n`).join(''),
  };
}

function hasErrors({ violations, notes, isStrict }: CheckResult): boolean {
  return violations.some(({ level }) => level === 'error') || (isStrict && notes.length > 0);
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
  return { code: 2, stdout: '', stderr: `check: ${message}\n\n${USAGE}` };
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
