import { dirname, resolve } from 'node:path';
import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, type YAMLMap } from 'yaml';
import { instanceTypes } from '../capacity/instance-types';
import { type ClusterNode, nodesOf, type Taint } from '../capacity/node';
import { type FitNodes, parseNodes } from '../facts/nodes';
import { escapeRegExp } from '../facts/text-pattern';
import { NOT_UNDERSTOOD } from '../finding/note';
import { advice, nearest } from '../finding/spelling';
import { rules } from '../rules';

/** The name of the file in which a project says what its manifests do not. */
export const PROJECT_FILE = '.lakehouse-check.yaml';

/** What a project says about its manifests, once, for every run. */
export interface ProjectFile {
  /** As it was named. */
  readonly file: string;
  readonly nodes?: StatedNodes;
  readonly external: readonly string[];
  readonly environments: readonly Environment[];
  readonly levels: ReadonlyMap<string, RuleLevel>;
  readonly ignores: readonly Ignore[];
  readonly isStrict?: boolean;
  /** Absolute. */
  readonly baseline?: string;
}

/** Folders that hold the objects of one cluster: no other environment's objects are applied beside them. */
export interface Environment {
  readonly name: string;
  readonly line: number;
  /** Absolute. */
  readonly folders: readonly string[];
  readonly nodes?: StatedNodes;
}

export type StatedNodes = Pick<FitNodes, 'list' | 'areDescribed'>;

export type RuleLevel =
  | { readonly level: 'error' | 'warning' }
  | { readonly level: 'off'; readonly reason: string };

/** What is left out of the report, with the reason. */
export interface Ignore {
  readonly rule: string;
  /** Kind/namespace/name, in which * matches any text. */
  readonly object?: string;
  /** Below the project file's folder, in which * matches any text. */
  readonly file?: string;
  readonly reason: string;
  readonly line: number;
}

const KEYS = ['nodes', 'external', 'environments', 'rules', 'ignore', 'strict', 'baseline'] as const;
const NODE_KEYS = ['name', 'type', 'count', 'zones', 'labels', 'taints', 'rootVolumeGiB'] as const;
const TAINT_KEYS = ['key', 'value', 'effect'] as const;
const EFFECTS = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'] as const;
const ENVIRONMENT_KEYS = ['folders', 'nodes'] as const;
const LEVEL_KEYS = ['level', 'reason'] as const;
const LEVELS = ['error', 'warning', 'off'] as const;
const IGNORE_KEYS = ['rule', 'object', 'file', 'reason'] as const;

/** The rule that says what could not be read: nothing can be said about such a document, so it is never left out. */
const ALWAYS_ON = 'unparseable-manifest';

/** What rules ask for most; any other kind may exist outside as well. */
const EXTERNAL_KINDS = [
  'Bucket',
  'ConfigMap',
  'Kafka',
  'KafkaTopic',
  'KafkaUser',
  'PersistentVolumeClaim',
  'PriorityClass',
  'Secret',
  'Service',
  'ServiceAccount',
  'StorageClass',
];

/** Kind/namespace/name or Kind/name. */
const EXTERNAL = /^[A-Z*][^/\s]*(\/[^/\s]+){1,2}$/;

/** The same as a pattern of objects; * alone is all of them. */
const OBJECT = /^(\*|[A-Z*][^/\s]*(\/[^/\s]+){1,2})$/;

/** What is wrong with an entry for something that exists outside; undefined when it will do. */
export function externalFault(entry: string): string | undefined {
  if (!EXTERNAL.test(entry)) {
    const kind = nearest(entry.split('/')[0] ?? '', EXTERNAL_KINDS);
    const example =
      kind === undefined
        ? 'Secret/storage/minio-credentials'
        : `${kind}/${entry.split('/').slice(1).join('/') || 'namespace/name'}`;
    return `"${entry}" is no Kind/namespace/name; write e.g. ${example}`;
  }
  const kind = entry.split('/')[0] ?? '';
  const near = nearest(kind, EXTERNAL_KINDS);
  return near !== undefined &&
    near !== kind &&
    (near.toLowerCase() === kind.toLowerCase() || `${near}s` === kind)
    ? `"${entry}" names no kind of Kubernetes; did you mean ${near}?`
    : undefined;
}

