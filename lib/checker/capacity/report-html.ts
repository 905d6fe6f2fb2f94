import type { PodSet } from '../manifest/pods';
import type { Advice } from './advice';
import { readableAmount as amount } from './pod-request';
import { labelOf } from './problem';
import { type CapacityReport, type NodeLoad, nodeLoads, type ScenarioReport } from './report';
import { consequences, helps, OTHERS_ARE_GUARANTEED } from './report-text';
import type { BlockingWitness, Verdict } from './verdict';

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`);
}

const MARK: Readonly<Record<Verdict, string>> = {
  guaranteed: '✓',
  'order-dependent': '~',
  undecided: '?',
  impossible: '✗',
};

/** Eight hues that stay apart in light and dark. */
const HUES = [212, 28, 150, 330, 265, 95, 0, 185];
/** Four boxes stand beside each other on 1120 pixels. */
const BOX = { width: 252, height: 250, padding: 14, gap: 10, column: 107, top: 46 };
/** Letters of a name: the most that a column holds, the least that tell names apart. */
const LABEL = { most: 16, least: 9 };

interface View {
  readonly title: string;
  readonly loads: readonly NodeLoad[];
  readonly note: string;
}

/** What there is to see of a scenario: a placement of all or of what there is room for, and each state that blocks a pod. */
function views(report: ScenarioReport): View[] {
  const { scenario, verdict, room, waits } = report;
  const steps = verdict.placement ?? room;
  const title = verdict.placement === undefined ? 'what there is room for, at best' : 'a placement of all';
  return [
    ...(steps === undefined ? [] : [{ title, loads: nodeLoads(scenario.unbound, steps), note: '' }]),
    ...waits.flatMap(({ witness }) =>
      witness === undefined ? [] : [{ title: `blocks ${witness.blocked}`, ...blocked(report, witness) }],
    ),
  ];
}

function blocked({ scenario }: ScenarioReport, witness: BlockingWitness): Pick<View, 'loads' | 'note'> {
  const { problem } = scenario;
  const steps = witness.placement.map(({ pod, node }) => ({
    kind: problem.kinds.findIndex(({ label }) => label === pod),
    node: problem.nodes.findIndex(other => other.node.name === node),
  }));
  return {
    loads: nodeLoads(problem, steps),
    note: witness.reasons.map(({ node, why }) => `${node} ${why}`).join('; '),
  };
}

/** How a kind of pods is drawn, by its label. */
interface Look {
  readonly hueOf: (pod: string) => number;
  readonly nameOf: (pod: string) => string;
}

/** A pod as the page draws it: what is said of it, its short name, its hue, and its share of each of the two columns. */
type DrawnPod = readonly [figures: string, name: string, hue: number, cpu: number, memory: number];

/** A node as the page draws it: its pods by number. */
type DrawnNode = readonly [name: string, zone: string, cpu: number, memory: number, pods: readonly number[]];

/** What the page draws when a scenario is chosen: pods stand in it once, however many nodes and states show them. */
class Drawing {
  readonly pods: DrawnPod[] = [];
  readonly views: DrawnNode[][] = [];
  private readonly numberOf = new Map<string, number>();

  constructor(private readonly look: Look) {}

  /** The number of the view that shows these nodes. */
  view(loads: readonly NodeLoad[]): number {
    return (
      this.views.push(
        loads.map(({ node, zone, capacity, pods }) => [
          escapeHtml(node),
          escapeHtml(zone),
          capacity['cpu'] ?? 0,
          capacity['memory'] ?? 0,
          pods.map(({ pod, requests }) => this.pod(pod, requests['cpu'] ?? 0, requests['memory'] ?? 0)),
        ]),
      ) - 1
    );
  }

  private pod(pod: string, cpu: number, memory: number): number {
    const figures = `${pod}: ${amount('cpu', cpu)} cpu, ${amount('memory', memory)} memory`;
    const known = this.numberOf.get(figures);
    if (known !== undefined) return known;
    const name = escapeHtml(short(this.look.nameOf(pod)));
    const number = this.pods.push([escapeHtml(figures), name, this.look.hueOf(pod), cpu, memory]) - 1;
    this.numberOf.set(figures, number);
    return number;
  }
}

/** The part of the page's program that draws a node: two columns, CPU and memory, filled from below by its pods. */
const DRAW_NODE = `function drawNode([node, zone, cpu, memory, numbers]) {
  const columns = [['cpu', cpu, 3], ['memory', memory, 4]].map(([resource, capacity, field], column) => {
    const left = BOX.padding + column * (BOX.column + BOX.gap);
    const bottom = BOX.top + BOX.height;
    let y = bottom, used = 0;
    const areas = numbers.map(number => {
      const [figures, name, hue] = PODS[number];
      const height = capacity === 0 ? 0 : (PODS[number][field] / capacity) * BOX.height;
      y -= height;
      used += PODS[number][field];
      const text = height >= 13 ? '<text x="' + (left + 4) + '" y="' + (y + height / 2 + 3.5) + '">' + name + '</text>' : '';
      return '<g><title>' + figures + '</title><rect x="' + left + '" y="' + y.toFixed(2) + '" width="' + BOX.column + '" height="' + Math.max(0, height).toFixed(2) + '" style="--hue:' + hue + '"/>' + text + '</g>';
    });
    const percent = capacity === 0 ? 0 : Math.round((100 * used) / capacity);
    return '<rect class="column" x="' + left + '" y="' + BOX.top + '" width="' + BOX.column + '" height="' + BOX.height + '"/>' + areas.join('') + '<text class="axis" x="' + left + '" y="' + (bottom + 16) + '">' + resource + ' ' + percent + ' %</text>';
  });
  return '<svg class="node" viewBox="0 0 ' + BOX.width + ' ' + (BOX.top + BOX.height + 28) + '" width="' + BOX.width + '" role="img" aria-label="' + node + '"><text class="name" x="' + BOX.padding + '" y="28">' + node + '<tspan class="zone"> ' + zone + '</tspan></text>' + columns.join('') + '</svg>';
}`;

/** Data in a script element: nothing in it ends the element. */
function inScript(value: unknown): string {
  return JSON.stringify(value).replaceAll('<', '\\u003c');
}

/** 'default/activity-gold-exec' → '…gold-exec': what a column holds of a name, whose last words say most. */
function short(pod: string): string {
  const name = pod.split('/').at(-1) ?? pod;
  if (name.length <= LABEL.most) return name;
  const ends = name.split('-').map((_, word, words) => words.slice(word).join('-'));
  const end = ends.find(({ length }) => length < LABEL.most && length >= LABEL.least);
  return `…${end ?? name.slice(1 - LABEL.most)}`;
}

/** What has one colour: a Spark job, else a namespace. */
function group(set: PodSet): string {
  return set.owner.kind === 'SparkApplication' ? set.owner.metadata.name : set.namespace;
}

/** One page that needs nothing else: a table of verdicts, and a picture of each scenario's nodes. */
export function reportHtml(report: CapacityReport, advice: readonly Advice[]): string {
  const setOf = new Map(
    report.scenarios.flatMap(({ scenario }) =>
      [...scenario.problem.kinds, ...scenario.unbound.kinds].map(({ label, set }) => [label, set] as const),
    ),
  );
  const groups = [...new Set(report.sets.map(group))];
  const hue = (name: string) => HUES[groups.indexOf(name) % HUES.length] ?? 0;
  const look: Look = {
    hueOf: pod => {
      const set = setOf.get(pod);
      return hue(set === undefined ? '' : group(set));
    },
    nameOf: pod => {
      const set = setOf.get(pod);
      return set === undefined ? pod : labelOf(set);
    },
  };
  const drawing = new Drawing(look);
  // Scenarios with the same question share a row: the layouts of zones often do not matter.
  const distinct = report.scenarios.flatMap((entry, number) =>
    entry.sameAs === undefined ? [{ entry, number }] : [],
  );
  const layoutsOf = ({ scenario }: ScenarioReport) =>
    report.scenarios
      .filter(
        other => other.scenario === scenario || other.sameAs === `${scenario.layout}: ${scenario.title}`,
      )
      .map(other => other.scenario.layout);
  const rows = distinct.map(({ entry, number }) => {
    const { verdict } = entry.verdict;
    return `<tr tabindex="0" data-scenario="${number}"><td>${[...new Set(layoutsOf(entry))].map(escapeHtml).join('<br>')}</td><td>${escapeHtml(entry.scenario.title)}</td><td class="${verdict}">${MARK[verdict]} ${verdict}</td><td>${escapeHtml(consequences(entry))}</td></tr>`;
  });
  const sections = distinct.map(({ entry, number }) => {
    const pictures = views(entry).map(
      view =>
        `<figure><figcaption>${escapeHtml(view.title)}${view.note === '' ? '' : `<small>${escapeHtml(view.note)}</small>`}</figcaption><div class="nodes" data-view="${drawing.view(view.loads)}"></div></figure>`,
    );
    const { verdict } = entry.verdict;
    return `<section id="scenario-${number}" hidden><h2>${escapeHtml(entry.scenario.title)} <small>zones ${escapeHtml(entry.scenario.layout)}</small></h2><p><b class="${verdict}">${MARK[verdict]} ${verdict}</b> ${escapeHtml(consequences(entry))}</p>${pictures.join('') || '<p>No placement to draw.</p>'}</section>`;
  });
  const legend = groups.map(name => `<span><i style="--hue:${hue(name)}"></i>${escapeHtml(name)}</span>`);
  const advised = advice.map(
    ({ change, priceFactor }) =>
      `<li>${escapeHtml(change)}${priceFactor === undefined ? '' : ` <small>${priceFactor.toFixed(2)} × the price of the nodes</small>`}</li>`,
  );
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Capacity: ${escapeHtml(report.describedNodes)}</title>
<style>
:root { color-scheme: light dark; --back: light-dark(#fbfbfa, #16181c); --text: light-dark(#1d2024, #e6e7ea); --soft: light-dark(#5d646e, #9aa3af); --line: light-dark(#d9dce1, #343941); --card: light-dark(#ffffff, #1d2127); }
body { margin: 2rem; background: var(--back); color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.4rem; margin: 0 0 1rem; } h2 { font-size: 1.1rem; } small { color: var(--soft); font-weight: 400; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; } th { text-align: left; color: var(--soft); font-weight: 500; }
th, td { padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
tr[data-scenario] { cursor: pointer; } tr[aria-selected=true] { background: light-dark(#eef2f8, #262c36); } td:nth-child(3) { white-space: nowrap; font-weight: 600; }
.guaranteed { color: light-dark(#14733a, #5fd08b); } .order-dependent { color: light-dark(#8a5a00, #f0b84b); } .impossible { color: light-dark(#b3261e, #ff8a80); } .undecided { color: light-dark(#1558a8, #7ab8ff); }
figure { margin: 1rem 0; } figcaption small { display: block; } .nodes { display: flex; flex-wrap: wrap; gap: 1rem; margin-top: .5rem; }
.node { background: var(--card); outline: 1px solid var(--line); outline-offset: -1px; border-radius: 8px; } .column { fill: light-dark(#f0f1f3, #262b32); } .name { font-weight: 600; } svg text { fill: var(--text); font-size: 13px; } .zone, svg .axis { fill: var(--soft); font-weight: 400; }
g > rect { fill: hsl(var(--hue) 55% 72%); stroke: var(--card); stroke-width: 1; } svg g > text { font-size: 10.5px; fill: #16181c; pointer-events: none; }
g:hover > title + rect { stroke: var(--text); stroke-width: 2; } section h2, section p { margin: 0; } .legend { display: flex; flex-wrap: wrap; gap: .4rem 1.2rem; margin: 1rem 0; } .legend i { display: inline-block; width: .8rem; height: .8rem; margin-right: .4rem; border-radius: 2px; background: hsl(var(--hue) 55% 72%); }
</style></head><body>
<h1>${escapeHtml(report.describedNodes)} <small>${distinct.length} scenarios, ${report.scenarios.length} with each way to spread the nodes over zones; choose one below</small></h1>
${advised.length === 0 ? '' : `<h2>${helps(advice[0]?.makes ?? 'fit')}</h2><ul>${advised.join('')}</ul>`}
<div class="legend">${legend.join('')}<small>heights are shares of what the daemon pods of a node leave; ${OTHERS_ARE_GUARANTEED}</small></div>
${sections.join('\n')}
<table><thead><tr><th>zones</th><th>scenario</th><th>verdict</th><th>what it means</th></tr></thead><tbody>${rows.join('')}</tbody></table>
<script>
const BOX = ${inScript(BOX)};
const PODS = ${inScript(drawing.pods)};
const VIEWS = ${inScript(drawing.views)};
${DRAW_NODE}
const rows = [...document.querySelectorAll('tr[data-scenario]')];
function show(number) {
  rows.forEach(row => row.setAttribute('aria-selected', row.dataset.scenario === number));
  document.querySelectorAll('section').forEach(section => { section.hidden = section.id !== 'scenario-' + number; });
  document.querySelectorAll('section:not([hidden]) .nodes:empty').forEach(nodes => {
    nodes.innerHTML = VIEWS[nodes.dataset.view].map(drawNode).join('');
  });
}
function choose(row) {
  show(row.dataset.scenario);
  document.querySelector('section:not([hidden])').scrollIntoView();
}
rows.forEach(row => {
  row.addEventListener('click', () => choose(row));
  row.addEventListener('keydown', event => { if (event.key === 'Enter') choose(row); });
});
show(location.hash.slice(1) || '${Math.max(
    0,
    report.scenarios.findIndex(({ scenario }) => scenario.id === 'most'),
  )}');
</script></body></html>
`;
}
