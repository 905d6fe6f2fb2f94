import type { ManifestObject } from '../manifest/model';
import { expandPods, type PodSet } from '../manifest/pods';
import { type ClusterService, clusterServices, serviceManifests } from './cluster-services';
import type { ClusterNode } from './node';
import { Placement } from './placement';
import { formatAmount, readableAmount } from './pod-request';
import { buildProblem, labelOf, type Problem } from './problem';
import { type Existence, findPlacement, type SearchOptions } from './search';

export interface CheckFitOptions extends SearchOptions {
  /**
   * What runs in the cluster beside the objects.
   * @default clusterServices
   */
  readonly services?: readonly ClusterService[];
}

/** One finding in the four parts of an error: what, value, allowed, remedy. */
export interface FitViolation {
  readonly rule: 'executor-does-not-fit' | 'set-does-not-fit';
  /** The workload at fault; undefined when the whole set is. */
  readonly object?: ManifestObject;
  /** Starts with the object, ends without the remedy. */
  readonly message: string;
  readonly remedy: string;
}

export interface FitWitness {
  /** 'at start' or 'at most' */
  readonly when: string;
  /** Which node each pod got, in an order of arrival that leads there. */
  readonly placement: readonly { readonly pod: string; readonly node: string }[];
}

export interface FitCheck {
  readonly violations: readonly FitViolation[];
  readonly witnesses: readonly FitWitness[];
  /** Questions that stayed open within the bound. */
  readonly undecided: readonly string[];
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
 * autoscaler and dynamic allocation at its maximum. Exact: a violation is a proof, a witness a placement that the
 * scheduler's filters admit.
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
    .map(
      (set): FitViolation => ({
        rule: 'set-does-not-fit',
        object: set.owner,
        message: `[${labelOf(set)}] dynamic allocation has no maximum but ${describeNodes(nodes)} hold a finite number of executors`,
        remedy: 'set dynamicAllocation.maxExecutors',
      }),
    );
  const bounded = sets.filter(set => Number.isFinite(set.replicas.max));
  const atStart = buildProblem(
    nodes,
    bounded.map(set => ({ set, count: set.replicas.initial })),
  );
  const unreadable = atStart.problems.map(
    (message): FitViolation => ({
      rule: 'set-does-not-fit',
      message,
      remedy: 'write a quantity that Kubernetes accepts',
    }),
  );
  const tooLarge = podsThatFitNowhere(
    buildProblem(
      nodes,
      bounded.map(set => ({ set, count: Math.max(set.replicas.max, 1) })),
    ),
  );
  const violations = [...unbounded, ...unreadable, ...tooLarge];
  const witnesses: FitWitness[] = [];
  const undecided: string[] = [];
  if (violations.length > 0) return { violations, witnesses, undecided };

  const grows = bounded.some(set => set.replicas.max !== set.replicas.initial);
  const atMost = buildProblem(
    nodes,
    bounded.map(set => ({ set, count: set.replicas.max })),
  );
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
      undecided.push(`whether all pods fit ${describeNodes(nodes)} ${when} (${existence.bound})`);
    } else {
      violations.push(setViolation(problem, existence, when, describeNodes(nodes), options));
      break;
    }
  }
  return { violations, witnesses, undecided };
}

/** What sets a pod's request: of a Spark pod, the props of its job. */
function requestOf({ role }: PodSet, resource: string): string {
  if (role !== 'executor' && role !== 'driver') return 'its request';
  if (resource === 'cpu') return `${role}.cpu.request`;
  if (resource === 'memory') return `the sum of ${role}.memory and ${role}.memoryOverhead`;
  return `the ${resource} request of the ${role}`;
}

/** Every pod that no node takes even when it is empty but for its daemon pods, with each resource that is short. */
export function podsThatFitNowhere(problem: Problem): FitViolation[] {
  const empty = new Placement(problem);
  const seen = new Set<PodSet>();
  return problem.kinds.flatMap((kind): FitViolation[] => {
    const { set } = kind;
    if (seen.has(set)) return [];
    const blockers = problem.nodes.map((_, node) => empty.blocker(kind.index, node)?.filter);
    if (blockers.some(filter => filter !== 'resource' && filter !== 'not selected')) return [];
    seen.add(set);
    const eligible = problem.nodes.filter((_, node) => kind.eligible[node]);
    if (eligible.length === 0) {
      return [
        {
          rule: 'executor-does-not-fit',
          object: set.owner,
          message: `[${labelOf(set)}] ${set.role} selects no node: none of ${describeNodes(problem.nodes.map(({ node }) => node))} has the labels it asks for and only taints it tolerates`,
          remedy: 'change its nodeSelector, affinity or tolerations, or label the nodes',
        },
      ];
    }
    return problem.resources.flatMap((resource, r): FitViolation[] => {
      const request = kind.requests[r] as number;
      const largest = Math.max(...eligible.map(({ capacity }) => capacity[r] as number));
      if (request <= largest || request === 0) return [];
      const types = [...new Set(eligible.map(({ node }) => node.instanceType.name))].join(', ');
      return [
        {
          rule: 'executor-does-not-fit',
          object: set.owner,
          message: `[${labelOf(set)}] ${set.role} needs ${formatAmount(resource, request)} ${resource} but ${types} allocates ${readableAmount(resource, largest)} after its daemon pods`,
          remedy: `set ${requestOf(set, resource)} to at most ${readableAmount(resource, largest)}, or take a larger instance type`,
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

function setViolation(
  problem: Problem,
  existence: Extract<Existence, { exists: false }>,
  when: string,
  nodes: string,
  options: SearchOptions,
): FitViolation {
  const { proof } = existence;
  const base = { rule: 'set-does-not-fit' } as const;
  if (proof.kind === 'total') {
    const resource = problem.resources[proof.resource] ?? '';
    return {
      ...base,
      message: `[cluster] all pods ${when} ask for ${formatAmount(resource, proof.asked)} ${resource} but ${nodes} allocate ${readableAmount(resource, proof.available)} after their daemon pods`,
      remedy:
        'lower a request or a replica count, or add a node; npm run capacity names the smallest change that helps',
    };
  }
  const resource = bindingResource(problem, options);
  const largest = [...problem.kinds].sort((a, b) => {
    const r = Math.max(0, problem.resources.indexOf(resource ?? 'cpu'));
    return (b.requests[r] as number) - (a.requests[r] as number);
  })[0];
  const index = problem.resources.indexOf(resource ?? '');
  const because =
    resource === undefined
      ? 'no one resource alone is to blame'
      : `binding resource ${resource}, largest pod ${largest?.label} with ${formatAmount(resource, largest?.requests[index] ?? 0)}`;
  return {
    ...base,
    message: `[cluster] no placement of all pods ${when} on ${nodes} exists (${because})`,
    remedy:
      'lower a request or a replica count, or add a node; npm run capacity names the smallest change that helps',
  };
}
