import { Size } from 'cdk8s';
import { type ContainerResources, Cpu, type CpuResources, type MemoryResources } from 'cdk8s-plus-28';
import { Construct } from 'constructs';
import { allowed, measured, say } from '../../checker/finding/message';
import { needNamespace } from '../cluster/needed-namespaces';
import { ExternalStorageClass, type StorageClass } from '../cluster/storage-class';
import { API_SERVER_PORTS, apiServer } from '../network/addresses';
import { covers, declareFlows, exposeMetrics, flowsOf, isPods, type Listener } from '../network/flow';
import { STRIMZI_OPERATOR } from '../network/neighbours';
import { podPeer, Workload } from '../network/workload';
import { volumeRefusals } from '../sizing/volume-budget';
import { type StrimziRelease, strimzi } from '../versions';
import { replicaRefusals, resourceRefusals } from '../workload/container';
import { objectLabels } from '../workload/labels';
import type { PriorityClass } from '../workload/priority-classes';
import {
  checkedProps,
  cpuResources,
  having,
  memoryResources,
  number,
  oneOf,
  type PropTypes,
  priorityClass,
  size,
  storageClass,
  text,
} from '../workload/props';
import { type Culprit, type Refusal, refuse } from '../workload/refuse';
import { ClusterTopic, type KafkaClusterTopicProps } from './cluster-topic';
import { heapRefusals, LEAST_HEAP_MIB } from './heap';
import { KafkaCoordination } from './kafka-coordination';
import { KafkaTopic } from './kafka-topic';
import { type ClusterDescription, PLAIN_PORT, type StrimziApi, TLS_PORT } from './strimzi-api';
import { strimziV1 } from './strimzi-v1';
import { strimziV1Beta2 } from './strimzi-v1beta2';

export interface KafkaClusterProps {
  /**
   * Name of the Kafka resource.
   * @default 'streaming-cluster'
   */
  readonly name?: string;
  /** @default 'kafka' */
  readonly namespace?: string;
  /** @default KafkaCoordination.kraft() */
  readonly coordination?: KafkaCoordination;
  /**
   * Version of the operator that is installed.
   * @default the release that runs the coordination (lib/lakehouse/versions.ts)
   */
  readonly strimziVersion?: string;
  /** @default the version tried with that release (lib/lakehouse/versions.ts) */
  readonly kafkaVersion?: string;
  /**
   * Number of brokers.
   * @default 3
   */
  readonly brokers?: number;
  /** Of each broker. @default 200m requested, 500m at most */
  readonly cpu?: CpuResources;
  /** Of each broker. @default 1Gi requested, 2Gi at most */
  readonly memory?: MemoryResources;
  /**
   * Size of each broker's volume.
   * @default Size.gibibytes(10) (docs/sizing.md)
   */
  readonly storage?: Size;
  /** @default the external class 'gp3' */
  readonly storageClass?: StorageClass;
  /**
   * How clients connect: without a login on the cluster's own network, or by TLS with a SCRAM-SHA-512 login each
   * and the rights for what it declares.
   * @default 'plain'
   */
  readonly clientSecurity?: 'plain' | 'scram-tls';
  /**
   * Label of the nodes that says where they are: replicas spread over its values.
   * @default 'topology.kubernetes.io/zone'
   */
  readonly rackTopologyKey?: string;
  /** Of the topic operator, and of the user operator where there are users. @default 50m requested, 500m at most */
  readonly operatorCpu?: CpuResources;
  /** Of the topic operator, and of the user operator where there are users. @default 256Mi requested, 384Mi at most */
  readonly operatorMemory?: MemoryResources;
  /** Of the exporter, which reports consumer lag. @default 20m requested, 200m at most */
  readonly exporterCpu?: CpuResources;
  /** Of the exporter, which reports consumer lag. @default 64Mi requested, 128Mi at most */
  readonly exporterMemory?: MemoryResources;
  /** Of every pod of the cluster. @default none: the pods wait like any other */
  readonly priority?: PriorityClass;
}

const TYPES: PropTypes<KafkaClusterProps> = {
  name: text,
  namespace: text,
  coordination: having('a KafkaCoordination', 'KafkaCoordination.kraft()', 'kind', 'replicas'),
  strimziVersion: text,
  kafkaVersion: text,
  brokers: number,
  cpu: cpuResources,
  memory: memoryResources,
  storage: size,
  storageClass: storageClass,
  clientSecurity: oneOf('plain', 'scram-tls'),
  rackTopologyKey: text,
  operatorCpu: cpuResources,
  operatorMemory: memoryResources,
  exporterCpu: cpuResources,
  exporterMemory: memoryResources,
  priority: priorityClass,
};

