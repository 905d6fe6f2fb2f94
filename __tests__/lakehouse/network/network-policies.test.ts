import { readFileSync } from 'node:fs';
import { expandPods } from '../../../lib/checker/manifest/pods';
import type { ManifestObject } from '../../../lib/checker/object/manifest-object';
import { KafkaCoordination } from '../../../lib/lakehouse/kafka/kafka-coordination';
import type { LakehouseChartProps } from '../../../lib/lakehouse/lakehouse-chart';
import type { Flow, Workload } from '../../../lib/lakehouse/network/network-policies';
import { SparkDependencies } from '../../../lib/lakehouse/spark/spark-dependencies';
import { ExternalObjectStoreCredentials } from '../../../lib/lakehouse/storage/object-store';
import { networkTable } from '../../../scripts/docs/network-table';
import { inside, lakehouse } from '../synthesis';

type Labels = Readonly<Record<string, string>>;

interface TestPod {
  readonly name: string;
  readonly namespace: string;
  readonly labels: Labels;
}

interface Selector {
  readonly matchLabels?: Labels;
}

interface Peer {
  readonly namespaceSelector?: Selector;
  readonly podSelector?: Selector;
  readonly ipBlock?: { readonly cidr: string; readonly except?: readonly string[] };
}

interface Rule {
  readonly from?: readonly Peer[];
  readonly to?: readonly Peer[];
  readonly ports?: readonly { readonly port: number; readonly protocol: string }[];
}

/** Every pod has an address of the VPC. */
const POD_ADDRESS = [10, 0, 0, 7];

function isInBlock(cidr: string): boolean {
  const [network = '', length = ''] = cidr.split('/');
  const bits = (address: readonly number[]) =>
    address.map(byte => byte.toString(2).padStart(8, '0')).join('');
  return (
    bits(network.split('.').map(Number)).slice(0, Number(length)) ===
    bits(POD_ADDRESS).slice(0, Number(length))
  );
}

function selects(selector: Selector | undefined, labels: Labels): boolean {
  return Object.entries(selector?.matchLabels ?? {}).every(([key, value]) => labels[key] === value);
}

/** The API's semantics, written without a look at what makes the policies. */
function isPeer(peer: Peer, policyNamespace: string, pod: TestPod): boolean {
  if (peer.ipBlock !== undefined) {
    return isInBlock(peer.ipBlock.cidr) && !(peer.ipBlock.except ?? []).some(isInBlock);
  }
  const isNamespace =
    peer.namespaceSelector === undefined
      ? pod.namespace === policyNamespace
      : selects(peer.namespaceSelector, { 'kubernetes.io/metadata.name': pod.namespace });
  return isNamespace && selects(peer.podSelector, pod.labels);
}

function isAllowed(
  direction: 'Ingress' | 'Egress',
  policies: readonly ManifestObject[],
  pod: TestPod,
  other: TestPod,
  port: number,
): boolean {
  const selecting = policies.filter(
    policy =>
      policy.metadata.namespace === pod.namespace &&
      selects(inside(policy, 'spec', 'podSelector') as Selector, pod.labels) &&
      (inside(policy, 'spec', 'policyTypes') as string[]).includes(direction),
  );
  if (selecting.length === 0) return true;
  return selecting.some(policy => {
    const rules = (inside(policy, 'spec', direction.toLowerCase()) ?? []) as readonly Rule[];
    return rules.some(rule => {
      const peers = direction === 'Ingress' ? rule.from : rule.to;
      const isPort =
        rule.ports === undefined ||
        rule.ports.some(allowed => allowed.port === port && allowed.protocol === 'TCP');
      return isPort && (peers === undefined || peers.some(peer => isPeer(peer, pod.namespace, other)));
    });
  });
}

function reaches(policies: readonly ManifestObject[], from: TestPod, to: TestPod, port: number): boolean {
  return isAllowed('Egress', policies, from, to, port) && isAllowed('Ingress', policies, to, from, port);
}

/** Pods that the chart's objects bring, and those around them that could come by. */
function podsAround(objects: readonly ManifestObject[]): TestPod[] {
  const own = expandPods(objects).map(({ name, namespace, pod }) => ({
    name,
    namespace,
    labels: pod.labels,
  }));
  const namespaces = [...new Set(own.map(({ namespace }) => namespace))];
  return [
    ...own,
    {
      name: 'prometheus',
      namespace: 'monitoring',
      labels: { 'app.kubernetes.io/name': 'prometheus', 'app.kubernetes.io/component': 'server' },
    },
    {
      name: 'kube-state-metrics',
      namespace: 'monitoring',
      labels: { 'app.kubernetes.io/name': 'kube-state-metrics' },
    },
    { name: 'operator', namespace: 'strimzi-system', labels: { 'strimzi.io/kind': 'cluster-operator' } },
    { name: 'dns', namespace: 'kube-system', labels: { 'k8s-app': 'kube-dns' } },
    ...[...namespaces, 'elsewhere'].map(namespace => ({
      name: 'stranger',
      namespace,
      labels: { 'app.kubernetes.io/name': 'stranger' },
    })),
  ];
}

function isOf(pod: TestPod, workload: Flow['from'] | Flow['to']): boolean {
  return (
    typeof workload !== 'string' &&
    'labels' in workload &&
    workload.namespace === pod.namespace &&
    selects({ matchLabels: workload.labels }, pod.labels)
  );
}

