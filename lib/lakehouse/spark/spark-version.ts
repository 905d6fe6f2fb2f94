import { imageSparkVersion } from '../../checker/facts/spark-version';
import { allowed, measured, say } from '../../checker/finding/message';
import { spark } from '../versions';
import type { Refusal } from '../workload/refuse';

/** The Spark of a job: what is stated, else what the tag of a stock image says, else the one that is pinned. */
export function jobSparkVersion(stated: string | undefined, image: string): string {
  return stated ?? imageSparkVersion(image) ?? spark.version;
}

/** The Spark that is stated has to be the image's, and the packages have to be for it. */
export function sparkVersionRefusals(
  job: string,
  version: string,
  image: string,
  resolvesPackages: boolean,
): Refusal[] {
  if (!/^\d+\.\d+\.\d+$/.test(version)) {
    return [
      {
        message: say`spark job ${job} has sparkVersion ${measured(version, JSON.stringify)} but a release of Spark has three numbers`,
        remedy: say`set sparkVersion, e.g. '${spark.version}'`,
      },
    ];
  }
  const held = imageSparkVersion(image);
  if (held !== undefined && held !== version) {
    return [
      {
        message: say`spark job ${job} has sparkVersion ${measured(version)} but its image ${image} holds Spark ${allowed(held)}`,
        remedy: say`set sparkVersion to '${held}', or leave it out`,
      },
    ];
  }
  return !resolvesPackages || lineOf(version) === lineOf(spark.version)
    ? []
    : [
        {
          message: say`spark job ${job} has Spark ${measured(version)} but SparkDependencies.resolved() fetches the packages of ${allowed(spark.version)}`,
          remedy: say`set dependencies to SparkDependencies.baked(), with an image that holds the connectors of Spark ${version}, or take an image of Spark ${lineOf(spark.version)}`,
        },
      ];
}

/** e.g. 3.5 */
function lineOf(version: string): string {
  return version.split('.').slice(0, 2).join('.');
}
