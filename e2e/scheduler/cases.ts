import { customInstanceType } from '../../lib/checker/capacity/instance-types';
import type { ClusterNode, Taint } from '../../lib/checker/capacity/node';
import type { Verdict } from '../../lib/checker/capacity/verdict';
import type { PlainObject } from '../../lib/checker/object/manifest-object';
import type { PriorityClass, Workload } from './api-objects';
import { type ManifestCluster, manifestContest } from './manifest-contest';

/** A cluster that turns on one edge of one filter, and what has to be said of its workloads. */
export interface SchedulerCase {
  readonly name: string;
  readonly cluster: ManifestCluster;
  /** By workload, in namespace `default`. */
  readonly verdicts: Readonly<Record<string, Verdict>>;
}

const HOST = 'kubernetes.io/hostname';
const ZONE = 'topology.kubernetes.io/zone';
const MI = 2 ** 20;

function node(
  name: string,
  cpuMillis = 1000,
  more: { memory?: number; zone?: string; labels?: Record<string, string>; taints?: Taint[] } = {},
): ClusterNode {
  const { memory = 1000, zone = 'z1', labels = {}, taints = [] } = more;
  return {
    name,
    instanceType: customInstanceType({ name: 't', vcpus: 1, memoryKi: 1024, maxPods: 20, ebsVolumes: 10 }),
    zone,
    labels: { [HOST]: name, [ZONE]: zone, ...labels },
    taints,
    allocatable: {
      cpuMillis,
      memoryBytes: memory * MI,
      pods: 20,
      ephemeralStorageBytes: 1e10,
      ebsVolumes: 10,
    },
  };
}

interface Parts {
  readonly kind?: Workload['kind'];
  readonly replicas?: number;
  readonly cpu?: number;
  readonly memory?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly ports?: readonly PlainObject[];
  readonly namespace?: string;
  readonly pod?: PlainObject;
}

function workload(name: string, parts: Parts = {}): Workload {
  const { kind = 'Deployment', replicas = 1, cpu = 100, memory = 0, labels, ports, pod } = parts;
  return {
    apiVersion: 'apps/v1',
    kind,
    metadata: { name, namespace: parts.namespace ?? 'default' },
    spec: {
      ...(kind === 'DaemonSet' ? {} : { replicas }),
      template: {
        metadata: { labels: labels ?? { app: name } },
        spec: {
          ...pod,
          containers: [
            {
              name: 'main',
              image: 'x:1',
              resources: { requests: { cpu: `${cpu}m`, memory: `${memory}Mi` } },
              ...(ports === undefined ? {} : { ports }),
            },
          ],
        },
      },
    },
  };
}

const required = (kind: 'podAffinity' | 'podAntiAffinity', ...terms: PlainObject[]): PlainObject => ({
  affinity: { [kind]: { requiredDuringSchedulingIgnoredDuringExecution: terms } },
});
const term = (app: string, more: PlainObject = {}): PlainObject => ({
  topologyKey: HOST,
  labelSelector: { matchLabels: { app } },
  ...more,
});
const spread = (labelSelector: PlainObject, more: PlainObject = {}): PlainObject => ({
  topologySpreadConstraints: [
    { maxSkew: 1, topologyKey: HOST, whenUnsatisfiable: 'DoNotSchedule', labelSelector, ...more },
  ],
});
const critical = { priorityClassName: 'system-node-critical' };
const port = (hostPort: number, more: PlainObject = {}): PlainObject => ({
  containerPort: hostPort,
  hostPort,
  ...more,
});
const classes: readonly PriorityClass[] = [
  { name: 'low', value: 0 },
  { name: 'middle', value: 5 },
  { name: 'high', value: 10 },
];
const daemon = (parts: Parts) => workload('daemon', { kind: 'DaemonSet', cpu: 10, pod: critical, ...parts });

