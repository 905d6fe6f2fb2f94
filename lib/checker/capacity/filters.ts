import type { PodSet } from '../manifest/pods';
import { isEmptySelector, matchesLabels, matchesRequirement } from '../manifest/selector';
import { asObjects, at, isObject, type PlainObject } from '../object/manifest-object';
import type { ClusterNode, Taint } from './node';

// What the scheduler's filters read in a pod, with their edge cases
// (k8s.io/kubernetes/pkg/scheduler/framework/plugins: nodename, nodeaffinity, tainttoleration, nodeports,
// interpodaffinity, podtopologyspread).

const ZONE = 'topology.kubernetes.io/zone';

/** Whether the pods may be on the node by name, selector, taints and the zone of their volumes. */
export function allows(set: PodSet, node: ClusterNode, zone: string | undefined): boolean {
  const { nodeName } = set.pod.spec;
  return (
    (typeof nodeName !== 'string' || nodeName === '' || nodeName === node.name) &&
    selects(set.pod.spec, node) &&
    tolerates(set, node.taints) &&
    (zone === undefined || node.labels[ZONE] === zone)
  );
}

/** nodeSelector and required node affinity; the terms of the latter are alternatives. */
export function selects(spec: PodSet['pod']['spec'], node: ClusterNode): boolean {
  if (!Object.entries(spec.nodeSelector).every(([key, value]) => node.labels[key] === value)) return false;
  const required = at(spec.affinity, 'nodeAffinity', 'requiredDuringSchedulingIgnoredDuringExecution');
  if (!isObject(required)) return true;
  return asObjects(required['nodeSelectorTerms']).some(term => {
    const expressions = asObjects(term['matchExpressions']);
    const fields = asObjects(term['matchFields']);
    return (
      expressions.length + fields.length > 0 &&
      expressions.every(requirement => matchesRequirement(requirement, node.labels)) &&
      fields.every(requirement => matchesRequirement(requirement, { 'metadata.name': node.name }))
    );
  });
}

export function tolerates(set: PodSet, taints: readonly Taint[]): boolean {
  return taints.every(
    taint =>
      taint.effect === 'PreferNoSchedule' ||
      set.pod.spec.tolerations.some(
        toleration =>
          (toleration['effect'] === undefined ||
            toleration['effect'] === '' ||
            toleration['effect'] === taint.effect) &&
          (toleration['operator'] === 'Exists'
            ? toleration['key'] === undefined || toleration['key'] === '' || toleration['key'] === taint.key
            : toleration['key'] === taint.key && String(toleration['value'] ?? '') === (taint.value ?? '')),
      ),
  );
}

/** A pod (anti-)affinity term with its namespaces resolved. */
export interface Term {
  readonly topologyKey: string;
  readonly selector: PlainObject | undefined;
  readonly namespaces: ReadonlySet<string>;
  /** Selects more of them; an absent one none, an empty one all. */
  readonly namespaceSelector: PlainObject | undefined;
}

export interface Relations {
  readonly affinity: readonly Term[];
  readonly antiAffinity: readonly Term[];
  readonly spread: readonly {
    readonly constraint: PlainObject;
    readonly selector: PlainObject | undefined;
    /** An empty selector counts no pod at all: such a spread asks for nothing but the topology key. */
    readonly countsPods: boolean;
  }[];
}

export function relations(set: PodSet): Relations {
  const { spec, labels } = set.pod;
  const terms = (kind: string) =>
    asObjects(at(spec.affinity, kind, 'requiredDuringSchedulingIgnoredDuringExecution')).map((term): Term => {
      const declared = Array.isArray(term['namespaces']) ? term['namespaces'].map(String) : [];
      const namespaceSelector = isObject(term['namespaceSelector']) ? term['namespaceSelector'] : undefined;
      return {
        topologyKey: String(term['topologyKey']),
        selector: withLabelKeys(term['labelSelector'], term, labels),
        namespaces: new Set(
          declared.length === 0 && namespaceSelector === undefined ? [set.namespace] : declared,
        ),
        namespaceSelector,
      };
    });
  return {
    affinity: terms('podAffinity'),
    antiAffinity: terms('podAntiAffinity'),
    spread: spec.topologySpreadConstraints
      .filter(constraint => (constraint['whenUnsatisfiable'] ?? 'DoNotSchedule') === 'DoNotSchedule')
      .map(constraint => {
        const selector = withLabelKeys(constraint['labelSelector'], constraint, labels);
        return { constraint, selector, countsPods: !isEmptySelector(selector) };
      }),
  };
}

/** The API server adds the pod's own values of matchLabelKeys and mismatchLabelKeys to the selector. */
function withLabelKeys(
  selector: unknown,
  source: PlainObject,
  labels: Readonly<Record<string, string>>,
): PlainObject | undefined {
  if (!isObject(selector)) return undefined;
  const extra = (['matchLabelKeys', 'mismatchLabelKeys'] as const).flatMap(field => {
    const keys = Array.isArray(source[field]) ? source[field].map(String) : [];
    return keys.flatMap(key => {
      const value = labels[key];
      return value === undefined
        ? []
        : [{ key, operator: field === 'matchLabelKeys' ? 'In' : 'NotIn', values: [value] }];
    });
  });
  return { ...selector, matchExpressions: [...asObjects(selector['matchExpressions']), ...extra] };
}

export function matchesTerm(term: Term, set: PodSet): boolean {
  const inNamespace =
    term.namespaces.has(set.namespace) ||
    (term.namespaceSelector !== undefined &&
      matchesLabels(term.namespaceSelector, {
        ...set.namespaceLabels,
        'kubernetes.io/metadata.name': set.namespace,
      }));
  return inNamespace && matchesLabels(term.selector, set.pod.labels);
}

export interface HostPort {
  readonly protocol: string;
  readonly port: number;
  readonly ip: string;
}

const ANY_ADDRESS = '0.0.0.0';

/** Ports of containers and sidecars; with hostNetwork each container port is one. No address means every address. */
export function hostPorts(set: PodSet): HostPort[] {
  const { spec } = set.pod;
  const sidecars = spec.initContainers.filter(container => container['restartPolicy'] === 'Always');
  return [...spec.containers, ...sidecars].flatMap(container =>
    asObjects(container['ports']).flatMap(entry => {
      const port = Number(entry['hostPort'] || (spec['hostNetwork'] === true ? entry['containerPort'] : 0));
      return port > 0
        ? [
            {
              protocol: String(entry['protocol'] || 'TCP'),
              port,
              ip: String(entry['hostIP'] || ANY_ADDRESS),
            },
          ]
        : [];
    }),
  );
}

export function portsCollide(a: readonly HostPort[], b: readonly HostPort[]): boolean {
  return a.some(one =>
    b.some(
      other =>
        one.port === other.port &&
        one.protocol === other.protocol &&
        (one.ip === other.ip || one.ip === ANY_ADDRESS || other.ip === ANY_ADDRESS),
    ),
  );
}
