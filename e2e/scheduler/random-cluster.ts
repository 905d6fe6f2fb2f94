import { customInstanceType } from '../../lib/checker/capacity/instance-types';
import type { ClusterNode, Taint } from '../../lib/checker/capacity/node';
import { buildProblem, type Demand, type Problem } from '../../lib/checker/capacity/problem';
import { seeded } from '../../lib/checker/capacity/search';
import { expandPods } from '../../lib/checker/manifest/pods';
import { manifestObjects, type PlainObject } from '../../lib/checker/object/manifest-object';

/** A small cluster with pods to place, as the engine and as the scheduler see it. */
export interface RandomCluster {
  readonly nodes: readonly ClusterNode[];
  readonly demands: readonly Demand[];
  readonly cordoned: ReadonlySet<string>;
  readonly problem: Problem;
}

const ZONE = 'topology.kubernetes.io/zone';
const HOST = 'kubernetes.io/hostname';
const MI = 2 ** 20;

/** How large the clusters are, and how often pods have what. */
interface Mix {
  readonly nodes: number;
  readonly pods: number;
  readonly priorities: number;
  readonly antiAffinity: number;
  readonly affinity: number;
  readonly affinityToTier: number;
  readonly spread: number;
}

export const MIXES = {
  /** Every filter about as often as in a cluster at work. */
  usual: {
    nodes: 10,
    pods: 60,
    priorities: 0.25,
    antiAffinity: 0.18,
    affinity: 0.04,
    affinityToTier: 0,
    spread: 0.15,
  },
  /** Small clusters in which nearly every pod looks at others, and may push some out. */
  relations: {
    nodes: 5,
    pods: 16,
    priorities: 0.8,
    antiAffinity: 0.25,
    affinity: 0.3,
    affinityToTier: 0.4,
    spread: 0.2,
  },
} as const satisfies Readonly<Record<string, Mix>>;

/**
 * A cluster from a seed: nodes (up to 10 of the usual mix) of up to three sizes in up to three zones, pods (up to 60) in
 * up to 12 groups that ask for 35–95 % of what there is, with every filter that decides: taints, selectors,
 * (anti-)affinity, spreads, host ports, volumes with zones, priorities, cordoned nodes.
 */
