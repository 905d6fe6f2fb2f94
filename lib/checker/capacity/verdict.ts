import type { Highs } from 'highs';
import type { PodSet } from '../manifest/pods';
import { contest } from './adversary';
import { bindingRelation, bindingResource } from './check-fit';
import { type MilpLimits, solver } from './milp';
import { describeBlocker, Placement, type Step } from './placement';
import { preemptionBreaksRelations } from './placement-model';
import type { PodKind, Problem } from './problem';
import { type Existence, type ImpossibilityProof, provePlacement } from './search';

/** What holds whatever the order in which pods arrive and wherever the scheduler puts them. */
export type Verdict = 'guaranteed' | 'order-dependent' | 'impossible' | 'undecided';

/** A legal partial placement in which one pod has no node. */
export interface BlockingWitness {
  /** In an order of arrival that leads there. */
  readonly placement: readonly { readonly pod: string; readonly node: string }[];
  readonly blocked: string;
  /** For each node, why it cannot take the pod. */
  readonly reasons: readonly { readonly node: string; readonly why: string }[];
}

export interface KindVerdict {
  readonly label: string;
  readonly set: PodSet;
  /** The zone that the pods' volumes are bound to. */
  readonly zone?: string;
  readonly count: number;
  readonly priority: number;
  readonly verdict: Verdict;
  /** For a set that may shrink: the verdict on its least number of pods. */
  readonly atMinimum?: Verdict;
  readonly witness?: BlockingWitness;
  /** Why it is undecided. */
  readonly bound?: string;
}

export interface ProblemVerdict {
  readonly verdict: Verdict;
  /** A placement of all pods, when one exists. */
  readonly placement?: readonly Step[];
  readonly impossible?: {
    readonly proof: ImpossibilityProof;
    readonly bindingResource?: string;
    /** Where no one resource alone is to blame: what pods ask of each other, and which of them. */
    readonly bindingRelation?: ReturnType<typeof bindingRelation>;
    readonly largestPod: string;
  };
  readonly kinds: readonly KindVerdict[];
}

export interface DecideOptions {
  /** @default 5 s of the processor and 1,000,000 nodes of the solver for each pod */
  readonly limits?: MilpLimits;
  readonly afterRemovals?: boolean;
  /** The problem with the volumes free to be bound anywhere, which decides whether a placement exists. @default the problem */
  readonly unbound?: Problem;
  /** For a set that is being rolled: pods of it that run while a new one needs a node. @default all but one */
  readonly running?: (set: PodSet) => number | undefined;
  /** Whether volumes can have been bound as a witness needs it. @default yes */
  readonly canBeBound?: (problem: Problem) => boolean;
}

export const DEFAULT_LIMITS: MilpLimits = { seconds: 5, nodes: 1_000_000 };

/** Lets the event loop turn: progress is drawn, Ctrl-C is heard. */
function breathe(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve));
}

/**
 * The verdict on a problem, pod by pod and as a whole.
 *
 * guaranteed: no placement that can come about leaves a pod without a node. order-dependent: all pods can be placed,
 * and a witness shows an order that blocks one. impossible: no placement of all pods exists. Kinds of higher
 * priority can be guaranteed where the whole is impossible: what waits are the others.
 */
