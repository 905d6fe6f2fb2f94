import { type ApiObject, type ApiObjectMetadata, Lazy, type Size } from 'cdk8s';
import type { ContainerResources } from 'cdk8s-plus-28';
import type { Construct } from 'constructs';
import type * as strimziV1 from '../../../imports/kafka.strimzi.io';
import type * as strimziV1Beta2 from '../../../imports/zk-kafka.strimzi.io';
import type { KafkaCoordination } from './kafka-coordination';

export const PLAIN_PORT = 9092;
export const TLS_PORT = 9093;

/** A Kafka cluster as both generations of Strimzi's API describe it. */
export interface ClusterDescription {
  readonly name: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly kafkaVersion: string;
  readonly clientSecurity: 'plain' | 'scram-tls';
  readonly brokers: number;
  readonly storage: Size;
  readonly coordination: KafkaCoordination;
  readonly storageClass: string;
  readonly rackTopologyKey: string;
  /** Of each broker. */
  readonly broker: ContainerResources;
  readonly operator: ContainerResources;
  readonly exporter: ContainerResources;
  readonly priorityClassName?: string;
  /** Who may connect to a listener's port, as policies name them; at least one. Asked when the app is complete. */
  readonly clients: (port: number) => readonly object[];
}

/** A topic's settings, as both generations take them. */
export interface TopicDescription {
  readonly metadata: ApiObjectMetadata;
  readonly spec: {
    readonly topicName?: string;
    readonly partitions: number;
    readonly replicas: number;
    readonly config: Readonly<Record<string, string | number>>;
  };
}

/** A user with a SCRAM-SHA-512 password from a Secret, and what it may do with a topic. */
export interface UserDescription {
  readonly metadata: ApiObjectMetadata;
  readonly password: { readonly name: string; readonly key: string };
  readonly topicName: string;
  readonly operation: 'produce' | 'consume';
}

/** One generation of Strimzi's API: the objects of a cluster, of a topic and of a user. */
export interface StrimziApi {
  /** Creates the cluster and its pools of nodes; returns the Kafka object. */
  readonly addCluster: (scope: Construct, cluster: ClusterDescription) => ApiObject;
  readonly addTopic: (scope: Construct, id: string, topic: TopicDescription) => void;
  readonly addUser: (scope: Construct, id: string, user: UserDescription) => void;
}

/** What every broker is configured with. */
export function brokerConfig({ brokers }: ClusterDescription): Record<string, string | number | boolean> {
  const replication = Math.min(3, brokers);
  const insync = Math.max(1, replication - 1);
  return {
    'auto.create.topics.enable': false,
    'default.replication.factor': replication,
    'min.insync.replicas': insync,
    'offsets.topic.replication.factor': replication,
    'transaction.state.log.replication.factor': replication,
    'transaction.state.log.min.isr': insync,
    'unclean.leader.election.enable': false,
  };
}

type V1 = typeof strimziV1;
type V1Beta2 = typeof strimziV1Beta2;

/**
 * The internal listeners: one with TLS and a login, or one without beside one with TLS. Each admits its clients alone:
 * Strimzi makes policies of its own, and opens a listener that names none to every pod of the cluster.
 */
export function listeners(api: V1, cluster: ClusterDescription): strimziV1.KafkaSpecKafkaListeners[];
export function listeners(
  api: V1Beta2,
  cluster: ClusterDescription,
): strimziV1Beta2.KafkaSpecKafkaListeners[];
export function listeners(api: V1 | V1Beta2, { clientSecurity, clients }: ClusterDescription): unknown[] {
  const { INTERNAL } = api.KafkaSpecKafkaListenersType;
  const { SCRAM_HYPHEN_SHA_HYPHEN_512 } = api.KafkaSpecKafkaListenersAuthenticationType;
  const listener = (name: string, port: number, tls: boolean) => ({
    name,
    port,
    type: INTERNAL,
    tls,
    networkPolicyPeers: Lazy.any({ produce: () => clients(port) }),
  });
  return clientSecurity === 'scram-tls'
    ? [{ ...listener('tls', TLS_PORT, true), authentication: { type: SCRAM_HYPHEN_SHA_HYPHEN_512 } }]
    : [listener('plain', PLAIN_PORT, false), listener('tls', TLS_PORT, true)];
}

/** Spark makes up the names of its consumer groups, so a consumer may read with any. */
export function rights(api: V1, user: UserDescription): strimziV1.KafkaUserSpecAuthorizationAcls[];
export function rights(api: V1Beta2, user: UserDescription): strimziV1Beta2.KafkaUserSpecAuthorizationAcls[];
export function rights(api: V1 | V1Beta2, { topicName, operation }: UserDescription): unknown[] {
  const { READ, WRITE, DESCRIBE } = api.KafkaUserSpecAuthorizationAclsOperations;
  const { TOPIC, GROUP } = api.KafkaUserSpecAuthorizationAclsResourceType;
  const { LITERAL, PREFIX } = api.KafkaUserSpecAuthorizationAclsResourcePatternType;
  const topic = { type: TOPIC, name: topicName, patternType: LITERAL };
  return operation === 'produce'
    ? [{ resource: topic, operations: [WRITE, DESCRIBE] }]
    : [
        { resource: topic, operations: [READ, DESCRIBE] },
        { resource: { type: GROUP, name: 'spark-kafka-source-', patternType: PREFIX }, operations: [READ] },
      ];
}
