import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

/** A dozen programs are run one after the other, each for a second or two of the processor. */
jest.setTimeout(600_000);

const root = path.join(__dirname, '..');
const original = readFileSync(path.join(root, 'main.ts'), 'utf8');

/** What `npm run synth` runs, without npm and tsx around it. */
const script =
  readFileSync(path.join(root, 'package.json'), 'utf8').match(/"synth": "tsx (?<file>[^"]+)"/)?.groups?.[
    'file'
  ] ?? '';

interface Run {
  readonly exitCode: number;
  readonly stderr: string;
  /** The files of dist/ afterwards, by name. */
  readonly dist: Readonly<Record<string, string>>;
}

/** A copy of the project that has another main.ts, and a dist/ of one file. */
function projectOf(main: string): string {
  const project = mkdtempSync(path.join(tmpdir(), 'project-'));
  for (const shared of ['lib', 'imports', 'spark-jobs', 'was', 'node_modules']) {
    symlinkSync(path.join(root, shared), path.join(project, shared));
  }
  for (const own of ['package.json', 'tsconfig.json', 'scripts']) {
    cpSync(path.join(root, own), path.join(project, own), { recursive: true });
  }
  writeFileSync(path.join(project, 'main.ts'), main);
  cpSync(path.join(root, '.editorconfig'), path.join(project, 'dist', 'former.yaml'));
  return project;
}

/** Runs the script of `npm run synth` in a copy of the project for each main.ts, all in one process. */
async function synthEach(mains: readonly string[]): Promise<Run[]> {
  const projects = mains.map(projectOf);
  try {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--import', 'tsx', path.join(__dirname, 'synth-projects.ts'), script, ...projects],
      { cwd: root },
    );
    const ends: Omit<Run, 'dist'>[] = stdout
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line));
    return ends.map((end, index) => ({
      ...end,
      dist: manifestsIn(path.join(projects[index] ?? '', 'dist')),
    }));
  } finally {
    for (const project of projects) rmSync(project, { recursive: true });
  }
}

function manifestsIn(folder: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter(file => file.endsWith('.yaml'))
      .map(file => [file, readFileSync(path.join(folder, file), 'utf8')]),
  );
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
    'const small = { replicas: 1, memory: { request: Size.mebibytes(128), limit: Size.mebibytes(256) } };',
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

test('main.ts as it is synthesizes, in a process of its own, and what it writes is the committed dist/', async () => {
  const project = projectOf(original);
  try {
    const run = promisify(execFile)(process.execPath, ['--import', 'tsx', script], { cwd: project });
    await expect(run).resolves.toMatchObject({ stderr: '' });
    expect(manifestsIn(path.join(project, 'dist'))).toEqual(manifestsIn(path.join(root, 'dist')));
  } finally {
    rmSync(project, { recursive: true });
  }
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
    /\[Deployment\/was\/was\] container was has no (cpu|memory) limit but every container needs one; set \1\.limit, e\.g\. (Cpu\.millis\(500\)|Size\.mebibytes\(512\)) \(rule container-without-limits/,
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
        "new WasService(lakehouse, 'shop', { name: 'shop', ...small, topic: lakehouse.kafka.topic('user-activity-log') });",
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
    { after: "new WasService(lakehouse, 'second', { ...small, topic: lakehouse.topic });" },
    /Deployment\/was\/was.*; .*rule duplicate-object/,
  ],
  [
    'an image without a tag',
    { props: "was: { image: 'registry.example.com/was' }," },
    /\[Deployment\/was\/was\] container was has image "registry\.example\.com\/was" but an image must be pinned by a tag .*; set image, e\.g\. was:1\.4\.2 \(rule mutable-image-tag\)/,
  ],
];

describe('an edit of main.ts is refused, and the former dist/ stays', () => {
  let runs: Run[];
  beforeAll(async () => {
    runs = await synthEach(EDITS.map(([, edit]) => edited(edit)));
  });

  test.each(EDITS.map((edit, index) => [...edit, index] as const))('%s', (_name, _edit, message, index) => {
    const run = runs[index];
    const sentences = run?.stderr.split('\n') ?? [];
    expect(sentences.pop()).toMatch(/^\d errors?, nothing was written$/);
    // One mistake is said once, and nothing else is.
    expect(sentences).toEqual(sentences.map(() => expect.stringMatching(message)));
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
          "new WasService(lakehouse, 'shop', { name: 'shop', ...small, topic: lakehouse.kafka.topic('user-activity-logs') });",
      },
    ],
    ['ZooKeeper with Strimzi 0.45', { props: 'kafka: { coordination: KafkaCoordination.zookeeper() },' }],
  ];
  let runs: Run[];
  beforeAll(async () => {
    runs = await synthEach(ALLOWED.map(([, edit]) => edited(edit)));
  });

  test.each(ALLOWED.map((edit, index) => [...edit, index] as const))('%s', (_name, _edit, index) => {
    const run = runs[index];
    expect(run?.stderr).toBe('');
    expect(run?.exitCode).toBe(0);
    expect(Object.keys(run?.dist ?? {})).toContain('00-cluster.k8s.yaml');
  });
});
