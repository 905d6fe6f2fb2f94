import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { kubernetes, operators, spark, sparkPackages } from '../../lib/lakehouse/versions';

const pinned = (file: string, folder = 'local') =>
  readFileSync(join(__dirname, '../..', folder, file), 'utf8');

/** group:artifact:version of each dependency that the POM names itself, with its properties put in. */
function coordinates(pom: string): string[] {
  const property = (value: string) =>
    value.replace(
      /\$\{(.+?)\}/g,
      (_, name: string) => new RegExp(`<${name}>(.+?)</${name}>`).exec(pom)?.[1] ?? '',
    );
  const dependencies = pom
    .replace(/<exclusions>.*?<\/exclusions>/gs, '')
    .matchAll(/<dependency>(.*?)<\/dependency>/gs);
  return [...dependencies].map(([, text = '']) =>
    ['groupId', 'artifactId', 'version']
      .map(field => property(new RegExp(`<${field}>(.+?)</${field}>`).exec(text)?.[1] ?? ''))
      .join(':'),
  );
}

test('the jobs are tested with the connectors that the chart gives them', () => {
  expect(coordinates(pinned('maven/spark/pom.xml')).sort()).toEqual(
    [...sparkPackages.kafka, ...sparkPackages.objectStore].sort(),
  );
});

test('the jobs are tested on the Spark of the image', () => {
  expect(/^pyspark==(\S+)/m.exec(pinned('requirements.txt'))?.[1]).toBe(spark.version);
  expect(/^JAVA_VERSION = (\d+)/m.exec(pinned('fetch.py'))?.[1]).toBe(spark.java);
});

test('the cluster suite runs the Kubernetes and the Spark operator that the versions name', () => {
  expect(/k8s\.io\/kubernetes v(\S+)/.exec(pinned('go.mod', 'e2e'))?.[1]).toBe(kubernetes.tested);
  expect(/spark-operator\/v2 v(\S+)/.exec(pinned('spark-operator/go.mod', 'e2e'))?.[1]).toBe(
    operators.spark.version,
  );
});
