import {
  asObject,
  asObjects,
  at,
  isObject,
  listItems,
  type ManifestObject,
  type PlainObject,
} from '../object/manifest-object';
import { apachePodPath, besideSpark, isApacheSpark } from './apache-spark';
import { claimOf, countAt, type DeclaredPodSet, templateData } from './declared-pods';
import type { DeclaredContainer, PodTemplate } from './pod-template';

/** The pods that custom resources of data systems and workflows declare, as far as their authors write them. */

function isOf(object: ManifestObject, group: string, ...kinds: readonly string[]): boolean {
  return object.apiVersion.startsWith(`${group}/`) && kinds.includes(object.kind);
}

/** A ClickHouse, or its Keeper, of Altinity's operator. */
export function isClickHouse(object: ManifestObject): boolean {
  return (
    isOf(object, 'clickhouse.altinity.com', 'ClickHouseInstallation', 'ClickHouseInstallationTemplate') ||
    isOf(object, 'clickhouse-keeper.altinity.com', 'ClickHouseKeeperInstallation')
  );
}

/** A MinIO of its operator. */
export function isTenant(object: ManifestObject): boolean {
  return isOf(object, 'minio.min.io', 'Tenant');
}

const WORKFLOWS = ['Workflow', 'WorkflowTemplate', 'ClusterWorkflowTemplate', 'CronWorkflow'];

/** The pod specs in a custom resource, with what stands beside them for all of them. */
export function operatedTemplates(object: ManifestObject): PodTemplate[] {
  if (isClickHouse(object)) {
    return listItems(at(object.body, 'spec', 'templates', 'podTemplates')).flatMap(([template, index]) => {
      const spec = at(template, 'spec');
      return isObject(spec)
        ? [{ object, path: ['spec', 'templates', 'podTemplates', index, 'spec'], spec }]
        : [];
    });
  }
  if (isApacheSpark(object))
    return (['driver', 'executor'] as const).flatMap(part => apacheTemplate(object, part));
  return isOf(object, 'argoproj.io', ...WORKFLOWS) ? workflowSteps(object) : [];
}

/** The pod template of a driver or executor, without the container that Spark fills in itself. */
function apacheTemplate(object: ManifestObject, part: 'driver' | 'executor'): PodTemplate[] {
  const path = apachePodPath(part);
  const spec = at(object.body, ...path);
  if (!isObject(spec)) return [];
  const containers = besideSpark(object.body, part).map(
    ([container, key, index]): DeclaredContainer => ({
      container,
      role:
        key === 'containers'
          ? 'container'
          : container['restartPolicy'] === 'Always'
            ? 'sidecar'
            : 'init container',
      path: [...path, key, index],
    }),
  );
  return [{ object, path, spec, containers }];
}

/** The steps of a workflow: each is a pod with one container or several, and the workflow's volumes. */
function workflowSteps(object: ManifestObject): PodTemplate[] {
  const base = object.kind === 'CronWorkflow' ? ['spec', 'workflowSpec'] : ['spec'];
  const workflow = asObject(at(object.body, ...base));
  return listItems(workflow['templates']).flatMap(([step, index]): PodTemplate[] => {
    const path = [...base, 'templates', index];
    const single = (['container', 'script'] as const).flatMap((key): DeclaredContainer[] => {
      const container = at(step, key);
      // A script is what its command is given as its last word.
      const source = at(container, 'source');
      return isObject(container)
        ? [
            {
              container: {
                name: at(step, 'name') ?? key,
                ...asObject(at(workflow, 'templateDefaults', key)),
                ...container,
                ...(typeof source === 'string' ? { args: ['-c', source] } : {}),
              },
              role: 'container',
              path: [...path, key],
            },
          ]
        : [];
    });
    const several = (
      [
        ['container', 'containerSet', 'containers'],
        ['init container', 'initContainers'],
        ['sidecar', 'sidecars'],
      ] as const
    ).flatMap(([role, ...keys]) =>
      listItems(at(step, ...keys)).flatMap(([container, at]): DeclaredContainer[] =>
        isObject(container) ? [{ container, role, path: [...path, ...keys, at] }] : [],
      ),
    );
    const containers = [...single, ...several];
    if (containers.length === 0) return [];
    const own = asObject(step);
    const account = own['serviceAccountName'] ?? workflow['serviceAccountName'];
    return [
      {
        object,
        path,
        containers,
        spec: {
          volumes: [...asObjects(workflow['volumes']), ...asObjects(own['volumes'])],
          ...(account === undefined ? {} : { serviceAccountName: account }),
          imagePullSecrets: workflow['imagePullSecrets'],
        },
      },
    ];
  });
}

