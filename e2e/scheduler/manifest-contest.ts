import type { ClusterNode } from '../../lib/checker/capacity/node';
import { buildProblem, type Demand } from '../../lib/checker/capacity/problem';
import { expandPods } from '../../lib/checker/manifest/pods';
import { manifestObjects, type PlainObject } from '../../lib/checker/object/manifest-object';
import {
  apiNodes,
  apiPods,
  boundVolume,
  type PriorityClass,
  volumeLimits,
  type Workload,
} from './api-objects';
import type { Contest } from './compare';

export interface ManifestCluster {
  readonly nodes: readonly ClusterNode[];
  /** Nodes by index. */
  readonly cordoned?: readonly number[];
  readonly workloads: readonly Workload[];
  readonly classes?: readonly PriorityClass[];
  /** Labels by name. */
  readonly namespaces?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly budgets?: readonly PlainObject[];
  /** The zone that the volumes of a workload are bound to, by its name. */
  readonly zoneOf?: ReadonlyMap<string, string>;
}

/** Manifests as the engine reads them, beside what controllers and API server make of them for the scheduler. */
export function manifestContest(cluster: ManifestCluster): Contest {
  const { nodes, workloads, cordoned = [], classes = [], budgets = [], zoneOf = new Map() } = cluster;
  const classObjects = classes.map(({ name, ...rest }) => ({
    apiVersion: 'scheduling.k8s.io/v1',
    kind: 'PriorityClass',
    metadata: { name },
    ...rest,
  }));
  const namespaces = Object.entries(cluster.namespaces ?? {}).map(([name, labels]) => ({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name, labels: { ...labels, 'kubernetes.io/metadata.name': name } },
  }));
  const demands = expandPods(manifestObjects([...classObjects, ...namespaces, ...workloads, ...budgets])).map(
    (set): Demand => {
      const zone = zoneOf.get(set.name);
      return { set, count: set.replicas.max, ...(zone === undefined ? {} : { zone }) };
    },
  );
  const problem = buildProblem(nodes, demands, {
    cordoned: new Set(cordoned.map(index => nodes[index]?.name ?? '')),
  });
  const pods = workloads.flatMap(workload => {
    const zone = zoneOf.get(workload.metadata.name);
    return apiPods(workload, nodes, classes).map(pod => ({
      ...pod,
      label: zone === undefined ? pod.label : `${pod.label} bound in ${zone}`,
    }));
  });
  const volumes = workloads
    .filter(({ kind }) => kind === 'StatefulSet')
    .flatMap(workload =>
      apiPods(workload, nodes, classes).flatMap(({ pod }) =>
        boundVolume(
          workload.metadata.namespace,
          `data-${(pod['metadata'] as { name: string }).name}`,
          zoneOf.get(workload.metadata.name),
        ),
      ),
    );
  const known = new Set(problem.kinds.map(({ label }) => label));
  return {
    problem,
    cordoned,
    question: {
      nodes: apiNodes(nodes),
      objects: [...namespaces, ...budgets, ...volumes, ...volumeLimits(nodes)],
      pods: pods.map(({ pod }) => pod),
    },
    // A daemon pod that is no pod of the problem is there before all others.
    kindOf: pods.map(({ label }) => (known.has(label) ? label : undefined)),
  };
}
