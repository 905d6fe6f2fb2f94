import { Duration } from 'cdk8s';
import type { Construct } from 'constructs';
import { allowed, measured, say } from '../../checker/finding/message';
import type { Listener } from '../network/flow';
import type { TrafficEstimate } from '../sizing/traffic';
import { ExternalSecret } from '../workload/external';
import { objectLabels } from '../workload/labels';
import { type Refusal, refuse } from '../workload/refuse';
import {
  type KafkaClientProps,
  type KafkaConnection,
  type KafkaLogin,
  KafkaTopic,
  type KafkaTopicProps,
} from './kafka-topic';
import type { StrimziApi } from './strimzi-api';

/** The brokers look for segments to delete every five minutes, and delete them a minute later (their defaults). */
const DELETION_DELAY = Duration.minutes(6);

export interface KafkaClusterTopicProps extends KafkaTopicProps {
  /** What flows into the topic: the brokers' volumes are sized for it. */
  readonly traffic: TrafficEstimate;
  /**
   * Brokers that hold each record.
   * @default 3
   */
  readonly replication?: number;
  /**
   * Brokers that must hold a record before it is acknowledged (acks=all).
   * @default 2
   */
  readonly minInsyncReplicas?: number;
  /**
   * Time after which a partition begins a new segment; a record outlives its retention by up to that time.
   * @default a 24th of the retention, at least Duration.minutes(10)
   */
  readonly segment?: Duration;
}

/** What a topic asks of its cluster. */
export interface TopicCluster extends Construct {
  readonly name: string;
  readonly namespace: string;
  readonly brokers: number;
  readonly bootstrapServers: string;
  readonly clientSecurity: 'plain' | 'scram-tls';
  readonly api: StrimziApi;
  readonly listeners: readonly Listener[];
}

/** A topic that its cluster creates. */
export class ClusterTopic extends KafkaTopic {
  public readonly bootstrapServers: string;
  public readonly listeners: readonly Listener[];
  private readonly traffic: TrafficEstimate;
  private readonly replication: number;
  private readonly minInsyncReplicas: number;
  private readonly segment: Duration;
  private readonly logins = new Map<string, KafkaLogin>();

  constructor(
    private readonly cluster: TopicCluster,
    topicName: string,
    props: KafkaClusterTopicProps,
  ) {
    super(cluster, `topic-${topicName}`, topicName, props);
    this.bootstrapServers = cluster.bootstrapServers;
    this.listeners = cluster.listeners;
    this.traffic = props.traffic;
    this.replication = props.replication ?? 3;
    this.minInsyncReplicas = props.minInsyncReplicas ?? 2;
    this.segment = props.segment ?? defaultSegment(this.retention);

    const resourceName = topicName.toLowerCase().replaceAll(/[^a-z0-9.-]/g, '-');
    cluster.api.addTopic(this, 'topic', {
      metadata: this.metadata(resourceName),
      spec: {
        ...(resourceName === topicName ? {} : { topicName }),
        partitions: this.partitions,
        replicas: this.replication,
        config: {
          'cleanup.policy': 'delete',
          'retention.ms': this.retention.toMilliseconds(),
          'segment.ms': this.segment.toMilliseconds(),
          'min.insync.replicas': this.minInsyncReplicas,
        },
      },
    });
    refuse(this, () => this.replicationRefusals());
  }

  protected connection(client: string, props: KafkaClientProps): KafkaConnection {
    const { bootstrapServers } = this;
    if (this.cluster.clientSecurity === 'plain') {
      return { bootstrapServers, securityProtocol: 'PLAINTEXT' };
    }
    const known = this.logins.get(client);
    if (known !== undefined) {
      refuse(this, () => [
        {
          message: say`topic ${this.topicName} has two clients named ${measured(client)} but each has a user of its own`,
          remedy: say`rename one`,
        },
      ]);
    }
    const login = known ?? this.addUser(client, props);
    this.logins.set(client, login);
    return { bootstrapServers, securityProtocol: 'SASL_SSL', login };
  }

