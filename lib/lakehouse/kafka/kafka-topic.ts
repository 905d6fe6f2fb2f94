import { Duration } from 'cdk8s';
import { Construct } from 'constructs';
import { measured, say } from '../../checker/finding/message';
import { listenersAt } from '../network/addresses';
import { type Connectable, declareFlows, type Listener, type Pods } from '../network/flow';
import type { SecretKey } from '../workload/external';
import { type Refusal, refuse } from '../workload/refuse';

export interface KafkaTopicProps {
  /** Number of partitions: the ceiling of one consumer group's parallelism. */
  readonly partitions: number;
  /**
   * How long the brokers keep a record.
   * @default Duration.days(3)
   */
  readonly retention?: Duration;
}

export interface ExternalKafkaTopicProps extends KafkaTopicProps {
  readonly topicName: string;
  /** host:port of one or more brokers, separated by commas. */
  readonly bootstrapServers: string;
  /**
   * Where the brokers are, as CIDRs.
   * @default what their names say: an address, a Service of the cluster, or nothing, and then every address
   */
  readonly addresses?: readonly string[];
}

/** How one client reaches a topic. */
export interface KafkaConnection {
  readonly bootstrapServers: string;
  /** PLAINTEXT, or TLS with a SCRAM-SHA-512 login. */
  readonly securityProtocol: 'PLAINTEXT' | 'SASL_SSL';
  /** The login, with SASL_SSL. */
  readonly login?: KafkaLogin;
}

export interface KafkaLogin {
  readonly username: string;
  readonly password: SecretKey;
  /** A JAAS configuration with the section KafkaClient, for JVM clients. */
  readonly jaasConfig: SecretKey;
  /** The certificate, PEM, that signed the brokers'. */
  readonly certificateAuthority: SecretKey;
}

export interface KafkaClientProps {
  /** Where the client's pods run, and so where its Secrets are. */
  readonly namespace: string;
  readonly operation: 'produce' | 'consume';
  /**
   * The client's pods, which policies let through to the brokers.
   * @default every pod of the namespace
   */
  readonly pods?: readonly Pods[];
}

/**
 * A topic, as what writes or reads it sees it: made by `KafkaCluster.addTopic()`, or external.
 *
 * @example
 * const topic = KafkaTopic.external(chart, 'topic', {
 *   topicName: 'user-activity-logs',
 *   bootstrapServers: 'broker-1.example.com:9092',
 *   partitions: 6,
 * });
 */
export abstract class KafkaTopic extends Construct implements Connectable {
  /** A topic of a cluster that this chart does not make. */
  public static external(scope: Construct, id: string, props: ExternalKafkaTopicProps): KafkaTopic {
    return new ExternalKafkaTopic(scope, id, props);
  }

  public readonly partitions: number;
  public readonly retention: Duration;
  public abstract readonly bootstrapServers: string;
  /** Where clients reach the brokers. */
  public abstract readonly listeners: readonly Listener[];

  constructor(
    scope: Construct,
    id: string,
    public readonly topicName: string,
    props: KafkaTopicProps,
  ) {
    super(scope, id);
    this.partitions = props.partitions;
    this.retention = props.retention ?? Duration.days(3);
    refuse(this, () => this.refusals());
  }

  /** Declares a client and what it does, lets its pods through to the brokers, and returns how it connects. */
  public connect(client: string, props: KafkaClientProps): KafkaConnection {
    const { namespace, operation } = props;
    const pods = props.pods ?? [{ name: client, namespace, labels: {} }];
    const why = `records are ${operation === 'produce' ? 'written to' : 'read from'} ${this.topicName}`;
    declareFlows(this, () =>
      pods.flatMap(from => this.listeners.map(({ end, ports }) => ({ from, to: end, ports, why }))),
    );
    return this.connection(client, props);
  }

  /** How a client connects. */
  protected abstract connection(client: string, props: KafkaClientProps): KafkaConnection;

  private refusals(): Refusal[] {
    // org.apache.kafka.common.internals.Topic: 249 characters of [a-zA-Z0-9._-], not '.' or '..'.
    const nameIsLegal =
      /^[a-zA-Z0-9._-]{1,249}$/.test(this.topicName) && this.topicName !== '.' && this.topicName !== '..';
    return [
      ...(nameIsLegal
        ? []
        : [
            {
              message: say`topic ${measured(this.topicName, JSON.stringify)} has an illegal name but Kafka allows 1 to 249 of letters, digits, '.', '_' and '-'`,
              remedy: say`rename it, e.g. user-activity-logs`,
            },
          ]),
      ...(Number.isInteger(this.partitions) && this.partitions >= 1
        ? []
        : [
            {
              message: say`topic ${this.topicName} has ${measured(this.partitions)} partitions but the number must be a whole one of at least 1`,
              remedy: say`set partitions, e.g. 6`,
            },
          ]),
      ...(this.retention.toSeconds({ integral: false }) > 0
        ? []
        : [
            {
              message: say`topic ${this.topicName} has a retention of ${measured(0)} but records must outlive the longest outage of their reader`,
              remedy: say`set retention, e.g. Duration.days(3)`,
            },
          ]),
    ];
  }
}

class ExternalKafkaTopic extends KafkaTopic {
  public readonly bootstrapServers: string;
  public readonly listeners: readonly Listener[];

  constructor(scope: Construct, id: string, props: ExternalKafkaTopicProps) {
    super(scope, id, props.topicName, props);
    this.bootstrapServers = props.bootstrapServers;
    const servers = props.bootstrapServers.split(',');
    const malformed = servers.filter(server => !/^([^\s:/]+|\[[0-9a-f:.]+\]):\d{1,5}$/.test(server));
    this.listeners = listenersAt(
      this,
      servers
        .filter(server => !malformed.includes(server))
        .map(server => {
          const colon = server.lastIndexOf(':');
          return { host: server.slice(0, colon), port: Number(server.slice(colon + 1)) };
        }),
      props.addresses,
    );
    refuse(this, () =>
      malformed.map(server => ({
        message: say`topic ${props.topicName} has bootstrap server ${measured(server, JSON.stringify)} but each must be host:port`,
        remedy: say`set bootstrapServers, e.g. broker-1.example.com:9092,broker-2.example.com:9092`,
      })),
    );
  }

  protected connection(_client: string, _props: KafkaClientProps): KafkaConnection {
    return { bootstrapServers: this.bootstrapServers, securityProtocol: 'PLAINTEXT' };
  }
}
