import { ApiObject, Testing } from 'cdk8s';
import { checkFit } from '../lib/checker/capacity/check-fit';
import { instanceType } from '../lib/checker/capacity/instance-types';
import { nodesOf } from '../lib/checker/capacity/node';
import { buildProblem } from '../lib/checker/capacity/problem';
import { capacityReport } from '../lib/checker/capacity/report';
import { findPlacement } from '../lib/checker/capacity/search';
import { decide } from '../lib/checker/capacity/verdict';
import { expandPods } from '../lib/checker/manifest/pods';
import { manifestObjects } from '../lib/checker/object/manifest-object';
import { commandLine } from '../lib/commands/command-line';
import { LakehouseChart } from '../lib/lakehouse/lakehouse-chart';
import { median } from './median';

const USAGE = `Usage: npm run bench:capacity

How long the fit check of a synthesis and the whole capacity report of the default chart take, and how the verdict
grows with the cluster: n nodes of m6i.large with ten pods each. Prints seconds of the processor, which other work on
the machine does not change, each also as a multiple of the smallest.`;

const GROWTH = [4, 10, 25, 50, 100];
const ROUNDS = 5;
const m6iLarge = instanceType('m6i.large');

async function seconds(work: () => unknown): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

/**
 * About ten pods a node: nineteen kinds of small ones, 64–190m, and one of 800m for every fourth node. The small ones
 * together can just about keep the large ones off every node: the hard case.
 */
function pods(nodes: number): ReturnType<typeof expandPods> {
  return expandPods(
    manifestObjects(
      Array.from({ length: 20 }, (_, index) => ({
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: `app-${index}`, namespace: 'default' },
        spec: {
          replicas: index === 0 ? Math.ceil(nodes / 4) : Math.max(1, Math.round((nodes * 9.5) / 19)),
          template: {
            metadata: { labels: { app: `app-${index}` } },
            spec: {
              containers: [
                {
                  name: 'main',
                  resources: {
                    requests: {
                      cpu: `${index === 0 ? 800 : 57 + 7 * index}m`,
                      memory: `${200 + 47 * (index % 7)}Mi`,
                    },
                  },
                },
              ],
            },
          },
        },
      })),
    ),
  );
}

async function run(): Promise<void> {
  const chart = new LakehouseChart(Testing.app(), 'lakehouse');
  const objects = manifestObjects(
    chart.node
      .findAll()
      .filter(ApiObject.isApiObject)
      .map(object => (object as ApiObject).toJson()),
  );
  const four = nodesOf({ name: 'default', instanceType: m6iLarge, count: 4 });
  const checks: number[] = [];
  for (let round = 0; round < ROUNDS; round++) checks.push(await seconds(() => checkFit(objects, four)));
  console.log('seconds of the processor');
  console.log(
    `fit check of a synthesis, default chart: ${checks[0]?.toFixed(3)} s the first time, ${median(checks).toFixed(3)} s as the median of ${ROUNDS}`,
  );
  let scenarios = 0;
  const report = await seconds(async () => {
    scenarios = (await capacityReport(objects, four)).scenarios.length;
  });
  console.log(`whole report, ${scenarios} scenarios: ${report.toFixed(1)} s`);

  console.log(
    'nodes  pods  placement s      ×   verdict s      ×  verdict (kinds: guaranteed, order-dependent, undecided)',
  );
  let first: readonly [number, number] | undefined;
  for (const count of GROWTH) {
    const nodes = nodesOf({ name: 'n', instanceType: m6iLarge, count });
    const problem = buildProblem(
      nodes,
      pods(count).map(set => ({ set, count: set.replicas.max })),
    );
    const placement = await seconds(() => findPlacement(problem));
    let line = '';
    const verdict = await seconds(async () => {
      const result = await decide(problem);
      const of = (name: string) => result.kinds.filter(kind => kind.verdict === name).length;
      line = `${result.verdict} (${of('guaranteed')}, ${of('order-dependent')}, ${of('undecided')})`;
    });
    first ??= [placement, verdict];
    const total = problem.kinds.reduce((sum, kind) => sum + kind.count, 0);
    console.log(
      `${String(count).padStart(5)} ${String(total).padStart(5)} ${placement.toFixed(3).padStart(12)} ${(placement / first[0]).toFixed(1).padStart(6)} ${verdict.toFixed(2).padStart(11)} ${(verdict / first[1]).toFixed(1).padStart(6)}  ${line}`,
    );
  }
}

commandLine(USAGE, {}, run);
