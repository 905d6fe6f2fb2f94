import { type ClusterNode, nodesOf } from '../../lib/checker/capacity/node';
import { buildProblem } from '../../lib/checker/capacity/problem';
import { decide, type ProblemVerdict } from '../../lib/checker/capacity/verdict';
import { expandPods } from '../../lib/checker/manifest/pods';
import { at, manifestObjects } from '../../lib/checker/object/manifest-object';
import { NodeGroup } from '../../lib/lakehouse/cluster/node-group';
import { isRefused, isRunning } from './claims';
import { type ControlPlane, eventually, taken } from './control-plane';
import { items, nameOf, SCHEDULED_TIMEOUT_MS, services } from './lakehouse';
import { addNodes } from './nodes';

/** Pods that are alike, on nodes of their own. */
interface Workload {
  readonly name: string;
  readonly pods: number;
  readonly cpu: string;
  readonly priority: keyof typeof PRIORITIES;
  /** Refuses a node where pods of that workload are. */
  readonly apartFrom?: string;
  /** Takes only a node where pods of that workload are. */
  readonly near?: string;
  /** A budget lets none of its pods go. */
  readonly guarded?: true;
}

/** Some pods of several priorities on a few m6i.large, which have 1750m each after the daemon pods. */
export interface Contest {
  readonly name: string;
  readonly nodes: number;
  readonly workloads: readonly Workload[];
}

const PRIORITIES = { low: {}, middle: {}, high: {}, patient: { preemptionPolicy: 'Never' } } as const;
const NAMESPACE = 'contest';

export const CONTESTS: readonly Contest[] = [
  {
    name: 'a higher priority takes the place of a lower one',
    nodes: 1,
    workloads: [
      { name: 'batch', pods: 2, cpu: '700m', priority: 'low' },
      { name: 'server', pods: 1, cpu: '1', priority: 'high' },
    ],
  },
  {
    name: 'three priorities want one node',
    nodes: 1,
    workloads: [
      { name: 'batch', pods: 1, cpu: '1', priority: 'low' },
      { name: 'stream', pods: 1, cpu: '1', priority: 'middle' },
      { name: 'server', pods: 1, cpu: '1', priority: 'high' },
    ],
  },
  {
    name: 'what is pushed out finds another place',
    nodes: 2,
    workloads: [
      { name: 'batch', pods: 2, cpu: '800m', priority: 'low' },
      { name: 'server', pods: 1, cpu: '1700m', priority: 'high' },
    ],
  },
  {
    name: 'a higher priority that pushes nobody out depends on the order',
    nodes: 2,
    workloads: [
      { name: 'batch', pods: 2, cpu: '800m', priority: 'low' },
      { name: 'server', pods: 1, cpu: '1700m', priority: 'patient' },
    ],
  },
  {
    name: 'equal priorities depend on the order',
    nodes: 2,
    workloads: [
      { name: 'batch', pods: 2, cpu: '800m', priority: 'high' },
      { name: 'server', pods: 1, cpu: '1700m', priority: 'high' },
    ],
  },
  {
    name: 'pods apart from each other push out on every node',
    nodes: 2,
    workloads: [
      { name: 'batch', pods: 4, cpu: '800m', priority: 'low' },
      { name: 'server', pods: 2, cpu: '900m', priority: 'high', apartFrom: 'server' },
    ],
  },
  {
    name: 'a pod that keeps away from a higher priority makes room for it',
    nodes: 1,
    workloads: [
      { name: 'batch', pods: 1, cpu: '100m', priority: 'low', apartFrom: 'server' },
      { name: 'server', pods: 1, cpu: '100m', priority: 'high' },
    ],
  },
  {
    name: 'a pod that wants to be near a lower priority cannot push out what is beside that',
    nodes: 2,
    workloads: [
      { name: 'cache', pods: 1, cpu: '900m', priority: 'low' },
      { name: 'batch', pods: 2, cpu: '700m', priority: 'low' },
      { name: 'server', pods: 1, cpu: '800m', priority: 'high', near: 'cache' },
    ],
  },
  {
    name: 'a pod that wants to be near its own priority can',
    nodes: 2,
    workloads: [
      { name: 'cache', pods: 1, cpu: '900m', priority: 'high' },
      { name: 'batch', pods: 2, cpu: '700m', priority: 'low' },
      { name: 'server', pods: 1, cpu: '800m', priority: 'high', near: 'cache' },
    ],
  },
  {
    name: 'a disruption budget does not stop a higher priority',
    nodes: 1,
    workloads: [
      { name: 'batch', pods: 1, cpu: '1', priority: 'low', guarded: true },
      { name: 'server', pods: 1, cpu: '1', priority: 'high' },
    ],
  },
];

