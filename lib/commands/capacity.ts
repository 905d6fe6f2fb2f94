import { accessSync, constants, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { type App, Size } from 'cdk8s';
import { advise } from '../checker/capacity/advice';
import { type ClusterService, servicesBeside } from '../checker/capacity/cluster-services';
import { frequencies } from '../checker/capacity/frequency';
import { type InstanceType, instanceType } from '../checker/capacity/instance-types';
import { nodesOf } from '../checker/capacity/node';
import { capacityReport } from '../checker/capacity/report';
import { reportHtml } from '../checker/capacity/report-html';
import { reportJson } from '../checker/capacity/report-json';
import { reportText } from '../checker/capacity/report-text';
import { whatIf } from '../checker/capacity/what-if';
import type { FitNodes } from '../checker/facts/nodes';
import { type ManifestObject, manifestObjects } from '../checker/object/manifest-object';
import { review } from '../checker/review/review';
import { clusterNodes } from '../lakehouse/cluster/cluster-nodes';
import { NodeGroup } from '../lakehouse/cluster/node-group';
import { describedObjects } from '../lakehouse/plain-objects';
import { SynthChecks } from '../lakehouse/synth-checks';
import { commandLine, UnusableInput, type Values } from './command-line';
import { describedApp } from './program';
import { wholeNumber } from './whole-number';

const USAGE = `usage: cdk8s-lakehouse capacity [--json | --html FILE] [--nodes N] [--instance-type TYPE]
                                     [--frequency ORDERS] [--what-if]

Every scenario of what main.ts describes, on its nodes: what is guaranteed, what depends on the order of arrival, what
is impossible. A program that synth refuses is looked at too. --frequency also lets all pods arrive in that many random
orders, 100 to 100000, and says how often each kind was placed, with the interval of that share;
--what-if says of each set of replicas and executors how many would fit, and how many would be guaranteed.
Exit 0 when everything has a placement at its most, 1 when not, 2 for unusable input.`;

const OPTIONS = {
  json: { type: 'boolean' },
  html: { type: 'string' },
  nodes: { type: 'string' },
  'instance-type': { type: 'string' },
  frequency: { type: 'string' },
  'what-if': { type: 'boolean' },
} as const;

export function capacity(args: readonly string[]): Promise<void> {
  return commandLine(USAGE, OPTIONS, report, args);
}

interface System {
  readonly objects: ManifestObject[];
  readonly nodes: NodeGroup;
  readonly services: readonly ClusterService[];
}

/** The objects of an app, and the nodes and services that its checks count on. */
function systemOf(app: App): System {
  const checks = app.node.findAll().find(construct => construct instanceof SynthChecks);
  const objects = manifestObjects(describedObjects(app));
  return {
    objects,
    nodes: checks?.nodes ?? clusterNodes(),
    services: checks?.services ?? servicesBeside(objects),
  };
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function knownType(name: string, problems: string[]): InstanceType | undefined {
  try {
    return instanceType(name);
  } catch (error) {
    problems.push(`--instance-type: ${(error as Error).message}`);
    return undefined;
  }
}

async function report(values: Values<typeof OPTIONS>): Promise<void> {
  const problems: string[] = [];
  const count =
    values.nodes === undefined ? undefined : wholeNumber('nodes', values.nodes, 1, 10_000, problems);
  const type =
    values['instance-type'] === undefined ? undefined : knownType(values['instance-type'], problems);
  const orders =
    values.frequency === undefined
      ? undefined
      : wholeNumber('frequency', values.frequency, 100, 100_000, problems);
  if (values['what-if'] === true && values.html !== undefined)
    problems.push(
      '--what-if and --html are both given; the page does not show it, choose --json or the text',
    );
  if (orders !== undefined && values.html !== undefined)
    problems.push(
      '--frequency and --html are both given; the page does not show it, choose --json or the text',
    );
  if (values.json === true && values.html !== undefined)
    problems.push('--json and --html are both given; choose one');
  if (values.html !== undefined && !isWritable(dirname(values.html)))
    problems.push(
      `--html is ${JSON.stringify(values.html)} but must be a file in a folder that can be written`,
    );
  if (problems.length > 0) throw new UnusableInput(problems.join('\n'));
  const { value: system } = await describedApp(systemOf);
  if (system === undefined) {
    process.exitCode = 2;
    return;
  }
  const group = new NodeGroup({
    ...system.nodes,
    rootVolume: Size.gibibytes(system.nodes.rootVolumeGiB),
    ...(count === undefined ? {} : { count }),
    ...(type === undefined ? {} : { instanceType: type }),
  });
  let isStopped = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      isStopped = true;
    });
  const draws = process.stderr.isTTY === true;
  const nodes: FitNodes = { list: nodesOf(group), source: 'the chart', areDescribed: true };
  const { services } = system;
  const { findings } = review(system.objects, {
    nodes,
    services,
    only: ['executor-does-not-fit', 'set-does-not-fit', 'invalid-quantity'],
  });
  const found = await capacityReport(system.objects, nodes.list, {
    services,
    findings,
    isStopped: () => isStopped,
    onProgress: ({ done, of, title }) => {
      if (draws) process.stderr.write(`\r\x1b[2K${done + 1} of ${of}: ${title}`);
    },
  });
  if (draws) process.stderr.write('\r\x1b[2K');
  const isOwn = new Set(system.objects);
  const waiting = new Set(
    found.scenarios
      .filter(({ scenario: { id } }) => ['start', 'most'].includes(id))
      .flatMap(({ waits }) => waits.map(({ set }) => set)),
  );
  const advice = isStopped
    ? []
    : await advise(
        found.sets,
        nodes.list,
        set => isOwn.has(set.owner),
        set => waiting.has(set),
      );
  const most = found.scenarios.find(({ scenario }) => scenario.id === 'most');
  const shares = orders === undefined || most === undefined ? [] : frequencies(most.scenario.problem, orders);
  const growths =
    values['what-if'] === true && !isStopped
      ? await whatIf(found.sets, nodes.list, set => isOwn.has(set.owner))
      : [];
  const asked = { shares, growths };
  if (values.html !== undefined) {
    writeFileSync(values.html, reportHtml(found, advice));
    console.error(`written to ${values.html}`);
  } else if (values.json === true) {
    console.log(JSON.stringify(reportJson(found, advice, asked), null, 2));
  } else {
    const isTerminal = process.stdout.isTTY === true;
    process.stdout.write(
      reportText(
        found,
        advice,
        {
          isColoured: isTerminal && process.env['NO_COLOR'] === undefined,
          columns: isTerminal ? process.stdout.columns || 80 : Number.POSITIVE_INFINITY,
        },
        asked,
      ),
    );
  }
  if (isStopped) {
    console.error('stopped: what is above is complete, the remaining scenarios were not looked at');
    process.exitCode = 130;
    return;
  }
  const fits = found.scenarios.filter(({ scenario }) => ['start', 'most'].includes(scenario.id));
  if (fits.some(({ verdict }) => verdict.verdict === 'impossible')) process.exitCode = 1;
}
