import { instanceType } from '../../../lib/checker/capacity/instance-types';
import { nodesOf } from '../../../lib/checker/capacity/node';
import { capacityReport, type ScenarioReport } from '../../../lib/checker/capacity/report';
import { reportJson } from '../../../lib/checker/capacity/report-json';
import { consequences } from '../../../lib/checker/capacity/report-text';
import { manifestObjects } from '../../../lib/checker/object/manifest-object';

type Data = Record<string, unknown>;

const options = { services: [], declaredZonesOnly: true };

const nodes = (count: number, zones: string[] = ['zone-a']) =>
  nodesOf({ name: 'n', instanceType: instanceType('m6i.large'), count, zones });
const objects = (...documents: Data[]) => manifestObjects(documents);
const apart = {
  podAntiAffinity: {
    requiredDuringSchedulingIgnoredDuringExecution: [
      { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { app: 'broker' } } },
    ],
  },
};
const stateful = (name: string, replicas: number, affinity: Data = {}): Data => ({
  apiVersion: 'apps/v1',
  kind: 'StatefulSet',
  metadata: { name, namespace: 'data' },
  spec: {
    replicas,
    template: {
      metadata: { labels: { app: name } },
      spec: { affinity, containers: [{ name: 'main', resources: { requests: { cpu: '100m' } } }] },
    },
    volumeClaimTemplates: [{ metadata: { name: 'data' }, spec: {} }],
  },
});
const store = stateful('store', 1);
const brokers = (replicas: number) => stateful('broker', replicas, apart);

const scenario = (all: readonly ScenarioReport[], id: string): ScenarioReport => {
  const found = all.find(entry => entry.scenario.id === id);
  if (found === undefined) throw new Error(`no scenario ${id}`);
  return found;
};
const verdicts = ({ verdict }: ScenarioReport) =>
  Object.fromEntries(verdict.kinds.map(kind => [kind.label, kind.verdict]));

describe('volumes that cannot all have been bound', () => {
  test('more brokers than nodes prove nothing of the others: a store waits with its zone', async () => {
    const { scenarios } = await capacityReport(
      objects(brokers(5), store),
      nodes(4, ['zone-a', 'zone-b']),
      options,
    );
    for (const id of ['lost-zone-zone-a', 'lost-n-1', 'drain-n-1', 'replace']) {
      const entry = scenario(scenarios, id);
      expect({ id, verdict: entry.verdict.verdict }).toEqual({ id, verdict: 'impossible' });
      expect(Object.values(verdicts(entry)).filter(verdict => verdict === 'guaranteed').length).toBeLessThan(
        entry.verdict.kinds.length,
      );
    }
    const lost = verdicts(scenario(scenarios, 'lost-zone-zone-a'));
    expect(lost['data/store bound in zone-a']).not.toBe('guaranteed');
    expect(lost['data/store bound in zone-b']).toBe('guaranteed');
    expect(lost['data/broker bound in zone-a']).toBe('impossible');
  });
  test('a broker that never found a node is judged as one without a volume', async () => {
    const { scenarios } = await capacityReport(objects(brokers(3)), nodes(2, ['zone-a', 'zone-b']), options);
    expect(verdicts(scenario(scenarios, 'lost-n-1'))['data/broker']).toBe('impossible');
  });
  test('as many brokers as nodes are bound, one a node', async () => {
    const { scenarios } = await capacityReport(
      objects(brokers(4), store),
      nodes(4, ['zone-a', 'zone-b']),
      options,
    );
    expect(scenario(scenarios, 'replace').verdict.verdict).toBe('guaranteed');
    expect(verdicts(scenario(scenarios, 'replace'))['data/broker']).toBeUndefined();
  });
});

describe('a zone lost', () => {
  test('is a scenario of each layout with more than one zone, once for zones that are alike', async () => {
    const { scenarios } = await capacityReport(objects(store), nodes(4), { services: [] });
    const lost = scenarios
      .filter(({ scenario: { id } }) => id.startsWith('lost-zone'))
      .map(({ scenario: { layout, id } }) => `${layout} ${id}`);
    expect(lost).toEqual([
      '3+1 lost-zone-zone-a',
      '3+1 lost-zone-zone-b',
      '2+2 lost-zone-zone-a',
      '2+1+1 lost-zone-zone-a',
      '2+1+1 lost-zone-zone-b',
    ]);
  });
});

