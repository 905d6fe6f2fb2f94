import { Size, SizeRoundingBehavior } from 'cdk8s';
import { type InstanceType, instanceType } from '../../checker/capacity/instance-types';
import { allocatable, type NodeGroupShape, type Taint } from '../../checker/capacity/node';

export interface NodeGroupProps {
  /**
   * Name of the group, a label on its nodes.
   * @default 'default'
   */
  readonly name?: string;
  /**
   * What each node is: a row of lib/checker/capacity/instance-types.ts, or one described by hand.
   * @default instanceType('m6i.large')
   */
  readonly instanceType?: InstanceType;
  /**
   * Number of nodes.
   * @default 4
   */
  readonly count?: number;
  /**
   * Zone of each node, in order; a shorter list is repeated.
   * @default one zone
   */
  readonly zones?: readonly string[];
  /**
   * Labels beside those that EKS puts on every node.
   * @default none
   */
  readonly labels?: Readonly<Record<string, string>>;
  /**
   * Taints of every node.
   * @default none
   */
  readonly taints?: readonly Taint[];
  /**
   * The root volume, which holds images, logs and emptyDirs.
   * @default Size.gibibytes(20), EKS' own default
   */
  readonly rootVolume?: Size;
}

/**
 * The nodes that the chart has to fit: a value, not an object of the cluster.
 *
 * @example
 * const nodes = new NodeGroup({ instanceType: instanceType('m6i.xlarge'), count: 3 });
 */
export class NodeGroup implements NodeGroupShape {
  public readonly name: string;
  public readonly instanceType: InstanceType;
  public readonly count: number;
  public readonly zones: readonly string[];
  public readonly labels: Readonly<Record<string, string>>;
  public readonly taints: readonly Taint[];
  public readonly rootVolumeGiB: number;

  /** Throws for a number of nodes, zones or a root volume that is impossible. */
  constructor(props: NodeGroupProps = {}) {
    this.name = props.name ?? 'default';
    this.instanceType = props.instanceType ?? instanceType('m6i.large');
    this.count = props.count ?? 4;
    this.zones = props.zones ?? ['zone-a'];
    this.labels = props.labels ?? {};
    this.taints = props.taints ?? [];
    this.rootVolumeGiB = (props.rootVolume ?? Size.gibibytes(20)).toGibibytes({
      rounding: SizeRoundingBehavior.NONE,
    });
    if (!Number.isSafeInteger(this.count) || this.count < 1) {
      throw new RangeError(
        `node group ${this.name} has ${this.count} nodes but a whole number of at least 1 is allowed; set count, e.g. 4`,
      );
    }
    if (this.zones.length === 0) {
      throw new RangeError(
        `node group ${this.name} has no zones but each node is in one; set zones, e.g. ['ap-northeast-2a']`,
      );
    }
    if (!(allocatable(this.instanceType, this.rootVolumeGiB).ephemeralStorageBytes > 0)) {
      throw new RangeError(
        `node group ${this.name} has a root volume of ${this.rootVolumeGiB} GiB but the node itself needs more than 1 GiB of it; set rootVolume, e.g. Size.gibibytes(20)`,
      );
    }
  }
}
