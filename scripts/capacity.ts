import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { ApiObject } from 'cdk8s';
import { advise } from '../lib/checker/capacity/advice';
import { servicesBeside } from '../lib/checker/capacity/cluster-services';
import { instanceType } from '../lib/checker/capacity/instance-types';
import { nodesOf } from '../lib/checker/capacity/node';
import { capacityReport } from '../lib/checker/capacity/report';
import { reportHtml } from '../lib/checker/capacity/report-html';
import { reportJson } from '../lib/checker/capacity/report-json';
import { reportText } from '../lib/checker/capacity/report-text';
import type { FitNodes } from '../lib/checker/facts/nodes';
import { type ManifestObject, manifestObjects } from '../lib/checker/manifest/model';
import { review } from '../lib/checker/review/review';
import { NodeGroup } from '../lib/lakehouse/cluster/node-group';
import { SynthChecks } from '../lib/lakehouse/synth-checks';
import { describedApps } from '../lib/lakehouse/synthesize';
import { runMain } from './main-app';
import { wholeNumber } from './whole-number';

const USAGE = `usage: npm run capacity [-- --json | --html FILE] [--nodes N] [--instance-type TYPE]

Every scenario of main.ts' chart on its nodes: what is guaranteed, what depends on the order of arrival, what cannot be.
Exit 0 when everything has a placement at its most, 1 when not, 2 for unusable input.`;

interface Described {
  readonly objects: ManifestObject[];
  readonly checks: SynthChecks;
}

/** The objects and nodes of main.ts, whether its synthesis is refused or not. */
async function describedChart(): Promise<Described | undefined> {
  const work = mkdtempSync(join(tmpdir(), 'capacity-'));
  try {
    await runMain(join(work, 'dist'));
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  process.exitCode = 0;
  const constructs = describedApps.flatMap(app => app.node.findAll());
  const checks = constructs.find(construct => construct instanceof SynthChecks);
  if (checks === undefined) return undefined;
  const objects = constructs.filter(ApiObject.isApiObject).map(object => (object as ApiObject).toJson());
  return { objects: manifestObjects(objects), checks };
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      json: { type: 'boolean' },
      html: { type: 'string' },
      nodes: { type: 'string' },
      'instance-type': { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  if (values.help === true) {
    console.log(USAGE);
    return 0;
  }
  const problems: string[] = [];
  const count =
    values.nodes === undefined ? undefined : wholeNumber('nodes', values.nodes, 1, 10_000, problems);
  if (values.json === true && values.html !== undefined)
    problems.push('--json and --html are both given; choose one');
  if (values.html !== undefined && !isWritable(dirname(values.html)))
    problems.push(
      `--html is ${JSON.stringify(values.html)} but must be a file in a folder that can be written`,
    );
  if (problems.length > 0) throw new Error(problems.join('\n'));
  const chart = await describedChart();
  if (chart === undefined) {
    console.error('main.ts describes no LakehouseChart; its errors are above');
    return 2;
  }
  const group = new NodeGroup({
    ...chart.checks.nodes,
    ...(count === undefined ? {} : { count }),
    ...(values['instance-type'] === undefined ? {} : { instanceType: instanceType(values['instance-type']) }),
  });
  let isStopped = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      isStopped = true;
    });
  const draws = process.stderr.isTTY === true;
  const services = chart.checks.services ?? servicesBeside(chart.objects);
  const nodes: FitNodes = { list: nodesOf(group), source: 'the chart', areDescribed: true };
  const { findings } = review(chart.objects, {
    nodes,
    services,
    only: ['executor-does-not-fit', 'set-does-not-fit'],
  });
  const report = await capacityReport(chart.objects, nodes.list, {
    services,
    findings,
    isStopped: () => isStopped,
    onProgress: ({ done, of, title }) => {
      if (draws) process.stderr.write(`\r\x1b[2K${done + 1} of ${of}: ${title}`);
    },
  });
  if (draws) process.stderr.write('\r\x1b[2K');
  const isOwn = new Set(chart.objects);
  const advice = isStopped ? [] : await advise(report.sets, nodes.list, set => isOwn.has(set.owner));
  if (values.html !== undefined) {
    writeFileSync(values.html, reportHtml(report, advice));
    console.error(`written to ${values.html}`);
  } else if (values.json === true) {
    console.log(JSON.stringify(reportJson(report, advice), null, 2));
  } else {
    const isTerminal = process.stdout.isTTY === true;
    process.stdout.write(
      reportText(report, advice, {
        isColoured: isTerminal && process.env['NO_COLOR'] === undefined,
        columns: isTerminal ? process.stdout.columns || 80 : Number.POSITIVE_INFINITY,
      }),
    );
  }
  if (isStopped) {
    console.error('stopped: what is above is complete, the remaining scenarios were not looked at');
    return 130;
  }
  const fits = report.scenarios.filter(({ scenario }) => ['start', 'most'].includes(scenario.id));
  return fits.some(({ verdict }) => verdict.verdict === 'impossible') ? 1 : 0;
}

main()
  .catch(error => {
    console.error(error instanceof Error ? error.message : String(error));
    return 2;
  })
  .then(code => {
    process.exitCode = code;
  });