/** One order in which pods arrive; a pod that names a node arrives there. */
interface Arrival {
  readonly workload: Workload;
  readonly node?: string;
}

/** How one order ended: the workloads of which a pod has no node. */
interface Outcome {
  readonly order: string;
  readonly waiting: readonly string[];
}

/** The namespace and priorities of the contests. */
export function contestObjects(): object[] {
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } },
    ...Object.entries(PRIORITIES).map(([name, more], index) => ({
      apiVersion: 'scheduling.k8s.io/v1',
      kind: 'PriorityClass',
      metadata: { name: `contest-${name}` },
      value: 1000 * (index + 1),
      ...more,
    })),
  ];
}

/** The engine's verdict on a contest, and how the real scheduler let each order of it end. */
export interface Played {
  readonly verdict: ProblemVerdict;
  readonly outcomes: readonly Outcome[];
}

export async function play(cluster: ControlPlane, contest: Contest, pool: string): Promise<Played> {
  const nodes = poolNodes(pool, contest.nodes);
  const sets = expandPods(
    manifestObjects([
      ...contestObjects(),
      ...contest.workloads.map(workload => deployment(workload, pool)),
      ...services.filter(({ kind }) => kind === 'DaemonSet').map(({ body }) => body),
    ]),
  );
  const problem = buildProblem(
    nodes,
    sets.map(set => ({ set, count: set.replicas.max })),
  );
  const verdict = await decide(problem);

  await addNodes(
    cluster,
    nodes.map(({ name, zone = '' }) => ({ name, zone, pool })),
  );
  const workloadOf = (label: string) =>
    contest.workloads.find(({ name }) => label === `${NAMESPACE}/${name}`) as Workload;
  const all = contest.workloads.flatMap(workload =>
    Array.from({ length: workload.pods }, () => ({ workload })),
  );
  const orders: [string, readonly Arrival[]][] = [
    ['as listed', all],
    ['the other way round', [...all].reverse()],
    ...verdict.kinds.flatMap(({ witness, label }): [string, readonly Arrival[]][] =>
      witness === undefined
        ? []
        : [
            [
              `as the witness for ${label} says`,
              [
                ...witness.placement.map(({ pod, node }) => ({ workload: workloadOf(pod), node })),
                { workload: workloadOf(label) },
              ],
            ],
          ],
    ),
    ...(verdict.placement === undefined
      ? []
      : ([
          [
            'as the placement says',
            verdict.placement.map(({ kind, node }) => ({
              workload: workloadOf(problem.kinds[kind]?.label ?? ''),
              node: nodes[node]?.name ?? '',
            })),
          ],
        ] as [string, readonly Arrival[]][])),
  ];
  const outcomes: Outcome[] = [];
  for (const [order, arrivals] of orders)
    outcomes.push({ order, waiting: await arrive(cluster, pool, arrivals) });
  return { verdict, outcomes };
}

function poolNodes(pool: string, count: number): ClusterNode[] {
  const taints = [{ key: 'pool', value: pool, effect: 'NoSchedule' as const }];
  return nodesOf(new NodeGroup({ name: pool, count, labels: { pool }, taints }));
}

