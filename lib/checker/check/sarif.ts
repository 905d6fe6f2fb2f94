import type { Log, ReportingDescriptor, Result } from 'sarif';
import type { Rule } from '../facts/rule';
import { NOT_UNDERSTOOD, type Note } from '../finding/note';
import type { Violation } from '../finding/reporter';
import type { CheckResult } from './check';
import { lookedAt, notLookedAtLines } from './coverage';
import { identified, saidBy } from './identity';
import { verdict } from './verdict';

/** SARIF 2.1.0, in the subset that code-scanning services read: relative paths, one location, a stable fingerprint. */
export function sarifReport(result: CheckResult, rules: readonly Rule[], version: string): string {
  const { coverage, ignored, baseline } = result;
  const { code, sentence } = verdict(result);
  const reported = [...result.violations, ...result.notes.map(note => noted(note, result.isStrict))];
  const identities = [...identified(result.violations), ...identified(result.notes.map(saidBy))];
  const log: Log = {
    version: '2.1.0',
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    runs: [
      {
        tool: {
          driver: {
            name: 'cdk8s-lakehouse check',
            version,
            rules: [...rules.map(descriptor), NOTE_DESCRIPTOR],
          },
        },
        columnKind: 'utf16CodeUnits',
        invocations: [
          {
            executionSuccessful: code < 2,
            exitCode: code,
            exitCodeDescription: sentence,
            toolExecutionNotifications: [
              { level: 'note', message: { text: `looked at: ${lookedAt(coverage)}` } },
              ...notLookedAtLines(coverage).map(text => ({
                level: 'note' as const,
                message: { text: `not looked at: ${text}` },
              })),
            ],
          },
        ],
        properties: { coverage, ignored, ...(baseline === undefined ? {} : { baseline }) },
        results: reported.map(
          ({ rule, level, object, file, line, column, message, remedy }, index): Result => ({
            ruleId: rule,
            ruleIndex: rule === NOT_UNDERSTOOD ? rules.length : rules.findIndex(({ id }) => id === rule),
            level,
            message: { text: `${object === '' ? '' : `${object}: `}${message}; ${remedy}` },
            locations: [
              {
                physicalLocation: {
                  artifactLocation: { uri: uri(file ?? '') },
                  region: {
                    startLine: line ?? 1,
                    ...(column === undefined ? {} : { startColumn: column }),
                  },
                },
                ...(object === ''
                  ? {}
                  : { logicalLocations: [{ fullyQualifiedName: object, kind: 'resource' }] }),
              },
            ],
            partialFingerprints: { 'check/v2': identities[index]?.id ?? '' },
          }),
        ),
      },
    ],
  };
  return `${JSON.stringify(log, null, 2)}\n`;
}

type Reported = Omit<Violation, 'level' | 'measured' | 'allowed'> & {
  readonly level: Violation['level'] | 'note';
};

/** Code-scanning services show results and leave notifications of a tool aside. */
function noted({ what, remedy, silences, cause: _, ...place }: Note, isStrict: boolean): Reported {
  return {
    ...place,
    rule: NOT_UNDERSTOOD,
    level: isStrict ? 'error' : 'note',
    message: what,
    remedy: silences.length === 0 ? remedy : `${remedy}. Silent for it: ${silences.join(', ')}`,
  };
}

const NOTE_DESCRIPTOR: ReportingDescriptor = {
  id: NOT_UNDERSTOOD,
  name: 'NotUnderstood',
  shortDescription: { text: 'Names what was not understood' },
  fullDescription: { text: 'Names what was not understood, and the rules that say nothing for lack of it' },
  help: { text: 'What was not understood was not checked. docs/check.md says what is read.' },
  defaultConfiguration: { level: 'note' },
};

function descriptor({ id, level, refuses, remedy }: Rule): ReportingDescriptor {
  return {
    id,
    name: id.replace(/(^|-)([a-z])/g, (_, __, letter: string) => letter.toUpperCase()),
    shortDescription: { text: `Refuses ${refuses}` },
    fullDescription: { text: `Refuses ${refuses}` },
    help: { text: `To mend it: ${remedy}. Every rule is explained in docs/rules/${id}.md.` },
    defaultConfiguration: { level },
  };
}

function uri(file: string): string {
  const path = file.split('/').map(encodeURIComponent).join('/');
  return file.startsWith('/') ? `file://${path}` : path;
}
