import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { clusterServices, serviceManifests } from '../../lib/checker/capacity/cluster-services';
import { expandPods, type PodSet } from '../../lib/checker/manifest/pods';
import {
  asObject,
  asObjects,
  at,
  type ManifestObject,
  type PlainObject,
  stringMap,
} from '../../lib/checker/object/manifest-object';
import { objectId } from '../../lib/checker/object/object-id';
import { operators } from '../../lib/lakehouse/versions';
import { definitionSources, fetchDefinitions } from '../../scripts/crds/definitions';
import type { CommandResult } from '../command';
import {
  accepted,
  buildControlPlane,
  type ControlPlane,
  eventually,
  list,
  startControlPlane,
  taken,
} from './control-plane';
import { readManifests, strimziObjects } from './custom-resources';
import { DriverProgram } from './driver-program';
import { addNodes, addStorageClass, type FakeNode } from './nodes';
import { buildSparkOperator, chartDefinitions, SparkOperator } from './spark-operator';

const REPOSITORY = join(__dirname, '..', '..');
/** Far above what scheduling takes here (seconds); a pod that is pending after it has no place. */
export const SCHEDULED_TIMEOUT_MS = 90_000;

/** What dist/ holds but for ArgoCD's own objects, and the pods that it comes to. */
const manifests = readManifests();
export const objects = manifests.filter(object => !object.apiVersion.startsWith('argoproj.io/'));
export const sets: readonly PodSet[] = expandPods(objects);
export const applications = objects.filter(object => object.kind === 'SparkApplication');
const [operatorApplication] = manifests.filter(
  ({ kind, metadata }) => kind === 'Application' && metadata.name === operators.spark.chart,
) as [ManifestObject];

/** The cluster's own programs as the capacity report counts them; the Spark operator's come of its chart. */
const counted = serviceManifests(clusterServices, objects);
export const services = counted.filter(({ metadata }) => metadata.namespace !== operators.spark.namespace);
export const countedOfOperator = counted.filter(object => !services.includes(object));

/** A cluster with what dist/ needs before it, the Spark operator, and a stand-in for Strimzi's. */
export class Lakehouse {
  private running?: ControlPlane;
  private installed?: SparkOperator;
  private drivers = new Map<ManifestObject, DriverProgram>();
  /** What is held in being: Strimzi's pods with their claims and, once the Spark operator rests, the drivers. */
  private held: object[] = [];

  public get cluster(): ControlPlane {
    if (this.running === undefined) throw new Error('the control plane has not started');
    return this.running;
  }

  public get operator(): SparkOperator {
    if (this.installed === undefined) throw new Error('the Spark operator is not installed');
    return this.installed;
  }

  /** The sets that stand: what a Job has done stays done, and a daemon has a pod wherever there is a node. */
  public standing(): readonly PodSet[] {
    return expandPods([...objects, ...services, ...this.operator.objects]).filter(
      ({ role, endsByItself }) => role !== 'daemon' && !endsByItself,
    );
  }

