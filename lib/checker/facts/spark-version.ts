import { parseImage } from './images';
import type { Job } from './job';

/** What a release line of Spark brings. */
export interface SparkRelease {
  /** e.g. 3.5 */
  readonly line: string;
  /** The Scala of its default builds. */
  readonly scala: string;
  /** The Hadoop that its `hadoop3` distribution ships (pom.xml, hadoop.version). */
  readonly hadoop: string;
}

/** Source: pom.xml of each release, properties scala.binary.version and hadoop.version. */
const RELEASES: readonly SparkRelease[] = [
  { line: '3.2', scala: '2.12', hadoop: '3.3.1' },
  { line: '3.3', scala: '2.12', hadoop: '3.3.2' },
  { line: '3.4', scala: '2.12', hadoop: '3.3.4' },
  { line: '3.5', scala: '2.12', hadoop: '3.3.4' },
  { line: '4.0', scala: '2.13', hadoop: '3.4.1' },
  { line: '4.1', scala: '2.13', hadoop: '3.4.2' },
];

/** Images that hold Spark as it was released and no connector: all others may hold anything. */
export function isStockImage(image: string): boolean {
  const { registry, repository } = parseImage(image);
  return (
    (registry === 'docker.io' &&
      (repository === 'apache/spark' ||
        repository === 'apache/spark-py' ||
        repository === 'library/spark')) ||
    (registry === 'ghcr.io' && repository === 'apache/spark-docker/spark')
  );
}

/** The Spark of a stock image by its tag. */
export function imageSparkVersion(image: string | undefined): string | undefined {
  if (image === undefined || !isStockImage(image)) return undefined;
  return /^v?(\d+\.\d+\.\d+)/.exec(parseImage(image).tag ?? '')?.[1];
}

/** The Spark that a job runs: what its image says, else what it states. */
export function sparkVersionOf(job: Job): string | undefined {
  return (
    imageSparkVersion(job.image?.value) ??
    (/^\d+\.\d+/.test(job.sparkVersion ?? '') ? job.sparkVersion : undefined)
  );
}

export function releaseOf(version: string | undefined): SparkRelease | undefined {
  return RELEASES.find(({ line }) => version === line || version?.startsWith(`${line}.`) === true);
}

/** The Scala of a job's Spark: what its image's tag names, else the release's, where no other build can be meant. */
export function scalaOf(job: Job): string | undefined {
  const tag = job.image === undefined ? undefined : parseImage(job.image.value).tag;
  const named = /scala(2\.1\d)/.exec(tag ?? '')?.[1];
  const release = releaseOf(sparkVersionOf(job));
  // Spark 3 was built for two Scalas: which one somebody's own image holds is not known.
  return named ?? (isStock(job) || Number(release?.line) >= 4 ? release?.scala : undefined);
}

/** The Hadoop of a job's Spark; somebody's own image may hold another than the release's. */
export function hadoopOf(job: Job): string | undefined {
  return isStock(job) ? releaseOf(sparkVersionOf(job))?.hadoop : undefined;
}

function isStock(job: Job): boolean {
  return job.image !== undefined && isStockImage(job.image.value);
}

export interface MavenCoordinate {
  readonly group: string;
  readonly artifact: string;
  /** The artifact without its Scala suffix. */
  readonly base: string;
  readonly scala: string | undefined;
  readonly version: string;
}

/** group:artifact:version; undefined for anything else. */
export function mavenCoordinate(text: string): MavenCoordinate | undefined {
  const [group, artifact, version, ...rest] = text.trim().split(':');
  if (
    group === undefined ||
    artifact === undefined ||
    version === undefined ||
    rest.length > 0 ||
    version === ''
  )
    return undefined;
  const suffix = /_(2\.1\d)$/.exec(artifact);
  return {
    group,
    artifact,
    base: suffix === null ? artifact : artifact.slice(0, suffix.index),
    scala: suffix?.[1],
    version,
  };
}
