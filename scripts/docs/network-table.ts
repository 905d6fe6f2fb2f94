import type { Flow } from '../../lib/lakehouse/network/flow';

/** docs/network.md: the flows that are let through, as a table for people. */
export function networkTable(flows: readonly Flow[]): string {
  const end = (side: Flow['from'] | Flow['to']) =>
    typeof side === 'string' ? side : 'namespace' in side ? `${side.name} (${side.namespace})` : side.name;
  const rows = flows.map(
    ({ from, to, ports, why }) => `| ${end(from)} | ${end(to)} | ${ports.join(', ') || 'every'} | ${why} |`,
  );
  return `# Network: who talks to whom

Every namespace that the chart makes denies all traffic in both directions. Beside the DNS (port 53, the cluster's or its
cache on the node), which every pod may ask, exactly these connections of the default chart are let through; the namespace
of a workload stands in brackets. No list of them is kept: a connection is declared where one construct is handed another,
and the policies on both ends follow from it (lib/lakehouse/network/). A test computes from the policies which pod reaches
which, for this chart and for others, and compares it with what is declared. This file is generated: \`npm run docs:network\`.

| from | to | TCP port | why |
|---|---|---|---|
${rows.join('\n')}

What enforces policies is the cluster's network plugin; in the Amazon VPC CNI it is the setting \`enableNetworkPolicy\`.
A node always reaches its own pods, so probes and \`kubectl port-forward\` need no row. Strimzi adds policies of its own
for the brokers' ports: each of its client listeners admits the pods of the declared clients alone.

## Pods of your own

Pods that nothing declares are cut off in a namespace that the chart makes. A \`Workload\` is the end of a connection: it
makes the policy of its pods, and the server's policy admits them.

\`\`\`ts
const report = new Workload(chart, 'report', { name: 'report', namespace: 'reports', labels: { app: 'report' } });
report.connectTo(database, 'a report is made every morning');
report.connectTo(topic, 'what is new is read at once');
report.acceptFrom('anywhere', [8080], 'people read it');
\`\`\`

A \`SparkJob\` is connected in the same way, and has its store by itself. Anything with \`listeners\` can be connected to: a
server outside is one with its addresses. \`topic.connect()\` and \`store.addClient()\` let through every pod of the client's
namespace, unless they are told which pods.

## Addresses

Addresses outside are named where they are known: by an address in \`bootstrapServers\` or \`endpoint\`, a Service of the
cluster, or the prop \`addresses\` of an external topic or store. A name of the DNS says none, so its port is open to every
address. Both families of IP are let through. The agent of the Amazon VPC CNI leaves rules of the other family aside, but
before August 2026 it may stop at exceptions of the other family, so in a cluster of IPv6 set
\`network: { ipFamilies: ['IPv6'] }\`. The API server is looked for on private networks;
\`network: { apiServerBlocks: ['10.0.0.0/28'] }\` says where it is.

## Namespaces that exist

In a namespace of \`existingNamespaces\` only the chart's own pods have policies, with the DNS among their rules: pods of
others stay as they are. \`denyByDefault: true\` cuts these off too.
`;
}
