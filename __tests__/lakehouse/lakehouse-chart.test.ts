import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { App, Testing } from 'cdk8s';
import { expandPods, type PodSet } from '../../lib/checker/manifest/pods';
import { type ManifestObject, manifestObjects } from '../../lib/checker/object/manifest-object';
import { NodeGroup } from '../../lib/lakehouse/cluster/node-group';
import { LakehouseChart, type LakehouseChartProps } from '../../lib/lakehouse/lakehouse-chart';
import { ExternalObjectStoreCredentials } from '../../lib/lakehouse/storage/object-store';
import { manifestFiles, validateApp } from '../../lib/lakehouse/write-manifests';

function objectsOf(props: LakehouseChartProps = {}): ManifestObject[] {
  return manifestObjects(Testing.synth(new LakehouseChart(new App(), 'lakehouse', props)));
}

/** Pods, and requests – limits of the first container. */
function figures({ replicas, pod }: PodSet): string {
  const { requests, limits } = pod.spec.containers[0]?.resources ?? { requests: {}, limits: {} };
  return `${replicas.initial} × ${requests['cpu']}–${limits['cpu']}, ${requests['memory']}–${limits['memory']}`;
}

describe('the figures of the running system', () => {
  const sets = expandPods(objectsOf());
  const set = (namespace: string, role: PodSet['role'], name = '') =>
    sets.find(
      candidate =>
        candidate.namespace === namespace && candidate.role === role && candidate.name.includes(name),
    );

  test.each<[string, PodSet | undefined, string]>([
    ['web servers', set('was', 'replica'), '3 × 200m–1000m, 512Mi–1Gi'],
    ['brokers', set('kafka', 'broker'), '3 × 200m–500m, 1Gi–2Gi'],
    ['controllers', set('kafka', 'controller'), '3 × 100m–300m, 512Mi–1Gi'],
  ])('%s', (_, pods, expected) => {
    expect(pods && figures(pods)).toBe(expected);
  });

  test('every other layer is there, with figures of its own', () => {
    const found = sets.map(({ namespace, name, role }) => `${namespace}/${role}/${name}`);
    for (const [namespace, role, name] of [
      ['default', 'driver', 'activity-streaming'],
      ['default', 'executor', 'activity-streaming'],
      ['default', 'driver', 'activity-gold'],
      ['default', 'executor', 'activity-gold'],
      ['storage', 'replica', 'clickhouse'],
      ['storage', 'replica', 'minio'],
      ['storage', 'job', 'minio-setup'],
      ['storage', 'job', 'clickhouse-schema'],
      ['monitoring', 'replica', 'grafana'],
      ['kafka', 'entity-operator', 'streaming-cluster'],
      ['kafka', 'exporter', 'streaming-cluster'],
    ]) {
      expect(found).toContainEqual(expect.stringMatching(`^${namespace}/${role}/${name}`));
    }
  });

  test('the stores have volumes of 20Gi, and the brokers volumes of their own', () => {
    const claims = (pods: PodSet | undefined) => pods?.volumeClaims.map(({ size }) => size);
    expect(claims(set('storage', 'replica', 'minio'))).toEqual(['20Gi']);
    expect(claims(set('storage', 'replica', 'clickhouse'))).toEqual(['20Gi']);
    expect(set('kafka', 'broker')?.volumeClaims.map(({ perPod }) => perPod)).toEqual([true]);
  });
});

test('priorities are in the order in which layers may wait', () => {
  const sets = expandPods(objectsOf());
  const priorityOf = (name: string) => sets.find(set => set.name.startsWith(name))?.priority ?? Number.NaN;
  const order = ['was', 'minio', 'activity-streaming', 'activity-gold'].map(priorityOf);
  expect(order).toEqual([...order].sort((left, right) => right - left));
  expect(new Set(order).size).toBe(order.length);
});

test('selectors name no hash and no version, so that they stay the same', () => {
  for (const { kind, metadata, body } of objectsOf()) {
    const selector = (body['spec'] as { selector?: { matchLabels?: Record<string, string> } } | undefined)
      ?.selector;
    if (!['Deployment', 'StatefulSet'].includes(kind)) continue;
    expect([metadata.name, Object.keys(selector?.matchLabels ?? {})]).toEqual([
      metadata.name,
      ['app.kubernetes.io/instance', 'app.kubernetes.io/name'],
    ]);
  }
});

