import { k8s } from 'cdk8s-plus-28';
import { Construct } from 'constructs';
import type { ClickHouseDb } from '../clickhouse/clickhouse-db';
import type { KafkaCluster } from '../kafka/kafka-cluster';
import type { Grafana } from '../monitoring/grafana';
import type { SparkJob } from '../spark/spark-job';
import { MinioStore } from '../storage/minio-store';
import type { ObjectStore } from '../storage/object-store';
import { operators } from '../versions';
import type { WasService } from '../was/was-service';
import { objectLabels, selectorLabels } from '../workload/labels';
import { policyAnnotations } from '../workload/policy-exceptions';

/** The pods of one workload. */
export interface Workload {
  readonly name: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Whether its policies are this chart's: every pod in the chart's namespaces is, the others are peers only. */
  readonly isGuarded: boolean;
  /** Whether its pods come with a Helm chart, and not with these manifests. */
  readonly isMadeElsewhere?: boolean;
}

/** Addresses that are no pods of ours. */
export interface Addresses {
  readonly name: string;
  readonly blocks: readonly k8s.IpBlock[];
}

/** One intended connection: who opens it to whom. */
export interface Flow {
  readonly from: Workload | 'anywhere';
  readonly to: Workload | Addresses;
  /** TCP ports; none means every port. */
  readonly ports: readonly number[];
  readonly why: string;
}

export interface NetworkPoliciesProps {
  readonly kafka: KafkaCluster;
  readonly was: WasService;
  readonly store: ObjectStore;
  readonly database: ClickHouseDb;
  readonly grafana: Grafana;
  readonly streaming: SparkJob;
  readonly gold: SparkJob;
  /**
   * Where the API server's endpoints are.
   * @default the private networks, where EKS puts them
   */
  readonly apiServerBlocks?: readonly string[];
}

/** RFC 1918 and RFC 6598: no address of the Internet. */
const PRIVATE_BLOCKS = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10'];
const INTERNET: Addresses = { name: 'the Internet', blocks: [{ cidr: '0.0.0.0/0', except: PRIVATE_BLOCKS }] };
const DNS: Workload = {
  name: 'DNS',
  namespace: 'kube-system',
  labels: { 'k8s-app': 'kube-dns' },
  isGuarded: false,
};

/**
 * Every pod is cut off, and then let through to exactly what it talks to.
 *
 * In each namespace of the system one policy denies everything in both directions, and one lets its pods ask the
 * DNS; each workload has one more with its own flows, which are stated once, as data, in this file. docs/network.md
 * is generated from them. The CNI must enforce policies (Amazon VPC CNI: enableNetworkPolicy). Strimzi makes
 * policies of its own beside these for the brokers' ports.
 *
 * @example
 * new NetworkPolicies(chart, 'network', {
 *   kafka, was, store, database, grafana, streaming: streaming.job, gold: gold.job,
 * });
 */
export class NetworkPolicies extends Construct {
  /** The flows in both directions that are let through, DNS aside. */
  public readonly flows: readonly Flow[];

  constructor(scope: Construct, id: string, props: NetworkPoliciesProps) {
    super(scope, id);
    this.flows = intendedFlows(props);
    const workloads = new Map<string, Workload>();
    for (const { from, to } of this.flows) {
      for (const end of [from, to]) {
        if (typeof end !== 'string' && 'labels' in end && end.isGuarded) workloads.set(end.name, end);
      }
    }
    for (const namespace of new Set([...workloads.values()].map(workload => workload.namespace))) {
      this.denyByDefault(namespace);
    }
    for (const workload of workloads.values()) {
      this.allow(workload);
    }
  }

  private denyByDefault(namespace: string): void {
    const labels = objectLabels('network-policy', namespace, 'network');
    new k8s.KubeNetworkPolicy(this, `${namespace}-deny`, {
      metadata: { name: 'deny-by-default', namespace, labels },
      spec: { podSelector: {}, policyTypes: ['Ingress', 'Egress'] },
    });
    const port = k8s.IntOrString.fromNumber(53);
    new k8s.KubeNetworkPolicy(this, `${namespace}-dns`, {
      metadata: { name: 'dns', namespace, labels },
      spec: {
        podSelector: {},
        policyTypes: ['Egress'],
        egress: [
          {
            to: [peerOf(DNS)],
            ports: [
              { port, protocol: 'UDP' },
              { port, protocol: 'TCP' },
            ],
          },
        ],
      },
    });
  }

