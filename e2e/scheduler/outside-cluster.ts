import { customInstanceType } from '../../lib/checker/capacity/instance-types';
import type { ClusterNode, Taint } from '../../lib/checker/capacity/node';
import { seeded } from '../../lib/checker/capacity/search';
import type { PlainObject } from '../../lib/checker/object/manifest-object';
import type { PriorityClass, Workload } from './api-objects';
import type { Contest } from './compare';
import { manifestContest } from './manifest-contest';

const HOST = 'kubernetes.io/hostname';
const ZONE = 'topology.kubernetes.io/zone';
const RACK = 'example.com/rack';
const MI = 2 ** 20;

const CLASSES: readonly PriorityClass[] = [
  { name: 'low', value: -5 },
  { name: 'middle', value: 20 },
  { name: 'high', value: 30 },
  { name: 'polite', value: 25, preemptionPolicy: 'Never' },
];

const NAMESPACES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  one: { team: 'red', stage: 'test' },
  two: { team: 'blue', stage: 'test' },
  three: { team: 'blue' },
};

/**
 * A small cluster from a seed, written from the API reference of the scheduler's fields: DaemonSets of three
 * priorities, host ports with addresses and protocols, host networks, label keys, namespace selectors, init
 * containers, sidecars, overhead, requests of the pod as a whole, several profiles of nodes with labels and taints
 * of their own, volumes that are bound to zones, spreads with every policy, budgets that preemption looks at. No namespace
 * selector asks for nothing but the absence of labels: kube-scheduler 1.36 lets the terms of a pod that arrives match every
 * namespace then (interpodaffinity, mergeAffinityTermNamespacesIfNotEmpty sets the selector of a copy).
 */
