import { Size } from 'cdk8s';
import { instanceType } from '../../../lib/checker/capacity/instance-types';
import { nodesOf } from '../../../lib/checker/capacity/node';
import { NodeGroup } from '../../../lib/lakehouse/cluster/node-group';

describe('defaults', () => {
  test('are four m6i.large in one zone', () => {
    const nodes = nodesOf(new NodeGroup());
    expect(nodes).toHaveLength(4);
    expect(new Set(nodes.map(node => node.instanceType.name))).toEqual(new Set(['m6i.large']));
    expect(new Set(nodes.map(node => node.zone)).size).toBe(1);
    expect(nodes[0]?.allocatable).toEqual({
      cpuMillis: 1930,
      memoryBytes: 7291820 * 1024,
      pods: 29,
      ephemeralStorageBytes: 18181869946,
      ebsVolumes: 24,
    });
  });
});

describe('custom props', () => {
  test('reach every node', () => {
    const nodes = nodesOf(
      new NodeGroup({
        name: 'jobs',
        instanceType: instanceType('m6i.xlarge'),
        count: 3,
        zones: ['a', 'b'],
        labels: { workload: 'jobs' },
        taints: [{ key: 'jobs', effect: 'NoSchedule' }],
        rootVolume: Size.gibibytes(80),
      }),
    );
    expect(nodes.map(node => [node.name, node.zone])).toEqual([
      ['jobs-1', 'a'],
      ['jobs-2', 'b'],
      ['jobs-3', 'a'],
    ]);
    for (const node of nodes) {
      expect(node.labels).toMatchObject({
        workload: 'jobs',
        'node.kubernetes.io/instance-type': 'm6i.xlarge',
      });
      expect(node.taints).toEqual([{ key: 'jobs', effect: 'NoSchedule' }]);
      expect(node.allocatable.ephemeralStorageBytes).toBeGreaterThan(60 * 2 ** 30);
    }
  });

  test.each([0, -1, 1.5, Number.NaN])('refuse %p nodes', count => {
    expect(() => new NodeGroup({ count })).toThrow(
      `node group default has ${count} nodes but a whole number of at least 1 is allowed; set count, e.g. 4`,
    );
  });

  test('refuse no zone, and a root volume that is used up', () => {
    expect(() => new NodeGroup({ zones: [] })).toThrow(
      "node group default has no zones but each node is in one; set zones, e.g. ['ap-northeast-2a']",
    );
    expect(() => new NodeGroup({ rootVolume: Size.gibibytes(1) })).toThrow(
      'node group default has a root volume of 1 GiB but the node itself needs more than 1 GiB of it; set rootVolume, e.g. Size.gibibytes(20)',
    );
    expect(new NodeGroup({ rootVolume: Size.mebibytes(20_000) }).rootVolumeGiB).toBe(20_000 / 1024);
  });

  test('accept one node', () => {
    expect(new NodeGroup({ count: 1 }).count).toBe(1);
  });
});
