import { type Chart, Size } from 'cdk8s';
import { Cpu, k8s } from 'cdk8s-plus-28';
import { bytes, cpuMillis } from '../../../lib/checker/manifest/quantity';
import { ResourceQuotas } from '../../../lib/lakehouse/cluster/resource-quotas';
import type { LakehouseChartProps } from '../../../lib/lakehouse/lakehouse-chart';
import { SparkExecutorCount } from '../../../lib/lakehouse/spark/executor-count';
import { inside, lakehouse, objectOf, synthesized } from '../synthesis';

const container = (cpu: string, memory: string) => ({
  name: 'main',
  image: 'app:1',
  resources: {
    requests: { cpu: k8s.Quantity.fromString(cpu), memory: k8s.Quantity.fromString(memory) },
  },
});

function workloads(chart: Chart): void {
  const metadata = { namespace: 'web', labels: { app: 'a' } };
  new k8s.KubeDeployment(chart, 'deployment', {
    metadata: { ...metadata, name: 'server' },
    spec: {
      replicas: 3,
      selector: { matchLabels: { app: 'a' } },
      strategy: {
        type: 'RollingUpdate',
        rollingUpdate: { maxSurge: k8s.IntOrString.fromNumber(2) },
      },
      template: { metadata: { labels: { app: 'a' } }, spec: { containers: [container('100m', '64Mi')] } },
    },
  });
  new k8s.KubeStatefulSet(chart, 'stateful-set', {
    metadata: { ...metadata, name: 'store' },
    spec: {
      serviceName: 'store',
      replicas: 1,
      selector: { matchLabels: { app: 'b' } },
      template: { metadata: { labels: { app: 'b' } }, spec: { containers: [container('1', '32Mi')] } },
    },
  });
}

const hardOf = (objects: Parameters<typeof objectOf>[0], namespace: string) =>
  inside(
    objectOf(
      objects.filter(({ metadata }) => metadata.namespace === namespace),
      'ResourceQuota',
      'namespace',
    ),
    ...['spec', 'hard'],
  ) as Record<string, string>;

test('a namespace may request its pods at their maximum, their surge, and the largest once more', () => {
  const objects = synthesized(chart => {
    new ResourceQuotas(chart, 'quotas', { namespaces: ['web', 'empty'] });
    workloads(chart);
  });
  // 5 × 100m + 1000m, and 1000m again; 5 × 64Mi + 32Mi, and 64Mi again; 5 + 1 pods, and one.
  expect(hardOf(objects, 'web')).toEqual({
    'requests.cpu': '2500m',
    'requests.memory': '416Mi',
    pods: '7',
  });
  expect(hardOf(objects, 'empty')).toEqual({ 'requests.cpu': '0m', 'requests.memory': '0', pods: '0' });
});

describe('of the whole chart', () => {
  const quotaOf = (props: LakehouseChartProps, namespace: string) => {
    const hard = hardOf(lakehouse(props).objects, namespace);
    return {
      cpu: cpuMillis(hard['requests.cpu']),
      memory: bytes(hard['requests.memory']),
      pods: Number(hard['pods']),
    };
  };

  test('a larger layer brings its own room', () => {
    const dynamic = (max: number) => ({
      gold: { executors: SparkExecutorCount.dynamic({ initial: 2, min: 2, max }) },
    });
    const two = quotaOf(dynamic(2), 'default');
    const three = quotaOf(dynamic(3), 'default');
    expect(three.pods - two.pods).toBe(1);
    expect(three.cpu).toBeGreaterThan(two.cpu);
    expect(three.memory).toBeGreaterThan(two.memory);
  });

  test('web servers have room for one more while they are rolled, and for one that ends', () => {
    const figures = {
      cpu: { request: Cpu.millis(210), limit: Cpu.millis(500) },
      memory: { request: Size.mebibytes(300), limit: Size.mebibytes(600) },
    };
    expect(quotaOf({ was: figures }, 'was')).toEqual({ cpu: 5 * 210, memory: 5 * 300 * 2 ** 20, pods: 5 });
  });

  test('what the cluster runs in a namespace of ours counts too', () => {
    // Grafana; Prometheus and kube-state-metrics, which each roll with one more; and the largest once more.
    expect(quotaOf({}, 'monitoring').pods).toBe(6);
  });
});
