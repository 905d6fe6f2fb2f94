import { styleText } from 'node:util';
import { line } from '../finding/reporter';
import type { Advice } from './advice';
import type { Frequency } from './frequency';
import { readableAmount as amount, formatAmount } from './pod-request';
import { labelOf } from './problem';
import { type CapacityReport, type NodeLoad, nodeLoads, type ScenarioReport } from './report';
import { described } from './survival';
import type { BlockingWitness, KindVerdict, Verdict } from './verdict';
import type { Growth } from './what-if';

type Style = Parameters<typeof styleText>[0];

const LOOK: Readonly<Record<Verdict, { readonly mark: string; readonly style: Style }>> = {
  guaranteed: { mark: '✓', style: 'green' },
  'order-dependent': { mark: '~', style: 'yellow' },
  undecided: { mark: '?', style: 'cyan' },
  impossible: { mark: '✗', style: 'red' },
};

/** 'default/activity-gold-exec × 4, storage/minio bound in zone-a or zone-b' */
function named(kinds: readonly KindVerdict[]): string {
  const names = new Map<string, string[]>();
  for (const { label, zone, count, atMinimum, set } of kinds) {
    const name = zone === undefined ? label : labelOf(set);
    const least = atMinimum === 'guaranteed' ? ` (its ${set.replicas.min} are guaranteed)` : '';
    const key = zone === undefined && count > 1 ? `${name} × ${count}${least}` : `${name}${least}`;
    names.set(key, [...(names.get(key) ?? []), ...(zone === undefined ? [] : [zone])]);
  }
  return [...names]
    .map(([name, zones]) => (zones.length > 0 ? `${name} bound in ${zones.join(' or ')}` : name))
    .join(', ');
}

/** How many of the pods that wait there is room for, when those above them are placed well. */
function roomFor({ room, scenario, waits }: ScenarioReport): string {
  if (room === undefined) return '';
  const { kinds } = scenario.unbound;
  const placed = waits
    .filter(({ verdict }) => verdict === 'impossible')
    .map(kind => ({ ...kind, count: room.filter(step => kinds[step.kind]?.set === kind.set).length }))
    .filter(({ count }) => count > 0);
  return ` (at best there is room for ${placed.length === 0 ? 'none of it' : named(placed)})`;
}

/** 'anti-affinity of kafka/broker', or 'anti-affinity' where it takes several sets' */
function boundBy({ why, of }: { readonly why: string; readonly of?: string }): string {
  return of === undefined ? why : `${why} of ${of}`;
}

/** What each of the changes does. */
export function helps(makes: Advice['makes']): string {
  return makes === 'fit'
    ? 'each of these alone makes everything fit, at its most'
    : 'each of these alone makes every pod guaranteed, at start and at its most';
}

/** How to read the pods that a scenario names. */
export const OTHERS_ARE_GUARANTEED =
  'a scenario names the pods that wait or may wait; every other pod is guaranteed a node in it';

/** What may have to wait in a scenario, and how it got to be so, in one line. */
export function consequences(entry: ScenarioReport): string {
  const { verdict, waits, scenario } = entry;
  const { impossible } = verdict;
  const parts: string[] = [];
  if (impossible !== undefined) {
    const { proof } = impossible;
    const resource = impossible.bindingResource;
    const { resources } = scenario.unbound;
    parts.push(
      proof.kind === 'total'
        ? `all ask for ${formatAmount(resources[proof.resource] ?? '', proof.asked)} ${resource} of ${amount(resources[proof.resource] ?? '', proof.available)}`
        : resource === undefined && impossible.bindingRelation !== undefined
          ? `binding: ${boundBy(impossible.bindingRelation)}`
          : `binding: ${resource ?? 'no one resource or relation alone'}, largest pod ${impossible.largestPod}`,
    );
  }
  const waiting = waits.filter(kind => kind.verdict !== 'undecided');
  const open = waits.filter(kind => kind.verdict === 'undecided');
  for (const [word, verdicts] of [
    ['waits', waiting.filter(kind => kind.verdict === 'impossible')],
    ['may wait', waiting.filter(kind => kind.verdict === 'order-dependent')],
  ] as const) {
    if (verdicts.length === 0) continue;
    parts.push(`${word}: ${named(verdicts)}${word === 'waits' ? roomFor(entry) : ''}`);
  }
  if (open.length > 0) parts.push(`open: ${named(open)} (${open[0]?.bound})`);
  const affected = entry.survivals.filter(
    ({ set, stay, needs }) => (stay > 0 || needs > 1) && waits.some(kind => kind.set === set),
  );
  if (affected.length > 0) parts.push(`meanwhile ${affected.map(described).join('; ')}`);
  if (scenario.deadlocks.length > 0)
    parts.push(`never ends, no pod may go: ${scenario.deadlocks.join(', ')}`);
  return parts.join('; ');
}

