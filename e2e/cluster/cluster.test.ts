import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { clusterServices, serviceManifests } from '../../lib/capacity/cluster-services';
import { definitionSources, fetchDefinitions } from '../../lib/crds/definitions';
import { asObjects, at, type ManifestObject, objectId } from '../../lib/manifest/model';
import { expandPods, type PodSet } from '../../lib/manifest/pods';
import { bytes, cpuMillis } from '../../lib/manifest/quantity';
import {
  buildControlPlane,
  type CommandResult,
  type ControlPlane,
  eventually,
  startControlPlane,
} from './control-plane';
import { readManifests, strimziObjects } from './custom-resources';
import { addNodes, fakeNodes, ZONE_LAYOUTS } from './nodes';
import { type SubmittedApplication, submit } from './spark-submission';

const REPOSITORY = join(__dirname, '..', '..');
const BUILD_TIMEOUT_MS = 25 * 60_000;
/** Far above what scheduling takes here (seconds); a pod that is pending after it has no place. */
const SCHEDULED_TIMEOUT_MS = 90_000;

const objects = readManifests().filter(object => !object.apiVersion.startsWith('argoproj.io/'));
const services = serviceManifests(clusterServices, objects);
const sets = expandPods(objects);
const applications = objects.filter(object => object.kind === 'SparkApplication');

let binary: string;
beforeAll(async () => {
  binary = await buildControlPlane(line => process.stderr.write(`${line}\n`));
}, BUILD_TIMEOUT_MS);

describe.each(Object.entries(ZONE_LAYOUTS))('on four m6i.large in %s', (_layout, zones) => {
  let cluster: ControlPlane;
  const submitted: SubmittedApplication[] = [];

  beforeAll(async () => {
    cluster = await startControlPlane(binary);
    await addNodes(cluster, fakeNodes(zones));
    await accepted(cluster.kubectl(['apply', '--server-side', '-f', '-'], list(await definitions())));
    await eventually(
      'the definitions are established',
      async () => {
        const result = await cluster.kubectl([
          'wait',
          '--for=condition=Established',
          'crd',
          '--all',
          '--timeout=10s',
        ]);
        return result.code === 0 ? undefined : result.stderr;
      },
      SCHEDULED_TIMEOUT_MS,
    );
  });

  afterAll(async () => {
    await Promise.all(submitted.map(application => application.stop()));
    await cluster.stop();
  });

  test('the API server takes the whole of dist/ with strict validation and has nothing to warn of', async () => {
    const result = await applyDist(cluster);
    expect(result).toMatchObject({ code: 0, stderr: '' });
    expect(result.stdout.trim().split('\n')).toHaveLength(objects.length);
  });

  test('the programs of the cluster itself run beside it', async () => {
    // After dist/, whose priority classes some of them name.
    const around = [...serviceNamespaces(), ...services.map(withImage)];
    await accepted(cluster.kubectl(['apply', '--server-side', '-f', '-'], list(around)));
    await settled(cluster);
  });

  test('a second apply changes nothing', async () => {
    await settled(cluster);
    const before = await generations(cluster);
    expect(await applyDist(cluster)).toMatchObject({ code: 0, stderr: '' });
    expect(await cluster.kubectl(['diff', '--server-side', ...files()])).toMatchObject({
      code: 0,
      stdout: '',
    });
    expect(await generations(cluster)).toEqual(before);
  });

  test("Strimzi's and Spark's pods are scheduled beside all others, every one of them", async () => {
    await accepted(cluster.kubectl(['apply', '--server-side', '-f', '-'], list(strimziObjects(sets))));
    for (const application of applications) submitted.push(await submit(cluster, application));
    await allRun(cluster);
  });

  test("what Spark's own submission asks for is what the capacity report counts", async () => {
    for (const set of sets.filter(({ role }) => role === 'driver' || role === 'executor')) {
      const pods = (await pendingAndRunning(cluster)).filter(
        pod =>
          at(pod, 'metadata', 'namespace') === set.namespace &&
          String(at(pod, 'metadata', 'name')).startsWith(
            set.role === 'driver' ? `${set.owner.metadata.name}-driver` : `${set.owner.metadata.name}-exec`,
          ),
      );
      expect(pods).toHaveLength(set.replicas.initial);
      for (const pod of pods)
        expect(requests(asObjects(at(pod, 'spec', 'containers')))).toEqual(requests(set.pod.spec.containers));
    }
  });

  test("Strimzi's pods ask for what the resources state", () => {
    const stated = statedByStrimzi();
    expect(stated.length).toBeGreaterThan(0);
    for (const { role, replicas, resources } of stated) {
      const found = sets.filter(
        set => set.owner.apiVersion.startsWith('kafka.strimzi.io/') && set.role === role,
      );
      expect(found.map(set => set.replicas.max)).toEqual([replicas]);
      expect(requests(found.flatMap(set => set.pod.spec.containers))).toEqual(
        requests(resources.map(value => ({ resources: value }))),
      );
    }
  });
});

