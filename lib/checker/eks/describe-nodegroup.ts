import {
  type Cluster,
  DescribeClusterCommand,
  DescribeNodegroupCommand,
  EKSClient,
  EKSServiceException,
  type Nodegroup,
} from '@aws-sdk/client-eks';
import type { Taint } from '../capacity/node';
import type { ClusterContext } from './cluster-context';

export interface NodegroupQuery {
  readonly cluster: string;
  readonly nodegroup: string;
  /** @default what the AWS environment and configuration files say */
  readonly region?: string;
  /** Instance types, where a launch template keeps them from EKS. */
  readonly instanceTypes?: readonly string[];
  /** Size of the root volume, where a launch template keeps it from EKS. */
  readonly diskSizeGiB?: number;
}

/**
 * Asks EKS about a cluster and a node group: two calls, each repeated by the SDK up to twice when it is
 * throttled or EKS fails.
 *
 * @param now when it is asked
 * @throws an error that says what to change: the name, the credentials, the rights, or what a launch template hides
 */
export async function describeNodegroup(query: NodegroupQuery, now: Date): Promise<ClusterContext> {
  const client = new EKSClient({ maxAttempts: 3, ...(query.region ? { region: query.region } : {}) });
  try {
    const { cluster } = await client.send(new DescribeClusterCommand({ name: query.cluster }));
    const { nodegroup } = await client.send(
      new DescribeNodegroupCommand({ clusterName: query.cluster, nodegroupName: query.nodegroup }),
    );
    const region = await client.config.region();
    return clusterContext(query, cluster ?? {}, nodegroup ?? {}, region, now);
  } catch (error) {
    throw new Error(sentence(error, query));
  } finally {
    client.destroy();
  }
}

/** The context that EKS' two answers make. @throws one error that names everything that they lack */
export function clusterContext(
  query: NodegroupQuery,
  cluster: Cluster,
  nodegroup: Nodegroup,
  region: string,
  now: Date,
): ClusterContext {
  const object = `node group ${query.nodegroup} of cluster ${query.cluster}`;
  const template = nodegroup.launchTemplate;
  const why = template
    ? `because its launch template ${template.name ?? template.id ?? ''} sets it`.replace('  ', ' ')
    : 'in its description';
  const instanceTypes = query.instanceTypes ?? nodegroup.instanceTypes ?? [];
  const diskSizeGiB = query.diskSizeGiB ?? nodegroup.diskSize;
  const { desiredSize, minSize, maxSize } = nodegroup.scalingConfig ?? {};
  const problems = [
    ...(instanceTypes.length > 0
      ? []
      : [
          `${object} has no instance type ${why}; give it with --instance-type, e.g. --instance-type m6i.large`,
        ]),
    ...(diskSizeGiB !== undefined
      ? []
      : [`${object} has no disk size ${why}; give it with --disk-size-gib, e.g. --disk-size-gib 20`]),
    ...(desiredSize
      ? []
      : [
          `${object} has ${desiredSize ?? 'no'} nodes desired but the system needs some; scale it up, then ask again`,
        ]),
  ];
  if (problems.length > 0) throw new Error(problems.join('\n'));
  return {
    cluster: query.cluster,
    nodegroup: query.nodegroup,
    region,
    kubernetesVersion: nodegroup.version ?? cluster.version ?? '',
    instanceTypes: [...instanceTypes],
    size: { desired: desiredSize ?? 0, min: minSize ?? 0, max: maxSize ?? desiredSize ?? 0 },
    amiType: nodegroup.amiType ?? 'CUSTOM',
    diskSizeGiB: diskSizeGiB ?? 0,
    labels: nodegroup.labels ?? {},
    taints: (nodegroup.taints ?? []).map(({ key, value, effect }) => ({
      key: key ?? '',
      ...(value ? { value } : {}),
      effect: TAINT_EFFECTS[effect ?? 'NO_SCHEDULE'],
    })),
    capacityType: nodegroup.capacityType ?? 'ON_DEMAND',
    source: { arn: nodegroup.nodegroupArn ?? cluster.arn ?? '', at: now.toISOString() },
  };
}

/** EKS' spelling to Kubernetes'. */
const TAINT_EFFECTS: Readonly<Record<'NO_EXECUTE' | 'NO_SCHEDULE' | 'PREFER_NO_SCHEDULE', Taint['effect']>> =
  {
    NO_EXECUTE: 'NoExecute',
    NO_SCHEDULE: 'NoSchedule',
    PREFER_NO_SCHEDULE: 'PreferNoSchedule',
  };

/** What went wrong in the words of the person who asked. */
function sentence(error: unknown, { cluster, nodegroup, region }: NodegroupQuery): string {
  if (!(error instanceof Error)) return String(error);
  const where = region ? ` in region ${region}` : '';
  const said = error.message.replace(/\.$/, '');
  if (error.message === 'Region is missing')
    return 'no region is set; add --region, e.g. --region eu-central-1';
  if (error.name === 'CredentialsProviderError')
    return `no AWS credentials were found (${said}); log in, e.g. with aws sso login, or set AWS_PROFILE`;
  if (error instanceof EKSServiceException) {
    switch (error.name) {
      case 'ResourceNotFoundException':
        return /node ?group/i.test(said)
          ? `node group ${nodegroup} of cluster ${cluster} does not exist${where} (${said}); list them with aws eks list-nodegroups --cluster-name ${cluster}`
          : `cluster ${cluster} does not exist${where} (${said}); list them with aws eks list-clusters, or set --region`;
      case 'AccessDeniedException':
        return `AWS refuses to describe cluster ${cluster} (${said}); allow eks:DescribeCluster and eks:DescribeNodegroup, or set AWS_PROFILE to one that may`;
      case 'UnrecognizedClientException':
      case 'InvalidSignatureException':
      case 'InvalidClientTokenId':
      case 'ExpiredTokenException':
      case 'ExpiredToken':
        return `AWS does not accept the credentials (${said}); log in again, e.g. with aws sso login, or set AWS_PROFILE`;
      case 'ThrottlingException':
      case 'Throttling':
      case 'TooManyRequestsException':
        return `EKS throttles the account: ${error.$metadata.attempts ?? 1} tries were refused (${said}); try again in a minute`;
      default:
        return `EKS answered ${error.name} (${said}); try again, or look at the AWS health dashboard`;
    }
  }
  if ('code' in error || error.name === 'TimeoutError')
    return `EKS cannot be reached${where} (${said || error.name}); check --region and the network`;
  return error.message;
}
