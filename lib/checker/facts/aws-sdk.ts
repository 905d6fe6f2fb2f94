import type { Job, Stated } from './job';
import { mavenCoordinate } from './spark-version';

/** A library that a job brings, by its coordinate or by the name of its jar. */
interface Library {
  readonly version: string;
  readonly stated: Stated;
  /** Ivy takes what a package needs beside it, and the newer one of two; a jar comes as it is. */
  readonly isJar: boolean;
}

/** The line of Amazon's SDK that hadoop-aws is built with (hadoop-project's pom, aws-java-sdk.version and its kin). */
export function sdkLineOf(hadoopAws: string): string | undefined {
  const [major = 0, minor = 0, patch = 0] = hadoopAws.split('.').map(Number);
  if (major !== 3 || minor < 2) return undefined;
  if (minor >= 4) return '2';
  return minor === 3 && patch >= 4 ? '1.12' : '1.11';
}

/** 1.11, 1.12 or 2: releases of one line go together. */
export function lineOf(sdk: string): string {
  const [major = '', minor = ''] = sdk.split('.');
  return major === '1' ? `1.${minor}` : major;
}

/** The hadoop-aws and the bundles of Amazon's SDK that a job names. */
export function awsLibraries(job: Job): { readonly hadoop: Library[]; readonly sdk: Library[] } {
  const find = (artifact: string, jar: RegExp): Library[] => [
    ...job.packages.flatMap(stated => {
      const coordinate = mavenCoordinate(stated.value);
      return coordinate?.artifact === artifact ? [{ version: coordinate.version, stated, isJar: false }] : [];
    }),
    ...job.jars.flatMap(stated => {
      const version = jar.exec(stated.value)?.[1];
      return version === undefined ? [] : [{ version, stated, isJar: true }];
    }),
  ];
  return {
    hadoop: find('hadoop-aws', /(?:^|\/)hadoop-aws-(\d[\d.]*\d)\.jar$/),
    sdk: [
      ...find('aws-java-sdk-bundle', /(?:^|\/)aws-java-sdk-bundle-(\d[\d.]*\d)\.jar$/),
      ...find('bundle', /(?:^|\/)bundle-(2\.[\d.]*\d)\.jar$/),
    ],
  };
}
