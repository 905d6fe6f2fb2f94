import { spark, sparkPackages } from '../versions';

/** What a job talks to beside Spark itself; it follows from what the job is wired to. */
export type SparkConnector = keyof typeof sparkPackages;

/**
 * What the connectors bring along that stock Spark does not have, as they declare it (`mvn dependency:tree` of
 * Spark 3.5.7 and Hadoop 3.3.4).
 */
const TRANSITIVE: Readonly<Record<SparkConnector, readonly string[]>> = {
  kafka: [
    `org.apache.spark:spark-token-provider-kafka-0-10_${spark.scala}:${spark.version}`,
    'org.apache.kafka:kafka-clients:3.4.1',
    'org.apache.commons:commons-pool2:2.11.1',
  ],
  objectStore: [
    `com.amazonaws:aws-java-sdk-bundle:${spark.awsSdkBundle}`,
    'org.wildfly.openssl:wildfly-openssl:1.0.7.Final',
  ],
};

/**
 * What the connectors declare and stock Spark already has, or what only Google's, Microsoft's and Alibaba's stores
 * need: 250 MB less to fetch, and no second copy on the classpath.
 */
const EXCLUDED: Readonly<Record<SparkConnector, readonly string[]>> = {
  kafka: [
    'com.google.code.findbugs:jsr305',
    'org.apache.hadoop:hadoop-client-api',
    'org.apache.hadoop:hadoop-client-runtime',
    'org.lz4:lz4-java',
    'org.slf4j:slf4j-api',
    'org.xerial.snappy:snappy-java',
  ],
  objectStore: [
    'com.fasterxml.jackson.core:jackson-annotations',
    'com.fasterxml.jackson.core:jackson-databind',
    'com.fasterxml.jackson.dataformat:jackson-dataformat-cbor',
    'com.google.cloud.bigdataoss:gcs-connector',
    'commons-logging:commons-logging',
    'joda-time:joda-time',
    'org.apache.hadoop:hadoop-azure',
    'org.apache.hadoop:hadoop-client-api',
    'org.apache.hadoop:hadoop-client-runtime',
    'org.apache.hadoop:hadoop-cloud-storage',
    'org.apache.httpcomponents:httpclient',
    'org.apache.httpcomponents:httpcore',
    'org.eclipse.jetty:jetty-util',
    'org.eclipse.jetty:jetty-util-ajax',
  ],
};

/** What a SparkApplication says about its dependencies. */
export interface SparkDependencySettings {
  /** Maven coordinates, group:name:version. */
  readonly packages: readonly string[];
  /** group:name of what is not to come along. */
  readonly excludePackages: readonly string[];
  readonly sparkConf: Readonly<Record<string, string>>;
}

/**
 * How a job comes to its connectors.
 *
 * Resolved: from Maven Central at every start, into a directory that is writable in the operator's pod and in the
 * driver's. Baked: the image holds them (`npm run build:spark-jars` prints which), so a start needs no network.
 *
 * @example
 * new LakehouseChart(app, 'lakehouse', {
 *   streaming: { image: 'registry.example.com/spark:3.5.7-connectors-1', dependencies: SparkDependencies.baked() },
 * });
 */
export class SparkDependencies {
  public static resolved(): SparkDependencies {
    return new SparkDependencies(false);
  }

  public static baked(): SparkDependencies {
    return new SparkDependencies(true);
  }

  private constructor(private readonly areBaked: boolean) {}

  public settings(connectors: readonly SparkConnector[]): SparkDependencySettings {
    if (this.areBaked) return { packages: [], excludePackages: [], sparkConf: {} };
    return {
      packages: connectors.flatMap(connector => sparkPackages[connector]),
      excludePackages: [...new Set(connectors.flatMap(connector => EXCLUDED[connector]))].sort(),
      // /tmp is an emptyDir in the job's pods and in the operator's (spark-operator's Helm chart), which both resolve.
      sparkConf: { 'spark.jars.ivy': '/tmp/.ivy2' },
    };
  }
}

/**
 * Maven coordinates (group:name:version) of exactly the jars that an image with baked dependencies must hold in
 * /opt/spark/jars beside stock Spark's.
 */
export function connectorJars(connectors: readonly SparkConnector[]): string[] {
  return connectors.flatMap(connector => [...sparkPackages[connector], ...TRANSITIVE[connector]]);
}
