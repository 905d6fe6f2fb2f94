import { type Message, measured, say } from '../finding/message';
import { asObject, at, type ManifestObject, stringMap } from '../object/manifest-object';
import { hasPlaceholder } from '../object/placeholder';
import type { PodTemplateData } from './pod-spec';
import { shownValue } from './quantity';

/** What a pod is in its workload. */
export type PodRole =
  | 'replica'
  | 'daemon'
  | 'job'
  | 'pod'
  | 'driver'
  | 'executor'
  | 'broker'
  | 'controller'
  | 'zookeeper'
  | 'entity-operator'
  | 'exporter'
  | 'cruise-control'
  | 'connect';

/** A persistent volume claim that a pod brings along: of its own (a template's), or one that it names. */
export interface PodVolumeClaim {
  /** The claim's name; for a template, the template's name (the pod's own is appended). */
  readonly name: string;
  /** Whether each pod of the set has a claim of its own. */
  readonly perPod: boolean;
  readonly storageClass?: string;
  /** e.g. 20Gi */
  readonly size?: unknown;
  readonly accessModes: readonly string[];
}

/** How a workload replaces its pods when its template changes. */
export type UpdateStrategy =
  /** New pods beside the old: up to maxSurge more, up to maxUnavailable fewer. */
  | { readonly kind: 'surge'; readonly maxSurge: number; readonly maxUnavailable: number }
  /** A pod is deleted, then its successor of the same name is made, one at a time. */
  | { readonly kind: 'replace' }
  /** All pods are deleted, then the new ones are made. */
  | { readonly kind: 'recreate' }
  /** The template takes effect with the next run. */
  | { readonly kind: 'none' };

/** A pod set before defaulting: what a workload kind's expansion delivers. */
export interface DeclaredPodSet {
  readonly owner: ManifestObject;
  readonly name: string;
  readonly role: PodRole;
  readonly template: PodTemplateData;
  readonly replicas: ReplicaRange;
  readonly volumeClaims?: readonly PodVolumeClaim[];
  readonly updateStrategy: UpdateStrategy;
  readonly schedule?: string;
  readonly overlapsItself?: boolean;
  readonly endsByItself: boolean;
  /** A budget that the workload's operator makes by itself, shared by all sets with the same name. */
  readonly ownBudget?: { readonly name: string; readonly maxUnavailable: number };
  readonly unreadable?: readonly UnreadableFigure[];
}

/** A figure of a pod or of a set of pods that an API server refuses. */
export interface UnreadableFigure {
  readonly resource: string;
  /** Where it stands in the owner. @default in the container */
  readonly path?: readonly string[];
  /** The container that states it, and in which part of its resources. */
  readonly of?: { readonly container: string; readonly part: 'requests' | 'limits' };
  /** Whether it is a placeholder, of which nobody knows what comes into its place. */
  readonly isFilledIn?: boolean;
  readonly message: Message;
  readonly remedy: Message;
}

/** How many pods there are at start, at least and at most; max is Infinity when nothing bounds them. */
export interface ReplicaRange {
  readonly initial: number;
  readonly min: number;
  readonly max: number;
}

/** A count as Kubernetes takes it, else the fallback. */
export function countAt(value: unknown, fallback: number): number {
  return isCount(value) ? value : fallback;
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

const JOB_COUNTS = ['parallelism', 'completions'];

/** Where each kind states how many pods it has. */
const COUNTS: Readonly<Record<string, readonly (readonly string[])[]>> = {
  Deployment: [['spec', 'replicas']],
  ReplicaSet: [['spec', 'replicas']],
  ReplicationController: [['spec', 'replicas']],
  StatefulSet: [['spec', 'replicas']],
  Job: JOB_COUNTS.map(count => ['spec', count]),
  CronJob: JOB_COUNTS.map(count => ['spec', 'jobTemplate', 'spec', count]),
  Kafka: [
    ['spec', 'kafka', 'replicas'],
    ['spec', 'zookeeper', 'replicas'],
  ],
  KafkaNodePool: [['spec', 'replicas']],
  KafkaConnect: [['spec', 'replicas']],
  KafkaBridge: [['spec', 'replicas']],
  KafkaMirrorMaker2: [['spec', 'replicas']],
  SparkApplication: [['spec', 'executor', 'instances']],
  ScheduledSparkApplication: [['spec', 'template', 'executor', 'instances']],
  HorizontalPodAutoscaler: [
    ['spec', 'minReplicas'],
    ['spec', 'maxReplicas'],
  ],
};

/** The counts of an object that are none: a text, a fraction, less than nothing. */
export function unreadableCounts({ kind, body }: ManifestObject): UnreadableFigure[] {
  return (COUNTS[kind] ?? []).flatMap(path => {
    const value = at(body, ...path);
    if (value === undefined || value === null || isCount(value)) return [];
    return [
      {
        resource: 'pods',
        path,
        isFilledIn: hasPlaceholder(String(value)),
        message: say`${path.join('.')} ${measured(shownValue(value))} is no count of pods (${typeof value === 'number' ? 'allowed are whole numbers from 0' : 'not a number'})`,
        remedy: say`write a whole number from 0, without quotes`,
      },
    ];
  });
}

/** A claim from its PersistentVolumeClaim spec. */
export function claimOf(name: string, perPod: boolean, spec: unknown): PodVolumeClaim {
  const storageClass = at(spec, 'storageClassName');
  const size = at(spec, 'resources', 'requests', 'storage');
  const modes = at(spec, 'accessModes');
  return {
    name,
    perPod,
    ...(typeof storageClass === 'string' ? { storageClass } : {}),
    ...(size === undefined ? {} : { size }),
    accessModes: Array.isArray(modes) ? modes.map(String) : ['ReadWriteOnce'],
  };
}

/** A pod template as plain data: labels, annotations and the spec as declared. */
export function templateData(template: unknown): PodTemplateData {
  return {
    labels: stringMap(at(template, 'metadata', 'labels')),
    annotations: stringMap(at(template, 'metadata', 'annotations')),
    spec: asObject(at(template, 'spec')),
  };
}
