import { readFileSync } from 'node:fs';
import {
  imageExceptions,
  namespaceExceptions,
  policyAnnotations,
  policyExceptions,
  withoutPolicyAnnotations,
} from '../../../lib/lakehouse/workload/policy-exceptions';
import { policyTable } from '../../../scripts/docs/policy-table';

test('an exception is an annotation of its tool, with the reason beside it', () => {
  const annotations = policyAnnotations(['strimziUser', 'defaultNamespace', 'strimziUser']);

  expect(annotations).toEqual({
    'kube-score/ignore': 'container-security-context-user-group-id',
    'cdk8s-lakehouse/policy-container-security-context-user-group-id': policyExceptions.strimziUser.reason,
    'checkov.io/skip1': `CKV_K8S_40=${policyExceptions.strimziUser.reason}`,
    'checkov.io/skip2': `CKV_K8S_21=${policyExceptions.defaultNamespace.reason}`,
  });
});

test('they can be taken off again, and only they', () => {
  const others = { 'argocd.argoproj.io/sync-wave': '1', 'cdk8s-lakehouse/pod-security-reason': 'a reason' };
  const all = Object.keys(policyExceptions) as (keyof typeof policyExceptions)[];

  expect(withoutPolicyAnnotations({ ...others, ...policyAnnotations(all) })).toEqual(others);
});

test.each(Object.entries(policyExceptions))('checkov reads the whole reason of %s', (_, { reason }) => {
  expect(reason).not.toContain('=');
});

test('an image with a digest needs no exception for it, one with a tag alone does', () => {
  expect(imageExceptions(`web:1.2@sha256:${'0'.repeat(64)}`)).toEqual(['pinnedImage']);
  expect(imageExceptions('web:1.2')).toEqual(['pinnedImage', 'imageWithoutDigest']);
});

test('only the namespace default is an exception', () => {
  expect(namespaceExceptions('default')).toEqual(['defaultNamespace']);
  expect(namespaceExceptions('jobs')).toEqual([]);
});

test('docs/policy.md is what the exceptions say', () => {
  expect(readFileSync('docs/policy.md', 'utf8')).toBe(policyTable(policyExceptions));
});
