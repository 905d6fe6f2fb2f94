import { Duration, Size } from 'cdk8s';
import { Cpu, k8s } from 'cdk8s-plus-28';
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
import { allowed, measured, say } from '../../checker/finding/message';
import { needNamespace } from '../cluster/needed-namespaces';
import { API_SERVER_PORTS, apiServer, internet } from '../network/addresses';
import type { Connectable, Pods } from '../network/flow';
import { Workload } from '../network/workload';
import { type ObjectStore, type ObjectStoreCredentials, takeCredentials } from '../storage/object-store';
import { imageReference, images } from '../versions';
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
import {
  checkedProps,
  duration,
  having,
  list,
  number,
  type PropTypes,
  priorityClass,
  propsObject,
  required,
  text,
  textMap,
  texts,
} from '../workload/props';
import { type Refusal, refuse, writesFields } from '../workload/refuse';
import { executorCountRefusals, SparkExecutorCount } from './executor-count';
import {
  objectStoreConf,
  objectStoreEnv,
  sorted,
  sparkConfRefusals,
  sparkDefaults,
  withJavaOptions,
} from './spark-conf';
import { type SparkConnector, SparkDependencies } from './spark-dependencies';
import { jvmSize, podRefusals, type SparkPodDefaults, type SparkPodProps, sparkPod } from './spark-pod';
import { jobSparkVersion, sparkVersionRefusals } from './spark-version';

/** The user `spark` of the apache/spark image. */
const SPARK_USER = 185;

/** What the operator does when the program has ended. */
export type SparkRestartPolicy = 'Always' | 'OnFailure' | 'Never';

/** Where the code is mounted, in driver and executors. */
const CODE_PATH = '/opt/spark/code';

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
   * The Spark that the image holds.
   * @default what the tag of a stock image says, else that of lib/lakehouse/versions.ts
   */
  readonly sparkVersion?: string;
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

/** What a job is beside its options. */
export interface SparkJobProps extends SparkJobOptions {
  readonly name: string;
  /** The program. */
  readonly code: CodeConfigMap;
  /**
   * The entry file's command line. No secret belongs here.
   * @default none
   */
  readonly arguments?: readonly string[];
  /**
   * What the job is in the system, as a label of its objects.
   * @default 'job'
   */
  readonly component?: string;
  /**
   * Whether the operator starts the program again when it has ended: always, as a stream needs it; when it has failed; or
   * never.
   * @default 'OnFailure', as a batch needs it: a program that ends well is done
   */
  readonly restartPolicy?: SparkRestartPolicy;
  /**
   * How often a failed run, or a failed submission, is tried again, with the restart policy OnFailure.
   * @default 3
   */
  readonly retries?: number;
  /**
   * How long a program that is asked to stop finishes what it has begun. The program is told: --stop-timeout-seconds is added
   * to its command line.
   * @default none: the program is not asked, and ends at once
   */
  readonly stopTimeout?: Duration;
  /**
   * What the program talks to beside Spark: the packages follow.
   * @default the object store, when there is one
   */
  readonly connectors?: readonly SparkConnector[];
  /**
   * The object store that the program reads and writes.
   * @default none
   */
  readonly store?: ObjectStore;
  /**
   * What `store.addClient()` gave for the job.
   * @default none
   */
  readonly credentials?: ObjectStoreCredentials;
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

/** One core and little memory. */
const DRIVER: SparkPodDefaults = {
  taskSlots: 1,
  cpu: { request: Cpu.millis(250), limit: Cpu.millis(1000) },
  memory: Size.mebibytes(768),
};
const EXECUTOR: SparkPodDefaults = {
  taskSlots: 1,
  cpu: { request: Cpu.millis(300), limit: Cpu.millis(1000) },
  memory: Size.gibibytes(1),
};

/** Of what every Spark job may be given. */
export const SPARK_JOB_OPTION_TYPES: PropTypes<SparkJobOptions> = {
  namespace: text,
  driver: propsObject,
  executor: propsObject,
  executors: having('a SparkExecutorCount', 'SparkExecutorCount.fixed(2)', 'min', 'max'),
  image: text,
  sparkVersion: text,
  dependencies: propsObject,
  priority: priorityClass,
  restartInterval: duration,
  maxExecutorFailures: number,
  sparkConf: textMap,
};

const TYPES: PropTypes<SparkJobProps> = {
  name: required(text),
  code: required(propsObject),
  ...SPARK_JOB_OPTION_TYPES,
  arguments: texts,
  component: text,
  restartPolicy: text,
  retries: number,
  stopTimeout: duration,
  connectors: texts,
  store: propsObject,
  credentials: propsObject,
  env: list,
  secretFiles: list,
  javaOptions: text,
  dataFlow: propsObject,
};

/**
 * A PySpark program as a SparkApplication (v1beta2): a batch of your own, or a stream; the streaming and the gold job are
 * made of it.
 *
 * Creates the SparkApplication, a ServiceAccount with a Role for the driver (pods, the Service and ConfigMap that
 * Spark makes, nothing else), one without any right or token for the executors, and a NetworkPolicy for each of the two.
 * Driver and executors run as the image's user with a read-only root; what Spark writes is in emptyDirs. A program that
 * ends well is done, unless the restart policy says otherwise; an executor that dies is replaced by the driver.
 *
 * @example
 * const report = new SparkJob(chart, 'report', {
 *   name: 'daily-report',
 *   code: new CodeConfigMap(chart, 'report-code', {
 *     name: 'report-code',
 *     namespace: 'default',
 *     directory: 'jobs',
 *     entry: 'report.py',
 *   }),
 *   arguments: ['--silver', 's3a://silver/user-activity-v2/'],
 *   store,
 *   credentials: store.addClient('daily-report', {
 *     namespace: 'default',
 *     read: [store.bucket('silver').prefix('user-activity-v2/')],
 *   }),
 * });
 * report.connectTo(database, 'the report is written');
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
  /** The driver, and the executors, as ends of connections. */
  public readonly pods: { readonly driver: Workload; readonly executor: Workload };

