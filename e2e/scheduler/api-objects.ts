import { createHash } from 'node:crypto';
import type { ClusterNode } from '../../lib/checker/capacity/node';
import type { PlainObject } from '../../lib/checker/object/manifest-object';

/*
 * What the controllers and the API server make of manifests, written from the Kubernetes API reference and not from
 * lib/: the engine's own expansion is what is compared with it.
 */

/** A workload of one of the kinds below, with the parts that are read here. */
export interface Workload extends PlainObject {
  readonly kind: 'Deployment' | 'StatefulSet' | 'DaemonSet' | 'Job';
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly spec: PlainObject & {
    readonly replicas?: number;
    readonly parallelism?: number;
    readonly template: {
      readonly metadata: { readonly labels: Readonly<Record<string, string>> };
      readonly spec: PlainObject;
    };
    readonly volumeClaimTemplates?: readonly { readonly metadata: { readonly name: string } }[];
  };
}

export interface PriorityClass {
  readonly name: string;
  readonly value: number;
  readonly preemptionPolicy?: string;
}

export interface ApiPod {
  readonly pod: PlainObject;
  /** namespace/name of the workload, with the node of a daemon pod. */
  readonly label: string;
  /** For a daemon pod, its node. */
  readonly node?: string;
  readonly priority: number;
}

const BUILT_IN: readonly PriorityClass[] = [
  { name: 'system-node-critical', value: 2_000_001_000 },
  { name: 'system-cluster-critical', value: 2_000_000_000 },
];

/** Labels that a controller adds to each pod of the workload. */
function controllerLabels({ kind, metadata, spec }: Workload, index: number): Record<string, string> {
  const hash = createHash('md5').update(JSON.stringify(spec.template)).digest('hex').slice(0, 9);
  switch (kind) {
    case 'Deployment':
      return { 'pod-template-hash': hash };
    case 'StatefulSet':
      return {
        'controller-revision-hash': `${metadata.name}-${hash}`,
        'statefulset.kubernetes.io/pod-name': `${metadata.name}-${index}`,
        'apps.kubernetes.io/pod-index': String(index),
      };
    case 'DaemonSet':
      return { 'controller-revision-hash': hash, 'pod-template-generation': '1' };
    case 'Job':
      return {
        'job-name': metadata.name,
        'batch.kubernetes.io/job-name': metadata.name,
        'controller-uid': `${metadata.namespace}.${metadata.name}`,
        'batch.kubernetes.io/controller-uid': `${metadata.namespace}.${metadata.name}`,
      };
  }
}

interface AffinityTerm {
  readonly labelSelector?: { readonly matchExpressions?: readonly PlainObject[] };
  readonly matchLabelKeys?: readonly string[];
  readonly mismatchLabelKeys?: readonly string[];
}

/** The API server's part of matchLabelKeys in pod affinity: the pod's own values become requirements. */
function withOwnLabels(spec: PlainObject, labels: Readonly<Record<string, string>>): PlainObject {
  const merge = (term: AffinityTerm): AffinityTerm => {
    if (term.labelSelector === undefined) return term;
    const requirements = (keys: readonly string[] | undefined, operator: string) =>
      (keys ?? [])
        .filter(key => labels[key] !== undefined)
        .map(key => ({ key, operator, values: [labels[key]] }));
    const added = [
      ...requirements(term.matchLabelKeys, 'In'),
      ...requirements(term.mismatchLabelKeys, 'NotIn'),
    ];
    return {
      ...term,
      labelSelector: {
        ...term.labelSelector,
        matchExpressions: [...(term.labelSelector.matchExpressions ?? []), ...added],
      },
    };
  };
  const affinity = (spec['affinity'] ?? {}) as Record<
    string,
    { [required: string]: readonly AffinityTerm[] }
  >;
  const field = 'requiredDuringSchedulingIgnoredDuringExecution';
  return {
    ...spec,
    affinity: Object.fromEntries(
      Object.entries(affinity).map(([kind, terms]) => [
        kind,
        kind === 'nodeAffinity' ? terms : { ...terms, [field]: (terms[field] ?? []).map(merge) },
      ]),
    ),
  };
}

/** Whether the DaemonSet controller makes a pod for the node: by the template's selector and tolerations. */
function hasDaemonOn(node: ClusterNode, spec: PlainObject): boolean {
  const selector = (spec['nodeSelector'] ?? {}) as Record<string, string>;
  const tolerations = (spec['tolerations'] ?? []) as readonly { operator?: string; key?: string }[];
  return (
    Object.entries(selector).every(([key, value]) => node.labels[key] === value) &&
    node.taints.every(
      taint =>
        taint.effect === 'PreferNoSchedule' ||
        tolerations.some(
          ({ operator, key }) => operator === 'Exists' && (key === undefined || key === taint.key),
        ),
    )
  );
}

