import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { compared, expectedViolations, violationsIn } from '../rules/expected-violations';

const incidents = readdirSync(__dirname, { withFileTypes: true })
  .filter(entry => entry.isDirectory())
  .map(({ name }) => name)
  .sort();

it('covers the fourteen incidents', () => {
  expect(new Set(incidents.map(name => Number(name.slice(0, 2))))).toEqual(
    new Set(Array.from({ length: 14 }, (_, index) => index + 1)),
  );
});

describe.each(incidents)('incident %s', name => {
  it('is refused before, with file and line of the culprit', () => {
    const before = join(__dirname, name, 'before');
    const { found, expected } = compared(before);
    expect(expectedViolations(before)).not.toEqual([]);
    expect(found).toEqual(expected);
  });

  it('is silent after', () => {
    expect(violationsIn(join(__dirname, name, 'after'))).toEqual([]);
  });
});