export function outsideCluster(seed: number): Contest {
  const random = seeded(seed * 7919 + 13);
  const chance = (share: number) => random() < share;
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const between = (low: number, high: number) => low + Math.floor(random() * (high - low + 1));
  const maybe = (share: number, part: () => PlainObject): PlainObject => (chance(share) ? part() : {});

  const zones = between(1, 3);
  const profiles = Array.from({ length: between(1, 3) }, (_, number) => ({
    name: `profile-${number}`,
    cpu: pick([800, 1000, 1500, 2000]),
    memory: pick([800, 1500, 3000]) * MI,
    pods: chance(0.1) ? between(2, 5) : 20,
    volumes: chance(0.3) ? between(1, 2) : 10,
    labels: {
      'example.com/profile': `profile-${number}`,
      ...(chance(0.4) ? { cores: String(pick([2, 4, 8])) } : {}),
    },
    taints: [
      ...(chance(0.2) ? [{ key: 'dedicated', value: 'batch', effect: 'NoSchedule' } as Taint] : []),
      ...(chance(0.1) ? [{ key: 'spot', effect: 'NoExecute' } as Taint] : []),
      ...(chance(0.1) ? [{ key: 'old', value: 'yes', effect: 'PreferNoSchedule' } as Taint] : []),
    ],
  }));
  const nodes = Array.from({ length: between(1, 4) }, (_, index): ClusterNode => {
    const { cpu, memory, pods, volumes, name: type, labels, taints } = pick(profiles);
    const zone = `zone-${index % zones}`;
    const hasZone = chance(0.9);
    return {
      name: `node-${index}`,
      instanceType: customInstanceType({
        name: type,
        vcpus: Math.ceil(cpu / 1000),
        memoryKi: memory / 1024,
        maxPods: pods,
        ebsVolumes: volumes,
      }),
      ...(hasZone ? { zone } : {}),
      labels: {
        [HOST]: `node-${index}`,
        ...labels,
        ...(hasZone ? { [ZONE]: zone } : {}),
        ...(chance(0.6) ? { [RACK]: `rack-${index % 2}` } : {}),
      },
      taints,
      allocatable: {
        cpuMillis: cpu,
        memoryBytes: memory,
        pods,
        ephemeralStorageBytes: 10_000 * MI,
        ebsVolumes: volumes,
      },
    };
  });
  const cordoned = nodes.length > 1 && chance(0.1) ? [between(0, nodes.length - 1)] : [];

  const sets = between(2, 5);
  const appLabel = () => `app-${between(0, sets - 1)}`;
  const selector = (own: string): PlainObject | undefined =>
    pick<() => PlainObject | undefined>([
      () => ({ matchLabels: { app: own } }),
      () => ({ matchLabels: { app: own } }),
      () => ({ matchLabels: { app: appLabel() } }),
      () => ({ matchLabels: { tier: pick(['a', 'b']) } }),
      () => ({ matchExpressions: [{ key: 'app', operator: 'In', values: [own, appLabel()] }] }),
      () => ({ matchExpressions: [{ key: 'tier', operator: 'NotIn', values: ['a'] }] }),
      () => ({ matchExpressions: [{ key: 'version', operator: pick(['Exists', 'DoesNotExist']) }] }),
      () => ({}),
    ])();
  const labelKeys = () =>
    pick([['pod-template-hash'], ['version'], ['controller-revision-hash'], ['absent']]);
  const term = (own: string): PlainObject => ({
    topologyKey: pick([HOST, HOST, ZONE, RACK]),
    labelSelector: selector(own),
    ...maybe(0.25, () => ({ matchLabelKeys: labelKeys() })),
    ...maybe(0.1, () => ({ mismatchLabelKeys: pick([['pod-template-hash'], ['version']]) })),
    ...maybe(0.15, () => ({ namespaces: [pick(Object.keys(NAMESPACES))] })),
    ...maybe(0.25, () => ({
      namespaceSelector: pick<PlainObject>([
        {},
        { matchLabels: { team: 'blue' } },
        { matchLabels: { stage: 'test' } },
        { matchExpressions: [{ key: 'stage', operator: 'Exists' }] },
        { matchLabels: { 'kubernetes.io/metadata.name': 'one' } },
      ]),
    })),
  });
  const terms = (own: string) => ({
    requiredDuringSchedulingIgnoredDuringExecution: [term(own), ...(chance(0.15) ? [term(own)] : [])],
  });
  const spread = (own: string): PlainObject => ({
    maxSkew: between(1, 2),
    topologyKey: pick([HOST, ZONE, ZONE, RACK]),
    whenUnsatisfiable: chance(0.85) ? 'DoNotSchedule' : 'ScheduleAnyway',
    labelSelector: selector(own),
    ...maybe(0.3, () => ({ matchLabelKeys: labelKeys() })),
    ...maybe(0.2, () => ({ nodeAffinityPolicy: pick(['Honor', 'Ignore']) })),
    ...maybe(0.3, () => ({ nodeTaintsPolicy: pick(['Honor', 'Ignore']) })),
  });
  const amount = (most: number): PlainObject => ({
    cpu: `${pick([50, 100, 100, 200, 300]) * (most > 1 ? 1 : 0.5)}m`,
    memory: `${pick([50, 50, 100, 200, 400]) * (most > 1 ? 1 : 0.5)}Mi`,
  });
  const resources = (most = 2): PlainObject =>
    pick<() => PlainObject>([
      () => ({ requests: amount(most) }),
      () => ({ requests: amount(most) }),
      () => ({ limits: amount(most) }),
      () => ({ requests: { cpu: '100m' }, limits: { memory: '100Mi', cpu: '400m' } }),
      () => ({}),
    ])();
  const port = (): PlainObject => ({
    containerPort: pick([80, 81]),
    ...maybe(0.8, () => ({ hostPort: pick([8080, 8081]) })),
    ...maybe(0.5, () => ({ hostIP: pick(['', '0.0.0.0', '10.0.0.1', '127.0.0.1']) })),
    ...maybe(0.3, () => ({ protocol: pick(['TCP', 'UDP']) })),
  });
  const podSpec = (own: string, isDaemon: boolean): PlainObject => ({
    ...maybe(0.55, () => ({ priorityClassName: pick(CLASSES).name })),
    ...maybe(0.1, () => ({ nodeSelector: { 'example.com/profile': pick(profiles).name } })),
    ...(isDaemon || chance(0.3)
      ? {
          tolerations: pick<PlainObject[]>([
            [{ operator: 'Exists' }],
            [{ key: 'dedicated', operator: 'Exists' }],
          ]),
        }
      : {}),
    ...maybe(0.08, () => ({ hostNetwork: true })),
    ...maybe(0.15, () => ({ overhead: { cpu: '50m', memory: '30Mi' } })),
    ...maybe(0.12, () => ({
      resources: pick<PlainObject>([
        { requests: { cpu: '350m' } },
        { limits: { cpu: '600m', memory: '500Mi' } },
      ]),
    })),
    affinity: {
      ...maybe(0.15, () => ({ podAntiAffinity: terms(own) })),
      ...maybe(0.08, () => ({ podAffinity: terms(own) })),
      ...maybe(isDaemon ? 0 : 0.1, () => ({
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [
              {
                matchExpressions: [
                  pick<PlainObject>([
                    { key: 'cores', operator: 'Gt', values: ['2'] },
                    { key: 'cores', operator: 'DoesNotExist' },
                    { key: ZONE, operator: 'In', values: ['zone-0', 'zone-1'] },
                  ]),
                ],
              },
              ...(chance(0.3)
                ? [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['node-0'] }] }]
                : []),
            ],
          },
        },
      })),
    },
    ...maybe(isDaemon ? 0.05 : 0.3, () => ({
      topologySpreadConstraints: [spread(own), ...(chance(0.2) ? [spread(own)] : [])]
        .filter(
          (constraint, number, all) =>
            all.findIndex(other => other['topologyKey'] === constraint['topologyKey']) === number,
        )
        .map(constraint => ({
          ...constraint,
          ...(constraint['whenUnsatisfiable'] === 'DoNotSchedule' && chance(0.2)
            ? { minDomains: between(2, 3) }
            : {}),
        })),
    })),
    containers: [
      { name: 'main', image: 'x:1', resources: resources(), ...maybe(0.2, () => ({ ports: [port()] })) },
      ...(chance(0.2) ? [{ name: 'second', image: 'x:1', resources: resources(1) }] : []),
    ],
    ...maybe(0.3, () => ({
      initContainers: Array.from({ length: between(1, 3) }, (_, number) => ({
        name: `init-${number}`,
        image: 'x:1',
        resources: resources(),
        ...maybe(0.5, () => ({ restartPolicy: 'Always', ...maybe(0.3, () => ({ ports: [port()] })) })),
        ...maybe(0.1, () => ({ ports: [port()] })),
      })),
    })),
  });

  const labels = (own: string) =>
    ({ app: own, tier: pick(['a', 'b']), ...maybe(0.4, () => ({ version: pick(['1', '2']) })) }) as Record<
      string,
      string
    >;
  const zoneOf = new Map<string, string>();
  const workloads = Array.from({ length: sets }, (_, number): Workload => {
    const name = `app-${number}`;
    const metadata = { name, namespace: pick(Object.keys(NAMESPACES)) };
    const isDaemon = chance(0.25);
    const template = { metadata: { labels: labels(name) }, spec: podSpec(name, isDaemon) };
    if (isDaemon) {
      const critical = chance(0.5)
        ? {
            priorityClassName: pick([
              'system-node-critical',
              'system-node-critical',
              'system-cluster-critical',
            ]),
          }
        : {};
      return {
        apiVersion: 'apps/v1',
        kind: 'DaemonSet',
        metadata,
        spec: { template: { ...template, spec: { ...template.spec, ...critical } } },
      };
    }
    const replicas = between(1, 3);
    if (chance(0.2)) {
      const zone = nodes.find(node => node.zone !== undefined && chance(0.6))?.zone;
      if (zone !== undefined) zoneOf.set(name, zone);
      const claim = {
        metadata: { name: 'data' },
        spec: { storageClassName: 'gp3', accessModes: ['ReadWriteOnce'] },
      };
      return {
        apiVersion: 'apps/v1',
        kind: 'StatefulSet',
        metadata,
        spec: { replicas, template, volumeClaimTemplates: [claim] },
      };
    }
    if (chance(0.1))
      return { apiVersion: 'batch/v1', kind: 'Job', metadata, spec: { parallelism: replicas, template } };
    return { apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec: { replicas, template } };
  });
  const budgets = workloads
    .filter(() => chance(0.3))
    .map(({ metadata }) => ({
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata,
      spec: { maxUnavailable: 0, selector: { matchLabels: { app: metadata.name } } },
      status: { disruptionsAllowed: 0, currentHealthy: 1, desiredHealthy: 1, expectedPods: 1 },
    }));

  return manifestContest({
    nodes,
    cordoned,
    workloads,
    classes: CLASSES,
    namespaces: NAMESPACES,
    budgets,
    zoneOf,
  });
}
