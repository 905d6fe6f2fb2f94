import { ApiObject, Chart } from 'cdk8s';
import type { Construct, IConstruct } from 'constructs';
import { clusterServices } from '../checker/capacity/cluster-services';
import { allowed, measured, say } from '../checker/finding/message';
import { ClickHouseDb, type ClickHouseDbProps } from './clickhouse/clickhouse-db';
import {
  ExistingNamespace,
  type ExistingNamespaceProps,
  MADE_WHEN_NEEDED,
  Namespace,
} from './cluster/namespace';
import { makeNeededNamespaces } from './cluster/needed-namespaces';
import type { NodeGroup } from './cluster/node-group';
import { ResourceQuotas } from './cluster/resource-quotas';
import { ArgoCdApplications, type ArgoCdApplicationsProps } from './gitops/argo-cd-applications';
import type { KafkaClusterTopicProps } from './kafka/cluster-topic';
import { KafkaCluster, type KafkaClusterProps } from './kafka/kafka-cluster';
import { type ExternalKafkaTopicProps, KafkaTopic } from './kafka/kafka-topic';
import { Grafana, type GrafanaProps } from './monitoring/grafana';
import { Prometheus } from './monitoring/prometheus';
import { type NetworkProps, setNetwork } from './network/addresses';
import { TrafficEstimate, type TrafficEstimateProps } from './sizing/traffic';
import { SparkGoldJob, type SparkGoldJobProps } from './spark/spark-gold-job';
import { SparkStreamingJob, type SparkStreamingJobProps } from './spark/spark-streaming-job';
import { MinioStore, type MinioStoreProps } from './storage/minio-store';
import { type ExternalObjectStoreProps, ObjectStore } from './storage/object-store';
import { SynthChecks } from './synth-checks';
import { WasService, type WasServiceProps } from './was/was-service';
import { PriorityClasses } from './workload/priority-classes';
import { checkedProps, having, list, type PropTypes, propsObject } from './workload/props';
import { type Refusal, refuse } from './workload/refuse';

/** What may be changed of the system; each layer's own props, all with the figures of the running system as defaults. */
export interface LakehouseChartProps {
  /**
   * The nodes that everything has to fit.
   * @default cluster.context.json where it is there, else 4 × m6i.large
   */
  readonly nodes?: NodeGroup;
  /** What has to be kept up with. @default 50 events a second, ten times that at the peak, of 210 bytes (docs/sizing.md) */
  readonly traffic?: TrafficEstimateProps;
  /** @default 3 brokers and 3 KRaft controllers, with the figures of KafkaClusterProps */
  readonly kafka?: KafkaClusterProps;
  /** The topic of the web servers' logs. @default 6 partitions, 3 days */
  readonly topic?: Partial<KafkaClusterTopicProps>;
  /**
   * A topic that exists already, in place of a Kafka cluster.
   * @default none
   */
  readonly externalTopic?: ExternalKafkaTopicProps;
  /** @default 3 pods of the reference app, with the figures of WasServiceProps */
  readonly was?: Partial<WasServiceProps>;
  /** @default one server with 20Gi and the buckets raw-data, silver and gold */
  readonly minio?: Partial<MinioStoreProps>;
  /**
   * A store that exists already, in place of MinIO.
   * @default none
   */
  readonly objectStore?: ExternalObjectStoreProps;
  /** @default one server with 20Gi that keeps 90 days */
  readonly clickHouse?: Partial<ClickHouseDbProps>;
  /** @default a driver and 2 executors, with the figures of SparkStreamingJobProps */
  readonly streaming?: Partial<SparkStreamingJobProps>;
  /** @default a driver and 2 to 4 executors, with the figures of SparkGoldJobProps */
  readonly gold?: Partial<SparkGoldJobProps>;
  /** @default one pod, with the figures of GrafanaProps */
  readonly grafana?: Partial<GrafanaProps>;
  /**
   * Namespaces that exist already, and what is made in each all the same. In the others everything is: the Namespace with
   * its Pod Security label, a LimitRange, a quota, and policies that deny by default.
   * @default none
   */
  readonly existingNamespaces?: readonly ExistingNamespaceProps[];
  /**
   * What the policies have to know of the cluster's network.
   * @default the figures of NetworkProps
   */
  readonly network?: NetworkProps;
  /**
   * Where this program's repository is, for ArgoCD: its objects are in dist/argocd/.
   * @default no ArgoCD
   */
  readonly gitOps?: Pick<ArgoCdApplicationsProps, 'repository' | 'revision' | 'path' | 'namespace'>;
}