/** The pods of a workload as the scheduler gets them. */
export function apiPods(
  workload: Workload,
  nodes: readonly ClusterNode[],
  classes: readonly PriorityClass[],
): ApiPod[] {
  const { kind, metadata, spec } = workload;
  const name = `${metadata.namespace}/${metadata.name}`;
  const template = spec.template.spec;
  const priorityClass = [...BUILT_IN, ...classes].find(({ name }) => name === template['priorityClassName']);
  const priority = priorityClass?.value ?? 0;
  const targets: readonly (ClusterNode | undefined)[] =
    kind === 'DaemonSet'
      ? nodes.filter(node => hasDaemonOn(node, template))
      : Array.from({ length: spec.replicas ?? spec.parallelism ?? 1 }, () => undefined);
  return targets.map((node, index): ApiPod => {
    const labels = { ...spec.template.metadata.labels, ...controllerLabels(workload, index) };
    const merged = withOwnLabels(template, labels);
    const onNode =
      node === undefined
        ? {}
        : {
            affinity: {
              ...(merged['affinity'] as PlainObject),
              nodeAffinity: {
                requiredDuringSchedulingIgnoredDuringExecution: {
                  nodeSelectorTerms: [
                    { matchFields: [{ key: 'metadata.name', operator: 'In', values: [node.name] }] },
                  ],
                },
              },
            },
            tolerations: [
              ...((merged['tolerations'] ?? []) as readonly PlainObject[]),
              { key: 'node.kubernetes.io/unschedulable', operator: 'Exists', effect: 'NoSchedule' },
            ],
          };
    const podName = node === undefined ? `${metadata.name}-${index}` : `${metadata.name}-${node.name}`;
    const volumes = (spec.volumeClaimTemplates ?? []).map(claim => ({
      name: claim.metadata.name,
      persistentVolumeClaim: { claimName: `${claim.metadata.name}-${podName}` },
    }));
    return {
      label: node === undefined ? name : `${name} on ${node.name}`,
      ...(node === undefined ? {} : { node: node.name }),
      priority,
      pod: {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: podName, namespace: metadata.namespace, labels },
        spec: {
          ...merged,
          ...onNode,
          priorityClassName: undefined,
          priority,
          preemptionPolicy: priorityClass?.preemptionPolicy ?? 'PreemptLowerPriority',
          ...(volumes.length === 0 ? {} : { volumes }),
        },
      },
    };
  });
}

/** A claim that is bound to a volume of the EBS driver, and that volume; it stays in the zone if one is named. */
export function boundVolume(namespace: string, name: string, zone: string | undefined): PlainObject[] {
  const inZone = { key: 'topology.kubernetes.io/zone', operator: 'In', values: [zone] };
  return [
    {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name, namespace, annotations: { 'pv.kubernetes.io/bind-completed': 'yes' } },
      spec: {
        storageClassName: 'gp3',
        accessModes: ['ReadWriteOnce'],
        volumeName: `pv-${namespace}-${name}`,
        resources: { requests: { storage: '1Gi' } },
      },
      status: { phase: 'Bound' },
    },
    {
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name: `pv-${namespace}-${name}` },
      spec: {
        storageClassName: 'gp3',
        accessModes: ['ReadWriteOnce'],
        capacity: { storage: '1Gi' },
        claimRef: { namespace, name },
        csi: { driver: 'ebs.csi.aws.com', volumeHandle: `vol-${namespace}-${name}` },
        ...(zone === undefined
          ? {}
          : { nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [inZone] }] } } }),
      },
      status: { phase: 'Bound' },
    },
  ];
}

/** Nodes as the API server holds them. */
export function apiNodes(nodes: readonly ClusterNode[]): PlainObject[] {
  return nodes.map(({ name, labels, taints, allocatable }) => {
    const amounts = {
      cpu: `${allocatable.cpuMillis}m`,
      memory: String(allocatable.memoryBytes),
      pods: String(allocatable.pods),
      'ephemeral-storage': String(allocatable.ephemeralStorageBytes),
    };
    return {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name, labels },
      spec: { taints },
      status: { allocatable: amounts, capacity: amounts },
    };
  });
}

/** The storage class, and how many volumes of the EBS driver each node takes. */
export function volumeLimits(nodes: readonly ClusterNode[]): PlainObject[] {
  return [
    {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: { name: 'gp3' },
      provisioner: 'ebs.csi.aws.com',
      volumeBindingMode: 'WaitForFirstConsumer',
    },
    ...nodes.map(node => ({
      apiVersion: 'storage.k8s.io/v1',
      kind: 'CSINode',
      metadata: { name: node.name },
      spec: {
        drivers: [
          {
            name: 'ebs.csi.aws.com',
            nodeID: node.name,
            allocatable: { count: node.allocatable.ebsVolumes },
          },
        ],
      },
    })),
  ];
}
