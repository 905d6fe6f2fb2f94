import { Duration, Size } from 'cdk8s';
import { type ContainerResources, Cpu, type CpuResources, k8s, type MemoryResources } from 'cdk8s-plus-28';
import { Construct } from 'constructs';
import { measured, say } from '../../checker/finding/message';
import { needNamespace } from '../cluster/needed-namespaces';
import { ExternalStorageClass, type StorageClass } from '../cluster/storage-class';
import { tableDefinitions } from '../contract/tables';
import { type Connectable, exposeMetrics, type Listener } from '../network/flow';
import { Workload } from '../network/workload';
import type { TrafficEstimate } from '../sizing/traffic';
import { volumeRefusals } from '../sizing/volume-budget';
import type { ObjectLocation } from '../storage/object-store';
import { imageReference, images } from '../versions';
import { CodeConfigMap } from '../workload/code-config-map';
import {
  bytesOf,
  imageRefusals,
  resourceRefusals,
  resourceRequirements,
  sizeQuantity,
} from '../workload/container';
import { contentHash } from '../workload/content-hash';
import { ExternalSecret, type SecretKey, secretEnv } from '../workload/external';
import { objectLabels, selectorLabels } from '../workload/labels';
import { restrictedContainer, restrictedPod, scratchVolume } from '../workload/pod-security';
import { imageExceptions, policyAnnotations } from '../workload/policy-exceptions';
import type { PriorityClass } from '../workload/priority-classes';
import {
  checkedProps,
  cpuResources,
  duration,
  externalSecret,
  having,
  list,
  memoryResources,
  type PropTypes,
  priorityClass,
  required,
  size,
  storageClass,
  text,
} from '../workload/props';
import { containerOf, type Refusal, refuse } from '../workload/refuse';
import { SetupJob } from '../workload/setup-job';
import {
  type ClickHouseAccount,
  type ClickHouseObjectSource,
  httpUrl,
  serverConfig,
  usersConfig,
} from './clickhouse-config';

const HTTP_PORT = 8123;
const METRICS_PORT = 9363;
/** Of the container's memory limit: the rest is the allocator's and the page cache's. */
const SERVER_MEMORY_SHARE = 0.8;
const QUERY_MEMORY_SHARE = 0.5;

/** A user of the database, as one namespace sees it. */
export interface ClickHouseLogin {
  readonly username: string;
  readonly passwordSecret: SecretKey;
}

export interface ClickHouseDbProps {
  /** What the volume is sized for. */
  readonly traffic: TrafficEstimate;
  /**
   * Name of the StatefulSet and its Service.
   * @default 'clickhouse'
   */
  readonly name?: string;
  /** @default 'storage' */
  readonly namespace?: string;
  /**
   * Namespace of what writes: the gold job.
   * @default 'default'
   */
  readonly writerNamespace?: string;
  /**
   * Namespace of what reads: Grafana.
   * @default 'monitoring'
   */
  readonly readerNamespace?: string;
  /**
   * Locations that the server reads by itself when it is asked to (gold's engine `clickhouse`, and a day's rebuild).
   * @default none
   */
  readonly readsFrom?: readonly ObjectLocation[];
  /**
   * How long the tables keep a day, in whole days: their TTL. A shorter one than the tables have is not applied: the
   * schema Job says which statement deletes.
   * @default Duration.days(90)
   */
  readonly retention?: Duration;
  /**
   * Size of the volume.
   * @default Size.gibibytes(20)
   */
  readonly storage?: Size;
  /** @default the external class 'gp3' */
  readonly storageClass?: StorageClass;
  /** @default 300m requested, 1500m at most (docs/capacity.md) */
  readonly cpu?: CpuResources;
  /** @default 2Gi requested, 3Gi at most (docs/capacity.md) */
  readonly memory?: MemoryResources;
  /**
   * Secret with the keys admin-password, writer-password and reader-password. The server reads the values as XML:
   * `&` and `<` must not be in them.
   * @default clickhouse-credentials in the database's namespace
   */
  readonly credentials?: ExternalSecret;
  /** @default none: the pod waits like any other */
  readonly priority?: PriorityClass;
  /** @default a long-term support release (lib/lakehouse/versions.ts) */
  readonly image?: string;
  /** @default the Spark image, whose Python runs the schema Job (lib/lakehouse/versions.ts) */
  readonly schemaImage?: string;
}

const TYPES: PropTypes<ClickHouseDbProps> = {
  traffic: required(having('a TrafficEstimate', 'chart.traffic', 'eventsPerSecond')),
  name: text,
  namespace: text,
  writerNamespace: text,
  readerNamespace: text,
  readsFrom: list,
  retention: duration,
  storage: size,
  storageClass: storageClass,
  cpu: cpuResources,
  memory: memoryResources,
  credentials: externalSecret,
  priority: priorityClass,
  image: text,
  schemaImage: text,
};