export async function decide(declared: Problem, options: DecideOptions = {}): Promise<ProblemVerdict> {
  const highs = await solver();
  const limits = options.limits ?? DEFAULT_LIMITS;
  const problem = withoutIdlePreemption(highs, declared, limits);
  const removals = { afterRemovals: options.afterRemovals === true };
  const kinds = problem.kinds.filter(({ count }) => count > 0);
  const placeable = provePlacement(highs, options.unbound ?? problem, limits, removals);

  const outcomes = new Map<number, ReturnType<typeof contest>>();
  const atMinimum = new Map<number, ReturnType<typeof contest>>();
  // Whoever comes only after others waits with them: where they may wait, nobody asks further.
  const waitsForFirst = ({ after }: PodKind) =>
    after !== undefined && outcomes.has(after) && outcomes.get(after)?.outcome !== 'always placed';
  for (const kind of [...kinds].sort(
    (a, b) => Number(a.after !== undefined) - Number(b.after !== undefined),
  )) {
    if (waitsForFirst(kind)) continue;
    const running = options.running?.(kind.set);
    const contestOptions = {
      limits,
      ...removals,
      ...(options.canBeBound === undefined ? {} : { canBeBound: options.canBeBound }),
    };
    outcomes.set(
      kind.index,
      contest(highs, problem, kind.index, {
        ...contestOptions,
        ...(running === undefined ? {} : { placedAtMost: Math.min(running, kind.count - 1) }),
      }),
    );
    const min = kind.set.replicas.min;
    if (outcomes.get(kind.index)?.outcome !== 'always placed' && min > 0 && min < kind.count) {
      atMinimum.set(
        kind.index,
        contest(highs, problem, kind.index, { ...contestOptions, placedAtMost: min - 1 }),
      );
    }
    await breathe();
  }

  const settled = settle(outcomes);
  const verdictOf = (kind: PodKind, contests: ReadonlyMap<number, ReturnType<typeof contest>>): Verdict => {
    const result = contests.get(kind.index);
    if (result?.outcome === 'always placed') {
      return result.given.every(other => settled.has(other)) ? 'guaranteed' : 'undecided';
    }
    return result?.outcome === 'blocked' ? 'order-dependent' : 'undecided';
  };
  const impossibleFrom = impossiblePriority(placeable, options.unbound ?? problem, part =>
    provePlacement(highs, part, limits, removals),
  );
  const minimumOf = (kind: PodKind): Verdict => {
    const first = kinds.find(({ index }) => index === kind.after);
    const verdict =
      waitsForFirst(kind) && first !== undefined ? verdictOf(first, outcomes) : verdictOf(kind, atMinimum);
    if (verdict !== 'order-dependent' || kind.priority > impossibleFrom) return verdict;
    const shrunk = withCount(options.unbound ?? problem, kind.set, kind.set.replicas.min);
    return provePlacement(highs, shrunk, limits, removals).exists === false ? 'impossible' : verdict;
  };
  const alone = kinds.map((kind): KindVerdict => {
    const result = outcomes.get(kind.index);
    const verdict = verdictOf(kind, outcomes);
    const { min } = kind.set.replicas;
    const hasLess = atMinimum.has(kind.index) || (waitsForFirst(kind) && min > 0 && min < kind.count);
    const minimum = hasLess ? minimumOf(kind) : undefined;
    return {
      label: kind.label,
      set: kind.set,
      ...(kind.zone === undefined ? {} : { zone: kind.zone }),
      count: kind.count,
      priority: kind.priority,
      verdict: verdict === 'order-dependent' && kind.priority <= impossibleFrom ? 'impossible' : verdict,
      ...(minimum === undefined ? {} : { atMinimum: minimum }),
      ...(result?.outcome === 'blocked' ? { witness: witness(result.problem, kind, result.steps) } : {}),
      ...(result?.outcome === 'undecided'
        ? { bound: result.bound }
        : verdict === 'undecided'
          ? { bound: 'it leans on pods that are not always placed themselves' }
          : {}),
    };
  });
  // Whoever comes only after others waits with them.
  const verdicts = alone.map((own, position): KindVerdict => {
    const { after } = kinds[position] as PodKind;
    const first = alone[kinds.findIndex(({ index }) => index === after)];
    const isOpen = own.verdict === 'guaranteed' || own.verdict === 'undecided';
    if (!isOpen || first === undefined || first.verdict === 'guaranteed') return own;
    const { verdict, witness, bound } = first;
    const { bound: _, ...rest } = own;
    return {
      ...rest,
      verdict,
      ...(witness === undefined ? {} : { witness }),
      ...(bound === undefined ? {} : { bound }),
    };
  });

  return {
    verdict: overall(placeable, verdicts),
    ...(placeable.exists === true ? { placement: placeable.steps } : {}),
    ...(placeable.exists === false
      ? { impossible: explain(options.unbound ?? problem, placeable.proof) }
      : {}),
    kinds: verdicts,
  };
}

/** Whether every pod of the problem is guaranteed; the suspects are asked first, and the first that is not ends it. */
export async function isGuaranteed(
  problem: Problem,
  isSuspect: (set: PodSet) => boolean,
  limits: MilpLimits,
): Promise<boolean> {
  const highs = await solver();
  const kinds = problem.kinds.filter(({ count }) => count > 0);
  const inTurn = [
    ...kinds.filter(({ set }) => isSuspect(set)),
    ...kinds.filter(({ set }) => !isSuspect(set)),
  ];
  const outcomes = new Map<number, ReturnType<typeof contest>>();
  for (const { index } of inTurn) {
    const result = contest(highs, problem, index, { limits });
    if (result.outcome !== 'always placed') return false;
    outcomes.set(index, result);
  }
  return settle(outcomes).size === outcomes.size;
}

/**
 * Preemption can leave spreads and affinities uneven, which makes questions harder. Where nobody who may preempt
 * ever has to, the problem without preemption is the same, and easier.
 */
