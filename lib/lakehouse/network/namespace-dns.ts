import type { IConstruct } from 'constructs';
import { nodeLocalDns } from './addresses';

const denying = new WeakMap<IConstruct, string>();

/** Says that a construct denies everything in a namespace and lets every pod there ask the DNS. */
export function setDeniesByDefault(construct: IConstruct, namespace: string): void {
  denying.set(construct, namespace);
}

/** Whether something at or under a scope denies everything in a namespace, and lets its pods ask the DNS. */
export function deniesByDefault(scope: IConstruct, namespace: string): boolean {
  return scope.node.findAll().some(construct => denying.get(construct) === namespace);
}

/** The rule of a policy that lets pods ask the DNS: the cluster's own, and the cache of their node where there is one. */
export function dnsRule(scope: IConstruct): object {
  return {
    to: [
      {
        namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } },
        podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } },
      },
      ...nodeLocalDns(scope).blocks.map(ipBlock => ({ ipBlock })),
    ],
    ports: [
      { port: 53, protocol: 'UDP' },
      { port: 53, protocol: 'TCP' },
    ],
  };
}
