import { kafkaNodes } from '../facts/kafka-nodes';
import type { Model } from '../facts/model';
import type { Rule } from '../facts/rule';
import { isStrimzi, kafkaClusters, nodePools, STRIMZI_CLUSTER_LABEL, usesNodePools } from '../facts/strimzi';
import type { Found } from '../finding/finding';
import { allowed, listed, measured, type Path, quote, say } from '../finding/message';
import { namespaceOf } from '../manifest/pod-templates';
import { at, isObject, type ManifestObject } from '../object/manifest-object';

/** Kafka decides by the majority of its controllers: of an even number one more may be away than of one less. */
export const kafkaQuorum: Rule = {
  id: 'kafka-quorum',
  level: 'error',
  refuses: 'a Kafka without brokers or controllers, and an even number of controllers',
  remedy: 'give it an odd number of controllers, 3 for most clusters, and at least one broker',
  check: model => [
    ...kafkaClusters(model).flatMap(kafka => ofCluster(model, kafka)),
    ...model
      .ofKind('KafkaNodePool')
      .filter(isStrimzi)
      .flatMap(pool => ofPool(model, pool)),
  ],
};

function ofCluster(model: Model, kafka: ManifestObject): Found[] {
  const { name } = kafka.metadata;
  const nodes = kafkaNodes(model, kafka);
  const pools = nodePools(model, kafka);
  if (nodes === undefined) {
    const isKnown =
      !usesNodePools(model, kafka) ||
      isObject(at(kafka.body, 'spec', 'zookeeper')) ||
      pools.length > 0 ||
      model.isExternal('KafkaNodePool', kafka.metadata.namespace, name);
    if (isKnown) return [];
    return [
      {
        place: { object: kafka, path: ['metadata', 'name'] },
        level: 'warning',
        message: say`Kafka ${name} gets its brokers from node pools, and no KafkaNodePool with the label ${STRIMZI_CLUSTER_LABEL}: ${measured(name)} is declared in namespace ${namespaceOf(kafka)}`,
        remedy: say`declare its pools, or say that they exist with --external KafkaNodePool/${namespaceOf(kafka)}/${name}`,
      },
    ];
  }
  const { brokers, coordinators, hasZooKeeper, saidBy } = nodes;
  const what = hasZooKeeper ? 'ZooKeeper servers' : 'controllers';
  const one = pools[0];
  const place: { object: ManifestObject; path: Path } = hasZooKeeper
    ? { object: kafka, path: ['spec', 'zookeeper', 'replicas'] }
    : usesNodePools(model, kafka)
      ? (controllerPlace(pools) ?? { object: one ?? kafka, path: ['spec', 'roles'] })
      : { object: kafka, path: ['spec', 'kafka', 'replicas'] };
  const findings: Found[] = [];
  if (coordinators === 0 && !isMigrating(kafka)) {
    findings.push({
      place,
      message: say`Kafka ${name} has ${measured(0)} ${what}, so its operator makes nothing of it`,
      remedy: hasZooKeeper
        ? say`set spec.zookeeper.replicas, e.g. 3`
        : say`give a KafkaNodePool the role controller, with 3 replicas`,
      concerns: saidBy,
    });
  } else if (coordinators !== undefined && coordinators % 2 === 0 && coordinators > 0) {
    const majority = coordinators / 2 + 1;
    findings.push({
      place,
      level: 'warning',
      message: say`Kafka ${name} has ${measured(coordinators)} ${what}, of which ${majority === coordinators ? 'both' : String(majority)} are needed to decide: ${coordinators === 2 ? 'the loss of one stops the cluster, so that two fail sooner than one' : `no more of them may be away than of ${coordinators - 1}`}`,
      remedy: say`take an odd number, ${coordinators === 2 ? allowed(3) : say`${allowed(coordinators - 1)} or ${coordinators + 1}`}`,
      concerns: saidBy,
    });
  }
  if (brokers === 0) {
    findings.push({
      place: usesNodePools(model, kafka)
        ? { object: one ?? kafka, path: ['spec', 'roles'] }
        : { object: kafka, path: ['spec', 'kafka', 'replicas'] },
      message: say`Kafka ${name} has ${measured(0)} brokers, so nothing can be written to it`,
      remedy: say`give a KafkaNodePool the role broker, with at least 1 replica`,
      concerns: saidBy,
    });
  }
  return findings;
}

/** While it migrates from ZooKeeper a cluster may have either. */
function isMigrating(kafka: ManifestObject): boolean {
  const mode = kafka.metadata.annotations?.['strimzi.io/kraft'];
  return mode === 'migration' || mode === 'rollback';
}

function controllerPlace(
  pools: readonly ManifestObject[],
): { readonly object: ManifestObject; readonly path: Path } | undefined {
  const pool = pools.find(({ body }) => {
    const roles = at(body, 'spec', 'roles');
    return Array.isArray(roles) && roles.includes('controller');
  });
  return pool === undefined ? undefined : { object: pool, path: ['spec', 'replicas'] };
}

/** A pool that no Kafka of the files takes. */
function ofPool(model: Model, pool: ManifestObject): Found[] {
  const { name, labels } = pool.metadata;
  const cluster = labels?.[STRIMZI_CLUSTER_LABEL];
  const there = kafkaClusters(model).filter(kafka => namespaceOf(kafka) === namespaceOf(pool));
  if (cluster === undefined) {
    return [
      {
        place: {
          object: pool,
          path: ['metadata', ...(isObject(at(pool.body, 'metadata', 'labels')) ? ['labels'] : [])],
        },
        message: say`KafkaNodePool ${name} has no label ${STRIMZI_CLUSTER_LABEL}, so it belongs to no Kafka`,
        remedy: say`add the label ${STRIMZI_CLUSTER_LABEL} with the name of its Kafka`,
      },
    ];
  }
  const isThere = there.some(kafka => kafka.metadata.name === cluster);
  if (isThere || there.length === 0 || model.isExternal('Kafka', pool.metadata.namespace, cluster)) return [];
  return [
    {
      place: { object: pool, path: ['metadata', 'labels', STRIMZI_CLUSTER_LABEL] },
      message: say`KafkaNodePool ${name} belongs to Kafka ${measured(cluster, quote)}, which is not declared in namespace ${namespaceOf(pool)}; declared there: ${allowed(listed([...new Set(there.map(kafka => kafka.metadata.name))]))}`,
      remedy: say`name a declared Kafka, or say that it exists with --external Kafka/${namespaceOf(pool)}/${cluster}`,
    },
  ];
}
