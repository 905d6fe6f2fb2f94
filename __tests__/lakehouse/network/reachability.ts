import { expandPods } from '../../../lib/checker/manifest/pods';
import { type ManifestObject, manifestObjects } from '../../../lib/checker/object/manifest-object';
import type { Flow } from '../../../lib/lakehouse/network/flow';
import { inside } from '../synthesis';

type Labels = Readonly<Record<string, string>>;

export interface TestPod {
  readonly name: string;
  readonly namespace: string;
  readonly labels: Labels;
}

interface Selector {
  readonly matchLabels?: Labels;
}

interface Peer {
  readonly namespaceSelector?: Selector;
  readonly podSelector?: Selector;
  readonly ipBlock?: { readonly cidr: string; readonly except?: readonly string[] };
}

interface Rule {
  readonly from?: readonly Peer[];
  readonly to?: readonly Peer[];
  readonly ports?: readonly { readonly port: number; readonly protocol: string }[];
}

/** Every pod has an address of the VPC. */
const POD_ADDRESS = '10.0.0.7';

function bits(address: string): string {
  if (!address.includes(':'))
    return address
      .split('.')
      .map(byte => Number(byte).toString(2).padStart(8, '0'))
      .join('');
  const [left = '', right = ''] = address.split('::');
  const groups = (text: string) => (text === '' ? [] : text.split(':'));
  const zeros = address.includes('::') ? 8 - groups(left).length - groups(right).length : 0;
  return [...groups(left), ...Array<string>(zeros).fill('0'), ...groups(right)]
    .map(group => Number.parseInt(group, 16).toString(2).padStart(16, '0'))
    .join('');
}

function isInBlock(cidr: string, address: string): boolean {
  const [network = '', length = ''] = cidr.split('/');
  return (
    network.includes(':') === address.includes(':') &&
    bits(network).slice(0, Number(length)) === bits(address).slice(0, Number(length))
  );
}

function isAddressOf({ ipBlock }: Peer, address: string): boolean {
  return (
    ipBlock !== undefined &&
    isInBlock(ipBlock.cidr, address) &&
    !(ipBlock.except ?? []).some(cidr => isInBlock(cidr, address))
  );
}

function selects(selector: Selector | undefined, labels: Labels): boolean {
  return Object.entries(selector?.matchLabels ?? {}).every(([key, value]) => labels[key] === value);
}

/** The API's semantics, written without a look at what makes the policies. */
function isPeer(peer: Peer, policyNamespace: string, pod: TestPod): boolean {
  if (peer.ipBlock !== undefined) return isAddressOf(peer, POD_ADDRESS);
  const isNamespace =
    peer.namespaceSelector === undefined
      ? pod.namespace === policyNamespace
      : selects(peer.namespaceSelector, { 'kubernetes.io/metadata.name': pod.namespace });
  return isNamespace && selects(peer.podSelector, pod.labels);
}

type Direction = 'Ingress' | 'Egress';

function policiesOn(policies: readonly ManifestObject[], pod: TestPod, direction: Direction) {
  return policies.filter(
    policy =>
      policy.metadata.namespace === pod.namespace &&
      selects(inside(policy, 'spec', 'podSelector') as Selector, pod.labels) &&
      (inside(policy, 'spec', 'policyTypes') as string[]).includes(direction),
  );
}

function isAllowed(
  direction: Direction,
  policies: readonly ManifestObject[],
  pod: TestPod,
  port: number,
  isOther: (peer: Peer) => boolean,
): boolean {
  const selecting = policiesOn(policies, pod, direction);
  if (selecting.length === 0) return true;
  return selecting.some(policy => {
    const rules = (inside(policy, 'spec', direction.toLowerCase()) ?? []) as readonly Rule[];
    return rules.some(rule => {
      const peers = direction === 'Ingress' ? rule.from : rule.to;
      const isPort =
        rule.ports === undefined ||
        rule.ports.some(allowed => allowed.port === port && allowed.protocol === 'TCP');
      return isPort && (peers === undefined || peers.some(isOther));
    });
  });
}

/** Whether a policy holds back what comes to a pod, or what it opens itself. */
export function isGuarded(policies: readonly ManifestObject[], pod: TestPod, direction: Direction): boolean {
  return policiesOn(policies, pod, direction).length > 0;
}

export function reaches(
  policies: readonly ManifestObject[],
  from: TestPod,
  to: TestPod,
  port: number,
): boolean {
  return (
    isAllowed('Egress', policies, from, port, peer => isPeer(peer, from.namespace, to)) &&
    isAllowed('Ingress', policies, to, port, peer => isPeer(peer, to.namespace, from))
  );
}

/** Whether a pod reaches an address outside of the cluster. */
export function reachesAddress(
  policies: readonly ManifestObject[],
  from: TestPod,
  address: string,
  port: number,
): boolean {
  return isAllowed('Egress', policies, from, port, peer => isAddressOf(peer, address));
}

