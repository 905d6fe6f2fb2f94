import type { Finding } from '../finding/finding';
import { expandPods, type PodSet } from '../manifest/pods';
import type { ManifestObject } from '../object/manifest-object';
import { describeNodes } from './check-fit';
import { type ClusterService, clusterServices, serviceManifests } from './cluster-services';
import { type MilpLimits, solver } from './milp';
import type { ClusterNode } from './node';
import type { Step } from './placement';
import { buildProblem, type Problem } from './problem';
import { roomBeside } from './room';
import { type Scenario, scenarios, zoneLayouts } from './scenarios';
import { findPlacement, provePlacement } from './search';
import { type Survival, survivals } from './survival';
import { DEFAULT_LIMITS, decide, type KindVerdict, type ProblemVerdict, type Verdict } from './verdict';

/** A scenario with its verdict. */
export interface ScenarioReport {
  readonly scenario: Scenario;
  readonly verdict: ProblemVerdict;
  /** Sets of pods that are not guaranteed: they may have to wait. */
  readonly waits: readonly KindVerdict[];
  /** Where not everything can be placed: a placement of the others, with the most of what waits that there is room for. */
  readonly room?: readonly Step[];
  /** After a loss: what each set still does. */
  readonly survivals: readonly Survival[];
  /** The same verdict as an earlier scenario with the same question. */
  readonly sameAs?: string;
}

export interface CapacityReport {
  readonly nodes: readonly ClusterNode[];
  readonly describedNodes: string;
  readonly sets: readonly PodSet[];
  readonly scenarios: readonly ScenarioReport[];
  /** What the gate says about the fit. */
  readonly findings: readonly Finding[];
}

export interface CapacityOptions {
  /** What the gate says about the fit. @default nothing */
  readonly findings?: readonly Finding[];
  readonly services?: readonly ClusterService[];
  readonly limits?: MilpLimits;
  /** Only the zones that the nodes have, not each way to spread them. @default false */
  readonly declaredZonesOnly?: boolean;
  readonly onProgress?: (progress: {
    readonly done: number;
    readonly of: number;
    readonly title: string;
  }) => void;
  /** Asked between pods; true ends the work with what is decided so far. */
  readonly isStopped?: () => boolean;
}

/** All scenarios of the objects on the nodes, each with its verdict. */
export async function capacityReport(
  objects: readonly ManifestObject[],
  nodes: readonly ClusterNode[],
  options: CapacityOptions = {},
): Promise<CapacityReport> {
  const services = serviceManifests(options.services ?? clusterServices, objects);
  const sets = expandPods([...objects, ...services]).filter(({ replicas }) => Number.isFinite(replicas.max));
  const declared = { id: 'as declared', nodes };
  const layouts = options.declaredZonesOnly === true ? [declared] : zoneLayouts(nodes);
  const all = layouts.flatMap(layout => scenarios(sets, layout, set => !services.includes(set.owner)));
  const known = new Map<string, { readonly id: string } & Decided>();
  const reports: ScenarioReport[] = [];
  for (const [number, scenario] of all.entries()) {
    if (options.isStopped?.() === true) break;
    options.onProgress?.({ done: number, of: all.length, title: `${scenario.layout}: ${scenario.title}` });
    const key = signature(scenario);
    const former = known.get(key);
    const decided = former ?? (await decideScenario(scenario, options));
    const { verdict, room } = decided;
    known.set(key, former ?? { id: `${scenario.layout}: ${scenario.title}`, ...decided });
    reports.push({
      scenario,
      verdict,
      waits: verdict.kinds.filter(kind => kind.verdict !== 'guaranteed'),
      survivals: survivals(scenario, verdict.kinds, objects),
      ...(room === undefined ? {} : { room }),
      ...(former === undefined ? {} : { sameAs: former.id }),
    });
  }
  return {
    nodes,
    describedNodes: describeNodes(nodes),
    sets,
    scenarios: reports,
    findings: options.findings ?? [],
  };
}

/** Two scenarios with one signature ask the same question. */
function signature({ problem, unbound, afterRemovals, rolling, gone }: Scenario): string {
  const plain = (of: Problem) =>
    of.kinds.map(({ set: _set, ...kind }) => [kind, kind.count === 0 ? 0 : _set.replicas.min]);
  return JSON.stringify([
    problem.nodes.map(({ capacity }) => capacity),
    problem.topologies,
    plain(problem),
    problem === unbound ? '' : plain(unbound),
    afterRemovals,
    gone,
    rolling === undefined ? '' : [rolling.set.name, rolling.running],
  ]);
}

type Decided = Pick<ScenarioReport, 'verdict' | 'room'>;

async function decideScenario(scenario: Scenario, options: CapacityOptions): Promise<Decided> {
  const { problem, unbound, rolling } = scenario;
  const verdict = await decide(problem, {
    unbound,
    afterRemovals: scenario.afterRemovals,
    ...(options.limits === undefined ? {} : { limits: options.limits }),
    ...(rolling === undefined ? {} : { running: set => (set === rolling.set ? rolling.running : undefined) }),
    canBeBound: bound => isFirstStart(scenario, bound),
  });
  if (verdict.impossible === undefined) return { verdict };
  const waiting = verdict.kinds.filter(kind => kind.verdict === 'impossible');
  const highs = await solver();
  const room = roomBeside(unbound, new Set(waiting.map(({ set }) => set)), part =>
    provePlacement(highs, part, options.limits ?? DEFAULT_LIMITS, {
      afterRemovals: scenario.afterRemovals,
    }),
  );
  return { verdict, ...(room === undefined ? {} : { room }) };
}

/** Whether the pods with volumes can have been started where a witness has their volumes bound. */
function isFirstStart(scenario: Scenario, bound: Problem): boolean {
  const kinds = bound.kinds.filter(({ binding, count }) => binding !== undefined && count > 0);
  if (kinds.length === 0) return true;
  const demands = kinds.flatMap(({ set, count, zone }) => (zone === undefined ? [] : [{ set, count, zone }]));
  return findPlacement(buildProblem(scenario.before, demands), { maxSteps: 20_000 }).exists === true;
}

/** Worst verdict first. */
export const VERDICTS: readonly Verdict[] = ['impossible', 'order-dependent', 'undecided', 'guaranteed'];

/** Requests on each node, of a placement: what the pictures draw. */
export interface NodeLoad {
  readonly node: string;
  readonly zone: string;
  readonly capacity: Readonly<Record<string, number>>;
  readonly pods: readonly { readonly pod: string; readonly requests: Readonly<Record<string, number>> }[];
}

/** The pods of a placement node by node, daemon pods that came with the node included in its capacity. */
export function nodeLoads(problem: Problem, steps: readonly Step[]): NodeLoad[] {
  const byResource = (amounts: readonly number[]) =>
    Object.fromEntries(problem.resources.map((resource, r) => [resource, amounts[r] ?? 0]));
  return problem.nodes.map(({ node, capacity }, index) => ({
    node: node.name,
    zone: node.zone ?? '',
    capacity: byResource(capacity),
    pods: steps
      .filter(step => step.node === index)
      .map(({ kind }) => ({
        pod: problem.kinds[kind]?.label ?? '',
        requests: byResource(problem.kinds[kind]?.requests ?? []),
      })),
  }));
}
