import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** Every example of the documentation is compiled as it stands, with the imports and the constructs that it leaves out. */
jest.setTimeout(120_000);

const root = path.join(__dirname, '..');

interface Example {
  /** 'file:line' of its first line. */
  readonly place: string;
  readonly code: string;
}

function filesUnder(folder: string, extension: string): string[] {
  if (!existsSync(path.join(root, folder))) return [];
  return readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter(file => file.endsWith(extension))
    .map(file => path.join(folder, file))
    .sort();
}

function lineOf(text: string, index: number): number {
  return text.slice(0, index).split('\n').length;
}

/** The code behind `@example` in the comments of a TypeScript file. */
function commentExamples(file: string): Example[] {
  const text = readFileSync(path.join(root, file), 'utf8');
  return [...text.matchAll(/\* @example\n((?:[ \t]*\*(?!\/).*\n)+)/g)].map(match => ({
    place: `${file}:${lineOf(text, match.index) + 1}`,
    code: (match[1] ?? '')
      .split('\n')
      .map(line => line.replace(/^[ \t]*\* ?/, ''))
      .join('\n')
      .replace(/\n@[\s\S]*/, ''),
  }));
}

/** The blocks of a Markdown file that are marked as TypeScript. */
function markdownExamples(file: string): Example[] {
  const text = readFileSync(path.join(root, file), 'utf8');
  return [...text.matchAll(/^```(?:ts|typescript)\n([\s\S]*?)^```/gm)].map(match => ({
    place: `${file}:${lineOf(text, match.index) + 1}`,
    code: match[1] ?? '',
  }));
}

/** What an example may take for granted, by name. */
const GIVEN: Readonly<Record<string, string>> = {
  app: 'App',
  chart: 'Chart',
  lakehouse: 'LakehouseChart',
  kafka: 'KafkaCluster',
  topic: 'KafkaTopic',
  traffic: 'TrafficEstimate',
  store: 'ObjectStore',
  database: 'ClickHouseDb',
  streaming: 'SparkStreamingJob',
  gold: 'SparkGoldJob',
  was: 'WasService',
  grafana: 'Grafana',
};

/** Where each name that an example may use comes from: the package first, then what lib/ exports to itself. */
function exportedNames(): Map<string, string> {
  const index = readFileSync(path.join(root, 'lib/index.ts'), 'utf8').replace(/\/\*[\s\S]*?\*\//g, '');
  const names = new Map(
    [...index.matchAll(/\{([^}]*)\}/g)]
      .flatMap(([, list = '']) => list.split(','))
      .map(name => name.replace(/\btype\b/, '').trim())
      .filter(name => name !== '')
      .map(name => [name, './lib']),
  );
  for (const file of filesUnder('lib', '.ts')) {
    const text = readFileSync(path.join(root, file), 'utf8');
    for (const match of text.matchAll(
      /^export (?:abstract )?(?:class|function|const|interface|type) (\w+)/gm,
    )) {
      if (match[1] !== undefined && !names.has(match[1]))
        names.set(match[1], `./${file.replace(/\.ts$/, '')}`);
    }
  }
  return names;
}

/** A module that compiles if the example does. One that has imports of its own is left as it is. */
function moduleOf({ code }: Example, exported: ReadonlyMap<string, string>): string {
  if (/^import /m.test(code)) return code;
  const words = new Set(code.match(/(?<![.\w'])\w+/g));
  const declared = new Set(
    [...code.matchAll(/\b(?:const|let|class|function) (\w+)/g)].map(match => match[1]),
  );
  const given = Object.entries(GIVEN).filter(([name]) => words.has(name) && !declared.has(name));
  const used = new Set([...words, ...given.map(([, type]) => type)]);
  const imports = [...exported]
    .filter(([name]) => used.has(name) && !declared.has(name))
    .map(([name, from]) => `import { ${name} } from '${from}';`);
  return [
    ...imports,
    ...given.map(([name, type]) => `declare const ${name}: ${type};`),
    code,
    'export {};',
  ].join('\n');
}

const examples = [
  ...filesUnder('lib', '.ts').flatMap(commentExamples),
  ...['README.md', ...filesUnder('docs', '.md')]
    .filter(file => existsSync(path.join(root, file)))
    .flatMap(markdownExamples),
  ...filesUnder('docs/recipes', '.ts').map(place => ({
    place,
    code: readFileSync(path.join(root, place), 'utf8'),
  })),
];

/** What the compiler must refuse, so that its silence about the others says something. */
const WRONG: Example = {
  place: '',
  code: "new NodeGroup({ coutn: 6 });\nnew LakehouseChart(app, 'lakehouse', {});",
};

let said: string;
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'examples-'));
  for (const shared of ['lib', 'imports', 'node_modules']) {
    symlinkSync(path.join(root, shared), path.join(folder, shared));
  }
  const exported = exportedNames();
  for (const [index, example] of examples.entries()) {
    writeFileSync(path.join(folder, `example-${index}.ts`), moduleOf(example, exported));
  }
  writeFileSync(path.join(folder, 'example-wrong.ts'), moduleOf(WRONG, exported));
  const tsconfig = {
    extends: path.join(root, 'tsconfig.json'),
    compilerOptions: {
      noUnusedLocals: false,
      // by its name the package is what it is made of
      paths: { 'cdk8s-lakehouse': ['./lib/index.ts'] },
      typeRoots: [path.join(root, 'node_modules/@types')],
    },
    include: ['example-*.ts'],
  };
  writeFileSync(path.join(folder, 'tsconfig.json'), JSON.stringify(tsconfig));
  try {
    said = execFileSync(path.join(root, 'node_modules/.bin/tsc'), ['-p', folder, '--pretty', 'false'], {
      encoding: 'utf8',
    });
  } catch (error) {
    said = String((error as { stdout?: unknown }).stdout);
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

test('there are examples', () => {
  expect(examples.length).toBeGreaterThan(10);
});

test('the compiler refuses a prop that does not exist, and nothing outside of the examples', () => {
  const elsewhere = said
    .split('\n')
    .filter(line => line.includes('error TS') && !/(^|\/)example-\d+\.ts\(/.test(line));
  expect(elsewhere).toEqual([expect.stringMatching(/example-wrong\.ts\(\d+,\d+\): error TS\d+: .*'coutn'/)]);
});

test.each(examples.map(({ place }, index) => [place, index] as const))('%s compiles', (_, index) => {
  const errors = said.split('\n').filter(line => new RegExp(`(^|/)example-${index}\\.ts\\(`).test(line));
  expect(errors).toEqual([]);
});
