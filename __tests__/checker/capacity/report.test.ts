import { runInNewContext } from 'node:vm';
import { instanceType } from '../../../lib/checker/capacity/instance-types';
import { nodesOf } from '../../../lib/checker/capacity/node';
import { type CapacityReport, capacityReport } from '../../../lib/checker/capacity/report';
import { reportHtml } from '../../../lib/checker/capacity/report-html';
import { reportJson } from '../../../lib/checker/capacity/report-json';
import { consequences, reportText } from '../../../lib/checker/capacity/report-text';
import { zoneLayouts } from '../../../lib/checker/capacity/scenarios';
import { manifestObjects } from '../../../lib/checker/object/manifest-object';

type Data = Record<string, unknown>;

const PLAIN = { isColoured: false, columns: Number.POSITIVE_INFINITY };
const group = { name: 'n', instanceType: instanceType('m6i.large'), count: 2 };
const web: Data = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'was' },
  spec: {
    replicas: 2,
    template: {
      metadata: { labels: { app: 'web' } },
      spec: { containers: [{ name: 'main', resources: { requests: { cpu: '900m' } } }] },
    },
  },
};
const store: Data = {
  apiVersion: 'apps/v1',
  kind: 'StatefulSet',
  metadata: { name: 'store', namespace: 'was' },
  spec: {
    replicas: 1,
    template: {
      metadata: { labels: { app: 'store' } },
      spec: { containers: [{ name: 'main', resources: { requests: { cpu: '900m' } } }] },
    },
    volumeClaimTemplates: [{ metadata: { name: 'data' }, spec: {} }],
  },
};
const budget: Data = {
  apiVersion: 'policy/v1',
  kind: 'PodDisruptionBudget',
  metadata: { name: 'never', namespace: 'was' },
  spec: { minAvailable: 1, selector: { matchLabels: { app: 'store' } } },
};
const nightly: Data = {
  apiVersion: 'batch/v1',
  kind: 'CronJob',
  metadata: { name: 'nightly', namespace: 'was' },
  spec: {
    schedule: '0 1 * * *',
    jobTemplate: {
      spec: {
        template: { spec: { containers: [{ name: 'main', resources: { requests: { cpu: '400m' } } }] } },
      },
    },
  },
};
const once: Data = {
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: { name: 'once', namespace: 'was' },
  spec: { template: { spec: { containers: [{ name: 'main', resources: { requests: { cpu: '100m' } } }] } } },
};

const reportOf = (...documents: Data[]) =>
  capacityReport(manifestObjects(documents), nodesOf(group), { services: [] });
const verdict = (report: CapacityReport, layout: string, id: string) =>
  report.scenarios.find(({ scenario }) => scenario.layout === layout && scenario.id.startsWith(id))?.verdict
    .verdict;

describe('zone layouts', () => {
  const ids = (count: number) => zoneLayouts(nodesOf({ ...group, count })).map(({ id }) => id);
  test('four nodes have each way to spread them over two and three zones', () => {
    expect(ids(4)).toEqual(['4', '3+1', '2+2', '2+1+1']);
    expect(ids(5)).toEqual(['5', '4+1', '3+2', '3+1+1', '2+2+1']);
    expect(ids(1)).toEqual(['1']);
  });
  test('many nodes have the evenest', () => expect(ids(10)).toEqual(['10', '5+5', '4+3+3']));
});

describe('scenarios', () => {
  test('a lost node is impossible when the other cannot hold all, and the report says what waits', async () => {
    const report = await reportOf(web, store);
    expect(verdict(report, '2', 'most')).toBe('guaranteed');
    expect(verdict(report, '2', 'lost')).toBe('impossible');
    expect(reportText(report, [], PLAIN)).toContain('all ask for 2700m cpu of 1930m');
  });
  test('a volume keeps its pod in its zone', async () => {
    const small = { ...web, spec: { ...(web['spec'] as Data), replicas: 1 } };
    const report = await reportOf(small, store);
    expect(verdict(report, '2', 'lost')).toBe('guaranteed');
    expect(verdict(report, '1+1', 'lost')).toBe('order-dependent');
    expect(reportText(report, [], PLAIN)).toMatch(/may wait: was\/store bound in zone-/);
  });
  test('a rolling update needs room for one more', async () => {
    const report = await reportOf({ ...web, spec: { ...(web['spec'] as Data), replicas: 4 } });
    expect(verdict(report, '2', 'most')).toBe('guaranteed');
    expect(verdict(report, '2', 'roll-was/web')).toBe('impossible');
    const first = {
      ...(web['spec'] as Data),
      replicas: 4,
      strategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } },
    };
    const other = await reportOf({ ...web, spec: first });
    expect(verdict(other, '2', 'roll-was/web')).toBeUndefined();
  });
  test('jobs by the clock count twice at once unless they may not overlap; a job that ran once does not come back', async () => {
    const report = await reportOf(web, nightly, once);
    const count = (id: string, label: string) =>
      report.scenarios
        .find(({ scenario }) => scenario.id === id)
        ?.verdict.kinds.find(kind => kind.label === label)?.count;
    expect(count('overlap', 'was/nightly')).toBe(2);
    expect(count('most', 'was/nightly')).toBeUndefined();
    expect(count('start', 'was/once')).toBe(1);
    expect(count('most', 'was/once')).toBeUndefined();
  });
  test('a budget that lets no pod go is named as a deadlock of the drain', async () => {
    expect(reportText(await reportOf(store, budget), [], PLAIN)).toContain(
      'never ends, no pod may go: never',
    );
    expect(reportText(await reportOf(store), [], PLAIN)).not.toContain('never ends');
  });
  test('it stops when asked to, with what is decided', async () => {
    let asked = 0;
    const report = await capacityReport(manifestObjects([web]), nodesOf(group), {
      services: [],
      isStopped: () => asked++ >= 2,
    });
    expect(report.scenarios).toHaveLength(2);
  });
  test('progress counts every scenario once', async () => {
    const seen: number[] = [];
    const { scenarios } = await capacityReport(manifestObjects([web]), nodesOf(group), {
      services: [],
      onProgress: ({ done }) => seen.push(done),
    });
    expect(seen).toEqual(scenarios.map((_, index) => index));
  });
});

