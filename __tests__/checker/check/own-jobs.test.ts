import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { check } from '../../../lib/checker/check/check';

const DIST = join(__dirname, '..', '..', '..', 'dist');
const TEXTS = readdirSync(DIST)
  .filter(file => file.endsWith('.yaml'))
  .map(file => ({ file, text: readFileSync(join(DIST, file), 'utf8') }));

function checked(change: (text: string) => string = text => text) {
  const sources = TEXTS.map(({ file, text }) => ({ file, bytes: Buffer.from(change(text)) }));
  return check({ sources, named: [], skipped: [], unreadable: [] });
}

it('finds our own Python among the manifests', () => {
  const keys = TEXTS.flatMap(({ text }) => parseAllDocuments(text))
    .map(document => document.toJS())
    .flatMap(({ kind, data }) => (kind === 'ConfigMap' ? Object.keys(data) : []));
  expect(keys).toEqual(expect.arrayContaining(['gold_partials.py', 'streaming_job.py', 'schema_job.py']));
});

it('understands all of it', () => {
  const { notes, violations } = checked();
  expect(notes).toEqual([]);
  expect(violations).toEqual([]);
});

it('sees a misspelled name on the line of `for name, *_ in …`', () => {
  const line = /^( *)(.*\bfor name, \*_ in )(\w+)/m;
  const whole = TEXTS.map(({ text }) => text).find(text => line.test(text));
  const [, , , name = ''] = line.exec(whole ?? '') ?? [];
  expect(name).not.toBe('');
  const { violations } = checked(text => text.replace(line, `$1$2${name}_misspelled`));
  expect(violations).toEqual([
    expect.objectContaining({
      rule: 'undefined-name',
      message: expect.stringMatching(new RegExp(`^gold_partials\\.py .* uses "${name}_misspelled"`)),
    }),
  ]);
});
