import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseAllDocuments,
  Scalar,
  type YAMLMap,
} from 'yaml';
import { type Message, say } from '../finding/message';
import {
  asObject,
  asObjects,
  isObject,
  type ManifestObject,
  manifestObjects,
  type PlainObject,
} from '../object/manifest-object';
import { type GeneratedConfigMap, generatedConfigMaps, isKustomization } from './kustomization';
import { indentQuotedLines } from './quoted-lines';

/** A text that may hold manifests, under the name that messages give it. */
export interface SourceText {
  readonly file: string;
  readonly bytes: Uint8Array;
  /** Whether somebody named this very file, and not a folder that holds it. */
  readonly isNamed?: boolean;
  /** Whether it is no manifest, whatever its name says, but what a generator makes one of. */
  readonly isData?: boolean;
}

/** An input that cannot be read, or a document in it. */
export interface Unreadable {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly message: Message;
  readonly remedy: Message;
}

/** A file, or a part of one, that was left out, as it is no manifest yet. */
export interface Skipped {
  readonly file: string;
  /** @default 'file' */
  readonly part?: 'file' | 'document' | 'item';
  /** From 1. @default 1 */
  readonly line?: number;
  /** What it is. */
  readonly what: string;
  readonly remedy: string;
}

/** A text that is no manifest, such as SQL. */
export interface NamedText {
  readonly file: string;
  readonly text: string;
}

/** A Python file that no ConfigMap holds. */
export interface PythonText extends NamedText {
  /** Whether somebody named this very file. */
  readonly isNamed: boolean;
}

export interface Loaded {
  readonly objects: readonly ManifestObject[];
  /** SQL that stands beside the manifests. */
  readonly sql: readonly NamedText[];
  /** Python files that were named, or that stand beside the manifests. */
  readonly python: readonly PythonText[];
  /** What `cdk8s-lakehouse cluster-context` wrote: the nodes. */
  readonly contexts: readonly NamedText[];
  readonly unreadable: readonly Unreadable[];
  readonly skipped: readonly Skipped[];
  /** 'ConfigMap/*\/name' and the like: what a Kustomize generator in these files makes. */
  readonly generated: readonly string[];
  /** The files with a kustomization. */
  readonly kustomizations: readonly string[];
  /** How many files were read. */
  readonly files: number;
  /** Line and column, from 1, of a value, or of a line inside a text value, and its file where that is another one. */
  readonly locate: (object: ManifestObject) => Locator | undefined;
  /** The decoded text of a file, for code frames. */
  readonly text: (file: string) => string | undefined;
}

type Locator = (
  path: readonly (string | number)[],
  innerLine?: number,
) => { readonly file?: string; readonly line: number; readonly column: number };

interface Position {
  readonly document: Document;
  readonly lines: LineCounter;
  /** From the document's root to the object, inside a List. */
  readonly prefix: readonly (string | number)[];
}

