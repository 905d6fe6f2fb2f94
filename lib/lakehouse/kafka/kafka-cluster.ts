import { Duration, JsonPatch, Size } from 'cdk8s';
import { type ContainerResources, Cpu, type CpuResources, type MemoryResources } from 'cdk8s-plus-28';
import { Construct } from 'constructs';
import * as strimziV1 from '../../../imports/kafka.strimzi.io';
import * as strimziV1Beta2 from '../../../imports/zk-kafka.strimzi.io';
import { restrictedContainer } from '../cluster/pod-security';
import { type PolicyExceptionName, policyAnnotations } from '../cluster/policy-exceptions';
import type { PriorityClass } from '../cluster/priority-classes';
import { ExternalStorageClass, type StorageClass } from '../cluster/storage-class';
import type { TrafficEstimate } from '../sizing/traffic';
import { volumeProblems } from '../sizing/volume-budget';
import { type StrimziRelease, strimzi } from '../versions';
import {
  bytesOf,
  replicaProblems,
  resourceProblems,
  resourceRequirements,
  sizeQuantity,
} from '../workload/container';
import { ExternalSecret } from '../workload/external';
import { objectLabels } from '../workload/labels';
import {
  type KafkaClientProps,
  type KafkaConnection,
  type KafkaLogin,
  KafkaTopic,
  type KafkaTopicProps,
} from './kafka-topic';

const PLAIN_PORT = 9092;
const TLS_PORT = 9093;
/** Of a container's memory request: what is beside the heap is the JVM's own and the page cache. */
const HEAP_SHARE = 0.5;
/**
 * With less a node of Kafka 3.9.1 ends in an OutOfMemoryError at start, measured in steps of 16 and 8 MiB: a broker's log
 * cleaner takes 128 MiB at once (log.cleaner.dedupe.buffer.size).
 */
const LEAST_HEAP_MIB = { broker: 160, controller: 24 };
/** The brokers look for segments to delete every five minutes, and delete them a minute later (their defaults). */
const DELETION_DELAY = Duration.minutes(6);

/** The size of the nodes that keep the cluster's metadata. */
export interface KafkaCoordinationProps {
  /**
   * Number of nodes; odd, because a majority decides.
   * @default 3
   */
  readonly replicas?: number;
  /** @default 100m requested, 300m at most */
  readonly cpu?: CpuResources;
  /** @default 512Mi requested, 1Gi at most */
  readonly memory?: MemoryResources;
  /**
   * Size of each node's volume.
   * @default Size.gibibytes(2)
   */
  readonly storage?: Size;
}

/** What keeps the cluster's metadata. */
export class KafkaCoordination {
  /** A pool of KRaft controllers (Strimzi 1.x). */
  public static kraft(props: KafkaCoordinationProps = {}): KafkaCoordination {
    return new KafkaCoordination('kraft', props);
  }

  /** ZooKeeper, for clusters that stay on Strimzi 0.45. */
  public static zookeeper(props: KafkaCoordinationProps = {}): KafkaCoordination {
    return new KafkaCoordination('zookeeper', props);
  }

  public readonly replicas: number;
  public readonly storage: Size;
  public readonly resources: ContainerResources;

  private constructor(
    public readonly kind: 'kraft' | 'zookeeper',
    props: KafkaCoordinationProps,
  ) {
    this.replicas = props.replicas ?? 3;
    this.storage = props.storage ?? Size.gibibytes(2);
    this.resources = {
      cpu: props.cpu ?? { request: Cpu.millis(100), limit: Cpu.millis(300) },
      memory: props.memory ?? { request: Size.mebibytes(512), limit: Size.gibibytes(1) },
      ephemeralStorage: { request: Size.mebibytes(64), limit: Size.mebibytes(256) },
    };
  }
}

