import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { labelOf } from '../../lib/checker/capacity/problem';
import type { PodSet } from '../../lib/checker/manifest/pods';
import { asObjects, at, type PlainObject } from '../../lib/checker/object/manifest-object';
import { type ControlPlane, eventually } from './control-plane';
import { isOf, items, type Lakehouse, livePods, nameOf, SCHEDULED_TIMEOUT_MS } from './lakehouse';

/** What `npm run capacity -- --json` says of one scenario, as far as a cluster can contradict it. */
export interface ReportedScenario {
  readonly id: string;
  /** The layout's zones, e.g. 2+2. */
  readonly zones: string;
  readonly pods: readonly {
    readonly label: string;
    readonly verdict: 'guaranteed' | 'order-dependent' | 'undecided' | 'impossible';
    readonly atMinimum?: string;
  }[];
}

const REPOSITORY = join(__dirname, '..', '..');

/** The capacity report of main.ts, all scenarios. */
export async function reportedScenarios(): Promise<ReportedScenario[]> {
  const command = spawn(
    process.execPath,
    ['--import', 'tsx', 'lib/commands/cdk8s-lakehouse.ts', 'capacity', '--json'],
    {
      cwd: REPOSITORY,
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let output = '';
  let errors = '';
  command.stdout.on('data', chunk => (output += chunk));
  command.stderr.on('data', chunk => (errors += chunk));
  const code = await new Promise(resolve => command.once('close', resolve));
  if (code !== 0) throw new Error(`npm run capacity ended with code ${code}: ${errors.trim()}`);
  return JSON.parse(output).scenarios;
}

/**
 * Waits until the cluster is as the report says of a scenario: every pod that is guaranteed runs; every other one runs,
 * or the scheduler has refused it; and the least number of a set runs where that is guaranteed.
 */
export async function isAsReported(lakehouse: Lakehouse, scenario: ReportedScenario): Promise<void> {
  const standing = lakehouse.standing();
  await eventually(
    `the cluster is as the capacity report says of ${scenario.id} on ${scenario.zones} nodes`,
    async () => {
      await lakehouse.reconcile();
      const pods = await livePods(lakehouse.cluster);
      const zoneOf = await zonesOfClaims(lakehouse.cluster);
      const against = standing.flatMap(set => contradictions(set, pods, scenario, zoneOf));
      return against.length === 0 ? undefined : against.join('; ');
    },
    SCHEDULED_TIMEOUT_MS,
  );
}

function contradictions(
  set: PodSet,
  pods: readonly object[],
  scenario: ReportedScenario,
  zoneOf: ReadonlyMap<string, string>,
): string[] {
  const own = pods.filter(pod => isOf(set, pod));
  const verdictOf = (pod: object) => claimOn(set, pod, scenario, zoneOf).verdict;
  const running = own.filter(isRunning);
  const waits = own.filter(pod => !isRunning(pod) && (verdictOf(pod) === 'guaranteed' || !isRefused(pod)));
  const least = scenario.pods.some(
    ({ label, atMinimum }) => label === labelOf(set) && atMinimum === 'guaranteed',
  )
    ? set.replicas.min
    : 0;
  return [
    ...waits.map(pod => `${nameOf(pod)} is ${verdictOf(pod)} but ${reason(pod)}`),
    ...(own.length === set.replicas.initial
      ? []
      : [`${labelOf(set)} has ${own.length} pods of ${set.replicas.initial}`]),
    ...(running.length >= least ? [] : [`${labelOf(set)} runs ${running.length} of at least ${least}`]),
  ];
}

/** What is reported of a pod: where volumes are bound, it depends on their zone. */
function claimOn(
  set: PodSet,
  pod: object,
  { id, zones, pods }: ReportedScenario,
  zoneOf: ReadonlyMap<string, string>,
): ReportedScenario['pods'][number] {
  const claims = asObjects(at(pod, 'spec', 'volumes')).flatMap(volume => {
    const claim = at(volume, 'persistentVolumeClaim', 'claimName');
    return claim === undefined ? [] : [`${set.namespace}/${claim}`];
  });
  const labels = [labelOf(set), ...claims.map(claim => `${labelOf(set)} bound in ${zoneOf.get(claim)}`)];
  const found = pods.find(({ label }) => labels.includes(label));
  if (found === undefined)
    throw new Error(`the capacity report says nothing of ${labels.join(' or ')} in ${id} on ${zones} nodes`);
  return found;
}

/** The zone of the volume that each claim is bound to. */
async function zonesOfClaims(cluster: ControlPlane): Promise<Map<string, string>> {
  const volumes = await items(cluster, '/api/v1/persistentvolumes');
  return new Map(
    volumes.map(volume => {
      const [term] = asObjects(at(volume, 'spec', 'nodeAffinity', 'required', 'nodeSelectorTerms'));
      const [zone] = asObjects(at(term, 'matchExpressions'));
      return [
        `${at(volume, 'spec', 'claimRef', 'namespace')}/${at(volume, 'spec', 'claimRef', 'name')}`,
        String((at(zone, 'values') as string[])[0]),
      ];
    }),
  );
}

export function isRunning(pod: object): boolean {
  return at(pod, 'status', 'phase') === 'Running' && at(pod, 'metadata', 'deletionTimestamp') === undefined;
}

function scheduled(pod: object): PlainObject | undefined {
  return asObjects(at(pod, 'status', 'conditions')).find(({ type }) => type === 'PodScheduled');
}

/** Whether the scheduler has looked at the pod and found no node, nor a pod to push out. */
export function isRefused(pod: object): boolean {
  return (
    scheduled(pod)?.['reason'] === 'Unschedulable' && at(pod, 'status', 'nominatedNodeName') === undefined
  );
}

/** The scheduler's sentence for a pod that waits. */
export function reason(pod: object): string {
  return String(scheduled(pod)?.['message'] ?? at(pod, 'status', 'phase'));
}
