import { readFileSync } from 'node:fs';
import path from 'node:path';
import { ApiObject, Lazy, Size } from 'cdk8s';
import { Cpu, type CpuResources, k8s, type MemoryResources } from 'cdk8s-plus-28';
import type { Construct } from 'constructs';
import { measured, say } from '../../checker/finding/message';
import { needNamespace } from '../cluster/needed-namespaces';
import { ExternalStorageClass, type StorageClass } from '../cluster/storage-class';
import { exposeMetrics, type Listener } from '../network/flow';
import { Workload } from '../network/workload';
import { volumeRefusals } from '../sizing/volume-budget';
import { imageReference, images } from '../versions';
import { imageRefusals, resourceRefusals, resourceRequirements, sizeQuantity } from '../workload/container';
import { contentHash } from '../workload/content-hash';
import { ExternalSecret, secretEnv } from '../workload/external';
import { objectLabels, selectorLabels } from '../workload/labels';
import { restrictedContainer, restrictedPod, scratchVolume } from '../workload/pod-security';
import { imageExceptions, policyAnnotations } from '../workload/policy-exceptions';
import type { PriorityClass } from '../workload/priority-classes';
import {
  checkedProps,
  cpuResources,
  externalSecret,
  memoryResources,
  type PropTypes,
  priorityClass,
  required,
  size,
  storageClass,
  text,
  texts,
} from '../workload/props';
import { containerOf, refuse } from '../workload/refuse';
import { SetupJob } from '../workload/setup-job';
import {
  expiryDays,
  ObjectStore,
  type ObjectStoreClientProps,
  type ObjectStoreCredentials,
} from './object-store';
import { leastPolicy } from './object-store-policy';

const PORT = 9000;
export interface MinioStoreProps {
  /** The buckets that the store has; a Job makes those that are missing. */
  readonly buckets: readonly string[];
  /**
   * Name of the StatefulSet and its Service.
   * @default 'minio'
   */
  readonly name?: string;
  /** @default 'storage' */
  readonly namespace?: string;
  /**
   * Size of the volume.
   * @default Size.gibibytes(20)
   */
  readonly storage?: Size;
  /** @default the external class 'gp3' */
  readonly storageClass?: StorageClass;
  /** @default 200m requested, 1000m at most (docs/capacity.md) */
  readonly cpu?: CpuResources;
  /** @default 1Gi requested, 2Gi at most (docs/capacity.md) */
  readonly memory?: MemoryResources;
  /**
   * Secret with the keys root-user and root-password.
   * @default minio-credentials in the store's namespace
   */
  readonly rootCredentials?: ExternalSecret;
  /** @default none: the pod waits like any other */
  readonly priority?: PriorityClass;
  /** @default the archived project's last image (lib/lakehouse/versions.ts) */
  readonly image?: string;
  /** @default the client's last image (lib/lakehouse/versions.ts) */
  readonly clientImage?: string;
}

const TYPES: PropTypes<MinioStoreProps> = {
  buckets: required(texts),
  name: text,
  namespace: text,
  storage: size,
  storageClass: storageClass,
  cpu: cpuResources,
  memory: memoryResources,
  rootCredentials: externalSecret,
  priority: priorityClass,
  image: text,
  clientImage: text,
};

/**
 * One MinIO server on a volume, with its buckets, and for every client of the store a user of its own that may do
 * what the client declared and nothing else.
 *
 * It makes a StatefulSet with a volume claim template, a Service and a headless one, a disruption budget, and a Job
 * that creates buckets, lifecycle rules, policies and users; running it again changes nothing. The volume is checked
 * against what the data sets of the store come to hold (docs/sizing.md).
 *
 * @example
 * const store = new MinioStore(chart, 'minio', { buckets: ['raw-data', 'silver', 'gold'] });
 * const silver = store.bucket('silver').prefix('user-activity-v2/');
 * store.addDataSet(silver, { retention: Duration.days(14), bytesPerDay: 500_000_000 });
 */
