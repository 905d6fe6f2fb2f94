import { ApiObject, App, Chart } from 'cdk8s';
import { type ClusterService, clusterServices } from '../../../lib/checker/capacity/cluster-services';
import { NodeGroup } from '../../../lib/lakehouse/cluster/node-group';
import { notesIn, SynthChecks } from '../../../lib/lakehouse/synth-checks';
import { ExternalSecret } from '../../../lib/lakehouse/workload/external';

const resources = { requests: { cpu: '100m', memory: '64Mi' }, limits: { cpu: '200m', memory: '64Mi' } };

function deployment(
  chart: Chart,
  name: string,
  {
    container = {},
    replicas = 1,
    spec = {},
  }: Record<string, unknown> & { container?: object; replicas?: number; spec?: object } = {},
) {
  const labels = { 'app.kubernetes.io/name': name };
  return new ApiObject(chart, `${name}-${chart.node.children.length}`, {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: 'default' },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: { containers: [{ name: 'app', image: 'app:1.4.2', resources, ...container }], ...spec },
      },
    },
  });
}

function errors(
  describe: (chart: Chart) => void,
  nodes = new NodeGroup(),
  services?: readonly ClusterService[],
): readonly string[] {
  const chart = new Chart(new App(), 'chart');
  const checks = new SynthChecks(chart, 'checks', {
    nodes,
    ...(services === undefined ? {} : { services }),
  });
  describe(chart);
  return checks.node.validate();
}

test('a sound app passes', () => {
  expect(errors(chart => deployment(chart, 'web'))).toEqual([]);
});

test('a chart that names no nodes is counted on the default ones', () => {
  const checks = new SynthChecks(new Chart(new App(), 'chart'), 'checks');
  expect(checks.nodes).toEqual(new NodeGroup());
});

test('the rules run over every object of the app, those of other charts and those that came later included', () => {
  const said = errors(chart => {
    const other = new Chart(App.of(chart), 'other');
    deployment(other, 'web', { container: { resources: {} } });
  });
  expect(said.join('\n')).toMatch(/Deployment\/default\/web.*rule container-without-limits/);
});

test('two charts that make one object are refused', () => {
  const said = errors(chart => {
    deployment(chart, 'web');
    deployment(new Chart(App.of(chart), 'other'), 'web', { replicas: 2 });
  });
  expect(said.join('\n')).toMatch(/Deployment\/default\/web.*rule duplicate-object/);
});

describe('the fit', () => {
  test('a pod that no node holds is refused', () => {
    const said = errors(chart =>
      deployment(chart, 'big', {
        container: {
          resources: { requests: { cpu: '1751m', memory: '1Gi' }, limits: { cpu: '2', memory: '1Gi' } },
        },
      }),
    );
    expect(said.join('\n')).toMatch(
      /big.*needs 1751m cpu but m6i\.large allocates 1750m after its daemon pods; .*\(rule executor-does-not-fit\)/,
    );
  });

  test('it depends on the nodes', () => {
    const many = (chart: Chart) => deployment(chart, 'web', { replicas: 65 });
    expect(errors(many).join('\n')).toContain('rule set-does-not-fit');
    expect(errors(many, new NodeGroup({ count: 5 }))).toEqual([]);
  });

  test('it depends on what runs beside the app', () => {
    const many = (chart: Chart) => deployment(chart, 'web', { replicas: 60 });
    expect(errors(many)).toEqual([]);
    expect(errors(many, new NodeGroup(), clusterServices).join('\n')).toContain('rule set-does-not-fit');
  });

  test('what the whole set is to blame for is silenced by a reason on any of it, and not by an empty one', () => {
    const many = (reason: string) => (chart: Chart) => {
      deployment(chart, 'web', { replicas: 65 });
      const object = deployment(chart, 'small');
      object.metadata.addAnnotation('ignore-check.cdk8s-lakehouse/set-does-not-fit', reason);
    };
    expect(errors(many('')).join('\n')).toContain('rule set-does-not-fit');
    expect(errors(many('the cluster autoscaler adds nodes'))).toEqual([]);
  });

  test('a reason on the object silences it, and what else does not fit is said', () => {
    const resources = (cpu: string) => ({
      requests: { cpu, memory: '1Gi' },
      limits: { cpu: '2', memory: '1Gi' },
    });
    const big = (annotations: Record<string, string>) => (chart: Chart) => {
      const object = deployment(chart, 'big', { container: { resources: resources('1751m') } });
      for (const [key, value] of Object.entries(annotations)) object.metadata.addAnnotation(key, value);
      deployment(chart, 'web', { replicas: 65 });
    };
    expect(errors(big({})).join('\n')).toMatch(/big.*needs 1751m cpu.*rule executor-does-not-fit/);
    expect(
      errors(big({ 'ignore-check.cdk8s-lakehouse/executor-does-not-fit': 'comes with its own node' })),
    ).toEqual([expect.stringMatching(/^\[Deployment\/default\/web\] all pods .*rule set-does-not-fit\)$/)]);
  });
});

describe('references', () => {
  const env = [{ name: 'TOKEN', valueFrom: { secretKeyRef: { name: 'token', key: 'token' } } }];

  test('one that nothing declares is refused', () => {
    expect(errors(chart => deployment(chart, 'web', { container: { env } })).join('\n')).toMatch(
      /Deployment\/default\/web.*token.*rule missing-reference/,
    );
  });

  test('one that is declared as external resolves', () => {
    const said = errors(chart => {
      deployment(chart, 'web', { container: { env } });
      new ExternalSecret(chart, 'token', {
        secretName: 'token',
        namespace: 'default',
        keys: { token: { credential: 'token' } },
      });
    });
    expect(said).toEqual([]);
  });
});

test('names and sizes are checked', () => {
  const said = errors(chart => {
    new ApiObject(chart, 'code', {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'Code', namespace: 'default' },
      data: { 'job.md': 'x'.repeat(2 ** 20) },
    });
  });
  expect(said).toEqual([
    expect.stringContaining('[ConfigMap/default/Code] name "Code" has 4 characters but allowed are 1 to 253'),
    expect.stringContaining(
      '[ConfigMap/default/Code] config map holds 1048582 bytes but Kubernetes allows 1048576',
    ),
  ]);
});

test('what is said follows the app as it changes', () => {
  const chart = new Chart(new App(), 'chart');
  const checks = new SynthChecks(chart, 'checks', { nodes: new NodeGroup() });
  const web = deployment(chart, 'web', { container: { resources: {} } });
  expect(checks.node.validate()).not.toEqual([]);
  chart.node.tryRemoveChild(web.node.id);
  expect(checks.node.validate()).toEqual([]);
});

describe('what was not understood', () => {
  function notes(code: string): readonly string[] {
    const app = new App();
    const chart = new Chart(app, 'chart');
    new SynthChecks(chart, 'checks', { nodes: new NodeGroup() });
    new ApiObject(chart, 'code', {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'code', namespace: 'default' },
      data: { 'tool.py': code },
    });
    return notesIn(app);
  }

  test('is a line that names the rules that are silent for it', () => {
    expect(notes('from settings import *\nprint(MODE)\n')).toEqual([
      '[ConfigMap/default/code] import * from settings brings names that nobody knows; import by name, and call functions where the code would run a text (silent: undefined-name)',
    ]);
  });

  test('is nothing where everything is understood', () => {
    expect(notes('from settings import MODE\nprint(MODE)\n')).toEqual([]);
  });
});