/** Reads manifests out of texts. A document that cannot be read is listed; the others are read all the same. */
export function loadManifests(sources: readonly SourceText[]): Loaded {
  const objects: ManifestObject[] = [];
  const sql: NamedText[] = [];
  const python: PythonText[] = [];
  const contexts: NamedText[] = [];
  const unreadable: Unreadable[] = [];
  const skipped: Skipped[] = [];
  const generated: string[] = [];
  const configMaps: (GeneratedConfigMap & { readonly file: string; readonly position: Position })[] = [];
  const locators = new WeakMap<object, Locator>();
  const positions = new WeakMap<object, Position>();
  const texts = new Map<string, string>();
  const patches = new Set<string>();
  const kustomizations: string[] = [];
  let files = 0;

  const decoded = sources.flatMap(({ file, bytes, isNamed = false, isData = false }) => {
    const text = decode(bytes);
    if (text === undefined) {
      unreadable.push({
        file,
        line: 1,
        message: say`the file is neither UTF-8 nor UTF-16 text`,
        remedy: say`save it as UTF-8 or leave it out of the checked paths`,
      });
      return [];
    }
    texts.set(file, text);
    return isData ? [] : [{ file, text, isNamed }];
  });
  const charts = new Set(
    decoded.flatMap(({ file }) => (/(^|\/)Chart\.ya?ml$/.test(file) ? [folderOf(file)] : [])),
  );

  const documents: { file: string; document: Document; lines: LineCounter }[] = [];
  for (const { file, text, isNamed } of decoded) {
    if (/\.sql$/i.test(file)) {
      files += 1;
      sql.push({ file, text });
      continue;
    }
    if (/\.py$/i.test(file)) {
      files += 1;
      python.push({ file, text, isNamed });
      continue;
    }
    if (/(^|\/)cluster\.context\.json$/.test(file)) {
      files += 1;
      contexts.push({ file, text });
      continue;
    }
    if (/\.json$/i.test(file) && !text.includes('"apiVersion"')) continue;
    if (chartOf(file, charts) !== undefined) {
      skipped.push({
        file,
        what: 'a Helm template',
        remedy: `render it with --render helm, or check what it renders: helm template ${chartOf(file, charts)} | cdk8s-lakehouse check -`,
      });
      continue;
    }
    files += 1;
    const lines = new LineCounter();
    const parsed = parse(text, lines);
    if (isTemplate(text, parsed)) {
      skipped.push({ file, what: 'a template, by its {{ }}', remedy: 'check what it renders to' });
      files -= 1;
      continue;
    }
    const conflicts = conflictMarkers(text);
    let start = 0;
    for (const document of parsed) {
      const end = document.range?.[2] ?? text.length;
      const conflict = conflicts.find(offset => offset >= start && offset < Math.max(end, start + 1));
      const fault = unreadableDocument(file, document, lines, conflict);
      if (fault === undefined) documents.push({ file, document, lines });
      else unreadable.push(fault);
      start = end;
    }
  }

  for (const { file, document, lines } of documents) {
    let value: unknown;
    try {
      value = document.toJS({ maxAliasCount: 1000 });
    } catch (error) {
      unreadable.push({
        file,
        line: lines.linePos(document.contents?.range?.[0] ?? 0).line,
        message: say`the document cannot be read: ${firstLine(error)}`,
        remedy: say`write the repeated parts out, or with fewer anchors`,
      });
      continue;
    }
    if (/toString|valueOf/.test(texts.get(file) ?? '')) makePrintable(value);
    if (isKustomization(value, file)) {
      kustomizations.push(file);
      const kustomization = readKustomization(file, value);
      generated.push(...kustomization.generated);
      for (const patch of kustomization.patches) patches.add(patch);
      const fileOf = (path: string) => joinPath(folderOf(file), path);
      for (const made of generatedConfigMaps(value, fileOf, name => texts.get(name)))
        configMaps.push({ ...made, file, position: { document, lines, prefix: [] } });
      continue;
    }
    for (const { object, odd, prefix } of withPaths(value)) {
      const offset = nodeAt(document, prefix)?.range?.[0] ?? 0;
      if (odd !== undefined) skipped.push({ file, line: lines.linePos(offset).line, ...odd });
      if (object === undefined) continue;
      positions.set(object.body, { document, lines, prefix });
      objects.push({ ...object, source: { file, line: lines.linePos(offset).line } });
    }
  }

  for (const made of configMaps) {
    const { file, position, path, missing } = made;
    const { object, files: held } = made.isMerged ? merged(made, configMaps) : made;
    const { line } = locate(position, path, undefined);
    locators.set(object.body, ([, key], innerLine) => {
      const from = held.get(String(key));
      return from === undefined
        ? { ...locate(position, path, undefined), file }
        : { file: from, line: (innerLine ?? 0) + 1, column: 1 };
    });
    objects.push({ ...object, source: { file, line } });
    for (const name of missing)
      skipped.push({
        file,
        line,
        part: 'item',
        what: `a generator of ConfigMap ${object.metadata.name} that takes ${name}, which is not among the files`,
        remedy: 'mend the path, or name a folder that holds the file',
      });
  }

  for (const patch of patches) {
    if (texts.has(patch))
      skipped.push({
        file: patch,
        what: 'a Kustomize patch',
        remedy: 'render it with --render kustomize, or check the output of kustomize build',
      });
  }

  const kustomized = new Set(kustomizations.map(folderOf));
  return {
    objects: objects
      .filter(({ source }) => source === undefined || !patches.has(source.file))
      .map(object => ({ ...object, ...kustomization(object, kustomized) })),
    sql,
    python,
    contexts,
    unreadable,
    skipped,
    generated,
    kustomizations,
    files: files - [...patches].filter(patch => texts.has(patch)).length,
    locate: object => {
      const position = positions.get(object.body);
      return position === undefined
        ? locators.get(object.body)
        : (path, innerLine) => locate(position, path, innerLine);
    },
    text: file => texts.get(file),
  };
}

