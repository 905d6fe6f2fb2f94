import { type Chart, Duration, Testing } from 'cdk8s';
import {
  ExternalObjectStoreCredentials,
  type ExternalObjectStoreProps,
  ObjectStore,
} from '../../../lib/lakehouse/storage/object-store';
import { leastPolicy } from '../../../lib/lakehouse/storage/object-store-policy';
import { externalReferences } from '../../../lib/lakehouse/workload/external';
import { problems, synthesized } from '../synthesis';

const s3 = {
  region: 'ap-northeast-2',
  buckets: ['raw-data', 'silver'],
  credentials: ExternalObjectStoreCredentials.role('arn:aws:iam::111122223333:role/lakehouse'),
};

const external = (chart: Chart, props: Partial<ExternalObjectStoreProps> = {}) =>
  ObjectStore.external(chart, 'store', { ...s3, ...props });

describe('a store that exists', () => {
  test('S3 itself is reached without endpoint and by host name', () => {
    expect(external(Testing.chart())).toMatchObject({
      endpoint: undefined,
      region: 'ap-northeast-2',
      pathStyleAccess: false,
      bucketNames: ['raw-data', 'silver'],
    });
  });

  test('a compatible server is reached by path', () => {
    const store = external(Testing.chart(), { endpoint: 'https://objects.example.com' });
    expect([store.endpoint, store.pathStyleAccess]).toEqual(['https://objects.example.com', true]);
    const byHost = external(Testing.chart(), {
      endpoint: 'https://objects.example.com',
      pathStyleAccess: false,
    });
    expect(byHost.pathStyleAccess).toBe(false);
  });

  test('its clients take a role, or the keys of a Secret in their own namespace', () => {
    expect(external(Testing.chart()).addClient('gold', { namespace: 'default' })).toEqual({
      kind: 'role',
      roleArn: 'arn:aws:iam::111122223333:role/lakehouse',
    });
    const chart = Testing.chart();
    const store = external(chart, { credentials: ExternalObjectStoreCredentials.secret() });
    expect(store.addClient('gold', { namespace: 'default' })).toEqual({
      kind: 'secret',
      accessKey: { namespace: 'default', secretName: 'object-store-credentials', key: 'access-key' },
      secretKey: { namespace: 'default', secretName: 'object-store-credentials', key: 'secret-key' },
    });
    expect(externalReferences(chart)).toEqual([
      { kind: 'Secret', namespace: 'default', name: 'object-store-credentials' },
    ]);
  });

  test('it makes no object', () => {
    expect(synthesized(chart => void external(chart).addClient('gold', { namespace: 'default' }))).toEqual(
      [],
    );
  });
});

describe('locations', () => {
  test.each([
    ['user-activity/', 's3a://silver/user-activity/'],
    ['user-activity', 's3a://silver/user-activity/'],
    ['a/b', 's3a://silver/a/b/'],
    ['', 's3a://silver/'],
  ])('prefix %j is %s', (prefix, url) => {
    expect(external(Testing.chart()).bucket('silver').prefix(prefix).url).toBe(url);
    expect(problems(chart => external(chart).bucket('silver').prefix(prefix))).toEqual([]);
  });

  test('a folder has folders', () => {
    const folder = external(Testing.chart()).bucket('silver').prefix('a').prefix('b');
    expect([folder.url, folder.path, folder.bucket.bucketName]).toEqual([
      's3a://silver/a/b/',
      'a/b/',
      'silver',
    ]);
  });

  test.each(['/user-activity/', 'a//b', '../a', 'a/./b'])('prefix %j is refused', prefix => {
    expect(problems(chart => external(chart).bucket('silver').prefix(prefix))).toEqual([
      `bucket silver has prefix ${JSON.stringify(prefix)} but a prefix is relative, without empty, '.' or '..' segments; write it as 'user-activity/'`,
    ]);
  });

  test('a bucket that the store does not have is refused once, with those that it has', () => {
    expect(
      problems(chart => {
        const store = external(chart);
        store.bucket('gold').prefix('a');
        store.bucket('gold').prefix('b');
      }),
    ).toEqual([
      'object store has no bucket "gold", only raw-data, silver; add it to buckets, or use one of these',
    ]);
  });

  test('data sets are read as a copy', () => {
    const store = external(Testing.chart());
    const location = store.bucket('silver').prefix('a');
    store.addDataSet(location, { retention: Duration.days(2), bytesPerDay: 5 });
    (store.dataSets as unknown[]).pop();
    expect(store.dataSets).toEqual([{ location, retention: Duration.days(2), bytesPerDay: 5 }]);
  });
});

