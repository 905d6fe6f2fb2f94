import type { Size } from 'cdk8s';
import type { ContainerResources } from 'cdk8s-plus-28';
import type { Construct } from 'constructs';
import * as api from '../../../imports/kafka.strimzi.io';
import { strimzi } from '../versions';
import { resourceRequirements, sizeQuantity } from '../workload/container';
import { heap } from './heap';
import { brokerConfig, type ClusterDescription, listeners, rights, type StrimziApi } from './strimzi-api';
import { companions, podTemplate, securedContainer } from './strimzi-pods';

/** Strimzi 1.x: KRaft, pools of nodes. */
export const strimziV1: StrimziApi = {
  addCluster: (scope, cluster) => {
    const { coordination } = cluster;
    addPool(scope, 'controllers', cluster, {
      name: 'controller',
      role: api.KafkaNodePoolSpecRoles.CONTROLLER,
      replicas: coordination.replicas,
      storage: coordination.storage,
      resources: coordination.resources,
    });
    addPool(scope, 'brokers', cluster, {
      name: 'broker',
      role: api.KafkaNodePoolSpecRoles.BROKER,
      replicas: cluster.brokers,
      storage: cluster.storage,
      resources: cluster.broker,
    });
    const isSecured = cluster.clientSecurity === 'scram-tls';
    return new api.Kafka(scope, 'kafka', {
      metadata: { name: cluster.name, namespace: cluster.namespace, labels: cluster.labels },
      spec: {
        kafka: {
          version: cluster.kafkaVersion,
          metadataVersion: strimzi.kraft.metadataVersion,
          listeners: listeners(api, cluster),
          ...(isSecured ? { authorization: { type: api.KafkaSpecKafkaAuthorizationType.SIMPLE } } : {}),
          rack: { topologyKey: cluster.rackTopologyKey },
          config: brokerConfig(cluster),
          template: { podDisruptionBudget: { maxUnavailable: 1 } },
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

interface Pool {
  readonly name: 'broker' | 'controller';
  readonly role: api.KafkaNodePoolSpecRoles;
  readonly replicas: number;
  readonly storage: Size;
  readonly resources: ContainerResources;
}

function addPool(scope: Construct, id: string, cluster: ClusterDescription, pool: Pool): void {
  new api.KafkaNodePool(scope, id, {
    metadata: {
      name: pool.name,
      namespace: cluster.namespace,
      labels: { ...cluster.labels, 'strimzi.io/cluster': cluster.name },
    },
    spec: {
      replicas: pool.replicas,
      roles: [pool.role],
      storage: {
        type: api.KafkaNodePoolSpecStorageType.JBOD,
        volumes: [
          {
            id: 0,
            type: api.KafkaNodePoolSpecStorageVolumesType.PERSISTENT_HYPHEN_CLAIM,
            size: sizeQuantity(pool.storage),
            class: cluster.storageClass,
            deleteClaim: false,
            kraftMetadata: api.KafkaNodePoolSpecStorageVolumesKraftMetadata.SHARED,
          },
        ],
      },
      resources: resourceRequirements(pool.resources),
      jvmOptions: heap(pool.resources),
      template: {
        pod: podTemplate(cluster, pool.name),
        kafkaContainer: securedContainer,
        // The init container reads a broker's zone.
        ...(pool.name === 'broker' ? { initContainer: securedContainer } : {}),
      },
    },
  });
}
