import { ApiObject, App, Duration, Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-28';
import { KafkaCoordination } from '../../lib/constructs/kafka-cluster';
import { SparkExecutorCount } from '../../lib/constructs/spark-job';
import { WasService } from '../../lib/constructs/was-service';
import { LakehouseChart, type LakehouseChartProps } from '../../lib/lakehouse-chart';
import { type ManifestObject, manifestObjects } from '../../lib/manifest/model';

/** An edit of main.ts that synthesis refuses, and what a cluster that is given the manifests all the same makes of it. */
export interface RefusedEdit {
  readonly name: string;
  readonly props?: LakehouseChartProps;
  readonly after?: (chart: LakehouseChart) => void;
  /**
   * `stuck`: the executors wait for ever; `refused`: the API server does not take the manifests, or the pods, in these
   * words; `taken`: without a word, and what is wrong shows when data is missing.
   */
  readonly outcome: 'stuck' | 'taken' | { readonly refused: RegExp };
}

export const REFUSED_EDITS: readonly RefusedEdit[] = [
  {
    name: 'gold executors that request 2 cores',
    props: { gold: { executor: { cpu: { request: Cpu.units(2), limit: Cpu.units(2) } } } },
    outcome: 'stuck',
  },
  {
    name: 'gold executors of 6g',
    props: { gold: { executor: { memory: Size.gibibytes(6) } } },
    outcome: 'stuck',
  },
  {
    name: 'four gold executors of 2 full cores',
    props: {
      gold: {
        executors: SparkExecutorCount.fixed(4),
        executor: { taskSlots: 2, cpu: { request: Cpu.units(2), limit: Cpu.units(2) } },
      },
    },
    outcome: 'stuck',
  },
  {
    name: 'web servers without limits',
    props: { was: { cpu: { request: Cpu.millis(200) }, memory: { request: Size.mebibytes(512) } } },
    // The limit is the one that the namespace gives to containers without.
    outcome: {
      refused: /requests: Invalid value: "512Mi": must be less than or equal to memory limit of 256Mi/,
    },
  },
  {
    name: 'ZooKeeper with Strimzi 1.x',
    props: { kafka: { coordination: KafkaCoordination.zookeeper(), strimziVersion: '1.2.0' } },
    outcome: { refused: /no matches for kind "Kafka" in version "kafka\.strimzi\.io\/v1beta2"/ },
  },
  {
    name: 'one executor',
    props: { gold: { executors: SparkExecutorCount.fixed(1) } },
    outcome: 'taken',
  },
  {
    name: 'a topic name that no cluster has',
    after: chart =>
      new WasService(chart, 'shop', { name: 'shop', topic: chart.kafka.topic('user-activity-log') }),
    outcome: 'taken',
  },
  {
    name: 'a checkpoint on a local path',
    props: { gold: { checkpoint: { url: '/app/checkpoints' } as never } },
    outcome: 'taken',
  },
  {
    name: 'a bucket that does not exist',
    props: { minio: { buckets: ['raw-data', 'silver'] } },
    outcome: 'taken',
  },
  {
    name: 'a retention that overflows the brokers’ volumes',
    props: { topic: { retention: Duration.days(90) } },
    outcome: 'taken',
  },
  {
    name: 'two objects of one name',
    after: chart => new WasService(chart, 'second', { topic: chart.topic }),
    outcome: 'taken',
  },
  {
    name: 'an image without a tag',
    props: { was: { image: 'registry.example.com/was' } },
    outcome: 'taken',
  },
];

/** What main.ts' chart is with an edit: its errors, and its objects, which nothing has checked. */
export function described({ props, after }: RefusedEdit): {
  readonly errors: readonly string[];
  readonly objects: readonly ManifestObject[];
} {
  const app = new App();
  const chart = new LakehouseChart(app, 'lakehouse', {
    traffic: { eventsPerSecond: 50, peakFactor: 10 },
    ...props,
  });
  after?.(chart);
  const nodes = app.node.findAll();
  const objects = nodes.filter(ApiObject.isApiObject).map(object => (object as ApiObject).toJson());
  return { errors: nodes.flatMap(node => node.node.validate()), objects: manifestObjects(objects) };
}
