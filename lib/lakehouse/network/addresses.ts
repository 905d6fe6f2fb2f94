import { isIP } from 'node:net';
import type { IConstruct } from 'constructs';
import type { AddressBlock, Addresses, Listener } from './flow';

export type IpFamily = 'IPv4' | 'IPv6';

/** What the policies have to know of the cluster's network. */
export interface NetworkProps {
  /**
   * Where the API server's endpoints are, as CIDRs.
   * @default the private networks of both families: EKS' endpoints are there, and the address of its Service, which the
   * Amazon VPC CNI looks at. A network plugin that looks at endpoints with IPv6 addresses of the Internet has to be told them
   */
  readonly apiServerBlocks?: readonly string[];
  /**
   * The families of addresses that policies name. The Amazon VPC CNI leaves the other family aside (aws-network-policy-agent
   * pull request 321), but before August 2026 it may stop at exceptions of it (647): in a cluster of IPv6 name that alone.
   * @default both
   */
  readonly ipFamilies?: readonly IpFamily[];
}

const CONTEXT = 'cdk8s-lakehouse/network';

/** Says it to every construct that is made below a scope from now on. */
export function setNetwork(scope: IConstruct, network: NetworkProps): void {
  scope.node.setContext(CONTEXT, network);
}

function network(scope: IConstruct): NetworkProps {
  return (scope.node.tryGetContext(CONTEXT) as NetworkProps | undefined) ?? {};
}

/** RFC 1918 and RFC 6598: no address of the Internet. */
const PRIVATE_IPV4 = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10'];
/** RFC 4193: no address of the Internet. */
const PRIVATE_IPV6 = ['fc00::/7'];
/** RFC 4291: every address of the Internet that is assigned; those of a VPC are among them. */
const GLOBAL_IPV6 = '2000::/3';
/** Where NodeLocal DNSCache listens on each node, by its own manifest and in kubeadm, kops and EKS' guide. */
const NODE_LOCAL_DNS = '169.254.20.10/32';

const familyOf = (cidr: string): IpFamily => (cidr.includes(':') ? 'IPv6' : 'IPv4');

/** Those of the cluster's families. */
function ofFamilies(scope: IConstruct, name: string, blocks: readonly AddressBlock[]): Addresses {
  const { ipFamilies } = network(scope);
  return {
    name,
    blocks: blocks.filter(({ cidr }) => ipFamilies?.includes(familyOf(cidr)) ?? true),
  };
}

const ranges = (cidrs: readonly string[]) => cidrs.map(cidr => ({ cidr }));

/** Every address that is on no private network. IPv6 needs no exceptions, and so gets none. */
export function internet(scope: IConstruct): Addresses {
  return ofFamilies(scope, 'the Internet', [
    { cidr: '0.0.0.0/0', except: PRIVATE_IPV4 },
    { cidr: GLOBAL_IPV6 },
  ]);
}

export function apiServer(scope: IConstruct): Addresses {
  const { apiServerBlocks } = network(scope);
  const name = 'the API server';
  return apiServerBlocks === undefined
    ? ofFamilies(scope, name, ranges([...PRIVATE_IPV4, ...PRIVATE_IPV6]))
    : { name, blocks: ranges(apiServerBlocks) };
}

/** Ports of API servers: EKS' and kubeadm's. */
export const API_SERVER_PORTS = [443, 6443];

/** Nodes of a cluster of IPv6 have addresses of the Internet. */
export function kubelets(scope: IConstruct): Addresses {
  return ofFamilies(scope, 'the kubelets', ranges([...PRIVATE_IPV4, ...PRIVATE_IPV6, GLOBAL_IPV6]));
}

/** The addresses of the private networks. */
export function privateNetworks(scope: IConstruct): Addresses {
  return ofFamilies(scope, 'the private networks', ranges([...PRIVATE_IPV4, ...PRIVATE_IPV6]));
}

export function nodeLocalDns(scope: IConstruct): Addresses {
  return ofFamilies(scope, 'NodeLocal DNS', ranges([NODE_LOCAL_DNS]));
}

/**
 * Where servers outside of the app listen, by host and port: the addresses that are known; else the one address where the
 * host is one, the namespace where it is a Service of the cluster, and every address for a name of the DNS, which says none.
 */
export function listenersAt(
  scope: IConstruct,
  servers: readonly { readonly host: string; readonly port: number }[],
  addresses?: readonly string[],
): Listener[] {
  if (addresses !== undefined) {
    const names = [...new Set(servers.map(({ host }) => host))].join(', ');
    const ports = [...new Set(servers.map(({ port }) => port))];
    return [{ end: { name: names, blocks: ranges(addresses) }, ports }];
  }
  const hosts = [...new Set(servers.map(({ host }) => host))];
  const listeners = hosts.map((host): Listener => {
    const ports = [...new Set(servers.filter(server => server.host === host).map(({ port }) => port))];
    return { end: endOf(scope, host), ports };
  });
  return merged(listeners);
}

function endOf(scope: IConstruct, host: string): Listener['end'] {
  const bare = host.replace(/^\[|\]$/g, '');
  const version = isIP(bare);
  if (version !== 0) return { name: bare, blocks: [{ cidr: `${bare}/${version === 4 ? 32 : 128}` }] };
  const [, namespace] = /^[a-z0-9.-]+?\.([a-z0-9-]+)\.svc(?:\.cluster\.local)?\.?$/.exec(bare) ?? [];
  if (namespace !== undefined) return { name: bare, namespace, labels: {} };
  return ofFamilies(scope, bare, ranges(['0.0.0.0/0', '::/0']));
}

/** Names without an address are one: every policy has a rule for all of them. */
function merged(listeners: readonly Listener[]): Listener[] {
  const byBlocks = new Map<string, Listener>();
  for (const { end, ports } of listeners) {
    const key =
      'blocks' in end ? JSON.stringify([end.blocks, ports]) : JSON.stringify([end.namespace, ports]);
    const known = byBlocks.get(key);
    byBlocks.set(
      key,
      known === undefined
        ? { end, ports }
        : { end: { ...end, name: `${known.end.name}, ${end.name}` }, ports },
    );
  }
  return [...byBlocks.values()];
}
