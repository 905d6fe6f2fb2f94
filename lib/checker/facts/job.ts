import type { Place } from '../finding/finding';
import type { Path } from '../finding/message';
import type { ManifestObject, PlainObject } from '../object/manifest-object';
import type { CodeFacts, Sink } from '../python/facts';
import { type At, knownText, type Text } from '../python/values';

/** A value and where somebody wrote it. */
export interface Stated {
  readonly value: string;
  readonly place: Place;
}

/** The code of a job, as far as it stands in the manifests. */
export interface JobCode {
  readonly facts: CodeFacts;
  /** Where a line of the code stands. */
  readonly place: (at: At) => Place;
  /** Where a text was written: an argument or variable in the manifest, else its line in the code. */
  readonly placeOf: (text: Text, fallback: At) => Place;
  /** The ConfigMaps that hold it. */
  readonly objects: readonly ManifestObject[];
  /** The files beside the manifests that it is made of. */
  readonly files: readonly string[];
}

export interface Mount {
  readonly path: string;
  /** The volume's declaration; undefined when nothing declares it. */
  readonly volume: PlainObject | undefined;
  readonly readOnly: boolean;
  /** The part of the volume that is mounted. @default all of it */
  readonly subPath?: string;
}

/** A program that the manifests run: a Spark application, or any other in Python whose code is there. */
export interface Job {
  readonly usesSpark: boolean;
  readonly object: ManifestObject;
  readonly name: string;
  /** A SparkApplication, or a container, or a program that was named alone, that starts Spark by itself. */
  readonly kind: 'application' | 'container';
  /** Where the manifest declares it. */
  readonly path: Path;
  /** Path of the driver's pod settings, for containers the container's. */
  readonly driverPath: Path;
  /** Whether the driver's process is started by spark-submit; a plain `python` starts its own. */
  readonly isSubmitted: boolean;
  /** Driver and executors run in this one process. */
  readonly isLocal: boolean;
  /** The program, as the manifest names it; undefined for one that no manifest runs. */
  readonly main: Stated | undefined;
  /** What is fetched when it is submitted: the program, and what it depends on. */
  readonly fetched: readonly Stated[];
  /** The paths of the files that ConfigMaps give its driver. */
  readonly files: ReadonlySet<string>;
  readonly image: Stated | undefined;
  readonly sparkVersion: string | undefined;
  /** Every setting that reaches the job, by its key; the code's own win, then the command line's, then defaults. */
  readonly conf: ReadonlyMap<string, Stated>;
  /** Those of them that are there before the program's own code runs. */
  readonly submitted: ReadonlyMap<string, Stated>;
  /** Maven coordinates that are resolved when the job starts. */
  readonly packages: readonly Stated[];
  readonly excludedPackages: readonly string[];
  readonly jars: readonly Stated[];
  /** Those of them that are there before the program's own code runs. */
  readonly submittedJars: readonly Stated[];
  /** Whether its script or environment brings jars in a way that names none. */
  readonly bringsJars: boolean;
  readonly driverMounts: readonly Mount[];
  readonly executorMounts: readonly Mount[];
  readonly driverVariables: ReadonlyMap<string, string | null>;
  /** The driver's container or pod settings, with its security context. */
  readonly driver: PlainObject;
  readonly code: JobCode | undefined;
}

/** Whether the job goes on for ever, by a streaming query or else; undefined when nobody knows. */
export function isStream(job: Job): boolean | undefined {
  const facts = job.code?.facts;
  if (facts === undefined) return undefined;
  if (facts.goesOn) return true;
  const streams = facts.sinks.filter(sink => sink.isStream);
  if (streams.some(({ options }) => !ENDING_TRIGGERS.some(trigger => options.has(trigger)))) return true;
  return facts.isPartial || streams.some(sink => !endsByItself(sink)) ? undefined : false;
}

/** Whether its executors are pods, as far as anybody knows. */
export function runsOnKubernetes({ kind, conf }: Job): boolean {
  return kind === 'application' || conf.get('spark.master')?.value.startsWith('k8s:') === true;
}

/** Triggers that process what is there and end the query. */
const ENDING_TRIGGERS = ['trigger.availablenow', 'trigger.once'];

function endsByItself({ options }: Sink): boolean {
  return ENDING_TRIGGERS.some(trigger => knownText(options.get(trigger)?.value) === 'True');
}
