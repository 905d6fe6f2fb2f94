import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { operators, strimzi } from '../../lib/lakehouse/versions';
import { writeBindings } from '../../scripts/crds/bindings';
import { definitionSources, fetchDefinitions, readDefinitions } from '../../scripts/crds/definitions';

const schema = (texts: boolean) => {
  const told = (text: string) => (texts ? { description: text, example: 'x' } : {});
  return {
    type: 'object',
    ...told('The object'),
    properties: {
      spec: {
        type: 'object',
        ...told('Desired state'),
        required: ['description'],
        properties: {
          description: { type: 'string', ...told('A field that is called description') },
          parts: { type: 'array', items: { type: 'string', enum: ['a', 'b'], ...told('One part') } },
          either: { anyOf: [{ type: 'integer', ...told('A number') }, { type: 'string' }] },
        },
      },
    },
  };
};

const definition = (kind: string, texts: boolean) => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `${kind.toLowerCase()}s.example.org` },
  spec: {
    group: 'example.org',
    names: { kind, plural: `${kind.toLowerCase()}s` },
    scope: 'Namespaced',
    versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema(texts) } }],
  },
});

let folder: string;
let server: Server;
let origin: string;

beforeAll(async () => {
  server = createServer((request, response) => {
    const kind = /^\/(Widget|Gadget)\.yaml$/.exec(request.url ?? '')?.[1];
    if (kind) response.end(stringify(definition(kind, true)));
    else response.writeHead(404, 'Not Found').end();
  });
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'crds-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const source = (...files: string[]) => ({
  name: 'example.org',
  module: 'example.org',
  urls: files.map(file => `${origin}/${file}`),
});

test('a described definition loses its texts and keeps its fields, even one called description', () => {
  expect(readDefinitions(stringify(definition('Widget', true)), 'crd.yaml')).toEqual([
    definition('Widget', false),
  ]);
});

test('the published URLs and a folder of bare definitions give the same bindings', async () => {
  writeFileSync(
    join(folder, 'example.org.yaml'),
    `${stringify(definition('Widget', false))}---\n${stringify(definition('Gadget', false))}`,
  );
  const [fromUrls, fromFolder] = [join(folder, 'urls'), join(folder, 'folder')];

  await writeBindings([source('Widget.yaml', 'Gadget.yaml')], fromUrls);
  await writeBindings([source()], fromFolder, folder);

  expect(readdirSync(fromUrls)).toEqual(['example.org.ts']);
  const bindings = readFileSync(join(fromUrls, 'example.org.ts'), 'utf8');
  expect(bindings).toBe(readFileSync(join(fromFolder, 'example.org.ts'), 'utf8'));
  expect(bindings).toContain('export class Gadget extends ApiObject');
}, 60_000);

test('two releases of one API group get modules of their own', async () => {
  writeFileSync(join(folder, 'old.yaml'), stringify(definition('Widget', false)));
  writeFileSync(join(folder, 'example.org.yaml'), stringify(definition('Gadget', false)));
  const output = join(folder, 'out');

  await writeBindings([source(), { name: 'old', module: 'zk-example.org', urls: [] }], output, folder);

  expect(readdirSync(output).sort()).toEqual(['example.org.ts', 'zk-example.org.ts']);
}, 60_000);

test('every source that cannot be had is named, with the remedy', async () => {
  const sources = [source('Widget.yaml', 'Gizmo.yaml'), { ...source('Gone.yaml'), name: 'other' }];

  const refused = writeBindings(sources, join(folder, 'out'));

  await expect(refused).rejects.toThrow(
    `${origin}/Gizmo.yaml answered 404 Not Found; set CRDS_DIR to a folder that holds the definitions, or mend the URL in cdk8s.yaml\n${origin}/Gone.yaml answered 404 Not Found`,
  );
});

test('a folder without the file is refused by the name of the file', async () => {
  await expect(fetchDefinitions(source(), folder)).rejects.toThrow(
    /example\.org\.yaml cannot be read .*; unset CRDS_DIR to fetch the published files$/,
  );
});

test.each([
  ['a: [', 'crd.yaml is not readable YAML: '],
  ['kind: Deployment', 'crd.yaml holds a document that is no CustomResourceDefinition'],
  ['', 'crd.yaml holds no document, expected CustomResourceDefinitions'],
])('%j is refused', (text, message) => {
  expect(() => readDefinitions(text, 'crd.yaml')).toThrow(message);
});

test('cdk8s.yaml names a published file for each definition of the four modules', () => {
  const sources = definitionSources(readFileSync(join(__dirname, '../../cdk8s.yaml'), 'utf8'));

  expect(sources.map(({ module }) => module)).toEqual([
    'kafka.strimzi.io',
    'zk-kafka.strimzi.io',
    'sparkoperator.k8s.io',
    'argoproj.io',
  ]);
  for (const { urls } of sources) for (const url of urls) expect(new URL(url).protocol).toBe('https:');
});

test.each([
  ['kafka.strimzi.io', `/strimzi-kafka-operator/${strimzi.kraft.version}/`],
  ['zk-kafka.strimzi.io', `/strimzi-kafka-operator/${strimzi.zookeeper.version}/`],
  ['sparkoperator.k8s.io', `/spark-operator/v${operators.spark.version}/`],
])('%s is bound in the version that the chart deploys', (module, version) => {
  const sources = definitionSources(readFileSync(join(__dirname, '../../cdk8s.yaml'), 'utf8'));

  for (const url of sources.find(source => source.module === module)?.urls ?? [''])
    expect(url).toContain(version);
});