/** A mapping that has a key named toString or valueOf is a text all the same where somebody asks for one. */
function makePrintable(value: unknown): void {
  const items = Array.isArray(value) ? value : Object.values(asObject(value));
  if (isObject(value) && ['toString', 'valueOf'].some(key => Object.hasOwn(value, key)))
    Object.defineProperty(value, Symbol.toPrimitive, { value: () => '[object Object]' });
  for (const item of items) makePrintable(item);
}

/** Bytes as text: UTF-8, or UTF-16 by its byte order mark or by the zero bytes of its ASCII characters. */
export function decode(bytes: Uint8Array): string | undefined {
  const [first, second] = bytes;
  const encoding =
    first === 0xff && second === 0xfe
      ? 'utf-16le'
      : first === 0xfe && second === 0xff
        ? 'utf-16be'
        : bytes.length > 3 && second === 0 && first !== 0
          ? 'utf-16le'
          : bytes.length > 3 && first === 0 && second !== 0
            ? 'utf-16be'
            : 'utf-8';
  try {
    const text = new TextDecoder(encoding, { fatal: true }).decode(bytes);
    return text.includes('\0') ? undefined : text;
  } catch {
    return undefined;
  }
}

function parse(text: string, lineCounter: LineCounter): Document[] {
  // YAML 1.2 with merge keys; equal keys are told apart below, in words of their own and in linear time.
  const options = { merge: true, uniqueKeys: false, logLevel: 'error' } as const;
  const parsed = [...parseAllDocuments(text, { ...options, lineCounter })];
  if (!parsed.some(({ errors }) => errors.some(({ message }) => message.startsWith('Missing closing'))))
    return parsed;
  // What kubectl takes all the same, on the lines where it stands.
  const indented = new LineCounter();
  const again = [...parseAllDocuments(indentQuotedLines(text), { ...options, lineCounter: indented })];
  if (again.some(({ errors }) => errors.length > 0)) return parsed;
  lineCounter.lineStarts.splice(0, lineCounter.lineStarts.length, ...indented.lineStarts);
  return again;
}

function unreadableDocument(
  file: string,
  document: Document,
  lines: LineCounter,
  conflict: number | undefined,
): Unreadable | undefined {
  if (conflict !== undefined) {
    return {
      file,
      line: lines.linePos(conflict).line,
      message: say`the document holds a merge-conflict marker`,
      remedy: say`keep one of the two sides and delete the lines with <<<<<<<, ======= and >>>>>>>`,
    };
  }
  const [error] = document.errors;
  if (error === undefined) return repeatedKey(file, document, lines);
  if (/call stack/i.test(error.message)) {
    return {
      file,
      line: lines.linePos(error.pos[0]).line,
      message: say`the document is nested deeper than can be read`,
      remedy: say`write it with fewer levels of lists and mappings in each other`,
    };
  }
  return {
    file,
    line: lines.linePos(error.pos[0]).line,
    message: say`the document is no YAML: ${lowerFirst(firstLine(error).replace(/ at line \d+, column \d+:?$/, ''))}`,
    remedy: say`mend the syntax at this line; most often it is an indentation, a quote or a tab`,
  };
}

/** The mappings that are written in a document, each once, the outer ones first. */
function* mappingsIn(document: Document): Generator<YAMLMap> {
  const open: unknown[] = [document.contents];
  while (open.length > 0) {
    const node = open.pop();
    if (isSeq(node)) for (const item of node.items.toReversed()) open.push(item);
    if (!isMap(node)) continue;
    yield node;
    for (const { value } of node.items.toReversed()) open.push(value);
  }
}

/** An unquoted {{ }} is a mapping whose key is a mapping, which no manifest has. */
function isTemplate(text: string, documents: readonly Document[]): boolean {
  return (
    /\{\{[^}]*\}\}/.test(text) &&
    documents.some(
      document =>
        document.errors.length > 0 ||
        [...mappingsIn(document)].some(({ items }) => items.some(({ key }) => isMap(key))),
    )
  );
}

