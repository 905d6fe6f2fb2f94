import { type Chart, Duration, Size, Testing } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-28';
import type { ManifestObject } from '../../../lib/checker/object/manifest-object';
import { ClickHouseDb, type ClickHouseDbProps } from '../../../lib/lakehouse/clickhouse/clickhouse-db';
import { EbsStorageClass } from '../../../lib/lakehouse/cluster/storage-class';
import { TrafficEstimate, type TrafficEstimateProps } from '../../../lib/lakehouse/sizing/traffic';
import { MinioStore } from '../../../lib/lakehouse/storage/minio-store';
import { ExternalObjectStoreCredentials, ObjectStore } from '../../../lib/lakehouse/storage/object-store';
import { imageReference, images } from '../../../lib/lakehouse/versions';
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

const database = (
  chart: Chart,
  props: Partial<ClickHouseDbProps> = {},
  traffic: TrafficEstimateProps = {},
): ClickHouseDb =>
  new ClickHouseDb(chart, 'clickhouse', {
    traffic: new TrafficEstimate(chart, 'traffic', traffic),
    ...props,
  });

const minio = (chart: Chart) => new MinioStore(chart, 'minio', { buckets: ['silver', 'gold'] });

/** The text of one of the server's configuration files. */
function config(objects: readonly ManifestObject[], file: 'config.xml' | 'users.xml'): string {
  return inside(objectLike(objects, 'ConfigMap', 'clickhouse-config-'), 'data', file) as string;
}

/** The values of an XML element, wherever it is. */
function elements(xml: string, name: string): string[] {
  return [...xml.matchAll(new RegExp(`<${name}>([^<]*)</${name}>`, 'g'))].map(match => match[1] ?? '');
}