/**
 * A Kafka cluster that Strimzi runs: brokers and their coordination on volumes, topics, the entity operator and the
 * exporter.
 *
 * A record is on three brokers and acknowledged by two, so one broker may be lost at any time. Brokers never share a
 * node, and spread over the zones. The volumes are checked against what the topics come to hold (docs/sizing.md).
 *
 * @example
 * const kafka = new KafkaCluster(chart, 'kafka', { brokers: 3, storage: Size.gibibytes(10) });
 * const topic = kafka.addTopic('user-activity-logs', {
 *   partitions: 6,
 *   retention: Duration.days(3),
 *   traffic: new TrafficEstimate(chart, 'traffic'),
 * });
 */
export class KafkaCluster extends Construct {
  public readonly name: string;
  public readonly namespace: string;
  public readonly brokers: number;
  public readonly storage: Size;
  public readonly coordination: KafkaCoordination;
  public readonly clientSecurity: 'plain' | 'scram-tls';
  public readonly strimziVersion: string;
  public readonly kafkaVersion: string;
  /** host:port of the Service that leads to every broker. */
  public readonly bootstrapServers: string;
  /** @internal The generation of Strimzi's API that describes the cluster. */
  public readonly api: StrimziApi;
  /** Where clients reach the brokers. */
  public readonly listeners: readonly Listener[];
  private readonly release: StrimziRelease;
  private readonly topics = new Map<string, ClusterTopic>();
  private readonly brokerPods: Workload;

  constructor(scope: Construct, id: string, given: KafkaClusterProps = {}) {
    super(scope, id);
    const props = checkedProps(this, given, TYPES);
    this.name = props.name ?? 'streaming-cluster';
    this.namespace = props.namespace ?? 'kafka';
    needNamespace(this, this.namespace);
    this.brokers = props.brokers ?? 3;
    this.storage = props.storage ?? Size.gibibytes(10);
    this.coordination = props.coordination ?? KafkaCoordination.kraft();
    this.clientSecurity = props.clientSecurity ?? 'plain';
    this.release = strimzi[this.coordination.kind];
    this.api = this.coordination.kind === 'kraft' ? strimziV1 : strimziV1Beta2;
    this.strimziVersion = props.strimziVersion ?? this.release.version;
    this.kafkaVersion = props.kafkaVersion ?? this.release.kafkaVersion;
    const port = this.clientSecurity === 'plain' ? PLAIN_PORT : TLS_PORT;
    this.bootstrapServers = `${this.name}-kafka-bootstrap.${this.namespace}.svc.cluster.local:${port}`;

    this.brokerPods = this.addWorkloads();
    this.listeners = [{ end: this.brokerPods, ports: [port] }];

    const description: ClusterDescription = {
      name: this.name,
      namespace: this.namespace,
      labels: objectLabels('kafka', this.name, 'messaging'),
      kafkaVersion: this.kafkaVersion,
      clientSecurity: this.clientSecurity,
      brokers: this.brokers,
      storage: this.storage,
      coordination: this.coordination,
      storageClass: (props.storageClass ?? new ExternalStorageClass(this, 'storage-class', 'gp3'))
        .storageClassName,
      rackTopologyKey: props.rackTopologyKey ?? 'topology.kubernetes.io/zone',
      broker: {
        cpu: props.cpu ?? { request: Cpu.millis(200), limit: Cpu.millis(500) },
        memory: props.memory ?? { request: Size.gibibytes(1), limit: Size.gibibytes(2) },
        ephemeralStorage: { request: Size.mebibytes(64), limit: Size.mebibytes(512) },
      },
      operator: {
        cpu: props.operatorCpu ?? { request: Cpu.millis(50), limit: Cpu.millis(500) },
        memory: props.operatorMemory ?? { request: Size.mebibytes(256), limit: Size.mebibytes(384) },
        ephemeralStorage: { request: Size.mebibytes(32), limit: Size.mebibytes(128) },
      },
      exporter: {
        cpu: props.exporterCpu ?? { request: Cpu.millis(20), limit: Cpu.millis(200) },
        memory: props.exporterMemory ?? { request: Size.mebibytes(64), limit: Size.mebibytes(128) },
        ephemeralStorage: { request: Size.mebibytes(16), limit: Size.mebibytes(64) },
      },
      ...(props.priority === undefined ? {} : { priorityClassName: props.priority.priorityClassName }),
      clients: port => this.clientPeers(port),
    };
    this.api.addCluster(this, description);
    refuse(this, () => this.refusals(description));
  }

