import { Duration, Size } from 'cdk8s';
import { k8s } from 'cdk8s-plus-28';
import { Construct } from 'constructs';
import {
  SparkApplication,
  type SparkApplicationSpecDriver,
  type SparkApplicationSpecExecutor,
  SparkApplicationSpecMode,
  SparkApplicationSpecRestartPolicyType,
  SparkApplicationSpecType,
  SparkApplicationSpecVolumesEmptyDirSizeLimit,
} from '../../../imports/sparkoperator.k8s.io';
import type { DeclaredProgram } from '../../checker/facts/declared-program';
import { measured, say } from '../../checker/finding/message';
import type { ObjectStore, ObjectStoreCredentials } from '../storage/object-store';
import { imageReference, images, spark } from '../versions';
import type { CodeConfigMap } from '../workload/code-config-map';
import { cpuQuantity, imageRefusals, secondsRefusals, sizeQuantity } from '../workload/container';
import { stateDataFlow } from '../workload/data-flow';
import { objectLabels } from '../workload/labels';
import { restrictedContainer, restrictedPod } from '../workload/pod-security';
import {
  imageExceptions,
  namespaceExceptions,
  type PolicyExceptionName,
  policyAnnotations,
} from '../workload/policy-exceptions';
import type { PriorityClass } from '../workload/priority-classes';
import { type Refusal, refuse, writesFields } from '../workload/refuse';
import { executorCountRefusals, type SparkExecutorCount } from './executor-count';
import {
  objectStoreConf,
  objectStoreEnv,
  sorted,
  sparkConfRefusals,
  sparkDefaults,
  withJavaOptions,
} from './spark-conf';
import { type SparkConnector, SparkDependencies } from './spark-dependencies';
import { jvmSize, podRefusals, type SparkPodProps } from './spark-pod';

/** The user `spark` of the apache/spark image. */
const SPARK_USER = 185;

/** How long a driver that is asked to stop waits for its batch: twice the jobs' default trigger. */
const STOP_TIMEOUT = Duration.seconds(120);

/** Where the code is mounted, in driver and executors. */
const CODE_PATH = '/opt/spark/code';

/**
 * What a driver or executor needs of its node's disk: the jars (281 MB, kept twice) and what it spills. At most as
 * much as its emptyDirs may hold, and the logs.
 */
export const sparkEphemeralStorage = { request: Size.gibibytes(1), limit: Size.gibibytes(5) } as const;

/** What every job's caller may change. */
export interface SparkJobOptions {
  /**
   * Namespace of the job; the operator must watch it (`spark.jobNamespaces` of its Helm chart).
   * @default 'default'
   */
  readonly namespace?: string;
  /**
   * The driver's size.
   * @default one task slot, 250m requested, 1000m at most, 768Mi of heap
   */
  readonly driver?: SparkPodProps;
  /**
   * The size of each executor.
   * @default one task slot and 1000m at most; streaming 300m requested and 1Gi of heap, gold 400m and 2Gi (docs/capacity.md)
   */
  readonly executor?: SparkPodProps;
  /**
   * Number of executors: at least two, so that one lost pod does not stop the stream.
   * @default streaming two; gold two at first, two to four as there is work
   */
  readonly executors?: SparkExecutorCount;
  /**
   * Image of driver and executors; pinned.
   * @default stock apache/spark of lib/lakehouse/versions.ts
   */
  readonly image?: string;
  /**
   * How the job comes to its connectors.
   * @default SparkDependencies.resolved()
   */
  readonly dependencies?: SparkDependencies;
  /**
   * Priority of driver and executors.
   * @default the cluster's default
   */
  readonly priority?: PriorityClass;
  /**
   * Time between a failed run, or a failed submission, and the next attempt.
   * @default Duration.seconds(30)
   */
  readonly restartInterval?: Duration;
  /**
   * Executors that may fail within an hour before the driver gives up and the operator starts the job anew.
   * @default 10 for each executor at the maximum
   */
  readonly maxExecutorFailures?: number;
  /**
   * Settings of Spark beside those that the construct derives; they win. What a prop says, e.g. the size of an
   * executor, is refused here: the operator takes it from the application's own fields, whatever stands here.
   * @default none
   */
  readonly sparkConf?: Readonly<Record<string, string>>;
}

