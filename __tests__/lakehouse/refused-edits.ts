import { Duration, Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-28';
import { KafkaCoordination } from '../../lib/lakehouse/kafka/kafka-coordination';
import type { LakehouseChart, LakehouseChartProps } from '../../lib/lakehouse/lakehouse-chart';
import { SparkExecutorCount } from '../../lib/lakehouse/spark/executor-count';
import { WasService } from '../../lib/lakehouse/was/was-service';

/** An edit of main.ts. */
export interface Edit {
  readonly name: string;
  /** What is added to the chart's props. */
  readonly props?: LakehouseChartProps;
  /** What stands after the chart. */
  readonly after?: (lakehouse: LakehouseChart) => void;
}

/** An edit that synthesis refuses, and what a cluster that is given the manifests all the same makes of it. */
export interface RefusedEdit extends Edit {
  /** What the refusal says: object, value, what is allowed, remedy. */
  readonly refusal: RegExp;
  /**
   * `stuck`: the executors wait for ever; `refused`: the API server does not take the manifests, or the pods, in these
   * words; `taken`: without a word, and what is wrong shows when data is missing.
   */
  readonly inCluster: 'stuck' | 'taken' | { readonly refused: RegExp };
}

/** Web servers that fit beside everything else. */
const small = { replicas: 1, memory: { request: Size.mebibytes(128), limit: Size.mebibytes(256) } };

export const REFUSED_EDITS: readonly RefusedEdit[] = [
  {
    name: 'gold executors that request 2 cores',
    props: { gold: { executor: { cpu: { request: Cpu.units(2), limit: Cpu.units(2) } } } },
    refusal:
      /activity-gold.*executor needs 2000m cpu but m6i\.large allocates 1750m after its daemon pods; set .* to at most 1750m.*rule executor-does-not-fit/,
    inCluster: 'stuck',
  },
  {
    name: 'gold executors of 6g',
    props: { gold: { executor: { memory: Size.gibibytes(6) } } },
    refusal:
      /activity-gold.*executor needs 7373Mi memory but m6i\.large allocates \d+Mi after its daemon pods; set .*memory.* to at most .*rule executor-does-not-fit/,
    inCluster: 'stuck',
  },
  {
    name: 'four gold executors of 2 full cores',
    props: {
      gold: {
        executors: SparkExecutorCount.fixed(4),
        executor: { taskSlots: 2, cpu: { request: Cpu.units(2), limit: Cpu.units(2) } },
      },
    },
    refusal: /activity-gold.*executor needs 2000m cpu but m6i\.large allocates 1750m/,
    inCluster: 'stuck',
  },
  {
    name: 'web servers without limits',
    props: { was: { cpu: { request: Cpu.millis(200) }, memory: { request: Size.mebibytes(512) } } },
    refusal:
      /\[Deployment\/was\/was\] container was has no (cpu|memory) limit but every container needs one; set \1\.limit, e\.g\. (Cpu\.millis\(500\)|Size\.mebibytes\(512\)) \(rule container-without-limits|resources\.limits\.memory 256Mi is below its request of 512Mi/,
    // That limit is the one that the namespace gives to containers without.
    inCluster: {
      refused: /requests: Invalid value: "512Mi": must be less than or equal to memory limit of 256Mi/,
    },
  },
  {
    name: 'ZooKeeper with Strimzi 1.x',
    props: { kafka: { coordination: KafkaCoordination.zookeeper(), strimziVersion: '1.2.0' } },
    refusal:
      /kafka cluster kafka\/streaming-cluster coordinates by zookeeper with Strimzi 1\.2\.0 but that release coordinates by kraft; set strimziVersion to 0\.45\.2, or choose another coordination/,
    inCluster: { refused: /no matches for kind "Kafka" in version "kafka\.strimzi\.io\/v1beta2"/ },
  },
  {
    name: 'one executor',
    props: { gold: { executors: SparkExecutorCount.fixed(1) } },
    refusal:
      /stream activity-gold has executor\.instances 1, .*at least 2 are needed; set executor\.instances to at least 2.*rule single-executor/,
    inCluster: 'taken',
  },
  {
    name: 'a topic name that no cluster has',
    after: lakehouse =>
      new WasService(lakehouse, 'shop', {
        name: 'shop',
        ...small,
        topic: lakehouse.kafka.topic('user-activity-log'),
      }),
    refusal:
      /kafka cluster kafka\/streaming-cluster has no topic "user-activity-log", only user-activity-logs; add it with addTopic\(\), or use one of these/,
    inCluster: 'taken',
  },
  {
    name: 'a checkpoint on a local path',
    props: { streaming: { checkpoint: { url: '/app/checkpoints' } as never } },
    refusal:
      /spark job activity-streaming has checkpoint {"url":"\/app\/checkpoints"} but only a folder of an object store .*; set checkpoint to .*rule checkpoint-on-volume/,
    inCluster: 'taken',
  },
  {
    name: 'a bucket that does not exist',
    props: { minio: { buckets: ['raw-data', 'gold'] } },
    refusal:
      /object store has no bucket "silver", only raw-data, gold; add it to buckets, or use one of these/,
    inCluster: 'taken',
  },
  {
    name: 'a retention that overflows the brokers’ volumes',
    props: { topic: { retention: Duration.days(90) } },
    refusal:
      /kafka\/streaming-cluster.* comes to hold [\d.]+Gi .* but its volume of 10Gi may fill to 8\.5Gi .*; set storage to at least Size\.gibibytes\(\d+\), or /,
    inCluster: 'taken',
  },
  {
    name: 'two objects of one name',
    after: lakehouse => new WasService(lakehouse, 'second', { ...small, topic: lakehouse.topic }),
    refusal: /Deployment\/was\/was.*; .*rule duplicate-object/,
    inCluster: 'taken',
  },
  {
    name: 'an image without a tag',
    props: { was: { image: 'registry.example.com/was' } },
    refusal:
      /\[Deployment\/was\/was\] container was has image "registry\.example\.com\/was" but an image must be pinned by a tag .*; set image, e\.g\. was:1\.4\.2 \(rule mutable-image-tag\)/,
    inCluster: 'taken',
  },
];

/** The nearest edits that are allowed. */
export const ALLOWED_EDITS: readonly Edit[] = [
  {
    name: 'gold executors that request half a core and use up to two',
    props: { gold: { executor: { cpu: { limit: Cpu.units(2) } } } },
  },
  {
    name: 'a second set of web servers of another name on the same topic',
    after: lakehouse =>
      new WasService(lakehouse, 'shop', {
        name: 'shop',
        ...small,
        topic: lakehouse.kafka.topic('user-activity-logs'),
      }),
  },
  { name: 'ZooKeeper with Strimzi 0.45', props: { kafka: { coordination: KafkaCoordination.zookeeper() } } },
];
