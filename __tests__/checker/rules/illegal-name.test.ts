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