describe('the default database', () => {
  const objects = synthesized(chart => database(chart));
  const server = objectOf(objects, 'StatefulSet', 'clickhouse');

  test('is one pod of a long-term support release, pinned by digest, with a volume of 20Gi', () => {
    expect(inside(server, 'spec')).toMatchObject({
      replicas: 1,
      serviceName: 'clickhouse-headless',
      volumeClaimTemplates: [
        {
          spec: {
            accessModes: ['ReadWriteOnce'],
            storageClassName: 'gp3',
            resources: { requests: { storage: '20Gi' } },
          },
        },
      ],
    });
    expect(containerOf(server)).toMatchObject({
      image: `clickhouse/clickhouse-server:26.3.17.4@${images.clickHouse.digest}`,
      resources: { requests: { cpu: '300m', memory: '2Gi' }, limits: { cpu: '1500m', memory: '3Gi' } },
    });
  });

  test('has users whose passwords come from the Secret alone', () => {
    const users = config(objects, 'users.xml');
    expect(
      [...users.matchAll(/<(\w+)>\s*<password from_env="(\w+)"\/>/g)].map(match => match.slice(1)),
    ).toEqual([
      ['admin', 'CLICKHOUSE_ADMIN_PASSWORD'],
      ['writer', 'CLICKHOUSE_WRITER_PASSWORD'],
      ['reader', 'CLICKHOUSE_READER_PASSWORD'],
    ]);
    expect(users).not.toContain('<default><');
    const secret = (user: string) => ({
      name: `CLICKHOUSE_${user.toUpperCase()}_PASSWORD`,
      valueFrom: { secretKeyRef: { name: 'clickhouse-credentials', key: `${user}-password` } },
    });
    expect(containerOf(server)['env']).toEqual(
      expect.arrayContaining([secret('admin'), secret('writer'), secret('reader')]),
    );
  });

  test('the reader may read the database and nothing else, the writer may not grant', () => {
    const users = config(objects, 'users.xml');
    const grantsOf = (user: string) =>
      elements(users.slice(users.indexOf(`<${user}>`), users.indexOf(`</${user}>`)), 'query');
    expect(grantsOf('reader')).toEqual(['GRANT SELECT ON logs.*']);
    expect(grantsOf('writer')).not.toEqual([]);
    for (const grant of grantsOf('writer')) {
      expect(grant).toMatch(/ON logs\.\*$/);
      expect(grant).not.toMatch(/ALL|ACCESS MANAGEMENT|GRANT OPTION/);
    }
  });

  test('uses less memory than its container may', () => {
    const [maximum] = elements(config(objects, 'config.xml'), 'max_server_memory_usage').map(Number);
    expect(maximum).toBe(Math.floor(3 * 2 ** 30 * 0.8));
  });

  test('its pods are told apart by labels that hold no hash and no version', () => {
    const selector = { 'app.kubernetes.io/name': 'clickhouse', 'app.kubernetes.io/instance': 'clickhouse' };
    expect(inside(server, 'spec', 'selector')).toEqual({ matchLabels: selector });
    for (const service of ['clickhouse', 'clickhouse-headless']) {
      expect(inside(objectOf(objects, 'Service', service), 'spec', 'selector')).toEqual(selector);
    }
    const job = objectLike(objects, 'Job', 'clickhouse-schema-');
    expect(inside(job, 'spec', 'template', 'metadata', 'labels')).not.toMatchObject(selector);
  });

  test('runs restricted, without a token, and so does the schema Job', () => {
    for (const workload of [server, objectLike(objects, 'Job', 'clickhouse-schema-')]) {
      expect(podOf(workload)).toMatchObject({
        automountServiceAccountToken: false,
        securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      });
      expect(containerOf(workload)['securityContext']).toEqual(restricted);
    }
  });

  test('reads no object store', () => {
    expect(config(objects, 'config.xml')).not.toContain('<s3>');
    expect(config(objects, 'users.xml')).not.toContain('S3');
  });

  test('the schema is applied by Spark’s Python, as admin', () => {
    const job = objectLike(objects, 'Job', 'clickhouse-schema-');
    expect(containerOf(job)).toMatchObject({
      image: imageReference(images.spark),
      command: [
        'python3',
        '/opt/spark/code/schema_job.py',
        '--clickhouse-url',
        'http://clickhouse.storage.svc.cluster.local:8123',
        '--clickhouse-user',
        'admin',
        '--database',
        'logs',
        '--retention-days',
        '90',
      ],
    });
    expect(containerOf(job)['env']).toContainEqual({
      name: 'CLICKHOUSE_PASSWORD',
      valueFrom: { secretKeyRef: { name: 'clickhouse-credentials', key: 'admin-password' } },
    });
    const code = objectLike(objects, 'ConfigMap', 'clickhouse-schema-code-');
    expect(Object.keys(inside(code, 'data') as object)).toContain('schema_job.py');
    expect(podOf(job)['volumes']).toEqual([
      { name: 'code', configMap: { name: code.metadata.name, defaultMode: 0o444 } },
    ]);
  });

  test('jobs and Grafana find their passwords in their own namespaces', () => {
    const chart = Testing.chart();
    const { httpUrl, database: name, writer, reader } = database(chart);
    expect({ httpUrl, name, writer, reader }).toEqual({
      httpUrl: 'http://clickhouse.storage.svc.cluster.local:8123',
      name: 'logs',
      writer: {
        username: 'writer',
        passwordSecret: {
          namespace: 'default',
          secretName: 'clickhouse-credentials',
          key: 'writer-password',
        },
      },
      reader: {
        username: 'reader',
        passwordSecret: {
          namespace: 'monitoring',
          secretName: 'clickhouse-credentials',
          key: 'reader-password',
        },
      },
    });
    const secrets = chart.node.findAll().filter(node => node instanceof ExternalSecret);
    const credentials = secrets.map(secret => secret.keys['writer-password']).filter(Boolean);
    expect(credentials).toEqual([{ credential: 'clickhouse/writer' }, { credential: 'clickhouse/writer' }]);
  });
});