/** Lets the pods arrive one by one, those again that are pushed out, until each has a node or is refused one. */
async function arrive(
  cluster: ControlPlane,
  pool: string,
  arrivals: readonly Arrival[],
): Promise<readonly string[]> {
  const path = `/api/v1/namespaces/${NAMESPACE}/pods`;
  const budgets = `/apis/policy/v1/namespaces/${NAMESPACE}/poddisruptionbudgets`;
  const own = async () => items(cluster, `${path}?labelSelector=pool%3D${pool}`);
  const wanted = new Map<string, object>();
  const settled = () =>
    eventually(
      `each pod of ${pool} has a node or is refused one`,
      async () => {
        const there = await own();
        const gone = [...wanted].filter(([name]) => !there.some(pod => nameOf(pod) === name));
        for (const [, missing] of gone) await taken(cluster.request('POST', path, missing));
        const open = there.filter(pod => !isRunning(pod) && !isRefused(pod)).map(nameOf);
        const names = [...gone.map(([name]) => name), ...open];
        return names.length === 0 ? undefined : names.join(', ');
      },
      SCHEDULED_TIMEOUT_MS,
    );
  const waiting = async () => (await own()).filter(pod => !isRunning(pod));
  for (const [index, { workload, node }] of arrivals.entries()) {
    const pod = podOf(workload, pool, index, node);
    wanted.set(nameOf(pod), pod);
    if (workload.guarded === true) await taken(cluster.request('POST', budgets, budget(workload, pool)), 409);
    await settled();
  }
  // What was refused before its neighbours came arrives again, now that all are there.
  for (const pod of await waiting())
    await taken(cluster.request('DELETE', `${path}/${nameOf(pod)}?gracePeriodSeconds=0`), 404);
  await settled();
  const left = await waiting();
  await taken(cluster.request('DELETE', `${path}?labelSelector=pool%3D${pool}&gracePeriodSeconds=0`));
  await taken(cluster.request('DELETE', `${budgets}?labelSelector=pool%3D${pool}`));
  await eventually(
    `the pods of ${pool} are gone`,
    async () => ((await own()).length === 0 ? undefined : 'some are there'),
    SCHEDULED_TIMEOUT_MS,
  );
  return [...new Set(left.map(pod => String(at(pod, 'metadata', 'labels', 'app'))))];
}

function podSpec({ name, cpu, priority, apartFrom, near }: Workload, pool: string, node?: string): object {
  const onNodeOf = (app: string) => ({
    requiredDuringSchedulingIgnoredDuringExecution: [
      { labelSelector: { matchLabels: { app, pool } }, topologyKey: 'kubernetes.io/hostname' },
    ],
  });
  return {
    priorityClassName: `contest-${priority}`,
    terminationGracePeriodSeconds: 0,
    nodeSelector: { pool, ...(node === undefined ? {} : { 'kubernetes.io/hostname': node }) },
    tolerations: [{ key: 'pool', operator: 'Exists' }],
    affinity: {
      ...(apartFrom === undefined ? {} : { podAntiAffinity: onNodeOf(apartFrom) }),
      ...(near === undefined ? {} : { podAffinity: onNodeOf(near) }),
    },
    containers: [{ name, image: 'stand-in:1', resources: { requests: { cpu } } }],
  };
}

function podOf(workload: Workload, pool: string, index: number, node: string | undefined): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `${pool}-${index}`, labels: { app: workload.name, pool } },
    spec: podSpec(workload, pool, node),
  };
}

function deployment(workload: Workload, pool: string): object {
  const labels = { app: workload.name, pool };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: workload.name, namespace: NAMESPACE },
    spec: {
      replicas: workload.pods,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: podSpec(workload, pool) },
    },
  };
}

function budget({ name }: Workload, pool: string): object {
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name: pool, labels: { pool } },
    spec: { minAvailable: 1, selector: { matchLabels: { app: name, pool } } },
  };
}