/** What a job's own construct adds. */
export interface SparkJobProps extends SparkJobOptions {
  readonly name: string;
  readonly component: string;
  readonly namespace: string;
  readonly code: CodeConfigMap;
  /** The entry file's command line; --stop-timeout-seconds is added. No secret belongs here. */
  readonly arguments: readonly string[];
  readonly connectors: readonly SparkConnector[];
  readonly store: ObjectStore;
  readonly credentials: ObjectStoreCredentials;
  readonly driver: Required<SparkPodProps>;
  readonly executor: Required<SparkPodProps>;
  readonly executors: SparkExecutorCount;
  /**
   * Variables of driver and executors beside the store's credentials, secrets by reference.
   * @default none
   */
  readonly env?: readonly k8s.EnvVar[];
  /**
   * Files from Secrets, mounted in driver and executors.
   * @default none
   */
  readonly secretFiles?: readonly SparkSecretFile[];
  /**
   * JVM options of driver and executors beside those of spark-jobs/spark-defaults.conf.
   * @default none
   */
  readonly javaOptions?: string;
  /**
   * What the program does with data, all of it.
   * @default not stated: the checks follow its code
   */
  readonly dataFlow?: DeclaredProgram;
}

/** One key of a Secret as a file. */
export interface SparkSecretFile {
  readonly volumeName: string;
  readonly secretName: string;
  readonly key: string;
  /** Folder in which the file appears under the key's name. */
  readonly mountPath: string;
}

/**
 * A PySpark program as a SparkApplication (v1beta2) that runs for ever: what the streaming and the gold job share.
 *
 * Creates the SparkApplication, a ServiceAccount with a Role for the driver (pods, the Service and ConfigMap that
 * Spark makes, nothing else), and one without any right or token for the executors. Driver and executors run as the
 * image's user with a read-only root; what Spark writes is in emptyDirs. Restart policy Always; an executor that
 * dies is replaced by the driver.
 */
export class SparkJob extends Construct {
  public readonly name: string;
  public readonly namespace: string;
  public readonly driver: Required<SparkPodProps>;
  public readonly executor: Required<SparkPodProps>;
  public readonly executors: SparkExecutorCount;
  /** Whether the driver fetches packages from the Internet when it starts. */
  public readonly resolvesPackages: boolean;
  /** What the program does with data, where that is stated. */
  public readonly dataFlow: DeclaredProgram | undefined;