test('every figure can be set', () => {
  const objects = synthesized(chart =>
    database(chart, {
      name: 'metrics',
      namespace: 'db',
      writerNamespace: 'jobs',
      readerNamespace: 'watch',
      retention: Duration.days(30),
      storage: Size.gibibytes(40),
      storageClass: new EbsStorageClass(chart, 'volumes'),
      cpu: { request: Cpu.millis(500), limit: Cpu.units(2) },
      memory: { request: Size.gibibytes(3), limit: Size.gibibytes(5) },
      credentials: new ExternalSecret(chart, 'vault', {
        secretName: 'vault-clickhouse',
        namespace: 'db',
        keys: {
          'admin-password': { credential: 'a' },
          'writer-password': { credential: 'b' },
          'reader-password': { credential: 'c' },
        },
      }),
      priority: new PriorityClasses(chart, 'priorities').storage,
      image: 'registry.example.com/clickhouse:1',
      schemaImage: 'registry.example.com/spark:2',
    }),
  );
  const server = objectOf(objects, 'StatefulSet', 'metrics');
  expect(server.metadata.namespace).toBe('db');
  expect(podOf(server)['priorityClassName']).toBe('lakehouse-storage');
  expect(containerOf(server)).toMatchObject({
    image: 'registry.example.com/clickhouse:1',
    resources: { requests: { cpu: '500m', memory: '3Gi' }, limits: { cpu: '2', memory: '5Gi' } },
  });
  expect(JSON.stringify(containerOf(server)['env'])).toContain('vault-clickhouse');
  expect(inside(server, 'spec', 'volumeClaimTemplates', 0, 'spec')).toMatchObject({
    storageClassName: 'lakehouse-gp3',
    resources: { requests: { storage: '40Gi' } },
  });
  const xml = inside(objectLike(objects, 'ConfigMap', 'metrics-config-'), 'data', 'config.xml') as string;
  expect(elements(xml, 'max_server_memory_usage')).toEqual([`${5 * 2 ** 30 * 0.8}`]);
  const job = objectLike(objects, 'Job', 'metrics-schema-');
  expect(containerOf(job)['image']).toBe('registry.example.com/spark:2');
  expect(containerOf(job)['command']).toContain('http://metrics.db.svc.cluster.local:8123');
});

describe('locations that the server reads itself', () => {
  test('of MinIO: by path, with a user of its own that may only read', () => {
    const objects = synthesized(chart =>
      database(chart, { readsFrom: [minio(chart).bucket('silver').prefix('user-activity-v2/')] }),
    );
    const xml = config(objects, 'config.xml');
    expect(elements(xml, 'endpoint')).toContain(
      'http://minio.storage.svc.cluster.local:9000/silver/user-activity-v2/',
    );
    expect(xml).toContain('<access_key_id from_env="OBJECT_STORE_ACCESS_KEY"/>');
    expect(containerOf(objectOf(objects, 'StatefulSet', 'clickhouse'))['env']).toContainEqual({
      name: 'OBJECT_STORE_SECRET_KEY',
      valueFrom: { secretKeyRef: { name: 'clickhouse-object-store-credentials', key: 'secret-key' } },
    });
    const setup = objectLike(objects, 'ConfigMap', 'minio-setup-');
    const policy = inside(setup, 'data', 'policy-clickhouse.json') as string;
    expect(policy).toContain('arn:aws:s3:::silver/user-activity-v2/*');
    expect(policy).not.toContain('PutObject');
  });

  test('of S3: by host name, with the role of its service account', () => {
    const objects = synthesized(chart => {
      const store = ObjectStore.external(chart, 'store', {
        region: 'ap-northeast-2',
        buckets: ['silver'],
        credentials: ExternalObjectStoreCredentials.role('arn:aws:iam::111122223333:role/lakehouse'),
      });
      database(chart, { readsFrom: [store.bucket('silver').prefix('user-activity-v2/')] });
    });
    const xml = config(objects, 'config.xml');
    expect(elements(xml, 'endpoint')).toContain(
      'https://silver.s3.ap-northeast-2.amazonaws.com/user-activity-v2/',
    );
    expect(elements(xml, 'use_environment_credentials')).toEqual(['1']);
    expect(xml).not.toContain('access_key_id');
    expect(objectOf(objects, 'ServiceAccount', 'clickhouse').metadata.annotations).toEqual({
      'eks.amazonaws.com/role-arn': 'arn:aws:iam::111122223333:role/lakehouse',
    });
  });

  test('of two stores are refused, of one pass', () => {
    const stores = (chart: Chart) => {
      const silver = minio(chart).bucket('silver').prefix('a/');
      const other = new MinioStore(chart, 'other', { name: 'other', buckets: ['silver'] });
      return { silver, other: other.bucket('silver').prefix('b/') };
    };
    expect(
      problems(chart => {
        const { silver, other } = stores(chart);
        database(chart, { readsFrom: [silver, other] });
      }),
    ).toEqual([
      'database storage/clickhouse reads s3a://silver/a/ and s3a://silver/b/ of two object stores but it has the credentials of one; set readsFrom to locations of one store',
    ]);
    expect(
      problems(chart => {
        const { silver } = stores(chart);
        database(chart, { readsFrom: [silver, silver.prefix('c/')] });
      }),
    ).toEqual([]);
  });
});

