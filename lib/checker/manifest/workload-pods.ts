import { createHash } from 'node:crypto';
import { asObjects, at, isObject, type ManifestObject, type PlainObject } from '../object/manifest-object';
import { claimOf, countAt, type DeclaredPodSet, templateData, type UpdateStrategy } from './declared-pods';
import type { PodTemplateData } from './pod-spec';

/** A count or a percentage of a total, e.g. '25%' of 3 rounded up is 1. What is neither reads as 0. */
export function intOrPercent(value: unknown, total: number, round: 'up' | 'down'): number {
  if (typeof value === 'number') return value;
  const percent = /^(\d+)%$/.exec(String(value))?.[1];
  if (percent === undefined) return Number.parseInt(String(value), 10) || 0;
  const share = (Number(percent) * total) / 100;
  return round === 'up' ? Math.ceil(share) : Math.floor(share);
}

/** A Deployment's strategy after defaulting: 25 % surge rounded up, 25 % unavailable rounded down, never both zero. */
export function deploymentStrategy(strategy: unknown, replicas: number): UpdateStrategy {
  if (at(strategy, 'type') === 'Recreate') return { kind: 'recreate' };
  const maxSurge = intOrPercent(at(strategy, 'rollingUpdate', 'maxSurge') ?? '25%', replicas, 'up');
  const maxUnavailable = intOrPercent(
    at(strategy, 'rollingUpdate', 'maxUnavailable') ?? '25%',
    replicas,
    'down',
  );
  return {
    kind: 'surge',
    maxSurge,
    maxUnavailable: maxSurge === 0 && maxUnavailable === 0 ? 1 : maxUnavailable,
  };
}

/** Tolerations that the DaemonSet controller adds (pkg/controller/daemon/util). */
function daemonTolerations(spec: PlainObject): PlainObject[] {
  const tolerate = (key: string, effect: string) => ({ key, operator: 'Exists', effect });
  return [
    tolerate('node.kubernetes.io/not-ready', 'NoExecute'),
    tolerate('node.kubernetes.io/unreachable', 'NoExecute'),
    tolerate('node.kubernetes.io/disk-pressure', 'NoSchedule'),
    tolerate('node.kubernetes.io/memory-pressure', 'NoSchedule'),
    tolerate('node.kubernetes.io/pid-pressure', 'NoSchedule'),
    tolerate('node.kubernetes.io/unschedulable', 'NoSchedule'),
    ...(spec['hostNetwork'] === true
      ? [tolerate('node.kubernetes.io/network-unavailable', 'NoSchedule')]
      : []),
  ];
}

/** A template as text, the same whatever the order of its keys. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    isObject(part) ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1))) : part,
  );
}

/** Stands for the hash that a controller makes of a pod template: two templates have one if they are alike. */
function templateHash(template: unknown): string {
  return createHash('sha256')
    .update(String(canonical(template)))
    .digest('hex')
    .slice(0, 10);
}

/** The template with the labels that the workload's controller adds to each of its pods. */
function labelled(template: unknown, labels: Readonly<Record<string, string>>): PodTemplateData {
  const data = templateData(template);
  return { ...data, labels: { ...data.labels, ...labels } };
}

/** The pods of Kubernetes' own workloads. */
export function kubernetesPods(objects: readonly ManifestObject[]): DeclaredPodSet[] {
  return objects.flatMap(owner => {
    const set = podSet(owner);
    return set === undefined ? [] : [set];
  });
}

function podSet(owner: ManifestObject): DeclaredPodSet | undefined {
  const [declared] = owner.apiVersion.includes('/') ? owner.apiVersion.split('/') : [''];
  // Clusters of before Kubernetes 1.16 have them in this group.
  const group = declared === 'extensions' ? 'apps' : declared;
  const spec = at(owner.body, 'spec');
  const name = owner.metadata.name;
  const fixed = (count: number) => ({ initial: count, min: count, max: count });
  const stays = { owner, name, endsByItself: false } as const;
  switch (`${group}/${owner.kind}`) {
    case '/Pod':
      return {
        ...stays,
        role: 'pod',
        template: templateData(owner.body),
        replicas: fixed(1),
        updateStrategy: { kind: 'none' },
        endsByItself: ['Never', 'OnFailure'].includes(String(at(spec, 'restartPolicy'))),
      };
    case 'apps/Deployment':
    case 'apps/ReplicaSet':
    case '/ReplicationController': {
      const count = countAt(at(spec, 'replicas'), 1);
      const template = at(spec, 'template');
      return {
        ...stays,
        role: 'replica',
        template: labelled(
          template,
          owner.kind === 'Deployment' ? { 'pod-template-hash': templateHash(template) } : {},
        ),
        replicas: fixed(count),
        updateStrategy:
          owner.kind === 'Deployment' ? deploymentStrategy(at(spec, 'strategy'), count) : { kind: 'none' },
      };
    }
    case 'apps/StatefulSet':
      return {
        ...stays,
        role: 'replica',
        template: labelled(at(spec, 'template'), {
          'controller-revision-hash': `${name}-${templateHash(at(spec, 'template'))}`,
        }),
        replicas: fixed(countAt(at(spec, 'replicas'), 1)),
        volumeClaims: asObjects(at(spec, 'volumeClaimTemplates')).map(claim =>
          claimOf(String(at(claim, 'metadata', 'name')), true, claim['spec']),
        ),
        updateStrategy:
          at(spec, 'updateStrategy', 'type') === 'OnDelete' ? { kind: 'none' } : { kind: 'replace' },
      };
    case 'apps/DaemonSet': {
      const template = labelled(at(spec, 'template'), {
        'controller-revision-hash': templateHash(at(spec, 'template')),
        'pod-template-generation': '1',
      });
      return {
        ...stays,
        role: 'daemon',
        template: {
          ...template,
          spec: {
            ...template.spec,
            tolerations: [...asObjects(template.spec['tolerations']), ...daemonTolerations(template.spec)],
          },
        },
        replicas: fixed(1),
        updateStrategy: { kind: 'replace' },
      };
    }
    case 'batch/Job':
      return { ...stays, ...job(spec, owner), role: 'job', endsByItself: true };
    case 'batch/CronJob':
      return {
        ...stays,
        ...job(at(spec, 'jobTemplate', 'spec'), owner),
        ...(at(spec, 'suspend') === true ? { replicas: fixed(0) } : {}),
        role: 'job',
        schedule: String(at(spec, 'schedule')),
        overlapsItself: (at(spec, 'concurrencyPolicy') ?? 'Allow') === 'Allow',
        endsByItself: true,
      };
    default:
      return undefined;
  }
}

function job(
  spec: unknown,
  { metadata }: ManifestObject,
): Pick<DeclaredPodSet, 'template' | 'replicas' | 'updateStrategy'> {
  // A uid that no other job has; the name of a run by the clock has the time appended.
  const uid = `${metadata.namespace ?? 'default'}/${metadata.name}`;
  const parallelism = countAt(at(spec, 'parallelism'), 1);
  const atOnce =
    at(spec, 'suspend') === true ? 0 : Math.min(parallelism, countAt(at(spec, 'completions'), parallelism));
  return {
    template: labelled(at(spec, 'template'), {
      'job-name': metadata.name,
      'batch.kubernetes.io/job-name': metadata.name,
      'controller-uid': uid,
      'batch.kubernetes.io/controller-uid': uid,
    }),
    replicas: { initial: atOnce, min: atOnce, max: atOnce },
    updateStrategy: { kind: 'none' },
  };
}