  private allow(workload: Workload): void {
    const ingress = this.flows
      .filter(({ to }) => to === workload)
      .map(({ from, ports }) => ({
        ...(from === 'anywhere' ? {} : { from: [peerOf(from)] }),
        ...portsOf(ports),
      }));
    const egress = this.flows
      .filter(({ from }) => from === workload)
      .map(({ to, ports }) => ({
        to: 'labels' in to ? [peerOf(to)] : to.blocks.map(ipBlock => ({ ipBlock })),
        ...portsOf(ports),
      }));
    new k8s.KubeNetworkPolicy(this, workload.name, {
      metadata: {
        name: workload.name.replaceAll(' ', '-'),
        namespace: workload.namespace,
        labels: objectLabels('network-policy', workload.namespace, 'network'),
        ...(workload.isMadeElsewhere === true
          ? { annotations: policyAnnotations(['podsOfAnotherChart']) }
          : {}),
      },
      spec: {
        podSelector: { matchLabels: workload.labels },
        policyTypes: ['Ingress', 'Egress'],
        // An empty list means the same as none, but a server-side apply of it counts as a change every time.
        ...(ingress.length === 0 ? {} : { ingress }),
        ...(egress.length === 0 ? {} : { egress }),
      },
    });
  }
}

function peerOf({ namespace, labels }: Workload): k8s.NetworkPolicyPeer {
  return {
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
    podSelector: { matchLabels: labels },
  };
}

function portsOf(ports: readonly number[]): { ports?: k8s.NetworkPolicyPort[] } {
  return ports.length === 0
    ? {}
    : { ports: ports.map(port => ({ port: k8s.IntOrString.fromNumber(port), protocol: 'TCP' })) };
}

