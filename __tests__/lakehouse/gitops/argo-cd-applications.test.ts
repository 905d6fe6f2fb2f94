import { clusterServices } from '../../../lib/checker/capacity/cluster-services';
import { bytes, cpuMillis } from '../../../lib/checker/manifest/quantity';
import { KafkaCoordination } from '../../../lib/lakehouse/kafka/kafka-coordination';
import type { LakehouseChartProps } from '../../../lib/lakehouse/lakehouse-chart';
import { strimzi } from '../../../lib/lakehouse/versions';
import { lakehouse } from '../synthesis';

const repository = 'https://git.example.com/data/lakehouse.git';

// biome-ignore lint/suspicious/noExplicitAny: manifests are plain data
type Plain = any;

function objectsOf(props: LakehouseChartProps = {}): Plain[] {
  return lakehouse(props).objects.map(({ body }) => body);
}

function argoCd(props: LakehouseChartProps = {}): Plain[] {
  const objects = objectsOf({ gitOps: { repository }, ...props });
  return objects.filter(({ apiVersion }) => apiVersion.startsWith('argoproj.io/'));
}

function application(name: string, props: LakehouseChartProps = {}): Plain {
  return argoCd(props).find(({ kind, metadata }) => kind === 'Application' && metadata.name === name);
}

describe('the project', () => {
  const project = argoCd().find(({ kind }) => kind === 'AppProject').spec;

  test('allows every source and every namespace that the applications use', () => {
    const namespaces = project.destinations.map(({ namespace }: Plain) => namespace);
    for (const { spec } of argoCd().filter(({ kind }) => kind === 'Application')) {
      expect(project.sourceRepos).toContain(spec.source.repoURL);
      expect(namespaces).toContain(spec.destination.namespace);
    }
  });

  test('allows every namespace and every cluster-wide kind that dist/ holds, and no wildcard', () => {
    const objects = objectsOf();
    const namespaces = project.destinations.map(({ namespace }: Plain) => namespace);
    const kinds = project.clusterResourceWhitelist.map(({ group, kind }: Plain) => `${group}/${kind}`);
    for (const { apiVersion, kind, metadata } of objects) {
      const group = apiVersion.includes('/') ? apiVersion.split('/')[0] : '';
      if (metadata.namespace === undefined) expect(kinds).toContain(`${group}/${kind}`);
      else expect(namespaces).toContain(metadata.namespace);
    }
    expect(JSON.stringify(project)).not.toContain('*');
  });
});

test('dist/ is synced by itself, healed and pruned, its folders left out, a wave after the operators', () => {
  const { metadata, spec } = application('lakehouse');
  expect(spec.source).toEqual({
    repoURL: repository,
    path: 'dist',
    targetRevision: 'main',
    directory: { recurse: false },
  });
  expect(spec.syncPolicy.automated).toEqual({ prune: true, selfHeal: true });
  expect(spec.syncPolicy.syncOptions).toContain('PruneLast=true');
  const wave = ({ annotations }: Plain) => Number(annotations['argocd.argoproj.io/sync-wave']);
  for (const operator of ['strimzi', 'spark-operator', 'prometheus']) {
    expect(wave(application(operator).metadata)).toBeLessThan(wave(metadata));
  }
});

test('charts are pinned, and the operator is the one that runs the Kafka of the chart', () => {
  expect(application('strimzi').spec.source.targetRevision).toBe(strimzi.kraft.version);
  const zookeeper = { kafka: { coordination: KafkaCoordination.zookeeper() } };
  expect(application('strimzi', zookeeper).spec.source.targetRevision).toBe(strimzi.zookeeper.version);
  for (const { spec } of argoCd().filter(({ kind }) => kind === 'Application')) {
    if (spec.source.chart !== undefined) expect(spec.source.targetRevision).toMatch(/^\d+\.\d+\.\d+$/);
  }
});

test('the Spark operator watches the namespaces of the jobs, with its webhook and without Services for web UIs', () => {
  const { controller, webhook, spark } = application('spark-operator').spec.source.helm.valuesObject;
  expect(spark).toEqual({
    jobNamespaces: ['default'],
    serviceAccount: { create: false },
    rbac: { create: false },
  });
  expect(webhook.enable).toBe(true);
  expect(controller).toMatchObject({ uiService: { enable: false }, workers: 1 });
});

test('every program gets the figures that the fit counts it with', () => {
  const values = (name: string) => application(name).spec.source.helm.valuesObject;
  const given: Record<string, Plain> = {
    'strimzi-cluster-operator': values('strimzi'),
    'spark-operator-controller': values('spark-operator').controller,
    'spark-operator-webhook': values('spark-operator').webhook,
    'prometheus-server': values('prometheus').server,
    'kube-state-metrics': values('prometheus')['kube-state-metrics'],
  };
  for (const [name, { resources, priorityClassName }] of Object.entries(given)) {
    const counted = clusterServices.find(service => service.name === name);
    expect([name, resources.requests, priorityClassName]).toEqual([
      name,
      { cpu: counted?.cpu, memory: counted?.memory },
      counted?.priorityClassName,
    ]);
    expect(cpuMillis(resources.limits.cpu)).toBeGreaterThanOrEqual(cpuMillis(resources.requests.cpu));
    expect(bytes(resources.limits.memory)).toBeGreaterThanOrEqual(bytes(resources.requests.memory));
  }
});

describe('refused', () => {
  const said = (gitOps: LakehouseChartProps['gitOps']) =>
    lakehouse(gitOps === undefined ? {} : { gitOps })
      .chart.node.findChild('argocd')
      .node.validate();

  test.each([
    [{ repository: '' }, 'gitOps has repository "" but ArgoCD clones a URL; set repository, e.g. https://'],
    [
      { repository, path: '/dist' },
      'gitOps has path "/dist" but ArgoCD takes a folder inside the repository',
    ],
    [{ repository, path: 'a/../../b' }, 'gitOps has path "a/../../b" but ArgoCD takes a folder'],
  ])('%j', (gitOps, message) => {
    expect(said(gitOps)).toEqual([expect.stringContaining(message)]);
  });

  test.each([{ repository: 'git@git.example.com:data/lakehouse.git' }, { repository, path: 'env/..prod' }])(
    'but not %j',
    gitOps => {
      expect(said(gitOps)).toEqual([]);
    },
  );
});