  /** Creates a topic. */
  public addTopic(topicName: string, props: KafkaClusterTopicProps): KafkaTopic {
    // Kafka makes metrics of the names, with '_' for '.', and refuses two that give the same.
    const same = [...this.topics].find(
      ([name]) => name.replaceAll('.', '_') === topicName.replaceAll('.', '_'),
    );
    if (same !== undefined) {
      const [name, topic] = same;
      refuse(this, () => [
        {
          message: say`kafka cluster ${this.namespace}/${this.name} has topic ${measured(topicName, JSON.stringify)} beside ${JSON.stringify(name)} but Kafka takes one of a name, in which '.' and '_' are the same`,
          remedy: say`rename one, or share it`,
        },
      ]);
      return topic;
    }
    const topic = new ClusterTopic(this, topicName, props);
    this.topics.set(topicName, topic);
    return topic;
  }

  /** A topic that was added; a name that was not is refused when the chart is validated. */
  public topic(topicName: string): KafkaTopic {
    const known = this.topics.get(topicName);
    if (known !== undefined) {
      return known;
    }
    refuse(this, () => [
      {
        message: say`kafka cluster ${this.namespace}/${this.name} has no topic ${measured(topicName, JSON.stringify)}, only ${allowed([...this.topics.keys()].join(', ') || 'none')}`,
        remedy: say`add it with addTopic(), or use one of these`,
      },
    ]);
    const stand = this.node.tryFindChild(`unknown-${topicName}`);
    return stand instanceof KafkaTopic
      ? stand
      : KafkaTopic.external(this, `unknown-${topicName}`, {
          topicName,
          bootstrapServers: this.bootstrapServers,
          partitions: 1,
        });
  }

  /** The pods of the cluster and who they talk with, clients aside. Returns the brokers. */
  private addWorkloads(): Workload {
    const isKraft = this.coordination.kind === 'kraft';
    const pods = (name: string, labels: Record<string, string>) =>
      new Workload(this, `pods of ${name}`, {
        name: `${this.name} ${name}`,
        namespace: this.namespace,
        labels: { 'strimzi.io/cluster': this.name, ...labels },
      });
    const named = (name: string) => ({ 'strimzi.io/name': `${this.name}-${name}` });
    const brokers = pods('brokers', isKraft ? { 'strimzi.io/pool-name': 'broker' } : named('kafka'));
    const coordination = isKraft
      ? pods('controllers', { 'strimzi.io/pool-name': 'controller' })
      : pods('zookeeper', named('zookeeper'));
    const entityOperator = pods('entity operator', named('entity-operator'));
    const exporter = pods('exporter', named('kafka-exporter'));
    const replication = [9091];
    const raft = [9090];

    brokers.acceptFrom(brokers, replication, 'replicas follow their leader');
    if (isKraft) {
      coordination.acceptFrom(brokers, raft, 'brokers follow the metadata');
      coordination.acceptFrom(coordination, raft, 'controllers agree by majority');
      coordination.acceptFrom(STRIMZI_OPERATOR, [...raft, 8443], 'the operator rolls controllers');
    } else {
      coordination.acceptFrom(brokers, [2181], 'brokers keep their metadata');
      coordination.acceptFrom(coordination, [2888, 3888], 'ZooKeeper agrees by majority');
      coordination.acceptFrom(STRIMZI_OPERATOR, [2181], 'the operator rolls ZooKeeper');
    }
    const api = { listeners: [{ end: apiServer(this), ports: API_SERVER_PORTS }] };
    brokers.connectTo(api, 'a broker asks in which zone its node is');
    brokers.acceptFrom(STRIMZI_OPERATOR, [...replication, 8443], 'the operator rolls brokers');
    brokers.acceptFrom(entityOperator, replication, 'topics and users are reconciled');
    entityOperator.connectTo(api, 'topics and users are custom resources');
    brokers.acceptFrom(exporter, replication, 'lag is read from offsets');
    exposeMetrics(this, { end: exporter, ports: [9404] });
    if (this.namespace === STRIMZI_OPERATOR.namespace) {
      // Elsewhere its namespace is not the app's, and nothing holds it back.
      declareFlows(this, () => [
        {
          from: STRIMZI_OPERATOR,
          to: apiServer(this),
          ports: API_SERVER_PORTS,
          why: 'the operator reads and makes objects',
        },
      ]);
    }
    return brokers;
  }

