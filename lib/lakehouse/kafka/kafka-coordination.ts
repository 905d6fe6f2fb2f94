import { Size } from 'cdk8s';
import { type ContainerResources, Cpu, type CpuResources, type MemoryResources } from 'cdk8s-plus-28';

/** The size of the nodes that keep the cluster's metadata. */
export interface KafkaCoordinationProps {
  /**
   * Number of nodes; odd, because a majority decides.
   * @default 3
   */
  readonly replicas?: number;
  /** @default 100m requested, 300m at most */
  readonly cpu?: CpuResources;
  /** @default 512Mi requested, 1Gi at most */
  readonly memory?: MemoryResources;
  /**
   * Size of each node's volume.
   * @default Size.gibibytes(2)
   */
  readonly storage?: Size;
}

/** What keeps the cluster's metadata. */
export class KafkaCoordination {
  /** A pool of KRaft controllers (Strimzi 1.x). */
  public static kraft(props: KafkaCoordinationProps = {}): KafkaCoordination {
    return new KafkaCoordination('kraft', props);
  }

  /** ZooKeeper, for clusters that stay on Strimzi 0.45. */
  public static zookeeper(props: KafkaCoordinationProps = {}): KafkaCoordination {
    return new KafkaCoordination('zookeeper', props);
  }

  public readonly replicas: number;
  public readonly storage: Size;
  public readonly resources: ContainerResources;

  private constructor(
    public readonly kind: 'kraft' | 'zookeeper',
    props: KafkaCoordinationProps,
  ) {
    this.replicas = props.replicas ?? 3;
    this.storage = props.storage ?? Size.gibibytes(2);
    this.resources = {
      cpu: props.cpu ?? { request: Cpu.millis(100), limit: Cpu.millis(300) },
      memory: props.memory ?? { request: Size.mebibytes(512), limit: Size.gibibytes(1) },
      ephemeralStorage: { request: Size.mebibytes(64), limit: Size.mebibytes(256) },
    };
  }
}
