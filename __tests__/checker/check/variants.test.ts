import { Project } from './run-check';

let projects: Project[] = [];

function project(files: Readonly<Record<string, string>>): Project {
  const made = new Project(files);
  projects.push(made);
  return made;
}

afterEach(() => {
  for (const made of projects) made.remove();
  projects = [];
});

const CONFIG = (level: string, name = 'settings') =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name}, namespace: lake }\ndata: { level: ${level} }\n`;

const KAFKA = (minimum: number) => `
apiVersion: kafka.strimzi.io/v1
kind: Kafka
metadata: { name: events, namespace: lake }
spec:
  kafka:
    version: 4.2.0
    config: { min.insync.replicas: ${minimum} }
`;

const TOPIC = `
apiVersion: kafka.strimzi.io/v1
kind: KafkaTopic
metadata: { name: clicks, namespace: lake, labels: { strimzi.io/cluster: events } }
spec: { partitions: 3, replicas: 1 }
`;

describe('objects that files declare differently', () => {
  it('are a fault in one file, and a note in two that are variants of each other', () => {
    const one = project({ 'settings.yaml': `${CONFIG('info')}---\n${CONFIG('debug')}` });
    expect(one.json().violations).toMatchObject([{ rule: 'duplicate-object' }]);
    const variants = project({ 'kafka-large.yaml': CONFIG('info'), 'kafka-small.yaml': CONFIG('debug') });
    const { violations, notes } = variants.json();
    expect(violations).toEqual([]);
    expect(notes).toMatchObject([
      {
        cause: 'variants of one object',
        what: expect.stringMatching(
          /^ConfigMap\/lake\/settings stands in .*kafka-large\.yaml with other content, which is taken for a variant$/,
        ),
        silences: ['duplicate-object'],
      },
    ]);
  });

  it('are one note for two files, however many they are', () => {
    const both = (level: string) => `${CONFIG(level)}---\n${CONFIG(level, 'more')}`;
    const two = project({ 'one/a.yaml': both('info'), 'two/a.yaml': both('debug') });
    expect(two.json().notes).toMatchObject([
      { what: expect.stringMatching(/^ConfigMap\/lake\/settings and 1 more stand in .*one\/a\.yaml/) },
    ]);
  });

  it('count for a topic only where all of them refuse it', () => {
    const rulesOf = (first: number, second: number) => {
      const found = project({
        'kafka-a.yaml': KAFKA(first),
        'kafka-b.yaml': `${KAFKA(second)}  entityOperator: {}\n`,
        'topics.yaml': TOPIC,
      });
      return found.json(['--rule', 'kafka-replication']).violations.length;
    };
    expect(rulesOf(2, 2)).toBe(1);
    expect(rulesOf(2, 1)).toBe(0);
    expect(rulesOf(1, 2)).toBe(0);
  });
});