  /** Starts a cluster that knows the definitions of the custom resources. */
  public async start(nodes: readonly FakeNode[]): Promise<void> {
    const program = await buildControlPlane();
    const operator = await buildSparkOperator();
    this.running = await startControlPlane(program);
    this.installed = new SparkOperator(this.cluster, operator, operatorApplication);
    this.drivers = new Map(applications.map(application => [application, new DriverProgram(this.cluster)]));
    await addStorageClass(this.cluster);
    await addNodes(this.cluster, nodes);
    await this.apply([...(await definitions()), ...chartDefinitions(operator).map(({ body }) => body)]);
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

  /** Strimzi's pods, and the Spark operator with what it makes of dist/. */
  public async startOperated(): Promise<void> {
    this.held = strimziObjects(sets);
    await this.apply(this.held);
    await this.operator.install();
    await Promise.all(applications.map(application => this.runDriver(application)));
  }

  /** Waits until a driver pod runs that is not the former one, and runs its program. Returns the pod. */
  public async runDriver(application: ManifestObject, former?: object): Promise<object> {
    const path = `${podsOf(application)}/${application.metadata.name}-driver`;
    const program = former === undefined ? this.drivers.get(application) : new DriverProgram(this.cluster);
    let pod: object | undefined;
    await eventually(
      `the operator starts the driver of ${application.metadata.name}`,
      async () => {
        const { body } = await this.cluster.request('GET', path);
        const isOther = at(body, 'metadata', 'uid') !== at(former, 'metadata', 'uid');
        pod = isOther && at(body, 'status', 'phase') === 'Running' ? asObject(body) : undefined;
        return pod === undefined ? this.operator.lastLines('controller') : undefined;
      },
      SCHEDULED_TIMEOUT_MS,
    );
    await this.replace(application, program as DriverProgram);
    await program?.start(pod as object);
    return pod as object;
  }

  /**
   * From here on nodes come and go faster than the operator tries again: its drivers are held in being as they are, and
   * the executors do not end with a driver pod, which would be another one each time.
   */
  public async restOperator(): Promise<void> {
    const programs = applications.map(() => new DriverProgram(this.cluster));
    await this.operator.stop('controller');
    const drivers = (await livePods(this.cluster)).filter(
      pod => at(pod, 'metadata', 'labels', 'spark-role') === 'driver',
    );
    this.held.push(...drivers.map(unbound));
    await Promise.all(
      applications.map(async (application, index) => {
        const program = programs[index] as DriverProgram;
        await this.replace(application, program);
        const pod = drivers.find(driver => nameOf(driver) === `${application.metadata.name}-driver`);
        await program.start(pod as object, false);
      }),
    );
  }

  private async replace(application: ManifestObject, program: DriverProgram): Promise<void> {
    const former = this.drivers.get(application);
    if (former !== program) await former?.stop();
    this.drivers.set(application, program);
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
    for (const object of this.held.filter(object => !there.has(pathAndName(object))))
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
    await Promise.all([...this.drivers.values()].map(driver => driver.stop()));
    await this.installed?.uninstall();
    await this.running?.stop();
  }
}

/** The label by which the webhook knows the operator's pods. */
const LAUNCHED_BY_OPERATOR = 'sparkoperator.k8s.io/launched-by-spark-operator';
const NOT_FOUND = 404;
const CONFLICT = 409;

/** The objects at a path of the API. */
export async function items(cluster: ControlPlane, path: string): Promise<readonly PlainObject[]> {
  return asObjects(at(await taken(cluster.request('GET', path)), 'items'));
}

export function podsOf({ metadata }: ManifestObject): string {
  return `/api/v1/namespaces/${metadata.namespace ?? 'default'}/pods`;
}

function pathOf(object: object): string {
  const kind = at(object, 'kind') === 'PersistentVolumeClaim' ? 'persistentvolumeclaims' : 'pods';
  return `/api/v1/namespaces/${at(object, 'metadata', 'namespace')}/${kind}`;
}

function pathAndName(object: object): string {
  return `${pathOf(object)}/${nameOf(object)}`;
}

/**
 * The pod as it was asked for, to be asked for again. The ConfigMaps that a submission made for its driver go with
 * that; what the operator's webhook added is there already, so it is not to look at the pod.
 */
function unbound(pod: object): object {
  const { metadata, spec } = pod as { metadata: Record<string, unknown>; spec: Record<string, unknown> };
  const { name, namespace, annotations } = metadata;
  const { [LAUNCHED_BY_OPERATOR]: __, ...labels } = asObject(metadata['labels']);
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

/** The definitions that the bindings of imports/ come of; SparkApplication's come with the operator's chart. */
async function definitions(): Promise<object[]> {
  const sources = definitionSources(readFileSync(join(REPOSITORY, 'cdk8s.yaml'), 'utf8')).filter(
    ({ name }) => !name.startsWith('zookeeper-') && name !== 'sparkoperator.k8s.io',
  );
  return (await Promise.all(sources.map(source => fetchDefinitions(source, process.env['CRDS_DIR'])))).flat();
}

function files(): string[] {
  return ['-f', join(REPOSITORY, 'dist')];
}

export function applyDist(cluster: ControlPlane): Promise<CommandResult> {
  return cluster.kubectl(['apply', '--server-side', '--validate=strict', '--warnings-as-errors', ...files()]);
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
  const names = new Set(counted.map(({ metadata }) => metadata.namespace ?? 'default'));
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

/** Labels of which only the controllers know the values. */
const HASHES: ReadonlySet<string> = new Set(['pod-template-hash', 'controller-revision-hash']);

/** Whether a pod is one of a set, by the labels that its controller gives it. */
export function isOf(set: PodSet, pod: object): boolean {
  const labels = stringMap(at(pod, 'metadata', 'labels'));
  return (
    at(pod, 'metadata', 'namespace') === set.namespace &&
    Object.entries(set.pod.labels).every(([name, value]) => HASHES.has(name) || labels[name] === value)
  );
}
