import { createHash } from 'node:crypto';
import type { Log, ReportingDescriptor, Result } from 'sarif';
import type { CheckResult } from '../check/check';
import type { Rule } from './rule';

/** SARIF 2.1.0, in the subset that code-scanning services read: relative paths, one location, a stable fingerprint. */
export function sarifReport(result: CheckResult, rules: readonly Rule[], version: string): string {
  const seen = new Map<string, number>();
  const log: Log = {
    version: '2.1.0',
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    runs: [
      {
        tool: { driver: { name: 'cdk8s-lakehouse check', version, rules: rules.map(descriptor) } },
        columnKind: 'utf16CodeUnits',
        results: result.violations.map((violation): Result => {
          const { rule, level, object, file, line, column, message, remedy } = violation;
          // The same sentence about the same object again is counted, so that lines may move between two runs.
          const identity = [rule, file, object, message].join('\n');
          const repeat = (seen.get(identity) ?? 0) + 1;
          seen.set(identity, repeat);
          return {
            ruleId: rule,
            ruleIndex: rules.findIndex(({ id }) => id === rule),
            level,
            message: { text: `${object === '' ? '' : `${object}: `}${message}; ${remedy}` },
            locations: [
              {
                physicalLocation: {
                  artifactLocation: { uri: uri(file ?? '') },
                  region: { startLine: line ?? 1, ...(column === undefined ? {} : { startColumn: column }) },
                },
                ...(object === ''
                  ? {}
                  : { logicalLocations: [{ fullyQualifiedName: object, kind: 'resource' }] }),
              },
            ],
            partialFingerprints: {
              'check/v1': createHash('sha256').update(`${identity}\n${repeat}`).digest('hex').slice(0, 32),
            },
          };
        }),
      },
    ],
  };
  return `${JSON.stringify(log, null, 2)}\n`;
}

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
