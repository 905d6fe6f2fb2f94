import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { App, Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-28';
import { needs, tools } from '../lib/commands/prerequisites';
import { LakehouseChart, type LakehouseChartProps } from '../lib/lakehouse/lakehouse-chart';
import * as versions from '../lib/lakehouse/versions';
import { REFUSED_EDITS } from './lakehouse/refused-edits';

/** The documentation says what the program does now. */
const root = path.join(__dirname, '..');
const read = (file: string) => readFileSync(path.join(root, file), 'utf8');
const pages = [
  'README.md',
  'CONTRIBUTING.md',
  ...readdirSync(path.join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter(file => file.endsWith('.md'))
    .map(file => path.join('docs', file)),
];

/** The anchor that a heading gets on the forges that render Markdown. */
const anchor = (heading: string) =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
const anchorsOf = (file: string) =>
  [...read(file).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => anchor(heading));

test.each(pages)('%s links to what is there', page => {
  const links = [...read(page).matchAll(/\]\((?!https?:)([^)\s]+)\)/g)].map(([, link = '']) => link);
  const broken = links.filter(link => {
    const [file = '', fragment] = link.split('#');
    const target = file === '' ? page : path.join(path.dirname(page), file);
    if (!existsSync(path.join(root, target))) return true;
    return fragment !== undefined && !anchorsOf(target).includes(fragment);
  });
  expect(broken).toEqual([]);
});

test.each(pages)('%s names commands that there are', page => {
  const { scripts } = JSON.parse(read('package.json'));
  const named = [...read(page).matchAll(/\bnpm run (?:-s |--silent )?([\w:-]+)/g)].map(([, name]) => name);
  expect(named.filter(name => name !== undefined && !(name in scripts))).toEqual([]);
});

test('every page of docs/ is in its index', () => {
  const index = read('docs/README.md');
  const own = readdirSync(path.join(root, 'docs')).filter(
    file => file.endsWith('.md') && file !== 'README.md',
  );
  expect(own.filter(file => !index.includes(`](${file})`))).toEqual([]);
});

test.each<[string, RegExp, readonly string[]]>([
  ['Strimzi', /\bStrimzi (\d+\.\d+\.\d+)/g, Object.values(versions.strimzi).map(({ version }) => version)],
  ['spark-operator', /\bspark-operator v?(\d+\.\d+\.\d+)/g, [versions.operators.spark.version]],
  ['Spark', /\bSpark (\d+\.\d+\.\d+)/g, [versions.spark.version]],
])('the README and the pages on deploying name the %s that is deployed', (_, pattern, known) => {
  const named = ['README.md', 'docs/gitops.md'].flatMap(page =>
    [...read(page).matchAll(pattern)].map(([, version = '']) => version),
  );
  expect(named.filter(version => !known.includes(version))).toEqual([]);
});

test('the README names the prerequisites in the versions that are pinned', () => {
  const readme = read('README.md');
  const { strimzi, operators, kubernetes } = versions;
  const { engines } = JSON.parse(read('package.json'));
  for (const sentence of [
    `Kubernetes ${kubernetes.oldest} or newer`,
    `Strimzi ${strimzi.kraft.version} (${strimzi.zookeeper.version} for ZooKeeper)`,
    `spark-operator ${operators.spark.version} with its webhook on`,
    `needs Node ${engines.node.replace('>=', '')} or newer`,
    `Python ${tools.python.oldest}+, Java ${tools.java.major} with Maven, and Go ${tools.go.oldest}+`,
  ]) {
    expect(readme).toContain(sentence);
  }
  expect(tools.node.oldest).toBe(engines.node.replace('>=', ''));
});