/** Reads a project file: what it says, or everything that is wrong with it, each as a sentence with its line. */
export function readProjectFile(
  file: string,
  text: string,
): { readonly project: ProjectFile } | { readonly faults: readonly string[] } {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, merge: true, logLevel: 'error' });
  if (document.errors.length > 0) {
    return {
      faults: document.errors.map(error => {
        const sentence = (error.message.split('\n')[0] ?? '').replace(/ at line \d+, column \d+:?$/, '');
        return `${file}:${lines.linePos(error.pos[0]).line}: it is no YAML: ${sentence}`;
      }),
    };
  }
  const reading = new Reading(
    lines,
    node => (isAlias(node) ? node.resolve(document) : (node as Node | null | undefined)) ?? undefined,
  );
  const folder = dirname(resolve(file));
  const top =
    document.contents === null
      ? new Map<string, Node>()
      : reading.mapping(document.contents, 'the file', KEYS);

  const nodes = top.has('nodes') ? nodesIn(reading, top.get('nodes'), 'nodes') : undefined;
  const baseline = top.has('baseline') ? reading.text(top.get('baseline'), 'baseline') : undefined;
  const isStrict = top.has('strict') ? reading.boolean(top.get('strict'), 'strict') : undefined;
  const project: ProjectFile = {
    file,
    external: reading.items(top.get('external'), 'external').flatMap(node => {
      const entry = reading.text(node, 'external');
      if (entry === undefined) return [];
      const fault = externalFault(entry);
      if (fault === undefined) return [entry];
      reading.fault(node, `external ${fault}`);
      return [];
    }),
    environments: reading
      .entries(top.get('environments'), 'environments')
      .flatMap(([name, node, key]) => environmentIn(reading, folder, name, node, key)),
    levels: new Map(
      reading
        .entries(top.get('rules'), 'rules')
        .flatMap(([rule, node, key]) => levelIn(reading, rule, node, key)),
    ),
    ignores: reading.items(top.get('ignore'), 'ignore').flatMap(node => ignoreIn(reading, node)),
    ...(nodes === undefined ? {} : { nodes }),
    ...(isStrict === undefined ? {} : { isStrict }),
    ...(baseline === undefined ? {} : { baseline: resolve(folder, baseline) }),
  };
  const faults = reading.all();
  return faults.length === 0
    ? { project }
    : { faults: faults.map(({ line, text: fault }) => `${file}:${line}: ${fault}`) };
}

function environmentIn(
  reading: Reading,
  folder: string,
  name: string,
  node: Node | undefined,
  key: Node,
): Environment[] {
  const what = `environment ${name}`;
  const body = isMap(node) ? reading.mapping(node, what, ENVIRONMENT_KEYS) : undefined;
  const list = body === undefined ? node : body.get('folders');
  const folders = (isScalar(list) ? [list as Node] : reading.items(list, `${what}: folders`)).flatMap(
    item => reading.text(item, `${what}: a folder`) ?? [],
  );
  // An unknown key has been told; what it was meant to say is not missing.
  const isTold = isMap(node) && body !== undefined && body.size < node.items.length;
  if (folders.length === 0 && !isTold)
    reading.fault(node ?? key, `${what} names no folder; write ${name}: overlays/${name}`);
  const nodes =
    body?.has('nodes') === true ? nodesIn(reading, body.get('nodes'), `${what}: nodes`) : undefined;
  return [
    {
      name,
      line: reading.lineOf(key),
      folders: folders.map(item => resolve(folder, item)),
      ...(nodes === undefined ? {} : { nodes }),
    },
  ];
}

function ruleIn(reading: Reading, rule: string, node: Node, others: readonly string[] = []): boolean {
  const names = [...rules.map(({ id }) => id), ...others];
  if (names.includes(rule)) return true;
  const near = nearest(rule, names);
  reading.fault(
    node,
    `"${rule}" is no rule; ${near === undefined ? 'check --list-rules names all of them' : `did you mean ${near}?`}`,
  );
  return false;
}