export interface KafkaClusterTopicProps extends KafkaTopicProps {
  /** What flows into the topic: the brokers' volumes are sized for it. */
  readonly traffic: TrafficEstimate;
  /**
   * Brokers that hold each record.
   * @default 3
   */
  readonly replication?: number;
  /**
   * Brokers that must hold a record before it is acknowledged (acks=all).
   * @default 2
   */
  readonly minInsyncReplicas?: number;
  /**
   * Time after which a partition begins a new segment; a record outlives its retention by up to that time.
   * @default a 24th of the retention, at least Duration.minutes(10)
   */
  readonly segment?: Duration;
}

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
  private readonly release: StrimziRelease;
  private readonly topics = new Map<string, ClusterTopic>();
  private readonly clientNamespaces = new Set<string>();
  private readonly kafka: strimziV1.Kafka | strimziV1Beta2.Kafka;

  constructor(scope: Construct, id: string, props: KafkaClusterProps = {}) {
    super(scope, id);
    this.name = props.name ?? 'streaming-cluster';
    this.namespace = props.namespace ?? 'kafka';
    this.brokers = props.brokers ?? 3;
    this.storage = props.storage ?? Size.gibibytes(10);
    this.coordination = props.coordination ?? KafkaCoordination.kraft();
    this.clientSecurity = props.clientSecurity ?? 'plain';
    this.release = strimzi[this.coordination.kind];
    this.strimziVersion = props.strimziVersion ?? this.release.version;
    this.kafkaVersion = props.kafkaVersion ?? this.release.kafkaVersion;
    const port = this.clientSecurity === 'plain' ? PLAIN_PORT : TLS_PORT;
    this.bootstrapServers = `${this.name}-kafka-bootstrap.${this.namespace}.svc.cluster.local:${port}`;

    const figures: ClusterFigures = {
      storageClass: (props.storageClass ?? new ExternalStorageClass(this, 'storage-class', 'gp3'))
        .storageClassName,
      rackTopologyKey: props.rackTopologyKey ?? 'topology.kubernetes.io/zone',
      brokers: {
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
    };
    this.kafka = this.coordination.kind === 'kraft' ? this.addKraft(figures) : this.addZooKeeper(figures);
    this.node.addValidation({ validate: () => this.problems(figures) });
  }

  /** Creates a topic. */
  public addTopic(topicName: string, props: KafkaClusterTopicProps): KafkaTopic {
    // Kafka makes metrics of the names, with '_' for '.', and refuses two that give the same.
    const same = [...this.topics].find(
      ([name]) => name.replaceAll('.', '_') === topicName.replaceAll('.', '_'),
    );
    if (same !== undefined) {
      const [name, topic] = same;
      this.node.addValidation({
        validate: () => [
          `kafka cluster ${this.namespace}/${this.name} has topic ${JSON.stringify(topicName)} beside ${JSON.stringify(name)} but Kafka takes one of a name, in which '.' and '_' are the same; rename one, or share it`,
        ],
      });
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
    this.node.addValidation({
      validate: () => [
        `kafka cluster ${this.namespace}/${this.name} has no topic ${JSON.stringify(topicName)}, only ${[...this.topics.keys()].join(', ') || 'none'}; add it with addTopic(), or use one of these`,
      ],
    });
    const stand = this.node.tryFindChild(`unknown-${topicName}`);
    return stand instanceof KafkaTopic
      ? stand
      : KafkaTopic.external(this, `unknown-${topicName}`, {
          topicName,
          bootstrapServers: this.bootstrapServers,
          partitions: 1,
        });
  }

  /** Lets the pods of a namespace through to the listener: Strimzi guards its ports by policies of its own. */
  public addClientNamespace(namespace: string): void {
    if (this.clientNamespaces.has(namespace)) {
      return;
    }
    const peer = { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } } };
    const path = '/spec/kafka/listeners/0/networkPolicyPeers';
    this.kafka.addJsonPatch(
      this.clientNamespaces.size === 0 ? JsonPatch.add(path, [peer]) : JsonPatch.add(`${path}/-`, peer),
    );
    this.clientNamespaces.add(namespace);
  }

  private get metadata() {
    return {
      name: this.name,
      namespace: this.namespace,
      labels: objectLabels('kafka', this.name, 'messaging'),
    };
  }

  private addKraft(figures: ClusterFigures): strimziV1.Kafka {
    const release = strimzi.kraft;
    const pool = (name: 'broker' | 'controller') => ({
      name,
      namespace: this.namespace,
      labels: { ...objectLabels('kafka', this.name, 'messaging'), 'strimzi.io/cluster': this.name },
    });
    new strimziV1.KafkaNodePool(this, 'controllers', {
      metadata: pool('controller'),
      spec: {
        replicas: this.coordination.replicas,
        roles: [strimziV1.KafkaNodePoolSpecRoles.CONTROLLER],
        storage: {
          type: strimziV1.KafkaNodePoolSpecStorageType.JBOD,
          volumes: [
            {
              id: 0,
              type: strimziV1.KafkaNodePoolSpecStorageVolumesType.PERSISTENT_HYPHEN_CLAIM,
              size: sizeQuantity(this.coordination.storage),
              class: figures.storageClass,
              deleteClaim: false,
              kraftMetadata: strimziV1.KafkaNodePoolSpecStorageVolumesKraftMetadata.SHARED,
            },
          ],
        },
        resources: resourceRequirements(this.coordination.resources),
        jvmOptions: heap(this.coordination.resources),
        template: { pod: this.podTemplate('controller', figures), kafkaContainer: securedContainer },
      },
    });
    new strimziV1.KafkaNodePool(this, 'brokers', {
      metadata: pool('broker'),
      spec: {
        replicas: this.brokers,
        roles: [strimziV1.KafkaNodePoolSpecRoles.BROKER],
        storage: {
          type: strimziV1.KafkaNodePoolSpecStorageType.JBOD,
          volumes: [
            {
              id: 0,
              type: strimziV1.KafkaNodePoolSpecStorageVolumesType.PERSISTENT_HYPHEN_CLAIM,
              size: sizeQuantity(this.storage),
              class: figures.storageClass,
              deleteClaim: false,
              kraftMetadata: strimziV1.KafkaNodePoolSpecStorageVolumesKraftMetadata.SHARED,
            },
          ],
        },
        resources: resourceRequirements(figures.brokers),
        jvmOptions: heap(figures.brokers),
        template: {
          pod: this.podTemplate('broker', figures),
          kafkaContainer: securedContainer,
          initContainer: securedContainer,
        },
      },
    });
    const isSecured = this.clientSecurity === 'scram-tls';
    const { INTERNAL } = strimziV1.KafkaSpecKafkaListenersType;
    const tls = { name: 'tls', port: TLS_PORT, type: INTERNAL, tls: true };
    return new strimziV1.Kafka(this, 'kafka', {
      metadata: this.metadata,
      spec: {
        kafka: {
          version: this.kafkaVersion,
          metadataVersion: release.metadataVersion,
          listeners: isSecured
            ? [
                {
                  ...tls,
                  authentication: {
                    type: strimziV1.KafkaSpecKafkaListenersAuthenticationType.SCRAM_HYPHEN_SHA_HYPHEN_512,
                  },
                },
              ]
            : [{ name: 'plain', port: PLAIN_PORT, type: INTERNAL, tls: false }, tls],
          ...(isSecured ? { authorization: { type: strimziV1.KafkaSpecKafkaAuthorizationType.SIMPLE } } : {}),
          rack: { topologyKey: figures.rackTopologyKey },
          config: this.brokerConfig(),
          template: { podDisruptionBudget: { maxUnavailable: 1 } },
        },
        ...this.companions(figures),
      },
    });
  }

  private addZooKeeper(figures: ClusterFigures): strimziV1Beta2.Kafka {
    const isSecured = this.clientSecurity === 'scram-tls';
    const { INTERNAL } = strimziV1Beta2.KafkaSpecKafkaListenersType;
    const tls = { name: 'tls', port: TLS_PORT, type: INTERNAL, tls: true };
    return new strimziV1Beta2.Kafka(this, 'kafka', {
      metadata: this.metadata,
      spec: {
        kafka: {
          version: this.kafkaVersion,
          replicas: this.brokers,
          listeners: isSecured
            ? [
                {
                  ...tls,
                  authentication: {
                    type: strimziV1Beta2.KafkaSpecKafkaListenersAuthenticationType
                      .SCRAM_HYPHEN_SHA_HYPHEN_512,
                  },
                },
              ]
            : [{ name: 'plain', port: PLAIN_PORT, type: INTERNAL, tls: false }, tls],
          ...(isSecured
            ? { authorization: { type: strimziV1Beta2.KafkaSpecKafkaAuthorizationType.SIMPLE } }
            : {}),
          rack: { topologyKey: figures.rackTopologyKey },
          config: {
            ...this.brokerConfig(),
            'inter.broker.protocol.version': this.kafkaVersion.split('.').slice(0, 2).join('.'),
          },
          storage: {
            type: strimziV1Beta2.KafkaSpecKafkaStorageType.JBOD,
            volumes: [
              {
                id: 0,
                type: strimziV1Beta2.KafkaSpecKafkaStorageVolumesType.PERSISTENT_HYPHEN_CLAIM,
                size: sizeQuantity(this.storage),
                class: figures.storageClass,
                deleteClaim: false,
              },
            ],
          },
          resources: resourceRequirements(figures.brokers),
          jvmOptions: heap(figures.brokers),
          template: {
            pod: this.podTemplate('kafka', figures),
            kafkaContainer: securedContainer,
            initContainer: securedContainer,
            podDisruptionBudget: { maxUnavailable: 1 },
          },
        },
        zookeeper: {
          replicas: this.coordination.replicas,
          storage: {
            type: strimziV1Beta2.KafkaSpecZookeeperStorageType.PERSISTENT_HYPHEN_CLAIM,
            size: sizeQuantity(this.coordination.storage),
            class: figures.storageClass,
            deleteClaim: false,
          },
          resources: resourceRequirements(this.coordination.resources),
          jvmOptions: heap(this.coordination.resources),
          template: {
            pod: this.podTemplate('zookeeper', figures),
            zookeeperContainer: securedContainer,
            podDisruptionBudget: { maxUnavailable: 1 },
          },
        },
        ...this.companions(figures),
      },
    });
  }

  /** The entity operator, which reconciles topics and users, and the exporter. */
  private companions(figures: ClusterFigures) {
    const pod = {
      metadata: { annotations: policyAnnotations(strimziExceptions) },
      ...(figures.priorityClassName === undefined ? {} : { priorityClassName: figures.priorityClassName }),
      securityContext: securedPod,
      enableServiceLinks: false,
    };
    const operator = {
      resources: resourceRequirements(figures.operator),
      jvmOptions: heap(figures.operator),
    };
    return {
      entityOperator: {
        topicOperator: operator,
        ...(this.clientSecurity === 'plain' ? {} : { userOperator: operator }),
        template: {
          pod,
          topicOperatorContainer: securedContainer,
          ...(this.clientSecurity === 'plain' ? {} : { userOperatorContainer: securedContainer }),
        },
      },
      kafkaExporter: {
        topicRegex: '.*',
        groupRegex: '.*',
        resources: resourceRequirements(figures.exporter),
        template: {
          pod,
          container: securedContainer,
        },
      },
    };
  }

  private brokerConfig(): Record<string, string | number | boolean> {
    const replication = Math.min(3, this.brokers);
    const insync = Math.max(1, replication - 1);
    return {
      'auto.create.topics.enable': false,
      'default.replication.factor': replication,
      'min.insync.replicas': insync,
      'offsets.topic.replication.factor': replication,
      'transaction.state.log.replication.factor': replication,
      'transaction.state.log.min.isr': insync,
      'unclean.leader.election.enable': false,
    };
  }

  /** Pods of one kind never share a node, and prefer zones that have fewer of them. */
  private podTemplate(kind: 'broker' | 'controller' | 'kafka' | 'zookeeper', figures: ClusterFigures) {
    const suffix =
      kind === 'broker' || kind === 'controller'
        ? { 'strimzi.io/pool-name': kind }
        : { 'strimzi.io/name': `${this.name}-${kind}` };
    const labelSelector = { matchLabels: { 'strimzi.io/cluster': this.name, ...suffix } };
    return {
      metadata: { annotations: policyAnnotations(strimziExceptions) },
      ...(figures.priorityClassName === undefined ? {} : { priorityClassName: figures.priorityClassName }),
      securityContext: securedPod,
      enableServiceLinks: false,
      // A broker that is asked to stop hands over its partitions first.
      terminationGracePeriodSeconds: 120,
      affinity: {
        podAntiAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: [
            { labelSelector, topologyKey: 'kubernetes.io/hostname' },
          ],
        },
      },
      topologySpreadConstraints: [
        {
          maxSkew: 1,
          topologyKey: figures.rackTopologyKey,
          whenUnsatisfiable: 'ScheduleAnyway',
          labelSelector,
        },
      ],
    };
  }

  private problems(figures: ClusterFigures): string[] {
    const object = `kafka cluster ${this.namespace}/${this.name}`;
    const { coordination } = this;
    const isKraft = coordination.kind === 'kraft';
    const nodes = isKraft ? 'controller' : 'ZooKeeper node';
    const resources = (
      pool: string | undefined,
      what: string,
      figures: ContainerResources,
      leastHeapMiB = 0,
    ) => {
      const written =
        isKraft && pool !== undefined
          ? `KafkaNodePool/${this.namespace}/${pool}`
          : `Kafka/${this.namespace}/${this.name}`;
      const wrong = resourceProblems(`[${written}] ${what}`, figures, 'kafka-without-limits');
      return wrong.length > 0 ? wrong : heapProblems(`[${written}] ${what}`, figures, leastHeapMiB);
    };
    return [
      ...replicaProblems(`brokers of ${object}`, this.brokers),
      ...replicaProblems(`${nodes}s of ${object}`, coordination.replicas),
      ...(coordination.replicas % 2 === 1
        ? []
        : [
            `${object} has ${coordination.replicas} ${nodes}s but a majority needs an odd number; set coordination.replicas to 1, 3 or 5`,
          ]),
      ...this.versionProblems(object),
      ...resources('broker', `each broker of ${object}`, figures.brokers, LEAST_HEAP_MIB.broker),
      ...resources(
        'controller',
        `each ${nodes} of ${object}`,
        coordination.resources,
        isKraft ? LEAST_HEAP_MIB.controller : 0,
      ),
      ...resources(undefined, `entity operator of ${object}`, figures.operator),
      ...resources(undefined, `exporter of ${object}`, figures.exporter),
      ...volumeProblems(`each ${nodes} of ${object}`, coordination.storage, [], ''),
      ...volumeProblems(
        `each broker of ${object}`,
        this.storage,
        [...this.topics.values()].map(topic => ({
          what: `topic ${topic.topicName} over ${topic.retention.toHumanString()}`,
          bytes: topic.bytesOnFullestBroker,
        })),
        'shorten the retention of a topic, or add brokers',
      ),
    ];
  }

  private versionProblems(object: string): string[] {
    const { release } = this;
    if (this.strimziVersion !== release.version) {
      const other = Object.values(strimzi).find(({ version }) => version === this.strimziVersion);
      const says =
        other === undefined
          ? `the known releases are ${Object.values(strimzi)
              .map(({ version, coordination }) => `${version} (${coordination})`)
              .join(' and ')}`
          : `that release coordinates by ${other.coordination}`;
      return [
        `[Kafka/${this.namespace}/${this.name}] ${object} coordinates by ${release.coordination} with Strimzi ${this.strimziVersion} but ${says}; set strimziVersion to ${release.version}, or choose another coordination (rule version-conflict)`,
      ];
    }
    const supported: readonly string[] = release.kafkaVersions;
    return supported.includes(this.kafkaVersion)
      ? []
      : [
          `[Kafka/${this.namespace}/${this.name}] ${object} has Kafka ${this.kafkaVersion} but Strimzi ${release.version} runs ${supported.join(', ')}; set kafkaVersion to one of these (rule version-conflict)`,
        ];
  }
}

