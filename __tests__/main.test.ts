import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** Real processes, two at a time: synthesis itself takes about a second. */
jest.setTimeout(240_000);

const root = path.join(__dirname, '..');
const original = readFileSync(path.join(root, 'main.ts'), 'utf8');

/** What `npm run synth` runs, without npm and tsx around it. */
const script =
  readFileSync(path.join(root, 'package.json'), 'utf8')
    .match(/"synth": "tsx (?<file>[^"]+)"/)
    ?.groups?.['file']?.split(' ') ?? [];

interface Run {
  readonly exitCode: number;
  readonly stderr: string;
  /** The files of dist/ afterwards, by name. */
  readonly dist: Readonly<Record<string, string>>;
}

/** Runs the script of `npm run synth` in a copy of the project that has another main.ts, and a dist/ of one file. */
async function synth(main: string): Promise<Run> {
  const project = mkdtempSync(path.join(tmpdir(), 'project-'));
  try {
    for (const shared of ['lib', 'imports', 'spark-jobs', 'was', 'node_modules']) {
      symlinkSync(path.join(root, shared), path.join(project, shared));
    }
    for (const own of ['package.json', 'tsconfig.json', 'scripts']) {
      cpSync(path.join(root, own), path.join(project, own), { recursive: true });
    }
    writeFileSync(path.join(project, 'main.ts'), main);
    cpSync(path.join(root, '.editorconfig'), path.join(project, 'dist', 'former.yaml'));
    const { exitCode, stderr } = await new Promise<Omit<Run, 'dist'>>(resolve => {
      execFile(process.execPath, ['--import', 'tsx', ...script], { cwd: project }, (error, _, stderr) =>
        resolve({ exitCode: error === null ? 0 : Number(error.code), stderr }),
      );
    });
    const dist = path.join(project, 'dist');
    const files = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter(file =>
      file.endsWith('.yaml'),
    );
    return {
      exitCode,
      stderr,
      dist: Object.fromEntries(files.map(file => [file, readFileSync(path.join(dist, file), 'utf8')])),
    };
  } finally {
    rmSync(project, { recursive: true });
  }
}

interface Edit {
  /** Props that are added to the chart's. */
  readonly props?: string;
  /** Statements after the chart. */
  readonly after?: string;
}

/** main.ts with an edit, and with everything in scope that the edits use. */
function edited({ props = '', after = '' }: Edit): string {
  const imports = [
    "import { Duration, Size } from 'cdk8s';",
    "import { Cpu } from 'cdk8s-plus-28';",
    "import { KafkaCoordination } from './lib/constructs/kafka-cluster';",
    "import { SparkExecutorCount } from './lib/constructs/spark-job';",
    "import { WasService } from './lib/constructs/was-service';",
  ];
  const start = "new LakehouseChart(app, 'lakehouse', {";
  const end = /\n {2}\}\);\n/;
  if (!original.includes(start) || !end.test(original))
    throw new Error('main.ts has another form than this test expects');
  return [
    ...imports,
    original
      .replace(start, `const lakehouse = ${start} ${props}`)
      .replace(end, match => `${match}${after}\n`),
  ].join('\n');
}

/** At most two at once. */
function inTurns<T>(): (task: () => Promise<T>) => Promise<T> {
  const lanes: Promise<unknown>[] = [Promise.resolve(), Promise.resolve()];
  let next = 0;
  return task => {
    const lane = next++ % lanes.length;
    const run = (lanes[lane] ?? Promise.resolve()).then(task);
    lanes[lane] = run.catch(() => undefined);
    return run;
  };
}

const turn = inTurns<Run>();

describe('main.ts as it is', () => {
  test('synthesizes, and what it writes is the committed dist/', async () => {
    const { exitCode, stderr, dist } = await turn(() => synth(original));
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    const committed = readdirSync(path.join(root, 'dist'), { recursive: true, encoding: 'utf8' })
      .filter(file => file.endsWith('.yaml'))
      .map(file => [file, readFileSync(path.join(root, 'dist', file), 'utf8')]);
    expect(dist).toEqual(Object.fromEntries(committed));
  });
});

