import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Testing } from 'cdk8s';
import { CodeConfigMap } from '../../../lib/lakehouse/workload/code-config-map';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'code-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

function write(files: Record<string, string>): void {
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(directory, name), text);
}

function synthesized(entry = 'job.py'): { name: string; data: Record<string, string>; immutable: boolean } {
  const chart = Testing.chart();
  new CodeConfigMap(chart, 'Code', { name: 'spark-app-code', namespace: 'default', entry, directory });
  const [{ metadata, data, immutable }] = Testing.synth(chart);
  return { name: metadata.name, data, immutable };
}

test('the entry file and the modules that it imports, directly or not, are inside; nothing else is', () => {
  write({
    'job.py': 'import sys, session\nfrom layout import paths\n',
    'session.py': 'def session():\n    import clock as c\n',
    'layout.py': 'from pyspark.sql import functions as F\n# import unused\n',
    'clock.py': '',
    'unused.py': '',
    'sessions.py': '',
    'notes.txt': 'import unused',
  });
  expect(Object.keys(synthesized().data)).toEqual(['clock.py', 'job.py', 'layout.py', 'session.py']);
});

test('modules that import each other are no endless loop', () => {
  write({ 'job.py': 'import a', 'a.py': 'import b', 'b.py': 'import a' });
  expect(Object.keys(synthesized().data)).toEqual(['a.py', 'b.py', 'job.py']);
});

test('the code is inside byte by byte', () => {
  const text = '# ünï\ncode = "\t\\n"\n';
  write({ 'job.py': text });
  expect(synthesized().data['job.py']).toBe(text);
});

test('new code is a new name, the same code the same name', () => {
  write({ 'job.py': 'x = 1' });
  const before = synthesized();
  expect(before.name).toMatch(/^spark-app-code-[0-9a-f]{8}$/);
  expect(before.immutable).toBe(true);
  expect(synthesized().name).toBe(before.name);
  write({ 'job.py': 'x = 2' });
  expect(synthesized().name).not.toBe(before.name);
});

test('a module that is renamed is a new name too', () => {
  write({ 'job.py': 'import a', 'a.py': '' });
  const before = synthesized().name;
  write({ 'job.py': 'import b', 'b.py': '' });
  expect(synthesized().name).not.toBe(before);
});

test('an entry file that is not there is refused, naming those that are', () => {
  write({ 'job.py': '', 'other.py': '' });
  expect(() => synthesized('jobs.py')).toThrow(/has no file jobs\.py, only job\.py, other\.py; set entry/);
});
