import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { check } from '../../../lib/checker/check/check';
import { evaluate } from '../../../lib/checker/python/evaluate';
import { checkNames } from '../../../lib/checker/python/names';
import { parsePython } from '../../../lib/checker/python/parse';
import { tablesIn } from '../../../lib/checker/sql/ddl';

const CASES = join(__dirname, '..', 'rules', 'cases');
const MANIFESTS = readdirSync(CASES, { recursive: true, withFileTypes: true })
  .filter(entry => entry.isFile() && entry.name.endsWith('.yaml'))
  .map(entry => readFileSync(join(entry.parentPath, entry.name), 'utf8'));

const PYTHON_PIECES = [
  'spark',
  '.readStream',
  '.format("kafka")',
  '.option(',
  '"subscribe"',
  ', ',
  ')',
  '.load()',
  ' = ',
  '\n',
  '    ',
  'def f(x, *a, **k):',
  'return ',
  'f',
  '(',
  'lambda q: ',
  'for i in ',
  'if ',
  'else:',
  ':',
  '[',
  ']',
  '{',
  '}',
  'f"{',
  '}"',
  '"""',
  "'",
  '\\',
  '#',
  'class A(B):',
  'self',
  '.',
  'yield ',
  'await ',
  'match x:',
  'case ',
  '*',
  '**',
  '@',
  'import ',
  'from a import *',
  'while True:',
  'try:',
  'except ',
  'with a as b:',
  'global g',
  'df',
  '.writeStream',
  '.start()',
  '.foreachBatch(f)',
  'argparse.ArgumentParser()',
  '.add_argument("--x")',
  '.parse_args()',
  '.x',
  'os.environ["A"]',
  '\u{1F600}',
  '\0',
  '\t',
  '\r\n',
  '0x',
  '1e999',
  '%',
  '== ',
  'is None',
  'not ',
  ' and ',
  'x',
  'y := ',
  '...',
];

const python = fc.array(fc.constantFrom(...PYTHON_PIECES), { maxLength: 60 }).map(pieces => pieces.join(''));

/** A text with a piece cut out, doubled, moved or replaced. */
const damaged = fc
  .tuple(
    fc.constantFrom(...MANIFESTS),
    fc.nat(),
    fc.nat(200),
    fc.nat(),
    fc.oneof(
      fc.string(),
      fc.constantFrom(
        ': ',
        '\t',
        '- ',
        '&a ',
        '*a',
        '<<: *a',
        '|\n',
        '{',
        '"',
        '---\n',
        '\u0000',
        '!!binary ',
        '%YAML 9\n',
        '? ',
      ),
    ),
  )
  .map(([text, from, length, to, piece]) => {
    const start = from % (text.length + 1);
    const cut = text.slice(start, start + length);
    const rest = text.slice(0, start) + text.slice(start + length);
    const target = to % (rest.length + 1);
    return rest.slice(0, target) + piece + cut + rest.slice(target);
  });

function checkText(text: string | Uint8Array) {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text;
  return check({ sources: [{ file: 'a.yaml', bytes }], named: [], skipped: [], unreadable: [] });
}