interface ClusterFigures {
  readonly storageClass: string;
  readonly rackTopologyKey: string;
  readonly brokers: ContainerResources;
  readonly operator: ContainerResources;
  readonly exporter: ContainerResources;
  readonly priorityClassName?: string;
}

/** The user of Strimzi's images; its group is the image's own. */
const securedPod = {
  runAsNonRoot: true,
  runAsUser: 1001,
  fsGroup: 1001,
  seccompProfile: { type: 'RuntimeDefault' },
};

/** Of every pod of Strimzi's: it chooses the images by its release. */
const strimziExceptions: readonly PolicyExceptionName[] = [
  'pinnedImage',
  'imageWithoutDigest',
  'strimziUser',
  'strimziProbes',
  'strimziToken',
];

const securedContainer = {
  securityContext: {
    ...restrictedContainer,
    capabilities: { drop: [...restrictedContainer.capabilities.drop] },
  },
};

function heapMiB({ memory }: ContainerResources): number {
  return Math.floor((bytesOf(memory?.request ?? Size.mebibytes(512)) * HEAP_SHARE) / 2 ** 20);
}

function heap(resources: ContainerResources) {
  const size = `${heapMiB(resources)}m`;
  return { xms: size, xmx: size };
}

function heapProblems(object: string, resources: ContainerResources, leastMiB: number): string[] {
  const mebibytes = heapMiB(resources);
  return mebibytes >= leastMiB
    ? []
    : [
        `${object} has a heap of ${mebibytes}Mi, half of its memory request, but does not start with less than ${leastMiB}Mi; set memory.request to at least ${leastMiB / HEAP_SHARE}Mi`,
      ];
}

