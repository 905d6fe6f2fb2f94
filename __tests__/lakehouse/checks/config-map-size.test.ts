import { manifestObjects } from '../../../lib/checker/manifest/model';
import { configMapSizeProblems, MAX_CONFIG_MAP_BYTES } from '../../../lib/checker/review/config-map-size';

function problems(parts: Record<string, Record<string, string>>): string[] {
  return configMapSizeProblems(
    manifestObjects([
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'code', namespace: 'default' }, ...parts },
    ]),
  );
}

const key = 'job.py';

test('one byte too many is refused', () => {
  expect(problems({ data: { [key]: 'x'.repeat(MAX_CONFIG_MAP_BYTES - key.length + 1) } })).toEqual([
    '[ConfigMap/default/code] config map holds 1048577 bytes but Kubernetes allows 1048576; split it, or put the files into the image',
  ]);
});

test('exactly the limit passes, counted in bytes and not in characters', () => {
  expect(problems({ data: { [key]: `${'x'.repeat(MAX_CONFIG_MAP_BYTES - key.length - 2)}ü` } })).toEqual([]);
});

test('binary data counts decoded, together with the rest', () => {
  const half = MAX_CONFIG_MAP_BYTES / 2;
  const binaryData = { b: Buffer.alloc(half - 1).toString('base64') };
  expect(problems({ data: { a: 'x'.repeat(half - 1) }, binaryData })).toEqual([]);
  expect(problems({ data: { a: 'x'.repeat(half) }, binaryData })).toHaveLength(1);
});