/** YAML forbids two equal keys in one mapping: some readers refuse them, kubectl takes the last without a word. */
function repeatedKey(file: string, document: Document, lines: LineCounter): Unreadable | undefined {
  for (const node of mappingsIn(document)) {
    const first = new Map<string, number>();
    for (const { key } of node.items) {
      if (!isScalar(key) || (key.source === '<<' && key.type === Scalar.PLAIN)) continue;
      const offset = key.range?.[0] ?? 0;
      const former = first.get(String(key.value));
      if (former === undefined) first.set(String(key.value), offset);
      else {
        return {
          file,
          line: lines.linePos(offset).line,
          message: say`the document is no YAML: key ${String(key.value)} stands twice in one mapping, first on line ${lines.linePos(former).line}`,
          remedy: say`delete one of the two; kubectl takes the last of them, and other readers refuse the document`,
        };
      }
    }
  }
  return undefined;
}

/** Offsets of lines that git leaves behind in a conflict: all three kinds, at the start of a line. */
function conflictMarkers(text: string): number[] {
  if (!/^<{7} /m.test(text) && !/^>{7} /m.test(text)) return [];
  return [...text.matchAll(/^(?:<{7} .*|={7}|>{7} .*)\r?$/gm)].map(match => match.index);
}

/** The chart of which a file is a template. */
function chartOf(file: string, charts: ReadonlySet<string>): string | undefined {
  const parts = file.split('/');
  return parts
    .map((_, index) => parts.slice(0, index).join('/') || '.')
    .find((folder, index) => parts[index] === 'templates' && charts.has(folder));
}

/** What an overlay adds to the ConfigMap that its base generates under the same name. */
function merged(
  own: GeneratedConfigMap,
  all: readonly GeneratedConfigMap[],
): Pick<GeneratedConfigMap, 'object' | 'files'> {
  const base = all.find(other => !other.isMerged && other.object.metadata.name === own.object.metadata.name);
  if (base === undefined) return own;
  const data = { ...asObject(base.object.body['data']), ...asObject(own.object.body['data']) };
  return {
    object: { ...own.object, body: { ...own.object.body, data } },
    files: new Map([...base.files, ...own.files]),
  };
}

/** The nearest folder above an object's file that has a kustomization. */
function kustomization(
  { source }: ManifestObject,
  folders: ReadonlySet<string>,
): Pick<ManifestObject, 'source'> {
  if (source === undefined || folders.size === 0) return {};
  let folder = folderOf(source.file);
  while (!folders.has(folder) && folder !== '.' && folder !== '') folder = folderOf(folder);
  return { source: { ...source, ...(folders.has(folder) ? { kustomization: folder } : {}) } };
}

/** The patches that a kustomization names, as files, and the objects that its generators make. */
function readKustomization(file: string, value: unknown): { patches: string[]; generated: string[] } {
  const body = asObject(value);
  const paths = [
    ...['patches', 'patchesJson6902'].flatMap(key => asObjects(body[key]).map(patch => patch['path'])),
    ...(Array.isArray(body['patchesStrategicMerge']) ? body['patchesStrategicMerge'] : []),
  ];
  return {
    patches: paths.flatMap(path =>
      typeof path === 'string' && !path.includes('\n') ? [joinPath(folderOf(file), path)] : [],
    ),
    generated: (
      [
        ['configMapGenerator', 'ConfigMap'],
        ['secretGenerator', 'Secret'],
      ] as const
    ).flatMap(([key, kind]) => asObjects(body[key]).map(({ name }) => `${kind}/*/${String(name)}`)),
  };
}

interface Placed {
  readonly object?: ManifestObject;
  /** What the place holds instead of an object, although it should be one. */
  readonly odd?: Omit<Skipped, 'file' | 'line'>;
  readonly prefix: readonly (string | number)[];
}

/** The objects of a document with their place in it; the items of a List, or of a JSON array, one by one. */
function withPaths(value: unknown): Placed[] {
  if (Array.isArray(value)) {
    return value.flatMap((item, index) => (isObject(item) ? ofMapping(item, [index]) : []));
  }
  return isObject(value) ? ofMapping(value, []) : [];
}