/**
 * One ClickHouse server on a volume, with the database `logs` and the tables of the contract.
 *
 * It makes a StatefulSet with a volume claim template, a Service and a headless one, a disruption budget, the
 * server's whole configuration, and a Job that applies the contract's schema; running it again changes nothing.
 * The users are `admin` (the schema), `writer` (gold) and `reader` (Grafana); their passwords are in Secrets.
 * Memory settings follow the container's limit.
 *
 * @example
 * const database = new ClickHouseDb(chart, 'clickhouse', {
 *   traffic: new TrafficEstimate(chart, 'traffic'),
 *   memory: { request: Size.gibibytes(2), limit: Size.gibibytes(4) },
 * });
 */
export class ClickHouseDb extends Construct implements Connectable {
  public readonly database = 'logs';
  public readonly name: string;
  public readonly namespace: string;
  public readonly storage: Size;
  public readonly retention: Duration;
  /** URL of the HTTP interface. */
  public readonly httpUrl: string;
  public readonly writer: ClickHouseLogin;
  public readonly reader: ClickHouseLogin;
  /** Locations that the server reads by itself. */
  public readonly readsFrom: readonly ObjectLocation[];
  /** Where clients reach the HTTP interface. */
  public readonly listeners: readonly Listener[];
  /** Its pods, as an end of connections. */
  public readonly pods: Workload;

  constructor(scope: Construct, id: string, given: ClickHouseDbProps) {
    super(scope, id);
    const props = checkedProps(this, given, TYPES);
    this.name = props.name ?? 'clickhouse';
    this.namespace = props.namespace ?? 'storage';
    needNamespace(this, this.namespace);
    this.storage = props.storage ?? Size.gibibytes(20);
    this.retention = props.retention ?? Duration.days(90);
    this.httpUrl = `http://${this.name}.${this.namespace}.svc.cluster.local:${HTTP_PORT}`;
    this.readsFrom = [...(props.readsFrom ?? [])];
    this.pods = new Workload(this, 'pods', {
      name: this.name,
      namespace: this.namespace,
      labels: selectorLabels('clickhouse', this.name),
    });
    this.listeners = [{ end: this.pods, ports: [HTTP_PORT] }];
    exposeMetrics(this, { end: this.pods, ports: [METRICS_PORT] });
    const storageClass = props.storageClass ?? new ExternalStorageClass(this, 'storage-class', 'gp3');
    const image = props.image ?? imageReference(images.clickHouse);
    const schemaImage = props.schemaImage ?? imageReference(images.spark);
    const resources = {
      cpu: props.cpu ?? { request: Cpu.millis(300), limit: Cpu.millis(1500) },
      memory: props.memory ?? { request: Size.gibibytes(2), limit: Size.gibibytes(3) },
      ephemeralStorage: { request: Size.mebibytes(64), limit: Size.mebibytes(512) },
    };
    const credentials =
      props.credentials ??
      new ExternalSecret(this, 'credentials', {
        secretName: 'clickhouse-credentials',
        namespace: this.namespace,
        keys: {
          'admin-password': { credential: 'clickhouse/admin' },
          'writer-password': { credential: 'clickhouse/writer' },
          'reader-password': { credential: 'clickhouse/reader' },
        },
      });
    this.writer = this.login('writer', props.writerNamespace ?? 'default');
    this.reader = this.login('reader', props.readerNamespace ?? 'monitoring');

    this.addServer(image, resources, storageClass, credentials, props.priority);
    this.addSchema(schemaImage, credentials, props.priority);

    const { name, namespace: of } = this;
    const container = containerOf({ kind: 'StatefulSet', namespace: of, name }, 'clickhouse');
    refuse(this, () => [
      ...imageRefusals(container, image),
      ...resourceRefusals(container, resources),
      ...this.retentionRefusals(),
      ...volumeRefusals(
        { what: `database ${this.namespace}/${this.name}` },
        this.storage,
        [
          {
            what: `tables of ${this.database} over ${this.retention.toHumanString()}`,
            bytes: props.traffic.eventsIn(this.retention) * props.traffic.clickHouseBytesPerEvent,
          },
        ],
        'shorten retention',
      ),
    ]);
  }

