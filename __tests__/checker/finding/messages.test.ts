import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { allowed, field, measured, quote, say } from '../../../lib/checker/finding/message';
import { text } from '../../../lib/checker/finding/reporter';
import { manifestObjects } from '../../../lib/checker/object/manifest-object';

const LIB = join(__dirname, '..', '..', '..', 'lib');
const sources = readdirSync(LIB, { recursive: true, withFileTypes: true })
  .filter(entry => entry.isFile() && entry.name.endsWith('.ts'))
  .map(entry => join(entry.parentPath, entry.name))
  .map(path => ({ file: relative(LIB, path), source: readFileSync(path, 'utf8') }));

const filesWith = (pattern: RegExp) =>
  sources.filter(({ source }) => pattern.test(source)).map(({ file }) => file);

describe('a message', () => {
  const message = say`image ${measured('app', quote)} has ${2} faults, ${say`of ${allowed(1)} at most`}`;

  test('is a text in the report', () => {
    expect(text(message)).toBe('image "app" has 2 faults, of 1 at most');
  });

  test('is none before: it cannot be searched, put into another text, or written as data', () => {
    expect(() => `${message}`).toThrow('reporter');
    expect(() => String(message).includes('image')).toThrow('reporter');
    expect(() => JSON.stringify({ message })).toThrow('reporter');
    expect(Object.keys(message)).toEqual([]);
  });

  test('names a field as the manifest does, or by its prop where a construct writes it', () => {
    const [object] = manifestObjects([
      { apiVersion: 'sparkoperator.k8s.io/v1beta2', kind: 'SparkApplication', metadata: { name: 'job' } },
    ]);
    if (object === undefined) throw new Error('no object');
    const remedy = say`set ${field(object, ['spec', 'executor', 'coreRequest'], 'executor.coreRequest')}`;
    expect(text(remedy)).toBe('set executor.coreRequest');
    const propOf = (_object: unknown, path: readonly (string | number)[]) =>
      path.join('.') === 'spec.executor.coreRequest' ? 'executor.cpu.request' : undefined;
    expect(text(remedy, { propOf })).toBe('set executor.cpu.request');
  });
});

test('the parts of a message are seen by the reporter alone', () => {
  expect(filesWith(/\bpartsOf\b/).sort()).toEqual([
    'checker/finding/message.ts',
    'checker/finding/reporter.ts',
  ]);
});

test('texts are asked for where they are printed, and nowhere else', () => {
  const printing = /import \{[^}]*\b(?:violation|lines?|sentence|text)\b[^}]*\} from '[./a-z-]*\/reporter'/;
  expect(filesWith(printing).sort()).toEqual([
    'checker/capacity/report-json.ts',
    'checker/capacity/report-text.ts',
    'checker/check/check.ts',
    'lakehouse/synth-checks.ts',
    'lakehouse/workload/props.ts',
    'lakehouse/workload/refuse.ts',
    'lakehouse/write-manifests.ts',
  ]);
});

test('the reporter alone writes which rule it was', () => {
  expect(filesWith(/\(rule (?:\$\{|[a-z-]+\))/)).toEqual(['checker/finding/reporter.ts']);
});

test('a construct is validated through what it refuses, but for the gate itself', () => {
  expect(filesWith(/\baddValidation\b/).sort()).toEqual([
    'lakehouse/synth-checks.ts',
    'lakehouse/workload/refuse.ts',
  ]);
});
