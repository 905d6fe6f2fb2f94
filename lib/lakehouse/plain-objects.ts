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
 * done once for an app that is locked: nothing is added to it any more.
 */
export function plainObjects(app: App): readonly PlainApiObject[] {
  const known = ofLockedApps.get(app);
  if (known !== undefined) return known;
  const objects = app.node
    .findAll()
    .filter(ApiObject.isApiObject)
    .map(object => (object as ApiObject).toJson() as PlainApiObject);
  if (app.node.locked) ofLockedApps.set(app, objects);
  return objects;
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