  /** The environment of the server's container, and the same in its configuration. */
  private addServer(
    image: string,
    resources: ContainerResources,
    storageClass: StorageClass,
    credentials: ExternalSecret,
    priority: PriorityClass | undefined,
  ): void {
    const labels = objectLabels('clickhouse', this.name, 'database');
    const selector = selectorLabels('clickhouse', this.name);
    const metadata = { name: this.name, namespace: this.namespace, labels };
    const memoryBytes = bytesOf(resources.memory?.limit ?? Size.gibibytes(1));
    const { sources, environment, roleArn } = this.objectSources();
    const config = {
      'config.xml': serverConfig({
        httpPort: HTTP_PORT,
        metricsPort: METRICS_PORT,
        maxMemoryBytes: Math.floor(memoryBytes * SERVER_MEMORY_SHARE),
        sources,
      }),
      'users.xml': usersConfig(this.accounts(), Math.floor(memoryBytes * QUERY_MEMORY_SHARE)),
    };
    const configMapName = `${this.name}-config-${contentHash(JSON.stringify(config))}`;
    const ports = [
      { name: 'http', port: HTTP_PORT, targetPort: k8s.IntOrString.fromString('http') },
      { name: 'metrics', port: METRICS_PORT, targetPort: k8s.IntOrString.fromString('metrics') },
    ];
    const ping = { path: '/ping', port: k8s.IntOrString.fromString('http') };

    new k8s.KubeConfigMap(this, 'config', {
      metadata: { ...metadata, name: configMapName },
      immutable: true,
      data: config,
    });
    new k8s.KubeServiceAccount(this, 'service-account', {
      metadata: {
        ...metadata,
        ...(roleArn === undefined ? {} : { annotations: { 'eks.amazonaws.com/role-arn': roleArn } }),
      },
      automountServiceAccountToken: false,
    });
    new k8s.KubeService(this, 'service', { metadata, spec: { type: 'ClusterIP', selector, ports } });
    new k8s.KubeService(this, 'headless-service', {
      metadata: { ...metadata, name: `${this.name}-headless` },
      spec: { clusterIp: 'None', publishNotReadyAddresses: true, selector, ports },
    });
    new k8s.KubePodDisruptionBudget(this, 'disruption-budget', {
      metadata,
      spec: { maxUnavailable: k8s.IntOrString.fromNumber(1), selector: { matchLabels: selector } },
    });
    new k8s.KubeStatefulSet(this, 'server', {
      metadata: {
        ...metadata,
        annotations: policyAnnotations([...imageExceptions(image), 'secretInEnvironment', 'oneProbePath']),
      },
      spec: {
        serviceName: `${this.name}-headless`,
        replicas: 1,
        selector: { matchLabels: selector },
        template: {
          metadata: { labels },
          spec: {
            ...(priority === undefined ? {} : { priorityClassName: priority.priorityClassName }),
            serviceAccountName: this.name,
            automountServiceAccountToken: false,
            enableServiceLinks: false,
            securityContext: restrictedPod(),
            // A server that is asked to stop finishes its inserts and flushes its logs first.
            terminationGracePeriodSeconds: 120,
            containers: [
              {
                name: 'clickhouse',
                image,
                imagePullPolicy: 'IfNotPresent',
                command: ['clickhouse-server', '--config-file=/etc/clickhouse-server/config.xml'],
                env: [
                  { name: 'CLICKHOUSE_WATCHDOG_ENABLE', value: '0' },
                  ...this.accounts().map(({ username, passwordVariable }) =>
                    secretEnv(passwordVariable, credentials.key(`${username}-password`)),
                  ),
                  ...environment,
                ],
                ports: [
                  { name: 'http', containerPort: HTTP_PORT, protocol: 'TCP' },
                  { name: 'metrics', containerPort: METRICS_PORT, protocol: 'TCP' },
                ],
                resources: resourceRequirements(resources),
                securityContext: restrictedContainer,
                startupProbe: { httpGet: ping, periodSeconds: 5, failureThreshold: 60 },
                readinessProbe: { httpGet: ping, periodSeconds: 10, timeoutSeconds: 5 },
                // A server under load answers late: it is restarted only after three minutes without an answer.
                livenessProbe: { httpGet: ping, periodSeconds: 30, timeoutSeconds: 20, failureThreshold: 6 },
                volumeMounts: [
                  { name: 'data', mountPath: '/var/lib/clickhouse' },
                  { name: 'config', mountPath: '/etc/clickhouse-server', readOnly: true },
                  { name: 'tmp', mountPath: '/tmp' },
                ],
              },
            ],
            volumes: [
              { name: 'config', configMap: { name: configMapName, defaultMode: 0o444 } },
              scratchVolume('tmp', k8s.Quantity.fromString('256Mi')),
            ],
          },
        },
        volumeClaimTemplates: [
          {
            metadata: { name: 'data', labels: selector },
            spec: {
              accessModes: ['ReadWriteOnce'],
              storageClassName: storageClass.storageClassName,
              resources: { requests: { storage: k8s.Quantity.fromString(sizeQuantity(this.storage)) } },
            },
          },
        ],
      },
    });
  }