/** The whole list. */
function intendedFlows(props: NetworkPoliciesProps): Flow[] {
  const { kafka, was, store, database, grafana } = props;
  const guarded = (name: string, namespace: string, labels: Record<string, string>): Workload => ({
    name,
    namespace,
    labels,
    isGuarded: true,
  });
  const own = (name: string, instance: { readonly name: string; readonly namespace: string }) =>
    guarded(instance.name, instance.namespace, selectorLabels(name, instance.name));
  const strimzi = (name: string, labels: Record<string, string>) =>
    guarded(`${kafka.name} ${name}`, kafka.namespace, { 'strimzi.io/cluster': kafka.name, ...labels });
  const named = (name: string) => ({ 'strimzi.io/name': `${kafka.name}-${name}` });
  const isKraft = kafka.coordination.kind === 'kraft';

  const servers = own('was', was);
  const brokers = strimzi('brokers', isKraft ? { 'strimzi.io/pool-name': 'broker' } : named('kafka'));
  const coordination = isKraft
    ? strimzi('controllers', { 'strimzi.io/pool-name': 'controller' })
    : strimzi('zookeeper', named('zookeeper'));
  const entityOperator = strimzi('entity operator', named('entity-operator'));
  const exporter = strimzi('exporter', named('kafka-exporter'));
  const clickHouse = own('clickhouse', database);
  const schema = guarded(
    `${database.name} schema`,
    database.namespace,
    selectorLabels('clickhouse-schema', database.name),
  );
  const dashboards = own('grafana', grafana);
  const ofPrometheusChart = (name: string, labels: Record<string, string>): Workload => ({
    ...guarded(name, operators.prometheus.namespace, labels),
    isMadeElsewhere: true,
  });
  const prometheus = ofPrometheusChart('prometheus', {
    'app.kubernetes.io/name': 'prometheus',
    'app.kubernetes.io/component': 'server',
  });
  const stateMetrics = ofPrometheusChart('kube-state-metrics', {
    'app.kubernetes.io/name': 'kube-state-metrics',
  });
  const strimziOperator: Workload = {
    name: 'strimzi operator',
    namespace: operators.strimzi.namespace,
    labels: { 'strimzi.io/kind': 'cluster-operator' },
    isGuarded: operators.strimzi.namespace === kafka.namespace,
  };
  const apiServer: Addresses = {
    name: 'the API server',
    blocks: (props.apiServerBlocks ?? PRIVATE_BLOCKS).map(cidr => ({ cidr })),
  };
  const kubelets: Addresses = { name: 'the kubelets', blocks: PRIVATE_BLOCKS.map(cidr => ({ cidr })) };

  const listener = [Number(kafka.bootstrapServers.split(':').at(-1))];
  const replication = [9091];
  const raft = [9090];
  const api = [443, 6443];
  const flow = (from: Flow['from'], to: Flow['to'], ports: readonly number[], why: string): Flow => ({
    from,
    to,
    ports,
    why,
  });

  const storage = storageOf(store);
  const storeFlow = (from: Workload, why: string) => flow(from, storage.target, storage.ports, why);
  const job = (spark: SparkJob, label: string) => {
    const role = (name: string) =>
      guarded(`${spark.name} ${name}`, spark.namespace, {
        'sparkoperator.k8s.io/app-name': spark.name,
        'spark-role': name,
      });
    const driver = role('driver');
    const executor = role('executor');
    return {
      driver,
      executor,
      flows: [
        flow(executor, driver, [], `${label}: tasks, shuffle and broadcasts`),
        flow(driver, executor, [], `${label}: tasks, shuffle and broadcasts`),
        flow(executor, executor, [], `${label}: shuffle`),
        flow(driver, apiServer, api, `${label}: its executors are pods that it makes`),
        ...(spark.resolvesPackages
          ? [flow(driver, INTERNET, [443], `${label}: packages are resolved when it starts`)]
          : []),
        storeFlow(driver, `${label}: ${label === 'streaming' ? 'data and checkpoints' : 'data'}`),
        storeFlow(executor, `${label}: data`),
      ],
    };
  };
  const streaming = job(props.streaming, 'streaming');
  const gold = job(props.gold, 'gold');

  return [
    flow('anywhere', servers, [was.port], 'people use the shop'),
    flow(servers, brokers, listener, 'every request is written to the topic'),

    flow(brokers, brokers, replication, 'replicas follow their leader'),
    ...(isKraft
      ? [
          flow(brokers, coordination, raft, 'brokers follow the metadata'),
          flow(coordination, coordination, raft, 'controllers agree by majority'),
          flow(strimziOperator, coordination, [...raft, 8443], 'the operator rolls controllers'),
        ]
      : [
          flow(brokers, coordination, [2181], 'brokers keep their metadata'),
          flow(coordination, coordination, [2888, 3888], 'ZooKeeper agrees by majority'),
          flow(strimziOperator, coordination, [2181], 'the operator rolls ZooKeeper'),
        ]),
    flow(brokers, apiServer, api, 'a broker asks in which zone its node is'),
    flow(strimziOperator, brokers, [...replication, 8443], 'the operator rolls brokers'),
    flow(entityOperator, brokers, replication, 'topics and users are reconciled'),
    flow(entityOperator, apiServer, api, 'topics and users are custom resources'),
    flow(exporter, brokers, replication, 'lag is read from offsets'),

    ...streaming.flows,
    flow(streaming.driver, brokers, listener, 'streaming: which offsets there are'),
    flow(streaming.executor, brokers, listener, 'streaming: records'),
    ...gold.flows,
    flow(gold.driver, clickHouse, [8123], 'gold: the ledger'),
    flow(gold.executor, clickHouse, [8123], 'gold: partials'),

    ...storage.setup.map(setup => storeFlow(setup, 'buckets, policies and users are made')),
    flow(schema, clickHouse, [8123], 'the tables of the contract are made'),
    ...(database.readsFrom.length === 0 ? [] : [storeFlow(clickHouse, 'files that a query names are read')]),

    flow(dashboards, clickHouse, [8123], 'dashboards read metrics'),
    flow(dashboards, INTERNET, [443], 'the ClickHouse plugin is fetched when Grafana starts'),

    flow(prometheus, servers, [was.port], 'metrics'),
    ...storage.own.map(minio => flow(prometheus, minio, storage.ports, 'metrics')),
    flow(prometheus, clickHouse, [9363], 'metrics'),
    flow(prometheus, exporter, [9404], 'metrics'),
    flow(prometheus, stateMetrics, [8080], 'metrics'),
    flow(prometheus, apiServer, api, 'targets are discovered'),
    flow(prometheus, kubelets, [10250], 'metrics of containers'),
    flow(stateMetrics, apiServer, api, 'the state of objects'),
  ];
}

/** MinIO's pods and its setup Job, or the addresses of a store outside. */
function storageOf(store: ObjectStore): {
  readonly target: Workload | Addresses;
  readonly ports: readonly number[];
  readonly own: readonly Workload[];
  readonly setup: readonly Workload[];
} {
  if (store instanceof MinioStore) {
    const { name, namespace } = store;
    const minio: Workload = { name, namespace, labels: selectorLabels('minio', name), isGuarded: true };
    const setup: Workload = {
      name: `${name} setup`,
      namespace,
      labels: selectorLabels('minio-setup', name),
      isGuarded: true,
    };
    return { target: minio, ports: [Number(new URL(store.endpoint).port)], own: [minio], setup: [setup] };
  }
  if (store.endpoint === undefined) {
    return { target: INTERNET, ports: [443], own: [], setup: [] };
  }
  const { protocol, port, hostname } = new URL(store.endpoint);
  const target = { name: hostname, blocks: [{ cidr: '0.0.0.0/0' }] };
  return { target, ports: [Number(port) || (protocol === 'https:' ? 443 : 80)], own: [], setup: [] };
}
