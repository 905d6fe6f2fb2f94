import { buildModel, type Locator, type Model, type ModelOptions } from '../facts/model';
import type { Finding, Level, Path, Place, Rule, Violation } from '../finding/rule';
import type { ManifestObject } from '../manifest/model';
import { shownId } from '../manifest/pod-templates';
import { rules as allRules } from '../rules';

/** The start of the annotation that silences one rule on one object; its value is the reason. */
export const IGNORE_ANNOTATION_PREFIX = 'ignore-check.cdk8s-lakehouse/';

export interface RunOptions extends ModelOptions {
  /** Only these rules. @default all */
  readonly only?: readonly string[];
  /** Only findings of at least this level. @default 'warning' */
  readonly level?: Level;
  /** Where values stand in their files. @default unknown, as for manifests that come from memory */
  readonly locate?: (object: ManifestObject) => Locator | undefined;
}

/**
 * Runs the rules over a set of manifests. Pure: nothing is read, and the same objects give the same violations in
 * the same order (by file, line, rule).
 */
export function runRules(subject: Model | readonly ManifestObject[], options: RunOptions = {}): Violation[] {
  const model = isModel(subject) ? subject : buildModel(subject, options);
  const selected = allRules.filter(rule => options.only === undefined || options.only.includes(rule.id));
  const violations = selected.flatMap(rule =>
    rule
      .check(model)
      .filter(finding => !isSilenced(rule, finding))
      .map(finding => violation(rule, finding, options)),
  );
  const wanted = violations.filter(({ level }) => options.level !== 'error' || level === 'error');
  return [...new Map(wanted.map(item => [JSON.stringify(item), item])).values()].sort(byPlace);
}

/** A violation as one line: object, what is wrong, how to mend it, the rule. */
export function formatViolation({ object, file, line, message, remedy, rule }: Violation): string {
  const place = object === '' ? `${file}:${line}` : object;
  return `[${place}] ${message}; ${remedy} (rule ${rule})`;
}

function isModel(subject: Model | readonly ManifestObject[]): subject is Model {
  return 'objects' in subject;
}

function isSilenced(rule: Rule, { at, concerns = [] }: Finding): boolean {
  const objects = 'object' in at ? [at.object, ...concerns] : concerns;
  return objects.some(
    object => (object.metadata.annotations?.[`${IGNORE_ANNOTATION_PREFIX}${rule.id}`] ?? '').trim() !== '',
  );
}

function violation(rule: Rule, finding: Finding, { locate }: RunOptions): Violation {
  return {
    rule: rule.id,
    level: finding.level ?? rule.level,
    message: finding.message,
    remedy: finding.remedy ?? rule.remedy,
    ...position(finding.at, locate),
  };
}

/** Where a place stands in the files. */
export function position(
  at: Place,
  locate: RunOptions['locate'],
): Pick<Violation, 'object' | 'file' | 'line' | 'column'> {
  if ('file' in at) return { object: '', file: at.file, line: at.line };
  const object = shownId(at.object);
  if (at.object.source === undefined) return { object };
  const { file, line } = at.object.source;
  return { object, file, line, ...locate?.(at.object)?.(at.path as Path, at.innerLine) };
}

function byPlace(left: Violation, right: Violation): number {
  return (
    compare(left.file ?? '', right.file ?? '') ||
    (left.line ?? 0) - (right.line ?? 0) ||
    compare(left.object, right.object) ||
    compare(left.rule, right.rule) ||
    compare(left.message, right.message)
  );
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