  private addSchema(image: string, credentials: ExternalSecret, priority: PriorityClass | undefined): void {
    const labels = objectLabels('clickhouse-schema', this.name, 'database');
    new Workload(this, 'schema-pods', {
      name: `${this.name} schema`,
      namespace: this.namespace,
      labels: selectorLabels('clickhouse-schema', this.name),
    }).connectTo(this, 'the tables of the contract are made');
    const code = new CodeConfigMap(this, 'schema-code', {
      name: `${this.name}-schema-code`,
      namespace: this.namespace,
      entry: 'schema_job.py',
      labels,
    });
    const command = [
      'python3',
      `/opt/spark/code/${code.entry}`,
      '--clickhouse-url',
      this.httpUrl,
      '--clickhouse-user',
      'admin',
      '--database',
      this.database,
      '--retention-days',
      `${Math.round(this.retention.toDays({ integral: false }))}`,
    ];
    new SetupJob(this, 'schema', {
      name: `${this.name}-schema`,
      namespace: this.namespace,
      labels,
      content: () => ({ code: code.configMapName, image, command }),
      priority,
      dataFlow: { definitions: tableDefinitions(this.database) },
      container: {
        name: 'schema',
        image,
        command,
        env: [
          secretEnv('CLICKHOUSE_PASSWORD', credentials.key('admin-password')),
          { name: 'PYTHONDONTWRITEBYTECODE', value: '1' },
          { name: 'PYTHONUNBUFFERED', value: '1' },
        ],
        volumeMounts: [{ name: 'code', mountPath: '/opt/spark/code', readOnly: true }],
      },
      volumes: [{ name: 'code', configMap: { name: code.configMapName, defaultMode: 0o444 } }],
    });
  }

  private retentionRefusals(): Refusal[] {
    const days = this.retention.toDays({ integral: false });
    return Number.isInteger(days) && days >= 1
      ? []
      : [
          {
            message: say`database ${this.namespace}/${this.name} has a retention of ${measured(this.retention.toHumanString())} but tables keep whole days, at least 1`,
            remedy: say`set retention, e.g. Duration.days(90)`,
          },
        ];
  }

  private accounts(): ClickHouseAccount[] {
    return [
      {
        username: 'admin',
        passwordVariable: 'CLICKHOUSE_ADMIN_PASSWORD',
        profile: 'default',
        grants: ['ALL ON *.*'],
      },
      {
        username: 'writer',
        passwordVariable: 'CLICKHOUSE_WRITER_PASSWORD',
        profile: 'default',
        grants: [
          `SELECT, INSERT, ALTER DELETE ON ${this.database}.*`,
          ...(this.readsFrom.length === 0 ? [] : ['CREATE TEMPORARY TABLE, S3 ON *.*']),
        ],
      },
      {
        username: 'reader',
        passwordVariable: 'CLICKHOUSE_READER_PASSWORD',
        profile: 'readonly',
        grants: [`SELECT ON ${this.database}.*`],
      },
    ];
  }

  private objectSources(): {
    readonly sources: readonly ClickHouseObjectSource[];
    readonly environment: readonly k8s.EnvVar[];
    readonly roleArn?: string;
  } {
    const [first] = this.readsFrom;
    if (first === undefined) {
      return { sources: [], environment: [] };
    }
    const { store } = first.bucket;
    const foreign = this.readsFrom.find(location => location.bucket.store !== store);
    if (foreign !== undefined) {
      refuse(this, () => [
        {
          message: say`database ${this.namespace}/${this.name} reads ${first.url} and ${foreign.url} of two object stores but it has the credentials of one`,
          remedy: say`set readsFrom to locations of one store`,
        },
      ]);
    }
    const credentials = store.addClient(this.name, {
      namespace: this.namespace,
      pods: [this.pods],
      read: this.readsFrom,
    });
    const entry = (location: ObjectLocation, index: number) => ({
      name: `source_${index + 1}`,
      endpoint: httpUrl(location),
      region: store.region,
    });
    if (credentials.kind === 'role') {
      return { sources: this.readsFrom.map(entry), environment: [], roleArn: credentials.roleArn };
    }
    const variables = { accessKey: 'OBJECT_STORE_ACCESS_KEY', secretKey: 'OBJECT_STORE_SECRET_KEY' };
    return {
      sources: this.readsFrom.map((location, index) => ({ ...entry(location, index), variables })),
      environment: [
        secretEnv(variables.accessKey, credentials.accessKey),
        secretEnv(variables.secretKey, credentials.secretKey),
      ],
    };
  }

  private login(username: string, namespace: string): ClickHouseLogin {
    const key = `${username}-password`;
    const secret = new ExternalSecret(this, `${username}-credentials`, {
      secretName: 'clickhouse-credentials',
      namespace,
      keys: { [key]: { credential: `clickhouse/${username}` } },
    });
    return { username, passwordSecret: secret.key(key) };
  }
}
