import { type Chart, Testing } from 'cdk8s';
import { ExternalStorageClass } from '../../../lib/lakehouse/cluster/storage-class';
import { ExternalSecret, externalReferences, secretEnv } from '../../../lib/lakehouse/workload/external';
import { problems, synthesized } from '../synthesis';

const credentials = (chart: Chart) =>
  new ExternalSecret(chart, 'credentials', {
    secretName: 'minio-credentials',
    namespace: 'storage',
    keys: { 'root-user': { credential: 'minio/root-user' } },
  });

test('what is external is declared and not synthesized', () => {
  expect(
    synthesized(chart => {
      credentials(chart);
      new ExternalStorageClass(chart, 'gp3', 'gp3');
    }),
  ).toEqual([]);
  const chart = Testing.chart();
  credentials(chart);
  new ExternalStorageClass(chart, 'gp3', 'gp3');
  expect(externalReferences(chart)).toEqual([
    { kind: 'Secret', namespace: 'storage', name: 'minio-credentials' },
    { kind: 'StorageClass', name: 'gp3' },
  ]);
});

test('a container is given a key by reference', () => {
  const key = credentials(Testing.chart()).key('root-user');
  expect(secretEnv('MINIO_ROOT_USER', key)).toEqual({
    name: 'MINIO_ROOT_USER',
    valueFrom: { secretKeyRef: { name: 'minio-credentials', key: 'root-user' } },
  });
});

test('a key that the Secret does not declare is refused, a declared one passes', () => {
  expect(problems(chart => credentials(chart).key('user'))).toEqual([
    'secret storage/minio-credentials has no key "user" among its declared keys (root-user); declare the key, or use one of these',
  ]);
  expect(problems(chart => credentials(chart).key('root-user'))).toEqual([]);
});
