import { ApiObject, type App } from 'cdk8s';
import { isObject } from '../checker/object/manifest-object';
import { RefusedApp } from './refused-app';

/** A Kubernetes object as plain data. */
export interface PlainApiObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

const ofLockedApps = new WeakMap<App, readonly PlainApiObject[]>();

/**
 * The objects of an app as they would be written, in the order of construction. Rendering takes a while, so it is
 * done once for an app that is locked: nothing is added to it any more. Throws a RefusedApp for values that cannot be
 * written.
 */
export function plainObjects(app: App): readonly PlainApiObject[] {
  const known = ofLockedApps.get(app);
  if (known !== undefined) return known;
  const rendered = app.node
    .findAll()
    .filter(ApiObject.isApiObject)
    .map(object => plainObject(object as ApiObject));
  const refusals = rendered.filter(item => typeof item === 'string');
  if (refusals.length > 0) throw new RefusedApp(refusals.join('\n'));
  const objects = rendered.filter(item => typeof item === 'object');
  if (app.node.locked) ofLockedApps.set(app, objects);
  return objects;
}

/** An object as plain data, or what is wrong with its values. */
function plainObject(object: ApiObject): PlainApiObject | string {
  try {
    const bound = object.toJson();
    const isGeneric = object.toJson === ApiObject.prototype.toJson;
    const plain = isGeneric
      ? bound
      : (restored(bound, ApiObject.prototype.toJson.call(object)) as PlainApiObject);
    // Among what is no plain data, cdk8s takes what JSON and YAML do not.
    JSON.stringify(plain);
    return plain;
  } catch (error) {
    const { message } = error as Error;
    const why = message.replace(/^Failed serializing construct at path .*?': (?:\w*Error: )?/, '');
    return why.includes('Maximum call stack size exceeded')
      ? `[${object.node.path}] a value contains itself, so the object cannot be written; leave the value out, or copy what is needed of it`
      : `[${object.node.path}] a value cannot be written: ${why}; use texts, numbers, booleans, lists and plain objects`;
  }
}

/**
 * What a typed object of a binding is written as, with what the binding leaves out: it writes the fields that it knows,
 * so others of a JSON patch, and values in another form than its own, would vanish without a word.
 */
function restored(bound: unknown, given: unknown): unknown {
  if (Array.isArray(bound) && Array.isArray(given) && bound.length === given.length)
    return bound.map((item, index) => restored(item, given[index]));
  // A binding makes a text or a number of an object, e.g. of a Quantity.
  if (!isObject(bound) || !isObject(given)) return isScalar(bound) && isScalar(given) ? given : bound;
  const names = new Map(Object.keys(bound).map(key => [spelling(key), key]));
  const result: Record<string, unknown> = { ...bound };
  for (const [key, value] of Object.entries(given)) {
    // Bindings spell some names in their own way, e.g. repoUrl for repoURL.
    const name = Object.hasOwn(bound, key) ? key : names.get(spelling(key));
    if (name === undefined || bound[name] === undefined) result[key] = value;
    else if (name === key || !Object.hasOwn(given, name)) result[name] = restored(bound[name], value);
  }
  return result;
}

function isScalar(value: unknown): boolean {
  return ['string', 'number', 'boolean'].includes(typeof value);
}

function spelling(key: string): string {
  return key.toLowerCase().replace(/[^a-z0-9]/g, '');
}

/** The objects of an app that describes something. Throws a RefusedApp when it has none. */
export function describedObjects(app: App): readonly PlainApiObject[] {
  const objects = plainObjects(app);
  if (objects.length === 0)
    throw new RefusedApp(
      "[app] it has no Kubernetes object, so there is nothing to write; add a chart, e.g. new LakehouseChart(app, 'lakehouse')",
    );
  return objects;
}
