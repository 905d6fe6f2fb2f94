import { expandPods, type PodSet, type UnreadableFigure } from '../manifest/pods';
import type { ManifestObject } from '../object/manifest-object';
import { type ClusterService, clusterServices, serviceManifests } from './cluster-services';
import type { ClusterNode } from './node';
import { Placement } from './placement';
import { buildProblem, type Problem } from './problem';
import { runsOnce } from './scenarios';
import { type Existence, findPlacement, type SearchOptions } from './search';

export interface CheckFitOptions extends SearchOptions {
  /**
   * What runs in the cluster beside the objects.
   * @default clusterServices
   */
  readonly services?: readonly ClusterService[];
}

/** Why pods do not fit: data from which the rules make their findings. */
export type Misfit =
  /** No node takes a pod of the set, not even an empty one. */
  | (OfSet & { readonly cause: 'not selected' })
  | (OfSet & {
      readonly cause: 'too large';
      readonly resource: string;
      readonly requested: number;
      /** What the largest of the nodes that it selects has after its daemon pods. */
      readonly allocatable: number;
      readonly instanceTypes: readonly string[];
    })
  /** Dynamic allocation has no maximum. */
  | (OfSet & { readonly cause: 'unbounded' })
  /** A request is no quantity. */
  | (OfSet & { readonly cause: 'unreadable'; readonly figure: UnreadableFigure })
  /** All pods together ask for more than there is. */
  | {
      readonly cause: 'sum';
      readonly when: When;
      readonly resource: string;
      readonly requested: number;
      readonly allocatable: number;
    }
  /** There is enough in sum, but not in pieces. */
  | {
      readonly cause: 'no placement';
      readonly when: When;
      /** The one resource without which there would be room, and the pod that asks for most of it. */
      readonly binding?: { readonly resource: string; readonly pod: string; readonly requested: number };
      /** Or what pods ask of each other, without which there would be room. */
      readonly relation?: { readonly why: RelationCause; readonly of?: string };
    }
  /** The search ended at its bound. */
  | { readonly cause: 'undecided'; readonly when: When; readonly bound: string };

interface OfSet {
  readonly set: PodSet;
}

export type When = 'at start' | 'at most';

export interface FitWitness {
  readonly when: When;
  /** Which node each pod got, in an order of arrival that leads there. */
  readonly placement: readonly { readonly pod: string; readonly node: string }[];
}

export interface FitCheck {
  readonly misfits: readonly Misfit[];
  readonly witnesses: readonly FitWitness[];
}

/** '4 × m6i.large' */
export function describeNodes(nodes: readonly ClusterNode[]): string {
  const counts = new Map<string, number>();
  for (const { instanceType } of nodes)
    counts.set(instanceType.name, (counts.get(instanceType.name) ?? 0) + 1);
  return [...counts].map(([name, count]) => `${count} × ${name}`).join(' + ');
}

/**
 * Whether every pod of the objects fits some node, and all of them fit the nodes together, at start and with every
 * autoscaler and dynamic allocation at its maximum. Exact: a misfit is a proof, but for what stayed undecided, and a
 * witness a placement that the scheduler's filters admit.
 */
export function checkFit(
  objects: readonly ManifestObject[],
  nodes: readonly ClusterNode[],
  options: CheckFitOptions = {},
): FitCheck {
  const services = serviceManifests(options.services ?? clusterServices, objects);
  const sets = expandPods([...objects, ...services]);
  const unbounded = sets
    .filter(set => !Number.isFinite(set.replicas.max))
    .map((set): Misfit => ({ cause: 'unbounded', set }));
  const bounded = sets.filter(set => Number.isFinite(set.replicas.max));
  const atStart = buildProblem(
    nodes,
    bounded.map(set => ({ set, count: set.replicas.initial })),
  );
  // What the services' own manifests state as limits is not known here: a LimitRange's stand in their place.
  const unreadable = atStart.uncounted
    .filter(({ set }) => !services.includes(set.owner))
    .map(({ set, ...figure }): Misfit => ({ cause: 'unreadable', set, figure }));
  const tooLarge = podsThatFitNowhere(
    buildProblem(
      nodes,
      bounded.map(set => ({ set, count: Math.max(set.replicas.max, 1) })),
    ),
  );
  const single = [...unbounded, ...unreadable, ...tooLarge];
  if (single.length > 0) return { misfits: single, witnesses: [] };

  const grows = bounded.some(set => set.replicas.max !== set.replicas.initial);
  const atMost = buildProblem(
    nodes,
    // A job that runs once has run by then, as in the report.
    bounded.map(set => ({ set, count: runsOnce(set) ? 0 : set.replicas.max })),
  );
  const misfits: Misfit[] = [];
  const witnesses: FitWitness[] = [];
  for (const [when, problem] of [
    ['at start', atStart],
    ...(grows ? [['at most', atMost] as const] : []),
  ] as const) {
    const existence = findPlacement(problem, options);
    if (existence.exists === true) {
      witnesses.push({
        when,
        placement: existence.steps.map(({ kind, node }) => ({
          pod: problem.kinds[kind]?.label ?? '',
          node: problem.nodes[node]?.node.name ?? '',
        })),
      });
    } else if (existence.exists === 'undecided') {
      misfits.push({ cause: 'undecided', when, bound: existence.bound });
    } else {
      misfits.push(ofAll(problem, existence, when, options));
      break;
    }
  }
  return { misfits, witnesses };
}

