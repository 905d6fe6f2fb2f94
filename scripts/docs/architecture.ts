import { ApiObject } from 'cdk8s';
import type { IConstruct } from 'constructs';
import { podRequest, readableAmount } from '../../lib/checker/capacity/pod-request';
import { expandPods, type PodSet } from '../../lib/checker/manifest/pods';
import { manifestObjects } from '../../lib/checker/object/manifest-object';
import type { LakehouseChart } from '../../lib/lakehouse/lakehouse-chart';

/** One layer, on a grid: the path of the data goes right through the first row, then back left through the second. */
interface Box {
  readonly title: string;
  readonly construct: IConstruct;
  readonly column: number;
  readonly row: number;
}

interface Arrow {
  readonly from: Box;
  readonly to: Box;
  /** Lines beside the arrow. */
  readonly label: readonly string[];
}

const WIDTH = 225;
const GAP_X = 125;
const GAP_Y = 70;
const LINE = 16;
const MARGIN = 14;
const HEADER = 44;

/** The picture of a chart as SVG: its layers with the pods that they ask for, and what flows between them. */
export function architecture(chart: LakehouseChart): string {
  const { was, kafka, topic, streaming, store, gold, database, grafana } = chart;
  const box = (title: string, construct: IConstruct, column: number, row: number): Box => ({
    title,
    construct,
    column,
    row,
  });
  const boxes = {
    was: box('web servers', was, 0, 0),
    kafka: box('Kafka', kafka, 1, 0),
    streaming: box('streaming job', streaming, 2, 0),
    store: box('object store', store, 3, 0),
    gold: box('gold job', gold, 3, 1),
    database: box('ClickHouse', database, 2, 1),
    grafana: box('Grafana', grafana, 1, 1),
  };
  const arrows: readonly Arrow[] = [
    {
      from: boxes.was,
      to: boxes.kafka,
      label: [topic.topicName, `${topic.partitions} partitions`, `${days(topic.retention)} kept`],
    },
    {
      from: boxes.kafka,
      to: boxes.streaming,
      label: [`every ${streaming.trigger.toSeconds()} s`, `≤ ${streaming.maxOffsetsPerTrigger} records`],
    },
    {
      from: boxes.streaming,
      to: boxes.store,
      label: ['bronze', 'silver', 'quarantine', 'commit log'],
    },
    { from: boxes.store, to: boxes.gold, label: [`committed files of ${streaming.silver.url}`] },
    {
      from: boxes.gold,
      to: boxes.database,
      label: ['mergeable states', `every ${gold.trigger.toSeconds()} s`],
    },
    { from: boxes.database, to: boxes.grafana, label: [`${database.database}.metrics_*`] },
  ];
  return svg(Object.values(boxes), arrows);
}

function days(duration: { toDays(options?: { integral?: boolean }): number }): string {
  const number = duration.toDays({ integral: false });
  return `${number} ${number === 1 ? 'day' : 'days'}`;
}

/** The steady pods of a subtree, a line a kind: `3 × broker: 200m, 1Gi`. */
function podLines(construct: IConstruct): string[] {
  const objects = construct.node
    .findAll()
    .filter(ApiObject.isApiObject)
    .map(object => (object as ApiObject).toJson());
  return expandPods(manifestObjects(objects))
    .filter(({ endsByItself }) => !endsByItself)
    .map(podLine);
}

function podLine({ replicas, role, pod, volumeClaims }: PodSet): string {
  const { amounts } = podRequest(pod.spec, volumeClaims);
  const number =
    replicas.initial === replicas.max ? `${replicas.initial}` : `${replicas.initial}–${replicas.max}`;
  const request = ['cpu', 'memory']
    .map(resource => readableAmount(resource, amounts[resource] ?? 0))
    .join(', ');
  return `${number} × ${role === 'replica' ? 'pod' : role.replace('-', ' ')}: ${request}`;
}