/** What is edited, the edit, and what the refusal says: object, value, what is allowed, remedy. */
const EDITS: readonly (readonly [string, Edit, RegExp])[] = [
  [
    'gold executors that request 2 cores',
    { props: 'gold: { executor: { cpu: { request: Cpu.units(2), limit: Cpu.units(2) } } },' },
    /activity-gold.*executor needs 2000m cpu but m6i\.large allocates 1750m after its daemon pods; set .* to at most 1750m.*rule executor-does-not-fit/,
  ],
  [
    'gold executors of 6g',
    { props: 'gold: { executor: { memory: Size.gibibytes(6) } },' },
    /activity-gold.*executor needs 7373Mi memory but m6i\.large allocates \d+Ki after its daemon pods; set .*memory.* to at most .*rule executor-does-not-fit/,
  ],
  [
    'one executor',
    { props: 'gold: { executors: SparkExecutorCount.fixed(1) },' },
    /stream activity-gold has executor\.instances 1, .*at least 2 are needed; set executor\.instances to at least 2.*rule single-executor/,
  ],
  [
    'web servers without limits',
    { props: 'was: { cpu: { request: Cpu.millis(200) }, memory: { request: Size.mebibytes(512) } },' },
    /Deployment was\/was has no cpu limit but every container needs one; set cpu\.limit, e\.g\. Cpu\.millis\(500\).*rule container-without-limits/,
  ],
  [
    'four gold executors of 2 full cores',
    {
      props:
        'gold: { executors: SparkExecutorCount.fixed(4), executor: { taskSlots: 2, cpu: { request: Cpu.units(2), limit: Cpu.units(2) } } },',
    },
    /activity-gold.*executor needs 2000m cpu but m6i\.large allocates 1750m/,
  ],
  [
    'a topic name that no cluster has',
    {
      after:
        "new WasService(lakehouse, 'shop', { name: 'shop', topic: lakehouse.kafka.topic('user-activity-log') });",
    },
    /kafka cluster kafka\/streaming-cluster has no topic "user-activity-log", only user-activity-logs; add it with addTopic\(\), or use one of these/,
  ],
  [
    'a checkpoint on a local path',
    { props: "gold: { checkpoint: '/app/checkpoints' as never }," },
    /spark job activity-gold has checkpoint "\/app\/checkpoints" but only a folder of an object store .*; set checkpoint to .*rule checkpoint-on-volume/,
  ],
  [
    'a bucket that does not exist',
    { props: "minio: { buckets: ['raw-data', 'silver'] }," },
    /object store has no bucket "gold", only raw-data, silver; add it to buckets, or use one of these/,
  ],
  [
    'a retention that overflows the brokers’ volumes',
    { props: 'topic: { retention: Duration.days(90) },' },
    /kafka\/streaming-cluster.* comes to hold [\d.]+Gi .* but its volume of 10Gi may fill to 8\.5Gi .*; set storage to at least Size\.gibibytes\(\d+\), or /,
  ],
  [
    'ZooKeeper with Strimzi 1.x',
    { props: "kafka: { coordination: KafkaCoordination.zookeeper(), strimziVersion: '1.2.0' }," },
    /kafka cluster kafka\/streaming-cluster coordinates by zookeeper with Strimzi 1\.2\.0 but that release coordinates by kraft; set strimziVersion to 0\.45\.2, or choose another coordination/,
  ],
  [
    'two objects of one name',
    { after: "new WasService(lakehouse, 'second', { topic: lakehouse.topic });" },
    /Deployment\/was\/was.*; .*rule duplicate-object/,
  ],
  [
    'an image without a tag',
    { props: "was: { image: 'registry.example.com/was' }," },
    /Deployment was\/was has image "registry\.example\.com\/was" but an image must be pinned by a tag .*; set image, e\.g\. was:1\.4\.2 \(rule mutable-image-tag\)/,
  ],
];

describe('an edit of main.ts is refused, and the former dist/ stays', () => {
  const runs = new Map(EDITS.map(([name, edit]) => [name, turn(() => synth(edited(edit)))]));

  test.each(EDITS)('%s', async (name, _, message) => {
    const run = await runs.get(name);
    expect(run?.stderr).toMatch(message);
    expect(run?.stderr).not.toMatch(/^ {4}at /m);
    expect(run?.exitCode).toBe(1);
    expect(Object.keys(run?.dist ?? {})).toEqual(['former.yaml']);
  });
});

describe('the nearest edit that is allowed is not refused', () => {
  const ALLOWED: readonly (readonly [string, Edit])[] = [
    [
      'gold executors that request half a core and use up to two',
      { props: 'gold: { executor: { cpu: { limit: Cpu.units(2) } } },' },
    ],
    [
      'a second set of web servers of another name on the same topic',
      {
        after:
          "new WasService(lakehouse, 'shop', { name: 'shop', replicas: 1, memory: { request: Size.mebibytes(128), limit: Size.mebibytes(256) }, topic: lakehouse.kafka.topic('user-activity-logs') });",
      },
    ],
    ['ZooKeeper with Strimzi 0.45', { props: 'kafka: { coordination: KafkaCoordination.zookeeper() },' }],
  ];
  const runs = new Map(ALLOWED.map(([name, edit]) => [name, turn(() => synth(edited(edit)))]));

  test.each(ALLOWED)('%s', async name => {
    const run = await runs.get(name);
    expect(run?.stderr).toBe('');
    expect(run?.exitCode).toBe(0);
    expect(Object.keys(run?.dist ?? {})).toContain('00-cluster.k8s.yaml');
  });
});
