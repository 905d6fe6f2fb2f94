import { DEFAULT_NODES, parseNodes } from '../../../lib/checker/facts/nodes';
import { line } from '../../../lib/checker/finding/reporter';
import { manifestObjects } from '../../../lib/checker/object/manifest-object';
import { review } from '../../../lib/checker/review/review';

const parsed = parseNodes(DEFAULT_NODES);
const list = 'nodes' in parsed ? parsed.nodes : [];

function said(...objects: readonly unknown[]): string[] {
  return review(manifestObjects(objects), {
    only: ['invalid-quantity'],
    nodes: { list, source: 'the default', areDescribed: false },
  }).findings.map(finding => line(finding));
}

const template = (resources: unknown = { limits: { cpu: '100m', memory: '64Mi' } }) => ({
  metadata: { labels: { app: 'web' } },
  spec: { containers: [{ name: 'a', image: 'nginx:1.29.3', resources }] },
});
const workload = (kind: string, spec: object, apiVersion = 'apps/v1') => ({
  apiVersion,
  kind,
  metadata: { name: 'web', namespace: 'was' },
  spec: { template: template(), ...spec },
});

describe('a count of pods', () => {
  const kinds: readonly [string, (count: unknown) => object, string][] = [
    ['Deployment', replicas => workload('Deployment', { replicas }), 'spec.replicas'],
    ['StatefulSet', replicas => workload('StatefulSet', { replicas }), 'spec.replicas'],
    [
      'ReplicationController',
      replicas => workload('ReplicationController', { replicas }, 'v1'),
      'spec.replicas',
    ],
    ['Job', parallelism => workload('Job', { parallelism }, 'batch/v1'), 'spec.parallelism'],
    [
      'KafkaConnect',
      replicas => workload('KafkaConnect', { replicas }, 'kafka.strimzi.io/v1'),
      'spec.replicas',
    ],
  ];
  const values = ['300', -3, 1.5, true, Number.POSITIVE_INFINITY];

  test.each(kinds.flatMap(([kind, of, path]) => values.map(value => [kind, value, of, path] as const)))(
    'of a %s is refused as %s',
    (kind, value, of, path) => {
      const shown = typeof value === 'number' ? String(value) : JSON.stringify(value);
      expect(said(of(value))).toEqual([
        expect.stringContaining(`[${kind}/was/web] ${path} ${shown} is no count of pods`),
      ]);
    },
  );

  test.each(kinds.flatMap(([kind, of]) => [0, 2, undefined, null].map(value => [kind, value, of] as const)))(
    'of a %s may be %s',
    (_kind, value, of) => {
      expect(said(of(value))).toEqual([]);
    },
  );

  test.each([
    ['"9"', '9', 1],
    ['-9', -9, 1],
    ['9', 9, 0],
  ])('of an autoscaler, %s, is read like those of its workload', (_shown, maxReplicas, findings) => {
    const autoscaler = {
      apiVersion: 'autoscaling/v2',
      kind: 'HorizontalPodAutoscaler',
      metadata: { name: 'grow', namespace: 'was' },
      spec: { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' }, maxReplicas },
    };
    const lines = said(workload('Deployment', {}), autoscaler);
    expect(lines).toHaveLength(findings);
    expect(lines.every(text => text.includes('HorizontalPodAutoscaler grow: spec.maxReplicas'))).toBe(true);
  });
});

describe('a limit', () => {
  const pod = (resources: unknown) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', namespace: 'was' },
    spec: template(resources).spec,
  });

  test.each([
    ['lots', 'resources.limits.cpu "lots" is no quantity (not a number)'],
    [-1, 'resources.limits.cpu -1 is no quantity (negative)'],
    ['50m', 'resources.limits.cpu 50m is below its request of 100m'],
  ])('of %s is refused', (cpu, words) => {
    expect(said(pod({ requests: { cpu: '100m', memory: '64Mi' }, limits: { cpu, memory: '64Mi' } }))).toEqual(
      [expect.stringContaining(words)],
    );
  });

  test.each(['100m', '0.1', '2'])('of %s passes', cpu => {
    expect(said(pod({ requests: { cpu: '100m', memory: '64Mi' }, limits: { cpu, memory: '64Mi' } }))).toEqual(
      [],
    );
  });

  test.each([
    ['50m', 1],
    ['100m', 0],
  ])('that a LimitRange gives as %s is compared too', (cpu, findings) => {
    const range = {
      apiVersion: 'v1',
      kind: 'LimitRange',
      metadata: { name: 'defaults', namespace: 'was' },
      spec: { limits: [{ type: 'Container', default: { cpu, memory: '64Mi' } }] },
    };
    expect(said(range, pod({ requests: { cpu: '100m', memory: '64Mi' } }))).toHaveLength(findings);
  });

  test('that is the request too is refused once', () => {
    expect(said(pod({ limits: { cpu: 'lots', memory: '64Mi' } }))).toHaveLength(1);
  });

  test('too large for a number is shown as it is read, not as null', () => {
    expect(said(pod({ limits: { cpu: '100m', memory: Number('1e400') } }))).toEqual([
      expect.stringContaining('memory Infinity is no quantity (larger than 2^53)'),
    ]);
  });
});
