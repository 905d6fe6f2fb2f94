import { ApiObject, App } from 'cdk8s';
import type { Edit } from '../../__tests__/lakehouse/refused-edits';
import { type ManifestObject, manifestObjects } from '../../lib/checker/object/manifest-object';
import { LakehouseChart } from '../../lib/lakehouse/lakehouse-chart';

/** What main.ts' chart is with an edit: its errors, and its objects, which nothing has checked. */
export function editedChart({ props, after }: Edit): {
  readonly errors: readonly string[];
  readonly objects: readonly ManifestObject[];
} {
  const app = new App();
  const chart = new LakehouseChart(app, 'lakehouse', {
    traffic: { eventsPerSecond: 50, peakFactor: 10 },
    ...props,
  });
  after?.(chart);
  const nodes = app.node.findAll();
  const objects = nodes.filter(ApiObject.isApiObject).map(object => (object as ApiObject).toJson());
  return { errors: nodes.flatMap(node => node.node.validate()), objects: manifestObjects(objects) };
}
