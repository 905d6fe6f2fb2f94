import path from 'node:path';
import { App, Chart } from 'cdk8s';
import { type ManifestObject, manifestObjects } from '../../../lib/checker/object/manifest-object';
import { ExistingNamespace, Namespace } from '../../../lib/lakehouse/cluster/namespace';
import { NodeGroup } from '../../../lib/lakehouse/cluster/node-group';
import { KafkaCoordination } from '../../../lib/lakehouse/kafka/kafka-coordination';
import { KafkaTopic } from '../../../lib/lakehouse/kafka/kafka-topic';
import { LakehouseChart, type LakehouseChartProps } from '../../../lib/lakehouse/lakehouse-chart';
import { type Flow, flowsOf } from '../../../lib/lakehouse/network/flow';
import { Workload } from '../../../lib/lakehouse/network/workload';
import { plainObjects } from '../../../lib/lakehouse/plain-objects';
import { SparkJob, type SparkJobProps } from '../../../lib/lakehouse/spark/spark-job';
import { SparkStreamingJob } from '../../../lib/lakehouse/spark/spark-streaming-job';
import { ExternalObjectStoreCredentials } from '../../../lib/lakehouse/storage/object-store';
import { CodeConfigMap } from '../../../lib/lakehouse/workload/code-config-map';

export const S3 = {
  region: 'ap-northeast-2',
  buckets: ['raw-data', 'silver', 'gold'],
  credentials: ExternalObjectStoreCredentials.role('arn:aws:iam::111122223333:role/lakehouse'),
};

export const EXTERNAL_TOPIC = {
  topicName: 'user-activity-logs',
  bootstrapServers: 'broker-1.example.com:9094,broker-2.example.com:9094',
  partitions: 6,
};

/** Every namespace has another name than the constructs' defaults. */
export const RENAMED = {
  kafka: { namespace: 'messaging' },
  was: { namespace: 'shop' },
  minio: { namespace: 'data' },
  clickHouse: { namespace: 'data' },
  streaming: { namespace: 'jobs' },
  gold: { namespace: 'jobs' },
  grafana: { namespace: 'boards' },
} satisfies LakehouseChartProps;

/** Who says what the namespace of a job is: the chart, which makes it, or the program. */
export type Maker = 'the chart' | 'the program, before' | 'the program, afterwards' | 'nobody, for it exists';

function inNamespace<T>(lakehouse: LakehouseChart, name: string, maker: Maker, job: () => T): T {
  if (maker === 'the program, before') new Namespace(lakehouse, `${name}-space`, { name });
  if (maker === 'nobody, for it exists') new ExistingNamespace(lakehouse, `${name}-space`, { name });
  const made = job();
  if (maker === 'the program, afterwards') new Namespace(lakehouse, `${name}-space`, { name });
  return made;
}

/** A second topic of the chart's cluster, and a job that keeps it, in a namespace of its own. */
export function addSecondStream(lakehouse: LakehouseChart, maker: Maker = 'the chart'): SparkStreamingJob {
  return inNamespace(lakehouse, 'payments', maker, () => secondStream(lakehouse));
}

function secondStream(lakehouse: LakehouseChart): SparkStreamingJob {
  const { traffic, store } = lakehouse;
  const folder = (bucket: string, layer: string) => store.bucket(bucket).prefix(`${layer}/payments/`);
  return new SparkStreamingJob(lakehouse, 'payments', {
    name: 'payments-streaming',
    namespace: 'payments',
    topic: lakehouse.kafka.addTopic('payments', { partitions: 3, traffic }),
    bronze: folder('raw-data', 'bronze'),
    silver: folder('silver', 'silver'),
    quarantine: folder('silver', 'quarantine'),
    commits: folder('silver', 'commits'),
    checkpoint: folder('silver', 'checkpoints'),
    traffic,
  });
}

type OwnJob = Partial<SparkJobProps> & { readonly entry?: string };

/** A batch job of the user's, which reads silver and writes to the database. */
export function addOwnJob(lakehouse: LakehouseChart, maker: Maker = 'the chart', own: OwnJob = {}): SparkJob {
  return inNamespace(lakehouse, 'reports', maker, () => ownJob(lakehouse, own));
}

function ownJob(lakehouse: LakehouseChart, { entry = 'report.py', ...own }: OwnJob): SparkJob {
  const { store, streaming } = lakehouse;
  const job = new SparkJob(lakehouse, 'report', {
    name: 'daily-report',
    namespace: 'reports',
    code: new CodeConfigMap(lakehouse, 'report-code', {
      name: 'report-code',
      namespace: 'reports',
      directory: path.join(__dirname, 'jobs'),
      entry,
    }),
    store,
    credentials: store.addClient('daily-report', { namespace: 'reports', read: [streaming.silver] }),
    ...own,
  });
  job.connectTo(lakehouse.database, 'the report is written');
  return job;
}

interface Composition {
  readonly props?: LakehouseChartProps | ((outside: Chart) => LakehouseChartProps);
  readonly after?: (lakehouse: LakehouseChart) => void;
}