describe('nothing that is given crashes or hangs', () => {
  it('bytes as a manifest', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), bytes => checkText(bytes).checked.files <= 1),
      { numRuns: 150 },
    );
  });

  it('texts as a manifest', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), text => checkText(text).checked.files <= 1),
      { numRuns: 150 },
    );
  });

  it('any JSON value as a manifest, and in the place of any part of one', () => {
    const kinds = fc.constantFrom(
      'Pod',
      'Deployment',
      'StatefulSet',
      'CronJob',
      'ConfigMap',
      'SparkApplication',
      'ScheduledSparkApplication',
      'Kafka',
      'KafkaNodePool',
      'KafkaTopic',
      'LimitRange',
      'List',
      'ClusterConfig',
      'PersistentVolumeClaim',
    );
    const versions = fc.constantFrom(
      'v1',
      'apps/v1',
      'batch/v1',
      'sparkoperator.k8s.io/v1beta2',
      'kafka.strimzi.io/v1',
      'kafka.strimzi.io/v1beta2',
      'eksctl.io/v1alpha5',
    );
    const object = fc.record({
      apiVersion: versions,
      kind: kinds,
      metadata: fc.record({ name: fc.string() }),
      spec: fc.jsonValue(),
      data: fc.jsonValue(),
      items: fc.jsonValue(),
    });
    fc.assert(
      fc.property(object, body => checkText(JSON.stringify(body)).checked.files === 1),
      { numRuns: 150 },
    );
  });

  it('one value of a real manifest replaced by any other', () => {
    const replaced = fc
      .tuple(fc.constantFrom(...MANIFESTS), fc.nat(), fc.jsonValue({ maxDepth: 2 }))
      .map(([text, which, value]) => {
        const lines = text.split('\n');
        const index = which % lines.length;
        lines[index] = (lines[index] ?? '').replace(/:( .*)?$/, `: ${JSON.stringify(value)}`);
        return lines.join('\n');
      });
    fc.assert(
      fc.property(replaced, text => checkText(text).checked.files <= 1),
      { numRuns: 100 },
    );
  });

  it('a damaged manifest, and what cannot be read is said', () => {
    fc.assert(
      fc.property(damaged, text => {
        const { unusable, violations } = checkText(text);
        return unusable === violations.some(({ rule }) => rule === 'unparseable-manifest');
      }),
      { numRuns: 100 },
    );
  });

  it('pieces of Python, parsed, resolved and followed', () => {
    fc.assert(
      fc.property(python, source => {
        const module = parsePython(source);
        checkNames(module);
        return (
          evaluate({
            modules: new Map([['m', module]]),
            entry: 'm',
            words: ['--x', '1'],
            variable: () => undefined,
          }).sources.length >= 0
        );
      }),
      { numRuns: 1000 },
    );
  });

  it('programs that never end', () => {
    const source = [
      'def f(x):',
      '    while True:',
      '        f(f(x))',
      '        for a in x:',
      '            for b in x:',
      '                g(f, a, b)',
      'def g(h, *a):',
      '    return [h(h(i)) for i in a for j in a for k in a]',
      'f([1, 2, 3])',
    ].join('\n');
    const facts = evaluate({
      modules: new Map([['m', parsePython(source)]]),
      entry: 'm',
      words: [],
      variable: () => undefined,
    });
    expect(facts.deadFrames).toEqual([]);
  });

  it.each([
    ['parentheses', `x = ${'('.repeat(5000)}${')'.repeat(5000)}\n`],
    ['lists', `x = ${'['.repeat(5000)}\n`],
    ['operators', `x = ${'1 + '.repeat(20000)}1\n`],
    ['blocks', Array.from({ length: 500 }, (_, depth) => `${' '.repeat(depth)}if x:\n`).join('')],
    ['attributes', `x = a${'.b'.repeat(20000)}\n`],
    ['calls', `x = a${'.b()'.repeat(20000)}\n`],
  ])('Python with deep %s', (_, source) => {
    const module = parsePython(source);
    checkNames(module);
    expect(
      evaluate({ modules: new Map([['m', module]]), entry: 'm', words: [], variable: () => undefined }).sinks,
    ).toEqual([]);
  });

  it('YAML with deep nesting', () => {
    expect(checkText(`a: ${'['.repeat(20000)}`).unusable).toBe(true);
    expect(
      checkText(Array.from({ length: 3000 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n')).checked
        .files,
    ).toBe(1);
  });

  it.each([
    'a',
    'a-',
    'a.b:',
    'aws s3 ',
    'INSERT INTO ',
    'x=',
    '"',
    '{{',
    '- ',
    ' ',
    '://a:',
    '/a/',
    '<<<<<<< ',
    '-----BEGIN A ',
  ])('a line of many %j', piece => {
    const line = piece.repeat(200_000 / piece.length);
    const object = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'a' },
      data: {
        'a.conf': line,
        'a.sql': `CREATE TABLE ${line}`,
        'a.py': `x = '''${line}'''`,
        'a.sh': `mc mb ${line}`,
      },
    };
    expect(checkText(JSON.stringify(object)).checked.objects).toBe(1);
  });

  it('SQL', () => {
    const sql = fc
      .array(
        fc.constantFrom(
          'CREATE TABLE ',
          'IF NOT EXISTS ',
          'a.b',
          '(',
          ')',
          ',',
          'x Int8',
          "'",
          '`',
          '"',
          '--',
          '/*',
          '*/',
          ';',
          'ALTER TABLE ',
          'ADD COLUMN ',
          'RENAME TABLE ',
          ' TO ',
          '\n',
          '\\',
          'ENGINE = X',
          '[',
          ']',
          'UUID',
          'AS SELECT',
        ),
      )
      .map(pieces => pieces.join(''));
    fc.assert(
      fc.property(sql, text => Array.isArray(tablesIn(text))),
      { numRuns: 2000 },
    );
  });
});