  constructor(scope: Construct, id: string, props: SparkJobProps) {
    super(scope, id);
    this.name = props.name;
    this.namespace = props.namespace;
    this.driver = props.driver;
    this.executor = props.executor;
    this.executors = props.executors;
    this.dataFlow = props.dataFlow;
    const image = props.image ?? imageReference(images.spark);
    const restartInterval = props.restartInterval ?? Duration.seconds(30);
    const application = { kind: 'SparkApplication', namespace: this.namespace, name: this.name };
    stateDataFlow(this, () => application, this.dataFlow);
    writesFields(this, application, {
      'spec.driver.coreRequest': 'driver.cpu.request',
      'spec.executor.coreRequest': 'executor.cpu.request',
    });
    refuse(this, () => [
      ...imageRefusals(
        { what: `spark job ${this.name}`, writes: { object: application, path: ['spec'] } },
        image,
      ),
      ...podRefusals(application, 'driver', this.driver),
      ...podRefusals(application, 'executor', this.executor),
      ...executorCountRefusals(this.name, this.executors),
      ...secondsRefusals({ what: `spark job ${this.name}` }, 'restartInterval', restartInterval),
      ...failureRefusals(this.name, props.maxExecutorFailures),
      ...sparkConfRefusals(this.name, props.sparkConf),
    ]);

    const labels = objectLabels('spark', this.name, props.component);
    const executorAccount = `${this.name}-executor`;
    this.addServiceAccounts(labels, executorAccount, props.credentials);

    const dependencies = (props.dependencies ?? SparkDependencies.resolved()).settings(props.connectors);
    this.resolvesPackages = dependencies.packages.length > 0;
    const restartSeconds = restartInterval.toSeconds({ integral: false });
    const env = [
      { name: 'PYTHONPATH', value: CODE_PATH },
      ...objectStoreEnv(props.credentials),
      ...(props.env ?? []),
    ];
    const secretFiles = props.secretFiles ?? [];

    const exceptions: PolicyExceptionName[] = [
      ...imageExceptions(image),
      ...namespaceExceptions(this.namespace),
      'sparkUser',
      'sparkProbes',
      'secretInEnvironment',
    ];
    const pod = (size: Required<SparkPodProps>, ...own: PolicyExceptionName[]) =>
      ({
        cores: size.taskSlots,
        ...(size.cpu.request === undefined ? {} : { coreRequest: cpuQuantity(size.cpu.request) }),
        ...(size.cpu.limit === undefined ? {} : { coreLimit: cpuQuantity(size.cpu.limit) }),
        memory: jvmSize(size.memory),
        memoryOverhead: jvmSize(size.memoryOverhead),
        ...(props.priority === undefined ? {} : { priorityClassName: props.priority.priorityClassName }),
        labels,
        annotations: policyAnnotations([...exceptions, ...own]),
        env,
        podSecurityContext: restrictedPod(SPARK_USER),
        securityContext: { ...restrictedContainer, capabilities: { drop: ['ALL'] } },
        volumeMounts: [
          { name: 'code', mountPath: CODE_PATH, readOnly: true },
          { name: LOCAL_DIR_VOLUME, mountPath: '/var/data/spark-local-dir' },
          { name: 'tmp', mountPath: '/tmp' },
          { name: 'work-dir', mountPath: '/opt/spark/work-dir' },
          ...secretFiles.map(file => ({ name: file.volumeName, mountPath: file.mountPath, readOnly: true })),
        ],
      }) satisfies SparkApplicationSpecDriver & SparkApplicationSpecExecutor;

    new SparkApplication(this, 'Resource', {
      metadata: { name: this.name, namespace: this.namespace, labels },
      spec: {
        type: SparkApplicationSpecType.PYTHON,
        mode: SparkApplicationSpecMode.CLUSTER,
        sparkVersion: spark.version,
        image,
        mainApplicationFile: `local://${CODE_PATH}/${props.code.entry}`,
        arguments: [...props.arguments, '--stop-timeout-seconds', `${STOP_TIMEOUT.toSeconds()}`],
        ...(dependencies.packages.length === 0
          ? {}
          : {
              deps: {
                packages: [...dependencies.packages],
                excludePackages: [...dependencies.excludePackages],
              },
            }),
        sparkConf: sorted({
          ...withJavaOptions(sparkDefaults(), props.javaOptions),
          ...objectStoreConf(props.store, props.credentials),
          ...dependencies.sparkConf,
          // A driver that keeps losing executors stops, and the operator starts the job anew.
          'spark.executor.maxNumFailures': `${props.maxExecutorFailures ?? 10 * this.executors.max}`,
          'spark.executor.failuresValidityInterval': '1h',
          // No claims are made, so the driver needs no right to list or delete them.
          'spark.kubernetes.driver.ownPersistentVolumeClaim': 'false',
          'spark.kubernetes.driver.reusePersistentVolumeClaim': 'false',
          ...props.sparkConf,
        }),
        // Always ignores retry counts; the operator waits interval × attempts (util.TimeUntilNextRetryDue).
        restartPolicy: {
          type: SparkApplicationSpecRestartPolicyType.ALWAYS,
          onFailureRetryInterval: restartSeconds,
          onSubmissionFailureRetryInterval: restartSeconds,
        },
        ...(this.executors.isDynamic
          ? {
              dynamicAllocation: {
                enabled: true,
                initialExecutors: this.executors.initial,
                minExecutors: this.executors.min,
                maxExecutors: this.executors.max,
                shuffleTrackingEnabled: true,
                // Spark's default is for ever: an executor that once held shuffle data would never be given back.
                shuffleTrackingTimeout: Duration.minutes(10).toMilliseconds(),
              },
            }
          : {}),
        volumes: [
          { name: 'code', configMap: { name: props.code.configMapName } },
          // Spark takes volumes of this prefix as its local directories.
          { name: LOCAL_DIR_VOLUME, emptyDir: { sizeLimit: sizeLimit(Size.gibibytes(2)) } },
          { name: 'tmp', emptyDir: { sizeLimit: sizeLimit(Size.gibibytes(1)) } },
          { name: 'work-dir', emptyDir: { sizeLimit: sizeLimit(Size.gibibytes(1)) } },
          ...secretFiles.map(file => ({
            name: file.volumeName,
            secret: { secretName: file.secretName, items: [{ key: file.key, path: file.key }] },
          })),
        ],
        driver: {
          ...pod(this.driver, 'sparkDriverToken'),
          serviceAccount: this.name,
          // After the wait, Spark itself still has its executors to stop.
          terminationGracePeriodSeconds: STOP_TIMEOUT.toSeconds() + 30,
        },
        executor: {
          ...pod(this.executor),
          serviceAccount: executorAccount,
          ...(this.executors.isDynamic ? {} : { instances: this.executors.initial }),
          deleteOnTermination: true,
          affinity: onDifferentNodes(this.name),
        },
      },
    });
  }

