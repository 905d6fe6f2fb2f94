import type { Job } from '../facts/job';
import { scheme } from '../facts/object-store';
import type { Rule } from '../facts/rule';
import { isStockImage, mavenCoordinate, releaseOf, scalaOf, sparkVersionOf } from '../facts/spark-version';
import type { Found, Place } from '../finding/finding';
import { allowed, listed, quote, say } from '../finding/message';
import type { At } from '../python/values';
import { knownPrefix, shownText, type Text } from '../python/values';

/** What a format, scheme or class needs, by the artifacts (without Scala suffix) of which any provides it. */
interface Need {
  readonly what: string;
  readonly artifacts: readonly string[];
  readonly example: (versions: { spark: string; scala: string; hadoop: string }) => string;
  readonly place: Place;
}

const FORMATS: Readonly<Record<string, { artifacts: readonly string[]; example: Need['example'] }>> = {
  kafka: {
    artifacts: ['spark-sql-kafka-0-10'],
    example: ({ spark, scala }) => `org.apache.spark:spark-sql-kafka-0-10_${scala}:${spark}`,
  },
  avro: {
    artifacts: ['spark-avro'],
    example: ({ spark, scala }) => `org.apache.spark:spark-avro_${scala}:${spark}`,
  },
  delta: {
    artifacts: ['delta-spark', 'delta-core'],
    example: ({ scala }) => `io.delta:delta-spark_${scala}:3.3.2`,
  },
  iceberg: {
    artifacts: ['iceberg-spark-runtime'],
    example: ({ spark, scala }) =>
      `org.apache.iceberg:iceberg-spark-runtime-${spark.split('.').slice(0, 2).join('.')}_${scala}:1.9.2`,
  },
  hudi: {
    artifacts: ['hudi-spark'],
    example: ({ spark, scala }) =>
      `org.apache.hudi:hudi-spark${spark.split('.').slice(0, 2).join('.')}-bundle_${scala}:1.0.2`,
  },
};

const SCHEMES: Readonly<Record<string, { artifacts: readonly string[]; example: Need['example'] }>> = {
  s3a: {
    artifacts: ['hadoop-aws', 'spark-hadoop-cloud'],
    example: ({ hadoop }) => `org.apache.hadoop:hadoop-aws:${hadoop}`,
  },
  abfs: {
    artifacts: ['hadoop-azure', 'spark-hadoop-cloud'],
    example: ({ hadoop }) => `org.apache.hadoop:hadoop-azure:${hadoop}`,
  },
  abfss: {
    artifacts: ['hadoop-azure', 'spark-hadoop-cloud'],
    example: ({ hadoop }) => `org.apache.hadoop:hadoop-azure:${hadoop}`,
  },
  gs: {
    artifacts: ['gcs-connector'],
    example: () => 'com.google.cloud.bigdataoss:gcs-connector:hadoop3-2.2.28',
  },
};

const JDBC: readonly {
  readonly url: RegExp;
  readonly artifacts: readonly string[];
  readonly example: string;
}[] = [
  {
    url: /^jdbc:(clickhouse|ch):/,
    artifacts: ['clickhouse-jdbc', 'clickhouse-jdbc-all', 'clickhouse-native-jdbc', 'clickhouse4j'],
    example: 'com.clickhouse:clickhouse-jdbc-all:0.9.2',
  },
  { url: /^jdbc:postgresql:/, artifacts: ['postgresql'], example: 'org.postgresql:postgresql:42.7.7' },
  {
    url: /^jdbc:mysql:/,
    artifacts: ['mysql-connector-j', 'mysql-connector-java'],
    example: 'com.mysql:mysql-connector-j:9.4.0',
  },
];

/** Incident 10: `Failed to find data source: kafka`, because the stock image has no connector. */
export const connectorPackageMissing: Rule = {
  id: 'connector-package-missing',
  level: 'error',
  needs: ['course', 'format', 'setting'],
  refuses: 'a format or file system used in code that no package, jar or image provides',
  remedy: 'add the connector to the packages of the job, in the version of its Spark',
  check: model =>
    model.jobs.flatMap(job => {
      // Only of Spark's own images is it known what they hold.
      if (job.image === undefined || !isStockImage(job.image.value) || bringsOwnJars(job)) return [];
      const needs = new Map<string, Need>();
      for (const need of needsOf(job)) if (!needs.has(need.what)) needs.set(need.what, need);
      const version = sparkVersionOf(job) ?? '3.5.7';
      const release = releaseOf(version);
      const versions = {
        spark: version,
        scala: scalaOf(job) ?? release?.scala ?? '2.12',
        hadoop: release?.hadoop ?? '3.3.4',
      };
      return [...needs.values()].flatMap(({ what, artifacts, example, place }): Found[] => {
        if (artifacts.some(artifact => provides(job, artifact))) return [];
        const coordinate = example(versions);
        return [
          {
            place: place,
            message: say`${job.name} uses ${what}, but image ${quote(job.image?.value)} holds no ${allowed(listed(artifacts.slice(0, 1)))} and no package or jar brings it`,
            remedy: say`add ${coordinate} to ${job.kind === 'application' ? 'deps.packages' : '--packages'}`,
            concerns: [job.object],
          },
        ];
      });
    }),
};

