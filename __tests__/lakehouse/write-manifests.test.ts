import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ApiObject, App, Chart, JsonPatch, Testing } from 'cdk8s';
import { Cpu, k8s } from 'cdk8s-plus-28';
import { parseAllDocuments } from 'yaml';
import { allowed, measured, quote, say } from '../../lib/checker/finding/message';
import { NodeGroup } from '../../lib/lakehouse/cluster/node-group';
import { LakehouseChart } from '../../lib/lakehouse/lakehouse-chart';
import { plainObjects } from '../../lib/lakehouse/plain-objects';
import { SynthChecks } from '../../lib/lakehouse/synth-checks';
import { type Refusal, refuse } from '../../lib/lakehouse/workload/refuse';
import { manifestFiles, writeManifests } from '../../lib/lakehouse/write-manifests';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'dist-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function appOf(
  ...objects: readonly (readonly [apiVersion: string, kind: string, name: string, namespace?: string])[]
): App {
  const app = new App();
  const chart = new Chart(app, 'chart');
  for (const [index, [apiVersion, kind, name, namespace]] of objects.entries()) {
    new ApiObject(chart, `${index}`, {
      apiVersion,
      kind,
      metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
    });
  }
  return app;
}

function names(app: App): Record<string, string[]> {
  return Object.fromEntries(
    [...manifestFiles(app)].map(([file, objects]) => [
      file,
      objects.map(({ kind, metadata }) => `${kind}/${metadata.name}`),
    ]),
  );
}

test('what belongs to no namespace comes first, then one file a namespace, in the order of the Namespace objects', () => {
  const app = appOf(
    ['apps/v1', 'Deployment', 'web', 'was'],
    ['v1', 'Namespace', 'kafka'],
    ['v1', 'Namespace', 'was'],
    ['v1', 'ConfigMap', 'settings', 'kafka'],
    ['v1', 'ConfigMap', 'code', 'default'],
    ['scheduling.k8s.io/v1', 'PriorityClass', 'first'],
  );
  expect(names(app)).toEqual({
    '00-cluster.k8s.yaml': ['Namespace/kafka', 'Namespace/was', 'PriorityClass/first'],
    '01-kafka.k8s.yaml': ['ConfigMap/settings'],
    '02-was.k8s.yaml': ['Deployment/web'],
    '03-default.k8s.yaml': ['ConfigMap/code'],
  });
});

test('inside a file, what workloads need comes before them', () => {
  const app = appOf(
    ['sparkoperator.k8s.io/v1beta2', 'SparkApplication', 'job', 'default'],
    ['v1', 'ConfigMap', 'code', 'default'],
    ['rbac.authorization.k8s.io/v1', 'RoleBinding', 'job', 'default'],
    ['v1', 'ServiceAccount', 'job', 'default'],
  );
  expect(names(app)['01-default.k8s.yaml']).toEqual([
    'ServiceAccount/job',
    'RoleBinding/job',
    'ConfigMap/code',
    'SparkApplication/job',
  ]);
});

test("ArgoCD's objects stand in a folder of their own, which kubectl apply -f dist/ leaves alone", () => {
  const app = appOf(
    ['argoproj.io/v1alpha1', 'Application', 'lakehouse', 'argocd'],
    ['v1', 'Namespace', 'kafka'],
  );
  expect(Object.keys(names(app))).toEqual(['00-cluster.k8s.yaml', 'argocd/applications.k8s.yaml']);
});

test('every object is written once, as it is', () => {
  const app = appOf(
    ['v1', 'Namespace', 'kafka'],
    ['v1', 'ConfigMap', 'a', 'kafka'],
    ['v1', 'ConfigMap', 'b', 'kafka'],
  );
  writeManifests(app, folder);
  const written = readdirSync(folder).flatMap(file =>
    parseAllDocuments(readFileSync(path.join(folder, file), 'utf8')).map(document => document.toJS()),
  );
  expect(written.map(({ kind, metadata }) => `${kind}/${metadata.name}`)).toEqual([
    'Namespace/kafka',
    'ConfigMap/a',
    'ConfigMap/b',
  ]);
});

