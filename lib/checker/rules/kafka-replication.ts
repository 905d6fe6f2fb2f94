import { brokerSetting, countOf, type KafkaNodes, kafkaNodes } from '../facts/kafka-nodes';
import type { Model } from '../facts/model';
import type { Rule } from '../facts/rule';
import { clustersOf, isStrimzi, kafkaClusters } from '../facts/strimzi';
import type { Found } from '../finding/finding';
import { allowed, measured, say } from '../finding/message';
import { at, type ManifestObject } from '../object/manifest-object';

/** Replication factors that brokers set, with what Kafka takes where they are left out (KafkaConfig of Kafka 3 and 4). */
const FACTORS: readonly { readonly key: string; readonly fallback?: number; readonly what: string }[] = [
  { key: 'default.replication.factor', what: 'no topic that leaves its replicas out is made' },
  {
    key: 'offsets.topic.replication.factor',
    fallback: 3,
    what: 'the topic of consumer offsets is never made, and no consumer group reads',
  },
  {
    // Left out it is 3 too, which nobody misses who has no transactions.
    key: 'transaction.state.log.replication.factor',
    what: 'the topic of transactions is never made, and no transactional producer starts',
  },
];

/** A factor, the least of its replicas that have to be in sync, and their names. */
const MINIMA: readonly (readonly [minimum: string, factor: string, fallback?: number])[] = [
  // Without a default, topics that leave their replicas out are looked at one by one.
  ['min.insync.replicas', 'default.replication.factor'],
  ['transaction.state.log.min.isr', 'transaction.state.log.replication.factor', 3],
];

/** What brokers cannot keep is never made; what all of them have to keep stops with the first that is away. */
export const kafkaReplication: Rule = {
  id: 'kafka-replication',
  level: 'error',
  refuses: 'more replicas than brokers, or an in-sync minimum that leaves no broker to be away',
  remedy: 'set replicas to at most the number of brokers, and min.insync.replicas to one less, e.g. 3 and 2',
  check: model => [
    ...kafkaClusters(model).flatMap(kafka => {
      const nodes = kafkaNodes(model, kafka);
      return [...(nodes === undefined ? [] : factors(kafka, nodes)), ...minima(kafka)];
    }),
    ...model
      .ofKind('KafkaTopic')
      .filter(isStrimzi)
      .flatMap(topic => {
        const clusters = clustersOf(model, topic);
        const said = (clusters.length === 0 ? [undefined] : clusters).map(kafka =>
          ofTopic(model, topic, kafka),
        );
        // Of several descriptions of one cluster any may be the one that runs.
        return said.some(findings => findings.length === 0) ? [] : (said[0] ?? []);
      }),
  ],
};

function config(kafka: ManifestObject, key: string) {
  const isThere = at(kafka.body, 'spec', 'kafka', 'config', key) !== undefined;
  const isConfigThere = at(kafka.body, 'spec', 'kafka', 'config') !== undefined;
  return {
    object: kafka,
    path: ['spec', 'kafka', ...(isConfigThere ? ['config'] : []), ...(isThere ? [key] : [])],
  };
}

function factors(kafka: ManifestObject, { brokers, saidBy }: KafkaNodes): Found[] {
  if (brokers === 0) return [];
  return FACTORS.flatMap(({ key, fallback, what }): Found[] => {
    const stated = brokerSetting(kafka, key);
    const factor =
      stated ?? (at(kafka.body, 'spec', 'kafka', 'config', key) === undefined ? fallback : undefined);
    if (factor === undefined || factor <= brokers) return [];
    return [
      {
        place: config(kafka, key),
        ...(stated === undefined ? { level: 'warning' as const } : {}),
        message: say`${key} of Kafka ${kafka.metadata.name} is ${stated === undefined ? 'left out, which means ' : ''}${measured(factor)} but it has ${allowed(brokers)} ${brokers === 1 ? 'broker' : 'brokers'}: ${what}`,
        remedy: say`set ${key} to at most ${brokers}, or add brokers`,
        concerns: saidBy,
      },
    ];
  });
}

