import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { builtOracle } from '../e2e/scheduler/build';
import { CASES, caseContest, type SchedulerCase } from '../e2e/scheduler/cases';
import { type Contest, compare, contestOf, type Tally } from '../e2e/scheduler/compare';
import { goldenVectors, preemptionVectors } from '../e2e/scheduler/golden';
import { SchedulerOracle } from '../e2e/scheduler/oracle';
import { outsideCluster } from '../e2e/scheduler/outside-cluster';
import { randomCluster, MIXES as USUAL_MIXES } from '../e2e/scheduler/random-cluster';
import { wholeNumber } from '../lib/commands/whole-number';

const USAGE = `usage: npm run test:scheduler [-- [--clusters N] [--orders N] [--seed N] [--mix M] | --golden]
Compares the capacity verdicts on random clusters with the real kube-scheduler, which is built first (needs Go).
  --clusters N   how many, 1 to 1000000 (default 500)
  --orders N     orders of arrival for each, an even number from 2 to 1000 (default 20)
  --seed N       of the first cluster; each next one has the next seed (default 1)
  --mix M        usual (default): up to 10 nodes and 60 pods, every filter about as often as in a cluster at work;
                 relations: small clusters in which nearly every pod has affinities, spreads and a priority
                 outside: written from the API reference: DaemonSets of each priority, host addresses, label keys,
                 namespace selectors, init containers and sidecars, overhead, profiles of nodes, bound volumes, budgets
                 cases: the edges of the filters that are unit tests as well, each once
  --golden       compare nothing; write the vectors that the unit tests replay (e2e/scheduler/golden*.jsonl)
Exit 0 without a contradiction, 1 with one, 2 for unusable input, 130 when stopped; then it says what it has so far.`;
const FOLDER = resolve(__dirname, '..', 'e2e', 'scheduler');
const PROGRESS_MS = 60_000;

async function writeGolden(): Promise<number> {
  const oracle = new SchedulerOracle(await builtOracle());
  const lines = (vectors: readonly unknown[]) =>
    vectors.map(vector => `${JSON.stringify(vector)}\n`).join('');
  writeFileSync(resolve(FOLDER, 'golden.jsonl'), lines(await goldenVectors(oracle, 60)));
  writeFileSync(resolve(FOLDER, 'golden-preemption.jsonl'), lines(await preemptionVectors(oracle, 120)));
  oracle.stop();
  return 0;
}

const MIXES = {
  usual: (seed: number) => contestOf(randomCluster(seed, USUAL_MIXES.usual)),
  relations: (seed: number) => contestOf(randomCluster(seed, USUAL_MIXES.relations)),
  outside: outsideCluster,
  cases: (seed: number) => caseContest(CASES[(seed - 1) % CASES.length] as SchedulerCase),
} satisfies Readonly<Record<string, (seed: number) => Contest>>;

type MixName = keyof typeof MIXES;

async function compareClusters(
  clusters: number,
  orders: number,
  first: number,
  mix: MixName,
): Promise<number> {
  let isStopped = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      isStopped = true;
    });
  const oracle = new SchedulerOracle(await builtOracle());
  const started = Date.now();
  const tally: Tally = { guaranteed: 0, 'order-dependent': 0, impossible: 0, undecided: 0 };
  let contradicted = 0;
  let undecidedKinds = 0;
  let replayed = 0;
  let kinds = 0;
  let seed = first;
  const soFar = () => {
    const minutes = ((Date.now() - started) / 60_000).toFixed(1);
    const { user, system } = process.cpuUsage();
    return (
      `${seed - first} of ${last - first} random clusters (${mix} mix, seeds from ${first}) × ${orders} orders in ${minutes} min, ` +
      `${((user + system) / 1e6).toFixed(0)} CPU-s of the engine: ${JSON.stringify(tally)}, ` +
      `${undecidedKinds} of ${kinds} pod kinds undecided, ${replayed} witnesses replayed, ${contradicted} contradictions`
    );
  };
  const last = mix === 'cases' ? first + Math.min(clusters, CASES.length) : first + clusters;
  const draws = process.stderr.isTTY === true;
  let told = started;
  for (; seed < last && !isStopped; seed++) {
    const { verdict, contradictions, witnesses } = await compare(oracle, MIXES[mix](seed), seed, orders);
    replayed += witnesses;
    tally[verdict.verdict]++;
    kinds += verdict.kinds.length;
    undecidedKinds += verdict.kinds.filter(kind => kind.verdict === 'undecided').length;
    contradicted += contradictions.length;
    if (draws) process.stderr.write('\r\x1b[2K');
    for (const contradiction of contradictions) console.log(`seed ${seed}: ${contradiction}`);
    if (verdict.verdict === 'undecided') console.log(`seed ${seed}: undecided`);
    if (draws) {
      process.stderr.write(`${seed - first + 1} of ${clusters}`);
    } else if (Date.now() - told >= PROGRESS_MS) {
      told = Date.now();
      console.error(soFar());
    }
  }
  oracle.stop();
  if (draws) process.stderr.write('\r\x1b[2K');
  console.log(soFar());
  if (contradicted > 0) return 1;
  return isStopped ? 130 : 0;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      clusters: { type: 'string', default: '500' },
      orders: { type: 'string', default: '20' },
      seed: { type: 'string', default: '1' },
      mix: { type: 'string', default: 'usual' },
      golden: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  if (values.golden) return writeGolden();
  const problems: string[] = [];
  const clusters = wholeNumber('clusters', values.clusters, 1, 1_000_000, problems);
  const orders = wholeNumber('orders', values.orders, 2, 1000, problems);
  const seed = wholeNumber('seed', values.seed, 0, 2 ** 31, problems);
  if (problems.length === 0 && orders % 2 === 1)
    problems.push(
      `--orders is ${orders} but must be even: in half of them the scheduler's scores choose the node`,
    );
  const mix = (Object.keys(MIXES) as MixName[]).find(name => name === values.mix);
  if (mix === undefined)
    problems.push(`--mix is ${values.mix} but must be ${Object.keys(MIXES).join(' or ')}`);
  if (problems.length > 0 || mix === undefined) throw new Error(problems.join('\n'));
  return compareClusters(clusters, orders, seed, mix);
}

main()
  .catch((error: Error) => {
    console.error(error.message);
    return 2;
  })
  .then(code => {
    process.exitCode = code;
  });