/** The policies of the manifests, and those that Strimzi's operator makes of a Kafka: each listener for its peers, or for all. */
export function policiesOf(objects: readonly ManifestObject[]): ManifestObject[] {
  const own = objects.filter(({ kind }) => kind === 'NetworkPolicy');
  const strimzis = objects
    .filter(({ kind }) => kind === 'Kafka')
    .map(kafka => {
      const listeners = inside(kafka, 'spec', 'kafka', 'listeners') as {
        port: number;
        networkPolicyPeers?: Peer[];
      }[];
      const isKraft = kafka.apiVersion.endsWith('/v1');
      return {
        apiVersion: 'networking.k8s.io/v1',
        kind: 'NetworkPolicy',
        metadata: {
          name: `${kafka.metadata.name}-network-policy-kafka`,
          namespace: kafka.metadata.namespace,
        },
        spec: {
          podSelector: {
            matchLabels: {
              'strimzi.io/cluster': kafka.metadata.name,
              ...(isKraft
                ? { 'strimzi.io/pool-name': 'broker' }
                : { 'strimzi.io/name': `${kafka.metadata.name}-kafka` }),
            },
          },
          policyTypes: ['Ingress'],
          ingress: listeners.map(({ port, networkPolicyPeers = [] }) => ({
            ports: [{ port, protocol: 'TCP' }],
            ...(networkPolicyPeers.length === 0 ? {} : { from: networkPolicyPeers }),
          })),
        },
      };
    });
  return [...own, ...manifestObjects(strimzis)];
}

/** Namespaces of strangers. */
const NEARBY = ['monitoring', 'kafka', 'elsewhere', 'ingress-nginx', 'gateways'];

/** Pods that the objects bring, and those around them that could come by. */
export function podsAround(objects: readonly ManifestObject[]): TestPod[] {
  const own = expandPods(objects).map(({ name, namespace, pod }) => ({
    name,
    namespace,
    labels: pod.labels,
  }));
  const namespaces = [...new Set([...NEARBY, ...own.map(({ namespace }) => namespace)])];
  return [
    ...own,
    {
      name: 'prometheus',
      namespace: 'monitoring',
      labels: { 'app.kubernetes.io/name': 'prometheus', 'app.kubernetes.io/component': 'server' },
    },
    {
      name: 'kube-state-metrics',
      namespace: 'monitoring',
      labels: { 'app.kubernetes.io/name': 'kube-state-metrics' },
    },
    { name: 'operator', namespace: 'strimzi-system', labels: { 'strimzi.io/kind': 'cluster-operator' } },
    { name: 'dns', namespace: 'kube-system', labels: { 'k8s-app': 'kube-dns' } },
    ...namespaces.map(namespace => ({
      name: 'stranger',
      namespace,
      labels: { 'app.kubernetes.io/name': 'stranger' },
    })),
  ];
}

/** Whether an end is every pod, by no name or by the addresses of the VPC. */
function isOutside(end: Flow['from']): boolean {
  return (
    end === 'anywhere' || ('blocks' in end && end.blocks.some(({ cidr }) => isInBlock(cidr, POD_ADDRESS)))
  );
}

export function isOf(pod: TestPod, end: Flow['from'] | Flow['to']): boolean {
  return (
    typeof end !== 'string' &&
    'labels' in end &&
    end.namespace === pod.namespace &&
    selects({ matchLabels: end.labels }, pod.labels)
  );
}

/**
 * Whether the flows say that a pod may reach another. Where one side is nobody's, the other decides alone: 'anywhere' opens
 * the way in, and a pod that policies hold back needs a way out of its own.
 */
function isIntended(
  flows: readonly Flow[],
  policies: readonly ManifestObject[],
  from: TestPod,
  to: TestPod,
  port: number,
): boolean {
  const isHeldBack = isGuarded(policies, from, 'Egress');
  return flows.some(
    flow =>
      (isOf(from, flow.from) || (isOutside(flow.from) && !isHeldBack)) &&
      isOf(to, flow.to) &&
      (flow.ports.length === 0 || flow.ports.includes(port)),
  );
}

/** Ports that some pod might open, beside those of the flows. */
const SOME_PORTS = [22, 53, 9000, 9091, 9092, 9093, 50_000];

/** Where the policies say otherwise than the flows: every pod to every pod that a policy guards, on every port. */
export function differences(
  policies: readonly ManifestObject[],
  pods: readonly TestPod[],
  flows: readonly Flow[],
): string[] {
  const ports = [...new Set([...flows.flatMap(flow => flow.ports), ...SOME_PORTS])];
  const guarded = pods.filter(to => isGuarded(policies, to, 'Ingress'));
  return pods.flatMap(from =>
    guarded.flatMap(to =>
      ports
        .filter(port => reaches(policies, from, to, port) !== isIntended(flows, policies, from, to, port))
        .map(port => `${from.namespace}/${from.name} → ${to.namespace}/${to.name}:${port}`),
    ),
  );
}