function namespaceOf(construct: IConstruct): string {
  const { namespace, job } = construct as { namespace?: string; job?: { namespace: string } };
  return namespace ?? job?.namespace ?? 'outside';
}

function svg(boxes: readonly Box[], arrows: readonly Arrow[]): string {
  const lines = new Map(boxes.map(box => [box, podLines(box.construct)]));
  const height = HEADER + LINE * Math.max(...[...lines.values()].map(({ length }) => length)) + 8;
  const x = ({ column }: Box) => MARGIN + column * (WIDTH + GAP_X);
  const y = ({ row }: Box) => MARGIN + row * (height + GAP_Y);
  const width = MARGIN * 2 + WIDTH + Math.max(...boxes.map(({ column }) => column)) * (WIDTH + GAP_X);
  const total = MARGIN * 2 + height + Math.max(...boxes.map(({ row }) => row)) * (height + GAP_Y);

  const drawnBoxes = boxes.map(box => {
    const kind = box.construct.constructor.name;
    const text = [
      `<text class="title" x="${x(box) + 12}" y="${y(box) + 20}">${escaped(box.title)}</text>`,
      `<text class="quiet" x="${x(box) + 12}" y="${y(box) + 36}">${escaped(`${kind} · ${namespaceOf(box.construct)}`)}</text>`,
      ...(lines.get(box) ?? []).map(
        (line, index) =>
          `<text x="${x(box) + 12}" y="${y(box) + HEADER + 10 + index * LINE}">${escaped(line)}</text>`,
      ),
    ];
    return [`<rect x="${x(box)}" y="${y(box)}" width="${WIDTH}" height="${height}" rx="6"/>`, ...text].join(
      '\n',
    );
  });

  const drawnArrows = arrows.map(({ from, to, label }) => {
    const isDown = from.column === to.column;
    const right = to.column > from.column;
    const start = isDown
      ? [x(from) + WIDTH / 2, y(from) + height]
      : [x(from) + (right ? WIDTH : 0), y(from) + height / 2];
    const end = isDown
      ? [x(to) + WIDTH / 2, y(to) - 2]
      : [x(to) + (right ? -2 : WIDTH + 2), y(to) + height / 2];
    const middle = [((start[0] ?? 0) + (end[0] ?? 0)) / 2, ((start[1] ?? 0) + (end[1] ?? 0)) / 2] as const;
    const text = label.map((line, index) =>
      isDown
        ? `<text class="label end" x="${middle[0] - 10}" y="${middle[1] + 4 + index * LINE}">${escaped(line)}</text>`
        : `<text class="label" x="${middle[0]}" y="${middle[1] - 8 - (label.length - 1 - index) * LINE}">${escaped(line)}</text>`,
    );
    return [`<path d="M${start.join(' ')} L${end.join(' ')}" marker-end="url(#tip)"/>`, ...text].join('\n');
  });

  return `<!-- Generated by npm run docs:architecture from the construct tree of main.ts. -->
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${total}" width="${width}" height="${total}" role="img" aria-label="The layers of the lakehouse and what flows between them">
<style>
  text { font: 12px system-ui, sans-serif; fill: #1f2328; white-space: pre }
  .title { font-weight: 600; font-size: 14px }
  .quiet, .label { fill: #59636e }
  .label { text-anchor: middle; font-size: 11px }
  .end { text-anchor: end }
  rect { fill: #f6f8fa; stroke: #59636e }
  path { fill: none; stroke: #59636e; stroke-width: 1.5 }
  marker path { fill: #59636e; stroke: none }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc }
    .quiet, .label { fill: #9198a1 }
    rect { fill: #151b23; stroke: #9198a1 }
    path { stroke: #9198a1 }
    marker path { fill: #9198a1 }
  }
</style>
<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0 L10 5 L0 10 Z"/></marker></defs>
${[...drawnArrows, ...drawnBoxes].join('\n')}
</svg>
`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, character => `&#${character.charCodeAt(0)};`);
}