export const compositions: Readonly<Record<string, Composition>> = {
  'the default chart': {},
  ZooKeeper: { props: { kafka: { coordination: KafkaCoordination.zookeeper() } } },
  'logins over TLS': { props: { kafka: { clientSecurity: 'scram-tls' } } },
  'S3 in place of MinIO': { props: { objectStore: S3 } },
  'an external topic': { props: { externalTopic: EXTERNAL_TOPIC } },
  'an external topic for each that needs one': {
    props: outside => {
      const topic = KafkaTopic.external(outside, 'topic', EXTERNAL_TOPIC);
      return { was: { topic }, streaming: { topic } };
    },
  },
  'an external topic for the web servers alone': {
    props: outside => ({ was: { topic: KafkaTopic.external(outside, 'topic', EXTERNAL_TOPIC) } }),
  },
  'a topic and a store of other namespaces of the cluster': {
    props: {
      externalTopic: {
        ...EXTERNAL_TOPIC,
        bootstrapServers: 'shared-kafka-bootstrap.elsewhere.svc.cluster.local:9092',
      },
      objectStore: {
        ...S3,
        endpoint: 'http://ceph.elsewhere.svc:8080',
        credentials: ExternalObjectStoreCredentials.secret(),
      },
    },
  },
  'a second streaming job in a namespace of its own': { after: lakehouse => addSecondStream(lakehouse) },
  'a second streaming job in a namespace that the program makes': {
    after: lakehouse => addSecondStream(lakehouse, 'the program, before'),
  },
  'a second streaming job in a namespace that exists': {
    after: lakehouse => addSecondStream(lakehouse, 'nobody, for it exists'),
  },
  'a batch job of the user’s': { after: lakehouse => addOwnJob(lakehouse) },
  'a batch job of the user’s in a namespace that the program makes afterwards': {
    after: lakehouse => addOwnJob(lakehouse, 'the program, afterwards'),
  },
  'a batch job of the user’s in a chart of its own': {
    after: lakehouse => {
      const jobs = new Chart(lakehouse.node.root as App, 'jobs');
      new SparkJob(jobs, 'count', {
        name: 'count',
        namespace: 'counts',
        code: new CodeConfigMap(jobs, 'code', {
          name: 'count-code',
          namespace: 'counts',
          directory: path.join(__dirname, 'jobs'),
          entry: 'report.py',
        }),
        store: lakehouse.store,
        credentials: lakehouse.store.addClient('count', {
          namespace: 'counts',
          read: [lakehouse.streaming.silver],
        }),
      });
    },
  },
  'all namespaces renamed': { props: RENAMED },
  'the operator’s namespace for Kafka': { props: { kafka: { namespace: 'strimzi-system' } } },
  'all layers in one namespace': {
    props: {
      kafka: { namespace: 'lake' },
      was: { namespace: 'lake' },
      minio: { namespace: 'lake' },
      clickHouse: { namespace: 'lake' },
      streaming: { namespace: 'lake' },
      gold: { namespace: 'lake' },
      grafana: { namespace: 'lake' },
    },
  },
  'namespaces that exist': {
    props: {
      existingNamespaces: [
        { name: 'kafka' },
        { name: 'storage' },
        { name: 'default' },
        { name: 'monitoring' },
      ],
    },
  },
  'a namespace that exists and denies by default': {
    props: { existingNamespaces: [{ name: 'monitoring', denyByDefault: true }] },
  },
  'pods of the user’s own': {
    after: lakehouse => {
      const tool = new Workload(lakehouse, 'tool', {
        name: 'tool',
        namespace: 'was',
        labels: { 'app.kubernetes.io/name': 'stranger' },
      });
      tool.connectTo(lakehouse.topic, 'it follows the shop');
      tool.connectTo(lakehouse.database, 'and looks things up');
      tool.acceptFrom(tool, [7000], 'it talks with itself');
    },
  },
  'ingresses with certificates': {
    props: {
      was: { ingress: { host: 'shop.example.com', tls: { secretName: 'shop-tls' } } },
      grafana: {
        ingress: {
          host: 'boards.example.com',
          tls: { secretName: 'boards-tls', clusterIssuer: 'letsencrypt' },
        },
      },
    },
  },
  'a load balancer and a Gateway': {
    props: {
      was: { ingress: { host: 'shop.example.com', className: 'alb' } },
      grafana: {
        ingress: { host: 'boards.example.com', gateway: { name: 'public', namespace: 'gateways' } },
      },
    },
  },
  'a client of topic and store that has no workload': {
    after: ({ topic, store, streaming }) => {
      topic.connect('audit', { namespace: 'elsewhere', operation: 'consume' });
      store.addClient('audit', { namespace: 'elsewhere', read: [streaming.silver] });
    },
  },
};

export function composed({ props, after }: Composition): {
  readonly app: App;
  readonly lakehouse: LakehouseChart;
  readonly objects: ManifestObject[];
  readonly flows: Flow[];
} {
  const app = new App();
  const given = typeof props === 'function' ? props(new Chart(app, 'outside')) : (props ?? {});
  const lakehouse = new LakehouseChart(app, 'lakehouse', { nodes: new NodeGroup({ count: 8 }), ...given });
  after?.(lakehouse);
  return { app, lakehouse, objects: manifestObjects(plainObjects(app)), flows: flowsOf(app) };
}