test('an app is written as often as one likes, and several apps in one process', () => {
  const app = appOf(['v1', 'Namespace', 'kafka']);
  const other = appOf(['v1', 'Namespace', 'was']);
  for (const [described, name] of [
    [app, 'kafka'],
    [other, 'was'],
    [app, 'kafka'],
  ] as const) {
    writeManifests(described, folder);
    expect(readFileSync(path.join(folder, '00-cluster.k8s.yaml'), 'utf8')).toContain(`name: ${name}`);
  }
});

test.each([
  ['without charts', () => new App()],
  ['with an empty chart', () => appOf()],
])('an app %s is refused with a sentence, and nothing is written', (_name, described) => {
  expect(() => writeManifests(described(), folder)).toThrow(
    /^\[app\] it has no Kubernetes object, .*; add a chart/,
  );
  expect(readdirSync(folder)).toEqual([]);
});

function refusalOf(app: App): string[] {
  try {
    writeManifests(app, folder);
  } catch (error) {
    return (error as Error).message.split('\n');
  }
  return [];
}

test('everything that is wrong is refused together, each once, and nothing is written', () => {
  const app = appOf(['v1', 'Namespace', 'kafka']);
  const chart = app.node.findChild('chart');
  chart.node.addValidation({ validate: () => ['a construct of somebody else is wrong'] });
  const first = {
    message: say`first has ${measured(1)} but ${allowed(2)} are allowed`,
    remedy: say`set it to 2`,
  };
  refuse(chart, () => [first, first]);
  refuse(chart, () => [first]);
  expect(refusalOf(app)).toEqual([
    '[chart] first has 1 but 2 are allowed; set it to 2',
    '[chart] a construct of somebody else is wrong',
    '2 errors, nothing was written',
  ]);
  expect(readdirSync(folder)).toEqual([]);
});

describe('a mistake that a construct and a rule see', () => {
  const pod = { kind: 'Pod', namespace: 'was', name: 'web' };
  const untagged = (container: string, name = pod.name): Refusal => ({
    rule: 'mutable-image-tag',
    writes: { object: { ...pod, name }, path: ['spec', 'containers', container, 'image'] },
    message: say`container ${container} has image ${measured('app', quote)} but an image must be pinned`,
    remedy: say`set image`,
  });
  const said = (own: readonly Refusal[], annotations: Record<string, string> = {}) => {
    const app = new App();
    const chart = new Chart(app, 'chart');
    new SynthChecks(chart, 'checks', { nodes: new NodeGroup() });
    refuse(chart, () => own);
    const resources = { requests: { cpu: '1m', memory: '1Mi' }, limits: { cpu: '1m', memory: '1Mi' } };
    new ApiObject(chart, 'pod', {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'web', namespace: 'was', annotations },
      ...{
        spec: {
          containers: [
            { name: 'web', image: 'app', resources },
            { name: 'beside', image: 'proxy:latest', resources },
          ],
        },
      },
    });
    const thrown = (() => {
      try {
        Testing.synth(chart);
        return '';
      } catch (error) {
        return (error as Error).message;
      }
    })();
    const lines = refusalOf(app).slice(0, -1);
    // What a test of the chart is told is the same.
    for (const line of lines) expect(thrown).toContain(line.replace('[chart] ', ''));
    expect(thrown.split('(rule').length - 1).toBe(lines.filter(line => line.includes('(rule')).length);
    return lines;
  };
  const byRule = (image: string) =>
    expect.stringMatching(
      new RegExp(`^\\[Pod/was/web\\] image "${image}" of container \\w+ has .*\\(rule mutable-image-tag\\)$`),
    );
  const byConstruct =
    '[Pod/was/web] container web has image "app" but an image must be pinned; set image (rule mutable-image-tag)';

  test('is printed once, as the construct says it; the same in another container is printed beside it', () => {
    expect(said([untagged('web')])).toEqual([byConstruct, byRule('proxy:latest')]);
  });

  test.each([
    ['in another object', untagged('web', 'other')],
    ['of another rule', { ...untagged('web'), rule: 'container-without-limits' }],
    ['of no rule', { message: say`image is not pinned`, remedy: say`set image` }],
  ])('is no reason to leave out one %s', (_name, own) => {
    expect(said([own])).toEqual([expect.anything(), byRule('app'), byRule('proxy:latest')]);
  });

  test('is said by the rule where no construct says it', () => {
    expect(said([])).toEqual([byRule('app'), byRule('proxy:latest')]);
  });

  test('is silenced by a reason on the object, in the construct and in the rule; an empty one does not count', () => {
    const annotation = 'ignore-check.cdk8s-lakehouse/mutable-image-tag';
    expect(said([untagged('web')], { [annotation]: 'rebuilt nightly' })).toEqual([]);
    expect(said([untagged('web')], { [annotation]: ' ' })).toEqual([byConstruct, byRule('proxy:latest')]);
  });
});

