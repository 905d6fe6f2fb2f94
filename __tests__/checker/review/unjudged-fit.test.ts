import { check } from '../../../lib/checker/check/check';
import { parseNodes } from '../../../lib/checker/facts/nodes';

const RULES = ['executor-does-not-fit', 'set-does-not-fit'];

/** A Deployment that asks for so many cores in each of its pods. */
const WEB = (cpu: string, replicas = 1) => `apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: was}
spec:
  replicas: ${replicas}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: web
          image: nginx:1.29.3
          resources: {requests: {cpu: "${cpu}", memory: 64Mi}, limits: {cpu: "${cpu}", memory: 64Mi}}
`;
const CLUSTER = (more = '') => `apiVersion: eksctl.io/v1alpha5
kind: ClusterConfig
metadata: {name: lake, region: eu-central-1}
managedNodeGroups:
  - {name: workers, instanceType: m6i.large, desiredCapacity: 2, volumeSize: 20${more}}
`;
const KARPENTER = `apiVersion: karpenter.sh/v1
kind: NodePool
metadata: {name: general}
spec: {template: {spec: {requirements: []}}}
`;
const PROVISIONER = `apiVersion: karpenter.sh/v1alpha5
kind: Provisioner
metadata: {name: default}
`;
const AUTOSCALER = `apiVersion: apps/v1
kind: Deployment
metadata: {name: cluster-autoscaler, namespace: kube-system}
spec:
  selector: {matchLabels: {app: cluster-autoscaler}}
  template:
    metadata: {labels: {app: cluster-autoscaler}}
    spec:
      containers:
        - name: cluster-autoscaler
          image: registry.k8s.io/autoscaling/cluster-autoscaler:v1.33.0
          resources: {requests: {cpu: 10m, memory: 64Mi}, limits: {cpu: 10m, memory: 64Mi}}
`;

function said(documents: readonly string[], nodes?: string) {
  const parsed = nodes === undefined ? undefined : parseNodes(nodes);
  const result = check(
    {
      sources: [{ file: 'a.yaml', bytes: Buffer.from(documents.join('---\n')) }],
      named: [],
      skipped: [],
      unreadable: [],
    },
    { only: RULES, ...(parsed !== undefined && 'nodes' in parsed ? { nodes: parsed.nodes } : {}) },
  );
  return {
    errors: result.violations.map(({ rule, level }) => `${rule} ${level}`),
    notes: result.notes.map(({ cause, what, silences }) => ({ cause, what, silences })),
  };
}

describe('pods that do not fit nodes that nobody described', () => {
  test.each([
    [
      'too large',
      WEB('3'),
      'replica of web asks for 3000m cpu and one of 4 × m6i.large allocates 1750m, but nobody described the nodes',
    ],
    [
      'too many',
      WEB('1', 20),
      'all pods at start ask for 20520m cpu and 4 × m6i.large allocate 7000m, but nobody described the nodes',
    ],
  ])('are a note that names the silent rules: %s', (_, web, what) => {
    expect(said([web])).toEqual({
      errors: [],
      notes: [{ cause: 'pods whose fit is not judged', what, silences: RULES }],
    });
  });

  test('are no note where they fit', () => {
    expect(said([WEB('1', 3)])).toEqual({ errors: [], notes: [] });
  });

  test('are errors where --nodes names the nodes', () => {
    expect(said([WEB('3')], '4xm6i.large')).toEqual({ errors: ['executor-does-not-fit error'], notes: [] });
    expect(said([WEB('1', 20)], '4xm6i.large')).toEqual({ errors: ['set-does-not-fit error'], notes: [] });
  });

  test('are errors where a file describes the nodes', () => {
    expect(said([WEB('3'), CLUSTER()])).toEqual({ errors: ['executor-does-not-fit error'], notes: [] });
  });
});

describe('pods that do not fit described nodes, beside something that adds nodes', () => {
  test.each([
    ["Karpenter's NodePool", KARPENTER, 'NodePool general'],
    ["Karpenter's Provisioner", PROVISIONER, 'Provisioner default'],
    ['the cluster autoscaler', AUTOSCALER, 'Deployment cluster-autoscaler'],
  ])('are a note: %s', (_, maker, name) => {
    for (const options of [[CLUSTER()], []]) {
      const { errors, notes } = said(
        [WEB('3'), maker, ...options],
        options.length === 0 ? '2xm6i.large' : undefined,
      );
      expect(errors).toEqual([]);
      expect(notes).toEqual([
        expect.objectContaining({ what: expect.stringContaining(`but ${name} may add others`) }),
      ]);
    }
  });

  test('are counted on the largest size of a group that grows, and are an error beyond it', () => {
    const grows = CLUSTER(', maxSize: 6');
    expect(said([WEB('1', 5), grows])).toEqual({ errors: [], notes: [] });
    expect(said([WEB('1', 5), CLUSTER()])).toEqual({ errors: ['set-does-not-fit error'], notes: [] });
    expect(said([WEB('1', 9), grows])).toEqual({ errors: ['set-does-not-fit error'], notes: [] });
  });
});
