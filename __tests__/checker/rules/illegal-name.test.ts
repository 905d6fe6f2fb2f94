import { line } from '../../../lib/checker/finding/reporter';
import { manifestObjects } from '../../../lib/checker/object/manifest-object';
import { review } from '../../../lib/checker/review/review';

type Named = readonly [kind: string, name: string, namespace?: string, apiVersion?: string];

function said(...objects: readonly Named[]): string[] {
  const documents = objects.map(([kind, name, namespace, apiVersion = 'v1']) => ({
    apiVersion,
    kind,
    metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
  }));
  return review(manifestObjects(documents), { only: ['illegal-name'] }).findings.map(finding =>
    line(finding),
  );
}

test.each([
  ['ConfigMap', 'a'.repeat(253)],
  ['ConfigMap', 'a.b-c.1'],
  ['Service', 'kafka-1'],
  ['Namespace', '1-team'],
  ['SparkApplication', `a${'b'.repeat(54)}`],
  ['StatefulSet', 'a'.repeat(52)],
  ['Kafka', 'a'.repeat(46)],
  ['Job', 'a'.repeat(63)],
  ['Role', 'system:Node_Reader'],
])('%s may be called %s', (kind, name) => {
  expect(said([kind, name, ...(kind === 'Namespace' ? [] : ['default'])] as unknown as Named)).toEqual([]);
});

test.each([
  ['ConfigMap', 'a'.repeat(254), '1 to 253'],
  ['ConfigMap', 'under_score', "lower case letters, digits and '-'"],
  ['ConfigMap', 'a..b', "in parts joined by '.'"],
  ['Service', '1-kafka', 'a letter first'],
  ['Service', 'a.b', '1 to 63'],
  ['Namespace', '-team', 'a letter or digit at both ends'],
  ['SparkApplication', `a${'b'.repeat(55)}`, '1 to 55'],
  ['StatefulSet', 'a'.repeat(53), '1 to 52'],
  ['Kafka', 'a'.repeat(47), '1 to 46'],
  ['Job', 'Job', '1 to 63'],
  ['Role', 'a/b', "without '/' and '%'"],
])('%s may not be called %s', (kind, name, allowed) => {
  const [line] = said([kind, name]);
  expect(line).toContain(`/${name}] name ${JSON.stringify(name)} has ${name.length} characters`);
  expect(line).toContain(allowed);
  expect(line).toMatch(/; rename it \(rule illegal-name\)$/);
});

test('a namespace is checked where it is used', () => {
  expect(said(['Pod', 'p', 'Kafka'])).toEqual([
    expect.stringContaining('[Pod/Kafka/p] namespace "Kafka" has 5 characters but allowed are 1 to 63'),
  ]);
});

describe('a name that several objects share', () => {
  test('is refused once, for the object that allows the least', () => {
    const long = 'a'.repeat(300);
    expect(said(['ConfigMap', long, 'was'], ['StatefulSet', long, 'was'], ['Service', long, 'was'])).toEqual([
      expect.stringMatching(
        /^\[StatefulSet\/was\/a+\] name "a+" has 300 characters but allowed are 1 to 52 /,
      ),
    ]);
  });

  test('is not refused again with something behind it', () => {
    expect(
      said(['ConfigMap', 'Was-app', 'was'], ['Service', 'Was', 'was'], ['ConfigMap', 'Wash', 'was']),
    ).toEqual([
      expect.stringContaining('[ConfigMap/was/Wash] name "Wash"'),
      expect.stringContaining('[Service/was/Was] name "Was"'),
    ]);
  });

  test('is refused in each namespace', () => {
    expect(said(['Service', 'Was', 'a'], ['Service', 'Was', 'b'])).toHaveLength(2);
  });

  test('is refused for its Namespace and not for what is in it', () => {
    expect(said(['Service', 'was', 'Was'], ['Namespace', 'Was'], ['Pod', 'p', 'Was'])).toEqual([
      expect.stringContaining('[Namespace/Was] name "Was" has 3 characters'),
    ]);
  });
});

test.each([
  [
    'a cluster of eksctl, which is no object of the cluster',
    ['ClusterConfig', 'Demo_1', undefined, 'eksctl.io/v1alpha5'],
  ],
  ['a name that is filled in before it is applied', ['ConfigMap', '{{team}}-settings', 'default']],
] as [string, Named][])('%s is not refused', (_name, object) => {
  expect(said(object)).toEqual([]);
});

describe('an object without a name of its own', () => {
  const of = (metadata: unknown, kind = 'Job', apiVersion = 'batch/v1') =>
    review(manifestObjects([{ apiVersion, kind, ...(metadata === undefined ? {} : { metadata }) }]), {
      only: ['illegal-name'],
    }).findings.map(finding => line(finding));

  test.each([
    [undefined, '[Job/default/(no name)] the object has no name'],
    [{ namespace: 'was' }, '[Job/was/(no name)] the object has no name'],
    [{ name: null }, '[Job/default/(no name)] the object has no name'],
    [{ name: 123 }, '[Job/default/123] name 123 is no text'],
    [{ name: ['a'] }, '[Job/default/(no name)] name ["a"] is no text'],
    [{ name: 'a', namespace: 5 }, '[Job/default/a] namespace 5 is no text'],
    [{ generateName: 'Load_' }, '[Job/default/Load_…] generateName "Load_" has 5 characters'],
    [{ generateName: 7 }, '[Job/default/(no name)] the object has no name'],
  ])('%j is refused', (metadata, said) => {
    expect(of(metadata)).toEqual([expect.stringContaining(said)]);
  });

  test.each([
    [{ name: '123' }, 'Job', 'batch/v1'],
    [{ generateName: 'load-' }, 'Job', 'batch/v1'],
    [{ generateName: 'a'.repeat(70) }, 'Job', 'batch/v1'],
    [undefined, 'Config', 'v1'],
    [undefined, 'KubeletConfiguration', 'kubelet.config.k8s.io/v1beta1'],
    [undefined, 'SubjectAccessReview', 'authorization.k8s.io/v1'],
  ])('%j of a %s passes', (metadata, kind, apiVersion) => {
    expect(of(metadata, kind, apiVersion)).toEqual([]);
  });

  test.each([
    [{ generateName: 'load-', namespace: 'was' }, 'Pod/was/load-…'],
    [{ namespace: 'was' }, 'Pod/was/(no name)'],
    [{ name: 5, namespace: 'was' }, 'Pod/was/5'],
  ])('%j is looked at by the other rules', (metadata, id) => {
    const pod = (image: string) => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata,
      spec: { containers: [{ name: 'a', image }] },
    });
    const objects = manifestObjects([pod('nginx:latest'), pod('nginx:1.29.3')]);
    const said = (rule: string) => review(objects, { only: [rule] }).findings.map(finding => line(finding));
    expect(said('mutable-image-tag')).toEqual([expect.stringContaining(`[${id}]`)]);
    expect(said('duplicate-object')).toHaveLength('name' in metadata ? 1 : 0);
  });
});