/** Replicas and resources as the Kafka resources spell them, read without the model that expands them. */
function statedByStrimzi(): { role: PodSet['role']; replicas: number; resources: unknown[] }[] {
  const pools = objects.filter(({ kind }) => kind === 'KafkaNodePool');
  const kafka = objects.find(({ kind }) => kind === 'Kafka');
  return [
    ...pools.map(({ body }) => ({
      role: (at(body, 'spec', 'roles') as string[]).includes('broker')
        ? ('broker' as const)
        : ('controller' as const),
      replicas: at(body, 'spec', 'replicas') as number,
      resources: [at(body, 'spec', 'resources')],
    })),
    {
      role: 'entity-operator' as const,
      replicas: 1,
      resources: ['topicOperator', 'userOperator']
        .map(name => at(kafka?.body, 'spec', 'entityOperator', name, 'resources'))
        .filter(value => value !== undefined),
    },
    {
      role: 'exporter' as const,
      replicas: 1,
      resources: [at(kafka?.body, 'spec', 'kafkaExporter', 'resources')],
    },
  ];
}

function requests(containers: readonly object[]): { cpuMillis: number; memoryBytes: number } {
  const sum = (resource: string, read: (value: unknown) => number) =>
    containers.reduce(
      (total, container) => total + read(at(container, 'resources', 'requests', resource)),
      0,
    );
  return { cpuMillis: sum('cpu', cpuMillis), memoryBytes: sum('memory', bytes) };
}

async function definitions(): Promise<object[]> {
  const sources = definitionSources(readFileSync(join(REPOSITORY, 'cdk8s.yaml'), 'utf8')).filter(
    ({ name }) => !name.startsWith('zookeeper-'),
  );
  return (await Promise.all(sources.map(source => fetchDefinitions(source, process.env['CRDS_DIR'])))).flat();
}

function files(): string[] {
  return ['-f', join(REPOSITORY, 'dist')];
}

function applyDist(cluster: ControlPlane): Promise<CommandResult> {
  return cluster.kubectl(['apply', '--server-side', '--validate=strict', '--warnings-as-errors', ...files()]);
}

async function accepted(running: Promise<CommandResult>): Promise<CommandResult> {
  const result = await running;
  if (result.code !== 0) throw new Error(result.stderr.trim());
  return result;
}

function list(items: readonly object[]): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
}

function serviceNamespaces(): object[] {
  const own = new Set(
    objects.filter(({ kind }) => kind === 'Namespace').map(({ metadata }) => metadata.name),
  );
  const names = new Set(services.map(({ metadata }) => metadata.namespace ?? 'default'));
  return [...names]
    .filter(name => !own.has(name))
    .map(name => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } }));
}

/**
 * The services are counted by what they request; the API server wants an image too, limits not below that, and the
 * security context that dist/'s namespaces enforce.
 */
function withImage({ body }: ManifestObject): object {
  const containers = asObjects(at(body, 'spec', 'template', 'spec', 'containers')).map(container => {
    const requests = at(container, 'resources', 'requests');
    const memory = at(requests, 'memory');
    return {
      image: 'stand-in:1',
      ...container,
      resources: { requests, ...(memory === '0' ? {} : { limits: { memory } }) },
      securityContext: {
        allowPrivilegeEscalation: false,
        capabilities: { drop: ['ALL'] },
        runAsNonRoot: true,
        seccompProfile: { type: 'RuntimeDefault' },
      },
    };
  });
  const spec = body['spec'] as { template: { spec: object } };
  return {
    ...body,
    spec: { ...spec, template: { ...spec.template, spec: { ...spec.template.spec, containers } } },
  };
}

/** metadata.generation of what dist/ holds: it moves when a spec does. */
async function generations(cluster: ControlPlane): Promise<Record<string, unknown>> {
  const result = await accepted(cluster.kubectl(['get', ...files(), '-o', 'json']));
  const items = asObjects(at(JSON.parse(result.stdout), 'items')) as unknown as ManifestObject[];
  return Object.fromEntries(items.map(item => [objectId(item), at(item, 'metadata', 'generation')]));
}

async function pendingAndRunning(cluster: ControlPlane): Promise<object[]> {
  const result = await accepted(cluster.kubectl(['get', 'pods', '-A', '-o', 'json']));
  return asObjects(at(JSON.parse(result.stdout), 'items')).filter(
    pod => at(pod, 'status', 'phase') !== 'Succeeded',
  );
}

async function settled(cluster: ControlPlane): Promise<void> {
  await eventually(
    'every Deployment and StatefulSet is complete',
    async () => {
      const result = await accepted(cluster.kubectl(['get', 'deployments,statefulsets', '-A', '-o', 'json']));
      const late = asObjects(at(JSON.parse(result.stdout), 'items')).filter(
        item => at(item, 'status', 'readyReplicas') !== at(item, 'spec', 'replicas'),
      );
      return late.length === 0
        ? undefined
        : late.map(item => `${at(item, 'kind')} ${at(item, 'metadata', 'name')}`).join(', ');
    },
    SCHEDULED_TIMEOUT_MS,
  );
}

async function allRun(cluster: ControlPlane): Promise<void> {
  await eventually(
    'every pod runs',
    async () => {
      const waiting = (await pendingAndRunning(cluster)).filter(
        pod => at(pod, 'status', 'phase') !== 'Running',
      );
      return waiting.length === 0
        ? undefined
        : waiting.map(pod => `${at(pod, 'metadata', 'name')}: ${reason(pod)}`).join('; ');
    },
    SCHEDULED_TIMEOUT_MS,
  );
}

function reason(pod: object): unknown {
  return (
    asObjects(at(pod, 'status', 'conditions')).find(condition => condition['type'] === 'PodScheduled')?.[
      'message'
    ] ?? at(pod, 'status', 'phase')
  );
}
