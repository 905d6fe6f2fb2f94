/**
 * Every version of the system, in one place. What is not here is pinned by package-lock.json (the program) or
 * by the lock files of local/ (what the tests fetch).
 */

import { OLDEST_KUBERNETES } from '../checker/eks/cluster-context';
import { strimzi } from '../checker/facts/strimzi-releases';

export { type StrimziRelease, strimzi } from '../checker/facts/strimzi-releases';

export interface ImageVersion {
  /** Registry and repository, as in an image reference without tag and digest. */
  readonly repository: string;
  readonly tag: string;
  /** Digest of the tag's multi-platform index, where it is known. */
  readonly digest?: string;
}

/** The reference that a container gets: repository:tag, with the digest where it is known. */
export function imageReference({ repository, tag, digest }: ImageVersion): string {
  return digest === undefined ? `${repository}:${tag}` : `${repository}:${tag}@${digest}`;
}

/** The oldest Kubernetes that the manifests are written for, and the one that the cluster tests run. */
export const kubernetes = { oldest: OLDEST_KUBERNETES, tested: '1.36.3' } as const;

/**
 * Spark with the connectors that fit it. 3.5.7 is the newest 3.5 whose Kafka connector is on Maven Central;
 * the image is built for Scala 2.12 and ships Hadoop 3.3.4, so hadoop-aws must be 3.3.4 too, and that release
 * is built against version 1.12.262 of the AWS SDK bundle.
 */
export const spark = {
  version: '3.5.7',
  scala: '2.12',
  hadoop: '3.3.4',
  java: '17',
  /** Ubuntu 22.04's, in the image. */
  python: '3.10',
  awsSdkBundle: '1.12.262',
} as const;

/** Maven coordinates (group:artifact:version) of what Spark needs for each system that a job is wired to. */
export const sparkPackages = {
  kafka: [`org.apache.spark:spark-sql-kafka-0-10_${spark.scala}:${spark.version}`],
  objectStore: [
    `org.apache.hadoop:hadoop-aws:${spark.hadoop}`,
    `org.apache.spark:spark-hadoop-cloud_${spark.scala}:${spark.version}`,
  ],
} as const;

/** The Helm charts of what runs beside the chart, and where. */
export const operators = {
  strimzi: {
    chart: 'strimzi-kafka-operator',
    repository: 'quay.io/strimzi-helm',
    version: strimzi.kraft.version,
    namespace: 'strimzi-system',
  },
  spark: {
    chart: 'spark-operator',
    repository: 'https://kubeflow.github.io/spark-operator',
    version: '2.5.2',
    namespace: 'spark-operator',
  },
  prometheus: {
    chart: 'prometheus',
    repository: 'https://prometheus-community.github.io/helm-charts',
    version: '27.24.0',
    namespace: 'monitoring',
  },
} as const;

/** Sources of the digests: references pinned by several public projects, that agree. */
export const images = {
  spark: { repository: 'apache/spark', tag: `${spark.version}-java${spark.java}-python3` },
  node: {
    repository: 'node',
    tag: '24.20.0-bookworm-slim',
    digest: 'sha256:ba849c60be29959425b8734d57b8b4b7d56f98edd9504c9af091d5281095a71e',
  },
  /** The last image that the archived project published; Docker Hub's are deleted. */
  minio: {
    repository: 'quay.io/minio/minio',
    tag: 'RELEASE.2025-09-07T16-13-09Z',
    digest: 'sha256:14cea493d9a34af32f524e538b8346cf79f3321eff8e708c1e2960462bd8936e',
  },
  minioClient: {
    repository: 'quay.io/minio/mc',
    tag: 'RELEASE.2025-08-13T08-35-41Z',
    digest: 'sha256:a7fe349ef4bd8521fb8497f55c6042871b2ae640607cf99d9bede5e9bdf11727',
  },
  /** A long-term support release. The tests run 26.7: docs/clickhouse.md lists what differs. */
  clickHouse: {
    repository: 'clickhouse/clickhouse-server',
    tag: '26.3.17.4',
    digest: 'sha256:85c434814ac8905e5648027ce926f74ab067edd6aadbccb6c0c165cd3571ea49',
  },
  grafana: {
    repository: 'grafana/grafana',
    tag: '12.4.2',
    digest: 'sha256:83749231c3835e390a3144e5e940203e42b9589761f20ef3169c716e734ad505',
  },
} as const satisfies Record<string, ImageVersion>;

/** Grafana's plugin for ClickHouse, installed at start. */
export const grafanaClickHousePlugin = { id: 'grafana-clickhouse-datasource', version: '4.20.0' } as const;