function needsOf(job: Job): Need[] {
  const { code } = job;
  const needs: Need[] = [];
  const location = (text: Text, at: At, placeOf: (text: Text, at: At) => Place) => {
    const need = SCHEMES[scheme(knownPrefix(text))];
    if (need !== undefined)
      needs.push({
        what: `${scheme(knownPrefix(text))}:// (${quote(shownText(text))})`,
        ...need,
        place: placeOf(text, at),
      });
  };
  if (code !== undefined) {
    for (const endpoint of [...code.facts.sources, ...code.facts.sinks]) {
      const format = endpoint.format === undefined ? undefined : FORMATS[endpoint.format];
      if (format !== undefined)
        needs.push({ what: `format ${quote(endpoint.format)}`, ...format, place: code.place(endpoint.at) });
      const url = endpoint.options.get('url');
      const driver =
        url === undefined ? undefined : JDBC.find(({ url: pattern }) => pattern.test(knownPrefix(url.value)));
      if (url !== undefined && driver !== undefined)
        needs.push({
          what: `JDBC URL ${quote(shownText(url.value))}`,
          artifacts: driver.artifacts,
          example: () => driver.example,
          place: code.placeOf(url.value, url.at),
        });
      for (const path of 'paths' in endpoint
        ? endpoint.paths
        : endpoint.path === undefined
          ? []
          : [endpoint.path])
        location(path, endpoint.at, code.placeOf);
      const checkpoint = endpoint.options.get('checkpointlocation');
      if (checkpoint !== undefined) location(checkpoint.value, checkpoint.at, code.placeOf);
    }
  }
  for (const { value, place } of job.fetched) {
    const need = SCHEMES[scheme(value)];
    if (need !== undefined) needs.push({ what: `${scheme(value)}:// (${quote(value)})`, ...need, place });
  }
  for (const key of [
    'spark.sql.streaming.checkpointLocation',
    'spark.eventLog.dir',
    'spark.sql.warehouse.dir',
    'spark.kubernetes.file.upload.path',
  ]) {
    const stated = job.conf.get(key);
    const need = stated === undefined ? undefined : SCHEMES[scheme(stated.value)];
    if (stated !== undefined && need !== undefined)
      needs.push({
        what: `${scheme(stated.value)}:// (${quote(stated.value)})`,
        ...need,
        place: stated.place,
      });
  }
  for (const [key, stated] of job.conf) {
    if (stated.value.startsWith('org.apache.spark.internal.io.cloud.')) {
      needs.push({
        what: `class ${quote(stated.value)} for ${key}`,
        artifacts: ['spark-hadoop-cloud'],
        example: ({ spark, scala }) => `org.apache.spark:spark-hadoop-cloud_${scala}:${spark}`,
        place: stated.place,
      });
    }
  }
  // One report for each scheme is enough.
  return needs.map(need => ({ ...need, what: need.what.replace(/^(\w+:\/\/) \(.*$/, '$1 locations') }));
}

/** Whether a package or jar brings an artifact. A bundle of one's own with the artifact's name counts. */
function provides(job: Job, artifact: string): boolean {
  if (job.excludedPackages.some(item => item.split(':')[1]?.replace(/_2\.1\d$/, '') === artifact))
    return false;
  return (
    job.packages.some(
      ({ value }) =>
        mavenCoordinate(value)?.base.startsWith(artifact) === true || value.includes(`:${artifact}`),
    ) || job.jars.some(({ value }) => value.includes(artifact) || value.endsWith('/*'))
  );
}

/** Jars that reach the class path on ways that no coordinate tells: extra class paths, volumes over the jars folder. */
function bringsOwnJars(job: Job): boolean {
  if (job.bringsJars || job.conf.has('spark.driver.extraClassPath') || job.conf.has('spark.archives'))
    return true;
  if (job.jars.some(({ value }) => !/\/[^/]*[a-z][\w.-]*\.jar$/i.test(value))) return true;
  return (
    job.driverMounts.some(({ path }) => /\/jars(\/|$)/.test(path)) ||
    job.driverVariables.has('SPARK_EXTRA_CLASSPATH')
  );
}
