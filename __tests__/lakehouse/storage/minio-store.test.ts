import { type Chart, Duration, Size, Testing } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-28';
import { EbsStorageClass } from '../../../lib/lakehouse/cluster/storage-class';
import { MinioStore, type MinioStoreProps } from '../../../lib/lakehouse/storage/minio-store';
import { images } from '../../../lib/lakehouse/versions';
import { ExternalSecret } from '../../../lib/lakehouse/workload/external';
import { PriorityClasses } from '../../../lib/lakehouse/workload/priority-classes';
import {
  containerOf,
  inside,
  objectLike,
  objectOf,
  podOf,
  problems,
  restricted,
  synthesized,
} from '../synthesis';

const buckets = ['raw-data', 'silver', 'gold'];
const minio = (chart: Chart, props: Partial<MinioStoreProps> = {}) =>
  new MinioStore(chart, 'minio', { buckets, ...props });

describe('the default store', () => {
  const objects = synthesized(chart => minio(chart));
  const server = objectOf(objects, 'StatefulSet', 'minio');

  test('is one pod with the last published image, pinned by digest, and a volume of 20Gi', () => {
    expect(inside(server, 'spec')).toMatchObject({
      replicas: 1,
      serviceName: 'minio-headless',
      volumeClaimTemplates: [
        {
          metadata: { name: 'data' },
          spec: {
            accessModes: ['ReadWriteOnce'],
            storageClassName: 'gp3',
            resources: { requests: { storage: '20Gi' } },
          },
        },
      ],
    });
    expect(containerOf(server)).toMatchObject({
      image: `quay.io/minio/minio:RELEASE.2025-09-07T16-13-09Z@${images.minio.digest}`,
      resources: {
        requests: { cpu: '200m', memory: '1Gi' },
        limits: { cpu: '1000m', memory: '2Gi' },
      },
    });
  });

  test('takes its root credentials from a Secret alone', () => {
    expect(containerOf(server)['env']).toEqual(
      expect.arrayContaining([
        {
          name: 'MINIO_ROOT_USER',
          valueFrom: { secretKeyRef: { name: 'minio-credentials', key: 'root-user' } },
        },
        {
          name: 'MINIO_ROOT_PASSWORD',
          valueFrom: { secretKeyRef: { name: 'minio-credentials', key: 'root-password' } },
        },
      ]),
    );
  });

  test('is selected by labels that hold no hash and no version', () => {
    const selector = { 'app.kubernetes.io/name': 'minio', 'app.kubernetes.io/instance': 'minio' };
    expect(inside(server, 'spec', 'selector')).toEqual({ matchLabels: selector });
    expect(inside(server, 'spec', 'template', 'metadata', 'labels')).toMatchObject(selector);
    expect(inside(objectOf(objects, 'Service', 'minio'), 'spec', 'selector')).toEqual(selector);
    expect(inside(objectOf(objects, 'Service', 'minio-headless'), 'spec', 'selector')).toEqual(selector);
    expect(inside(objectOf(objects, 'PodDisruptionBudget', 'minio'), 'spec')).toEqual({
      maxUnavailable: 1,
      selector: { matchLabels: selector },
    });
  });

  test('runs restricted, writes its volume and /tmp alone, and has no token', () => {
    const job = objectLike(objects, 'Job', 'minio-setup-');
    for (const workload of [server, job]) {
      expect(podOf(workload)).toMatchObject({
        automountServiceAccountToken: false,
        securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      });
      expect(containerOf(workload)['securityContext']).toEqual(restricted);
    }
    expect(containerOf(server)['volumeMounts']).toEqual([
      { name: 'data', mountPath: '/data' },
      { name: 'tmp', mountPath: '/tmp' },
    ]);
  });

  test('has three different probes', () => {
    const { startupProbe, readinessProbe, livenessProbe } = containerOf(server);
    expect(
      new Set([startupProbe, readinessProbe, livenessProbe].map(probe => JSON.stringify(probe))).size,
    ).toBe(3);
  });

  test('is reached by name, with buckets in the path', () => {
    expect(minio(Testing.chart())).toMatchObject({
      endpoint: 'http://minio.storage.svc.cluster.local:9000',
      region: 'us-east-1',
      pathStyleAccess: true,
    });
  });
});