/** Every pod that no node takes even when it is empty but for its daemon pods, with each resource that is short. */
export function podsThatFitNowhere(problem: Problem): Misfit[] {
  const empty = new Placement(problem);
  const seen = new Set<PodSet>();
  return problem.kinds.flatMap((kind): Misfit[] => {
    const { set } = kind;
    if (seen.has(set)) return [];
    const blockers = problem.nodes.map((_, node) => empty.blocker(kind.index, node)?.filter);
    if (blockers.some(filter => filter !== 'resource' && filter !== 'not selected')) return [];
    seen.add(set);
    const eligible = problem.nodes.filter((_, node) => kind.eligible[node]);
    if (eligible.length === 0) return [{ cause: 'not selected', set }];
    return problem.resources.flatMap((resource, r): Misfit[] => {
      const requested = kind.requests[r] as number;
      const largest = Math.max(...eligible.map(({ capacity }) => capacity[r] as number));
      if (requested <= largest || requested === 0) return [];
      return [
        {
          cause: 'too large',
          set,
          resource,
          requested,
          allocatable: largest,
          instanceTypes: [...new Set(eligible.map(({ node }) => node.instanceType.name))],
        },
      ];
    });
  });
}

/** The resource without which there would be room, if one alone is to blame. */
export function bindingResource(problem: Problem, options: SearchOptions): string | undefined {
  return problem.resources.find((_, r) => {
    const without: Problem = {
      ...problem,
      kinds: problem.kinds.map(kind => ({ ...kind, requests: kind.requests.with(r, 0) })),
    };
    return findPlacement(without, options).exists === true;
  });
}

/** What pods ask of each other, as messages call it. */
export type RelationCause = 'anti-affinity' | 'host port' | 'topology spread' | 'pod affinity';

/** The relation without which there would be room: of one set, else of all. */
export function bindingRelation(
  problem: Problem,
  options: SearchOptions,
): { readonly why: RelationCause; readonly of?: string } | undefined {
  const without = (why: RelationCause, isLifted: (kind: number) => boolean): Problem => ({
    ...problem,
    kinds: problem.kinds.map(({ affinity, ...kind }) => {
      const lifted = isLifted(kind.index);
      return {
        ...kind,
        conflicts: kind.conflicts.filter(
          conflict => conflict.why !== why || !(lifted || isLifted(conflict.other)),
        ),
        spreads: lifted && why === 'topology spread' ? [] : kind.spreads,
        ...(affinity === undefined || (lifted && why === 'pod affinity') ? {} : { affinity }),
      };
    }),
  });
  const asksFor = (why: RelationCause) =>
    problem.kinds.filter(
      ({ conflicts, spreads, affinity }) =>
        (why === 'topology spread' && spreads.length > 0) ||
        (why === 'pod affinity' && affinity !== undefined) ||
        conflicts.some(conflict => conflict.why === why),
    );
  const fits = (why: RelationCause, isLifted: (kind: number) => boolean) =>
    findPlacement(without(why, isLifted), options).exists === true;
  for (const why of ['anti-affinity', 'host port', 'topology spread', 'pod affinity'] as const) {
    const asking = asksFor(why);
    const one = asking.find(({ index }) => fits(why, kind => kind === index));
    if (one !== undefined) return { why, of: one.label };
    if (asking.length > 1 && fits(why, () => true)) return { why };
  }
  return undefined;
}

function ofAll(
  problem: Problem,
  { proof }: Extract<Existence, { exists: false }>,
  when: When,
  options: SearchOptions,
): Misfit {
  if (proof.kind === 'total') {
    const resource = problem.resources[proof.resource] ?? '';
    return { cause: 'sum', when, resource, requested: proof.asked, allocatable: proof.available };
  }
  const resource = bindingResource(problem, options);
  if (resource === undefined) {
    const relation = bindingRelation(problem, options);
    return { cause: 'no placement', when, ...(relation === undefined ? {} : { relation }) };
  }
  const r = problem.resources.indexOf(resource);
  const largest = problem.kinds.reduce((a, b) =>
    (b.requests[r] as number) > (a.requests[r] as number) ? b : a,
  );
  const binding = { resource, pod: largest.label, requested: largest.requests[r] as number };
  return { cause: 'no placement', when, binding };
}