  /**
   * Rights that Spark 3.5's driver uses, as the audit log of an API server shows them: executor pods; its own Service,
   * which it deletes at the end; the ConfigMap of its executors. What it deletes by label needs deletecollection.
   */
  private addServiceAccounts(
    labels: Record<string, string>,
    executorAccount: string,
    credentials: ObjectStoreCredentials,
  ): void {
    const { name, namespace } = this;
    const annotations =
      credentials.kind === 'role' ? { 'eks.amazonaws.com/role-arn': credentials.roleArn } : undefined;
    const metadata = (object: string) => ({
      name: object,
      namespace,
      labels,
      annotations: { ...policyAnnotations(namespaceExceptions(namespace)), ...annotations },
    });
    new k8s.KubeServiceAccount(this, 'ServiceAccount', {
      metadata: metadata(name),
      automountServiceAccountToken: true,
    });
    new k8s.KubeServiceAccount(this, 'ExecutorServiceAccount', {
      metadata: metadata(executorAccount),
      automountServiceAccountToken: false,
    });
    new k8s.KubeRole(this, 'Role', {
      metadata: metadata(name),
      rules: [
        {
          apiGroups: [''],
          resources: ['pods'],
          verbs: ['create', 'delete', 'deletecollection', 'get', 'list', 'watch'],
        },
        { apiGroups: [''], resources: ['configmaps'], verbs: ['create', 'deletecollection'] },
        { apiGroups: [''], resources: ['services'], verbs: ['deletecollection'] },
      ],
    });
    new k8s.KubeRoleBinding(this, 'RoleBinding', {
      metadata: metadata(name),
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name },
      subjects: [{ kind: 'ServiceAccount', name, namespace }],
    });
  }
}

const LOCAL_DIR_VOLUME = 'spark-local-dir-1';

/** Executors of one job keep apart where there is room, so that a lost node takes one. */
function onDifferentNodes(job: string): NonNullable<SparkApplicationSpecExecutor['affinity']> {
  return {
    podAntiAffinity: {
      preferredDuringSchedulingIgnoredDuringExecution: [
        {
          weight: 100,
          podAffinityTerm: {
            topologyKey: 'kubernetes.io/hostname',
            labelSelector: {
              matchLabels: { 'spark-role': 'executor', 'sparkoperator.k8s.io/app-name': job },
            },
          },
        },
      ],
    },
  };
}

function sizeLimit(size: Size): SparkApplicationSpecVolumesEmptyDirSizeLimit {
  return SparkApplicationSpecVolumesEmptyDirSizeLimit.fromString(sizeQuantity(size));
}

function failureRefusals(job: string, failures = 1): Refusal[] {
  return Number.isSafeInteger(failures) && failures >= 1
    ? []
    : [
        {
          message: say`spark job ${job} has maxExecutorFailures ${measured(failures)} but a whole number of at least 1 is allowed`,
          remedy: say`set maxExecutorFailures, e.g. 20`,
        },
      ];
}