export function randomCluster(seed: number, mix: Mix = MIXES.usual): RandomCluster {
  const random = seeded(seed);
  const chance = (share: number) => random() < share;
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const between = (low: number, high: number) => low + Math.floor(random() * (high - low + 1));

  const zones = pick([1, 1, 2, 3]);
  const sizes = Array.from({ length: between(1, 3) }, (_, index) => ({
    cpu: pick([1000, 1750, 1930, 2000, 3920]),
    memory: pick([2048, 4096, 7121, 15000]) * MI,
    pods: chance(0.15) ? between(2, 6) : 29,
    volumes: chance(0.3) ? between(1, 3) : 24,
    name: `size-${index}`,
  }));
  const tainted: Taint = { key: 'dedicated', value: 'gold', effect: 'NoSchedule' };
  const usesTaints = chance(0.15);
  const nodes = Array.from({ length: between(1, mix.nodes) }, (_, index): ClusterNode => {
    const size = pick(sizes);
    const name = `node-${index}`;
    const zone = `zone-${index % zones}`;
    return {
      name,
      instanceType: customInstanceType({
        name: size.name,
        vcpus: Math.ceil(size.cpu / 1000),
        memoryKi: size.memory / 1024,
        maxPods: size.pods,
        ebsVolumes: size.volumes,
      }),
      zone,
      labels: { [HOST]: name, [ZONE]: zone, ...(chance(0.5) ? { disk: 'ssd' } : {}) },
      taints: usesTaints && chance(0.4) ? [tainted] : [],
      allocatable: {
        cpuMillis: size.cpu,
        memoryBytes: size.memory,
        pods: size.pods,
        ephemeralStorageBytes: 18181869946,
        ebsVolumes: size.volumes,
      },
    };
  });
  const cordoned = new Set(nodes.length > 1 && chance(0.1) ? [pick(nodes).name] : []);

  const hasPriorities = chance(mix.priorities);
  const load = 0.35 + random() * 0.6;
  const largest = {
    cpu: Math.max(...nodes.map(({ allocatable }) => allocatable.cpuMillis)),
    memory: Math.max(...nodes.map(({ allocatable }) => allocatable.memoryBytes)),
  };
  const wanted = { cpu: 0, memory: 0 };
  for (const { allocatable } of nodes) {
    wanted.cpu += allocatable.cpuMillis * load;
    wanted.memory += allocatable.memoryBytes * load;
  }
  // A mix without them draws nothing: its clusters stay those of their seeds.
  const toTier = () => mix.affinityToTier > 0 && chance(mix.affinityToTier);
  const groups: { manifest: PlainObject; zone?: string }[] = [];
  let pods = 0;
  const used = { cpu: 0, memory: 0 };
  while (groups.length < 12 && pods < mix.pods && (used.cpu < wanted.cpu || used.memory < wanted.memory)) {
    const number = groups.length;
    const replicas = Math.min(mix.pods - pods, pick([1, 1, 2, 2, 3, 3, 4, 5, 8]));
    const cpu = chance(0.05) ? 0 : pick([50, 100, 200, 250, 300, 500, 750, 1000]);
    const memory = chance(0.05) ? 0 : pick([64, 128, 256, 512, 1024, 1433, 2048, 2868]) * MI;
    const fits =
      cpu <= largest.cpu &&
      memory <= largest.memory &&
      used.cpu + cpu * replicas <= wanted.cpu * 1.05 &&
      used.memory + memory * replicas <= wanted.memory * 1.05;
    if (!fits && chance(0.97)) {
      if (chance(0.3)) break;
      continue;
    }
    pods += replicas;
    used.cpu += cpu * replicas;
    used.memory += memory * replicas;
    const labels = { app: `app-${number}`, tier: `tier-${number % 2}` };
    const own = { matchLabels: { app: `app-${number}` } };
    const other = { matchLabels: { app: `app-${between(0, Math.max(0, number))}` } };
    const tier = { matchLabels: { tier: labels.tier } };
    const key = pick([HOST, HOST, ZONE]);
    const required = (term: PlainObject) => ({ requiredDuringSchedulingIgnoredDuringExecution: [term] });
    const volumes = chance(0.12);
    groups.push({
      manifest: {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: `app-${number}`, namespace: 'default' },
        spec: {
          replicas,
          template: {
            metadata: { labels },
            spec: {
              ...(hasPriorities ? { priorityClassName: pick(['low', 'middle', 'high', 'never']) } : {}),
              ...(chance(0.1) ? { nodeSelector: { disk: 'ssd' } } : {}),
              ...(usesTaints && chance(0.5)
                ? {
                    tolerations: [
                      { key: 'dedicated', operator: 'Equal', value: 'gold', effect: 'NoSchedule' },
                    ],
                  }
                : {}),
              affinity: {
                ...(chance(mix.antiAffinity)
                  ? {
                      podAntiAffinity: required({
                        topologyKey: key,
                        labelSelector: chance(0.7) ? own : other,
                      }),
                    }
                  : {}),
                ...(chance(mix.affinity)
                  ? {
                      podAffinity: required({
                        topologyKey: key,
                        labelSelector: toTier() ? tier : chance(0.5) ? own : other,
                      }),
                    }
                  : {}),
              },
              ...(chance(mix.spread)
                ? {
                    topologySpreadConstraints: [
                      {
                        maxSkew: between(1, 2),
                        topologyKey: key,
                        whenUnsatisfiable: 'DoNotSchedule',
                        labelSelector: chance(0.85) ? own : tier,
                      },
                    ],
                  }
                : {}),
              containers: [
                {
                  name: 'main',
                  image: 'x:1',
                  ...(chance(replicas <= nodes.length ? 0.08 : 0.01)
                    ? { ports: [{ containerPort: 80, hostPort: 8080 + number }] }
                    : {}),
                  resources: { requests: { cpu: `${cpu}m`, memory: String(memory) } },
                },
              ],
              ...(volumes
                ? {
                    volumes: [
                      {
                        name: 'data',
                        ephemeral: {
                          volumeClaimTemplate: {
                            spec: { storageClassName: 'gp3', accessModes: ['ReadWriteOnce'] },
                          },
                        },
                      },
                    ],
                  }
                : {}),
            },
          },
        },
      },
      ...(volumes && chance(0.5) ? { zone: pick(nodes).zone ?? 'zone-0' } : {}),
    });
  }
  const classes = [
    ['low', 10],
    ['middle', 20],
    ['high', 30],
    ['never', 20],
  ].map(([name, value]) => ({
    apiVersion: 'scheduling.k8s.io/v1',
    kind: 'PriorityClass',
    metadata: { name },
    value,
    ...(name === 'never' ? { preemptionPolicy: 'Never' } : {}),
  }));
  const sets = expandPods(manifestObjects([...classes, ...groups.map(({ manifest }) => manifest)]));
  const demands = sets.map((set, index): Demand => {
    const zone = groups[index]?.zone;
    return { set, count: set.replicas.max, ...(zone === undefined ? {} : { zone }) };
  });
  return { nodes, demands, cordoned, problem: buildProblem(nodes, demands, { cordoned }) };
}