function levelIn(reading: Reading, rule: string, node: Node | undefined, key: Node): [string, RuleLevel][] {
  const isRule = ruleIn(reading, rule, key);
  const what = `rules: ${rule}`;
  const body = isMap(node) ? reading.mapping(node, what, LEVEL_KEYS) : undefined;
  const level = reading.choice(
    body === undefined ? (node ?? key) : (body.get('level') ?? key),
    `${what}: level`,
    LEVELS,
  );
  const reason =
    body?.has('reason') === true ? reading.text(body.get('reason'), `${what}: reason`) : undefined;
  if (level === undefined || !isRule) return [];
  if (rule === ALWAYS_ON) {
    reading.fault(
      key,
      `${what} cannot be set to ${level}: a document that cannot be read is never passed over; delete the line`,
    );
    return [];
  }
  if (level !== 'off') return [[rule, { level }]];
  if (reason === undefined) {
    if (body?.has('reason') !== true)
      reading.fault(key, `${what} is off without a reason; write { level: off, reason: "why" }`);
    return [];
  }
  return [[rule, { level, reason }]];
}

function ignoreIn(reading: Reading, node: Node): Ignore[] {
  const body = reading.mapping(node, 'ignore', IGNORE_KEYS);
  const text = (key: (typeof IGNORE_KEYS)[number]) =>
    body.has(key) ? reading.text(body.get(key), `ignore: ${key}`) : undefined;
  const rule = text('rule');
  const object = text('object');
  const file = text('file');
  const reason = text('reason');
  if (!body.has('rule')) reading.fault(node, 'ignore has no rule; name the one whose findings are left out');
  const isRule = rule !== undefined && ruleIn(reading, rule, body.get('rule') ?? node, [NOT_UNDERSTOOD]);
  if (rule === ALWAYS_ON)
    reading.fault(
      node,
      `ignore: ${ALWAYS_ON} cannot be ignored: a document that cannot be read is never passed over; delete the entry`,
    );
  if (!body.has('object') && !body.has('file'))
    reading.fault(
      node,
      'ignore has neither object nor file; write object: Kind/namespace/name, in which * matches any text',
    );
  if (object !== undefined && !OBJECT.test(object))
    reading.fault(
      body.get('object') ?? node,
      `ignore: object "${object}" is no Kind/namespace/name; write e.g. Deployment/default/web, in which * matches any text`,
    );
  if (!body.has('reason')) reading.fault(node, 'ignore has no reason; say why nobody has to mend it');
  if (rule === undefined || !isRule || reason === undefined) return [];
  return [
    {
      rule,
      reason,
      line: reading.lineOf(node),
      ...(object === undefined ? {} : { object }),
      ...(file === undefined ? {} : { file }),
    },
  ];
}

function nodesIn(reading: Reading, node: Node | undefined, what: string): StatedNodes {
  if (isScalar(node)) {
    const text = reading.text(node as Node, what);
    if (text === undefined) return NO_NODES;
    const parsed = parseNodes(text);
    if ('nodes' in parsed) return { list: parsed.nodes, areDescribed: false };
    reading.fault(node as Node, `${what}: ${parsed.error}`);
    return NO_NODES;
  }
  const groups = reading.items(node, what);
  if (groups.length === 0 && isSeq(node))
    reading.fault(node, `${what} is an empty list; name a group, or delete the key`);
  const list = groups.flatMap((group, index): ClusterNode[] => {
    const body = reading.mapping(group, `${what}: a group`, NODE_KEYS);
    for (const key of ['type', 'count'] as const)
      if (!body.has(key))
        reading.fault(group, `${what}: a group has no ${key}; write { type: m6i.large, count: 4 }`);
    const type = body.has('type')
      ? reading.choice(
          body.get('type'),
          `${what}: type`,
          instanceTypes.map(({ name }) => name),
        )
      : undefined;
    const instanceType = instanceTypes.find(({ name }) => name === type);
    const count = body.has('count') ? reading.count(body.get('count'), `${what}: count`, 1000) : undefined;
    const rootVolumeGiB = body.has('rootVolumeGiB')
      ? reading.count(body.get('rootVolumeGiB'), `${what}: rootVolumeGiB`, 16384)
      : undefined;
    const name = body.has('name') ? reading.text(body.get('name'), `${what}: name`) : undefined;
    const zones = reading
      .items(body.get('zones'), `${what}: zones`)
      .flatMap(zone => reading.text(zone, `${what}: a zone`) ?? []);
    const labels = Object.fromEntries(
      reading
        .entries(body.get('labels'), `${what}: labels`)
        .map(([key, value, at]) => [key, reading.text(value ?? at, `${what}: label ${key}`) ?? '']),
    );
    const taints = reading
      .items(body.get('taints'), `${what}: taints`)
      .flatMap(taint => taintIn(reading, taint, what));
    if (instanceType === undefined || count === undefined) return [];
    return nodesOf({
      name: name ?? `group-${index + 1}`,
      instanceType,
      count,
      labels,
      taints,
      ...(zones.length === 0 ? {} : { zones }),
      ...(rootVolumeGiB === undefined ? {} : { rootVolumeGiB }),
    });
  });
  return { list, areDescribed: true };
}

