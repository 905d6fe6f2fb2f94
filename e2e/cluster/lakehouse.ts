import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { clusterServices, serviceManifests } from '../../lib/capacity/cluster-services';
import { definitionSources, fetchDefinitions } from '../../lib/crds/definitions';
import { asObjects, at, type ManifestObject, objectId } from '../../lib/manifest/model';
import { expandPods, type PodSet } from '../../lib/manifest/pods';
import { type CommandResult, type ControlPlane, eventually, startControlPlane } from './control-plane';
import { readManifests, strimziObjects } from './custom-resources';
import { addNodes, fakeNodes } from './nodes';
import { type SubmittedApplication, submit } from './spark-submission';

const REPOSITORY = join(__dirname, '..', '..');
/** Far above what scheduling takes here (seconds); a pod that is pending after it has no place. */
const SCHEDULED_TIMEOUT_MS = 90_000;

/** What dist/ holds but for ArgoCD's own objects, and the pods that it comes to. */
export const objects = readManifests().filter(object => !object.apiVersion.startsWith('argoproj.io/'));
export const sets: readonly PodSet[] = expandPods(objects);
const services = serviceManifests(clusterServices, objects);
const applications = objects.filter(object => object.kind === 'SparkApplication');

/** A cluster with what dist/ needs before it, and stand-ins for the operators that make pods of custom resources. */
export class Lakehouse {
  private running?: ControlPlane;
  private readonly submitted: SubmittedApplication[] = [];

  public get cluster(): ControlPlane {
    if (this.running === undefined) throw new Error('the control plane has not started');
    return this.running;
  }

  public async start(program: string, zones: readonly string[] = []): Promise<void> {
    this.running = await startControlPlane(program);
    await addNodes(this.cluster, fakeNodes(zones));
    await this.apply(await definitions());
    await eventually(
      'the definitions are established',
      async () => {
        const result = await this.cluster.kubectl([
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
  }

  public async startOperated(): Promise<void> {
    await this.apply(strimziObjects(sets));
    this.submitted.push(
      ...(await Promise.all(applications.map(application => submit(this.cluster, application)))),
    );
  }

  public async apply(items: readonly object[]): Promise<void> {
    await accepted(this.cluster.kubectl(['apply', '--server-side', '-f', '-'], list(items)));
  }

  public async remove(pod: object): Promise<void> {
    const namespace = String(at(pod, 'metadata', 'namespace'));
    await accepted(
      this.cluster.kubectl([
        'delete',
        'pod',
        podName(pod),
        '-n',
        namespace,
        '--force',
        '--grace-period=0',
        '--ignore-not-found',
      ]),
    );
  }

  /** The operator submits again when a driver is gone; its pod is the same but for the node. */
  public async restoreDrivers(gone: readonly object[]): Promise<void> {
    const drivers = gone.filter(pod => at(pod, 'metadata', 'labels', 'spark-role') === 'driver');
    if (drivers.length > 0) await this.apply(drivers.map(unbound));
  }

  public async stop(): Promise<void> {
    await Promise.all(this.submitted.map(application => application.stop()));
    await this.running?.stop();
  }
}

function unbound(pod: object): object {
  const { apiVersion, kind, metadata, spec } = pod as {
    apiVersion: string;
    kind: string;
    metadata: Record<string, unknown>;
    spec: Record<string, unknown>;
  };
  const { name, namespace, labels, annotations } = metadata;
  const { nodeName: _, ...rest } = spec;
  return { apiVersion, kind, metadata: { name, namespace, labels, annotations }, spec: rest };
}

export function podName(pod: object): string {
  return String(at(pod, 'metadata', 'name'));
}

/** How Spark's submission begins the names of a set's pods. */
export function submittedPrefix(set: PodSet): string {
  return `${set.owner.metadata.name}-${set.role === 'driver' ? 'driver' : 'exec'}`;
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

export function applyDist(cluster: ControlPlane): Promise<CommandResult> {
  return cluster.kubectl(['apply', '--server-side', '--validate=strict', '--warnings-as-errors', ...files()]);
}

export async function accepted(running: Promise<CommandResult>): Promise<CommandResult> {
  const result = await running;
  if (result.code !== 0) throw new Error(result.stderr.trim());
  return result;
}

function list(items: readonly object[]): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
}

/** The programs of the cluster itself, with the namespaces that they bring. */
export function serviceObjects(): object[] {
  return [...serviceNamespaces(), ...services.map(withImage)];
}

/** What `kubectl diff` finds between dist/ and the cluster. */
export function difference(cluster: ControlPlane): Promise<CommandResult> {
  return cluster.kubectl(['diff', '--server-side', ...files()]);
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
export async function generations(cluster: ControlPlane): Promise<Record<string, unknown>> {
  const result = await accepted(cluster.kubectl(['get', ...files(), '-o', 'json']));
  const items = asObjects(at(JSON.parse(result.stdout), 'items')) as unknown as ManifestObject[];
  return Object.fromEntries(items.map(item => [objectId(item), at(item, 'metadata', 'generation')]));
}

export async function livePods(cluster: ControlPlane): Promise<object[]> {
  const result = await accepted(cluster.kubectl(['get', 'pods', '-A', '-o', 'json']));
  return asObjects(at(JSON.parse(result.stdout), 'items')).filter(
    pod => at(pod, 'status', 'phase') !== 'Succeeded',
  );
}

export async function settled(cluster: ControlPlane): Promise<void> {
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

export async function allRun(
  cluster: ControlPlane,
  mayWait: (pod: object) => boolean = () => false,
): Promise<void> {
  await eventually(
    'every pod runs',
    async () => {
      const waiting = (await livePods(cluster)).filter(
        pod => at(pod, 'status', 'phase') !== 'Running' && !mayWait(pod),
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
