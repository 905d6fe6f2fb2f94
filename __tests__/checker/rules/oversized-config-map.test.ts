import { line } from '../../../lib/checker/finding/reporter';
import { manifestObjects } from '../../../lib/checker/object/manifest-object';
import { review } from '../../../lib/checker/review/review';

/** core/v1, MaxSecretSize, which holds for ConfigMaps too. */
const MAX_CONFIG_MAP_BYTES = 1_048_576;

function said(parts: Record<string, Record<string, string>>): string[] {
  const metadata = { name: 'code', namespace: 'default' };
  const objects = manifestObjects([{ apiVersion: 'v1', kind: 'ConfigMap', metadata, ...parts }]);
  return review(objects, { only: ['oversized-config-map'] }).findings.map(finding => line(finding));
}

const key = 'job.py';

test('one byte too many is refused', () => {
  expect(said({ data: { [key]: '#'.repeat(MAX_CONFIG_MAP_BYTES - key.length + 1) } })).toEqual([
    '[ConfigMap/default/code] config map holds 1048577 bytes but Kubernetes allows 1048576; split it, or put the files into the image (rule oversized-config-map)',
  ]);
});

test('exactly the limit passes, counted in bytes and not in characters', () => {
  expect(said({ data: { [key]: `${'#'.repeat(MAX_CONFIG_MAP_BYTES - key.length - 2)}ü` } })).toEqual([]);
});

test('binary data counts decoded, together with the rest', () => {
  const half = MAX_CONFIG_MAP_BYTES / 2;
  const binaryData = { b: Buffer.alloc(half - 1).toString('base64') };
  expect(said({ data: { a: 'x'.repeat(half - 1) }, binaryData })).toEqual([]);
  expect(said({ data: { a: 'x'.repeat(half) }, binaryData })).toHaveLength(1);
});
