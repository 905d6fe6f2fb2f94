import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { clusterServices, serviceManifests } from '../../lib/capacity/cluster-services';
import { definitionSources, fetchDefinitions } from '../../lib/crds/definitions';
import {
  asObject,
  asObjects,
  at,
  type ManifestObject,
  objectId,
  type PlainObject,
  stringMap,
} from '../../lib/manifest/model';
import { expandPods, type PodSet } from '../../lib/manifest/pods';
import { type CommandResult, type ControlPlane, eventually, startControlPlane, taken } from './control-plane';
import { readManifests, strimziObjects } from './custom-resources';
import { addNodes, addStorageClass, type FakeNode } from './nodes';
import { Submission } from './spark-submission';

const REPOSITORY = join(__dirname, '..', '..');
/** Far above what scheduling takes here (seconds); a pod that is pending after it has no place. */
export const SCHEDULED_TIMEOUT_MS = 90_000;

/** What dist/ holds but for ArgoCD's own objects, and the pods that it comes to. */
export const objects = readManifests().filter(object => !object.apiVersion.startsWith('argoproj.io/'));
export const sets: readonly PodSet[] = expandPods(objects);
export const services = serviceManifests(clusterServices, objects);
const applications = objects.filter(object => object.kind === 'SparkApplication');

/** A cluster with what dist/ needs before it, and stand-ins for the operators that make pods of custom resources. */
export class Lakehouse {
  private running?: ControlPlane;
  private submissions: Submission[] = [];
  /** What operators hold in being: Strimzi's pods with their claims, and the drivers that Spark's submission made. */
  private operated: object[] = [];

  public get cluster(): ControlPlane {
    if (this.running === undefined) throw new Error('the control plane has not started');
    return this.running;
  }

  public async start(program: string, nodes: readonly FakeNode[]): Promise<void> {
    this.running = await startControlPlane(program);
    this.submissions = applications.map(application => new Submission(this.cluster, application));
    await addStorageClass(this.cluster);
    await addNodes(this.cluster, nodes);
    await this.apply(await definitions());
    await eventually(
      'the definitions are established',
      async () => {
        const all = await items(this.cluster, '/apis/apiextensions.k8s.io/v1/customresourcedefinitions');
        const late = all.filter(definition =>
          asObjects(at(definition, 'status', 'conditions')).every(
            ({ type, status }) => type !== 'Established' || status !== 'True',
          ),
        );
        return late.length === 0 ? undefined : late.map(nameOf).join(', ');
      },
      SCHEDULED_TIMEOUT_MS,
    );
  }

  public async startOperated(): Promise<void> {
    this.operated = strimziObjects(sets);
    await this.apply(this.operated);
    await Promise.all(this.submissions.map(submission => submission.submit()));
    const drivers = (await livePods(this.cluster)).filter(
      pod => at(pod, 'metadata', 'labels', 'spark-role') === 'driver',
    );
    this.operated.push(...drivers.map(unbound));
  }

  public async apply(items: readonly object[]): Promise<void> {
    await accepted(this.cluster.kubectl(['apply', '--server-side', '-f', '-'], list(items)));
  }

  public async remove(pod: object): Promise<void> {
    await taken(
      this.cluster.request('DELETE', `${pathOf(pod)}/${nameOf(pod)}?gracePeriodSeconds=0`),
      NOT_FOUND,
    );
  }

  /** A node is gone with all that ran on it. */
  public async lose(node: string): Promise<void> {
    await taken(this.cluster.request('DELETE', `/api/v1/nodes/${node}`));
    await this.reconcile();
  }

