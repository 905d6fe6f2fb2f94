import { isDeepStrictEqual } from 'node:util';
import {
  type Document,
  isAlias,
  isCollection,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parse,
  parseAllDocuments,
  Scalar,
  type YAMLMap,
} from 'yaml';
import { grouped } from '../facts/manifest-index';
import type { Path } from '../finding/message';
import type { SourceText } from '../manifest/load';
import type { ManifestObject } from '../object/manifest-object';
import { objectId } from '../object/object-id';
import { type CheckOptions, type CheckResult, check } from './check';
import type { Collected } from './collect';
import { type Edit, FIXERS, textsOfConfigMap } from './fixers';
import { saidBy } from './identity';
import { type Splice, spliced, unifiedDiff } from './unified-diff';

/** What mending by itself comes to. */
export interface Fixed {
  /** Files with their new text. */
  readonly files: readonly { readonly file: string; readonly text: string }[];
  /** The change, as `diff -u` shows it. */
  readonly diff: string;
  /** What was collected, with the new texts. */
  readonly collected: Collected;
  /** Why something that has one right answer was left as it is: a sentence each. */
  readonly refused: readonly string[];
}

interface Change {
  readonly object: ManifestObject;
  readonly rule: string;
  readonly edits: readonly Edit[];
}

/**
 * Mends what has one right answer. The rest of a file stays byte for byte. The mended files are checked again: a change
 * after which its finding is still there, or another one has come, is not made.
 */
export function fix(collected: Collected, options: CheckOptions, result: CheckResult): Fixed {
  const refused: string[] = [];
  let accepted: Change[] = [];
  let files = new Map<string, MendedFile>();
  const all = changesOf(result);
  if (all.length === 0) return { files: [], diff: '', collected, refused };
  // Whatever rules were asked for, a change may bring a finding of another one.
  const { only: _, level: __, ...everything } = options;
  const before = countsOf(check(collected, everything));
  const attempt = (changes: readonly Change[]) => mend(collected.sources, changes);
  const isBetter = (mended: ReadonlyMap<string, MendedFile>, changes: readonly Change[]) => {
    const after = countsOf(check(withTexts(collected, mended), everything));
    const of = (counts: ReadonlyMap<string, number>, id: string) => counts.get(id) ?? 0;
    return (
      [...after].every(([id, count]) => count <= of(before, id)) &&
      changes.map(findingOf).every(id => of(after, id) < of(before, id))
    );
  };
  const whole = attempt(all);
  if (whole.faults.length === 0 && isBetter(whole.files, all)) {
    files = whole.files;
  } else {
    for (const change of all) {
      const alone = attempt([change]);
      const name = `[${objectId(change.object)}] ${change.rule} is not mended by --fix`;
      const [fault] = alone.faults;
      if (fault !== undefined) refused.push(`${name}: ${fault}`);
      else if (!isBetter(alone.files, [change]))
        refused.push(`${name}: the change would leave the finding, or bring another one`);
      else {
        const next = attempt([...accepted, change]);
        if (next.faults.length > 0) refused.push(`${name}: ${next.faults[0]}`);
        else {
          accepted = [...accepted, change];
          files = next.files;
        }
      }
    }
  }
  return {
    files: [...files].map(([file, { text }]) => ({ file, text })),
    diff: [...files].map(([file, { before: old, splices }]) => unifiedDiff(file, old, splices)).join(''),
    collected: withTexts(collected, files),
    refused,
  };
}

/** How much was found of each rule in each object: what is said may name the value that is changed. */
function countsOf({ violations, notes }: CheckResult): ReadonlyMap<string, number> {
  const all = [...violations, ...notes.map(saidBy)].map(({ rule, object, file }) =>
    JSON.stringify([rule, object === '' ? file : object]),
  );
  return new Map([...grouped(all, id => id)].map(([id, same]) => [id, same.length]));
}

function findingOf({ rule, object }: Change): string {
  return JSON.stringify([rule, objectId(object)]);
}

