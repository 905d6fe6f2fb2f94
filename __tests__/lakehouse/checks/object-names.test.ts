import { manifestObjects } from '../../../lib/checker/manifest/model';
import { objectNameProblems } from '../../../lib/checker/review/object-names';

function problems(kind: string, name: string, namespace?: string): string[] {
  const metadata = { name, ...(namespace === undefined ? {} : { namespace }) };
  return objectNameProblems(manifestObjects([{ apiVersion: 'v1', kind, metadata }]));
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
  expect(problems(kind, name, kind === 'Namespace' ? undefined : 'default')).toEqual([]);
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
  const [problem] = problems(kind, name);
  expect(problem).toContain(`[${kind}/${name}] name ${JSON.stringify(name)} has ${name.length} characters`);
  expect(problem).toContain(allowed);
  expect(problem).toMatch(/; rename it$/);
});

test('a namespace is checked where it is used', () => {
  expect(problems('Pod', 'p', 'Kafka')).toEqual([
    expect.stringContaining('[Pod/Kafka/p] namespace "Kafka" has 5 characters but allowed are 1 to 63'),
  ]);
});

describe('a name that several objects share', () => {
  const named = (...objects: readonly (readonly [kind: string, name: string, namespace?: string])[]) =>
    objectNameProblems(
      manifestObjects(
        objects.map(([kind, name, namespace]) => ({
          apiVersion: 'v1',
          kind,
          metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
        })),
      ),
    );

  test('is refused once, for the object that allows the least', () => {
    const long = 'a'.repeat(300);
    expect(named(['ConfigMap', long, 'was'], ['StatefulSet', long, 'was'], ['Service', long, 'was'])).toEqual(
      [
        expect.stringMatching(
          /^\[StatefulSet\/was\/a+\] name "a+" has 300 characters but allowed are 1 to 52 /,
        ),
      ],
    );
  });

  test('is not refused again with something behind it', () => {
    expect(
      named(['ConfigMap', 'Was-app', 'was'], ['Service', 'Was', 'was'], ['ConfigMap', 'Wash', 'was']),
    ).toEqual([
      expect.stringContaining('[Service/was/Was] name "Was"'),
      expect.stringContaining('[ConfigMap/was/Wash] name "Wash"'),
    ]);
  });

  test('is refused in each namespace', () => {
    expect(named(['Service', 'Was', 'a'], ['Service', 'Was', 'b'])).toHaveLength(2);
  });

  test('is refused for its Namespace and not for what is in it', () => {
    expect(named(['Service', 'was', 'Was'], ['Namespace', 'Was'], ['Pod', 'p', 'Was'])).toEqual([
      expect.stringContaining('[Namespace/Was] name "Was" has 3 characters'),
    ]);
  });
});
