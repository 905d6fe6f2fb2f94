import { advise } from '../../../lib/checker/capacity/advice';
import { checkFit } from '../../../lib/checker/capacity/check-fit';
import { clusterServices, serviceManifests } from '../../../lib/checker/capacity/cluster-services';
import { instanceType } from '../../../lib/checker/capacity/instance-types';
import { nodesOf } from '../../../lib/checker/capacity/node';
import { line } from '../../../lib/checker/finding/reporter';
import { expandPods } from '../../../lib/checker/manifest/pods';
import { manifestObjects } from '../../../lib/checker/object/manifest-object';
import { review } from '../../../lib/checker/review/review';

type Data = Record<string, unknown>;

const nodes = nodesOf({ name: 'default', instanceType: instanceType('m6i.large'), count: 4 });
const gold = (executor: Data, more: Data = {}) =>
  manifestObjects([
    {
      apiVersion: 'sparkoperator.k8s.io/v1beta2',
      kind: 'SparkApplication',
      metadata: { name: 'gold', namespace: 'default' },
      spec: {
        type: 'Python',
        mainApplicationFile: 'local:///gold.py',
        driver: { cores: 1, memory: '1g' },
        executor,
        ...more,
      },
    },
  ]);
const web = (replicas: number, requests: Data, podSpec: Data = {}) =>
  manifestObjects([
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web', namespace: 'was' },
      spec: {
        replicas,
        template: {
          metadata: { labels: { app: 'web' } },
          spec: { containers: [{ name: 'main', resources: { requests } }], ...podSpec },
        },
      },
    },
  ]);
const messages = (objects: ReturnType<typeof gold>) =>
  review(objects, {
    nodes: { list: nodes, source: 'the test', areDescribed: true },
    services: clusterServices,
    only: ['executor-does-not-fit', 'set-does-not-fit', 'invalid-quantity'],
  }).findings.map(finding => line(finding));

describe('one pod', () => {
  test('the seed’s executors of two cores fit no node; with one core they do', () => {
    const large = gold({ instances: 3, cores: 2, memory: '4g' });
    expect(checkFit(large, nodes).misfits).toEqual([
      expect.objectContaining({
        cause: 'too large',
        resource: 'cpu',
        requested: 2000,
        allocatable: 1750,
        instanceTypes: ['m6i.large'],
        set: expect.objectContaining({ owner: large[0], role: 'executor' }),
      }),
    ]);
    expect(messages(large)).toEqual([
      '[SparkApplication/default/gold] executor needs 2000m cpu but m6i.large allocates 1750m after its daemon pods; set executor.coreRequest to at most 1750m, or take a larger instance type (rule executor-does-not-fit)',
    ]);
    expect(messages(gold({ instances: 3, cores: 1, memory: '4g' }))).toEqual([]);
  });
  test('too much memory is named with what a node has after its daemon pods', () => {
    expect(messages(gold({ instances: 2, cores: 1, memory: '6g' }))).toEqual([
      expect.stringMatching(
        /executor needs 8601Mi memory but m6i\.large allocates 7016Mi after its daemon pods; set the sum of executor\.memory and executor\.memoryOverhead to at most 7016Mi, or take a larger instance type/,
      ),
    ]);
  });
  test('every resource that is short is named at once', () => {
    expect(messages(gold({ cores: 2, memory: '6g' }))).toHaveLength(2);
  });
  test('a pod that selects no node is named, one that selects a label of the nodes is not', () => {
    expect(messages(web(1, {}, { nodeSelector: { disk: 'ssd' } }))).toEqual([
      expect.stringContaining('[Deployment/was/web] replica selects no node'),
    ]);
    expect(messages(web(1, {}, { nodeSelector: { 'kubernetes.io/os': 'linux' } }))).toEqual([]);
  });
  test('what is no quantity is named', () => {
    expect(messages(web(1, { memory: '1 GB' }))).toEqual([
      expect.stringContaining(
        '[Deployment/was/web] container main: resources.requests.memory "1 GB" is no quantity',
      ),
    ]);
  });
});

