import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ApiObject, App, Chart } from 'cdk8s';
import { type ClusterNode, nodesOf } from '../../../lib/checker/capacity/node';
import { check, systems } from '../../../lib/checker/check/check';
import { collect } from '../../../lib/checker/check/collect';
import { contextNodes, parseClusterContext } from '../../../lib/checker/eks/cluster-context';
import { DEFAULT_NODES, describedNodes, parseNodes } from '../../../lib/checker/facts/nodes';
import type { Finding } from '../../../lib/checker/finding/finding';
import { lines, text, type Violation, violation } from '../../../lib/checker/finding/reporter';
import { type Loaded, loadManifests } from '../../../lib/checker/manifest/load';
import { rules } from '../../../lib/checker/rules';
import { isCustom } from '../../../lib/checker/schema/schema';
import { NodeGroup } from '../../../lib/lakehouse/cluster/node-group';
import { SynthChecks } from '../../../lib/lakehouse/synth-checks';

const CASES = join(__dirname, 'cases');

/** A document that no YAML reader takes is no object of a chart. */
const OF_FILES_ALONE = ['unparseable-manifest'];

const cases = rules
  .map(({ id }) => id)
  .filter(id => !OF_FILES_ALONE.includes(id))
  .flatMap(id =>
    readdirSync(join(CASES, id)).map(name => [id, name, join(CASES, id, name, 'refused')] as const),
  );

/** What is said, wherever it stands: files and lines are the check's alone. */
function said({ rule, level, object, message, remedy, measured, allowed }: Violation) {
  const text = message.replace(/ is declared at \S+ with /, ' is declared before with ');
  return JSON.stringify({ rule, level, object, text, remedy, measured, allowed });
}

/** A field that the custom resources of the pinned release do not have: the check does not know the release. */
function isOfRelease({ rule, place, remedy }: Finding): boolean {
  return (
    rule === 'invalid-field' &&
    'object' in place &&
    isCustom(place.object) &&
    /^(remove|move) it/.test(text(remedy))
  );
}

/** The nodes on which the check counts a folder. */
function nodesIn({ objects, contexts }: Pick<Loaded, 'objects' | 'contexts'>): readonly ClusterNode[] {
  const described = describedNodes(objects);
  if (described !== undefined) return described.list;
  const [context] = contexts;
  if (context !== undefined) return nodesOf(contextNodes(parseClusterContext(context.file, context.text)));
  const parsed = parseNodes(DEFAULT_NODES);
  return 'nodes' in parsed ? parsed.nodes : [];
}

/** The group of which the nodes are. */
function groupOf(nodes: readonly ClusterNode[]): NodeGroup {
  const [{ name, instanceType, labels, taints } = nodes[0] as ClusterNode] = nodes;
  const zones = nodes.flatMap(({ zone }) => zone ?? []);
  const group = name.replace(/-\d+$/, '');
  const own = Object.entries(labels).filter(
    ([key]) => !/^(kubernetes\.io|node\.kubernetes\.io|topology)/.test(key),
  );
  return new NodeGroup({
    name: group,
    instanceType,
    count: nodes.length,
    ...(zones.length === 0 ? {} : { zones }),
    labels: Object.fromEntries(own),
    taints,
  });
}

/** A chart of these objects, with the SQL that stands beside them in a ConfigMap, as charts have it. */
function chartOf({ objects, sql }: Pick<Loaded, 'objects' | 'sql'>, nodes: NodeGroup): SynthChecks {
  const chart = new Chart(new App(), 'chart');
  for (const [index, { body }] of objects.entries()) new ApiObject(chart, `object-${index}`, body as never);
  for (const [index, { text }] of sql.entries()) {
    new ApiObject(chart, `sql-${index}`, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: `sql-${index}`, namespace: 'default' },
      ...{ data: { 'tables.sql': text } },
    });
  }
  return new SynthChecks(chart, 'checks', { nodes });
}

test.each(cases)('%s, %s: the check and the synthesis say the same', (id, _name, folder) => {
  const collected = collect([folder], () => new Uint8Array());
  const checked = check(collected).violations.map(said);

  const loaded = loadManifests(collected.sources);
  const charts = systems(loaded).map(system =>
    chartOf(system, groupOf(nodesIn({ ...system, contexts: loaded.contexts }))),
  );
  const synthesized = charts.flatMap(({ review }) =>
    review.findings.filter(finding => !isOfRelease(finding)).map(finding => said(violation(finding))),
  );

  expect([...new Set(synthesized)].sort()).toEqual([...new Set(checked)].sort());
  expect(checked.filter(row => JSON.parse(row).rule === id)).not.toEqual([]);
  // And what the synthesis says, it refuses.
  for (const checks of charts) {
    const errors = checks.review.findings.filter(({ level }) => level === 'error');
    expect(checks.node.validate()).toEqual(lines(errors));
  }
});
