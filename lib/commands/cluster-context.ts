import { writeFileSync } from 'node:fs';
import { CLUSTER_CONTEXT_FILE } from '../checker/eks/cluster-context';
import { describeNodegroup } from '../checker/eks/describe-nodegroup';
import { commandLine, UnusableInput, type Values } from './command-line';

const USAGE = `usage: cdk8s-lakehouse cluster-context --cluster NAME --nodegroup NAME [--region REGION]
       [--instance-type TYPE]… [--disk-size-gib N]
Asks EKS once and writes ${CLUSTER_CONTEXT_FILE}, which the chart reads instead of its default nodes. Commit it.
Credentials are those of the AWS command line: AWS_PROFILE, environment variables, SSO.
  --instance-type, --disk-size-gib  what a launch template keeps from EKS
Exit code 1 when EKS gives no answer that can be used, 2 for unusable input.`;

const OPTIONS = {
  cluster: { type: 'string' },
  nodegroup: { type: 'string' },
  region: { type: 'string' },
  'instance-type': { type: 'string', multiple: true },
  'disk-size-gib': { type: 'string' },
} as const;

export function clusterContext(args: readonly string[]): Promise<void> {
  return commandLine(USAGE, OPTIONS, writeContext, args);
}

async function writeContext(values: Values<typeof OPTIONS>): Promise<void> {
  // the SDK's version is pinned here: what later ones need is nothing to tell the one who asks
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';
  const { cluster, nodegroup, region, 'instance-type': instanceTypes, 'disk-size-gib': disk } = values;
  const problems = [
    ...(cluster ? [] : ['--cluster is missing; name the EKS cluster']),
    ...(nodegroup ? [] : ['--nodegroup is missing; name the managed node group']),
    ...(disk === undefined || /^[1-9]\d{0,4}$/.test(disk)
      ? []
      : [`--disk-size-gib is ${JSON.stringify(disk)} but must be a whole number of GiB, e.g. 20`]),
  ];
  if (!cluster || !nodegroup || problems.length > 0) throw new UnusableInput([...problems, USAGE].join('\n'));
  const context = await describeNodegroup(
    {
      cluster,
      nodegroup,
      ...(region ? { region } : {}),
      ...(instanceTypes ? { instanceTypes } : {}),
      ...(disk ? { diskSizeGiB: Number(disk) } : {}),
    },
    new Date(),
  );
  writeFileSync(CLUSTER_CONTEXT_FILE, `${JSON.stringify(context, undefined, 2)}\n`);
  console.log(
    `${CLUSTER_CONTEXT_FILE}: ${context.size.desired} × ${context.instanceTypes.join(' or ')}, Kubernetes ${context.kubernetesVersion}; commit it`,
  );
}