class ClusterTopic extends KafkaTopic {
  public readonly bootstrapServers: string;
  private readonly traffic: TrafficEstimate;
  private readonly replication: number;
  private readonly minInsyncReplicas: number;
  private readonly segment: Duration;
  private readonly logins = new Map<string, KafkaLogin>();

  constructor(
    private readonly cluster: KafkaCluster,
    topicName: string,
    props: KafkaClusterTopicProps,
  ) {
    super(cluster, `topic-${topicName}`, topicName, props);
    this.bootstrapServers = cluster.bootstrapServers;
    this.traffic = props.traffic;
    this.replication = props.replication ?? 3;
    this.minInsyncReplicas = props.minInsyncReplicas ?? 2;
    this.segment = props.segment ?? defaultSegment(this.retention);

    const isKraft = cluster.coordination.kind === 'kraft';
    const resourceName = topicName.toLowerCase().replaceAll(/[^a-z0-9.-]/g, '-');
    new (isKraft ? strimziV1 : strimziV1Beta2).KafkaTopic(this, 'topic', {
      metadata: this.metadata(resourceName),
      spec: {
        ...(resourceName === topicName ? {} : { topicName }),
        partitions: this.partitions,
        replicas: this.replication,
        config: {
          'cleanup.policy': 'delete',
          'retention.ms': this.retention.toMilliseconds(),
          'segment.ms': this.segment.toMilliseconds(),
          'min.insync.replicas': this.minInsyncReplicas,
        },
      },
    });
    this.node.addValidation({ validate: () => this.replicationProblems() });
  }