test('another configuration is another ConfigMap, so the pod restarts', () => {
  const name = (limit: Size) =>
    objectLike(
      synthesized(chart => database(chart, { memory: { request: Size.gibibytes(1), limit } })),
      'ConfigMap',
      'clickhouse-config-',
    ).metadata.name;
  expect(name(Size.gibibytes(2))).toBe(name(Size.gibibytes(2)));
  expect(name(Size.gibibytes(2))).not.toBe(name(Size.gibibytes(3)));
});

describe('refused', () => {
  test.each<[string, Partial<ClickHouseDbProps>, string]>([
    [
      'no limits',
      { cpu: { request: Cpu.millis(100) } },
      '[StatefulSet/storage/clickhouse] container clickhouse has no cpu limit but every container needs one; set cpu.limit, e.g. Cpu.millis(500) (rule container-without-limits)',
    ],
    [
      'an image that moves',
      { image: 'clickhouse/clickhouse-server' },
      '[StatefulSet/storage/clickhouse] container clickhouse has image "clickhouse/clickhouse-server" but an image must be pinned by a tag other than latest, or by a digest; set image, e.g. clickhouse-server:1.4.2 (rule mutable-image-tag)',
    ],
    [
      'half a day',
      { retention: Duration.hours(36) },
      'database storage/clickhouse has a retention of 1 day 12 hours but tables keep whole days, at least 1; set retention, e.g. Duration.days(90)',
    ],
    [
      'no day',
      { retention: Duration.days(0) },
      'database storage/clickhouse has a retention of 0 days but tables keep whole days, at least 1; set retention, e.g. Duration.days(90)',
    ],
    [
      'a volume of nothing',
      { storage: Size.gibibytes(0) },
      'database storage/clickhouse has a volume of 0Ki but a volume has a size; set storage, e.g. Size.gibibytes(10)',
    ],
  ])('%s', (_, props, problem) => {
    expect(problems(chart => database(chart, props))).toEqual([problem]);
  });

  test('a retention that the volume cannot hold; the volume that the error asks for passes', () => {
    const twice = { eventsPerSecond: 100 };
    const [problem, ...others] = problems(chart => database(chart, {}, twice));
    expect(others).toEqual([]);
    expect(problem).toBe(
      'database storage/clickhouse comes to hold 23.2Gi (tables of logs over 90 days 23.2Gi) but its volume of 20Gi may fill to 17.0Gi (85 %); set storage to at least Size.gibibytes(28), or shorten retention',
    );
    expect(problems(chart => database(chart, { storage: Size.gibibytes(28) }, twice))).toEqual([]);
    expect(problems(chart => database(chart, { retention: Duration.days(60) }, twice))).toEqual([]);
    expect(problems(chart => database(chart))).toEqual([]);
  });
});
