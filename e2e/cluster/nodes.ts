import { type ControlPlane, taken } from './control-plane';

/** Nodes as an EKS cluster has them, as objects for an API server that has no machines behind it. */

/** One fake node: its name and the zone that its volumes live in. */
export interface FakeNode {
  readonly name: string;
  readonly zone: string;
  /** Set apart for pods that name it: label and taint `pool`. */
  readonly pool?: string;
}

/** Allocatable of an EKS m6i.large: nodeadm's reservation for CPU, memory as observed on real nodes, VPC CNI's pod count. */
const ALLOCATABLE = { cpu: '1930m', memory: '7291820Ki', pods: '29', 'ephemeral-storage': '18181869946' };
const CAPACITY = { cpu: '2', memory: '7981996Ki', pods: '29', 'ephemeral-storage': '20949998Ki' };
/** EBS volumes that the CSI driver reports for this type beside the root volume and network interfaces. */
const VOLUMES = 24;

/** Adds the StorageClass gp3 of an EKS cluster. */
export async function addStorageClass(cluster: ControlPlane): Promise<void> {
  await taken(cluster.request('POST', '/apis/storage.k8s.io/v1/storageclasses', storageClassObject('gp3')));
}

/** Adds nodes, ready and with their volume driver. */
export async function addNodes(cluster: ControlPlane, nodes: readonly FakeNode[]): Promise<void> {
  const csiNodes = '/apis/storage.k8s.io/v1/csinodes';
  for (const node of nodes) {
    // A node that was there before has left its CSINode to the garbage collector.
    await cluster.request('DELETE', `${csiNodes}/${node.name}`);
    await taken(cluster.request('POST', csiNodes, csiNodeObject(node)));
    await taken(cluster.request('POST', '/api/v1/nodes', nodeObject(node)));
    await taken(cluster.request('PATCH', `/api/v1/nodes/${node.name}/status`, nodeStatus()));
    // Admission taints every new node as not ready; the controller that would lift it needs heartbeats.
    await taken(cluster.request('PATCH', `/api/v1/nodes/${node.name}`, { spec: { taints: taints(node) } }));
  }
}

function taints({ pool }: FakeNode): object[] | null {
  return pool === undefined ? null : [{ key: 'pool', value: pool, effect: 'NoSchedule' }];
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
        ...(node.pool === undefined ? {} : { pool: node.pool }),
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