function withTexts(collected: Collected, files: ReadonlyMap<string, MendedFile>): Collected {
  return {
    ...collected,
    sources: collected.sources.map(source => {
      const mended = files.get(source.file);
      return mended === undefined ? source : { ...source, bytes: Buffer.from(mended.text) };
    }),
  };
}

/** The changes that have one right answer, each once. */
function changesOf({ findings, notes, objects }: CheckResult): Change[] {
  const changes = findings.flatMap((finding): Change[] => {
    const fixer = finding.rule === undefined ? undefined : FIXERS[finding.rule];
    if (fixer === undefined || finding.rule === undefined || !('object' in finding.place)) return [];
    const edits = fixer(finding, objects);
    return edits.length === 0 ? [] : [{ object: finding.place.object, rule: finding.rule, edits }];
  });
  const noted = new Set(notes.map(({ object }) => object));
  const texts = objects
    .filter(object => noted.has(objectId(object)))
    .flatMap((object): Change[] => {
      const edits = textsOfConfigMap(object);
      return edits.length === 0 ? [] : [{ object, rule: 'not-understood', edits }];
    });
  const id = ({ object, edits }: Change) => JSON.stringify([object.source, edits]);
  return [...new Map([...changes, ...texts].map(change => [id(change), change])).values()];
}

interface MendedFile {
  readonly before: string;
  readonly text: string;
  readonly splices: readonly Splice[];
}

/** The files with changes in them, or the sentences why a change cannot be made. */
function mend(
  sources: readonly SourceText[],
  changes: readonly Change[],
): { readonly files: Map<string, MendedFile>; readonly faults: readonly string[] } {
  const files = new Map<string, MendedFile>();
  const faults: string[] = [];
  for (const file of new Set(changes.map(({ object }) => object.source?.file ?? ''))) {
    const source = sources.find(item => item.file === file);
    const mended =
      source === undefined
        ? 'its file is not known'
        : mendFile(
            source,
            changes.filter(({ object }) => object.source?.file === file),
          );
    if (typeof mended === 'string') faults.push(mended);
    else files.set(file, mended);
  }
  return { files, faults };
}

