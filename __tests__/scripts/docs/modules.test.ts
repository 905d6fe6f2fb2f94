import { readFileSync } from 'node:fs';
import path from 'node:path';
import { circleIn, folderGraph, importGraph } from '../../../scripts/docs/import-graph';
import { modulePage } from '../../../scripts/docs/module-picture';
import { libraryImports, ROOMS } from '../../../scripts/docs/modules';

const imports = libraryImports();
const folders = folderGraph(imports, ['lib', ...ROOMS]);

test('the imports of lib/ are all seen', () => {
  expect(imports.length).toBeGreaterThan(500);
  expect(imports).toContainEqual({
    from: 'lib/lakehouse/kafka/kafka-cluster.ts',
    to: 'lib/lakehouse/kafka/cluster-topic.ts',
  });
  // one that is only of types
  expect(imports).toContainEqual({
    from: 'lib/checker/manifest/load.ts',
    to: 'lib/checker/object/manifest-object.ts',
  });
});

test('no files import each other in a circle', () => {
  expect(circleIn(imports)).toBeUndefined();
});

test('no folders import each other in a circle', () => {
  expect(circleIn(folders)).toBeUndefined();
});

test('the checker knows nothing of the lakehouse, and neither of the commands', () => {
  const rank = (file: string) =>
    file.startsWith('lib/checker/') ? 0 : file.startsWith('lib/lakehouse/') ? 1 : 2;
  expect(imports.filter(({ from, to }) => rank(from) < rank(to))).toEqual([]);
});

test('a circle is found, with its members in their order', () => {
  const edge = (from: string, to: string) => ({ from, to });
  expect(circleIn([edge('a', 'b'), edge('b', 'c'), edge('c', 'b')])).toEqual(['b', 'c', 'b']);
  expect(circleIn([edge('a', 'b'), edge('a', 'c'), edge('b', 'd'), edge('c', 'd')])).toBeUndefined();
});

test('rules/ holds rules, one a file, and nothing else', () => {
  const rules = importGraph(path.join(__dirname, '../../..'), 'lib/checker/rules');
  for (const file of new Set(rules.map(({ from }) => from).filter(file => !file.endsWith('/index.ts')))) {
    const text = readFileSync(path.join(__dirname, '../../..', file), 'utf8');
    const exported = [...text.matchAll(/^export (?:const|function|class|interface|type) (\w+)(.*)$/gm)];
    expect([file, exported.map(([, , rest]) => rest)]).toEqual([file, [': Rule = {']]);
  }
});

test('docs/modules.md is what the imports say', () => {
  const page = readFileSync(path.join(__dirname, '../../../docs/modules.md'), 'utf8');
  expect(page).toBe(modulePage(folders, ROOMS));
});