describe('all pods', () => {
  test('together they fit with a witness: every pod on a node, at start and at most', () => {
    const dynamic = {
      dynamicAllocation: { enabled: true, initialExecutors: 2, minExecutors: 2, maxExecutors: 3 },
    };
    const { misfits, witnesses } = checkFit(gold({ cores: 1, memory: '2g' }, dynamic), nodes);
    expect(misfits).toEqual([]);
    expect(witnesses.map(({ when }) => when)).toEqual(['at start', 'at most']);
    const executors = (index: number) =>
      witnesses[index]?.placement.filter(({ pod }) => pod === 'default/gold-exec').length;
    expect([executors(0), executors(1)]).toEqual([2, 3]);
  });
  test('too many are refused by the sum, with what was asked and what there is', () => {
    expect(messages(web(12, { cpu: '500m' }))).toEqual([
      expect.stringMatching(
        /^\[Deployment\/was\/web\] all pods at start ask for 7\d{3}m cpu but 4 × m6i\.large allocate 7000m after their daemon pods; lower /,
      ),
    ]);
  });
  test('enough in sum but not in pieces is refused, with the resource that binds', () => {
    const [message = ''] = messages(web(5, { cpu: '1100m' }));
    expect(message).toContain(
      '[Deployment/was/web] no placement of all pods at start on 4 × m6i.large exists (binding resource cpu, largest pod was/web with 1100m)',
    );
    expect(messages(web(4, { cpu: '1100m' }))).toEqual([]);
  });
  test('dynamic allocation without a maximum is refused', () => {
    expect(messages(gold({}, { dynamicAllocation: { enabled: true } }))).toEqual([
      expect.stringContaining('dynamic allocation has no maximum'),
    ]);
  });
  test('a maximum that fits no placement is refused, its initial number is not', () => {
    const dynamic = (maxExecutors: number) => ({
      dynamicAllocation: { enabled: true, minExecutors: 2, maxExecutors },
    });
    expect(messages(gold({ cores: 1, memory: '2g' }, dynamic(9)))).toEqual([
      expect.stringContaining('at most'),
    ]);
    expect(messages(gold({ cores: 1, memory: '2g' }, dynamic(3)))).toEqual([]);
  });
});

describe('cluster services', () => {
  test('a service that the objects hold themselves is not counted twice', () => {
    const own = manifestObjects([
      {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'coredns', namespace: 'kube-system' },
        spec: {},
      },
    ]);
    const names = (objects: ReturnType<typeof gold>) =>
      serviceManifests(clusterServices, objects).map(({ metadata }) => metadata.name);
    expect(names([])).toContain('coredns');
    expect(names(own)).not.toContain('coredns');
  });
  test('each says where its figures come from, and every quantity can be read', () => {
    for (const { source } of clusterServices) expect(source).not.toBe('');
    expect(checkFit([], nodes).misfits).toEqual([]);
  });
});

describe('advice', () => {
  const advised = async (objects: ReturnType<typeof gold>) => {
    const sets = expandPods([...objects, ...serviceManifests(clusterServices, objects)]);
    return (await advise(sets, nodes, set => objects.includes(set.owner))).map(({ change }) => change);
  };
  test('the seed’s executors: one core, or larger nodes', async () => {
    const changes = await advised(gold({ instances: 3, cores: 2, memory: '4g' }));
    expect(changes).toContain('default/gold-exec: 1 core instead of 2000m');
    expect(changes).toContain('4 × m6i.xlarge');
    expect(changes.filter(change => change.includes('more m6i.large'))).toEqual([]);
  });
  test('too many pods: fewer, smaller, or one more node, each the smallest that helps', async () => {
    const changes = await advised(web(5, { cpu: '1100m' }));
    expect(changes).toEqual(
      expect.arrayContaining(['was/web: 4 pods at most instead of 5', '1 more m6i.large', '4 × m6i.xlarge']),
    );
    const cpu = changes.find(change => change.includes(' cpu '));
    const millis = Number(/: (\d+)m cpu/.exec(cpu ?? '')?.[1]);
    expect(checkFit(web(5, { cpu: `${millis}m` }), nodes).misfits).toEqual([]);
    expect(checkFit(web(5, { cpu: `${millis + 50}m` }), nodes).misfits).not.toEqual([]);
  });
  test('what is guaranteed needs none', async () => {
    expect(await advised(web(2, { cpu: '100m' }))).toEqual([]);
  });
  test('what fits but is not guaranteed gets the smallest changes that make it so, each tried', async () => {
    const [small] = nodes;
    const two = [small, { ...small, name: 'b', labels: { ...small?.labels, 'kubernetes.io/hostname': 'b' } }];
    const large = (cpu: string) =>
      web(1, { cpu }).map(object => ({ ...object, metadata: { ...object.metadata, name: 'large' } }));
    const sets = expandPods([...web(2, { cpu: '500m' }), ...large('1500m')]);
    const found = await advise(sets, two as typeof nodes, () => true);
    const figures = found.map(({ change, makes }) => `${makes}: ${change}`);
    expect(figures).toEqual(
      expect.arrayContaining([
        'guaranteed: was/web: 400m cpu instead of 500m',
        'guaranteed: was/large: 1400m cpu instead of 1500m',
        'guaranteed: was/web: 1 pods at most instead of 2',
        'guaranteed: 1 more m6i.large',
      ]),
    );
    expect(
      await advise(
        expandPods([...web(2, { cpu: '400m' }), ...large('1500m')]),
        two as typeof nodes,
        () => true,
      ),
    ).toEqual([]);
  });
});