const BAR_WIDTH = 40;

function bar(load: NodeLoad, resource: string): string {
  const capacity = load.capacity[resource] ?? 0;
  const used = load.pods.reduce((sum, { requests }) => sum + (requests[resource] ?? 0), 0);
  const filled = capacity === 0 ? 0 : Math.round((used / capacity) * BAR_WIDTH);
  const text = '█'.repeat(Math.min(filled, BAR_WIDTH)) + '░'.repeat(Math.max(0, BAR_WIDTH - filled));
  const percent = capacity === 0 ? 0 : Math.round((100 * used) / capacity);
  return `${text} ${String(percent).padStart(3)} %  ${amount(resource, used)} of ${amount(resource, capacity)}`;
}

/** 'was/was × 2, storage/minio' */
function counted(pods: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const pod of pods) counts.set(pod, (counts.get(pod) ?? 0) + 1);
  return [...counts].map(([pod, count]) => (count > 1 ? `${pod} × ${count}` : pod)).join(', ');
}

/** A line as lines of at most `columns`, broken between words; what follows the first is indented. */
function broken(line: string, columns: number, indent: number): string[] {
  if (line.length <= columns) return [line];
  const margin = ' '.repeat(indent);
  const end = line.lastIndexOf(' ', columns);
  if (end < indent) return [line];
  return [line.slice(0, end), ...broken(margin + line.slice(end + 1), columns, indent)];
}

function picture(loads: readonly NodeLoad[]): string[] {
  return loads.flatMap(load => {
    return [
      `  ${load.node} (${load.zone})`,
      `    cpu    ${bar(load, 'cpu')}`,
      `    memory ${bar(load, 'memory')}`,
      `    ${counted(load.pods.map(({ pod }) => pod))}`,
    ];
  });
}

function witnessLines(witness: BlockingWitness): string[] {
  const at = new Map<string, string[]>();
  for (const { pod, node } of witness.placement) at.set(node, [...(at.get(node) ?? []), pod]);
  return [
    `  ${witness.blocked} finds no node when the others came first:`,
    ...witness.reasons.map(({ node, why }) => `    ${node} ${why}: ${counted(at.get(node) ?? [])}`),
  ];
}

/** Where the text of the report goes. */
export interface TextStyle {
  readonly isColoured: boolean;
  /** Lines break after at most so many characters, between words. */
  readonly columns: number;
}

/** What a report says only when it is asked. */
export interface Asked {
  readonly shares: readonly Frequency[];
  readonly growths: readonly Growth[];
}

export const NOTHING_ASKED: Asked = { shares: [], growths: [] };

/** The width of the column of verdicts. */
const MARGIN = 18;