  /** What the controllers of nodes and the operators do: pods of nodes that are gone end, missing pods come again. */
  public async reconcile(): Promise<void> {
    const nodes = new Set((await items(this.cluster, '/api/v1/nodes')).map(nameOf));
    const pods = await items(this.cluster, '/api/v1/pods');
    const orphans = pods.filter(pod => {
      const node = at(pod, 'spec', 'nodeName');
      return node !== undefined && !nodes.has(String(node));
    });
    for (const pod of orphans) await this.remove(pod);
    const there = new Set(pods.filter(pod => !orphans.includes(pod)).map(pathAndName));
    const claims = await items(this.cluster, '/api/v1/persistentvolumeclaims');
    for (const claim of claims) there.add(pathAndName({ kind: 'PersistentVolumeClaim', ...claim }));
    for (const object of this.operated.filter(object => !there.has(pathAndName(object))))
      await taken(this.cluster.request('POST', pathOf(object), object), CONFLICT);
  }

  /** Everything starts again on other nodes, with new volumes: the deployments and operators stay, their pods do not. */
  public async startOver(nodes: readonly FakeNode[]): Promise<void> {
    const all = async (kind: string, ...more: string[]) =>
      accepted(this.cluster.kubectl(['delete', kind, '--all', '--wait=false', ...more]));
    await all('nodes');
    await all('persistentvolumeclaims', '-A');
    await all('pods', '-A', '--force', '--grace-period=0');
    await all('persistentvolumes');
    await eventually(
      'the former volumes are gone',
      async () => {
        const left = await items(this.cluster, '/api/v1/persistentvolumes');
        return left.length === 0 ? undefined : left.map(nameOf).join(', ');
      },
      SCHEDULED_TIMEOUT_MS,
    );
    await addNodes(this.cluster, nodes);
    await this.reconcile();
  }

  public async stop(): Promise<void> {
    await Promise.all(this.submissions.map(submission => submission.stop()));
    await this.running?.stop();
  }
}

const NOT_FOUND = 404;
const CONFLICT = 409;

/** The objects at a path of the API. */
export async function items(cluster: ControlPlane, path: string): Promise<readonly PlainObject[]> {
  return asObjects(at(await taken(cluster.request('GET', path)), 'items'));
}

function pathOf(object: object): string {
  const kind = at(object, 'kind') === 'PersistentVolumeClaim' ? 'persistentvolumeclaims' : 'pods';
  return `/api/v1/namespaces/${at(object, 'metadata', 'namespace')}/${kind}`;
}

function pathAndName(object: object): string {
  return `${pathOf(object)}/${nameOf(object)}`;
}

/**
 * The pod as it was asked for, to be asked for again. The ConfigMaps that a submission made for its driver went with
 * that; the operator would submit anew.
 */
export function unbound(pod: object): object {
  const { metadata, spec } = pod as { metadata: Record<string, unknown>; spec: Record<string, unknown> };
  const { name, namespace, labels, annotations } = metadata;
  const { nodeName: _, ...rest } = spec;
  const volumes = asObjects(spec['volumes']).map(volume => {
    const { configMap } = volume;
    const isOurs = objects.some(({ metadata }) => metadata.name === at(configMap, 'name'));
    return configMap === undefined || isOurs
      ? volume
      : { ...volume, configMap: { ...asObject(configMap), optional: true } };
  });
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, labels, annotations },
    spec: { ...rest, volumes },
  };
}

export function nameOf(pod: object): string {
  return String(at(pod, 'metadata', 'name'));
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

export function list(items: readonly object[]): string {
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

/** All pods but those that a Job has finished with. */
export async function livePods(cluster: ControlPlane): Promise<readonly PlainObject[]> {
  return (await items(cluster, '/api/v1/pods')).filter(pod => at(pod, 'status', 'phase') !== 'Succeeded');
}

/** Whether a pod is one of a set, by the labels that its controller gives it. */
export function isOf(set: PodSet, pod: object): boolean {
  const labels = stringMap(at(pod, 'metadata', 'labels'));
  return (
    at(pod, 'metadata', 'namespace') === set.namespace &&
    Object.entries(set.pod.labels).every(([name, value]) => labels[name] === value)
  );
}