function ofMapping(value: PlainObject, prefix: readonly (string | number)[]): Placed[] {
  const { kind, items } = value;
  if (typeof kind === 'string' && kind.endsWith('List') && Array.isArray(items)) {
    return items.flatMap((item: unknown, index): Placed[] => {
      const place = [...prefix, 'items', index];
      const placed = isObject(item) ? ofMapping(item, place) : [];
      if (placed.length > 0) return placed;
      return [
        {
          odd: {
            part: 'item',
            what: `no object, although it stands in a ${kind}`,
            remedy: 'give it apiVersion, kind and metadata, or delete it',
          },
          prefix: place,
        },
      ];
    });
  }
  const [object] = manifestObjects([value]);
  if (object !== undefined) return [{ object, prefix }];
  const looksLikeOne =
    Object.keys(value).some(key => /^(apiVersion|kind)$/i.test(key)) &&
    (isObject(value['metadata']) || value['spec'] !== undefined);
  return looksLikeOne
    ? [
        {
          odd: {
            part: 'document',
            what: 'an object whose apiVersion or kind is missing or no text',
            remedy: 'write both, as text',
          },
          prefix,
        },
      ]
    : [];
}

function locate(
  { document, lines, prefix }: Position,
  path: readonly (string | number)[],
  innerLine?: number,
) {
  const full = [...prefix, ...path];
  // The nearest enclosing value that is written down: a path may end in what is missing.
  let length = full.length;
  while (length > prefix.length && nodeAt(document, full.slice(0, length)) === undefined) length -= 1;
  const node = nodeAt(document, full.slice(0, length));
  const offset = keyOffset(document, full.slice(0, length)) ?? node?.range?.[0] ?? 0;
  const { line, col } = lines.linePos(offset);
  if (innerLine === undefined || length < full.length || !isScalar(node)) return { line, column: col };
  return { line: innerTextLine(node, lines, line) + (isMultiline(node) ? innerLine : 0), column: 1 };
}

function isMultiline(node: Scalar): boolean {
  return node.type === Scalar.BLOCK_LITERAL || node.type === Scalar.BLOCK_FOLDED;
}

/** The line on which a text value starts: below the indicator for block texts. */
function innerTextLine(node: Scalar, lines: LineCounter, keyLine: number): number {
  const start = lines.linePos(node.range?.[0] ?? 0).line;
  return isMultiline(node) ? start + 1 : Math.max(start, keyLine);
}

/** The node at a path, through anchors and merge keys. */
function nodeAt(document: Document, path: readonly (string | number)[]): Node | undefined {
  let node: Node | undefined = resolve(document, document.contents ?? undefined);
  for (const key of path) {
    node = resolve(document, child(document, node, key)?.value);
    if (node === undefined) return undefined;
  }
  return node;
}

/** Where the last key of a path is written, or the list item. */
function keyOffset(document: Document, path: readonly (string | number)[]): number | undefined {
  const last = path[path.length - 1];
  if (last === undefined) return undefined;
  const found = child(document, nodeAt(document, path.slice(0, -1)), last);
  return (found?.key ?? found?.value)?.range?.[0];
}

function child(
  document: Document,
  node: Node | undefined,
  key: string | number,
): { key?: Node; value: Node | undefined } | undefined {
  if (isSeq(node)) return { value: node.items[Number(key)] as Node | undefined };
  if (!isMap(node)) return undefined;
  // Later keys win, as they do when the document is turned into plain data.
  for (const pair of [...node.items].reverse()) {
    if (isScalar(pair.key) && String(pair.key.value) === String(key)) {
      return { key: pair.key, value: (pair.value ?? undefined) as Node | undefined };
    }
  }
  for (const pair of node.items) {
    if (!isScalar(pair.key) || pair.key.source !== '<<') continue;
    const merged = resolve(document, pair.value as Node | undefined);
    for (const source of isSeq(merged) ? merged.items : [merged]) {
      const found = child(document, resolve(document, source as Node | undefined), key);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

function resolve(document: Document, node: Node | undefined): Node | undefined {
  return isAlias(node) ? (node.resolve(document) as Node | undefined) : node;
}

function folderOf(file: string): string {
  const slash = file.lastIndexOf('/');
  return slash < 0 ? '.' : file.slice(0, slash);
}

function joinPath(folder: string, path: string): string {
  const parts: string[] = [];
  for (const part of [...(folder === '.' ? [] : folder.split('/')), ...path.split('/')]) {
    if (part === '..' && parts.length > 0 && parts[parts.length - 1] !== '..') parts.pop();
    else if (part !== '.' && (part !== '' || parts.length === 0)) parts.push(part);
  }
  return parts.join('/');
}

function firstLine(error: unknown): string {
  return String(error instanceof Error ? error.message : error).split('\n')[0] ?? '';
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