function minima(kafka: ManifestObject): Found[] {
  return MINIMA.flatMap(([key, factorKey, fallback]): Found[] => {
    const minimum = brokerSetting(kafka, key);
    const stated = brokerSetting(kafka, factorKey);
    const factor = stated ?? fallback;
    if (minimum === undefined || factor === undefined || minimum < factor || minimum <= 1) return [];
    const isOfDefault = stated === undefined;
    return [
      {
        place: config(kafka, key),
        level: minimum > factor ? 'error' : 'warning',
        message:
          minimum > factor
            ? say`${key} ${measured(minimum)} of Kafka ${kafka.metadata.name} is more than ${factorKey} ${isOfDefault ? 'where it is left out, ' : ''}${allowed(factor)}: no writer with acks=all can write to such a topic`
            : say`${key} ${measured(minimum)} of Kafka ${kafka.metadata.name} equals ${factorKey}: one broker that is away or restarts stops every writer with acks=all`,
        remedy:
          factor > 1
            ? say`set ${key} to at most ${factor - 1}`
            : say`set ${factorKey} to more than ${minimum}, or ${key} to 1`,
      },
    ];
  });
}

/** What a topic gets that leaves its replicas out: the brokers' default, and Kafka's own is 1. */
function leftOut(cluster: ManifestObject, topic: ManifestObject): number | undefined {
  if (at(topic.body, 'spec', 'replicas') !== undefined) return undefined;
  const key = 'default.replication.factor';
  return at(cluster.body, 'spec', 'kafka', 'config', key) === undefined ? 1 : brokerSetting(cluster, key);
}

function ofTopic(model: Model, topic: ManifestObject, cluster: ManifestObject | undefined): Found[] {
  const nodes = cluster === undefined ? undefined : kafkaNodes(model, cluster);
  const { name } = topic.metadata;
  const stated = countOf(at(topic.body, 'spec', 'replicas'));
  const replicas = stated ?? (cluster === undefined ? undefined : leftOut(cluster, topic));
  const findings: Found[] = [];
  if (
    cluster !== undefined &&
    nodes !== undefined &&
    nodes.brokers > 0 &&
    stated !== undefined &&
    stated > nodes.brokers
  ) {
    findings.push({
      place: { object: topic, path: ['spec', 'replicas'] },
      message: say`KafkaTopic ${name} asks for ${measured(stated)} replicas but Kafka ${cluster.metadata.name} has ${allowed(nodes.brokers)} ${nodes.brokers === 1 ? 'broker' : 'brokers'}, so it is never made`,
      remedy: say`set spec.replicas to at most ${nodes.brokers}, or add brokers`,
      concerns: nodes.saidBy,
    });
  }
  const own = countOf(at(topic.body, 'spec', 'config', 'min.insync.replicas'));
  const minimum = own ?? (cluster === undefined ? undefined : brokerSetting(cluster, 'min.insync.replicas'));
  if (minimum === undefined || minimum <= 1 || replicas === undefined || minimum < replicas) return findings;
  // What the cluster's own settings say of each other is said there.
  const ofCluster = cluster === undefined ? undefined : brokerSetting(cluster, 'default.replication.factor');
  if (own === undefined && replicas === ofCluster) return findings;
  return [
    ...findings,
    {
      place: {
        object: topic,
        path: own === undefined ? ['spec', 'replicas'] : ['spec', 'config', 'min.insync.replicas'],
      },
      level: minimum > replicas ? 'error' : 'warning',
      message:
        minimum > replicas
          ? say`KafkaTopic ${name} has ${allowed(replicas)} ${replicas === 1 ? 'replica' : 'replicas'} but min.insync.replicas ${measured(minimum)}${own === undefined ? ' by its Kafka' : ''}: no writer with acks=all can write to it`
          : say`KafkaTopic ${name} has min.insync.replicas ${measured(minimum)}${own === undefined ? ' by its Kafka' : ''} and as many replicas: one broker that is away or restarts stops every writer with acks=all`,
      remedy: say`set min.insync.replicas of the topic to ${Math.max(1, replicas - 1)}, or give it more replicas`,
      ...(cluster === undefined ? {} : { concerns: [cluster] }),
    },
  ];
}