test('an untagged image of the database and one of an init container beside it are both printed', () => {
  const app = new App();
  const { database } = new LakehouseChart(app, 'lakehouse', {
    clickHouse: { image: 'clickhouse/clickhouse-server' },
  });
  const set = database.node.findAll().find(node => node instanceof ApiObject && node.kind === 'StatefulSet');
  const [cpu, memory] = ['1m', '16Mi'].map(k8s.Quantity.fromString);
  const resources = { requests: { cpu, memory }, limits: { cpu, memory } };
  (set as ApiObject).addJsonPatch(
    JsonPatch.add('/spec/template/spec/initContainers', [{ name: 'wait', image: 'busybox', resources }]),
  );
  expect(refusalOf(app)).toEqual([
    '[StatefulSet/storage/clickhouse] container clickhouse has image "clickhouse/clickhouse-server" but an image must be pinned by a tag other than latest, or by a digest; set image, e.g. clickhouse-server:1.4.2 (rule mutable-image-tag)',
    expect.stringMatching(
      /^\[StatefulSet\/storage\/clickhouse\] image "busybox" of init container wait has no tag.*\(rule mutable-image-tag\)$/,
    ),
    '2 errors, nothing was written',
  ]);
});

describe('charts that depend on each other', () => {
  const appOfCharts = (...dependencies: readonly (readonly [string, string])[]) => {
    const app = appOf(['v1', 'Namespace', 'was']);
    const charts = new Map(
      ['a', 'b', 'c'].map(name => {
        const chart = new Chart(app, name);
        const metadata = { name, namespace: 'was' };
        const object = new ApiObject(chart, 'settings', { apiVersion: 'v1', kind: 'ConfigMap', metadata });
        return [name, { chart, object }] as const;
      }),
    );
    for (const [from, to] of dependencies) {
      const [dependent, needed] = [charts.get(from), charts.get(to)];
      if (dependent === undefined || needed === undefined) throw new Error('no such chart');
      // Of a chart, and of an object in it: both order the charts.
      if (to === 'a') dependent.object.addDependency(needed.object);
      else dependent.chart.addDependency(needed.chart);
    }
    return app;
  };

  test('in a circle are refused with their names', () => {
    expect(refusalOf(appOfCharts(['a', 'b'], ['b', 'c'], ['c', 'a']))).toEqual([
      '[app] a → b → c → a depend on each other in a circle, so none can be applied first; remove one of the addDependency()',
      '1 error, nothing was written',
    ]);
  });

  test('and a chart that depends on itself, are refused', () => {
    const app = appOf(['v1', 'Namespace', 'was']);
    const [chart] = app.node.children;
    if (chart === undefined) throw new Error('no chart');
    chart.node.addDependency(chart);
    expect(refusalOf(app)).toEqual([
      '[chart] it depends on itself, so it can never be applied; remove the addDependency()',
      '1 error, nothing was written',
    ]);
  });

  test('in a line pass', () => {
    expect(() => writeManifests(appOfCharts(['a', 'b'], ['b', 'c'], ['a', 'c']), folder)).not.toThrow();
  });
});

