import { objectNameProblems } from '../../lib/checks/object-names';
import { manifestObjects } from '../../lib/manifest/model';

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
    expect.stringContaining('namespace "Kafka" is no DNS label'),
  ]);
});
