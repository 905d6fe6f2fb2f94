import { ApiObject, Testing } from 'cdk8s';
import { instanceType } from '../../../lib/checker/capacity/instance-types';
import { nodesOf } from '../../../lib/checker/capacity/node';
import {
  type CapacityReport,
  capacityReport,
  type ScenarioReport,
} from '../../../lib/checker/capacity/report';
import { reportHtml } from '../../../lib/checker/capacity/report-html';
import { manifestObjects } from '../../../lib/checker/object/manifest-object';
import { LakehouseChart } from '../../../lib/lakehouse/lakehouse-chart';

const GOLD = /^default\/activity-gold-/;

describe('the default chart on 4 × m6i.large, with everything around it', () => {
  let report: CapacityReport;
  beforeAll(async () => {
    const chart = new LakehouseChart(Testing.app(), 'lakehouse');
    const objects = chart.node
      .findAll()
      .filter(ApiObject.isApiObject)
      .map(object => (object as ApiObject).toJson());
    const nodes = nodesOf({ name: 'default', instanceType: instanceType('m6i.large'), count: 4 });
    report = await capacityReport(manifestObjects(objects), nodes);
  }, 300_000);

  const of = (predicate: (entry: ScenarioReport) => boolean) => report.scenarios.filter(predicate);
  const waits = ({ waits: kinds }: ScenarioReport) =>
    kinds.map(({ label }) => label).filter(label => !GOLD.test(label));

  test('gold apart, every pod is guaranteed at start and at its most, however the zones lie', () => {
    const steady = of(({ scenario }) => ['start', 'most'].includes(scenario.id));
    expect(steady).toHaveLength(8);
    for (const entry of steady) expect(waits(entry)).toEqual([]);
  });

  test('in one zone the same holds with any one node lost or drained, and through a rolling update of any one layer', () => {
    const others = of(({ scenario }) => scenario.layout === '4' && !['start', 'most'].includes(scenario.id));
    expect(others.map(({ scenario }) => scenario.id.split('-')[0])).toEqual(
      expect.arrayContaining(['lost', 'drain', 'replace', 'roll']),
    );
    for (const entry of others)
      expect([entry.scenario.title, waits(entry)]).toEqual([entry.scenario.title, []]);
  });

  test('gold has a placement with two executors and with four, and its verdict comes with a witness', () => {
    const steady = of(({ scenario }) => scenario.layout === '4' && ['start', 'most'].includes(scenario.id));
    const executors = steady.map(({ verdict }) =>
      verdict.kinds.find(({ label }) => label.endsWith('gold-exec')),
    );
    expect(executors.map(kind => kind?.count)).toEqual([2, 4]);
    for (const { verdict } of steady) {
      expect(verdict.placement).toBeDefined();
      expect(verdict.kinds.filter(kind => kind.verdict === 'undecided')).toEqual([]);
    }
    for (const kind of executors)
      expect(kind?.verdict === 'guaranteed' || kind?.witness !== undefined).toBe(true);
  });

  test("with a node lost there is room for gold's driver and one of its executors, but not for its least two", () => {
    for (const entry of of(({ scenario }) => scenario.id.startsWith('lost-') && scenario.layout === '4')) {
      const { kinds } = entry.scenario.unbound;
      const placed = entry.room
        ?.map(({ kind }) => kinds[kind]?.label ?? '')
        .filter(label => GOLD.test(label));
      expect(placed?.sort()).toEqual(['default/activity-gold-driver', 'default/activity-gold-exec']);
      const executors = entry.waits.find(({ label }) => label.endsWith('gold-exec'));
      expect(executors?.set.replicas.min).toBe(2);
      expect(executors?.atMinimum).toBe('impossible');
    }
  });

  test('gold can push out nobody', () => {
    const gold = report.sets.filter(({ name }) => name.startsWith('activity-gold-'));
    expect(gold.map(({ role, preempts }) => [role, preempts])).toEqual([
      ['driver', false],
      ['executor', false],
    ]);
  });

  test('its page is below 300 kB', () => {
    expect(reportHtml(report, []).length).toBeLessThan(300_000);
  });

  test('no drain ends in a deadlock', () => {
    for (const { scenario } of report.scenarios) expect(scenario.deadlocks).toEqual([]);
  });
});
