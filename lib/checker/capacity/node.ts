import type { InstanceType } from './instance-types';

/** What the scheduler may give to pods on one node. */
export interface Allocatable {
  readonly cpuMillis: number;
  readonly memoryBytes: number;
  readonly pods: number;
  readonly ephemeralStorageBytes: number;
  readonly ebsVolumes: number;
}

export interface Taint {
  readonly key: string;
  readonly value?: string;
  readonly effect: 'NoSchedule' | 'PreferNoSchedule' | 'NoExecute';
}

/** A node as the scheduler sees it. */
export interface ClusterNode {
  readonly name: string;
  readonly instanceType: InstanceType;
  readonly zone?: string;
  /** All labels, the well-known ones included. */
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly Taint[];
  readonly allocatable: Allocatable;
}

/** Nodes of one kind. */
export interface NodeGroupShape {
  readonly name: string;
  readonly instanceType: InstanceType;
  readonly count: number;
  /** Zone of each node, in order; a shorter list is repeated. @default one zone */
  readonly zones?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly taints?: readonly Taint[];
  /** Size of the root volume, which holds images, logs and emptyDirs. @default 20 */
  readonly rootVolumeGiB?: number;
}

const KI = 1024;
const MI = 1024 * KI;
const GI = 1024 * MI;

/** An AL2023 root volume less partitions and XFS log, as observed: 20893676Ki of 20 GiB, 83808236Ki of 80 GiB. */
const ROOT_VOLUME_OVERHEAD = 77844 * KI;
/** The kubelet keeps 10 % of the root file system free; the share is a float32 there. */
const EVICTION_SHARE = Math.fround(0.1);

/** CPU that nodeadm reserves: 6 % of the first core, 1 % of the second, 0.5 % of the next two, 0.25 % of the rest. */
function reservedCpuMillis(vcpus: number): number {
  const share = (from: number, to: number, millisPerCore: number) =>
    Math.max(0, Math.min(vcpus, to) - from) * millisPerCore;
  return Math.ceil(
    share(0, 1, 60) + share(1, 2, 10) + share(2, 4, 5) + share(4, Number.POSITIVE_INFINITY, 2.5),
  );
}

/**
 * What an EKS node of that type allocates to pods (awslabs/amazon-eks-ami, nodeadm's kubelet defaults):
 * memory reserved = 255Mi + 11Mi a pod, and 100Mi for eviction; CPU as above; 1Gi and 10 % of the root file system.
 *
 * m6i.large: 1930m, 7291820Ki, 29 pods, 18181869946 bytes, 24 volumes.
 */
export function allocatable(type: InstanceType, rootVolumeGiB = 20): Allocatable {
  const disk = rootVolumeGiB * GI - ROOT_VOLUME_OVERHEAD;
  return {
    cpuMillis: type.vcpus * 1000 - reservedCpuMillis(type.vcpus),
    memoryBytes: type.memoryKi * KI - (255 + 11 * type.maxPods + 100) * MI,
    pods: type.maxPods,
    ephemeralStorageBytes: disk - GI - Math.floor(disk * EVICTION_SHARE),
    ebsVolumes: type.ebsVolumes,
  };
}

/** The nodes of a group, named `<group>-1`, …, with the labels that EKS puts on them. */
export function nodesOf(group: NodeGroupShape): ClusterNode[] {
  const zones = group.zones ?? ['zone-a'];
  return Array.from({ length: group.count }, (_, index) => {
    const name = `${group.name}-${index + 1}`;
    const zone = zones[index % zones.length];
    return {
      name,
      instanceType: group.instanceType,
      ...(zone === undefined ? {} : { zone }),
      labels: {
        'kubernetes.io/hostname': name,
        'kubernetes.io/os': 'linux',
        'kubernetes.io/arch': 'amd64',
        'node.kubernetes.io/instance-type': group.instanceType.name,
        'eks.amazonaws.com/nodegroup': group.name,
        ...(zone === undefined ? {} : { 'topology.kubernetes.io/zone': zone }),
        ...group.labels,
      },
      taints: group.taints ?? [],
      allocatable: allocatable(group.instanceType, group.rootVolumeGiB),
    };
  });
}
