import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAllDocuments, stringify } from 'yaml';
import {
  isObject,
  type ManifestObject,
  manifestObjects,
  stringMap,
} from '../../lib/checker/object/manifest-object';
import { withoutPolicyAnnotations } from '../../lib/lakehouse/workload/policy-exceptions';
import { operatedPods } from './operated-pods';
import { type Finding, type PolicyTools, policyTools } from './tools';

const DIST = join(__dirname, '..', '..', 'dist');
const FETCH_TIMEOUT_MS = 20 * 60_000;
/** Kinds that only their operators know; the API server of `npm run test:cluster` checks them against their CRDs. */
const CUSTOM_KINDS = [
  'argoproj.io/v1alpha1 AppProject',
  'argoproj.io/v1alpha1 Application',
  'kafka.strimzi.io/v1 Kafka',
  'kafka.strimzi.io/v1 KafkaNodePool',
  'kafka.strimzi.io/v1 KafkaTopic',
  'sparkoperator.k8s.io/v1beta2 SparkApplication',
];

const work = mkdtempSync(join(tmpdir(), 'lakehouse-policy-'));
/** dist/ as it is with the pods of its custom resources, and the same with no exception. */
const [written, bare] = [join(work, 'written'), join(work, 'bare')];
const counts: string[] = [];
let tools: PolicyTools;

beforeAll(() => {
  tools = policyTools();
  cpSync(DIST, join(written, 'dist'), { recursive: true });
  for (const file of yamlFiles(DIST)) {
    const documents = documentsOf(file).map(withoutExceptions);
    const target = join(bare, 'dist', file.slice(DIST.length));
    mkdirSync(join(target, '..'), { recursive: true });
    writeFileSync(target, documents.map(document => yaml11(document)).join('---\n'));
  }
  for (const folder of [written, bare]) {
    mkdirSync(join(folder, 'pods'));
    for (const [index, pod] of operatedPods(objectsIn(join(folder, 'dist'))).entries())
      writeFileSync(join(folder, 'pods', `${index}.yaml`), yaml11(pod));
  }
}, FETCH_TIMEOUT_MS);

afterAll(() => {
  rmSync(work, { recursive: true, force: true });
  process.stderr.write(`${counts.join('\n')}\n`);
});

test('kube-score finds what the exceptions name, and nothing beside it', async () => {
  const before = await tools.kubeScore(yamlFiles(bare));
  const after = await tools.kubeScore(yamlFiles(written));

  report('kube-score', before, after);
  expect(after).toEqual([]);
  expect(keys(before)).toEqual(exceptions(annotation => annotation['kube-score/ignore']?.split(',') ?? []));
});

test('checkov finds what the exceptions name, and nothing beside it', async () => {
  const before = await tools.checkov(bare);
  const after = await tools.checkov(written);

  report('checkov', before, after);
  expect(after).toEqual([]);
  expect(keys(before)).toEqual(
    exceptions(annotations =>
      Object.entries(annotations).flatMap(([key, value]) =>
        key.startsWith('checkov.io/') ? [value.split('=')[0] ?? ''] : [],
      ),
    ),
  );
});

test('kubernetes-validate finds nothing, in the oldest Kubernetes and in the tested one', async () => {
  const { findings, unknownKinds } = await tools.kubernetesValidate(yamlFiles(written));

  report('kubernetes-validate', findings, findings);
  expect(findings).toEqual([]);
  expect(unknownKinds).toEqual(CUSTOM_KINDS);
});

test('a careless pod is found by each of them', async () => {
  const folder = join(work, 'careless');
  const file = join(folder, 'pod.yaml');
  mkdirSync(folder);
  writeFileSync(
    file,
    stringify({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'careless', namespace: 'was' },
      spec: { containers: [{ name: 'web', image: 'nginx', resource: {} }] },
    }),
  );

  expect(await tools.kubeScore([file])).toContainEqual({
    object: 'Pod.was.careless',
    check: 'container-resources',
  });
  expect(await tools.checkov(folder)).toContainEqual({ object: 'Pod.was.careless', check: 'CKV_K8S_13' });
  expect((await tools.kubernetesValidate([file])).findings.map(({ object }) => object)).toContainEqual(
    expect.stringContaining("'resource' was unexpected"),
  );
});

/** One of each: a check may have several things to say of one object. */
function keys(findings: readonly Finding[]): string[] {
  return [...new Set(findings.map(({ object, check }) => `${object} ${check}`))].sort();
}

/** The exceptions that the objects carry, in the same form. */
function exceptions(checks: (annotations: Readonly<Record<string, string>>) => readonly string[]): string[] {
  return objectsIn(written)
    .flatMap(({ kind, metadata: { name, namespace = 'default', annotations = {} } }) =>
      checks(annotations).map(check => `${kind}.${namespace}.${name} ${check}`),
    )
    .sort();
}

function report(tool: string, before: readonly Finding[], after: readonly Finding[]): void {
  counts.push(
    `${tool}: ${before.length} findings in ${objectsIn(bare).length} objects without the exceptions, ${after.length} with them`,
  );
}

/** As Go reads it, to which a plain `off` is no text. */
function yaml11(document: unknown): string {
  return stringify(document, { version: '1.1' });
}

function yamlFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.yaml'))
    .sort()
    .map(name => join(folder, name));
}

function documentsOf(file: string): unknown[] {
  return parseAllDocuments(readFileSync(file, 'utf8')).map(document => document.toJS());
}

function objectsIn(folder: string): ManifestObject[] {
  return manifestObjects(yamlFiles(folder).flatMap(documentsOf));
}

/** The same data; every map of annotations in it, of pod templates too, loses those of the exceptions. */
function withoutExceptions(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutExceptions);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      key === 'annotations' && isObject(inner)
        ? withoutPolicyAnnotations(stringMap(inner))
        : withoutExceptions(inner),
    ]),
  );
}