describe('an object that is patched', () => {
  const patched = (...patches: readonly JsonPatch[]) => {
    const app = new App();
    const { was } = new LakehouseChart(app, 'lakehouse');
    const deployment = was.node
      .findAll()
      .find(node => node instanceof ApiObject && node.kind === 'Deployment');
    (deployment as ApiObject).addJsonPatch(...patches);
    return { app };
  };
  const pod = '/spec/template/spec';

  test('is refused for fields that there are not and values of another type, all at once', () => {
    const { app } = patched(
      JsonPatch.add(`${pod}/imagePulSecrets`, [{ name: 'registry' }]),
      JsonPatch.replace('/spec/minReadySeconds', 'three'),
      JsonPatch.add(`${pod}/containers/0/env/-`, { name: 'B', value: 5 }),
    );
    expect(refusalOf(app)).toEqual([
      expect.stringMatching(
        /^\[Deployment\/was\/was\] spec\.minReadySeconds is "three" but it must be a whole number; write a whole number, e\.g\. 3 \(rule invalid-field\)$/,
      ),
      expect.stringMatching(
        /^\[Deployment\/was\/was\] spec\.template\.spec\.containers\[0\]\.env\[\d+\]\.value is 5 but it must be a text; put it in quotes, "5" \(rule invalid-field\)$/,
      ),
      '[Deployment/was/was] spec.template.spec.imagePulSecrets is no field of apps/v1 Deployment; did you mean imagePullSecrets? (rule invalid-field)',
      '3 errors, nothing was written',
    ]);
  });

  test('passes with fields that there are, and they are written, quantities as texts too', () => {
    const { app } = patched(
      JsonPatch.replace(`${pod}/containers/0/resources/limits/memory`, '768Mi'),
      JsonPatch.add('/spec/minReadySeconds', 3),
      JsonPatch.add(`${pod}/containers/0/env/-`, { name: 'B', value: '5' }),
    );
    expect(() => writeManifests(app, folder)).not.toThrow();
    const [was] = plainObjects(app).filter(
      ({ kind, metadata }) => kind === 'Deployment' && metadata.name === 'was',
    );
    expect(was).toMatchObject({
      spec: {
        minReadySeconds: 3,
        template: { spec: { containers: [{ resources: { limits: { cpu: '1000m', memory: '768Mi' } } }] } },
      },
    });
  });
});

