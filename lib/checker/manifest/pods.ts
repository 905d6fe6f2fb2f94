import { say } from '../finding/message';
import { asObjects, at, type ManifestObject, stringMap } from '../object/manifest-object';
import { objectId } from '../object/object-id';
import {
  claimOf,
  type DeclaredPodSet,
  type PodRole,
  type PodVolumeClaim,
  type ReplicaRange,
  type UnreadableFigure,
  type UpdateStrategy,
  unreadableCounts,
} from './declared-pods';
import { operatedPods } from './operated';
import { defaultedPodSpec, limitRanges, type PodSpec } from './pod-spec';
import { apiGroup } from './pod-templates';
import { matchesLabels } from './selector';
import { sparkPods } from './spark-pods';
import { strimziPods } from './strimzi-pods';
import { intOrPercent, kubernetesPods } from './workload-pods';

export type {
  PodRole,
  PodVolumeClaim,
  ReplicaRange,
  UnreadableFigure,
  UpdateStrategy,
} from './declared-pods';
export type { Container, PodSpec, PodTemplateData } from './pod-spec';

/** A group of identical pods. */
export interface PodSet {
  readonly owner: ManifestObject;
  /** What the pods are called: the workload's name, with the pool, driver or executor where there are several. */
  readonly name: string;
  readonly namespace: string;
  /** Labels of the Namespace object, where there is one among the objects. */
  readonly namespaceLabels?: Readonly<Record<string, string>>;
  readonly role: PodRole;
  readonly pod: {
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
    readonly spec: PodSpec;
  };
  /** How many there are; for role daemon: per node. */
  readonly replicas: ReplicaRange;
  readonly volumeClaims: readonly PodVolumeClaim[];
  readonly updateStrategy: UpdateStrategy;
  /** PriorityClass value; 0 when none is named. */
  readonly priority: number;
  /** Whether a pod of this set may push out pods of lower priority. */
  readonly preempts: boolean;
  /** The PodDisruptionBudget that selects the pods, and how many of all it selects an eviction may take at once. */
  readonly disruptionBudget?: { readonly name: string; readonly maxUnavailable: number };
  /** A schedule in cron syntax, when the pods come by the clock. */
  readonly schedule?: string;
  /** Whether its runs may overlap each other (concurrencyPolicy Allow). */
  readonly overlapsItself?: boolean;
  /** A batch job gives its room back; the rest stays. */
  readonly endsByItself: boolean;
  /** What could not be read. Such a set must not be counted on. */
  readonly unreadable: readonly UnreadableFigure[];
}

const BUILT_IN_PRIORITIES: Readonly<Record<string, number>> = {
  'system-node-critical': 2_000_001_000,
  'system-cluster-critical': 2_000_000_000,
};

/**
 * The pods of every workload among the objects: Deployment, ReplicaSet, StatefulSet, DaemonSet, Job, CronJob, Pod,
 * Strimzi's Kafka, KafkaNodePool, KafkaConnect, KafkaBridge and KafkaMirrorMaker2 (v1 and v1beta2), SparkApplication
 * and ScheduledSparkApplication, ClickHouseInstallation and MinIO's Tenant; with API defaulting, LimitRanges, autoscalers, PriorityClasses and budgets of the
 * same objects applied. Values that Kubernetes would refuse do not throw: they stand in `unreadable`.
 */
export function expandPods(written: readonly ManifestObject[]): PodSet[] {
  const objects = eachOnce(written);
  const declared = [
    ...kubernetesPods(objects),
    ...strimziPods(objects),
    ...sparkPods(objects),
    ...operatedPods(objects),
  ];
  const ranges = limitRanges(objects);
  const ofKind = (kind: string) => objects.filter(object => object.kind === kind);
  const autoscalers = ofKind('HorizontalPodAutoscaler');
  const classes = ofKind('PriorityClass');
  const claims = ofKind('PersistentVolumeClaim');
  const namespaceLabels = new Map(
    ofKind('Namespace').map(({ metadata, body }) => [
      metadata.name,
      stringMap(at(body, 'metadata', 'labels')),
    ]),
  );
  const autoscaled = declared.map(set => ({ ...set, replicas: autoscaledReplicas(set, autoscalers) }));
  const budgets = disruptionBudgets(objects, autoscaled);
  return autoscaled.map(set => {
    const namespace = set.owner.metadata.namespace ?? 'default';
    const spec = defaultedPodSpec(set.template.spec, ranges.get(namespace) ?? []);
    const disruptionBudget = budgets.get(set) ?? set.ownBudget;
    return {
      owner: set.owner,
      name: set.name,
      namespace,
      ...(namespaceLabels.has(namespace) ? { namespaceLabels: namespaceLabels.get(namespace) ?? {} } : {}),
      role: set.role,
      pod: { labels: set.template.labels, annotations: set.template.annotations, spec },
      replicas: set.replicas,
      volumeClaims: [...(set.volumeClaims ?? []), ...namedClaims(spec, namespace, claims)],
      updateStrategy: set.updateStrategy,
      ...priorityOf(spec, classes),
      ...(disruptionBudget === undefined ? {} : { disruptionBudget }),
      ...(set.schedule === undefined ? {} : { schedule: set.schedule }),
      ...(set.overlapsItself === undefined ? {} : { overlapsItself: set.overlapsItself }),
      endsByItself: set.endsByItself,
      unreadable: [
        ...(set.unreadable ?? []),
        ...unreadableCounts(set.owner),
        ...autoscalersOf(set, autoscalers).flatMap(unreadableBounds),
      ],
    };
  });
}