function withoutIdlePreemption(highs: Highs, problem: Problem, limits: MilpLimits): Problem {
  if (!preemptionBreaksRelations(problem)) return problem;
  const peaceful: Problem = { ...problem, kinds: problem.kinds.map(kind => ({ ...kind, preempts: false })) };
  const lowest = Math.min(...problem.kinds.map(({ priority }) => priority));
  const isIdle = problem.kinds
    .filter(({ preempts, priority, count }) => preempts && priority > lowest && count > 0)
    .every(kind => {
      const result = contest(highs, peaceful, kind.index, { limits });
      return result.outcome === 'always placed' && result.given.length === 0;
    });
  return isIdle ? peaceful : problem;
}

/** The problem with another number of pods of one set, whose volumes are bound nowhere. */
function withCount(problem: Problem, set: PodSet, count: number): Problem {
  return { ...problem, kinds: problem.kinds.map(kind => (kind.set === set ? { ...kind, count } : kind)) };
}

/** Kinds that are always placed, with those they lean on settled first. */
function settle(outcomes: ReadonlyMap<number, ReturnType<typeof contest>>): Set<number> {
  const settled = new Set<number>();
  for (let grown = true; grown; ) {
    grown = false;
    for (const [kind, result] of outcomes) {
      if (settled.has(kind) || result.outcome !== 'always placed') continue;
      if (result.given.every(other => settled.has(other))) {
        settled.add(kind);
        grown = true;
      }
    }
  }
  return settled;
}

/**
 * The highest priority at which the pods of that priority and above can no longer all be placed: what is below
 * it, or at it and not guaranteed, has to wait whatever the order.
 */
function impossiblePriority(
  placeable: Existence,
  problem: Problem,
  prove: (part: Problem) => Existence,
): number {
  if (placeable.exists !== false) return Number.NEGATIVE_INFINITY;
  const priorities = [...new Set(problem.kinds.map(({ priority }) => priority))].sort((a, b) => b - a);
  const lowest = priorities.pop() ?? Number.NEGATIVE_INFINITY;
  return priorities.find(priority => prove(fromPriority(problem, priority)).exists === false) ?? lowest;
}

/** The problem without the pods of lower priority, and without what asks for them: they are not there to be near. */
function fromPriority(problem: Problem, priority: number): Problem {
  const stay = (matches: readonly number[]) =>
    matches.every(other => (problem.kinds[other] as PodKind).priority >= priority);
  return {
    ...problem,
    kinds: problem.kinds.map(({ affinity, ...kind }) => ({
      ...kind,
      ...(kind.priority < priority ? { count: 0 } : {}),
      ...(affinity !== undefined && stay(affinity.matches) ? { affinity } : {}),
      spreads: kind.spreads.filter(({ matches }) => stay(matches)),
    })),
  };
}

function overall(placeable: Existence, kinds: readonly KindVerdict[]): Verdict {
  if (placeable.exists === false) return 'impossible';
  if (kinds.every(({ verdict }) => verdict === 'guaranteed')) return 'guaranteed';
  if (placeable.exists === 'undecided') return 'undecided';
  return kinds.some(({ verdict }) => verdict === 'order-dependent') ? 'order-dependent' : 'undecided';
}

function explain(problem: Problem, proof: ImpossibilityProof): NonNullable<ProblemVerdict['impossible']> {
  const binding =
    proof.kind === 'total'
      ? problem.resources[proof.resource]
      : bindingResource(problem, { maxSteps: 2_000 });
  const r = Math.max(0, problem.resources.indexOf(binding ?? 'cpu'));
  const largest = problem.kinds.reduce((a, b) =>
    (b.requests[r] as number) > (a.requests[r] as number) ? b : a,
  );
  const relation = binding === undefined ? bindingRelation(problem, { maxSteps: 2_000 }) : undefined;
  return {
    proof,
    ...(binding === undefined ? {} : { bindingResource: binding }),
    ...(relation === undefined ? {} : { bindingRelation: relation }),
    largestPod: largest.label,
  };
}

function witness(problem: Problem, kind: PodKind, steps: readonly Step[]): BlockingWitness {
  const placement = new Placement(problem);
  for (const step of steps) placement.place(step.kind, step.node);
  return {
    placement: steps.map(step => ({
      pod: problem.kinds[step.kind]?.label ?? '',
      node: problem.nodes[step.node]?.node.name ?? '',
    })),
    blocked: kind.label,
    reasons: problem.nodes.map(({ node }, index) => {
      const blocker = placement.blockerAfterPreemption(kind.index, index);
      return {
        node: node.name,
        why: blocker === undefined ? '' : describeBlocker(problem, kind.index, blocker),
      };
    }),
  };
}