function mendFile({ file, bytes }: SourceText, changes: readonly Change[]): MendedFile | string {
  const before = Buffer.from(bytes).toString('utf8');
  if (file === 'stdin') return 'standard input is no file';
  if (file.endsWith(')')) return `${file} is the output of a program; mend what it is rendered from`;
  if (!Buffer.from(before).equals(Buffer.from(bytes))) return `${file} is not in UTF-8`;
  if (/\{\{/.test(before)) return `${file} holds {{ }}, so it is a template for some program`;
  const lines = new LineCounter();
  const documents: Document[] = [
    ...parseAllDocuments(before, { merge: true, uniqueKeys: false, lineCounter: lines }),
  ];
  const expected = documents.map(document => document.toJS() as unknown);
  const splices: Splice[] = [];
  for (const { object, edits } of changes) {
    const place = findObject(documents, lines, object);
    if (place === undefined) return `the object is not found in ${file}`;
    for (const edit of edits) {
      const splice = spliceOf(before, lines, place.document, place.prefix, edit);
      if (typeof splice === 'string') return splice;
      const same = splices.find(other => isDeepStrictEqual(other, splice));
      if (same !== undefined) continue;
      if (splices.some(other => splice.start < other.end && other.start < splice.end))
        return 'two changes meet in one line';
      splices.push(splice);
      applyTo(expected[documents.indexOf(place.document)], [...place.prefix], edit);
    }
  }
  const text = spliced(before, splices);
  const after = parseAllDocuments(text, { merge: true, uniqueKeys: false });
  const isAsMeant = isDeepStrictEqual(
    [...after].map(document => (document.errors.length > 0 ? undefined : (document.toJS() as unknown))),
    expected,
  );
  return isAsMeant
    ? { before, text, splices }
    : `${file} is written in a way in which the change cannot be made`;
}

/** The document and the place in it where an object stands that was read from there. */
function findObject(
  documents: readonly Document[],
  lines: LineCounter,
  object: ManifestObject,
): { readonly document: Document; readonly prefix: Path } | undefined {
  for (const document of documents) {
    const found = findIn(document.contents, [], node => {
      const line = lines.linePos(node.range?.[0] ?? 0).line;
      return line === object.source?.line && String(node.get('kind')) === object.kind;
    });
    if (found !== undefined) return { document, prefix: found };
  }
  return undefined;
}

function findIn(node: unknown, path: Path, isIt: (node: YAMLMap) => boolean): Path | undefined {
  if (isMap(node)) {
    const items = node.get('items');
    if (isIt(node) && !isSeq(items)) return path;
    return isSeq(items) ? findIn(items, [...path, 'items'], isIt) : undefined;
  }
  if (!isSeq(node)) return undefined;
  for (const [index, item] of node.items.entries()) {
    const found = findIn(item, [...path, index], isIt);
    if (found !== undefined) return found;
  }
  return undefined;
}

const SHARED = 'the value stands behind an anchor, and is that of other places too';
const ODD = 'the value is written in a way in which it is not changed by itself';

function spliceOf(
  text: string,
  lines: LineCounter,
  document: Document,
  prefix: Path,
  edit: Edit,
): Splice | string {
  const path = [...prefix, ...edit.path];
  if (edit.is === 'add') return addition(text, lines, document, path, prefix.length, edit);
  const parent = nodeAt(document, path.slice(0, -1));
  if (parent === undefined) return SHARED;
  const key = path.at(-1);
  const node = nodeAt(document, path);
  if (edit.is === 'set') {
    if (!isScalar(node) || node.range == null) return SHARED;
    const [start, end] = node.range;
    // A number whose text is another one: 0x10, 1.10.
    if (typeof node.value !== 'string' && node.source !== edit.value) return ODD;
    const written = scalarText(edit.value, node.type, node.source);
    return written === undefined ? ODD : { start, end, text: written };
  }
  const pair = isMap(parent) ? pairOf(parent, key) : undefined;
  return pair === undefined || !isMap(parent) ? SHARED : deletion(text, parent, pair);
}

/** A text in the manner in which the value before it was written. */
function scalarText(value: string, type: Scalar.Type | undefined, before = ''): string | undefined {
  if (type === Scalar.QUOTE_SINGLE) return `'${value.replaceAll("'", "''")}'`;
  if (type === Scalar.BLOCK_FOLDED || type === Scalar.BLOCK_LITERAL) return undefined;
  const plain = before.includes(',') ? /^[\w./][\w./:,-]*$/ : /^[\w./][\w./:-]*$/;
  const isPlain = type !== Scalar.QUOTE_DOUBLE && plain.test(value) && parse(value) === value;
  return isPlain ? value : JSON.stringify(value);
}

function deletion(text: string, map: YAMLMap, pair: Pair): Splice | string {
  const span = spanOf(pair);
  if (span === undefined || map.items.length < 2) return ODD;
  const index = map.items.indexOf(pair as Pair<unknown, unknown>);
  if (map.flow === true) {
    const previous = map.items[index - 1];
    const next = map.items[index + 1];
    const before = previous === undefined ? undefined : spanOf(previous);
    const after = next === undefined ? undefined : spanOf(next);
    if (before !== undefined) return { start: before.end, end: span.end, text: '' };
    return after === undefined ? ODD : { start: span.start, end: after.start, text: '' };
  }
  const start = text.lastIndexOf('\n', span.start - 1) + 1;
  if (text.slice(start, span.start).trim() !== '') return ODD;
  const newline = text.indexOf('\n', Math.max(span.start, span.end - 1));
  return { start, end: newline < 0 ? text.length : newline + 1, text: '' };
}

function addition(
  text: string,
  lines: LineCounter,
  document: Document,
  path: Path,
  least: number,
  { key, value }: Extract<Edit, { is: 'add' }>,
): Splice | string {
  const written = scalarText(value, undefined);
  const eol = /\r\n/.test(text) ? '\r\n' : '\n';
  // The mappings on the way that are not there are written with it.
  let length = path.length;
  while (length > least && !isMap(nodeAt(document, path.slice(0, length)))) length -= 1;
  const map = nodeAt(document, path.slice(0, length));
  const missing = [...path.slice(length).map(String), key];
  if (!isMap(map) || written === undefined) return SHARED;
  const parent = length < path.length ? pairOf(map, path[length] ?? '') : undefined;
  if (parent !== undefined) return ODD;
  const last = map.items.at(-1);
  const span = last === undefined ? undefined : spanOf(last);
  const first = map.items[0]?.key;
  if (span === undefined || !isNode(first) || first.range == null) return ODD;
  if (map.flow === true) {
    const inner = missing
      .slice(0, -1)
      .reduceRight((all, name) => `{ ${name}: ${all} }`, '')
      .trim();
    if (inner !== '') return ODD;
    const isJson = isScalar(first) && first.type === Scalar.QUOTE_DOUBLE;
    const pair = isJson ? `${JSON.stringify(key)}: ${JSON.stringify(value)}` : `${key}: ${written}`;
    return { start: span.end, end: span.end, text: `, ${pair}` };
  }
  const column = lines.linePos(first.range[0]).col - 1;
  const rows = missing.map(
    (name, index) =>
      `${' '.repeat(column + 2 * index)}${name}:${index === missing.length - 1 ? ` ${written}` : ''}`,
  );
  const isAtLineStart = text[span.end - 1] === '\n';
  const newline = isAtLineStart ? span.end - 1 : text.indexOf('\n', span.end);
  if (newline < 0) return { start: text.length, end: text.length, text: `${eol}${rows.join(eol)}` };
  return { start: newline + 1, end: newline + 1, text: `${rows.join(eol)}${eol}` };
}

/** From the start of a key to the end of its value. */
function spanOf({
  key,
  value,
}: Pair<unknown, unknown>): { readonly start: number; readonly end: number } | undefined {
  if (!isNode(key) || key.range == null) return undefined;
  return { start: key.range[0], end: isNode(value) ? endOf(value) : key.range[1] };
}

/** The end of a value's last written character: a collection's own range goes on over comments and empty lines. */
function endOf(node: Node): number {
  if (isCollection(node) && node.flow !== true) {
    const last = node.items.at(-1);
    if (isNode(last)) return endOf(last);
    const pair = last as Pair<unknown, unknown> | undefined;
    const span = pair === undefined ? undefined : spanOf(pair);
    if (span !== undefined) return span.end;
  }
  return node.range?.[1] ?? 0;
}

function isNode(value: unknown): value is Node {
  return isScalar(value) || isCollection(value) || isAlias(value);
}

function pairOf(map: YAMLMap, key: string | number | undefined): Pair<unknown, unknown> | undefined {
  return map.items.find(pair => isScalar(pair.key) && String(pair.key.value) === String(key));
}

/** The node at a path that is written there itself, without anchors and merge keys. */
function nodeAt(document: Document, path: Path): Node | undefined {
  let node: unknown = document.contents;
  for (const key of path) {
    if (isSeq(node)) node = node.items[Number(key)];
    else if (isMap(node)) node = pairOf(node, key)?.value;
    else return undefined;
    if (!isNode(node) || isAlias(node) || node.anchor !== undefined) return undefined;
  }
  return isNode(node) ? node : undefined;
}

/** The same edit on plain data. */
function applyTo(root: unknown, prefix: (string | number)[], edit: Edit): void {
  const path = [...prefix, ...edit.path];
  const way = edit.is === 'add' ? path : path.slice(0, -1);
  let value = root as Record<string | number, unknown>;
  for (const key of way) {
    value[key] ??= {};
    value = value[key] as Record<string | number, unknown>;
  }
  if (edit.is === 'add') value[edit.key] = edit.value;
  else if (edit.is === 'set') value[path.at(-1) ?? ''] = edit.value;
  else delete value[path.at(-1) ?? ''];
}
