import { missingBuckets, missingTopics } from '../facts/data-references';
import { grouped } from '../facts/manifest-index';
import type { Model } from '../facts/model';
import { isDeclared, type Reference, referencesIn } from '../facts/references';
import type { Rule } from '../facts/rule';
import type { Found } from '../finding/finding';
import { allowed, listed, measured, quote, say } from '../finding/message';
import { silences } from '../finding/silence';
import { namespaceOf } from '../manifest/pod-templates';
import { asObject, asObjects, at, type ManifestObject } from '../object/manifest-object';
import { objectId } from '../object/object-id';

const CLUSTER_WIDE: ReadonlySet<string> = new Set(['StorageClass', 'PriorityClass']);

/** A pod waits for ever for what nobody made, and an Ingress answers 503. */
export const missingReference: Rule = {
  id: 'missing-reference',
  level: 'error',
  needs: ['pods', 'course', 'topic', 'location'],
  refuses:
    'a PVC, ConfigMap, Secret, ServiceAccount, StorageClass, PriorityClass, Service, topic or bucket that nothing declares',
  remedy: 'declare it among the manifests, or say that it exists with --external Kind/namespace/name',
  check: model => {
    // A use whose object gives a reason is none; the others of the same thing stay.
    const references = referencesIn(model).filter(({ object }) => !silences(object, missingReference.id));
    const [there, absent] = [true, false].map(isThere =>
      references.filter(reference => isDeclared(model, reference) === isThere),
    ) as [Reference[], Reference[]];
    return [
      ...[...grouped(absent, identity).values()].flatMap(uses => missing(model, uses)),
      ...[
        ...grouped(
          there.filter(reference => lacksKey(model, reference)),
          reference => `${identity(reference)}/${reference.key}`,
        ).values(),
      ].flatMap(uses => missingKey(model, uses)),
      ...there.flatMap(reference => missingPort(model, reference)),
      ...missingTopics(model),
      ...missingBuckets(model),
    ];
  },
};

function identity({ object, kind, name }: Pick<Reference, 'object' | 'kind' | 'name'>): string {
  return objectId({ kind, namespace: namespaceOf(object), name });
}

/** One thing that is missing, at its first use, with the others. */
function missing(model: Model, uses: readonly Reference[]): Found[] {
  const [reference] = uses;
  if (reference === undefined) return [];
  const { object, path, kind, name } = reference;
  const elsewhere = model.ofKind(kind).filter(other => other.metadata.name === name);
  const same = model
    .ofKind(kind)
    .filter(other => namespaceOf(other) === namespaceOf(object) || CLUSTER_WIDE.has(kind));
  const hint =
    elsewhere.length > 0
      ? `it exists in namespace ${listed([...new Set(elsewhere.map(namespaceOf))], 'and')}, which pods of ${namespaceOf(object)} cannot see`
      : same.length > 0
        ? `declared there: ${listed(names(same), 'and')}`
        : `nothing declares a ${kind} there`;
  const id = identity(reference);
  return [
    {
      place: { object, path },
      message: say`${kind} ${measured(name, quote)} is needed${CLUSTER_WIDE.has(kind) ? '' : ` in namespace ${namespaceOf(object)}`} but not declared (${hint})${usedBy(uses)}`,
      remedy: say`declare ${id} among the manifests, or say that it exists with --external ${id}`,
    },
  ];
}

/** Where else it is needed, where there is more than one use. */
function usedBy(uses: readonly Reference[]): string {
  if (uses.length < 2) return '';
  const by = [...new Set(uses.map(({ object }) => objectId(object)))];
  const shown = by.length > 6 ? [...by.slice(0, 5), `${by.length - 5} more`] : by;
  return `; ${uses.length} places need it, in ${listed(shown)}`;
}

function names(objects: readonly ManifestObject[]): string[] {
  const all = [...new Set(objects.map(({ metadata }) => metadata.name))].sort();
  return all.length > 6 ? [...all.slice(0, 6), `${all.length - 6} more`] : all;
}

function keysOf(target: ManifestObject): string[] {
  return ['data', 'stringData', 'binaryData'].flatMap(part => Object.keys(asObject(target.body[part])));
}

/** A ConfigMap or Secret whose content is written down must hold the key that is asked for. */
function lacksKey(model: Model, { object, kind, name, key }: Reference): boolean {
  const target = key === undefined ? undefined : model.find(kind, object, name);
  if (key === undefined || target === undefined) return false;
  const keys = keysOf(target);
  return !keys.includes(key) && !(kind === 'Secret' && keys.length === 0);
}

function missingKey(model: Model, uses: readonly Reference[]): Found[] {
  const [reference] = uses;
  if (reference === undefined) return [];
  const { object, path, kind, name, key = '' } = reference;
  const target = model.find(kind, object, name);
  if (target === undefined) return [];
  const keys = keysOf(target);
  return [
    {
      place: { object, path: [...path.slice(0, -1), 'key'] },
      message: say`key ${measured(key, quote)} is asked of ${identity(reference)}, which has ${keys.length === 0 ? 'no keys' : allowed(listed(keys.sort()))}${usedBy(uses)}`,
      remedy: say`add the key to ${identity(reference)} or ask for one that it has`,
      concerns: [target],
    },
  ];
}

/** A Service that is declared must have the port that is asked for. */
function missingPort(model: Model, reference: Reference): Found[] {
  const { object, path, kind, name, port } = reference;
  const target = model.find(kind, object, name);
  if (port === undefined || target === undefined) return [];
  const ports = asObjects(at(target.body, 'spec', 'ports')).flatMap(entry => [entry['port'], entry['name']]);
  if (ports.includes(port)) return [];
  const known = ports.filter(value => value !== undefined).map(String);
  return [
    {
      place: { object, path },
      message: say`port ${measured(String(port), quote)} is asked of ${identity(reference)}, which has ${known.length === 0 ? 'no ports' : allowed(listed(known, 'and'))}`,
      remedy: say`add the port to ${identity(reference)} or ask for one that it has`,
      concerns: [target],
    },
  ];
}