  public connect(client: string, props: KafkaClientProps): KafkaConnection {
    const { bootstrapServers } = this;
    this.cluster.addClientNamespace(props.namespace);
    if (this.cluster.clientSecurity === 'plain') {
      return { bootstrapServers, securityProtocol: 'PLAINTEXT' };
    }
    const known = this.logins.get(client);
    if (known !== undefined) {
      this.node.addValidation({
        validate: () => [
          `topic ${this.topicName} has two clients named ${client} but each has a user of its own; rename one`,
        ],
      });
    }
    const login = known ?? this.addUser(client, props);
    this.logins.set(client, login);
    return { bootstrapServers, securityProtocol: 'SASL_SSL', login };
  }

  /** Bytes of the broker that holds most of the topic's partitions, just before it deletes. */
  public get bytesOnFullestBroker(): number {
    const partitions = Math.ceil((this.partitions * this.replication) / this.cluster.brokers);
    const kept = Duration.millis(
      this.retention.toMilliseconds() + this.segment.toMilliseconds() + DELETION_DELAY.toMilliseconds(),
    );
    return (this.traffic.eventsIn(kept) * this.traffic.kafkaBytesPerEvent * partitions) / this.partitions;
  }

  private metadata(name: string) {
    return {
      name,
      namespace: this.cluster.namespace,
      labels: {
        ...objectLabels('kafka', this.cluster.name, 'messaging'),
        'strimzi.io/cluster': this.cluster.name,
      },
    };
  }