export class MinioStore extends ObjectStore {
  public readonly endpoint: string;
  public readonly region = 'us-east-1';
  public readonly pathStyleAccess = true;
  public readonly bucketNames: readonly string[];
  public readonly name: string;
  public readonly namespace: string;
  public readonly storage: Size;
  /** The server's pods, as an end of connections. */
  public readonly pods: Workload;
  public readonly listeners: readonly Listener[];
  private readonly clients = new Map<string, ObjectStoreClientProps>();
  private readonly credentials = new Map<string, ObjectStoreCredentials>();
  private readonly root: ExternalSecret;

  constructor(scope: Construct, id: string, given: MinioStoreProps) {
    super(scope, id);
    const props = checkedProps(this, given, TYPES);
    this.name = props.name ?? 'minio';
    this.namespace = props.namespace ?? 'storage';
    needNamespace(this, this.namespace);
    this.storage = props.storage ?? Size.gibibytes(20);
    this.bucketNames = [...props.buckets];
    this.endpoint = `http://${this.name}.${this.namespace}.svc.cluster.local:${PORT}`;
    const { name, namespace } = this;
    const labels = selectorLabels('minio', name);
    this.pods = new Workload(this, 'pods', { name, namespace, labels });
    this.listeners = [{ end: this.pods, ports: [PORT] }];
    for (const listener of this.listeners) exposeMetrics(this, listener);
    const storageClass = props.storageClass ?? new ExternalStorageClass(this, 'storage-class', 'gp3');
    const image = props.image ?? imageReference(images.minio);
    const clientImage = props.clientImage ?? imageReference(images.minioClient);
    const resources = {
      cpu: props.cpu ?? { request: Cpu.millis(200), limit: Cpu.millis(1000) },
      memory: props.memory ?? { request: Size.gibibytes(1), limit: Size.gibibytes(2) },
      ephemeralStorage: { request: Size.mebibytes(64), limit: Size.mebibytes(256) },
    };
    this.root =
      props.rootCredentials ??
      new ExternalSecret(this, 'root-credentials', {
        secretName: 'minio-credentials',
        namespace: this.namespace,
        keys: {
          'root-user': { credential: 'minio/root-user' },
          'root-password': { credential: 'minio/root-password' },
        },
      });

    this.addServer(image, resources, storageClass, props.priority);
    this.addSetup(clientImage, props.priority);

    const workload = { kind: 'StatefulSet', namespace: this.namespace, name: this.name };
    const container = containerOf(workload, 'minio');
    refuse(this, () => [
      ...imageRefusals(container, image),
      ...resourceRefusals(container, resources),
      ...volumeRefusals(
        { what: `object store ${this.namespace}/${this.name}` },
        this.storage,
        this.dataSets.map(({ location, retention, bytesPerDay }) => ({
          what: location.url,
          bytes: bytesPerDay * (expiryDays(retention) + 1),
        })),
        'shorten the retention of a layer',
      ),
    ]);
  }

  protected credentialsOf(client: string, props: ObjectStoreClientProps): ObjectStoreCredentials {
    if (!/^[a-z][a-z0-9-]{2,62}$/.test(client)) {
      this.refuse({
        message: say`object store ${this.namespace}/${this.name} has client ${measured(client, JSON.stringify)} but a client is named by 3 to 63 of a-z, 0-9 and '-'`,
        remedy: say`rename it, e.g. streaming`,
      });
    }
    const known = this.credentials.get(client);
    if (known !== undefined) {
      this.refuse({
        message: say`object store ${this.namespace}/${this.name} has two clients named ${measured(client)} but each has a user of its own`,
        remedy: say`rename one`,
      });
      return known;
    }
    const accessKey = { literal: client };
    const secretKey = { credential: `object-store/${client}` };
    new ExternalSecret(this, `${client}-user`, {
      secretName: this.usersSecretName,
      namespace: this.namespace,
      keys: { [`${client}-access-key`]: accessKey, [`${client}-secret-key`]: secretKey },
    });
    const secret = new ExternalSecret(this, `${client}-credentials`, {
      secretName: `${client}-object-store-credentials`,
      namespace: props.namespace,
      keys: { 'access-key': accessKey, 'secret-key': secretKey },
    });
    const credentials: ObjectStoreCredentials = {
      kind: 'secret',
      accessKey: secret.key('access-key'),
      secretKey: secret.key('secret-key'),
    };
    this.clients.set(client, props);
    this.credentials.set(client, credentials);
    return credentials;
  }