const BUCKETS = ['raw-data', 'silver', 'gold'];

const TYPES: PropTypes<LakehouseChartProps> = {
  nodes: having('a NodeGroup', 'new NodeGroup({ count: 6 })', 'instanceType', 'count'),
  traffic: propsObject,
  kafka: propsObject,
  topic: propsObject,
  externalTopic: propsObject,
  was: propsObject,
  minio: propsObject,
  objectStore: propsObject,
  clickHouse: propsObject,
  streaming: propsObject,
  gold: propsObject,
  grafana: propsObject,
  existingNamespaces: list,
  network: propsObject,
  gitOps: propsObject,
};

/**
 * The whole lakehouse: web servers, Kafka, streaming, the object store, gold, the database, wired by passing
 * constructs, and checked as a whole before anything is written.
 *
 * @example
 * new LakehouseChart(app, 'lakehouse', {
 *   traffic: { eventsPerSecond: 80 },
 *   gold: { executors: SparkExecutorCount.dynamic({ initial: 2, min: 2, max: 3 }) },
 * });
 */
export class LakehouseChart extends Chart {
  public readonly traffic: TrafficEstimate;
  public readonly topic: KafkaTopic;
  public readonly was: WasService;
  public readonly store: ObjectStore;
  public readonly database: ClickHouseDb;
  public readonly streaming: SparkStreamingJob;
  public readonly gold: SparkGoldJob;
  public readonly grafana: Grafana;
  private readonly cluster: KafkaCluster | undefined;
  private readonly existing: ReadonlyMap<string, ExistingNamespaceProps>;
  private readonly quotas: ResourceQuotas;

  constructor(scope: Construct, id: string, given: LakehouseChartProps = {}) {
    super(scope, id);
    const props = checkedProps(this, given, TYPES);
    setNetwork(this, props.network ?? {});
    const needed = new Set<string>();
    makeNeededNamespaces(this, namespace => needed.add(namespace));
    const priorities = new PriorityClasses(this, 'priorities');
    this.traffic = new TrafficEstimate(this, 'traffic', props.traffic);
    const { traffic } = this;

    const external =
      props.externalTopic === undefined
        ? // Where all that need a topic bring their own, nothing is wired to a cluster.
          props.was?.topic && props.streaming?.topic
        : KafkaTopic.external(this, 'topic', props.externalTopic);
    if (external === undefined) {
      this.cluster = new KafkaCluster(this, 'kafka', { priority: priorities.kafka, ...props.kafka });
      this.topic = this.cluster.addTopic('user-activity-logs', { partitions: 6, traffic, ...props.topic });
    } else {
      this.topic = external;
      refuse(this, () => unusedRefusals(props));
    }
    this.was = new WasService(this, 'was', { topic: this.topic, priority: priorities.serving, ...props.was });

    this.store =
      props.objectStore === undefined
        ? new MinioStore(this, 'minio', { buckets: BUCKETS, priority: priorities.storage, ...props.minio })
        : ObjectStore.external(this, 'object-store', props.objectStore);
    const [raw, silver] = [this.store.bucket('raw-data'), this.store.bucket('silver')];

    this.streaming = new SparkStreamingJob(this, 'streaming', {
      topic: this.topic,
      bronze: raw.prefix('user-activity/'),
      silver: silver.prefix('user-activity-v2/'),
      quarantine: silver.prefix('quarantine/user-activity/'),
      commits: silver.prefix('commits/user-activity/'),
      checkpoint: silver.prefix('checkpoints/activity-streaming/'),
      traffic,
      priority: priorities.streaming,
      ...props.streaming,
    });
    this.database = new ClickHouseDb(this, 'clickhouse', {
      traffic,
      readsFrom: [this.streaming.silver],
      ...(props.gold?.namespace === undefined ? {} : { writerNamespace: props.gold.namespace }),
      ...(props.grafana?.namespace === undefined ? {} : { readerNamespace: props.grafana.namespace }),
      priority: priorities.storage,
      ...props.clickHouse,
    });
    this.gold = new SparkGoldJob(this, 'gold', {
      source: this.streaming,
      database: this.database,
      priority: priorities.gold,
      ...props.gold,
    });
    this.grafana = new Grafana(this, 'grafana', {
      database: this.database,
      priority: priorities.monitoring,
      ...props.grafana,
    });

    new Prometheus(this, 'prometheus');

    this.existing = new Map(
      (props.existingNamespaces ?? []).map(namespace => [namespace.name, namespace] as const),
    );
    // What nobody operates does not run.
    const services = clusterServices.filter(
      ({ comesWith }) => comesWith?.apiGroup !== 'kafka.strimzi.io' || this.cluster !== undefined,
    );
    this.quotas = new ResourceQuotas(this, 'quotas', { namespaces: [], services });
    // The stores' files come before those of their clients.
    const stores = this.store instanceof MinioStore ? [this.store] : [];
    const layers = [this.cluster, ...stores, this.database, this.was, this.grafana].filter(isThere);
    const inOrder = new Set([...layers.map(({ namespace }) => namespace), ...needed]);
    for (const namespace of inOrder) this.addNamespace(namespace);
    // What is added to the chart from now on may need more.
    makeNeededNamespaces(this, namespace => this.addNamespace(namespace));
    if (props.gitOps !== undefined) {
      const kafka = this.cluster === undefined ? {} : { kafka: this.cluster };
      new ArgoCdApplications(this, 'argocd', { ...kafka, ...props.gitOps });
    }
    const nodes = props.nodes === undefined ? {} : { nodes: props.nodes };
    new SynthChecks(this, 'checks', { ...nodes, services });
    refuse(this, () => existingRefusals([...this.existing.keys()], namespacesIn(this.node.root)));
  }