const NO_NODES: StatedNodes = { list: [], areDescribed: false };

function taintIn(reading: Reading, node: Node, what: string): Taint[] {
  const body = reading.mapping(node, `${what}: a taint`, TAINT_KEYS);
  const key = reading.text(body.get('key') ?? node, `${what}: key of a taint`);
  const effect = reading.choice(body.get('effect') ?? node, `${what}: effect of a taint`, EFFECTS);
  const value = body.has('value') ? reading.text(body.get('value'), `${what}: value of a taint`) : undefined;
  if (key === undefined || effect === undefined) return [];
  return [{ key, effect, ...(value === undefined ? {} : { value }) }];
}

/** Takes values out of a document, and collects what is wrong with them. */
class Reading {
  private readonly faults: { readonly line: number; readonly text: string }[] = [];

  constructor(
    private readonly lines: LineCounter,
    private readonly known: (node: unknown) => Node | undefined,
  ) {}

  public all(): readonly { readonly line: number; readonly text: string }[] {
    return [...this.faults].sort((left, right) => left.line - right.line);
  }

  public lineOf(node: Node): number {
    return this.lines.linePos(node.range?.[0] ?? 0).line;
  }

  public fault(node: Node, text: string): void {
    this.faults.push({ line: this.lineOf(node), text });
  }

  /** The values of a mapping by their keys, of which there are only these. */
  public mapping(node: Node, what: string, keys: readonly string[]): Map<string, Node> {
    if (!isMap(node)) {
      this.fault(node, `${what} is ${shown(node)} but has to be a mapping of ${keys.join(', ')}`);
      return new Map();
    }
    const result = new Map<string, Node>();
    for (const [key, value, at] of this.pairs(node)) {
      if (!keys.includes(key)) this.fault(at, `${what} has no key "${key}"; ${advice(key, keys)}`);
      else result.set(key, value ?? at);
    }
    return result;
  }

  /** The entries of a mapping whose keys are anybody's. Nothing for a key that is not there. */
  public entries(node: Node | undefined, what: string): [string, Node | undefined, Node][] {
    if (node === undefined) return [];
    if (isMap(node)) return this.pairs(node);
    this.fault(node, `${what} is ${shown(node)} but has to be a mapping`);
    return [];
  }

  /** The items of a list. Nothing for a key that is not there. */
  public items(node: Node | undefined, what: string): Node[] {
    if (node === undefined) return [];
    if (isSeq(node)) return node.items.flatMap(item => this.known(item) ?? []);
    this.fault(node, `${what} is ${shown(node)} but has to be a list`);
    return [];
  }

  public text(node: Node | undefined, what: string): string | undefined {
    if (isScalar(node) && ['string', 'number', 'boolean'].includes(typeof node.value)) {
      const text = String(node.value).trim();
      if (text !== '') return text;
    }
    if (node !== undefined) this.fault(node, `${what} is ${shown(node)} but has to be a text`);
    return undefined;
  }

  public boolean(node: Node | undefined, what: string): boolean | undefined {
    if (isScalar(node) && typeof node.value === 'boolean') return node.value;
    if (node !== undefined) this.fault(node, `${what} is ${shown(node)}; choose true or false`);
    return undefined;
  }

  public count(node: Node | undefined, what: string, most: number): number | undefined {
    if (
      isScalar(node) &&
      Number.isInteger(node.value) &&
      Number(node.value) >= 1 &&
      Number(node.value) <= most
    )
      return Number(node.value);
    if (node !== undefined)
      this.fault(node, `${what} is ${shown(node)} but has to be a whole number from 1 to ${most}`);
    return undefined;
  }

  public choice<T extends string>(
    node: Node | undefined,
    what: string,
    choices: readonly T[],
  ): T | undefined {
    const found = isScalar(node) ? choices.find(choice => choice === String(node.value)) : undefined;
    if (found === undefined && node !== undefined)
      this.fault(
        node,
        `${what} is ${shown(node)}; ${advice(isScalar(node) ? String(node.value) : '', choices)}`,
      );
    return found;
  }

