import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { k8s } from 'cdk8s-plus-28';
import { measured, say } from '../../checker/finding/message';
import type { ObjectStore, ObjectStoreCredentials } from '../storage/object-store';
import { secretEnv } from '../workload/external';
import type { Refusal } from '../workload/refuse';

/** JVM and session settings that a job needs at submission: read by the local harness too. */
const DEFAULTS_FILE = path.join(__dirname, '..', '..', '..', 'spark-jobs', 'spark-defaults.conf');

/** Settings of spark-jobs/session.py whose classes a connector brings. */
export const sessionSettings = {
  'spark.sql.streaming.checkpointFileManagerClass':
    'org.apache.spark.internal.io.cloud.AbortableStreamBasedCheckpointFileManager',
  'spark.sql.sources.commitProtocolClass': 'org.apache.spark.internal.io.cloud.PathOutputCommitProtocol',
  'spark.sql.parquet.output.committer.class':
    'org.apache.spark.internal.io.cloud.BindingParquetOutputCommitter',
};

/** The settings of spark-jobs/spark-defaults.conf: one a line, the key, white space, the value; `#` begins a comment. */
export function sparkDefaults(): Record<string, string> {
  const lines = readFileSync(DEFAULTS_FILE, 'utf8').split('\n');
  return Object.fromEntries(
    lines
      .map(line => /^\s*(?<key>[^#\s]\S*)\s+(?<value>.*\S)\s*$/.exec(line)?.groups)
      .flatMap(groups => (groups === undefined ? [] : [[groups['key'] ?? '', groups['value'] ?? '']])),
  );
}

/** The settings with options for both JVMs behind those that they have already. */
export function withJavaOptions(
  settings: Record<string, string>,
  options: string | undefined,
): Record<string, string> {
  if (options === undefined) return settings;
  const keys = ['spark.driver.extraJavaOptions', 'spark.executor.extraJavaOptions'];
  return {
    ...settings,
    ...Object.fromEntries(keys.map(key => [key, [settings[key], options].filter(Boolean).join(' ')])),
  };
}

/** How S3A finds the store and its credentials. The keys themselves come from the environment. */
export function objectStoreConf(
  store: ObjectStore,
  credentials: ObjectStoreCredentials,
): Record<string, string> {
  return {
    'spark.hadoop.fs.s3a.endpoint.region': store.region,
    'spark.hadoop.fs.s3a.path.style.access': `${store.pathStyleAccess}`,
    'spark.hadoop.fs.s3a.aws.credentials.provider':
      credentials.kind === 'role'
        ? 'com.amazonaws.auth.WebIdentityTokenCredentialsProvider'
        : 'com.amazonaws.auth.EnvironmentVariableCredentialsProvider',
    ...(store.endpoint === undefined
      ? {}
      : {
          'spark.hadoop.fs.s3a.endpoint': store.endpoint,
          'spark.hadoop.fs.s3a.connection.ssl.enabled': `${store.endpoint.startsWith('https:')}`,
        }),
  };
}

export function objectStoreEnv(credentials: ObjectStoreCredentials): k8s.EnvVar[] {
  return credentials.kind === 'role'
    ? []
    : [
        secretEnv('AWS_ACCESS_KEY_ID', credentials.accessKey),
        secretEnv('AWS_SECRET_ACCESS_KEY', credentials.secretKey),
      ];
}

export function sorted(settings: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(settings).sort(([left], [right]) => (left < right ? -1 : 1)));
}

/** Settings that the operator writes from the application's fields behind those of sparkConf, and the prop of each. */
const SET_BY_PROPS: readonly (readonly [setting: RegExp, prop: string])[] = [
  [/^spark\.driver\.(cores|memory|memoryOverhead)$/, 'driver'],
  [/^spark\.executor\.(cores|memory|memoryOverhead)$/, 'executor'],
  [/^spark\.kubernetes\.driver\.(request|limit)\.cores$/, 'driver.cpu'],
  [/^spark\.kubernetes\.executor\.(request|limit)\.cores$/, 'executor.cpu'],
  [/^spark\.executor\.instances$/, 'executors'],
  [/^spark\.dynamicAllocation\.(enabled|(initial|min|max)Executors)$/, 'executors'],
  [/^spark\.kubernetes\.((driver|executor)\.)?container\.image$/, 'image'],
  [/^spark\.kubernetes\.namespace$/, 'namespace'],
  [/^spark\.jars\.packages$/, 'dependencies'],
];

export function sparkConfRefusals(job: string, sparkConf: Readonly<Record<string, string>> = {}): Refusal[] {
  return Object.entries(sparkConf).flatMap(([setting, value]) =>
    SET_BY_PROPS.filter(([pattern]) => pattern.test(setting)).map(([, prop]) => ({
      message: say`spark job ${job} has ${measured(`${setting}=${value}`)} in sparkConf but the operator takes it from the application's own fields`,
      remedy: say`set ${prop} instead`,
    })),
  );
}
