import { existsSync, readFileSync } from 'node:fs';
import { type InstanceType, instanceType } from '../capacity/instance-types';
import type { NodeGroupShape, Taint } from '../capacity/node';

/** The oldest Kubernetes that the objects, and the counting of nodes, are written for. */
export const OLDEST_KUBERNETES = '1.30';

/** Where `cdk8s-lakehouse cluster-context` writes and the chart looks, in the folder that the program runs in. */
export const CLUSTER_CONTEXT_FILE = 'cluster.context.json';

/** What EKS says about a cluster and one of its node groups. Committed, so that synthesis never asks AWS. */
export interface ClusterContext {
  readonly cluster: string;
  readonly nodegroup: string;
  readonly region: string;
  /** e.g. 1.33 */
  readonly kubernetesVersion: string;
  /** What the group may start; the smallest one counts. */
  readonly instanceTypes: readonly string[];
  readonly size: { readonly desired: number; readonly min: number; readonly max: number };
  readonly amiType: string;
  /** Size of the root volume. */
  readonly diskSizeGiB: number;
  readonly labels: Readonly<Record<string, string>>;
  /** In Kubernetes' spelling. */
  readonly taints: readonly Taint[];
  readonly capacityType: 'ON_DEMAND' | 'SPOT' | 'CAPACITY_BLOCK';
  /** ARN of the node group, and when it was asked for, UTC. */
  readonly source: { readonly arn: string; readonly at: string };
}

/** The context that a file holds; undefined when there is no such file. @throws one error with all that is wrong */
export function readClusterContext(file: string = CLUSTER_CONTEXT_FILE): ClusterContext | undefined {
  return existsSync(file) ? parseClusterContext(file, readFileSync(file, 'utf8')) : undefined;
}

/** The context in a file's text. @throws one error with all that is wrong */
export function parseClusterContext(file: string, text: string): ClusterContext {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (cause) {
    throw new UnusableContext(file, [`it is not JSON (${(cause as Error).message})`]);
  }
  const faults = faultsOf(content);
  if (faults.length > 0) throw new UnusableContext(file, faults);
  return content as ClusterContext;
}

/** A file that holds no context, with all that is wrong in it. */
export class UnusableContext extends Error {
  constructor(
    file: string,
    readonly faults: readonly string[],
  ) {
    super(
      faults
        .map(fault => `${file}: ${fault}; write it again with cdk8s-lakehouse cluster-context`)
        .join('\n'),
    );
  }
}

const isText = (value: unknown) => typeof value === 'string' && value !== '';
const isCount = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isTaint = (value: unknown) =>
  isObject(value) &&
  isText(value['key']) &&
  (value['value'] === undefined || typeof value['value'] === 'string') &&
  ['NoSchedule', 'PreferNoSchedule', 'NoExecute'].includes(value['effect'] as string);

/** What a field must be, in words and as a test. */
const FIELDS: Readonly<Record<keyof ClusterContext, readonly [string, (value: unknown) => boolean]>> = {
  cluster: ['a name', isText],
  nodegroup: ['a name', isText],
  region: ['a name', isText],
  kubernetesVersion: [
    `a version of at least ${OLDEST_KUBERNETES}`,
    value => typeof value === 'string' && isAtLeast(value, OLDEST_KUBERNETES),
  ],
  instanceTypes: [
    'a list of at least one instance type',
    value => Array.isArray(value) && value.length > 0 && value.every(isText),
  ],
  size: [
    'whole numbers min, desired and max in this order, desired at least 1',
    value => {
      if (!isObject(value)) return false;
      const { min, desired, max } = value as Record<string, number>;
      return [min, desired, max].every(isCount) && Number(desired) >= 1 && isAscending([min, desired, max]);
    },
  ],
  amiType: ['a name', isText],
  diskSizeGiB: ['a whole number of at least 1', value => isCount(value) && value !== 0],
  labels: [
    'text by name',
    value => isObject(value) && Object.values(value).every(label => typeof label === 'string'),
  ],
  taints: [
    'a list of key, value and effect NoSchedule, PreferNoSchedule or NoExecute',
    value => Array.isArray(value) && value.every(isTaint),
  ],
  capacityType: [
    'ON_DEMAND, SPOT or CAPACITY_BLOCK',
    value => ['ON_DEMAND', 'SPOT', 'CAPACITY_BLOCK'].includes(value as string),
  ],
  source: ['arn and at', value => isObject(value) && isText(value['arn']) && isText(value['at'])],
};

function faultsOf(content: unknown): string[] {
  if (!isObject(content)) return ['it holds no object'];
  return Object.entries(FIELDS).flatMap(([field, [what, isRight]]) =>
    isRight(content[field])
      ? []
      : [`${field} is ${JSON.stringify(content[field]) ?? 'missing'} but must be ${what}`],
  );
}

function isAscending(numbers: readonly unknown[]): boolean {
  return numbers.every((number, index) => index === 0 || Number(numbers[index - 1]) <= Number(number));
}

function isAtLeast(version: string, oldest: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = oldest.split('.').map(Number);
  return major > oldestMajor || (major === oldestMajor && minor >= oldestMinor);
}

/**
 * The nodes that a context describes: as many as are desired, of the smallest instance type that the group may
 * start. EKS does not say how they lie in zones: that is the default.
 *
 * @throws for an instance type that is not in lib/checker/capacity/instance-types.ts
 */
export function contextNodes(context: ClusterContext): NodeGroupShape {
  return {
    name: context.nodegroup,
    instanceType: smallest(context.instanceTypes.map(instanceType)),
    count: context.size.desired,
    labels: context.labels,
    taints: context.taints,
    rootVolumeGiB: context.diskSizeGiB,
  };
}

function smallest(types: readonly InstanceType[]): InstanceType {
  return types.reduce((least, type) =>
    type.memoryKi < least.memoryKi || (type.memoryKi === least.memoryKi && type.vcpus < least.vcpus)
      ? type
      : least,
  );
}
