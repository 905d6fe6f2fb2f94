import { connectorJars, SparkDependencies } from '../../../lib/lakehouse/spark/spark-dependencies';
import { spark } from '../../../lib/lakehouse/versions';

describe('resolved at start', () => {
  const settings = SparkDependencies.resolved().settings(['kafka', 'objectStore']);

  test('the packages follow from the wiring, in the versions of the image', () => {
    expect(settings.packages).toEqual([
      `org.apache.spark:spark-sql-kafka-0-10_${spark.scala}:${spark.version}`,
      `org.apache.hadoop:hadoop-aws:${spark.hadoop}`,
      `org.apache.spark:spark-hadoop-cloud_${spark.scala}:${spark.version}`,
    ]);
  });

  test('a job that reads no topic gets no Kafka connector', () => {
    expect(SparkDependencies.resolved().settings(['objectStore']).packages.join()).not.toContain('kafka');
  });

  test('the Ivy directory is a writable one', () => {
    expect(settings.sparkConf).toEqual({ 'spark.jars.ivy': '/tmp/.ivy2' });
  });

  test('nothing that is asked for is excluded', () => {
    const names = connectorJars(['kafka', 'objectStore']).map(jar => jar.split(':').slice(0, 2).join(':'));
    expect(names.filter(name => settings.excludePackages.includes(name))).toEqual([]);
  });
});

test('baked into the image, nothing is resolved', () => {
  expect(SparkDependencies.baked().settings(['kafka', 'objectStore'])).toEqual({
    packages: [],
    excludePackages: [],
    sparkConf: {},
  });
});
