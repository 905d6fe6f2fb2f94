import * as api from '../../../imports/zk-kafka.strimzi.io';
import { resourceRequirements, sizeQuantity } from '../workload/container';
import { heap } from './heap';
import { brokerConfig, listeners, rights, type StrimziApi } from './strimzi-api';
import { companions, podTemplate, securedContainer } from './strimzi-pods';

/** Strimzi 0.45, the last release that runs ZooKeeper. */
export const strimziV1Beta2: StrimziApi = {
  addCluster: (scope, cluster) => {
    const isSecured = cluster.clientSecurity === 'scram-tls';
    return new api.Kafka(scope, 'kafka', {
      metadata: { name: cluster.name, namespace: cluster.namespace, labels: cluster.labels },
      spec: {
        kafka: {
          version: cluster.kafkaVersion,
          replicas: cluster.brokers,
          listeners: listeners(api, cluster),
          ...(isSecured ? { authorization: { type: api.KafkaSpecKafkaAuthorizationType.SIMPLE } } : {}),
          rack: { topologyKey: cluster.rackTopologyKey },
          config: {
            ...brokerConfig(cluster),
            'inter.broker.protocol.version': cluster.kafkaVersion.split('.').slice(0, 2).join('.'),
          },
          storage: {
            type: api.KafkaSpecKafkaStorageType.JBOD,
            volumes: [
              {
                id: 0,
                type: api.KafkaSpecKafkaStorageVolumesType.PERSISTENT_HYPHEN_CLAIM,
                size: sizeQuantity(cluster.storage),
                class: cluster.storageClass,
                deleteClaim: false,
              },
            ],
          },
          resources: resourceRequirements(cluster.broker),
          jvmOptions: heap(cluster.broker),
          template: {
            pod: podTemplate(cluster, 'kafka'),
            kafkaContainer: securedContainer,
            initContainer: securedContainer,
            podDisruptionBudget: { maxUnavailable: 1 },
          },
        },
        zookeeper: {
          replicas: cluster.coordination.replicas,
          storage: {
            type: api.KafkaSpecZookeeperStorageType.PERSISTENT_HYPHEN_CLAIM,
            size: sizeQuantity(cluster.coordination.storage),
            class: cluster.storageClass,
            deleteClaim: false,
          },
          resources: resourceRequirements(cluster.coordination.resources),
          jvmOptions: heap(cluster.coordination.resources),
          template: {
            pod: podTemplate(cluster, 'zookeeper'),
            zookeeperContainer: securedContainer,
            podDisruptionBudget: { maxUnavailable: 1 },
          },
        },
        ...companions(cluster),
      },
    });
  },
  addTopic: (scope, id, topic) => {
    new api.KafkaTopic(scope, id, topic);
  },
  addUser: (scope, id, user) => {
    new api.KafkaUser(scope, id, {
      metadata: user.metadata,
      spec: {
        authentication: {
          type: api.KafkaUserSpecAuthenticationType.SCRAM_HYPHEN_SHA_HYPHEN_512,
          password: { valueFrom: { secretKeyRef: user.password } },
        },
        authorization: { type: api.KafkaUserSpecAuthorizationType.SIMPLE, acls: rights(api, user) },
      },
    });
  },
};