  /** Those that connect to a port of the brokers, as a policy names them; the brokers themselves where nobody does. */
  private clientPeers(port: number): object[] {
    const clients = flowsOf(this.node.root).flatMap(({ from, to, ports }) =>
      isPods(from) && covers(to, this.brokerPods) && (ports.length === 0 || ports.includes(port))
        ? [podPeer(from)]
        : [],
    );
    const peers = clients.length === 0 ? [podPeer(this.brokerPods)] : clients;
    return [...new Map(peers.map(peer => [JSON.stringify(peer), peer])).values()];
  }

  private refusals({ broker, operator, exporter }: ClusterDescription): Refusal[] {
    const object = `kafka cluster ${this.namespace}/${this.name}`;
    const { coordination } = this;
    const isKraft = coordination.kind === 'kraft';
    const nodes = isKraft ? 'controller' : 'ZooKeeper node';
    const resources = (
      what: string,
      writes: Culprit['writes'],
      figures: ContainerResources,
      leastHeapMiB = 0,
    ) => {
      const culprit: Culprit = { what, ...(writes === undefined ? {} : { writes }) };
      const wrong = resourceRefusals(culprit, figures, 'kafka-without-limits');
      return wrong.length > 0 ? wrong : heapRefusals(culprit, figures, leastHeapMiB);
    };
    const { name, namespace } = this;
    const written = (...path: string[]) => ({
      object: { kind: 'Kafka', namespace, name },
      path: ['spec', ...path],
    });
    const pool = (of: string, otherwise: string) =>
      isKraft
        ? { object: { kind: 'KafkaNodePool', namespace, name: of }, path: ['spec'] }
        : written(otherwise);
    return [
      ...replicaRefusals({ what: `brokers of ${object}` }, this.brokers),
      ...replicaRefusals({ what: `${nodes}s of ${object}` }, coordination.replicas),
      ...(coordination.replicas % 2 === 1
        ? []
        : [
            {
              message: say`${object} has ${measured(coordination.replicas)} ${nodes}s but a majority needs an odd number`,
              remedy: say`set coordination.replicas to 1, 3 or 5`,
            },
          ]),
      ...this.versionRefusals(object),
      ...resources(`each broker of ${object}`, pool('broker', 'kafka'), broker, LEAST_HEAP_MIB.broker),
      ...resources(
        `each ${nodes} of ${object}`,
        pool('controller', 'zookeeper'),
        coordination.resources,
        isKraft ? LEAST_HEAP_MIB.controller : 0,
      ),
      ...resources(`entity operator of ${object}`, written('entityOperator'), operator),
      ...resources(`exporter of ${object}`, written('kafkaExporter'), exporter),
      ...volumeRefusals({ what: `each ${nodes} of ${object}` }, coordination.storage, [], ''),
      ...volumeRefusals(
        { what: `each broker of ${object}` },
        this.storage,
        [...this.topics.values()].map(topic => ({
          what: `topic ${topic.topicName} over ${topic.retention.toHumanString()}`,
          bytes: topic.bytesOnFullestBroker,
        })),
        'shorten the retention of a topic, or add brokers',
      ),
    ];
  }

  private versionRefusals(object: string): Refusal[] {
    const { release, namespace, name } = this;
    const writes = (...path: string[]) => ({ object: { kind: 'Kafka', namespace, name }, path });
    if (this.strimziVersion !== release.version) {
      const other = Object.values(strimzi).find(({ version }) => version === this.strimziVersion);
      const says =
        other === undefined
          ? `the known releases are ${Object.values(strimzi)
              .map(({ version, coordination }) => `${version} (${coordination})`)
              .join(' and ')}`
          : `that release coordinates by ${other.coordination}`;
      return [
        {
          rule: 'version-conflict',
          writes: writes('apiVersion'),
          message: say`${object} coordinates by ${release.coordination} with Strimzi ${measured(this.strimziVersion)} but ${says}`,
          remedy: say`set strimziVersion to ${release.version}, or choose another coordination`,
        },
      ];
    }
    const supported: readonly string[] = release.kafkaVersions;
    return supported.includes(this.kafkaVersion)
      ? []
      : [
          {
            rule: 'version-conflict',
            // The version of the metadata follows from it.
            writes: writes('spec', 'kafka'),
            message: say`${object} has Kafka ${measured(this.kafkaVersion)} but Strimzi ${release.version} runs ${allowed(supported.join(', '))}`,
            remedy: say`set kafkaVersion to one of these`,
          },
        ];
  }
}
