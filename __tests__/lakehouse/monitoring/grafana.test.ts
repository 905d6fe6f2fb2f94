import { type Chart, Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-28';
import { parse } from 'yaml';
import { ClickHouseDb, type ClickHouseDbProps } from '../../../lib/lakehouse/clickhouse/clickhouse-db';
import { Grafana, type GrafanaProps } from '../../../lib/lakehouse/monitoring/grafana';
import { TrafficEstimate } from '../../../lib/lakehouse/sizing/traffic';
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

const grafana = (chart: Chart, props: Partial<GrafanaProps> = {}, db: Partial<ClickHouseDbProps> = {}) =>
  new Grafana(chart, 'grafana', {
    database: new ClickHouseDb(chart, 'clickhouse', {
      traffic: new TrafficEstimate(chart, 'traffic'),
      ...db,
    }),
    ...props,
  });

describe('the default Grafana', () => {
  const objects = synthesized(chart => grafana(chart));
  const deployment = objectOf(objects, 'Deployment', 'grafana');

  test('is one pinned pod with requests and limits in namespace monitoring', () => {
    expect(deployment.metadata.namespace).toBe('monitoring');
    expect(inside(deployment, 'spec')).toMatchObject({ replicas: 1, strategy: { type: 'Recreate' } });
    expect(containerOf(deployment)).toMatchObject({
      image: imageReference(images.grafana),
      resources: { requests: { cpu: '100m', memory: '256Mi' }, limits: { cpu: '500m', memory: '512Mi' } },
    });
  });

  test('reads the database as its reader, with a password that no file holds', () => {
    const configMap = objectLike(objects, 'ConfigMap', 'grafana-data-sources-');
    expect(parse(inside(configMap, 'data', 'clickhouse.yaml') as string)).toMatchObject({
      apiVersion: 1,
      datasources: [
        {
          type: 'grafana-clickhouse-datasource',
          uid: 'clickhouse',
          editable: false,
          jsonData: {
            host: 'clickhouse.storage.svc.cluster.local',
            port: 8123,
            protocol: 'http',
            username: 'reader',
            defaultDatabase: 'logs',
          },
          secureJsonData: { password: '$CLICKHOUSE_PASSWORD' },
        },
      ],
    });
    expect(containerOf(deployment)['env']).toEqual(
      expect.arrayContaining([
        {
          name: 'CLICKHOUSE_PASSWORD',
          valueFrom: { secretKeyRef: { name: 'clickhouse-credentials', key: 'reader-password' } },
        },
        {
          name: 'GF_SECURITY_ADMIN_PASSWORD',
          valueFrom: { secretKeyRef: { name: 'grafana-credentials', key: 'admin-password' } },
        },
      ]),
    );
  });

  test('installs the plugin in its pinned version before it serves', () => {
    expect(containerOf(deployment)['env']).toContainEqual({
      name: 'GF_PLUGINS_PREINSTALL_SYNC',
      value: 'grafana-clickhouse-datasource@4.20.0',
    });
  });

  test('runs restricted, writes emptyDirs alone, and has no token', () => {
    expect(podOf(deployment)).toMatchObject({
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      volumes: [
        { name: 'data', emptyDir: { sizeLimit: '768Mi' } },
        { name: 'data-sources' },
        { name: 'tmp', emptyDir: { sizeLimit: '128Mi' } },
      ],
    });
    expect(containerOf(deployment)['securityContext']).toEqual(restricted);
  });
});

test('every figure can be set', () => {
  const objects = synthesized(chart =>
    grafana(
      chart,
      {
        name: 'boards',
        namespace: 'watch',
        cpu: { request: Cpu.millis(60), limit: Cpu.millis(600) },
        memory: { request: Size.mebibytes(300), limit: Size.mebibytes(600) },
        credentials: new ExternalSecret(chart, 'vault', {
          secretName: 'vault-grafana',
          namespace: 'watch',
          keys: { 'admin-password': { credential: 'x' } },
        }),
        pluginVersion: '4.17.0',
        priority: new PriorityClasses(chart, 'priorities').monitoring,
        image: 'registry.example.com/grafana:12',
      },
      { readerNamespace: 'watch' },
    ),
  );
  const deployment = objectOf(objects, 'Deployment', 'boards');
  expect(deployment.metadata.namespace).toBe('watch');
  expect(podOf(deployment)['priorityClassName']).toBe('lakehouse-monitoring');
  const container = containerOf(deployment);
  expect(container).toMatchObject({
    image: 'registry.example.com/grafana:12',
    resources: { requests: { cpu: '60m', memory: '300Mi' }, limits: { cpu: '600m', memory: '600Mi' } },
  });
  expect(JSON.stringify(container['env'])).toContain('vault-grafana');
  expect(JSON.stringify(container['env'])).toContain('grafana-clickhouse-datasource@4.17.0');
});

describe('refused', () => {
  test.each<[string, Partial<GrafanaProps>, string]>([
    [
      'a namespace without the reader’s password',
      { namespace: 'watch' },
      'grafana watch/grafana reads the password of user reader in its own namespace but the database declares it in monitoring; set readerNamespace of the database to watch',
    ],
    [
      'no limits',
      { memory: { request: Size.mebibytes(1) } },
      '[Deployment/monitoring/grafana] container grafana has no memory limit but every container needs one; set memory.limit, e.g. Size.mebibytes(512) (rule container-without-limits)',
    ],
    [
      'an image that moves',
      { image: 'grafana/grafana:latest' },
      '[Deployment/monitoring/grafana] container grafana has image "grafana/grafana:latest" but an image must be pinned by a tag other than latest, or by a digest; set image, e.g. grafana:1.4.2 (rule mutable-image-tag)',
    ],
  ])('%s', (_, props, problem) => {
    expect(problems(chart => grafana(chart, props))).toEqual([problem]);
  });

  test('the namespace that the database knows passes', () => {
    expect(problems(chart => grafana(chart, { namespace: 'watch' }, { readerNamespace: 'watch' }))).toEqual(
      [],
    );
  });
});