  constructor(scope: Construct, id: string, given: SparkJobProps) {
    super(scope, id);
    const props = checkedProps(this, given, TYPES);
    this.name = props.name;
    this.namespace = props.namespace ?? 'default';
    needNamespace(this, this.namespace);
    this.driver = sparkPod(DRIVER, props.driver);
    this.executor = sparkPod(EXECUTOR, props.executor);
    this.executors = props.executors ?? SparkExecutorCount.fixed(2);
    this.dataFlow = props.dataFlow;
    const image = props.image ?? imageReference(images.spark);
    const sparkVersion = jobSparkVersion(props.sparkVersion, image);
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
      ...restartRefusals(this.name, props),
      ...sparkConfRefusals(this.name, props.sparkConf),
      ...sparkVersionRefusals(this.name, sparkVersion, image, this.resolvesPackages),
    ]);

    const component = props.component ?? 'job';
    const labels = objectLabels('spark', this.name, component);
    const executorAccount = `${this.name}-executor`;
    this.addServiceAccounts(labels, executorAccount, props.credentials);

    const connectors = props.connectors ?? (props.store === undefined ? [] : (['objectStore'] as const));
    const dependencies = (props.dependencies ?? SparkDependencies.resolved()).settings(connectors);
    this.resolvesPackages = dependencies.packages.length > 0;
    this.pods = this.addWorkloads(component, props);
    const restartSeconds = restartInterval.toSeconds({ integral: false });
    const stopSeconds = props.stopTimeout?.toSeconds({ integral: false });
    const env = [
      { name: 'PYTHONPATH', value: CODE_PATH },
      ...(props.credentials === undefined ? [] : objectStoreEnv(props.credentials)),
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
        sparkVersion,
        image,
        mainApplicationFile: `local://${CODE_PATH}/${props.code.entry}`,
        arguments: [
          ...(props.arguments ?? []),
          ...(stopSeconds === undefined ? [] : ['--stop-timeout-seconds', `${stopSeconds}`]),
        ],
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
          ...(props.store === undefined || props.credentials === undefined
            ? {}
            : objectStoreConf(props.store, props.credentials)),
          ...dependencies.sparkConf,
          // A driver that keeps losing executors stops, and the operator starts the job anew.
          'spark.executor.maxNumFailures': `${props.maxExecutorFailures ?? 10 * this.executors.max}`,
          'spark.executor.failuresValidityInterval': '1h',
          // No claims are made, so the driver needs no right to list or delete them.
          'spark.kubernetes.driver.ownPersistentVolumeClaim': 'false',
          'spark.kubernetes.driver.reusePersistentVolumeClaim': 'false',
          ...props.sparkConf,
        }),
        restartPolicy: restartPolicy(props, restartSeconds),
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
          terminationGracePeriodSeconds: (stopSeconds ?? 0) + 30,
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

  /** Lets driver and executors through to a server: a topic, a database, web servers, or something of your own. */
  public connectTo(server: Connectable, why: string): void {
    this.pods.driver.connectTo(server, why);
    this.pods.executor.connectTo(server, why);
  }

  /** Who driver and executors talk with, whatever their program does. */
  private addWorkloads(component: string, { store, credentials }: SparkJobProps): SparkJob['pods'] {
    const pods = sparkPods(this.name, this.namespace);
    const executor = new Workload(this, 'executor', pods.executor);
    const driver = new Workload(this, 'driver', pods.driver);
    driver.acceptFrom(executor, [], `${component}: tasks, shuffle and broadcasts`);
    executor.acceptFrom(driver, [], `${component}: tasks, shuffle and broadcasts`);
    executor.acceptFrom(executor, [], `${component}: shuffle`);
    driver.connectTo(
      { listeners: [{ end: apiServer(this), ports: API_SERVER_PORTS }] },
      `${component}: its executors are pods that it makes`,
    );
    if (this.resolvesPackages) {
      driver.connectTo(
        { listeners: [{ end: internet(this), ports: [443] }] },
        `${component}: packages are resolved when it starts`,
      );
    }
    if (store !== undefined) {
      if (credentials !== undefined) takeCredentials(credentials);
      driver.connectTo(store, `${component}: data`);
      executor.connectTo(store, `${component}: data`);
    }
    return { driver, executor };
  }

  /**
   * Rights that Spark 3.5's driver uses, as the audit log of an API server shows them: executor pods; its own Service,
   * which it deletes at the end; the ConfigMap of its executors. What it deletes by label needs deletecollection.
   */
  private addServiceAccounts(
    labels: Record<string, string>,
    executorAccount: string,
    credentials: ObjectStoreCredentials | undefined,
  ): void {
    const { name, namespace } = this;
    const annotations =
      credentials?.kind === 'role' ? { 'eks.amazonaws.com/role-arn': credentials.roleArn } : undefined;
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

/** The pods of a job, as the Spark operator labels them. */
export function sparkPods(
  name: string,
  namespace: string,
): { readonly driver: Pods; readonly executor: Pods } {
  const role = (of: string): Pods => ({
    name: `${name} ${of}`,
    namespace,
    labels: { 'sparkoperator.k8s.io/app-name': name, 'spark-role': of },
  });
  return { driver: role('driver'), executor: role('executor') };
}

const RESTART_TYPES = {
  Always: SparkApplicationSpecRestartPolicyType.ALWAYS,
  OnFailure: SparkApplicationSpecRestartPolicyType.ON_FAILURE,
  Never: SparkApplicationSpecRestartPolicyType.NEVER,
};

/** Always ignores retry counts; the operator waits interval × attempts (util.TimeUntilNextRetryDue). */
function restartPolicy({ restartPolicy: policy = 'OnFailure', retries = 3 }: SparkJobProps, seconds: number) {
  const type = RESTART_TYPES[policy];
  const intervals = { onFailureRetryInterval: seconds, onSubmissionFailureRetryInterval: seconds };
  switch (policy) {
    case 'Always':
      return { type, ...intervals };
    case 'OnFailure':
      return { type, onFailureRetries: retries, onSubmissionFailureRetries: retries, ...intervals };
    case 'Never':
      return { type };
  }
}

function restartRefusals(job: string, props: SparkJobProps): Refusal[] {
  const { restartPolicy: policy = 'OnFailure', retries, stopTimeout } = props;
  return [
    ...(policy in RESTART_TYPES
      ? []
      : [
          {
            message: say`spark job ${job} has restartPolicy ${measured(policy, JSON.stringify)} but only ${allowed(Object.keys(RESTART_TYPES).join(', '))} are known`,
            remedy: say`set restartPolicy, e.g. 'OnFailure'`,
          },
        ]),
    ...(retries === undefined || policy === 'OnFailure'
      ? []
      : [
          {
            message: say`spark job ${job} has retries ${measured(retries)} but with restartPolicy ${policy} nothing counts them`,
            remedy: say`remove retries, or set restartPolicy to 'OnFailure'`,
          },
        ]),
    ...(retries === undefined || (Number.isSafeInteger(retries) && retries >= 0)
      ? []
      : [
          {
            message: say`spark job ${job} has retries ${measured(retries)} but a whole number of at least 0 is allowed`,
            remedy: say`set retries, e.g. 3`,
          },
        ]),
    ...(stopTimeout === undefined
      ? []
      : secondsRefusals({ what: `spark job ${job}` }, 'stopTimeout', stopTimeout)),
    ...((props.store === undefined) === (props.credentials === undefined)
      ? []
      : [
          {
            message: say`spark job ${job} has ${props.store === undefined ? 'credentials but no store' : 'a store but no credentials'} but each needs the other`,
            remedy: say`set both store and credentials, e.g. store.addClient('${job}', { namespace: 'default' })`,
          },
        ]),
  ];
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
