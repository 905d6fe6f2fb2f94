import { App, Chart, Testing } from 'cdk8s';
import { type ManifestObject, manifestObjects } from '../../lib/checker/object/manifest-object';
import { LakehouseChart, type LakehouseChartProps } from '../../lib/lakehouse/lakehouse-chart';
import { plainObjects } from '../../lib/lakehouse/plain-objects';

/** The objects that a chart with these constructs synthesizes; throws what the synthesis throws. */
export function synthesized(build: (chart: Chart) => void): ManifestObject[] {
  const chart = new Chart(Testing.app(), 'lakehouse');
  build(chart);
  return manifestObjects(Testing.synth(chart));
}

/** What validation says about such a chart, each without the construct's path; none for a valid one. */
export function problems(build: (chart: Chart) => void): string[] {
  const chart = new Chart(Testing.app(), 'lakehouse');
  build(chart);
  return chart.node
    .findAll()
    .flatMap(construct => construct.node.validate())
    .sort();
}

/**
 * The whole system with its objects as they would be written. It is not validated, which costs a second: that the
 * default one is valid, and what is not, have tests of their own.
 */
export function lakehouse(props: LakehouseChartProps = {}): {
  readonly chart: LakehouseChart;
  readonly objects: ManifestObject[];
} {
  const app = new App();
  const chart = new LakehouseChart(app, 'lakehouse', props);
  return { chart, objects: manifestObjects(plainObjects(app)) };
}

/** The one object of a kind and name. */
export function objectOf(objects: readonly ManifestObject[], kind: string, name: string): ManifestObject {
  const found = objects.filter(object => object.kind === kind && object.metadata.name === name);
  if (found.length !== 1 || found[0] === undefined) {
    const all = objects.map(object => `${object.kind}/${object.metadata.name}`).join(', ');
    throw new Error(`${found.length} objects ${kind}/${name} among ${all}`);
  }
  return found[0];
}

/** The one object of a kind whose name begins so: for names that end with a content hash. */
export function objectLike(objects: readonly ManifestObject[], kind: string, start: string): ManifestObject {
  const names = objects
    .filter(object => object.kind === kind && object.metadata.name.startsWith(start))
    .map(object => object.metadata.name);
  return objectOf(objects, kind, names[0] ?? start);
}

/** A value inside an object, by keys and list indexes, e.g. inside(object, 'spec', 'containers', 0, 'image'). */
export function inside(object: ManifestObject, ...path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>(
    (value, key) => (value as Record<string | number, unknown> | undefined)?.[key],
    object.body,
  );
}

/** The pod spec of a workload. */
export function podOf(object: ManifestObject): Record<string, unknown> {
  return inside(object, 'spec', 'template', 'spec') as Record<string, unknown>;
}

/** The first container of a workload. */
export function containerOf(object: ManifestObject): Record<string, unknown> {
  return inside(object, 'spec', 'template', 'spec', 'containers', 0) as Record<string, unknown>;
}

/** What every container of ours is allowed: nothing. */
export const restricted = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
  privileged: false,
  readOnlyRootFilesystem: true,
  runAsNonRoot: true,
  seccompProfile: { type: 'RuntimeDefault' },
};
