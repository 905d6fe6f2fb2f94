import { Chart } from 'cdk8s';
import type { Construct } from 'constructs';
import { clusterServices } from '../checker/capacity/cluster-services';
import { ClickHouseDb, type ClickHouseDbProps } from './clickhouse/clickhouse-db';
import { Namespace } from './cluster/namespace';
import type { NodeGroup } from './cluster/node-group';
import { ResourceQuotas } from './cluster/resource-quotas';
import { ArgoCdApplications, type ArgoCdApplicationsProps } from './gitops/argo-cd-applications';
import type { KafkaClusterTopicProps } from './kafka/cluster-topic';
import { KafkaCluster, type KafkaClusterProps } from './kafka/kafka-cluster';
import type { KafkaTopic } from './kafka/kafka-topic';
import { Grafana, type GrafanaProps } from './monitoring/grafana';
import { NetworkPolicies } from './network/network-policies';
import { TrafficEstimate, type TrafficEstimateProps } from './sizing/traffic';
import { SparkGoldJob, type SparkGoldJobProps } from './spark/spark-gold-job';
import { sparkEphemeralStorage } from './spark/spark-job';
import { SparkStreamingJob, type SparkStreamingJobProps } from './spark/spark-streaming-job';
import { MinioStore, type MinioStoreProps } from './storage/minio-store';
import { type ExternalObjectStoreProps, ObjectStore } from './storage/object-store';
import { SynthChecks } from './synth-checks';
import { WasService, type WasServiceProps } from './was/was-service';
import { PriorityClasses } from './workload/priority-classes';

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
   * Where this program's repository is, for ArgoCD: its objects are in dist/argocd/.
   * @default no ArgoCD
   */
  readonly gitOps?: Pick<ArgoCdApplicationsProps, 'repository' | 'revision' | 'path' | 'namespace'>;
}

const BUCKETS = ['raw-data', 'silver', 'gold'];

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
  public readonly kafka: KafkaCluster;
  public readonly topic: KafkaTopic;
  public readonly was: WasService;
  public readonly store: ObjectStore;
  public readonly database: ClickHouseDb;
  public readonly streaming: SparkStreamingJob;
  public readonly gold: SparkGoldJob;
  public readonly grafana: Grafana;
  public readonly network: NetworkPolicies;

  constructor(scope: Construct, id: string, props: LakehouseChartProps = {}) {
    super(scope, id);
    const priorities = new PriorityClasses(this, 'priorities');
    this.traffic = new TrafficEstimate(this, 'traffic', props.traffic);
    const { traffic } = this;

    this.kafka = new KafkaCluster(this, 'kafka', { priority: priorities.kafka, ...props.kafka });
    this.topic = this.kafka.addTopic('user-activity-logs', { partitions: 6, traffic, ...props.topic });
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

    this.network = new NetworkPolicies(this, 'network', {
      kafka: this.kafka,
      was: this.was,
      store: this.store,
      database: this.database,
      grafana: this.grafana,
      streaming: this.streaming.job,
      gold: this.gold.job,
    });

    const jobNamespaces = [this.streaming, this.gold].map(({ job }) => job.namespace);
    const store = this.store instanceof MinioStore ? [this.store] : [];
    const layers = [this.kafka, ...store, this.database, this.was, this.grafana];
    const namespaces = [...new Set([...layers.map(({ namespace }) => namespace), ...jobNamespaces])];
    for (const name of namespaces) {
      const defaults = jobNamespaces.includes(name) ? { ephemeralStorage: sparkEphemeralStorage } : {};
      new Namespace(this, `namespace-${name}`, { name, ...defaults });
    }
    new ResourceQuotas(this, 'quotas', { namespaces });
    if (props.gitOps !== undefined) {
      const { kafka } = this;
      new ArgoCdApplications(this, 'argocd', { namespaces, jobNamespaces, kafka, ...props.gitOps });
    }
    const nodes = props.nodes === undefined ? {} : { nodes: props.nodes };
    new SynthChecks(this, 'checks', { ...nodes, services: clusterServices });
  }
}
