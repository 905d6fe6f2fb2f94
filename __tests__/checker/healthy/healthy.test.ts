import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { check } from '../../../lib/checker/check/check';
import { collect } from '../../../lib/checker/check/collect';
import { violationsIn } from '../rules/expected-violations';

const CORPUS = join(__dirname, 'corpus');

describe('healthy manifests', () => {
  it.each(readdirSync(CORPUS).sort())('raise no alarm in %s', file => {
    expect(violationsIn(join(CORPUS, file))).toEqual([]);
  });

  it('are really read', () => {
    const { checked, unusable } = check(collect([CORPUS], () => new Uint8Array()));
    expect(checked.files).toBe(readdirSync(CORPUS).length);
    expect(checked.objects).toBeGreaterThan(40);
    expect(unusable).toBe(false);
  });
});