/** 'anywhere' opens the way in; a pod in a namespace that denies by default needs a way out of its own. */
function isIntended(
  flows: readonly Flow[],
  from: TestPod,
  to: TestPod,
  port: number,
  fromIsGuarded: boolean,
): boolean {
  return flows.some(
    flow =>
      (isOf(from, flow.from) || (flow.from === 'anywhere' && !fromIsGuarded)) &&
      isOf(to, flow.to) &&
      (flow.ports.length === 0 || flow.ports.includes(port)),
  );
}

function networkOf(props: LakehouseChartProps = {}) {
  const { chart, objects } = lakehouse(props);
  return {
    flows: chart.network.flows,
    policies: objects.filter(({ kind }) => kind === 'NetworkPolicy'),
    pods: podsAround(objects),
  };
}

const charts: [string, LakehouseChartProps][] = [
  ['the default chart', {}],
  ['ZooKeeper', { kafka: { coordination: KafkaCoordination.zookeeper() } }],
  ['logins over TLS', { kafka: { clientSecurity: 'scram-tls' } }],
  [
    'S3 in place of MinIO',
    {
      objectStore: {
        region: 'ap-northeast-2',
        buckets: ['raw-data', 'silver', 'gold'],
        credentials: ExternalObjectStoreCredentials.role('arn:aws:iam::111122223333:role/lakehouse'),
      },
    },
  ],
];

describe.each(charts)('%s', (_, props) => {
  const { flows, policies, pods } = networkOf(props);
  const workloads = [...new Set(flows.flatMap(({ from, to }) => [from, to]))].filter(
    (end): end is Workload => typeof end !== 'string' && 'labels' in end,
  );
  const guardedNamespaces = new Set(
    workloads.filter(({ isGuarded }) => isGuarded).map(({ namespace }) => namespace),
  );
  const isGuarded = ({ namespace }: TestPod) => guardedNamespaces.has(namespace);

  test('every pod is of exactly one workload', () => {
    const known = pods.filter(({ name }) => name !== 'stranger' && name !== 'dns');
    for (const pod of known) {
      const names = workloads.filter(workload => isOf(pod, workload)).map(({ name }) => name);
      expect([pod.name, names]).toEqual([pod.name, [expect.any(String)]]);
    }
    for (const workload of workloads) {
      expect([workload.name, pods.some(pod => isOf(pod, workload))]).toEqual([workload.name, true]);
    }
  });

  test('every pod reaches exactly what the list of flows says, on exactly these ports', () => {
    const ports = [...new Set([...flows.flatMap(flow => flow.ports), 22, 53, 9000, 50_000])];
    const differences = pods.flatMap(from =>
      pods
        .filter(isGuarded)
        .flatMap(to =>
          ports
            .filter(
              port =>
                reaches(policies, from, to, port) !== isIntended(flows, from, to, port, isGuarded(from)),
            )
            .map(port => `${from.namespace}/${from.name} → ${to.namespace}/${to.name}:${port}`),
        ),
    );
    expect(differences).toEqual([]);
  });

  test('every pod of ours asks the DNS, by TCP and UDP, and strangers in our namespaces nothing else', () => {
    const dns = pods.find(({ name }) => name === 'dns');
    for (const pod of pods.filter(isGuarded)) {
      expect(dns !== undefined && reaches(policies, pod, dns, 53)).toBe(true);
    }
    for (const policy of policies.filter(({ metadata }) => metadata.name === 'dns')) {
      expect(inside(policy, 'spec', 'egress', 0, 'ports')).toEqual([
        { port: 53, protocol: 'UDP' },
        { port: 53, protocol: 'TCP' },
      ]);
    }
  });

  test('every namespace with a pod of ours denies by default', () => {
    const denying = policies
      .filter(
        policy =>
          JSON.stringify(inside(policy, 'spec')) ===
          JSON.stringify({ podSelector: {}, policyTypes: ['Ingress', 'Egress'] }),
      )
      .map(({ metadata }) => metadata.namespace);
    expect(denying.sort()).toEqual([...guardedNamespaces].sort());
  });
});

test('only Spark drivers and Grafana reach the Internet, S3 aside', () => {
  const { flows, policies } = networkOf();
  const leaving = flows
    .filter(({ to }) => to.name === 'the Internet')
    .map(({ from, ports }) => [from, ports]);
  expect(leaving.map(([from]) => (from as Workload).name)).toEqual([
    expect.stringMatching(/streaming driver$/),
    expect.stringMatching(/gold driver$/),
    'grafana',
  ]);
  expect(leaving.every(([, ports]) => JSON.stringify(ports) === '[443]')).toBe(true);
  // And no way out to the Internet is a way to the neighbours.
  const blocks = JSON.stringify(policies.map(({ body }) => body)).match(/"cidr":"0\.0\.0\.0\/0"[^}]*/g);
  expect(blocks).toHaveLength(3);
  for (const block of blocks ?? []) {
    expect(block).toContain('"except":["10.0.0.0/8","172.16.0.0/12","192.168.0.0/16","100.64.0.0/10"]');
  }
});

test('a job whose image holds its packages does not reach the Internet', () => {
  const { flows } = networkOf({
    streaming: {
      image: 'registry.example.com/spark:3.5.7-connectors-1',
      dependencies: SparkDependencies.baked(),
    },
  });
  const leaving = flows.filter(({ to }) => to.name === 'the Internet');
  expect(leaving.map(({ from }) => (from as Workload).name)).toEqual([
    expect.stringMatching(/gold driver$/),
    'grafana',
  ]);
});

test('docs/network.md is what the default chart says', () => {
  const { network } = lakehouse().chart;
  expect(readFileSync('docs/network.md', 'utf8')).toBe(networkTable(network.flows));
});
