import type { ControlPlane } from './control-plane';

/** Nodes as an EKS cluster has them, as objects for an API server that has no machines behind it. */

/** One fake node: its name and the zone that its volumes live in. */
export interface FakeNode {
  readonly name: string;
  readonly zone: string;
}

/** The ways to spread four nodes over one, two and three zones; within a layout zones differ only by name. */
export const ZONE_LAYOUTS: Readonly<Record<string, readonly string[]>> = {
  'one zone': ['a', 'a', 'a', 'a'],
  'two zones, 2+2': ['a', 'a', 'b', 'b'],
  'two zones, 3+1': ['a', 'a', 'a', 'b'],
  'three zones, 2+1+1': ['a', 'a', 'b', 'c'],
};

export function fakeNodes(zones: readonly string[]): FakeNode[] {
  return zones.map((zone, index) => ({ name: `node-${index + 1}`, zone: `us-east-1${zone}` }));
}

/** Allocatable of an EKS m6i.large: nodeadm's reservation for CPU, memory as observed on real nodes, VPC CNI's pod count. */
const ALLOCATABLE = { cpu: '1930m', memory: '7291820Ki', pods: '29', 'ephemeral-storage': '18181869946' };
const CAPACITY = { cpu: '2', memory: '7981996Ki', pods: '29', 'ephemeral-storage': '20949998Ki' };
/** EBS volumes that the CSI driver reports for this type beside the root volume and network interfaces. */
const VOLUMES = 24;

/** Adds the nodes, ready and with their volume drivers, and the StorageClass gp3 of an EKS cluster. */
export async function addNodes(cluster: ControlPlane, nodes: readonly FakeNode[]): Promise<void> {
  const items = [...nodes.map(nodeObject), ...nodes.map(csiNodeObject), storageClassObject('gp3')];
  await applied(
    cluster,
    ['apply', '--server-side', '-f', '-'],
    JSON.stringify({ apiVersion: 'v1', kind: 'List', items }),
  );
  for (const node of nodes) {
    await applied(cluster, [
      'patch',
      'node',
      node.name,
      '--subresource=status',
      '--type=merge',
      '-p',
      JSON.stringify(nodeStatus()),
    ]);
    // Admission taints every new node as not ready; the controller that would lift it needs heartbeats.
    await applied(cluster, ['patch', 'node', node.name, '--type=merge', '-p', '{"spec":{"taints":null}}']);
  }
}

async function applied(cluster: ControlPlane, args: readonly string[], stdin?: string): Promise<void> {
  const result = await cluster.kubectl(args, stdin);
  if (result.code !== 0) throw new Error(`kubectl ${args.join(' ')} failed: ${result.stderr.trim()}`);
}

function nodeObject(node: FakeNode): object {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: node.name,
      labels: {
        'kubernetes.io/hostname': node.name,
        'kubernetes.io/os': 'linux',
        'kubernetes.io/arch': 'amd64',
        'node.kubernetes.io/instance-type': 'm6i.large',
        'topology.kubernetes.io/region': 'us-east-1',
        'topology.kubernetes.io/zone': node.zone,
        'topology.ebs.csi.aws.com/zone': node.zone,
      },
    },
  };
}

function nodeStatus(): object {
  return {
    status: {
      allocatable: ALLOCATABLE,
      capacity: CAPACITY,
      conditions: [
        {
          type: 'Ready',
          status: 'True',
          reason: 'KubeletReady',
          message: 'stand-in',
          lastHeartbeatTime: now(),
          lastTransitionTime: now(),
        },
      ],
    },
  };
}

function csiNodeObject(node: FakeNode): object {
  const driver = {
    name: 'ebs.csi.aws.com',
    nodeID: node.name,
    topologyKeys: ['topology.kubernetes.io/zone'],
    allocatable: { count: VOLUMES },
  };
  return {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'CSINode',
    metadata: { name: node.name },
    spec: { drivers: [driver] },
  };
}

/** The StorageClass that an EKS cluster with the EBS driver is given: bound where the pod lands. */
function storageClassObject(name: string): object {
  return {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name, annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
    provisioner: 'ebs.csi.aws.com',
    parameters: { type: name },
    volumeBindingMode: 'WaitForFirstConsumer',
    allowVolumeExpansion: true,
    reclaimPolicy: 'Delete',
  };
}

function now(): string {
  return new Date().toISOString().replace(/\.\d+Z$/, 'Z');
}
