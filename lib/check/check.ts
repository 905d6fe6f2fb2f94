import { describeNodes } from '../capacity/check-fit';
import type { ClusterNode } from '../capacity/node';
import { type Loaded, loadManifests, type Note } from '../manifest/load';
import { fitOf } from '../rules/fit';
import { buildModel, type Model } from '../rules/model';
import { DEFAULT_NODES, describedNodes, type FitNodes, parseNodes } from '../rules/nodes';
import type { Violation } from '../rules/rule';
import { type RunOptions, runRules } from '../rules/run';
import type { Collected } from './collect';

export interface CheckOptions extends Pick<RunOptions, 'only' | 'level' | 'external'> {
  /** The nodes to fit when no file describes any. @default 4 × m6i.large */
  readonly nodes?: readonly ClusterNode[];
}

export interface CheckResult {
  readonly violations: readonly Violation[];
  readonly notes: readonly Note[];
  readonly checked: { readonly files: number; readonly objects: number };
  /** Whether a path or a document could not be read. */
  readonly unusable: boolean;
  readonly text: Loaded['text'];
}

/** The rules over what was collected. Pure. */
export function check({ sources, notes, problems }: Collected, options: CheckOptions = {}): CheckResult {
  const loaded = loadManifests(sources);
  const unreadable = [...problems, ...loaded.problems];
  const nodes = nodesFor(loaded.objects, options);
  const model = buildModel(loaded.objects, {
    external: [...(options.external ?? []), ...loaded.generated],
    sql: loaded.sql,
    problems: unreadable,
    nodes,
  });
  const violations = runRules(model, {
    locate: loaded.locate,
    ...(options.level === undefined ? {} : { level: options.level }),
    ...(options.only === undefined ? {} : { only: [...options.only, 'unparseable-manifest'] }),
  });
  return {
    violations,
    notes: [...notes, ...loaded.notes, ...fitNotes(model)],
    checked: { files: loaded.files, objects: loaded.objects.length },
    unusable: unreadable.length > 0,
    text: loaded.text,
  };
}

/** What the files describe, else what the caller says, else the default. */
function nodesFor(objects: Loaded['objects'], { nodes }: CheckOptions): FitNodes {
  if (nodes !== undefined) return { list: nodes, source: '--nodes', areDescribed: false };
  const parsed = parseNodes(DEFAULT_NODES);
  return (
    describedNodes(objects) ?? {
      list: 'nodes' in parsed ? parsed.nodes : [],
      source: 'the default; --nodes says otherwise',
      areDescribed: false,
    }
  );
}

function fitNotes(model: Model): Note[] {
  const { nodes } = model;
  if (nodes === undefined || model.templates.length + model.jobs.length === 0) return [];
  return [
    { file: '', text: `fit counted on ${describeNodes(nodes.list)} (${nodes.source})` },
    ...fitOf(model).undecided.map(text => ({ file: '', text: `left open: ${text}` })),
  ];
}