/** Objects of one name are one object, however many files hold it: what is applied last is what runs. */
function eachOnce(objects: readonly ManifestObject[]): readonly ManifestObject[] {
  const last = new Map(objects.map(object => [identityOf(object), object]));
  return last.size === objects.length ? objects : [...last.values()];
}

function identityOf(object: ManifestObject): ManifestObject | string {
  const { name, isNameGenerated } = object.metadata;
  return name === '' || isNameGenerated === true ? object : `${apiGroup(object)}/${objectId(object)}`;
}

function priorityOf(
  spec: PodSpec,
  classes: readonly ManifestObject[],
): Pick<PodSet, 'priority' | 'preempts'> {
  const name = spec['priorityClassName'];
  const builtIn = typeof name === 'string' ? BUILT_IN_PRIORITIES[name] : undefined;
  if (builtIn !== undefined) return { priority: builtIn, preempts: true };
  const found =
    typeof name === 'string' && name !== ''
      ? classes.find(object => object.metadata.name === name)
      : classes.find(object => object.body['globalDefault'] === true);
  const value = found?.body['value'];
  return {
    priority: typeof value === 'number' ? value : 0,
    preempts: (spec['preemptionPolicy'] ?? found?.body['preemptionPolicy']) !== 'Never',
  };
}

function autoscaledReplicas(set: DeclaredPodSet, autoscalers: readonly ManifestObject[]): ReplicaRange {
  const [autoscaler] = autoscalersOf(set, autoscalers);
  const max = at(autoscaler?.body, 'spec', 'maxReplicas');
  if (typeof max !== 'number') return set.replicas;
  const declaredMin = at(autoscaler?.body, 'spec', 'minReplicas');
  const min = typeof declaredMin === 'number' ? declaredMin : 1;
  return { initial: Math.min(Math.max(set.replicas.initial, min), max), min, max };
}

function autoscalersOf(
  { owner: { kind, metadata } }: DeclaredPodSet,
  autoscalers: readonly ManifestObject[],
): ManifestObject[] {
  return autoscalers.filter(
    object =>
      (object.metadata.namespace ?? 'default') === (metadata.namespace ?? 'default') &&
      at(object.body, 'spec', 'scaleTargetRef', 'kind') === kind &&
      at(object.body, 'spec', 'scaleTargetRef', 'name') === metadata.name,
  );
}

/** The bounds of an autoscaler that are no counts, at the workload that it scales. */
function unreadableBounds(autoscaler: ManifestObject): UnreadableFigure[] {
  return unreadableCounts(autoscaler).map(({ path: _, message, ...figure }) => ({
    ...figure,
    message: say`HorizontalPodAutoscaler ${autoscaler.metadata.name}: ${message}`,
  }));
}

/** For each set, the budget that selects it. A budget's figure counts all the pods that it selects together. */
function disruptionBudgets(
  objects: readonly ManifestObject[],
  sets: readonly DeclaredPodSet[],
): Map<DeclaredPodSet, { name: string; maxUnavailable: number }> {
  const budgets = new Map<DeclaredPodSet, { name: string; maxUnavailable: number }>();
  for (const budget of objects.filter(object => object.kind === 'PodDisruptionBudget')) {
    const selected = sets.filter(
      set =>
        (set.owner.metadata.namespace ?? 'default') === (budget.metadata.namespace ?? 'default') &&
        set.role !== 'daemon' &&
        matchesLabels(at(budget.body, 'spec', 'selector'), set.template.labels),
    );
    const expected = selected.reduce((sum, set) => sum + set.replicas.initial, 0);
    const minAvailable = at(budget.body, 'spec', 'minAvailable');
    const maxUnavailable = at(budget.body, 'spec', 'maxUnavailable');
    const allowed =
      minAvailable !== undefined
        ? expected - intOrPercent(minAvailable, expected, 'up')
        : maxUnavailable !== undefined
          ? intOrPercent(maxUnavailable, expected, 'up')
          : undefined;
    if (allowed === undefined) continue;
    for (const set of selected) {
      const former = budgets.get(set);
      // Two budgets on one pod make the eviction API refuse every eviction.
      budgets.set(
        set,
        former === undefined
          ? { name: budget.metadata.name, maxUnavailable: Math.max(0, allowed) }
          : { name: `${former.name} and ${budget.metadata.name}`, maxUnavailable: 0 },
      );
    }
  }
  return budgets;
}

/** The claims that a pod's volumes name or, for ephemeral volumes, bring. */
function namedClaims(spec: PodSpec, namespace: string, claims: readonly ManifestObject[]): PodVolumeClaim[] {
  return asObjects(spec.volumes).flatMap((volume): PodVolumeClaim[] => {
    const name = at(volume, 'persistentVolumeClaim', 'claimName');
    if (typeof name === 'string') {
      const claim = claims.find(
        ({ metadata }) => metadata.name === name && (metadata.namespace ?? 'default') === namespace,
      );
      return [claimOf(name, false, at(claim?.body, 'spec'))];
    }
    const template = at(volume, 'ephemeral', 'volumeClaimTemplate', 'spec');
    return template === undefined ? [] : [claimOf(String(volume['name']), true, template)];
  });
}
