/** What a node has before anything is reserved on it. */
export interface InstanceType {
  /** e.g. m6i.large */
  readonly name: string;
  readonly vcpus: number;
  /** Memory as the kubelet reports it (node.status.capacity.memory), in KiB. It moves a little with the AMI. */
  readonly memoryKi: number;
  /** Pods that the VPC CNI gives addresses to (`maxPods`). */
  readonly maxPods: number;
  /** EBS volumes that the CSI driver attaches beside the root volume. */
  readonly ebsVolumes: number;
  /** On-demand price in us-east-1, USD per hour, where known. */
  readonly usdPerHour?: number;
}

/**
 * The m6i family.
 *
 * - vCPU, nominal memory, network interfaces, IPv4 addresses per interface: EC2's instance type description
 *   (DescribeInstanceTypes), as in awslabs/amazon-eks-ami's eni-max-pods and amazon-vpc-cni-k8s' vpc_ip_resource_limit.
 * - maxPods = interfaces × (addresses − 1) + 2 (VPC CNI without prefix delegation).
 * - ebsVolumes = 28 attachments of a Nitro instance − interfaces − the root volume (aws-ebs-csi-driver).
 * - memoryKi: m6i.large as observed on real nodes (7981996); for the others the nominal memory less 7.5 %, the
 *   share that Karpenter takes off by default (vmMemoryOverheadPercent 0.075): a safe side until someone looks.
 * - usdPerHour: linear in the size, from m6i.large's 0.096.
 */
const M6I = [
  ['m6i.large', 2, 8, 3, 10, 7981996],
  ['m6i.xlarge', 4, 16, 4, 15],
  ['m6i.2xlarge', 8, 32, 4, 15],
  ['m6i.4xlarge', 16, 64, 8, 30],
  ['m6i.8xlarge', 32, 128, 8, 30],
  ['m6i.12xlarge', 48, 192, 8, 30],
  ['m6i.16xlarge', 64, 256, 15, 50],
  ['m6i.24xlarge', 96, 384, 15, 50],
  ['m6i.32xlarge', 128, 512, 15, 50],
] as const;

const NITRO_ATTACHMENTS = 28;
const UNOBSERVED_MEMORY_SHARE = 1 - 0.075;
const USD_PER_VCPU_HOUR = 0.096 / 2;

/** Every known instance type, smallest first. */
export const instanceTypes: readonly InstanceType[] = M6I.map(
  ([name, vcpus, memoryGiB, interfaces, addresses, observedMemoryKi]) => ({
    name,
    vcpus,
    memoryKi: observedMemoryKi ?? Math.floor(memoryGiB * 2 ** 20 * UNOBSERVED_MEMORY_SHARE),
    maxPods: interfaces * (addresses - 1) + 2,
    ebsVolumes: NITRO_ATTACHMENTS - interfaces - 1,
    usdPerHour: vcpus * USD_PER_VCPU_HOUR,
  }),
);

/** The instance type of that name. Throws for an unknown one, naming the known. */
export function instanceType(name: string): InstanceType {
  const found = instanceTypes.find(type => type.name === name);
  if (found === undefined) {
    throw new RangeError(
      `instance type ${JSON.stringify(name)} is not in the table (known: ${instanceTypes.map(t => t.name).join(', ')}); add a row to lib/checker/capacity/instance-types.ts or describe it with customInstanceType()`,
    );
  }
  return found;
}

/** An instance type by hand, e.g. from `kubectl get node -o json`. Throws, naming each figure that is impossible. */
export function customInstanceType(type: InstanceType): InstanceType {
  const wrong = (['vcpus', 'memoryKi', 'maxPods'] as const)
    .filter(key => !Number.isSafeInteger(type[key]) || type[key] <= 0)
    .map(key => `${key} ${type[key]}`);
  if (!Number.isSafeInteger(type.ebsVolumes) || type.ebsVolumes < 0)
    wrong.push(`ebsVolumes ${type.ebsVolumes}`);
  if (wrong.length > 0) {
    throw new RangeError(
      `instance type ${type.name} has ${wrong.join(', ')} but whole positive numbers are allowed; take them from node.status.capacity`,
    );
  }
  return type;
}