  /** A user with a SCRAM-SHA-512 password from a Secret, and the rights for what it does. */
  private addUser(client: string, { namespace, operation }: KafkaClientProps): KafkaLogin {
    const { cluster } = this;
    const credential = `kafka/${client}`;
    const passwords = new ExternalSecret(this, `${client}-password`, {
      secretName: `${cluster.name}-user-passwords`,
      namespace: cluster.namespace,
      keys: { [client]: { credential } },
    });
    const login = new ExternalSecret(this, `${client}-login`, {
      secretName: `${client}-kafka-login`,
      namespace,
      keys: {
        password: { credential },
        'jaas.conf': {
          credential,
          template: `KafkaClient { org.apache.kafka.common.security.scram.ScramLoginModule required username="${client}" password="{value}"; };`,
        },
      },
    });
    const authority = `${cluster.name}-cluster-ca-cert`;
    const authorityCopy = new ExternalSecret(this, `${client}-certificate-authority`, {
      secretName: authority,
      namespace,
      keys: { 'ca.crt': { copyOf: { namespace: cluster.namespace, secretName: authority, key: 'ca.crt' } } },
    });
    const password = {
      valueFrom: { secretKeyRef: { name: passwords.secretName, key: passwords.key(client).key } },
    };
    if (cluster.coordination.kind === 'kraft') {
      new strimziV1.KafkaUser(this, `${client}-user`, {
        metadata: this.metadata(client),
        spec: {
          authentication: {
            type: strimziV1.KafkaUserSpecAuthenticationType.SCRAM_HYPHEN_SHA_HYPHEN_512,
            password,
          },
          authorization: {
            type: strimziV1.KafkaUserSpecAuthorizationType.SIMPLE,
            acls: this.rights(strimziV1, operation),
          },
        },
      });
    } else {
      new strimziV1Beta2.KafkaUser(this, `${client}-user`, {
        metadata: this.metadata(client),
        spec: {
          authentication: {
            type: strimziV1Beta2.KafkaUserSpecAuthenticationType.SCRAM_HYPHEN_SHA_HYPHEN_512,
            password,
          },
          authorization: {
            type: strimziV1Beta2.KafkaUserSpecAuthorizationType.SIMPLE,
            acls: this.rights(strimziV1Beta2, operation),
          },
        },
      });
    }
    return {
      username: client,
      password: login.key('password'),
      jaasConfig: login.key('jaas.conf'),
      certificateAuthority: authorityCopy.key('ca.crt'),
    };
  }

