import type { ManifestObject, PlainObject } from './model';

/** What a pod is in its workload. */
export type PodRole =
  | 'replica'
  | 'daemon'
  | 'job'
  | 'pod'
  | 'driver'
  | 'executor'
  | 'submission'
  | 'broker'
  | 'controller'
  | 'zookeeper'
  | 'entity-operator'
  | 'exporter'
  | 'cruise-control'
  | 'connect';

/** A container as Kubernetes has it after defaulting: requests that were left out are filled from the limits. */
export interface Container extends PlainObject {
  readonly name: string;
  readonly image?: string;
  readonly resources: {
    readonly requests: Readonly<Record<string, unknown>>;
    readonly limits: Readonly<Record<string, unknown>>;
  };
}

/** A core/v1 PodSpec as plain data after defaulting; what is not listed here is as it was declared. */
export interface PodSpec extends PlainObject {
  readonly containers: readonly Container[];
  readonly initContainers: readonly Container[];
  readonly volumes: readonly PlainObject[];
  readonly tolerations: readonly PlainObject[];
  readonly topologySpreadConstraints: readonly PlainObject[];
  readonly nodeSelector: Readonly<Record<string, string>>;
  readonly affinity: PlainObject;
}

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

/** A group of identical pods. */
export interface PodSet {
  readonly owner: ManifestObject;
  /** What the pods are called: the workload's name, with the pool, driver or executor where there are several. */
  readonly name: string;
  readonly namespace: string;
  readonly role: PodRole;
  readonly pod: {
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
    readonly spec: PodSpec;
  };
  /** How many there are at start, at least and at most (autoscaler, dynamic allocation). For role daemon: per node. */
  readonly replicas: { readonly initial: number; readonly min: number; readonly max: number };
  readonly volumeClaims: readonly PodVolumeClaim[];
  readonly updateStrategy: UpdateStrategy;
  /** PriorityClass value; 0 when none is named. */
  readonly priority: number;
  /** Whether a pod of this set may push out pods of lower priority. */
  readonly preempts: boolean;
  /** How many of the set's pods an eviction may take at once, when a PodDisruptionBudget selects them. */
  readonly disruptionBudget?: { readonly name: string; readonly maxUnavailable: number };
  /** A schedule in cron syntax, when the pods come by the clock. */
  readonly schedule?: string;
  /** Seconds of the day do not matter to a pod that ends by itself: a batch job gives its room back. */
  readonly endsByItself: boolean;
}
