import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { builtOracle } from '../e2e/scheduler/build';
import { compare, type Tally } from '../e2e/scheduler/compare';
import { goldenVectors } from '../e2e/scheduler/golden';
import { SchedulerOracle } from '../e2e/scheduler/oracle';
import { randomCluster } from '../e2e/scheduler/random-cluster';

const GOLDEN = resolve(__dirname, '..', 'e2e', 'scheduler', 'golden.jsonl');

/**
 * Compares verdicts on random clusters with the real kube-scheduler: [instances] [orders] [first seed]. With the
 * argument `golden`, writes the vectors that the unit tests replay.
 */
async function main(): Promise<number> {
  if (process.argv[2] === 'golden') {
    const oracle = new SchedulerOracle(builtOracle());
    const vectors = await goldenVectors(oracle, 60);
    oracle.stop();
    writeFileSync(GOLDEN, vectors.map(vector => `${JSON.stringify(vector)}\n`).join(''));
    return 0;
  }
  const [instances = 500, orders = 20, first = 1] = process.argv.slice(2).map(Number);
  const started = Date.now();
  const oracle = new SchedulerOracle(builtOracle());
  const tally: Tally = { guaranteed: 0, 'order-dependent': 0, impossible: 0, undecided: 0 };
  let wrong = 0;
  let undecidedKinds = 0;
  let kinds = 0;
  // Ctrl-C ends it with what is compared so far.
  let stopped = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      stopped = true;
    });
  let seed = first;
  for (; seed < first + instances && !stopped; seed++) {
    const { verdict, contradictions } = await compare(oracle, randomCluster(seed), seed, orders);
    tally[verdict.verdict]++;
    kinds += verdict.kinds.length;
    undecidedKinds += verdict.kinds.filter(kind => kind.verdict === 'undecided').length;
    for (const contradiction of contradictions) {
      wrong++;
      console.log(`seed ${seed}: ${contradiction}`);
    }
    if (process.stderr.isTTY) process.stderr.write(`\r${seed - first + 1} of ${instances}`);
  }
  oracle.stop();
  const minutes = ((Date.now() - started) / 60_000).toFixed(1);
  const { user, system } = process.cpuUsage();
  console.log(
    `${seed - first} random clusters (seeds from ${first}) × ${orders} orders in ${minutes} min, ` +
      `${((user + system) / 1e6).toFixed(0)} CPU-s of the engine: ${JSON.stringify(tally)}, ` +
      `${undecidedKinds} of ${kinds} pod kinds undecided, ${wrong} contradictions`,
  );
  return wrong === 0 ? 0 : 1;
}

main().then(code => {
  process.exitCode = code;
});