/** Each edge beside its nearest neighbour on the other side. */
export const CASES: readonly SchedulerCase[] = [
  {
    name: 'a critical daemon holds its host port',
    cluster: {
      nodes: [node('a')],
      workloads: [workload('u', { ports: [port(9100)] }), daemon({ ports: [port(9100)] })],
    },
    verdicts: { u: 'impossible' },
  },
  {
    name: 'a critical daemon holds no other port',
    cluster: {
      nodes: [node('a')],
      workloads: [workload('u', { ports: [port(9101)] }), daemon({ ports: [port(9100)] })],
    },
    verdicts: { u: 'guaranteed' },
  },
  {
    name: 'a critical daemon is kept away from',
    cluster: {
      nodes: [node('a'), node('b', 1000, { labels: { on: 'b' } })],
      workloads: [
        workload('u', { replicas: 2, pod: required('podAntiAffinity', term('daemon')) }),
        daemon({ pod: { ...critical, nodeSelector: { on: 'b' } } }),
        workload('v', { replicas: 2, pod: { nodeSelector: { on: 'b' } } }),
      ],
    },
    verdicts: { u: 'guaranteed', v: 'guaranteed' },
  },
  {
    name: 'a critical daemon keeps others away',
    cluster: {
      nodes: [node('a')],
      workloads: [
        workload('u'),
        workload('v'),
        daemon({ pod: { ...critical, ...required('podAntiAffinity', term('u')) } }),
      ],
    },
    verdicts: { u: 'impossible', v: 'guaranteed' },
  },
  {
    name: 'a critical daemon is near',
    cluster: {
      nodes: [node('a')],
      workloads: [workload('u', { pod: required('podAffinity', term('daemon')) }), daemon({})],
    },
    verdicts: { u: 'guaranteed' },
  },
  {
    name: 'a critical daemon of another node is not near',
    cluster: {
      nodes: [node('a', 150), node('b', 50, { labels: { on: 'b' } })],
      workloads: [
        workload('u', { pod: required('podAffinity', term('daemon')) }),
        daemon({ pod: { ...critical, nodeSelector: { on: 'b' } } }),
      ],
    },
    verdicts: { u: 'impossible' },
  },
  {
    name: 'a critical daemon counts in a spread',
    cluster: {
      nodes: [node('a', 1000, { labels: { on: 'a' } }), node('b', 110)],
      workloads: [
        workload('u', { replicas: 2, labels: { app: 's' }, pod: spread({ matchLabels: { app: 's' } }) }),
        daemon({ labels: { app: 's' }, pod: { ...critical, nodeSelector: { on: 'a' } } }),
      ],
    },
    verdicts: { u: 'guaranteed' },
  },
  {
    name: 'no address is every address',
    cluster: {
      nodes: [node('a')],
      workloads: [
        workload('u', { ports: [port(80, { hostIP: '' })] }),
        workload('v', { ports: [port(80, { hostIP: '10.0.0.1' })] }),
      ],
    },
    verdicts: { u: 'impossible', v: 'impossible' },
  },
  {
    name: 'two addresses, and two protocols, are apart',
    cluster: {
      nodes: [node('a')],
      workloads: [
        workload('u', { ports: [port(80, { hostIP: '10.0.0.2' })] }),
        workload('v', { ports: [port(80, { hostIP: '10.0.0.1' })] }),
        workload('w', { ports: [port(80, { protocol: 'UDP' })] }),
      ],
    },
    verdicts: { u: 'guaranteed', v: 'guaranteed', w: 'guaranteed' },
  },
  {
    name: 'with the network of the host, each container port is one of it',
    cluster: {
      nodes: [node('a')],
      workloads: [
        workload('u', { ports: [{ containerPort: 80, hostPort: 0 }], pod: { hostNetwork: true } }),
        workload('v', { ports: [port(80)] }),
        workload('w', { ports: [{ containerPort: 80 }] }),
      ],
    },
    verdicts: { u: 'impossible', v: 'impossible', w: 'guaranteed' },
  },
  {
    name: 'a spread with an empty selector counts nobody',
    cluster: {
      nodes: [node('a'), node('b', 100)],
      workloads: [workload('u', { replicas: 3, cpu: 200, pod: spread({}) })],
    },
    verdicts: { u: 'guaranteed' },
  },
  {
    name: 'a spread over its own pods counts them',
    cluster: {
      nodes: [node('a'), node('b', 100)],
      workloads: [workload('u', { replicas: 3, cpu: 200, pod: spread({ matchLabels: { app: 'u' } }) })],
    },
    verdicts: { u: 'impossible' },
  },
  {
    name: 'a spread with an empty selector and a label key counts those of its value',
    cluster: {
      nodes: [node('a'), node('b', 100)],
      workloads: [
        workload('u', { replicas: 3, cpu: 200, pod: spread({}, { matchLabelKeys: ['pod-template-hash'] }) }),
      ],
    },
    verdicts: { u: 'impossible' },
  },
  {
    name: 'a spread asks for its topology key, whatever it counts',
    cluster: {
      nodes: [node('a', 100, { labels: { rack: '1' } }), node('b')],
      workloads: [workload('u', { replicas: 2, pod: spread({}, { topologyKey: 'rack' }) })],
    },
    verdicts: { u: 'impossible' },
  },
  {
    name: 'two templates have two hashes',
    cluster: {
      nodes: [node('a')],
      workloads: [100, 110].map((cpu, number) =>
        workload(['u', 'v'][number] ?? '', {
          cpu,
          labels: { app: 's' },
          pod: required('podAntiAffinity', term('s', { matchLabelKeys: ['pod-template-hash'] })),
        }),
      ),
    },
    verdicts: { u: 'guaranteed', v: 'guaranteed' },
  },
  {
    name: 'one template has one hash',
    cluster: {
      nodes: [node('a')],
      workloads: ['u', 'v'].map(name =>
        workload(name, {
          labels: { app: 's' },
          pod: required('podAntiAffinity', term('s', { matchLabelKeys: ['pod-template-hash'] })),
        }),
      ),
    },
    verdicts: { u: 'impossible', v: 'impossible' },
  },
  {
    name: 'a mismatched label key leaves out its own value',
    cluster: {
      nodes: [node('a')],
      workloads: [
        workload('u', {
          replicas: 2,
          labels: { app: 's', tenant: '1' },
          pod: required('podAntiAffinity', term('s', { mismatchLabelKeys: ['tenant'] })),
        }),
      ],
    },
    verdicts: { u: 'guaranteed' },
  },
  {
    name: 'a mismatched label key keeps other values off',
    cluster: {
      nodes: [node('a')],
      workloads: ['1', '2'].map(tenant =>
        workload(`u${tenant}`, {
          labels: { app: 's', tenant },
          pod: required('podAntiAffinity', term('s', { mismatchLabelKeys: ['tenant'] })),
        }),
      ),
    },
    verdicts: { u1: 'impossible', u2: 'impossible' },
  },
  {
    name: 'pods on nodes without the topology are not there for the first of an affinity',
    cluster: {
      nodes: [node('a', 500), node('b', 1000, { labels: { rack: '1' } })],
      workloads: [
        workload('other', { labels: { app: 'u' }, cpu: 500, pod: { nodeSelector: { [HOST]: 'a' } } }),
        workload('u', {
          replicas: 2,
          cpu: 500,
          pod: required('podAffinity', term('u', { topologyKey: 'rack' })),
        }),
      ],
    },
    verdicts: { other: 'guaranteed', u: 'guaranteed' },
  },
  {
    name: 'pods on nodes with the topology are there for the first of an affinity',
    cluster: {
      nodes: [node('a', 500, { labels: { rack: '2' } }), node('b', 1000, { labels: { rack: '1' } })],
      workloads: [
        workload('other', { labels: { app: 'u' }, cpu: 500, pod: { nodeSelector: { [HOST]: 'a' } } }),
        workload('u', {
          replicas: 2,
          cpu: 500,
          pod: required('podAffinity', term('u', { topologyKey: 'rack' })),
        }),
      ],
    },
    verdicts: { other: 'order-dependent', u: 'order-dependent' },
  },
  {
    name: 'who blocks is pushed away by a higher priority that has no other node',
    cluster: {
      nodes: [node('a', 1000, { labels: { k: 'a' } }), node('b', 500, { memory: 900 })],
      classes,
      workloads: [
        workload('h', {
          cpu: 600,
          memory: 200,
          pod: { nodeSelector: { k: 'a' }, priorityClassName: 'high' },
        }),
        workload('f', { cpu: 500, memory: 900, pod: { priorityClassName: 'middle' } }),
        workload('x', {
          cpu: 300,
          memory: 300,
          pod: { nodeSelector: { k: 'a' }, priorityClassName: 'middle' },
        }),
      ],
    },
    verdicts: { h: 'guaranteed', f: 'guaranteed', x: 'guaranteed' },
  },
  {
    name: 'who blocks stays where nobody pushes it away',
    cluster: {
      nodes: [node('a', 1000, { labels: { k: 'a' } }), node('b', 500, { memory: 900 })],
      classes,
      workloads: [
        workload('h', {
          cpu: 400,
          memory: 100,
          pod: { nodeSelector: { k: 'a' }, priorityClassName: 'high' },
        }),
        workload('f', { cpu: 500, memory: 900, pod: { priorityClassName: 'middle' } }),
        workload('x', {
          cpu: 300,
          memory: 300,
          pod: { nodeSelector: { k: 'a' }, priorityClassName: 'middle' },
        }),
      ],
    },
    verdicts: { h: 'guaranteed', f: 'guaranteed', x: 'order-dependent' },
  },
  {
    name: 'a namespace selector reads the labels of the namespace',
    cluster: {
      nodes: [node('a')],
      namespaces: { default: {}, red: { team: 'red' } },
      workloads: [
        workload('u', {
          pod: required(
            'podAntiAffinity',
            term('v', { namespaceSelector: { matchLabels: { team: 'red' } } }),
          ),
        }),
        workload('v', { namespace: 'red' }),
      ],
    },
    verdicts: { u: 'impossible' },
  },
  {
    name: 'a namespace with other labels is not selected',
    cluster: {
      nodes: [node('a')],
      namespaces: { default: {}, blue: { team: 'blue' } },
      workloads: [
        workload('u', {
          pod: required(
            'podAntiAffinity',
            term('v', { namespaceSelector: { matchLabels: { team: 'red' } } }),
          ),
        }),
        workload('v', { namespace: 'blue' }),
      ],
    },
    verdicts: { u: 'guaranteed' },
  },
  {
    name: 'fewer domains than minDomains count as an empty one',
    cluster: {
      nodes: [node('a')],
      workloads: [
        workload('u', { replicas: 2, pod: spread({ matchLabels: { app: 'u' } }, { minDomains: 2 }) }),
      ],
    },
    verdicts: { u: 'impossible' },
  },
  {
    name: 'a tainted node counts as a domain, unless the policy leaves it out',
    cluster: {
      nodes: [node('a'), node('b', 1000, { taints: [{ key: 'old', effect: 'NoSchedule' }] })],
      workloads: [
        workload('u', { replicas: 2, pod: spread({ matchLabels: { app: 'u' } }) }),
        workload('v', {
          replicas: 2,
          pod: spread({ matchLabels: { app: 'v' } }, { nodeTaintsPolicy: 'Honor' }),
        }),
      ],
    },
    verdicts: { u: 'impossible', v: 'guaranteed' },
  },
  {
    name: 'a node that is not selected counts as a domain if the policy says so',
    cluster: {
      nodes: [node('a', 1000, { labels: { on: 'a' } }), node('b')],
      workloads: [
        workload('u', {
          replicas: 2,
          pod: {
            nodeSelector: { on: 'a' },
            ...spread({ matchLabels: { app: 'u' } }, { nodeAffinityPolicy: 'Ignore' }),
          },
        }),
        workload('v', {
          replicas: 2,
          pod: { nodeSelector: { on: 'a' }, ...spread({ matchLabels: { app: 'v' } }) },
        }),
      ],
    },
    verdicts: { u: 'impossible', v: 'guaranteed' },
  },
  {
    name: 'a sidecar counts beside the containers, an init container before them, overhead on top',
    cluster: {
      nodes: [node('a', 650)],
      workloads: [
        workload('u', {
          cpu: 200,
          pod: {
            overhead: { cpu: '50m' },
            initContainers: [
              { name: 's', image: 'x:1', restartPolicy: 'Always', resources: { requests: { cpu: '200m' } } },
              { name: 'i', image: 'x:1', resources: { requests: { cpu: '400m' } } },
            ],
          },
        }),
      ],
    },
    verdicts: { u: 'guaranteed' },
  },
  {
    name: 'an init container before a sidecar does not count beside it',
    cluster: {
      nodes: [node('a', 649)],
      workloads: [
        workload('u', {
          cpu: 200,
          pod: {
            overhead: { cpu: '50m' },
            initContainers: [
              { name: 's', image: 'x:1', restartPolicy: 'Always', resources: { requests: { cpu: '200m' } } },
              { name: 'i', image: 'x:1', resources: { requests: { cpu: '400m' } } },
            ],
          },
        }),
      ],
    },
    verdicts: { u: 'impossible' },
  },
  {
    name: 'requests of the pod as a whole stand for those of its containers',
    cluster: {
      nodes: [node('a', 300)],
      workloads: [workload('u', { cpu: 200, pod: { resources: { requests: { cpu: '300m' } } } })],
    },
    verdicts: { u: 'guaranteed' },
  },
  {
    name: 'a limit of the pod as a whole is its request only where no container asks',
    cluster: {
      nodes: [node('a', 250)],
      workloads: [workload('u', { cpu: 200, pod: { resources: { limits: { cpu: '300m' } } } })],
    },
    verdicts: { u: 'guaranteed' },
  },
  {
    name: 'a request of the pod as a whole above the node finds none',
    cluster: {
      nodes: [node('a', 299)],
      workloads: [workload('u', { cpu: 200, pod: { resources: { requests: { cpu: '300m' } } } })],
    },
    verdicts: { u: 'impossible' },
  },
];

export const caseContest = ({ cluster }: SchedulerCase) => manifestContest(cluster);