describe('what is left after a loss', () => {
  const kafka = (insync: number): Data[] => [
    {
      apiVersion: 'kafka.strimzi.io/v1',
      kind: 'Kafka',
      metadata: { name: 'events', namespace: 'kafka' },
      spec: { kafka: { config: { 'min.insync.replicas': insync } } },
    },
    ...(['broker', 'controller'] as const).map(role => ({
      apiVersion: 'kafka.strimzi.io/v1',
      kind: 'KafkaNodePool',
      metadata: { name: role, namespace: 'kafka', labels: { 'strimzi.io/cluster': 'events' } },
      spec: {
        replicas: 3,
        roles: [role],
        storage: { type: 'persistent-claim', size: '1Gi' },
        resources: { requests: { cpu: '100m', memory: '256Mi' } },
        template: {
          pod: {
            affinity: {
              podAntiAffinity: {
                requiredDuringSchedulingIgnoredDuringExecution: [
                  {
                    topologyKey: 'kubernetes.io/hostname',
                    labelSelector: { matchLabels: { 'strimzi.io/pool-name': role } },
                  },
                ],
              },
            },
          },
        },
      },
    })),
  ];
  const lost = async (insync: number) => {
    const report = await capacityReport(objects(...kafka(insync)), nodes(3), options);
    return { report, entry: scenario(report.scenarios, 'lost-n-1') };
  };
  test('two of three brokers stay, which is what min.insync.replicas 2 asks for', async () => {
    const { report, entry } = await lost(2);
    expect(entry.verdict.verdict).toBe('impossible');
    expect(entry.survivals.map(({ set, stay, needs, works }) => [set.role, stay, needs, works])).toEqual([
      ['broker', 2, 2, true],
      ['controller', 2, 2, true],
    ]);
    expect(consequences(entry)).toContain('2 of 3 stay, min.insync.replicas (2) met');
    expect(consequences(entry)).toContain('2 of 3 stay, a majority (2) met');
    const data = reportJson(report, []) as { scenarios: { id: string; afterLoss?: unknown[] }[] };
    expect(data.scenarios.find(({ id }) => id === 'lost-n-1')?.afterLoss).toContainEqual({
      pods: 'kafka/events-broker',
      of: 3,
      stay: 2,
      needs: 2,
      because: 'min.insync.replicas',
      works: true,
    });
    expect(data.scenarios.find(({ id }) => id === 'most')?.afterLoss).toBeUndefined();
  });
  test('two of three brokers are too few for min.insync.replicas 3', async () => {
    const { entry } = await lost(3);
    expect(entry.survivals.find(({ set }) => set.role === 'broker')?.works).toBe(false);
    expect(consequences(entry)).toContain('min.insync.replicas (3) not sure');
  });
  test('the cause is said in words: anti-affinity, not a resource', async () => {
    const report = await capacityReport(objects(...kafka(2)), nodes(2), options);
    const most = scenario(report.scenarios, 'most');
    expect(most.verdict.impossible?.bindingResource).toBeUndefined();
    expect(consequences(most)).toContain('binding: anti-affinity');
    const enough = await capacityReport(objects(...kafka(2)), nodes(3), options);
    expect(consequences(scenario(enough.scenarios, 'most'))).toBe('');
  });
});

describe('executors and their driver', () => {
  const spark = (cores: string): Data => ({
    apiVersion: 'sparkoperator.k8s.io/v1beta2',
    kind: 'SparkApplication',
    metadata: { name: 'gold', namespace: 'jobs' },
    spec: {
      type: 'Python',
      mode: 'cluster',
      sparkVersion: '3.5.7',
      driver: { cores: 1, coreRequest: '900m', memory: '256m' },
      executor: { instances: 3, cores: 1, coreRequest: cores, memory: '256m' },
    },
  });
  test('executors do not come before their own driver, so it always finds a node', async () => {
    const { scenarios } = await capacityReport(objects(spark('900m')), nodes(2), options);
    expect(verdicts(scenario(scenarios, 'most'))).toEqual({
      'jobs/gold-driver': 'guaranteed',
      'jobs/gold-exec': 'guaranteed',
    });
    // On one node the driver has room before its executors, and only one of them beside it.
    const one = await capacityReport(objects(spark('900m')), nodes(1), options);
    expect(verdicts(scenario(one.scenarios, 'most'))).toEqual({
      'jobs/gold-driver': 'guaranteed',
      'jobs/gold-exec': 'impossible',
    });
  });
  test('what is no executor may come before it, and they wait with it', async () => {
    const other = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web', namespace: 'was' },
      spec: {
        replicas: 1,
        template: { spec: { containers: [{ name: 'main', resources: { requests: { cpu: '1200m' } } }] } },
      },
    };
    const { scenarios } = await capacityReport(objects(spark('10m'), other), nodes(1), options);
    const said = verdicts(scenario(scenarios, 'most'));
    expect(said['jobs/gold-driver']).toBe('impossible');
    expect(said['jobs/gold-exec']).toBe('impossible');
  });
});

describe('a rolling update of pods that keep apart', () => {
  const web = (matchLabelKeys: string[]): Data => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'was' },
    spec: {
      replicas: 2,
      strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      template: {
        metadata: { labels: { app: 'web' } },
        spec: {
          containers: [{ name: 'main', resources: { requests: { cpu: '100m' } } }],
          affinity: {
            podAntiAffinity: {
              requiredDuringSchedulingIgnoredDuringExecution: [
                {
                  topologyKey: 'kubernetes.io/hostname',
                  labelSelector: { matchLabels: { app: 'web' } },
                  matchLabelKeys,
                },
              ],
            },
          },
        },
      },
    },
  });
  test.each([
    [['pod-template-hash'], 'guaranteed'],
    [[], 'impossible'],
  ])('with matchLabelKeys %j it is %s', async (keys, expected) => {
    const { scenarios } = await capacityReport(objects(web(keys)), nodes(2), options);
    expect(scenario(scenarios, 'roll-was/web').verdict.verdict).toBe(expected);
    expect(scenario(scenarios, 'most').verdict.verdict).toBe('guaranteed');
  });
});
