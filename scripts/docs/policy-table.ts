import type { PolicyException } from '../../lib/lakehouse/workload/policy-exceptions';

/** docs/policy.md: the points in which kube-score or checkov is not followed, as a table for people. */
export function policyTable(exceptions: Readonly<Record<string, PolicyException>>): string {
  const rows = Object.entries(exceptions).map(
    ([name, { checks, reason }]) =>
      `| ${name} | ${checks.map(check => `\`${check}\``).join(', ')} | ${reason} |`,
  );
  return `# Policy: what other people's tools say

\`npm run test:policy\` runs kube-score and checkov over dist/ and over the pods that the operators make of the custom
resources, and kubernetes-validate over the same files with the schemas of the oldest and of the tested Kubernetes.
No check is switched off. What remains is an exception on the object itself, in the tool's own annotation, with its
reason; the run prints how much each tool finds without the exceptions and with them, and fails when an object has a
finding without an exception, or an exception without a finding.

The pods of the custom resources are the expansion that the capacity report counts: what an operator adds by itself,
such as Strimzi's probes, is not in them. Custom resources have no schema in kubernetes-validate; the API server of
\`npm run test:cluster\` checks them.

The constructs take the exceptions from one list (lib/lakehouse/workload/policy-exceptions.ts), from which this file is
generated: \`npm run docs:policy\`.

| exception | checks | reason |
|---|---|---|
${rows.join('\n')}
`;
}
