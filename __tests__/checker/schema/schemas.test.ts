import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { schemaOf, schemas, type ValueType } from '../../../lib/checker/schema/schema';
import { kubernetes, strimzi } from '../../../lib/lakehouse/versions';
import { compactSchemas } from '../../../scripts/schemas/compact';

const minorOf = (version: string) => version.split('.').slice(0, 2).join('.');

test('the releases of Kubernetes go from the oldest that the manifests are for past the tested one', () => {
  expect(schemas.kubernetes[0]).toBe(kubernetes.oldest);
  expect(schemas.kubernetes).toContain(minorOf(kubernetes.tested));
});

test('every API version of Strimzi that the chart can write has a schema', () => {
  for (const { apiVersion } of Object.values(strimzi))
    for (const kind of ['Kafka', 'KafkaTopic', 'KafkaUser'])
      expect(schemaOf({ apiVersion, kind })).toBeDefined();
});

test('every kind of the manifests has one', () => {
  const dist = join(__dirname, '..', '..', '..', 'dist');
  const text = ['00-cluster', '01-kafka', '02-storage'].map(name =>
    readFileSync(join(dist, `${name}.k8s.yaml`), 'utf8'),
  );
  const kinds = [...text.join('\n').matchAll(/^apiVersion: (\S+)\nkind: (\S+)$/gm)];
  expect(kinds.length).toBeGreaterThan(10);
  for (const [, apiVersion = '', kind = ''] of kinds)
    expect([kind, schemaOf({ apiVersion, kind })]).toEqual([kind, expect.anything()]);
});

test('every type that a field names is there', () => {
  const named = (type: ValueType): string[] => {
    if (typeof type === 'string' || 'oneOf' in type) return [];
    if ('fields' in type) return [type.fields];
    return named('list' in type ? type.list : type.map);
  };
  const names = Object.values(schemas.types).flatMap(({ fields }) => Object.values(fields).flatMap(named));
  expect(
    [...names, ...Object.values(schemas.kinds)].filter(name => schemas.types[name] === undefined),
  ).toEqual([]);
});

describe('definitions of several releases', () => {
  const object = (properties: object) => ({
    'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta': { properties: { name: { type: ['string', 'null'] } } },
    'io.k8s.api.apps.v1.Web': {
      properties: {
        metadata: { $ref: '#/$defs/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta' },
        ...properties,
      },
      'x-kubernetes-group-version-kind': [{ group: 'apps', version: 'v1', kind: 'Web' }],
    },
  });
  const custom = {
    spec: {
      group: 'example.org',
      names: { kind: 'Lake' },
      versions: [
        {
          name: 'v1',
          schema: {
            openAPIV3Schema: {
              properties: {
                spec: {
                  type: 'object',
                  properties: {
                    port: { 'x-kubernetes-int-or-string': true },
                    mode: { type: 'string', enum: ['fast', 'safe'] },
                    free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
                  },
                },
              },
            },
          },
        },
      ],
    },
  };

  test('come together: an old field stays, a changed one has its newest type', () => {
    const {
      types,
      kinds,
      custom: customKinds,
    } = compactSchemas(
      new Map([
        ['1.1', object({ gone: { type: ['boolean', 'null'] }, size: { type: 'string' } })],
        ['1.2', object({ size: { type: 'integer' }, status: { type: 'object' } })],
      ]),
      [custom],
    );
    expect(kinds).toEqual({ 'apps/v1 Web': 'apps.v1.Web', 'example.org/v1 Lake': 'example.org/v1 Lake' });
    expect(customKinds).toEqual(['example.org/v1 Lake']);
    expect(types['apps.v1.Web']?.fields).toEqual({
      metadata: { fields: 'meta.v1.ObjectMeta' },
      gone: 'boolean',
      size: 'whole number',
      status: 'any',
    });
    expect(types['custom.0']?.fields).toEqual({
      port: 'whole number or text',
      mode: { oneOf: ['fast', 'safe'] },
      free: 'object',
    });
  });
});
