import { App } from 'cdk8s';
import { line } from '../../../lib/checker/finding/reporter';
import { LakehouseChart } from '../../../lib/lakehouse/lakehouse-chart';
import { plainObjects } from '../../../lib/lakehouse/plain-objects';
import { SparkDependencies } from '../../../lib/lakehouse/spark/spark-dependencies';
import type { SparkJobOptions } from '../../../lib/lakehouse/spark/spark-job';
import { spark } from '../../../lib/lakehouse/versions';
import { refusalsOf } from '../../../lib/lakehouse/workload/refuse';

function gold(options: SparkJobOptions): { readonly version: unknown; readonly said: readonly string[] } {
  const app = new App();
  const chart = new LakehouseChart(app, 'lakehouse', { gold: options });
  const [object] = plainObjects(app).filter(
    ({ kind, metadata }) => kind === 'SparkApplication' && metadata.name === 'activity-gold',
  );
  const { spec } = object as unknown as { readonly spec: { readonly sparkVersion: unknown } };
  return {
    version: spec.sparkVersion,
    said: chart.gold.node
      .findAll()
      .flatMap(refusalsOf)
      .map(finding => line(finding)),
  };
}

const own = 'registry.example.com/spark:7';
const dependencies = SparkDependencies.baked();

test.each<[string, SparkJobOptions, string]>([
  ['no image', {}, spark.version],
  ['an image of its own', { image: own }, spark.version],
  ['an image of its own of another Spark', { image: own, sparkVersion: '4.1.0', dependencies }, '4.1.0'],
  ['a stock image of another Spark', { image: 'apache/spark:4.1.0-java21-python3', dependencies }, '4.1.0'],
  ['packages of the same line', { image: own, sparkVersion: '3.5.6' }, '3.5.6'],
])('%s: the manifest says the Spark of the image', (_name, options, version) => {
  expect(gold(options)).toEqual({ version, said: [] });
});

test.each<[string, SparkJobOptions, string]>([
  [
    'that is no release',
    { image: own, sparkVersion: '4.1', dependencies },
    `has sparkVersion "4.1" but a release of Spark has three numbers; set sparkVersion, e.g. '3.5.7'`,
  ],
  [
    'that the image does not hold',
    { image: 'apache/spark:4.1.0', sparkVersion: '3.5.7', dependencies },
    "has sparkVersion 3.5.7 but its image apache/spark:4.1.0 holds Spark 4.1.0; set sparkVersion to '4.1.0', or leave it out",
  ],
  [
    'for which the packages are not',
    { image: own, sparkVersion: '4.1.0' },
    'has Spark 4.1.0 but SparkDependencies.resolved() fetches the packages of 3.5.7; set dependencies to SparkDependencies.baked(), with an image that holds the connectors of Spark 4.1.0, or take an image of Spark 3.5',
  ],
])('a Spark %s is refused', (_name, options, words) => {
  expect(gold(options).said).toEqual([expect.stringContaining(`spark job activity-gold ${words}`)]);
});
