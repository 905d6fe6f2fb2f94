import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ClusterContext, readClusterContext } from '../../../lib/checker/eks/cluster-context';
import { clusterNodes, nodeGroupProps } from '../../../lib/lakehouse/cluster/cluster-nodes';
import { NodeGroup } from '../../../lib/lakehouse/cluster/node-group';

const CONTEXT: ClusterContext = {
  cluster: 'prod',
  nodegroup: 'workers',
  region: 'eu-central-1',
  kubernetesVersion: '1.32',
  instanceTypes: ['m6i.2xlarge', 'm6i.large', 'm6i.xlarge'],
  size: { desired: 5, min: 2, max: 6 },
  amiType: 'AL2023_x86_64_STANDARD',
  diskSizeGiB: 50,
  labels: { tier: 'data' },
  taints: [{ key: 'dedicated', effect: 'NoSchedule' }],
  capacityType: 'ON_DEMAND',
  source: {
    arn: 'arn:aws:eks:eu-central-1:111122223333:nodegroup/prod/workers/0a1b',
    at: '2026-01-15T00:00:00.000Z',
  },
};

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'context-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function written(content: unknown): string {
  const file = join(folder, 'cluster.context.json');
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

test('without a file there is no context', () => {
  expect(readClusterContext(join(folder, 'cluster.context.json'))).toBeUndefined();
});

test('without a file the chart has to fit its default nodes, with one those of the cluster', () => {
  expect(clusterNodes(join(folder, 'cluster.context.json'))).toEqual(new NodeGroup());
  expect(clusterNodes(written(CONTEXT))).toEqual(new NodeGroup(nodeGroupProps(CONTEXT)));
});

test('the nodes are the desired number of the smallest type', () => {
  const context = readClusterContext(written(CONTEXT)) as ClusterContext;
  const nodes = new NodeGroup(nodeGroupProps(context));

  expect(nodes).toMatchObject({ name: 'workers', count: 5, rootVolumeGiB: 50, labels: { tier: 'data' } });
  expect(nodes.instanceType.name).toBe('m6i.large');
  expect(nodes.taints).toEqual([{ key: 'dedicated', effect: 'NoSchedule' }]);
});

test('an instance type that no table knows is refused by name', () => {
  expect(() => nodeGroupProps({ ...CONTEXT, instanceTypes: ['x9.nano'] })).toThrow('instance type "x9.nano"');
});

test('a file that is no JSON, or no object, is refused with the remedy', () => {
  expect(() => readClusterContext(written('{'))).toThrow(
    /is not JSON .*; write it again with cdk8s-lakehouse cluster-context$/,
  );
  expect(() => readClusterContext(written([]))).toThrow('it holds no object; write it again');
});

test.each([
  ['kubernetesVersion', '1.29', '1.30'],
  ['kubernetesVersion', undefined, '2.0'],
  ['instanceTypes', [], ['m6i.large']],
  ['size', { desired: 3, min: 4, max: 6 }, { desired: 4, min: 4, max: 4 }],
  ['size', { desired: 0, min: 0, max: 6 }, { desired: 1, min: 0, max: 6 }],
  ['diskSizeGiB', 0, 1],
  ['diskSizeGiB', '20', 20],
  ['labels', { tier: 1 }, {}],
  ['taints', [{ key: 'a', effect: 'NO_SCHEDULE' }], [{ key: 'a', value: 'b', effect: 'NoExecute' }]],
  ['capacityType', 'RESERVED', 'SPOT'],
  ['source', {}, { arn: 'arn', at: '2026' }],
  ['cluster', '', 'c'],
])('%s %j is refused and %j is taken', (field, refused, taken) => {
  expect(() => readClusterContext(written({ ...CONTEXT, [field]: refused }))).toThrow(
    `${field} is ${JSON.stringify(refused) ?? 'missing'} but must be`,
  );
  expect(readClusterContext(written({ ...CONTEXT, [field]: taken }))).toEqual({ ...CONTEXT, [field]: taken });
});

test('everything that is wrong is said at once', () => {
  expect(() => readClusterContext(written({ ...CONTEXT, region: 1, diskSizeGiB: -1 }))).toThrow(
    /region is 1 but must be a name.*\n.*diskSizeGiB is -1 but must be a whole number of at least 1/,
  );
});