/** The report for people. */
export function reportText(
  report: CapacityReport,
  advice: readonly Advice[],
  { isColoured, columns }: TextStyle,
  { shares, growths }: Asked = NOTHING_ASKED,
): string {
  const paint = (style: Style, text: string) =>
    isColoured ? styleText(style, text, { validateStream: false } as never) : text;
  const [first] = report.scenarios;
  const node = first?.scenario.problem.nodes[0];
  const lines: string[] = [];
  if (node !== undefined && first !== undefined) {
    const { cpuMillis, memoryBytes } = node.node.allocatable;
    const [cpu = 0, memory = 0] = node.capacity;
    lines.push(
      paint('bold', `${report.describedNodes}`) +
        `: each allocates ${cpuMillis}m cpu, ${amount('memory', memoryBytes)} memory; ` +
        `${cpu}m, ${amount('memory', memory)} after its daemon pods`,
    );
  }
  for (const finding of report.findings)
    lines.push(paint(finding.level === 'error' ? 'red' : 'yellow', line(finding)));
  lines.push(...broken(OTHERS_ARE_GUARANTEED, columns, 0));
  const titleWidth = Math.max(0, ...report.scenarios.map(({ scenario }) => scenario.title.length));
  let layout = '';
  for (const entry of report.scenarios) {
    if (entry.scenario.layout !== layout) {
      layout = entry.scenario.layout;
      lines.push('', paint('bold', `zones of ${layout} nodes`));
    }
    const { mark, style } = LOOK[entry.verdict.verdict];
    const consequence = entry.sameAs === undefined ? consequences(entry) : `as in ${entry.sameAs}`;
    const word = paint(style, `${mark} ${entry.verdict.verdict}`.padEnd(MARGIN - 1));
    const fits = MARGIN + titleWidth + 2 + consequence.length <= columns;
    if (fits) lines.push(`${word} ${entry.scenario.title.padEnd(titleWidth)}  ${paint('dim', consequence)}`);
    else {
      const margin = ' '.repeat(MARGIN);
      const [title = '', ...rest] = broken(margin + entry.scenario.title, columns, MARGIN);
      lines.push(`${word} ${title.trim()}`, ...rest);
      lines.push(...broken(margin + consequence, columns, MARGIN).map(line => paint('dim', line)));
    }
  }
  const most = report.scenarios.find(({ scenario }) => scenario.id === 'most');
  if (most?.verdict.placement !== undefined) {
    lines.push('', paint('bold', `a placement of ${most.scenario.title}`));
    for (const line of picture(nodeLoads(most.scenario.unbound, most.verdict.placement)))
      lines.push(...broken(line, columns, 4));
  }
  const witnesses = most?.waits.flatMap(({ witness }) => (witness === undefined ? [] : [witness])) ?? [];
  if (witnesses.length > 0) {
    lines.push('', paint('bold', 'what blocks a pod'));
    for (const line of witnesses.flatMap(witnessLines)) lines.push(...broken(line, columns, 6));
  }
  const [{ orders } = { orders: undefined }] = shares;
  if (orders !== undefined) {
    lines.push(
      '',
      paint('bold', `how often all of a kind are placed, in ${orders} random orders of arrival`),
    );
    const rare = shares.filter(({ placed }) => placed < orders);
    for (const { label, placed, interval } of rare) {
      const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
      const [low, high] = interval;
      lines.push(`  ${label}: ${percent(placed / orders)} (${percent(low)} to ${percent(high)})`);
    }
    if (rare.length < shares.length)
      lines.push(`  ${rare.length === 0 ? 'every kind' : 'every other'}: always`);
  }
  if (growths.length > 0) {
    lines.push('', paint('bold', 'how many would fit, with all others at their most'));
    for (const { pods, now, fit, guaranteed } of growths)
      lines.push(`  ${pods}: ${fit} in place of ${now}; guaranteed are ${guaranteed}`);
  }
  const [{ makes } = { makes: undefined }] = advice;
  if (makes !== undefined) {
    lines.push('', paint('bold', helps(makes)));
    for (const { change, priceFactor } of advice) {
      lines.push(
        `  ${change}${priceFactor === undefined ? '' : ` (${priceFactor.toFixed(2)} × the price of the nodes)`}`,
      );
    }
  }
  return `${lines.join('\n')}\n`;
}
