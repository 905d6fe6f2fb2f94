import { ApiObject } from 'cdk8s';
import type { IConstruct } from 'constructs';
import { type Finding, subjectOf } from '../../checker/finding/finding';
import type { Message, Path } from '../../checker/finding/message';
import { line, sentence, type Wording } from '../../checker/finding/reporter';
import { isSilenced } from '../../checker/finding/silence';
import { type ManifestObject, manifestObjects } from '../../checker/object/manifest-object';
import { type ObjectIdentity, objectId } from '../../checker/object/object-id';

/** What is wrong with the props of a construct. */
export interface Refusal {
  /** What is wrong, the value, what is allowed. */
  readonly message: Message;
  /** Which prop to set, and to what. */
  readonly remedy: Message;
  /** The rule that would refuse what comes of it. @default no rule: the props alone show it */
  readonly rule?: string;
  /** The object that is written from the props, and the place in it: a container stands there by its name. @default none */
  readonly writes?: { readonly object: ObjectIdentity; readonly path: Path };
}

/** What a refusal is about: what the sentence calls it, and what is written from it. */
export interface Culprit {
  /** Empty where the object says it all. */
  readonly what: string;
  readonly writes?: Refusal['writes'];
}

/** What a culprit writes, at a path below its own. */
export function writing({ writes }: Culprit, ...path: Path): Pick<Refusal, 'writes'> {
  return writes === undefined ? {} : { writes: { ...writes, path: [...writes.path, ...path] } };
}

/** A container of a workload's pod template. */
export function containerOf(object: ObjectIdentity, name: string): Culprit {
  return {
    what: `container ${name}`,
    writes: { object, path: ['spec', 'template', 'spec', 'containers', name] },
  };
}

const refused = new WeakMap<IConstruct, (() => readonly Refusal[])[]>();

/** Refuses the synthesis as long as something is wrong with the props of a construct, all of it together. */
export function refuse(construct: IConstruct, refusals: () => readonly Refusal[]): void {
  const known = refused.get(construct) ?? [];
  refused.set(construct, [...known, refusals]);
  construct.node.addValidation({
    validate: () => [...new Set(notSilenced(findings(construct, refusals()), construct).map(withoutPath))],
  });
}

/** What a construct refuses now, silenced or not. */
export function refusalsOf(construct: IConstruct): Finding[] {
  return (refused.get(construct) ?? []).flatMap(refusals => findings(construct, refusals()));
}

/** What else a construct's validation says: that of somebody else's constructs, which is a text from the start. */
export function othersRefusals(construct: IConstruct): string[] {
  const own = new Set(refusalsOf(construct).map(withoutPath));
  return validated(construct)
    .filter(text => !own.has(text))
    .map(text => `[${pathOf(construct)}] ${text}`);
}

/** What the validation of a construct says. One that throws hides the others of its construct, and nothing else. */
function validated({ node }: IConstruct): string[] {
  try {
    return node.validate();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return [`its validation throws: ${why}; return what is wrong as a list of texts`];
  }
}

/** The findings without those for which an annotation gives a reason, on the object that is written. */
export function notSilenced(all: readonly Finding[], scope: IConstruct): readonly Finding[] {
  if (all.every(({ rule }) => rule === undefined)) return all;
  const byId = new Map(apiObjects(scope).map(object => [objectId(object), object]));
  return all.filter(finding => !isSilenced(finding, byId));
}

const props = new WeakMap<IConstruct, { readonly object: ObjectIdentity; readonly names: Names }>();

/** Props by the path of the field that is written from each, its keys joined by a dot. */
type Names = Readonly<Record<string, string>>;

/** Says which prop a field of an object comes from, so that a rule's remedy names the prop. */
export function writesFields(construct: IConstruct, object: ObjectIdentity, names: Names): void {
  props.set(construct, { object, names });
}

/** The names that the constructs below a scope give to what they write. */
export function wordingOf(scope: IConstruct): Wording {
  const names = new Map(
    scope.node.findAll().flatMap(construct => {
      const known = props.get(construct);
      return known === undefined ? [] : [[objectId(known.object), known.names] as const];
    }),
  );
  return { propOf: (object, path) => names.get(objectId(object))?.[path.join('.')] };
}

function findings(construct: IConstruct, refusals: readonly Refusal[]): Finding[] {
  return refusals.map(({ writes, ...refusal }) => {
    const place = { construct: pathOf(construct), ...(writes === undefined ? {} : { writes }) };
    return { ...refusal, level: 'error', subject: subjectOf(place), place, concerns: [] };
  });
}

/** The path of the app itself is empty. */
function pathOf({ node }: IConstruct): string {
  return node.path || 'app';
}

/** Whoever validates a construct puts its path before what it says. */
function withoutPath(finding: Finding): string {
  return 'construct' in finding.subject ? sentence(finding) : line(finding);
}

function apiObjects(scope: IConstruct): ManifestObject[] {
  return manifestObjects(
    scope.node.root.node
      .findAll()
      .filter(ApiObject.isApiObject)
      .map(object => (object as ApiObject).toJson()),
  );
}
