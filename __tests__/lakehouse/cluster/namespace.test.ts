import { Namespace, type NamespaceProps } from '../../../lib/lakehouse/cluster/namespace';
import { inside, objectOf, synthesized } from '../synthesis';

const namespace = (props: Partial<NamespaceProps> = {}) =>
  synthesized(chart => new Namespace(chart, 'storage', { name: 'storage', ...props }));

test('a namespace admits restricted pods only, and is never pruned', () => {
  const { metadata } = objectOf(namespace(), 'Namespace', 'storage');
  expect(metadata.labels).toMatchObject({
    'pod-security.kubernetes.io/enforce': 'restricted',
    'pod-security.kubernetes.io/warn': 'restricted',
  });
  expect(metadata.annotations).toEqual({ 'argocd.argoproj.io/sync-options': 'Prune=false' });
});

test('a laxer standard carries its reason', () => {
  const { metadata } = objectOf(
    namespace({ podSecurity: { level: 'baseline', reason: 'the agent needs a host port' } }),
    'Namespace',
    'storage',
  );
  expect(metadata.labels).toMatchObject({ 'pod-security.kubernetes.io/enforce': 'baseline' });
  expect(metadata.annotations).toMatchObject({
    'cdk8s-lakehouse/pod-security-reason': 'the agent needs a host port',
  });
});

test('a container without figures is given some', () => {
  const limits = objectOf(namespace(), 'LimitRange', 'container-defaults');
  expect(limits.metadata.namespace).toBe('storage');
  expect(inside(limits, 'spec', 'limits')).toEqual([
    {
      type: 'Container',
      defaultRequest: { cpu: '50m', memory: '64Mi', 'ephemeral-storage': '16Mi' },
      default: { cpu: '500m', memory: '256Mi', 'ephemeral-storage': '256Mi' },
    },
  ]);
});