test('npm run doctor knows what each command of the README needs', () => {
  const rows = [...read('README.md').matchAll(/^\| `npm (?:run )?([\w:-]+)/gm)].map(([, name]) => name);
  const known = Object.keys(needs).flatMap(names => names.split(', '));
  expect(rows).toContain('synth');
  expect(rows.filter(name => name !== 'doctor' && !known.includes(name ?? ''))).toEqual([]);
});

test('docs/cluster.md says of each refused edit what the cluster makes of it', () => {
  const [, table = ''] =
    /\| edit \| the cluster \|\n\|---\|---\|\n((?:\|.*\n)+)/.exec(read('docs/cluster.md')) ?? [];
  const rows = [...table.matchAll(/^\| (.+?) \| (.+) \|$/gm)].map(([, name, says = '']) => ({
    name,
    isTaken: says.startsWith('takes it'),
  }));
  expect(rows).toEqual(
    REFUSED_EDITS.map(({ name, inCluster }) => ({ name, isTaken: inCluster === 'taken' })),
  );
});

test('CONTRIBUTING.md names folders and files that there are', () => {
  const named = [...read('CONTRIBUTING.md').matchAll(/`([\w.-]+\/[\w./-]*|[\w-]+\.(?:ts|json|md))`/g)].map(
    ([, name = '']) => name,
  );
  expect(named.length).toBeGreaterThan(20);
  const isThere = (name: string) =>
    ['', 'lib/lakehouse/'].some(folder => existsSync(path.join(root, folder, name)));
  expect(named.filter(name => !isThere(name) && !/[<*]|^(allowed|refused)\//.test(name))).toEqual([]);
});

test("the README's program is main.ts", () => {
  const [, program = ''] = /```ts\n\/\/ main\.ts\n([\s\S]*?)```/.exec(read('README.md')) ?? [];
  const main = read('main.ts');
  expect(program).toContain('new LakehouseChart');
  expect(main.replace("from './lib'", "from 'cdk8s-lakehouse'").trim()).toBe(program.trim());
});

describe('an error that the documentation shows is one that the program prints', () => {
  const printed = (props: LakehouseChartProps) => {
    const app = new App();
    new LakehouseChart(app, 'lakehouse', props);
    return app.node.findAll().flatMap(({ node }) => node.validate());
  };
  /** With one space for each line break; the path of a construct is put before its sentence when it is printed. */
  const shown = (page: string) => read(page).replaceAll(/\s+/g, ' ');

  test.each<[string, LakehouseChartProps, number]>([
    ['README.md', { gold: { executor: { cpu: { request: Cpu.units(2), limit: Cpu.units(2) } } } }, 1],
    ['docs/reading-errors.md', { gold: { executor: { cpu: { request: Cpu.units(2) } } } }, 2],
  ])('%s', (page, props, count) => {
    const said = printed(props);
    expect(said).toHaveLength(count);
    for (const sentence of said) expect(shown(page)).toContain(sentence);
  });

  test('docs/sizing.md', () => {
    const app = new App();
    const chart = new LakehouseChart(app, 'lakehouse', { traffic: { eventsPerSecond: 300 } });
    const [sentence = ''] = chart.store.node.validate();
    expect(sentence).toContain('comes to hold');
    expect(shown('docs/sizing.md')).toContain(sentence);
  });
});

test('docs/sizing.md states what each volume comes to hold by default', () => {
  const storage = Size.gibibytes(1);
  const chart = new LakehouseChart(new App(), 'lakehouse', {
    kafka: { storage },
    minio: { storage },
    clickHouse: { storage },
  });
  const held = [chart.kafka, chart.store, chart.database].map(
    ({ node }) => /comes to hold ([\d.]+Gi)/.exec(node.validate().join('\n'))?.[1],
  );
  const volumes = new LakehouseChart(new App(), 'lakehouse');
  const rows = read('docs/sizing.md')
    .split('\n')
    .filter(line => /^\| (each broker|MinIO|ClickHouse), /.test(line));
  const sizes = [volumes.kafka.storage, Size.gibibytes(20), volumes.database.storage];
  expect(rows).toHaveLength(3);
  for (const [index, row] of rows.entries()) {
    expect(row).toContain(`, ${sizes[index]?.toGibibytes()}Gi |`);
    expect(row).toMatch(new RegExp(`\\b${held[index]?.replace('.', '\\.')} \\|`));
  }
});

/** 'Interface.prop' of each optional prop, with whether its comment states a default. */
function optionalProps(file: string): [prop: string, hasDefault: boolean][] {
  const interfaces = read(file).matchAll(/^export interface (\w+(?:Props|Options))\b.*\{\n([\s\S]*?)^\}/gm);
  return [...interfaces].flatMap(([, name = '', body = '']) =>
    [...body.matchAll(/(\/\*\*(?:(?!\*\/)[\s\S])*\*\/\s*)?^ {2}readonly (\w+)\?: /gm)].map(
      ([, comment = '', prop = '']): [string, boolean] => [`${name}.${prop}`, comment.includes('@default')],
    ),
  );
}

test('every optional prop of a construct states its default', () => {
  const files = readdirSync(path.join(root, 'lib/lakehouse'), { recursive: true, encoding: 'utf8' });
  const props = files
    .filter(file => file.endsWith('.ts'))
    .flatMap(file => optionalProps(`lib/lakehouse/${file}`));
  expect(props.length).toBeGreaterThan(80);
  expect(props.filter(([, hasDefault]) => !hasDefault)).toEqual([]);
});
