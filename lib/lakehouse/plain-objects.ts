import { ApiObject, type App } from 'cdk8s';
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
    const plain = object.toJson() as PlainApiObject;
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

/** The objects of an app that describes something. Throws a RefusedApp when it has none. */
export function describedObjects(app: App): readonly PlainApiObject[] {
  const objects = plainObjects(app);
  if (objects.length === 0)
    throw new RefusedApp(
      "[app] it has no Kubernetes object, so there is nothing to write; add a chart, e.g. new LakehouseChart(app, 'lakehouse')",
    );
  return objects;
}