  /** Spark makes up the names of its consumer groups, so a consumer may read with any. */
  private rights(
    api: typeof strimziV1,
    operation: 'produce' | 'consume',
  ): strimziV1.KafkaUserSpecAuthorizationAcls[];
  private rights(
    api: typeof strimziV1Beta2,
    operation: 'produce' | 'consume',
  ): strimziV1Beta2.KafkaUserSpecAuthorizationAcls[];
  private rights(api: typeof strimziV1 | typeof strimziV1Beta2, operation: 'produce' | 'consume'): unknown[] {
    const { READ, WRITE, DESCRIBE } = api.KafkaUserSpecAuthorizationAclsOperations;
    const { TOPIC, GROUP } = api.KafkaUserSpecAuthorizationAclsResourceType;
    const { LITERAL, PREFIX } = api.KafkaUserSpecAuthorizationAclsResourcePatternType;
    const topic = { type: TOPIC, name: this.topicName, patternType: LITERAL };
    return operation === 'produce'
      ? [{ resource: topic, operations: [WRITE, DESCRIBE] }]
      : [
          { resource: topic, operations: [READ, DESCRIBE] },
          { resource: { type: GROUP, name: 'spark-kafka-source-', patternType: PREFIX }, operations: [READ] },
        ];
  }

  private replicationProblems(): string[] {
    const { brokers } = this.cluster;
    const topic = `topic ${this.topicName}`;
    const mostInsync = Math.max(1, this.replication - 1);
    return [
      // Without brokers, their number is what is wrong.
      ...(brokers < 1 ||
      (Number.isInteger(this.replication) && this.replication >= 1 && this.replication <= brokers)
        ? []
        : [
            `${topic} has replication ${this.replication} but its cluster has ${brokers} brokers; set replication to a whole number from 1 to ${brokers}`,
          ]),
      ...(Number.isInteger(this.minInsyncReplicas) &&
      this.minInsyncReplicas >= 1 &&
      this.minInsyncReplicas <= mostInsync
        ? []
        : [
            `${topic} has minInsyncReplicas ${this.minInsyncReplicas} but its replication is ${this.replication}, and a broker must be able to restart; set minInsyncReplicas to a whole number from 1 to ${mostInsync}`,
          ]),
      ...(this.segment.toMilliseconds() >= 1
        ? []
        : [`${topic} has a segment of 0 but a segment spans some time; set segment, e.g. Duration.hours(1)`]),
    ];
  }
}

/** A 24th of the retention: an hour for a day. */
function defaultSegment(retention: Duration): Duration {
  return Duration.millis(
    Math.max(Math.round(retention.toMilliseconds() / 24), Duration.minutes(10).toMilliseconds()),
  );
}
