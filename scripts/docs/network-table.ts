import type { Flow } from '../../lib/lakehouse/network/network-policies';

/** docs/network.md: the flows that are let through, as a table for people. */
export function networkTable(flows: readonly Flow[]): string {
  const end = (side: Flow['from'] | Flow['to']) =>
    typeof side === 'string' ? side : 'namespace' in side ? `${side.name} (${side.namespace})` : side.name;
  const rows = flows.map(
    ({ from, to, ports, why }) => `| ${end(from)} | ${end(to)} | ${ports.join(', ') || 'every'} | ${why} |`,
  );
  return `# Network: who talks to whom

Every namespace of the system denies all traffic in both directions. Beside the DNS (port 53), which every pod may
ask, exactly these connections are let through; the namespace of a workload stands in brackets. The policies are made
from the same list (lib/lakehouse/network/network-policies.ts), and a test computes from the policies which pod reaches
which and compares it with the list. This file is generated: \`npm run docs:network\`.

| from | to | TCP port | why |
|---|---|---|---|
${rows.join('\n')}

What enforces policies is the cluster's network plugin; in the Amazon VPC CNI it is the setting \`enableNetworkPolicy\`.
A node always reaches its own pods, so probes and \`kubectl port-forward\` need no row. Strimzi adds policies of its own
for the brokers' ports: its client listener is open to the namespaces of the declared clients alone.
`;
}