/** The claims that a workflow makes for its own steps. */
export function ownClaims({ body, kind }: ManifestObject): readonly unknown[] {
  if (kind === 'StatefulSet') return asObjects(at(body, 'spec', 'volumeClaimTemplates'));
  if (!WORKFLOWS.includes(kind)) return [];
  const base = kind === 'CronWorkflow' ? ['spec', 'workflowSpec'] : ['spec'];
  return asObjects(at(body, ...base, 'volumeClaimTemplates'));
}

/** The pods that ClickHouse's and MinIO's operators make. Workflows come and go, and are not counted. */
export function operatedPods(objects: readonly ManifestObject[]): DeclaredPodSet[] {
  return objects.flatMap(object => {
    if (isOf(object, 'clickhouse.altinity.com', 'ClickHouseInstallation')) return clickHousePods(object);
    return isTenant(object) ? tenantPods(object) : [];
  });
}

function clickHousePods(owner: ManifestObject): DeclaredPodSet[] {
  const spec = at(owner.body, 'spec');
  const byName = (key: string, name: unknown): PlainObject | undefined =>
    asObjects(at(spec, 'templates', key)).find(item => item['name'] === name);
  return asObjects(at(spec, 'configuration', 'clusters')).map(cluster => {
    const named = (key: string) => at(cluster, 'templates', key) ?? at(spec, 'defaults', 'templates', key);
    const template = byName('podTemplates', named('podTemplate'));
    const claim = byName('volumeClaimTemplates', dataClaim(cluster, spec));
    const layout = (count: string, list: string) =>
      countAt(at(cluster, 'layout', count), Math.max(1, asObjects(at(cluster, 'layout', list)).length));
    const replicas = layout('shardsCount', 'shards') * layout('replicasCount', 'replicas');
    const declared = templateData(template);
    return {
      owner,
      name: `chi-${owner.metadata.name}-${String(cluster['name'] ?? 'cluster')}`,
      role: 'replica',
      template: {
        ...declared,
        labels: {
          ...declared.labels,
          'clickhouse.altinity.com/app': 'chop',
          'clickhouse.altinity.com/chi': owner.metadata.name,
          'clickhouse.altinity.com/cluster': String(cluster['name'] ?? 'cluster'),
        },
      },
      replicas: { initial: replicas, min: replicas, max: replicas },
      volumeClaims: claim === undefined ? [] : [claimOf(String(claim['name']), true, claim['spec'])],
      updateStrategy: { kind: 'replace' },
      endsByItself: false,
    };
  });
}

/** The name of the claim template that a cluster's data is on. */
export function dataClaim(cluster: unknown, spec: unknown): unknown {
  return [cluster, at(spec, 'defaults')]
    .flatMap(from => [
      at(from, 'templates', 'dataVolumeClaimTemplate'),
      at(from, 'templates', 'volumeClaimTemplate'),
    ])
    .find(name => name !== undefined);
}

function tenantPods(owner: ManifestObject): DeclaredPodSet[] {
  const spec = at(owner.body, 'spec');
  return asObjects(at(spec, 'pools')).map((pool, index) => {
    const servers = countAt(pool['servers'], 1);
    const name = String(pool['name'] ?? `pool-${index}`);
    return {
      owner,
      name: `${owner.metadata.name}-${name}`,
      role: 'replica',
      template: {
        labels: { 'v1.min.io/tenant': owner.metadata.name, 'v1.min.io/pool': name },
        annotations: {},
        spec: {
          ...Object.fromEntries(
            ['affinity', 'nodeSelector', 'tolerations', 'topologySpreadConstraints'].flatMap(key =>
              pool[key] === undefined ? [] : [[key, pool[key]]],
            ),
          ),
          containers: [{ name: 'minio', resources: asObject(pool['resources']) }],
        },
      },
      replicas: { initial: servers, min: servers, max: servers },
      volumeClaims: Array.from({ length: countAt(pool['volumesPerServer'], 1) }, (_, volume) =>
        claimOf(`data${volume}`, true, at(pool, 'volumeClaimTemplate', 'spec')),
      ),
      updateStrategy: { kind: 'replace' },
      endsByItself: false,
    };
  });
}