test('every figure can be set', () => {
  const objects = synthesized(chart =>
    minio(chart, {
      name: 'objects',
      namespace: 'lake',
      storage: Size.gibibytes(100),
      storageClass: new EbsStorageClass(chart, 'volumes'),
      cpu: { request: Cpu.millis(300), limit: Cpu.units(2) },
      memory: { request: Size.mebibytes(1500), limit: Size.gibibytes(3) },
      rootCredentials: new ExternalSecret(chart, 'root', {
        secretName: 'vault-minio',
        namespace: 'lake',
        keys: { 'root-user': { literal: 'root' }, 'root-password': { credential: 'vault' } },
      }),
      priority: new PriorityClasses(chart, 'priorities').storage,
      image: 'registry.example.com/minio:1',
      clientImage: 'registry.example.com/mc:2',
    }),
  );
  const server = objectOf(objects, 'StatefulSet', 'objects');
  const job = objectLike(objects, 'Job', 'objects-setup-');
  expect(server.metadata.namespace).toBe('lake');
  expect(podOf(server)['priorityClassName']).toBe('lakehouse-storage');
  expect(containerOf(server)).toMatchObject({
    image: 'registry.example.com/minio:1',
    resources: { requests: { cpu: '300m', memory: '1500Mi' }, limits: { cpu: '2', memory: '3Gi' } },
  });
  expect(JSON.stringify(containerOf(server)['env'])).toContain('vault-minio');
  expect(inside(server, 'spec', 'volumeClaimTemplates', 0, 'spec')).toMatchObject({
    storageClassName: 'lakehouse-gp3',
    resources: { requests: { storage: '100Gi' } },
  });
  expect(containerOf(job)['image']).toBe('registry.example.com/mc:2');
  expect(containerOf(job)['env']).toContainEqual({
    name: 'MINIO_URL',
    value: 'http://objects.lake.svc.cluster.local:9000',
  });
});

describe('the setup Job', () => {
  const files = (build: (store: MinioStore) => void): Record<string, string> => {
    const objects = synthesized(chart => build(minio(chart)));
    return inside(objectLike(objects, 'ConfigMap', 'minio-setup-'), 'data') as Record<string, string>;
  };

  test('names every bucket, a line each', () => {
    expect(files(() => {})['buckets']).toBe('raw-data\nsilver\ngold\n');
  });

  test('expires each data set after its retention in whole days, and nothing else', () => {
    const found = files(store => {
      const silver = store.bucket('silver');
      store.addDataSet(silver.prefix('user-activity-v2/'), { retention: Duration.days(14), bytesPerDay: 1 });
      store.addDataSet(silver.prefix('quarantine/user-activity/'), {
        retention: Duration.hours(25),
        bytesPerDay: 1,
      });
    });
    expect(JSON.parse(found['lifecycle-silver.json'] ?? '')).toEqual({
      Rules: [
        {
          ID: 'user-activity-v2',
          Status: 'Enabled',
          Filter: { Prefix: 'user-activity-v2/' },
          Expiration: { Days: 14 },
        },
        {
          ID: 'quarantine-user-activity',
          Status: 'Enabled',
          Filter: { Prefix: 'quarantine/user-activity/' },
          Expiration: { Days: 2 },
        },
      ],
    });
    expect(Object.keys(found).filter(name => name.startsWith('lifecycle'))).toEqual([
      'lifecycle-silver.json',
    ]);
  });

  test('gives each client a user of its own, with what it declared', () => {
    const found = files(store => {
      store.addClient('gold', {
        namespace: 'default',
        read: [store.bucket('silver').prefix('user-activity-v2/')],
        write: [store.bucket('gold').prefix('checkpoints/')],
      });
    });
    const policy = JSON.parse(found['policy-gold.json'] ?? '') as { Statement: { Resource: string[] }[] };
    expect(policy.Statement.flatMap(({ Resource }) => Resource)).toEqual([
      'arn:aws:s3:::gold',
      'arn:aws:s3:::silver',
      'arn:aws:s3:::silver/user-activity-v2/*',
      'arn:aws:s3:::gold/checkpoints/*',
    ]);
  });

  test('a client finds its keys in its own namespace, the Job finds the same in the store’s', () => {
    const chart = Testing.chart();
    const credentials = minio(chart).addClient('gold', { namespace: 'default' });
    expect(credentials).toEqual({
      kind: 'secret',
      accessKey: { namespace: 'default', secretName: 'gold-object-store-credentials', key: 'access-key' },
      secretKey: { namespace: 'default', secretName: 'gold-object-store-credentials', key: 'secret-key' },
    });
    const keys = chart.node
      .findAll()
      .filter(node => node instanceof ExternalSecret)
      .flatMap(secret => Object.entries(secret.keys).map(([key, value]) => [secret.secretName, key, value]));
    expect(keys).toEqual(
      expect.arrayContaining([
        ['minio-users', 'gold-access-key', { literal: 'gold' }],
        ['minio-users', 'gold-secret-key', { credential: 'object-store/gold' }],
        ['gold-object-store-credentials', 'access-key', { literal: 'gold' }],
        ['gold-object-store-credentials', 'secret-key', { credential: 'object-store/gold' }],
      ]),
    );
  });

  test('is another Job when a client is added later, and the same when nothing changed', () => {
    const name = (clients: readonly string[]) =>
      objectLike(
        synthesized(chart => {
          const store = minio(chart);
          for (const client of clients) store.addClient(client, { namespace: 'default' });
        }),
        'Job',
        'minio-setup-',
      ).metadata.name;
    expect(name(['gold'])).toBe(name(['gold']));
    expect(name(['gold', 'streaming'])).not.toBe(name(['gold']));
  });

  test('mounts the files that it is named for', () => {
    const objects = synthesized(chart => minio(chart).addClient('gold', { namespace: 'default' }));
    const configMap = objectLike(objects, 'ConfigMap', 'minio-setup-').metadata.name;
    const job = objectLike(objects, 'Job', 'minio-setup-');
    expect(podOf(job)['volumes']).toEqual([
      { name: 'setup', configMap: { name: configMap, defaultMode: 0o444 } },
      { name: 'users', secret: { secretName: 'minio-users', defaultMode: 0o440, optional: false } },
      { name: 'tmp', emptyDir: { sizeLimit: '32Mi' } },
    ]);
    expect(containerOf(job)['command']).toEqual([
      'sh',
      '/etc/minio-setup/setup.sh',
      '/etc/minio-setup',
      '/etc/minio-users',
    ]);
  });

  test('does not wait for users that nobody declared', () => {
    const job = objectLike(
      synthesized(chart => minio(chart)),
      'Job',
      'minio-setup-',
    );
    expect(inside(job, 'spec', 'template', 'spec', 'volumes', 1, 'secret', 'optional')).toBe(true);
  });
});

