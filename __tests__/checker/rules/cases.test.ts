import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { rules } from '../../../lib/checker/rules';
import { compared, expectedViolations, violationsIn } from './expected-violations';

const CASES = join(__dirname, 'cases');

describe.each(rules.map(({ id }) => id))('%s', id => {
  const folder = join(CASES, id);
  const names = existsSync(folder) ? readdirSync(folder).sort() : [];

  it('has twins: manifests that are refused, and their nearest neighbours that are not', () => {
    expect(names).not.toEqual([]);
  });

  it.each(names)('refuses %s at its line, in its words, and nothing else', name => {
    const refused = join(folder, name, 'refused');
    const { found, expected } = compared(refused);
    expect(found).toEqual(expected);
    expect(new Set(expectedViolations(refused).map(({ rule }) => rule))).toEqual(new Set([id]));
  });

  it.each(names)('is silent on the nearest neighbour of %s', name => {
    expect(violationsIn(join(folder, name, 'allowed'))).toEqual([]);
  });
});