describe('reports', () => {
  test('text has a row for each scenario, a picture of each node and no escape codes when plain', async () => {
    const report = await reportOf(web, store);
    const text = reportText(report, [{ change: 'less', makes: 'fit', priceFactor: 1.25 }], PLAIN);
    for (const { scenario } of report.scenarios) expect(text).toContain(scenario.title);
    expect(text).toMatch(/n-1 \(zone-a\)\n {4}cpu {4}█+░* +\d+ % {2}\d+m of 1930m/);
    expect(text).toContain('less (1.25 × the price of the nodes)');
    expect(text).not.toContain('\u001b');
    expect(reportText(report, [], { ...PLAIN, isColoured: true })).toContain('\u001b[');
  });
  test('a scenario names every pod that is not guaranteed a node, and none that is', async () => {
    const { scenarios } = await reportOf(web, store, nightly);
    const seen = new Set<string>();
    for (const entry of scenarios) {
      for (const { label, verdict } of entry.verdict.kinds) {
        const [pod = ''] = label.split(' bound in ');
        expect({ verdict, isNamed: consequences(entry).includes(pod) }).toEqual({
          verdict,
          isNamed: verdict !== 'guaranteed',
        });
        seen.add(verdict);
      }
    }
    expect(seen).toEqual(new Set(['guaranteed', 'order-dependent', 'impossible']));
  });
  test.each([60, 80, 120])(
    'on a terminal of %d columns no line is longer, and no word is lost',
    async columns => {
      const report = await reportOf(
        { ...web, spec: { ...(web['spec'] as Data), replicas: 5 } },
        store,
        nightly,
      );
      const words = (text: string) => text.split(/\s+/);

      const text = reportText(report, [], { ...PLAIN, columns });

      // the first line, and a node with its bars, are as wide as they are
      expect(
        Math.max(
          ...text
            .split('\n')
            .slice(1)
            .map(line => line.length),
        ),
      ).toBeLessThanOrEqual(Math.max(columns, 75));
      expect(words(text)).toEqual(words(reportText(report, [], PLAIN)));
    },
  );
  test('what waits is said with what there is room for, in the text, the data and the page', async () => {
    const report = await reportOf({ ...web, spec: { ...(web['spec'] as Data), replicas: 5 } });
    const sentence = 'waits: was/web × 5 (at best there is room for was/web × 4)';
    expect(reportText(report, [], PLAIN)).toContain(sentence);
    expect(reportHtml(report, [])).toContain(`${sentence}</p><figure><figcaption>what there is room for`);
    const data = reportJson(report, []) as { scenarios: { id: string; room?: { pods: unknown[] }[] }[] };
    const most = data.scenarios.find(({ id }) => id === 'most');
    expect(most?.room?.flatMap(({ pods }) => pods)).toHaveLength(4);
  });
  test('JSON holds each verdict and, of a placement, every pod once', async () => {
    const report = await reportOf(web, store);
    const data = reportJson(report, []) as { scenarios: { id: string; placement?: { pods: unknown[] }[] }[] };
    expect(data.scenarios).toHaveLength(report.scenarios.length);
    const most = data.scenarios.find(({ id }) => id === 'most');
    expect(most?.placement?.flatMap(({ pods }) => pods)).toHaveLength(3);
    expect(JSON.parse(JSON.stringify(data))).toEqual(data);
  });
  test('the page needs nothing from elsewhere and escapes names', async () => {
    const odd = { ...web, metadata: { name: 'a<b', namespace: 'was' } };
    const html = reportHtml(await reportOf(odd), []);
    expect(html).not.toMatch(/(?:src|href)=|https?:|@import/);
    expect(html).toContain('a&#60;b');
    expect(html).not.toContain('a<b');
  });
  test('the page’s own program draws each pod once in each of two columns, and no node beyond what it has', async () => {
    const report = await reportOf(web, store);
    const [program = ''] = reportHtml(report, []).match(/const BOX = [\s\S]*?\n}\n/) ?? [];
    const drawn = runInNewContext(`${program}; VIEWS.map(nodes => nodes.map(drawNode))`) as string[][];
    const [view = []] = drawn;
    expect(view).toHaveLength(2);
    expect(view.join('').match(/<g><title>was\/(web|store)/g)).toHaveLength(2 * 3);
    for (const [, y, height] of view.join('').matchAll(/ y="([\d.]+)" width="107" height="([\d.]+)"/g))
      expect(Number(y) + Number(height)).toBeLessThan(296.02);
  });
});
