import type { Model } from '../facts/model';
import type { Rule } from '../facts/rule';
import { isStrimzi, kafkaClusters, STRIMZI_CLUSTER_LABEL } from '../facts/strimzi';
import type { Found } from '../finding/finding';
import { allowed, listed, measured, quote, say } from '../finding/message';
import { declaredContainers, namespaceOf } from '../manifest/pod-templates';
import { asObjects, at, isObject } from '../object/manifest-object';

/** A KafkaTopic that nobody reconciles exists in Kubernetes and not in Kafka. */
export const topicWithoutOperator: Rule = {
  id: 'topic-without-operator',
  level: 'error',
  refuses: 'a KafkaTopic that nothing reconciles',
  remedy: 'label it with strimzi.io/cluster and give that Kafka an entityOperator.topicOperator',
  check: model => {
    if (hasOwnTopicOperator(model)) return [];
    return model
      .ofKind('KafkaTopic')
      .filter(isStrimzi)
      .flatMap((topic): Found[] => {
        const { name, labels } = topic.metadata;
        const cluster = labels?.[STRIMZI_CLUSTER_LABEL];
        const namespace = namespaceOf(topic);
        if (cluster === undefined) {
          return [
            {
              place: { object: topic, path: ['metadata', 'labels'] },
              message: say`KafkaTopic ${name} has no label ${STRIMZI_CLUSTER_LABEL}, so no topic operator takes it`,
              remedy: say`add the label ${STRIMZI_CLUSTER_LABEL} with the name of its Kafka`,
            },
          ];
        }
        const clusters = kafkaClusters(model);
        if (clusters.length === 0 || model.isExternal('Kafka', topic.metadata.namespace, cluster)) return [];
        const place = { object: topic, path: ['metadata', 'labels', STRIMZI_CLUSTER_LABEL] };
        const named = clusters.filter(kafka => kafka.metadata.name === cluster);
        if (named.length === 0) {
          return [
            {
              place: place,
              message: say`KafkaTopic ${name} belongs to Kafka ${measured(cluster, quote)}, which is not declared; declared: ${allowed(listed(clusters.map(kafka => kafka.metadata.name)))}`,
              remedy: say`name a declared Kafka, or say that it exists with --external Kafka/${namespace}/${cluster}`,
            },
          ];
        }
        const operated = named.filter(kafka =>
          isObject(at(kafka.body, 'spec', 'entityOperator', 'topicOperator')),
        );
        if (operated.length === 0) {
          return [
            {
              place: place,
              message: say`KafkaTopic ${name} is never made: Kafka ${cluster} has no topic operator`,
              remedy: say`add spec.entityOperator.topicOperator to Kafka ${cluster}`,
              concerns: named,
            },
          ];
        }
        const watched = operated.map(kafka =>
          String(
            at(kafka.body, 'spec', 'entityOperator', 'topicOperator', 'watchedNamespace') ??
              namespaceOf(kafka),
          ),
        );
        if (watched.includes(namespace) || topic.metadata.namespace === undefined) return [];
        return [
          {
            place: place,
            message: say`KafkaTopic ${name} is in namespace ${measured(namespace)}, but the topic operator of Kafka ${cluster} watches ${allowed(listed(watched))}`,
            remedy: say`move it to namespace ${watched[0] ?? ''}, or set watchedNamespace`,
            concerns: operated,
          },
        ];
      });
  },
};

/** Strimzi's topic operator can be deployed by itself, for a Kafka that Strimzi does not run. */
function hasOwnTopicOperator(model: Model): boolean {
  return model.templates.some(template =>
    declaredContainers(template).some(({ container }) =>
      asObjects(container['env']).some(({ name }) => name === 'STRIMZI_KAFKA_BOOTSTRAP_SERVERS'),
    ),
  );
}