test('the same fault of three containers is three lines, and what all three lack is one', () => {
  const resources = { requests: { cpu: '1m', memory: '16Mi' }, limits: { cpu: '1m', memory: '16Mi' } };
  const container = (name: string, image: string) => ({
    name,
    image,
    resources,
    envFrom: [{ configMapRef: { name: `settings-${image}` } }],
  });
  const pod = (...images: readonly [string, string, string]) => {
    const app = new App();
    const chart = new Chart(app, 'chart');
    new SynthChecks(chart, 'checks');
    const [first, second, third] = images;
    new ApiObject(chart, 'pod', {
      ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web', namespace: 'was' } },
      spec: {
        initContainers: [container('i', first)],
        containers: [container('a', second), container('b', third)],
      },
    });
    return refusalOf(app).map(text => text.replace(/;.*(?=\(rule)/, '; '));
  };
  const untagged = (name: string) =>
    `[Pod/was/web] image "app" of ${name} has no tag, which means latest, so each node may run another version; (rule mutable-image-tag)`;
  const missing = (name: string) =>
    `[Pod/was/web] ConfigMap "settings-${name}" is needed in namespace was but not declared (nothing declares a ConfigMap there); (rule missing-reference)`;
  expect(pod('app', 'app', 'app')).toEqual([
    missing('app'),
    ...['container a', 'container b', 'init container i'].map(untagged),
    '4 errors, nothing was written',
  ]);
  expect(pod('app:1', 'app:2', 'app:3')).toEqual([
    ...['app:1', 'app:2', 'app:3'].map(missing),
    '3 errors, nothing was written',
  ]);
});

test('a remedy names the prop where a construct writes the field', () => {
  const app = new App();
  new LakehouseChart(app, 'lakehouse', {
    gold: { executor: { cpu: { request: Cpu.units(2), limit: Cpu.units(2) } } },
  });
  expect(refusalOf(app)).toEqual([
    '[SparkApplication/default/activity-gold] executor needs 2000m cpu but m6i.large allocates 1750m after its daemon pods; set executor.cpu.request to at most 1750m, or take a larger instance type (rule executor-does-not-fit)',
    '1 error, nothing was written',
  ]);
});

test('what follows from a mistake in a prop is not said beside it', () => {
  const app = new App();
  new LakehouseChart(app, 'lakehouse', { kafka: { kafkaVersion: '2.0.0' } });
  expect(refusalOf(app)).toEqual([
    expect.stringMatching(
      /^\[Kafka\/kafka\/streaming-cluster\] .* has Kafka 2\.0\.0 but .*; set kafkaVersion to /,
    ),
    '1 error, nothing was written',
  ]);
});

describe('values that cannot be written', () => {
  const settings = (data: unknown): App => {
    const app = new App();
    const chart = new Chart(app, 'chart');
    new SynthChecks(chart, 'checks');
    new ApiObject(chart, 'settings', { apiVersion: 'example.org/v1', kind: 'Settings', ...{ data } });
    return app;
  };

  test('are refused with the path of the construct', () => {
    const circular: Record<string, unknown> = {};
    circular['self'] = circular;
    expect(refusalOf(settings(circular))).toEqual([
      '[chart/settings] a value contains itself, so the object cannot be written; leave the value out, or copy what is needed of it',
    ]);
    expect(refusalOf(settings({ since: new Date(0) }))).toEqual([
      "[chart/settings] a value cannot be written: can't render non-simple object of type 'Date'; use texts, numbers, booleans, lists and plain objects",
    ]);
    expect(refusalOf(settings({ count: 10n }))).toEqual([
      '[chart/settings] a value cannot be written: Do not know how to serialize a BigInt; use texts, numbers, booleans, lists and plain objects',
    ]);
  });

  test('are not those that merely stand in two places', () => {
    const shared = { one: 'same' };
    expect(() => writeManifests(settings({ first: shared, second: shared }), folder)).not.toThrow();
  });
});

test('a validation that throws is reported beside what the others say', () => {
  const app = new App();
  const chart = new Chart(app, 'chart');
  new ApiObject(chart, 'one', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'one' } });
  const validation = { validate: (): string[] => [] };
  new Chart(app, 'first').node.addValidation({ validate: () => validation.validate() });
  new Chart(app, 'second').node.addValidation({ validate: () => ['is wrong'] });
  expect(refusalOf(app)).toEqual(['[second] is wrong', '1 error, nothing was written']);

  validation.validate = () => {
    throw new Error('boom');
  };

  expect(refusalOf(app)).toEqual([
    '[first] its validation throws: boom; return what is wrong as a list of texts',
    '[second] is wrong',
    '2 errors, nothing was written',
  ]);
});

test('two lakehouses that make the same objects are refused, with who makes them', () => {
  const app = new App();
  new LakehouseChart(app, 'one');
  new LakehouseChart(app, 'two');
  expect(() => writeManifests(app, folder)).toThrow(
    /^\[two\] makes \d+ objects, \S+ among them, which one makes too; delete one of the two, or give what it makes another name or namespace$/m,
  );
});

test.each([
  ['n', true],
  ['other', false],
])('an object that is made a second time in namespace %s is refused: %s', (namespace, isRefused) => {
  const app = appOf(['v1', 'Secret', 'a', 'n'], ['v1', 'Secret', 'a', namespace]);
  const written = () => writeManifests(app, folder);
  if (!isRefused) expect(written()).toEqual([]);
  else
    expect(written).toThrow(
      '[chart/1] makes Secret/n/a, which chart/0 makes too; delete one of the two, or give what it makes another name or namespace',
    );
});