describe('refused', () => {
  const role = (arn: string) => ({ credentials: ExternalObjectStoreCredentials.role(arn) });

  test.each<[string, Partial<ExternalObjectStoreProps>, string]>([
    ['a host alone', { endpoint: 'minio:9000' }, 'object store has endpoint "minio:9000" but an endpoint is'],
    [
      'a path behind the host',
      { endpoint: 'https://objects.example.com/' },
      'object store has endpoint "https://objects.example.com/" but an endpoint is http:// or https://, a host and a port, nothing behind them; set endpoint, e.g. https://minio.example.com:9000',
    ],
    ['no region', { region: '' }, 'object store has region "" but a region is named by'],
    [
      'a role by its name',
      role('lakehouse'),
      'object store has role "lakehouse" but a role is named by its ARN',
    ],
    [
      'a bucket that S3 cannot have',
      { buckets: ['raw-data', 'Silver_1'] },
      'object store has bucket "Silver_1" but a bucket name is 3 to 63 of',
    ],
    ['no buckets', { buckets: [] }, 'object store has no buckets but the layers need some'],
  ])('%s', (_, props, message) => {
    expect(problems(chart => external(chart, props))).toEqual([expect.stringContaining(message)]);
  });

  test.each<[string, Partial<ExternalObjectStoreProps>]>([
    ['host and port', { endpoint: 'http://minio:9000' }],
    ['a region of another partition', { region: 'cn-north-1' }],
    ['a role with a path', role('arn:aws-cn:iam::111122223333:role/data/lakehouse')],
    ['a bucket with dots', { buckets: ['raw.data'] }],
  ])('but not %s', (_, props) => {
    expect(problems(chart => external(chart, props))).toEqual([]);
  });

  test('data that is kept for no time, which no lifecycle rule can say', () => {
    const kept = (retention: Duration) => (chart: Chart) => {
      const store = external(chart);
      store.addDataSet(store.bucket('silver').prefix('a'), { retention, bytesPerDay: 5 });
    };
    expect(problems(kept(Duration.days(0)))).toEqual([
      'object store keeps s3a://silver/a/ for 0 days but what is written has to stay for a day at least; set the retention of the layer, e.g. Duration.days(7)',
    ]);
    expect(problems(kept(Duration.hours(1)))).toEqual([]);
  });
});

describe('the least policy of a client', () => {
  test('objects under its prefixes, the listing of their buckets, and the markers of the folders above', () => {
    const store = external(Testing.chart());
    const policy = leastPolicy({
      read: [store.bucket('silver').prefix('user-activity-v2')],
      write: [store.bucket('raw-data').prefix('checkpoints/streaming/x')],
    });
    expect(policy).toEqual({
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Action: ['s3:GetBucketLocation', 's3:ListBucket', 's3:ListBucketMultipartUploads'],
          Resource: ['arn:aws:s3:::raw-data', 'arn:aws:s3:::silver'],
        },
        { Effect: 'Allow', Action: ['s3:GetObject'], Resource: ['arn:aws:s3:::silver/user-activity-v2/*'] },
        {
          Effect: 'Allow',
          Action: [
            's3:GetObject',
            's3:PutObject',
            's3:DeleteObject',
            's3:AbortMultipartUpload',
            's3:ListMultipartUploadParts',
          ],
          Resource: [
            'arn:aws:s3:::raw-data/checkpoints/',
            'arn:aws:s3:::raw-data/checkpoints/streaming/',
            'arn:aws:s3:::raw-data/checkpoints/streaming/x/*',
          ],
        },
      ],
    });
  });

  test('a client that only reads may not write, and one without locations may nothing', () => {
    const location = external(Testing.chart()).bucket('silver').prefix('a');
    expect(JSON.stringify(leastPolicy({ read: [location] }))).not.toContain('PutObject');
    expect(leastPolicy({})).toEqual({ Version: '2012-10-17', Statement: [] });
  });
});
