import { ApiObject, App, Chart } from 'cdk8s';
import { LakehouseChart } from '../../lib/lakehouse/lakehouse-chart';
import { secrets } from '../../lib/lakehouse/secrets';
import { ExternalSecret, type SecretValue } from '../../lib/lakehouse/workload/external';

function declared(
  ...all: readonly (readonly [namespace: string, name: string, keys: Record<string, SecretValue>])[]
) {
  const chart = new Chart(new App(), 'chart');
  return all.map(
    ([namespace, secretName, keys], index) =>
      new ExternalSecret(chart, `${index}`, { namespace, secretName, keys }),
  );
}

/** value-1, value-2, … */
function counter(): () => string {
  let count = 0;
  return () => `value-${++count}`;
}

test('a Secret is immutable, and its keys hold made-up values and literals', () => {
  const { manifests, byHand } = secrets(
    declared([
      'storage',
      'minio',
      { user: { literal: 'streaming' }, password: { credential: 'minio/streaming' } },
    ]),
    counter(),
  );

  expect(byHand).toEqual([]);
  expect(manifests).toEqual([
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'minio', namespace: 'storage' },
      type: 'Opaque',
      immutable: true,
      stringData: { user: 'streaming', password: 'value-1' },
    },
  ]);
});

test('server and client hold the same value of one credential, and other values of others', () => {
  const { manifests } = secrets(
    declared(
      ['kafka', 'passwords', { was: { credential: 'kafka/was' }, job: { credential: 'kafka/job' } }],
      [
        'was',
        'login',
        {
          password: { credential: 'kafka/was' },
          jaas: { credential: 'kafka/was', template: 'p="{value}";' },
        },
      ],
    ),
    counter(),
  );

  expect(manifests.map(({ stringData }) => stringData)).toEqual([
    { was: 'value-1', job: 'value-2' },
    { password: 'value-1', jaas: 'p="value-1";' },
  ]);
});

test('a Secret that several constructs declare is one, with the keys of all', () => {
  const { manifests } = secrets(
    declared(
      ['storage', 'users', { a: { credential: 'a' } }],
      ['storage', 'users', { b: { credential: 'b' }, a: { credential: 'a' } }],
      ['default', 'users', { b: { credential: 'b' } }],
    ),
    counter(),
  );

  expect(manifests.map(({ metadata, stringData }) => [metadata.namespace, stringData])).toEqual([
    ['storage', { a: 'value-1', b: 'value-2' }],
    ['default', { b: 'value-2' }],
  ]);
});

test('keys that are declared twice with different content are all named', () => {
  expect(() =>
    secrets(
      declared(
        ['storage', 'users', { a: { credential: 'a' }, b: { literal: 'x' } }],
        ['storage', 'users', { a: { credential: 'b' }, b: { literal: 'y' } }],
      ),
      counter(),
    ),
  ).toThrow(
    'secret storage/users has key a declared twice, as {"credential":"a"} and as {"credential":"b"}; declare it once, or the same\nsecret storage/users has key b declared twice',
  );
});

test('what others give or make is not made up, but said', () => {
  const { manifests, byHand } = secrets(
    declared(
      ['default', 's3', { id: { givenBy: 'the object store' }, key: { givenBy: 'the object store' } }],
      [
        'was',
        'ca',
        { 'ca.crt': { copyOf: { namespace: 'kafka', secretName: 'cluster-ca', key: 'ca.crt' } } },
      ],
      ['storage', 'own', { password: { credential: 'own' } }],
    ),
    counter(),
  );

  expect(manifests.map(({ metadata }) => metadata.name)).toEqual(['own']);
  expect(byHand).toEqual([
    'secret default/s3 holds what the object store gave you: kubectl -n default create secret generic s3 --from-literal=id=… --from-literal=key=…',
    expect.stringMatching(
      /^secret was\/ca needs ca\.crt of kafka\/cluster-ca once that is there: kubectl -n kafka get secret cluster-ca /,
    ),
  ]);
});

describe.each([
  ['plain', {}],
  ['with logins', { kafka: { clientSecurity: 'scram-tls' } }],
] as const)('the whole system, %s', (_, props) => {
  const app = new App();
  new LakehouseChart(app, 'lakehouse', props);
  const nodes = app.node.findAll();
  const { manifests, byHand } = secrets(
    nodes.filter(node => node instanceof ExternalSecret),
    counter(),
  );

  /** Every key of a Secret that an object of the app names, as namespace/name/key. */
  function references(value: unknown, namespace: string): string[] {
    if (Array.isArray(value)) return value.flatMap(part => references(part, namespace));
    if (typeof value !== 'object' || value === null) return [];
    return Object.entries(value).flatMap(([key, part]) =>
      key === 'secretKeyRef' ? [`${namespace}/${part.name}/${part.key}`] : references(part, namespace),
    );
  }

  test('every key that something refers to has a value, or is said to be made by hand', () => {
    const wanted = nodes.filter(ApiObject.isApiObject).flatMap(object => {
      const body = (object as ApiObject).toJson();
      return references(body, body.metadata.namespace ?? 'default');
    });
    const made = manifests.flatMap(({ metadata, stringData }) =>
      Object.keys(stringData).map(key => `${metadata.namespace}/${metadata.name}/${key}`),
    );

    expect(wanted.length).toBeGreaterThan(10);
    const missing = wanted.filter(id => !made.includes(id));
    expect(
      missing.filter(
        id => !byHand.some(sentence => sentence.startsWith(`secret ${id.replace(/\/[^/]*$/, ' ')}`)),
      ),
    ).toEqual([]);
    expect(manifests.flatMap(({ stringData }) => Object.values(stringData))).not.toContain('');
  });
});
