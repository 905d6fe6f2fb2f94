import { customInstanceType } from '../../../lib/checker/capacity/instance-types';
import type { ClusterNode } from '../../../lib/checker/capacity/node';
import { buildProblem, type Problem, type ProblemOptions } from '../../../lib/checker/capacity/problem';
import { expandPods, type PodSet } from '../../../lib/checker/manifest/pods';
import { manifestObjects } from '../../../lib/checker/object/manifest-object';

type Data = Record<string, unknown>;

const MI = 2 ** 20;

/** A bare node of so much CPU (millicores) and memory (MiB). */
export function node(
  name: string,
  cpu = 1000,
  memory = 1000,
  more: Partial<ClusterNode> & { labels?: Data } = {},
): ClusterNode {
  const zone = more.zone ?? 'zone-a';
  return {
    name,
    instanceType: customInstanceType({ name: 'test', vcpus: 1, memoryKi: 1, maxPods: 29, ebsVolumes: 24 }),
    zone,
    taints: [],
    allocatable: {
      cpuMillis: cpu,
      memoryBytes: memory * MI,
      pods: 29,
      ephemeralStorageBytes: 1e10,
      ebsVolumes: 24,
      ...more.allocatable,
    },
    ...more,
    labels: { 'kubernetes.io/hostname': name, 'topology.kubernetes.io/zone': zone, ...more.labels },
  };
}

/** Pods of a Deployment: CPU in millicores, memory in MiB, and anything else of the pod spec. */
export function pods(name: string, replicas: number, cpu: number, memory = 0, podSpec: Data = {}): PodSet {
  const [set] = expandPods(
    manifestObjects([
      ...PRIORITIES,
      {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name, namespace: 'test' },
        spec: {
          replicas,
          template: {
            metadata: { labels: { app: name } },
            spec: {
              containers: [
                { name: 'main', resources: { requests: { cpu: `${cpu}m`, memory: `${memory}Mi` } } },
              ],
              ...podSpec,
            },
          },
        },
      },
    ]),
  );
  if (set === undefined) throw new Error('a Deployment has one pod set');
  return set;
}

const PRIORITIES = [
  ['low', 10],
  ['high', 30],
  ['never', 30],
].map(([name, value]) => ({
  apiVersion: 'scheduling.k8s.io/v1',
  kind: 'PriorityClass',
  metadata: { name },
  value,
  ...(name === 'never' ? { preemptionPolicy: 'Never' } : {}),
}));

/** The problem of placing all of these. */
export function problem(
  nodes: readonly ClusterNode[],
  sets: readonly PodSet[],
  options: ProblemOptions = {},
): Problem {
  return buildProblem(
    nodes,
    sets.map(set => ({ set, count: set.replicas.max })),
    options,
  );
}

/** Pod affinity or anti-affinity to the pods of a Deployment. */
export function near(
  kind: 'podAffinity' | 'podAntiAffinity',
  app: string,
  topologyKey = 'kubernetes.io/hostname',
): Data {
  return {
    affinity: {
      [kind]: {
        requiredDuringSchedulingIgnoredDuringExecution: [
          { topologyKey, labelSelector: { matchLabels: { app } } },
        ],
      },
    },
  };
}

/** A spread over domains that keeps the scheduler from placing. */
export function spread(app: string, topologyKey = 'kubernetes.io/hostname', maxSkew = 1): Data {
  return {
    topologySpreadConstraints: [
      { maxSkew, topologyKey, whenUnsatisfiable: 'DoNotSchedule', labelSelector: { matchLabels: { app } } },
    ],
  };
}