test('every namespace that an object is in is made, and made first', () => {
  const app = new App();
  new LakehouseChart(app, 'lakehouse', {
    gold: { namespace: 'jobs' },
    clickHouse: { writerNamespace: 'jobs' },
  });
  const [[first, cluster] = ['', []], ...others] = [...manifestFiles(app)];
  expect(first).toBe('00-cluster.k8s.yaml');
  const made = cluster.filter(({ kind }) => kind === 'Namespace').map(({ metadata }) => metadata.name);
  const used = new Set(others.flatMap(([, objects]) => objects.map(({ metadata }) => metadata.namespace)));
  expect(new Set(made)).toEqual(used);
  expect(made).toContain('jobs');
});

describe('the nodes', () => {
  const context = {
    cluster: 'shop',
    nodegroup: 'jobs',
    region: 'ap-northeast-2',
    kubernetesVersion: '1.33',
    instanceTypes: ['m6i.xlarge', 'm6i.large'],
    size: { min: 1, desired: 2, max: 6 },
    amiType: 'AL2023_x86_64_STANDARD',
    diskSizeGiB: 20,
    labels: {},
    taints: [],
    capacityType: 'ON_DEMAND',
    source: {
      arn: 'arn:aws:eks:ap-northeast-2:111122223333:nodegroup/shop/jobs/1',
      at: '2026-11-22T00:00:00Z',
    },
  };
  const former = process.cwd();
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'cluster-'));
    process.chdir(folder);
  });
  afterEach(() => {
    process.chdir(former);
    rmSync(folder, { recursive: true });
  });

  const write = (content: object) => writeFileSync('cluster.context.json', JSON.stringify(content));

  test('are four m6i.large when nothing is known of the cluster', () => {
    expect(objectsOf()).not.toEqual([]);
  });

  test('are those of cluster.context.json when it is there', () => {
    write(context);
    expect(() => objectsOf()).toThrow(/2 × m6i\.large.*rule set-does-not-fit/);
    write({ ...context, size: { min: 1, desired: 5, max: 6 } });
    expect(objectsOf()).not.toEqual([]);
  });

  test('are those of the props above all', () => {
    write(context);
    expect(objectsOf({ nodes: new NodeGroup() })).not.toEqual([]);
  });
});

describe('custom props', () => {
  test('a store that exists takes the place of MinIO', () => {
    const objects = objectsOf({
      objectStore: {
        region: 'ap-northeast-2',
        buckets: ['raw-data', 'silver', 'gold'],
        credentials: ExternalObjectStoreCredentials.role('arn:aws:iam::111122223333:role/lakehouse'),
      },
    });
    expect(objects.some(({ metadata }) => metadata.name.startsWith('minio'))).toBe(false);
    const settings = objects
      .filter(({ kind }) => kind === 'SparkApplication')
      .map(({ body }) => (body['spec'] as { sparkConf: Record<string, string> }).sparkConf);
    expect(settings).toHaveLength(2);
    for (const conf of settings) {
      expect(conf['spark.hadoop.fs.s3a.endpoint']).toBeUndefined();
      expect(conf['spark.hadoop.fs.s3a.endpoint.region']).toBe('ap-northeast-2');
    }
  });

  test('what ArgoCD needs is there when it is told where the repository is, and not before', () => {
    const kinds = (props: LakehouseChartProps) => objectsOf(props).map(({ kind }) => kind);
    expect(kinds({})).not.toContain('Application');
    const repository = 'https://git.example.com/data/lakehouse.git';
    expect(kinds({ gitOps: { repository } }).filter(kind => /^App/.test(kind))).toEqual([
      'AppProject',
      'Application',
      'Application',
      'Application',
      'Application',
    ]);
  });
});

test.each(['bronze', 'silver', 'commits'])(
  'a path in the place of the folder %s is refused with the construct and the prop, whoever uses it',
  prop => {
    const app = new App();
    new LakehouseChart(app, 'lakehouse', { streaming: { [prop]: '/app/b' } as never });
    expect(() => validateApp(app)).toThrow(
      new RegExp(
        `^\\[lakehouse/streaming\\] spark job activity-streaming has ${prop} "/app/b" but only a folder .*\\n1 error, nothing was written$`,
      ),
    );
  },
);
