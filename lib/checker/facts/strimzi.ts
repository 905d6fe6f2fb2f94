import type { Path } from '../finding/message';
import { apiGroup } from '../manifest/pod-templates';
import { at, isObject, type ManifestObject } from '../object/manifest-object';
import type { Model } from './model';

export const STRIMZI_CLUSTER_LABEL = 'strimzi.io/cluster';

export function isStrimzi(object: ManifestObject): boolean {
  return apiGroup(object) === 'kafka.strimzi.io';
}

/** The Kafka clusters among the files. */
export function kafkaClusters(model: Model): readonly ManifestObject[] {
  return model.ofKind('Kafka').filter(isStrimzi);
}

/** The node pools that belong to a cluster. */
export function nodePools(model: Model, kafka: ManifestObject): readonly ManifestObject[] {
  return model
    .ofKind('KafkaNodePool')
    .filter(
      pool =>
        isStrimzi(pool) &&
        pool.metadata.labels?.[STRIMZI_CLUSTER_LABEL] === kafka.metadata.name &&
        pool.metadata.namespace === kafka.metadata.namespace,
    );
}

/** Whether the brokers come from KafkaNodePools: always in API v1, else by annotation. */
export function usesNodePools(model: Model, kafka: ManifestObject): boolean {
  return (
    kafka.apiVersion.endsWith('/v1') ||
    kafka.metadata.annotations?.['strimzi.io/node-pools'] === 'enabled' ||
    nodePools(model, kafka).length > 0
  );
}

/** The cluster that a resource's label names, when it is among the files. */
export function clusterOf(model: Model, object: ManifestObject): ManifestObject | undefined {
  return clustersOf(model, object)[0];
}

/** Every description among the files of the cluster that a resource's label names. */
export function clustersOf(model: Model, object: ManifestObject): readonly ManifestObject[] {
  const name = object.metadata.labels?.[STRIMZI_CLUSTER_LABEL];
  return kafkaClusters(model).filter(
    kafka => kafka.metadata.name === name && kafka.metadata.namespace === object.metadata.namespace,
  );
}

export interface StrimziComponent {
  readonly object: ManifestObject;
  readonly name: string;
  /** How its container is called, without the cluster's name; of a client the kind. */
  readonly container: string;
  readonly path: Path;
  readonly resources: unknown;
}

/** Every container that Strimzi's operator makes out of the resources, with the place of its `resources`. */
export function strimziComponents(model: Model): StrimziComponent[] {
  return model.objects.filter(isStrimzi).flatMap(object => {
    const component = (name: string, container: string, ...path: string[]): StrimziComponent[] =>
      isObject(at(object.body, ...path))
        ? [{ object, name, container, path, resources: at(object.body, ...path, 'resources') }]
        : [];
    switch (object.kind) {
      case 'Kafka':
        return [
          ...(usesNodePools(model, object) ? [] : component('broker', 'kafka', 'spec', 'kafka')),
          ...component('ZooKeeper', 'zookeeper', 'spec', 'zookeeper'),
          ...component('topic operator', 'topic-operator', 'spec', 'entityOperator', 'topicOperator'),
          ...component('user operator', 'user-operator', 'spec', 'entityOperator', 'userOperator'),
          ...component('Kafka exporter', 'kafka-exporter', 'spec', 'kafkaExporter'),
          ...component('Cruise Control', 'cruise-control', 'spec', 'cruiseControl'),
        ];
      case 'KafkaNodePool': {
        const cluster = clusterOf(model, object);
        const inherited = cluster === undefined ? undefined : at(cluster.body, 'spec', 'kafka', 'resources');
        return component('node pool', 'kafka', 'spec').map(pool => ({
          ...pool,
          resources: pool.resources ?? inherited,
        }));
      }
      case 'KafkaConnect':
      case 'KafkaBridge':
      case 'KafkaMirrorMaker2':
        return component(object.kind, object.kind, 'spec');
      default:
        return [];
    }
  });
}
