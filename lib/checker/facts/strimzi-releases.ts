/** A release of the Strimzi operator, and what it understands. */
export interface StrimziRelease {
  readonly version: string;
  /** API version of Kafka, KafkaNodePool, KafkaTopic and KafkaUser. */
  readonly apiVersion: string;
  readonly coordination: 'kraft' | 'zookeeper';
  /** Versions that the release's kafka-versions.yaml marks as supported. */
  readonly kafkaVersions: readonly string[];
  /** The one that the chart uses. */
  readonly kafkaVersion: string;
  /** metadata.version of KRaft, for kafkaVersion. */
  readonly metadataVersion?: string;
}

/** Strimzi 1.x dropped ZooKeeper and v1beta2; 0.45 is the last line that runs ZooKeeper. */
export const strimzi = {
  kraft: {
    version: '1.2.0',
    apiVersion: 'kafka.strimzi.io/v1',
    coordination: 'kraft',
    kafkaVersions: ['4.2.0', '4.3.0'],
    kafkaVersion: '4.2.0',
    metadataVersion: '4.2-IV1',
  },
  zookeeper: {
    version: '0.45.2',
    apiVersion: 'kafka.strimzi.io/v1beta2',
    coordination: 'zookeeper',
    kafkaVersions: ['3.8.0', '3.8.1', '3.9.0', '3.9.1'],
    kafkaVersion: '3.9.1',
  },
} as const satisfies Record<string, StrimziRelease>;