  /** The Secret from which the Job reads the keys of all clients. */
  private get usersSecretName(): string {
    return `${this.name}-users`;
  }

  private addServer(
    image: string,
    resources: Parameters<typeof resourceRequirements>[0],
    storageClass: StorageClass,
    priority: PriorityClass | undefined,
  ): void {
    const labels = objectLabels('minio', this.name, 'object-store');
    const selector = selectorLabels('minio', this.name);
    const metadata = { name: this.name, namespace: this.namespace, labels };
    const probe = (endpoint: string) => ({
      httpGet: { path: `/minio/health/${endpoint}`, port: k8s.IntOrString.fromString('s3') },
    });

    new k8s.KubeService(this, 'service', {
      metadata,
      spec: {
        type: 'ClusterIP',
        selector,
        ports: [{ name: 's3', port: PORT, targetPort: k8s.IntOrString.fromString('s3') }],
      },
    });
    new k8s.KubeService(this, 'headless-service', {
      metadata: { ...metadata, name: `${this.name}-headless` },
      spec: {
        clusterIp: 'None',
        publishNotReadyAddresses: true,
        selector,
        ports: [{ name: 's3', port: PORT, targetPort: k8s.IntOrString.fromString('s3') }],
      },
    });
    new k8s.KubePodDisruptionBudget(this, 'disruption-budget', {
      metadata,
      spec: { maxUnavailable: k8s.IntOrString.fromNumber(1), selector: { matchLabels: selector } },
    });
    const annotations = policyAnnotations([...imageExceptions(image), 'secretInEnvironment']);
    new k8s.KubeStatefulSet(this, 'server', {
      metadata: { ...metadata, annotations },
      spec: {
        serviceName: `${this.name}-headless`,
        replicas: 1,
        selector: { matchLabels: selector },
        template: {
          metadata: { labels },
          spec: {
            ...(priority === undefined ? {} : { priorityClassName: priority.priorityClassName }),
            automountServiceAccountToken: false,
            enableServiceLinks: false,
            securityContext: restrictedPod(),
            terminationGracePeriodSeconds: 60,
            containers: [
              {
                name: 'minio',
                image,
                imagePullPolicy: 'IfNotPresent',
                command: ['minio', 'server', '/data', '--address', `:${PORT}`, '--certs-dir', '/tmp/certs'],
                env: [
                  secretEnv('MINIO_ROOT_USER', this.root.key('root-user')),
                  secretEnv('MINIO_ROOT_PASSWORD', this.root.key('root-password')),
                  { name: 'MINIO_BROWSER', value: 'off' },
                  { name: 'MINIO_UPDATE', value: 'off' },
                  { name: 'MINIO_PROMETHEUS_AUTH_TYPE', value: 'public' },
                  { name: 'HOME', value: '/tmp' },
                ],
                ports: [{ name: 's3', containerPort: PORT, protocol: 'TCP' }],
                resources: resourceRequirements(resources),
                securityContext: restrictedContainer,
                startupProbe: { ...probe('live'), periodSeconds: 5, failureThreshold: 60 },
                readinessProbe: { ...probe('ready'), periodSeconds: 10, timeoutSeconds: 5 },
                livenessProbe: {
                  ...probe('live'),
                  periodSeconds: 20,
                  timeoutSeconds: 10,
                  failureThreshold: 6,
                },
                volumeMounts: [
                  { name: 'data', mountPath: '/data' },
                  { name: 'tmp', mountPath: '/tmp' },
                ],
              },
            ],
            volumes: [scratchVolume('tmp', k8s.Quantity.fromString('64Mi'))],
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

  /** The Job is named by its content, which is complete only when every client has been declared. */
  private addSetup(image: string, priority: PriorityClass | undefined): void {
    const labels = objectLabels('minio-setup', this.name, 'object-store');
    const files = lazily(() => this.setupFiles());
    new Workload(this, 'setup-pods', {
      name: `${this.name} setup`,
      namespace: this.namespace,
      labels: selectorLabels('minio-setup', this.name),
    }).connectTo(this, 'buckets, policies and users are made');
    const configMapName = () => `${this.name}-setup-${contentHash(JSON.stringify(files()))}`;

    // Not k8s.KubeConfigMap, which would copy the keys of the data before they are known.
    new ApiObject(this, 'setup-files', {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: Lazy.any({ produce: configMapName }), namespace: this.namespace, labels },
      immutable: true,
      data: Lazy.any({ produce: files }),
    });
    new SetupJob(this, 'setup', {
      name: `${this.name}-setup`,
      namespace: this.namespace,
      labels,
      content: () => ({ ...files(), image }),
      priority,
      container: {
        name: 'setup',
        image,
        command: ['sh', '/etc/minio-setup/setup.sh', '/etc/minio-setup', '/etc/minio-users'],
        env: [
          { name: 'MINIO_URL', value: this.endpoint },
          secretEnv('MINIO_ROOT_USER', this.root.key('root-user')),
          secretEnv('MINIO_ROOT_PASSWORD', this.root.key('root-password')),
          { name: 'MC_CONFIG_DIR', value: '/tmp/mc' },
        ],
        volumeMounts: [
          { name: 'setup', mountPath: '/etc/minio-setup', readOnly: true },
          { name: 'users', mountPath: '/etc/minio-users', readOnly: true },
          { name: 'tmp', mountPath: '/tmp' },
        ],
      },
      volumes: [
        {
          name: 'setup',
          configMap: { name: Lazy.any({ produce: configMapName }), defaultMode: 0o444 },
        },
        {
          name: 'users',
          secret: {
            secretName: this.usersSecretName,
            defaultMode: 0o440,
            optional: Lazy.any({ produce: () => this.clients.size === 0 }),
          },
        },
        scratchVolume('tmp', k8s.Quantity.fromString('32Mi')),
      ],
    });
  }

  private setupFiles(): Record<string, string> {
    const lifecycles = this.bucketNames.flatMap(bucketName => {
      const rules = this.dataSets
        .filter(({ location }) => location.bucket.bucketName === bucketName)
        .map(({ location, retention }) => ({
          ID: location.path.replaceAll(/[^a-z0-9]+/g, '-').replaceAll(/^-|-$/g, '') || 'all',
          Status: 'Enabled',
          Filter: { Prefix: location.path },
          Expiration: { Days: expiryDays(retention) },
        }));
      return rules.length === 0 ? [] : [[`lifecycle-${bucketName}.json`, json({ Rules: rules })] as const];
    });
    const policies = [...this.clients].map(
      ([client, props]) => [`policy-${client}.json`, json(leastPolicy(props))] as const,
    );
    return {
      'setup.sh': readFileSync(path.join(__dirname, 'minio-setup.sh'), 'utf8'),
      buckets: this.bucketNames.map(bucket => `${bucket}\n`).join(''),
      ...Object.fromEntries([...lifecycles, ...policies]),
    };
  }
}

function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

/** Computes once, when it is first asked: after the chart is complete. */
function lazily<T>(compute: () => T): () => T {
  let result: { readonly value: T } | undefined;
  return () => {
    result ??= { value: compute() };
    return result.value;
  };
}
