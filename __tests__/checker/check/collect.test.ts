import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { collect } from '../../../lib/checker/check/collect';
import { text } from '../../../lib/checker/finding/reporter';

let root: string;
const noInput = () => new Uint8Array();

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'collect-'));
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

function put(path: string, text = 'a: 1\n'): string {
  const file = join(root, path);
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, text);
  return file;
}

const names = (folder: string) => collect([folder], noInput).sources.map(({ file }) => relative(root, file));

it('takes YAML, JSON and SQL at any depth, in order, and no hidden folder', () => {
  for (const path of [
    'b.yml',
    'a/c.yaml',
    'a/d.json',
    'e.sql',
    'f.txt',
    '.git/g.yaml',
    'node_modules/h.yaml',
  ])
    put(path);
  expect(names(root)).toEqual(['a/c.yaml', 'a/d.json', 'b.yml', 'e.sql']);
});

it('takes a file that is named whatever it is called, and each file once', () => {
  const file = put('manifest.txt');
  expect(collect([file, file, root], noInput).sources).toHaveLength(1);
});

it('reads standard input as -', () => {
  const { sources } = collect(['-'], () => Buffer.from('x'));
  expect(sources.map(({ file, bytes }) => [file, Buffer.from(bytes).toString()])).toEqual([['stdin', 'x']]);
});

it('follows links inside of the folder, and notes those that loop, lead out or lead nowhere', () => {
  put('in/a.yaml');
  symlinkSync(join(root, 'in'), join(root, 'in', 'loop'));
  symlinkSync(join(root, 'in', 'a.yaml'), join(root, 'in', 'same.yaml'));
  symlinkSync(put('out/b.yaml'), join(root, 'in', 'leaves.yaml'));
  symlinkSync(join(root, 'missing'), join(root, 'in', 'broken.yaml'));
  symlinkSync('self', join(root, 'in', 'self'));
  const { sources, skipped, unreadable } = collect([join(root, 'in')], noInput);
  expect(sources.map(({ file }) => relative(root, file))).toEqual(['in/a.yaml']);
  expect(skipped.map(({ file }) => relative(root, file)).sort()).toEqual([
    'in/broken.yaml',
    'in/leaves.yaml',
    'in/self',
  ]);
  expect(unreadable).toEqual([]);
});

it('reports a path that does not exist, and reads the others', () => {
  put('a.yaml');
  const { sources, unreadable } = collect([join(root, 'missing'), root], noInput);
  expect(sources).toHaveLength(1);
  expect(unreadable.map(({ line, message }) => ({ line, message: text(message) }))).toEqual([
    { line: 1, message: 'the path cannot be read: there is no such file or folder' },
  ]);
});

it('skips a pipe in a folder with a note, and reads the files beside it', () => {
  put('a.yaml');
  execFileSync('mkfifo', [join(root, 'p.yml')]);
  const { sources, skipped } = collect([root], noInput);
  expect(sources.map(({ file }) => relative(root, file))).toEqual(['a.yaml']);
  expect(skipped).toMatchObject([{ file: join(root, 'p.yml'), what: 'a pipe, a socket or a device' }]);
});