  private addNamespace(name: string): void {
    if (isDescribed(this, name)) return;
    const existing = this.existing.get(name);
    if (existing === undefined) {
      new Namespace(this, `${MADE_WHEN_NEEDED}${name}`, { name });
      this.quotas.addNamespace(name);
    } else {
      new ExistingNamespace(this, `${MADE_WHEN_NEEDED}${name}`, existing);
    }
  }

  /** The Kafka cluster. Throws when the topic is external: then there is none. */
  public get kafka(): KafkaCluster {
    if (this.cluster === undefined) {
      throw new Error(
        `[${this.node.path}] it has no Kafka cluster, because its topic ${this.topic.topicName} is external; use its topic, or leave out externalTopic`,
      );
    }
    return this.cluster;
  }
}

/** Whether the program itself makes a namespace, or says that it exists. */
function isDescribed({ node }: IConstruct, name: string): boolean {
  return node.root.node
    .findAll()
    .some(
      construct =>
        (construct instanceof Namespace || construct instanceof ExistingNamespace) && construct.name === name,
    );
}

function isThere<T>(layer: T | undefined): layer is T {
  return layer !== undefined;
}

/** What describes a Kafka cluster that nothing is wired to. */
function unusedRefusals(props: LakehouseChartProps): Refusal[] {
  return (['kafka', 'topic'] as const)
    .filter(prop => props[prop] !== undefined)
    .map(prop => ({
      message: say`it is given ${measured(prop)} but its topic is external, so no Kafka cluster is made`,
      remedy: say`remove ${prop}, or the external topic`,
    }));
}

function namespacesIn(scope: IConstruct): ReadonlySet<string> {
  const objects = scope.node.findAll().filter(node => ApiObject.isApiObject(node));
  return new Set(objects.flatMap(object => (object as ApiObject).metadata.namespace ?? []));
}

/** With a name that is misspelt, the namespace would be made without a word. */
function existingRefusals(existing: readonly string[], used: ReadonlySet<string>): Refusal[] {
  return existing
    .filter(name => !used.has(name))
    .map(name => ({
      message: say`existingNamespaces has ${measured(name)} but nothing is in it, only in ${allowed([...used].join(', '))}`,
      remedy: say`correct the name, set the namespace of a layer, or remove it`,
    }));
}
