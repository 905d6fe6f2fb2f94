import type { ManifestObject } from '../object/manifest-object';
import { objectId } from '../object/object-id';
import type { Finding, Level, Place, Subject } from './finding';
import { Message, type Part, type Path, pathText } from './message';

/** A finding as the reports show it: what the formats human, json and sarif are made of. */
export interface Violation {
  /** Empty for what no rule of the list says. */
  readonly rule: string;
  readonly level: Level;
  /** Kind/namespace/name of the object that the place is in; empty for a file that is no manifest. */
  readonly object: string;
  /** Undefined where the manifests come from memory. */
  readonly file?: string;
  /** Counted from 1. */
  readonly line?: number;
  /** Counted from 1. */
  readonly column?: number;
  readonly message: string;
  readonly remedy: string;
  /** What was found, and what would be right, as values. */
  readonly measured: readonly (string | number)[];
  readonly allowed: readonly (string | number)[];
}

/** What the reporter may know beside the finding. */
export interface Wording {
  /** The prop from which a construct writes a field. @default the field's own name */
  readonly propOf?: (object: ManifestObject, path: Path) => string | undefined;
}

/** A finding as a row of a report. */
export function violation(finding: Finding, wording: Wording = {}): Violation {
  const { rule = '', level, place, message, remedy, position } = finding;
  const object = 'object' in place ? place.object : 'construct' in place ? place.writes?.object : undefined;
  return {
    rule,
    level,
    object: object === undefined ? '' : objectId(object),
    ...position,
    message: text(message, wording),
    remedy: text(remedy, wording),
    ...figures(message),
  };
}

/** The values of a message: what was found, and what would be right. */
export function figures(message: Message): Pick<Violation, 'measured' | 'allowed'> {
  const of = (kind: 'measured' | 'allowed') =>
    Message.partsOf(message).flatMap(part =>
      typeof part === 'object' && part.is === kind ? [part.value] : [],
    );
  return { measured: of('measured'), allowed: of('allowed') };
}

/** A finding as one line: what it is about, what is wrong, how to mend it, the rule. */
export function line(finding: Finding, wording: Wording = {}): string {
  return `[${about(finding.subject)}] ${sentence(finding, wording)}`;
}

/** Each finding as a line. Where two are equal in their words, the place in the object tells them apart. */
export function lines(findings: readonly Finding[], wording: Wording = {}): string[] {
  const said = findings.map(finding => line(finding, wording));
  const isOnce = (text: string) => said.indexOf(text) === said.lastIndexOf(text);
  const all = findings.map(({ place }, index) => {
    const text = said[index] ?? '';
    return isOnce(text) ? text : `${text}${whereIn(place)}`;
  });
  return [...new Set(all)];
}

/** Where in its object a place is, e.g. `.spec.containers[1].image`. */
function whereIn(place: Place): string {
  if (!('object' in place)) return '';
  return ` at .${pathText(place.path)}${place.innerLine === undefined ? '' : ` line ${place.innerLine}`}`;
}

/** The same without what it is about, for those who say that themselves. */
export function sentence(
  { message, remedy, rule }: Pick<Finding, 'message' | 'remedy' | 'rule'>,
  wording: Wording = {},
): string {
  return `${text(message, wording)}; ${text(remedy, wording)}${rule === undefined ? '' : ` (rule ${rule})`}`;
}

/** By file, line, object, rule, and then by what is said: the same findings are in the same order in every run. */
export function inOrder(findings: readonly Finding[]): Finding[] {
  return findings
    .map(finding => ({ finding, row: violation(finding) }))
    .sort(
      ({ row: left }, { row: right }) =>
        compare(left.file ?? '', right.file ?? '') ||
        (left.line ?? 0) - (right.line ?? 0) ||
        compare(left.object, right.object) ||
        compare(left.rule, right.rule) ||
        compare(left.message, right.message),
    )
    .map(({ finding }) => finding);
}

/** Each finding once, of those that a report would show in the same place and words. */
export function distinct(findings: readonly Finding[]): Finding[] {
  return [
    ...new Map(
      findings.map(finding => [
        JSON.stringify([about(finding.subject), whereIn(finding.place), violation(finding)]),
        finding,
      ]),
    ).values(),
  ];
}

function about(subject: Subject): string {
  if ('object' in subject) return objectId(subject.object);
  return 'construct' in subject ? subject.construct : `${subject.file}:${subject.line}`;
}

/** A message as a text. */
export function text(message: Message, { propOf }: Wording = {}): string {
  const shown = (part: Part) => {
    if (typeof part === 'string') return part;
    return part.is === 'field' ? (propOf?.(part.object, part.path) ?? part.shown) : part.shown;
  };
  return Message.partsOf(message).map(shown).join('').trim();
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
