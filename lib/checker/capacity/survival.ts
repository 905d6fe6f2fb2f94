import type { PodSet } from '../manifest/pods';
import { at, type ManifestObject } from '../object/manifest-object';
import { labelOf, type Problem } from './problem';
import type { Scenario } from './scenarios';
import type { KindVerdict } from './verdict';

/** What a set of pods still does after nodes were lost or drained. */
export interface Survival {
  readonly set: PodSet;
  readonly of: number;
  /** Pods that are on other nodes whatever happened before: they run on. */
  readonly stay: number;
  /** Pods that its work takes, and what says so. */
  readonly needs: number;
  readonly because: string;
  /** yes: those that stay are enough, or as many as it takes are guaranteed; else no. */
  readonly works: boolean;
}

/** How many pods a set needs for its work, and what says so. */
export function leastNeeded(
  set: PodSet,
  objects: readonly ManifestObject[],
): { readonly needs: number; readonly because: string } {
  const { max, min } = set.replicas;
  const majority = Math.floor(max / 2) + 1;
  switch (set.role) {
    case 'broker':
      return { needs: Math.min(max, inSyncReplicas(set, objects)), because: 'min.insync.replicas' };
    case 'controller':
    case 'zookeeper':
      return { needs: majority, because: 'a majority' };
    case 'executor':
      return { needs: Math.min(max, Math.max(1, min)), because: 'the least executors' };
    default:
      return { needs: Math.min(max, 1), because: 'one pod' };
  }
}

/** The largest min.insync.replicas of the cluster and its topics. */
function inSyncReplicas({ owner }: PodSet, objects: readonly ManifestObject[]): number {
  const cluster = owner.kind === 'Kafka' ? owner.metadata.name : clusterOf(owner);
  const figures = objects.flatMap(object => {
    if ((object.metadata.namespace ?? 'default') !== (owner.metadata.namespace ?? 'default')) return [];
    if (object.kind === 'Kafka' && object.metadata.name === cluster)
      return [at(object.body, 'spec', 'kafka', 'config', 'min.insync.replicas')];
    return object.kind === 'KafkaTopic' && clusterOf(object) === cluster
      ? [at(object.body, 'spec', 'config', 'min.insync.replicas')]
      : [];
  });
  return Math.max(1, ...figures.map(Number).filter(Number.isInteger));
}

function clusterOf({ body }: ManifestObject): unknown {
  return at(body, 'metadata', 'labels', 'strimzi.io/cluster');
}

/** Each set that may have pods on what is gone; of a DaemonSet, what is gone needs none. */
export function survivals(
  { unbound, gone }: Scenario,
  kinds: readonly KindVerdict[],
  objects: readonly ManifestObject[],
): Survival[] {
  if (gone === 0) return [];
  const sets = [...new Set(unbound.kinds.map(({ set }) => set))].filter(
    ({ role, endsByItself, replicas }) =>
      role !== 'daemon' && replicas.max > 0 && !(endsByItself && role === 'job'),
  );
  return sets.map((set): Survival => {
    const of = unbound.kinds.reduce((sum, kind) => (kind.set === set ? sum + kind.count : sum), 0);
    const stay = Math.max(0, of - gone * mostOnOneNode(unbound, set, of));
    const { needs, because } = leastNeeded(set, objects);
    const own = kinds.filter(kind => kind.set === set);
    const isGuaranteed = own.every(
      ({ verdict, atMinimum }) =>
        verdict === 'guaranteed' || (atMinimum === 'guaranteed' && needs <= set.replicas.min),
    );
    return { set, of, stay, needs, because, works: stay >= needs || isGuaranteed };
  });
}

/** Pods of the set that one node can have held. */
function mostOnOneNode(problem: Problem, set: PodSet, of: number): number {
  const kind = problem.kinds.find(other => other.set === set);
  const isApart = kind?.conflicts.some(({ other, topology }) => other === kind.index && topology === 0);
  return isApart === true ? 1 : of;
}

/** 'kafka/broker: 2 of 3 stay, min.insync.replicas is 2' */
export function described({ set, of, stay, needs, because, works }: Survival): string {
  const met = works
    ? stay >= needs
      ? 'met'
      : `met once ${needs === 1 ? 'it is' : 'they are'} back`
    : 'not sure';
  return `${labelOf(set)}: ${stay} of ${of} ${stay === 1 ? 'stays' : 'stay'}, ${because} (${needs}) ${met}`;
}
