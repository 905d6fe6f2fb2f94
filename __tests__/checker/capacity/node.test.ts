import {
  customInstanceType,
  instanceType,
  instanceTypes,
} from '../../../lib/checker/capacity/instance-types';
import { allocatable, nodesOf } from '../../../lib/checker/capacity/node';

test('an EKS m6i.large allocates what real nodes report', () => {
  expect(allocatable(instanceType('m6i.large'))).toEqual({
    cpuMillis: 1930,
    memoryBytes: 7291820 * 1024,
    pods: 29,
    ephemeralStorageBytes: 18181869946,
    ebsVolumes: 24,
  });
});

// 80 GiB are 83808236Ki to the kubelet.
test('a larger root volume gives its space less a tenth and 1Gi', () => {
  expect(allocatable(instanceType('m6i.large'), 80).ephemeralStorageBytes).toBe(76163928346);
});

test.each([
  ['m6i.xlarge', 3920, 58],
  ['m6i.2xlarge', 7910, 58],
  ['m6i.4xlarge', 15890, 234],
])('%s allocates %dm and %d pods', (name, cpuMillis, pods) => {
  expect(allocatable(instanceType(name))).toMatchObject({ cpuMillis, pods });
});

test('every type costs in proportion to its size and allocates less than it has', () => {
  for (const type of instanceTypes) {
    expect(type.usdPerHour).toBeCloseTo(type.vcpus * 0.048, 9);
    expect(allocatable(type).memoryBytes).toBeLessThan(type.memoryKi * 1024);
  }
});

test('an unknown type is refused with the known ones, a known one is not', () => {
  expect(() => instanceType('m5.large')).toThrow(
    /instance type "m5.large" is not in the table \(known: m6i.large, .*\); add a row/,
  );
  expect(instanceType('m6i.large').vcpus).toBe(2);
});

test('a type by hand is refused with every figure that cannot be', () => {
  const type = { name: 'mine', vcpus: 4, memoryKi: 1000, maxPods: 10, ebsVolumes: 0 };
  expect(customInstanceType(type)).toBe(type);
  expect(() => customInstanceType({ ...type, vcpus: 0.5, maxPods: -1 })).toThrow(
    'instance type mine has vcpus 0.5, maxPods -1 but',
  );
});

test('nodes of a group take turns in its zones and carry its labels and taints', () => {
  const nodes = nodesOf({
    name: 'g',
    instanceType: instanceType('m6i.large'),
    count: 3,
    zones: ['a', 'b'],
    labels: { team: 'data' },
    taints: [{ key: 'k', effect: 'NoSchedule' }],
  });
  expect(nodes.map(({ name, zone }) => `${name} ${zone}`)).toEqual(['g-1 a', 'g-2 b', 'g-3 a']);
  expect(nodes[1]?.labels).toMatchObject({
    team: 'data',
    'topology.kubernetes.io/zone': 'b',
    'kubernetes.io/hostname': 'g-2',
  });
  expect(nodes[0]?.taints).toHaveLength(1);
});