  private pairs(map: YAMLMap): [string, Node | undefined, Node][] {
    return map.items.flatMap(({ key, value }): [string, Node | undefined, Node][] => {
      const at = this.known(key);
      return at === undefined ? [] : [[isScalar(at) ? String(at.value) : '', this.known(value), at]];
    });
  }
}

function shown(node: Node): string {
  if (isMap(node)) return 'a mapping';
  if (isSeq(node)) return 'a list';
  if (!isScalar(node) || node.value === null || node.value === '') return 'empty';
  return `"${String(node.value)}"`;
}

/** The JSON schema of the file, for editors. The reader above says the same in sentences; a test holds the two together. */
export function projectFileSchema(): object {
  const text = { type: ['string', 'number', 'boolean'], pattern: '\\S' };
  const types = instanceTypes.map(({ name }) => name);
  const group = `\\s*\\d+\\s*[x×*]\\s*(${types.map(escapeRegExp).join('|')})\\s*`;
  const object = (
    keys: readonly string[],
    properties: Readonly<Record<string, object>>,
    required: readonly string[] = [],
  ) => ({
    type: 'object',
    additionalProperties: false,
    properties: Object.fromEntries(keys.map(key => [key, properties[key] ?? text])),
    ...(required.length === 0 ? {} : { required }),
  });
  const ids = rules.map(({ id }) => id);
  const nodes = {
    description: 'The nodes that all pods have to fit.',
    oneOf: [
      { type: 'string', pattern: `^${group}(,${group})*$`, examples: ['4xm6i.large'] },
      {
        type: 'array',
        minItems: 1,
        items: object(
          NODE_KEYS,
          {
            type: { enum: types },
            count: { type: 'integer', minimum: 1, maximum: 1000 },
            rootVolumeGiB: { type: 'integer', minimum: 1, maximum: 16384 },
            zones: { type: 'array', items: text },
            labels: { type: 'object', additionalProperties: text },
            taints: {
              type: 'array',
              items: object(TAINT_KEYS, { effect: { enum: EFFECTS } }, ['key', 'effect']),
            },
          },
          ['type', 'count'],
        ),
      },
    ],
  };
  const folders = { oneOf: [text, { type: 'array', minItems: 1, items: text }] };
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: PROJECT_FILE,
    description: 'What cdk8s-lakehouse check cannot know from the manifests alone.',
    ...object(KEYS, {
      nodes,
      external: {
        description: 'What exists although no file declares it: Kind/namespace/name, * matches any text.',
        type: 'array',
        items: { type: 'string', pattern: EXTERNAL.source },
      },
      environments: {
        description: 'Folders of which each is a cluster of its own, beside what belongs to all of them.',
        type: 'object',
        additionalProperties: {
          oneOf: [...folders.oneOf, object(ENVIRONMENT_KEYS, { folders, nodes }, ['folders'])],
        },
      },
      rules: {
        description: 'Levels of rules. A rule that is off needs a reason.',
        type: 'object',
        additionalProperties: false,
        properties: Object.fromEntries(
          ids
            .filter(id => id !== ALWAYS_ON)
            .map(id => [
              id,
              {
                oneOf: [
                  { enum: LEVELS.filter(level => level !== 'off') },
                  object(LEVEL_KEYS, { level: { enum: LEVELS.filter(level => level !== 'off') } }, ['level']),
                  object(LEVEL_KEYS, { level: { const: 'off' } }, ['level', 'reason']),
                ],
              },
            ]),
        ),
      },
      ignore: {
        description: 'Findings that nobody has to mend, each with the reason.',
        type: 'array',
        items: {
          ...object(
            IGNORE_KEYS,
            {
              rule: { enum: [...ids.filter(id => id !== ALWAYS_ON), NOT_UNDERSTOOD] },
              object: { type: 'string', pattern: OBJECT.source },
            },
            ['rule', 'reason'],
          ),
          anyOf: [{ required: ['object'] }, { required: ['file'] }],
        },
      },
      strict: { description: 'Whether what was not understood is an error.', type: 'boolean' },
      baseline: { description: 'The file of known findings, below the folder of this file.', ...text },
    }),
  };
}