describe('refused', () => {
  const object = 'object store storage/minio';

  test.each<[string, Partial<MinioStoreProps>, string]>([
    [
      'no buckets',
      { buckets: [] },
      `object store has no buckets but the layers need some; set buckets, e.g. ['raw-data', 'silver', 'gold']`,
    ],
    [
      'a bucket with capitals',
      { buckets: ['Raw'] },
      `object store has bucket "Raw" but a bucket name is 3 to 63 of a-z, 0-9, '.' and '-', begins and ends with a letter or digit, and is no IP address; rename it`,
    ],
    [
      'a bucket that is an address',
      { buckets: ['192.168.1.1'] },
      `object store has bucket "192.168.1.1" but a bucket name is 3 to 63 of a-z, 0-9, '.' and '-', begins and ends with a letter or digit, and is no IP address; rename it`,
    ],
    [
      'a bucket twice',
      { buckets: ['silver', 'silver'] },
      `object store has bucket "silver" twice but a bucket is listed once; remove one`,
    ],
    [
      'an image without a tag',
      { image: 'quay.io/minio/minio' },
      '[StatefulSet/storage/minio] container minio has image "quay.io/minio/minio" but an image must be pinned by a tag other than latest, or by a digest; set image, e.g. minio:1.4.2 (rule mutable-image-tag)',
    ],
    [
      'no memory request',
      { memory: { limit: Size.gibibytes(1) } },
      '[StatefulSet/storage/minio] container minio has no memory request but every container needs one; set memory.request, e.g. Size.mebibytes(512) (rule container-without-limits)',
    ],
    [
      'a request above its limit',
      { cpu: { request: Cpu.units(2), limit: Cpu.millis(1500) } },
      '[StatefulSet/storage/minio] container minio requests 2 of cpu but its limit is 1500m; set cpu.request to at most 1500m (rule invalid-quantity)',
    ],
  ])('%s', (_, props, problem) => {
    expect(problems(chart => minio(chart, props))).toEqual([problem]);
  });

  test.each<[string, Partial<MinioStoreProps>]>([
    ['one bucket of three characters', { buckets: ['raw'] }],
    ['a bucket that is almost an address', { buckets: ['192.168.1.b'] }],
    ['an image with a tag', { image: 'quay.io/minio/minio:1' }],
    ['a request equal to its limit', { cpu: { request: Cpu.units(2), limit: Cpu.millis(2000) } }],
  ])('%s passes', (_, props) => {
    expect(problems(chart => minio(chart, props))).toEqual([]);
  });

  test('two clients of one name, or a name that is no user name', () => {
    expect(
      problems(chart => {
        const store = minio(chart);
        store.addClient('gold', { namespace: 'default' });
        store.addClient('gold', { namespace: 'other' });
        store.addClient('Gold Job', { namespace: 'default' });
      }),
    ).toEqual([
      `${object} has client "Gold Job" but a client is named by 3 to 63 of a-z, 0-9 and '-'; rename it, e.g. streaming`,
      `${object} has two clients named gold but each has a user of its own; rename one`,
    ]);
  });
});

describe('the volume has room for what the layers keep', () => {
  const day = 2 ** 30;
  const holding = (days: number) => (chart: Chart) => {
    const store = minio(chart);
    const silver = store.bucket('silver').prefix('user-activity-v2/');
    store.addDataSet(silver, { retention: Duration.days(days), bytesPerDay: day });
  };

  // Usable are 17 of 20Gi, and what expires today is still there.
  test('sixteen days of a gibibyte pass, seventeen are refused with figures and remedy', () => {
    expect(problems(holding(16))).toEqual([]);
    expect(problems(holding(17))).toEqual([
      'object store storage/minio comes to hold 18.0Gi (s3a://silver/user-activity-v2/ 18.0Gi) but its volume of 20Gi may fill to 17.0Gi (85 %); set storage to at least Size.gibibytes(22), or shorten the retention of a layer',
    ]);
  });
});
