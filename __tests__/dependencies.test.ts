import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(__dirname, '..');
const { dependencies, devDependencies } = JSON.parse(
  readFileSync(join(root, 'package.json'), 'utf8'),
) as Record<'dependencies' | 'devDependencies', Record<string, string>>;

/** The names in the first column of the tables under a heading. */
function explained(heading: string): string[] {
  const page = readFileSync(join(root, 'docs/dependencies.md'), 'utf8');
  const section = page.split(`\n## ${heading}\n`)[1]?.split(/\n##/)[0] ?? '';
  return [...section.matchAll(/^\| (`[^|]+`) \|/gm)]
    .flatMap(([, names = '']) => names.split(', '))
    .map(name => name.replaceAll('`', ''));
}

test.each([
  ['In the program', dependencies],
  ['To build and test it', devDependencies],
])('docs/dependencies.md explains what is under "%s", all of it and nothing else', (heading, packages) => {
  expect(explained(heading).sort()).toEqual(Object.keys(packages).sort());
});

test('every version is exact', () => {
  const versions = Object.entries({ ...dependencies, ...devDependencies });

  expect(versions.filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))).toEqual([]);
});

test('the lockfile names packages by version and hash, not by where one machine had them from', () => {
  expect(readFileSync(join(root, 'package-lock.json'), 'utf8')).not.toContain('"resolved"');
});
