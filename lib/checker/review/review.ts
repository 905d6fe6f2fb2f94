import { type FitCheck, fitOf } from '../facts/fit';
import { buildModel, type ModelOptions } from '../facts/model';
import { isNamedAlone } from '../facts/named-program';
import type { Rule } from '../facts/rule';
import { unknownsOf } from '../facts/unknowns';
import { type Finding, type Found, type Level, subjectOf } from '../finding/finding';
import { say } from '../finding/message';
import type { Note } from '../finding/note';
import { distinct, inOrder } from '../finding/reporter';
import { isSilenced } from '../finding/silence';
import type { ManifestObject } from '../object/manifest-object';
import { objectId } from '../object/object-id';
import { rules as allRules } from '../rules';
import { notesOf } from './notes';
import { type Locate, positionOf } from './position';
import { programsRead, type ReadProgram } from './programs';
import { covers } from './stated';

export interface ReviewOptions extends ModelOptions {
  /** What constructs found in their props. A rule that sees the same in the object that came of it is left out. @default none */
  readonly stated?: readonly Finding[];
  /** Only these rules. @default all */
  readonly only?: readonly string[];
  /** Only findings of at least this level. @default 'warning' */
  readonly level?: Level;
  /** Levels of rules in place of their own; what is off is not asked. @default none */
  readonly levels?: ReadonlyMap<string, Level | 'off'>;
  /** Where values stand in their files. @default unknown, as for manifests that come from memory */
  readonly locate?: Locate;
}

export interface Review {
  /** What was stated in its order, then what the rules say, by file, line and rule. */
  readonly findings: readonly Finding[];
  /** What was not understood, and which rules are silent for it. */
  readonly notes: readonly Note[];
  /** What was counted for the fit. Undefined without nodes or without pods. */
  readonly fit: FitCheck | undefined;
  /** The Python files beside the manifests of which programs are made: those that manifests run, and those named alone. */
  readonly python: { readonly run: readonly string[]; readonly named: readonly string[] };
  /** The programs among the manifests, and how much of them is understood. */
  readonly programs: readonly ReadProgram[];
}

/**
 * What is wrong with a set of manifests: the one gate that synthesis, the check and the capacity report go through.
 * Names, sizes, references and the fit are rules as all others. Pure: nothing is read, and the same objects give the
 * same findings in the same order.
 */
export function review(objects: readonly ManifestObject[], options: ReviewOptions = {}): Review {
  const { stated = [], only, level = 'warning', levels, locate } = options;
  const model = buildModel(objects, options);
  const byId = new Map(objects.map(object => [objectId(object), object]));
  const own = stated.filter(finding => !isSilenced(finding, byId));
  const rules = allRules.filter(
    ({ id }) => (only === undefined || only.includes(id)) && levels?.get(id) !== 'off',
  );
  const seen = rules
    .flatMap(rule => rule.check(model).map(found => completed(rule, found, options)))
    .filter(finding => !isSilenced(finding, byId) && !stated.some(other => covers(other, finding)));
  const unknowns = unknownsOf(model);
  return {
    findings: [...distinct(own), ...inOrder(distinct(seen))].filter(
      finding => level === 'warning' || finding.level === 'error',
    ),
    notes: notesOf(unknowns, rules, locate),
    fit: fitOf(model),
    python: {
      run: model.programs.filter(job => !isNamedAlone(job)).flatMap(({ code }) => code?.files ?? []),
      named: model.programs.filter(isNamedAlone).flatMap(({ code }) => code?.files ?? []),
    },
    get programs() {
      return programsRead(model, unknowns);
    },
  };
}

function completed(rule: Rule, found: Found, { locate, levels }: ReviewOptions): Finding {
  const { place } = found;
  const position = positionOf(place, locate);
  const level = levels?.get(rule.id);
  return {
    rule: rule.id,
    level: rule.level,
    subject: subjectOf(place),
    remedy: say`${rule.remedy}`,
    concerns: [],
    ...found,
    ...(level === undefined || level === 'off' ? {} : { level }),
    ...(position === undefined ? {} : { position }),
  };
}