  /** Bytes of the broker that holds most of the topic's partitions, just before it deletes. */
  public get bytesOnFullestBroker(): number {
    const partitions = Math.ceil((this.partitions * this.replication) / this.cluster.brokers);
    const kept = Duration.millis(
      this.retention.toMilliseconds() + this.segment.toMilliseconds() + DELETION_DELAY.toMilliseconds(),
    );
    return (this.traffic.eventsIn(kept) * this.traffic.kafkaBytesPerEvent * partitions) / this.partitions;
  }

  private metadata(name: string) {
    return {
      name,
      namespace: this.cluster.namespace,
      labels: {
        ...objectLabels('kafka', this.cluster.name, 'messaging'),
        'strimzi.io/cluster': this.cluster.name,
      },
    };
  }

  /** A user with a SCRAM-SHA-512 password from a Secret, and the rights for what it does. */
  private addUser(client: string, { namespace, operation }: KafkaClientProps): KafkaLogin {
    const { cluster } = this;
    const credential = `kafka/${client}`;
    const passwords = new ExternalSecret(this, `${client}-password`, {
      secretName: `${cluster.name}-user-passwords`,
      namespace: cluster.namespace,
      keys: { [client]: { credential } },
    });
    const login = new ExternalSecret(this, `${client}-login`, {
      secretName: `${client}-kafka-login`,
      namespace,
      keys: {
        password: { credential },
        'jaas.conf': {
          credential,
          template: `KafkaClient { org.apache.kafka.common.security.scram.ScramLoginModule required username="${client}" password="{value}"; };`,
        },
      },
    });
    const authority = `${cluster.name}-cluster-ca-cert`;
    const authorityCopy = new ExternalSecret(this, `${client}-certificate-authority`, {
      secretName: authority,
      namespace,
      keys: { 'ca.crt': { copyOf: { namespace: cluster.namespace, secretName: authority, key: 'ca.crt' } } },
    });
    cluster.api.addUser(this, `${client}-user`, {
      metadata: this.metadata(client),
      password: { name: passwords.secretName, key: passwords.key(client).key },
      topicName: this.topicName,
      operation,
    });
    return {
      username: client,
      password: login.key('password'),
      jaasConfig: login.key('jaas.conf'),
      certificateAuthority: authorityCopy.key('ca.crt'),
    };
  }

  private replicationRefusals(): Refusal[] {
    const { brokers } = this.cluster;
    const topic = `topic ${this.topicName}`;
    const mostInsync = Math.max(1, this.replication - 1);
    return [
      // Without brokers, their number is what is wrong.
      ...(brokers < 1 ||
      (Number.isInteger(this.replication) && this.replication >= 1 && this.replication <= brokers)
        ? []
        : [
            {
              message: say`${topic} has replication ${measured(this.replication)} but its cluster has ${allowed(brokers)} ${brokers === 1 ? 'broker' : 'brokers'}`,
              remedy: say`set replication to a whole number from 1 to ${brokers}`,
            },
          ]),
      ...(Number.isInteger(this.minInsyncReplicas) &&
      this.minInsyncReplicas >= 1 &&
      this.minInsyncReplicas <= mostInsync
        ? []
        : [
            {
              message: say`${topic} has minInsyncReplicas ${measured(this.minInsyncReplicas)} but its replication is ${this.replication}, and a broker must be able to restart`,
              remedy: say`set minInsyncReplicas to a whole number from 1 to ${mostInsync}`,
            },
          ]),
      ...(this.segment.toMilliseconds() >= 1
        ? []
        : [
            {
              message: say`${topic} has a segment of ${measured(0)} but a segment spans some time`,
              remedy: say`set segment, e.g. Duration.hours(1)`,
            },
          ]),
    ];
  }
}

/** A 24th of the retention: an hour for a day. */
function defaultSegment(retention: Duration): Duration {
  return Duration.millis(
    Math.max(Math.round(retention.toMilliseconds() / 24), Duration.minutes(10).toMilliseconds()),
  );
}
