import { Size, Yaml } from 'cdk8s';
import { Cpu, type CpuResources, k8s, type MemoryResources } from 'cdk8s-plus-28';
import { Construct } from 'constructs';
import { allowed, say } from '../../checker/finding/message';
import type { ClickHouseDb } from '../clickhouse/clickhouse-db';
import { needNamespace } from '../cluster/needed-namespaces';
import { internet } from '../network/addresses';
import { type IngressProps, ServiceIngress } from '../network/ingress';
import { Workload } from '../network/workload';
import { grafanaClickHousePlugin, imageReference, images } from '../versions';
import { imageRefusals, resourceRefusals, resourceRequirements } from '../workload/container';
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
  having,
  memoryResources,
  type PropTypes,
  priorityClass,
  propsObject,
  required,
  text,
} from '../workload/props';
import { containerOf, refuse } from '../workload/refuse';

const PORT = 3000;
/** Apps that Grafana 12 fetches by itself and that have nothing to show here. */
const UNUSED_APPS = [
  'grafana-exploretraces-app',
  'grafana-lokiexplore-app',
  'grafana-metricsdrilldown-app',
  'grafana-pyroscope-app',
];

export interface GrafanaProps {
  /** The database that the dashboards read, as its user `reader`. */
  readonly database: ClickHouseDb;
  /**
   * Name of the Deployment and its Service.
   * @default 'grafana'
   */
  readonly name?: string;
  /**
   * Must be the database's `readerNamespace`, where the reader's password is.
   * @default 'monitoring'
   */
  readonly namespace?: string;
  /** @default 100m requested, 500m at most */
  readonly cpu?: CpuResources;
  /** @default 256Mi requested, 512Mi at most */
  readonly memory?: MemoryResources;
  /**
   * Secret with the key admin-password.
   * @default grafana-credentials in Grafana's namespace
   */
  readonly credentials?: ExternalSecret;
  /** @default the version in lib/lakehouse/versions.ts */
  readonly pluginVersion?: string;
  /**
   * How people reach it from outside of the cluster: an Ingress or an HTTPRoute, and the policy that lets its controller in.
   * @default none
   */
  readonly ingress?: IngressProps;
  /** @default none: the pod waits like any other */
  readonly priority?: PriorityClass;
  /** @default the version in lib/lakehouse/versions.ts */
  readonly image?: string;
}

const TYPES: PropTypes<GrafanaProps> = {
  database: required(having('a ClickHouseDb', 'chart.database', 'httpUrl')),
  name: text,
  namespace: text,
  cpu: cpuResources,
  memory: memoryResources,
  credentials: externalSecret,
  pluginVersion: text,
  ingress: propsObject,
  priority: priorityClass,
  image: text,
};

/**
 * Grafana with the database as its data source.
 *
 * It makes a Deployment, a Service, a disruption budget and the data source's ConfigMap. The ClickHouse plugin is
 * fetched from grafana.com when the pod starts, in a pinned version. Nothing that people change in the browser
 * outlives the pod: what is shown is declared.
 *
 * @example
 * new Grafana(chart, 'grafana', { database });
 */
export class Grafana extends Construct {
  public readonly name: string;
  public readonly namespace: string;
  /** Its pods, as an end of connections. */
  public readonly pods: Workload;

  constructor(scope: Construct, id: string, given: GrafanaProps) {
    super(scope, id);
    const props = checkedProps(this, given, TYPES);
    this.name = props.name ?? 'grafana';
    this.namespace = props.namespace ?? 'monitoring';
    needNamespace(this, this.namespace);
    const image = props.image ?? imageReference(images.grafana);
    const resources = {
      cpu: props.cpu ?? { request: Cpu.millis(100), limit: Cpu.millis(500) },
      memory: props.memory ?? { request: Size.mebibytes(256), limit: Size.mebibytes(512) },
      ephemeralStorage: { request: Size.mebibytes(256), limit: Size.gibibytes(1) },
    };
    const credentials =
      props.credentials ??
      new ExternalSecret(this, 'credentials', {
        secretName: 'grafana-credentials',
        namespace: this.namespace,
        keys: { 'admin-password': { credential: 'grafana/admin' } },
      });
    const { reader } = props.database;
    const labels = objectLabels('grafana', this.name, 'dashboards');
    const selector = selectorLabels('grafana', this.name);
    const metadata = { name: this.name, namespace: this.namespace, labels };
    const http = k8s.IntOrString.fromString('http');
    // The first asks Grafana's own database too, the second only whether the server answers.
    const health = { path: '/api/health', port: http };
    const alive = { path: '/healthz', port: http };
    const pods = new Workload(this, 'pods', { name: this.name, namespace: this.namespace, labels: selector });
    this.pods = pods;
    pods.connectTo(props.database, 'dashboards read metrics');
    pods.connectTo(
      { listeners: [{ end: internet(this), ports: [443] }] },
      'the ClickHouse plugin is fetched when Grafana starts',
    );
    const { name, namespace } = this;
    const ingress =
      props.ingress &&
      new ServiceIngress(
        this,
        'ingress',
        { name, namespace, port: PORT, healthPath: health.path, pods },
        props.ingress,
      );
    const plugin = `${grafanaClickHousePlugin.id}@${props.pluginVersion ?? grafanaClickHousePlugin.version}`;
    const dataSources = { 'clickhouse.yaml': dataSource(props.database) };
    const configMapName = `${this.name}-data-sources-${contentHash(JSON.stringify(dataSources))}`;

    new k8s.KubeConfigMap(this, 'data-sources', {
      metadata: { ...metadata, name: configMapName },
      immutable: true,
      data: dataSources,
    });
    new k8s.KubeService(this, 'service', {
      metadata,
      spec: { type: 'ClusterIP', selector, ports: [{ name: 'http', port: PORT, targetPort: http }] },
    });
    new k8s.KubePodDisruptionBudget(this, 'disruption-budget', {
      metadata,
      spec: { maxUnavailable: k8s.IntOrString.fromNumber(1), selector: { matchLabels: selector } },
    });
    new k8s.KubeDeployment(this, 'server', {
      metadata: {
        ...metadata,
        annotations: policyAnnotations([...imageExceptions(image), 'secretInEnvironment', 'oneGrafana']),
      },
      spec: {
        replicas: 1,
        selector: { matchLabels: selector },
        strategy: { type: 'Recreate' },
        template: {
          metadata: { labels },
          spec: {
            ...(props.priority === undefined ? {} : { priorityClassName: props.priority.priorityClassName }),
            automountServiceAccountToken: false,
            enableServiceLinks: false,
            securityContext: restrictedPod(),
            terminationGracePeriodSeconds: 30,
            containers: [
              {
                name: 'grafana',
                image,
                imagePullPolicy: 'IfNotPresent',
                env: [
                  secretEnv('GF_SECURITY_ADMIN_PASSWORD', credentials.key('admin-password')),
                  secretEnv('CLICKHOUSE_PASSWORD', reader.passwordSecret),
                  { name: 'GF_PLUGINS_PREINSTALL_SYNC', value: plugin },
                  { name: 'GF_PLUGINS_DISABLE_PLUGINS', value: UNUSED_APPS.join(',') },
                  { name: 'GF_ANALYTICS_REPORTING_ENABLED', value: 'false' },
                  { name: 'GF_ANALYTICS_CHECK_FOR_UPDATES', value: 'false' },
                  { name: 'GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES', value: 'false' },
                  { name: 'GF_AUTH_ANONYMOUS_ENABLED', value: 'false' },
                  { name: 'GF_USERS_ALLOW_SIGN_UP', value: 'false' },
                  { name: 'GF_LOG_MODE', value: 'console' },
                  ...(ingress === undefined ? [] : [{ name: 'GF_SERVER_ROOT_URL', value: ingress.url }]),
                ],
                ports: [{ name: 'http', containerPort: PORT, protocol: 'TCP' }],
                resources: resourceRequirements(resources),
                securityContext: restrictedContainer,
                // The plugin is fetched before the port opens.
                startupProbe: { httpGet: health, periodSeconds: 5, failureThreshold: 60 },
                readinessProbe: { httpGet: health, periodSeconds: 10, timeoutSeconds: 5 },
                livenessProbe: {
                  httpGet: alive,
                  periodSeconds: 30,
                  timeoutSeconds: 10,
                  failureThreshold: 5,
                },
                volumeMounts: [
                  { name: 'data', mountPath: '/var/lib/grafana' },
                  {
                    name: 'data-sources',
                    mountPath: '/etc/grafana/provisioning/datasources',
                    readOnly: true,
                  },
                  { name: 'tmp', mountPath: '/tmp' },
                ],
              },
            ],
            volumes: [
              scratchVolume('data', k8s.Quantity.fromString('768Mi')),
              { name: 'data-sources', configMap: { name: configMapName, defaultMode: 0o444 } },
              scratchVolume('tmp', k8s.Quantity.fromString('128Mi')),
            ],
          },
        },
      },
    });

    const workload = { kind: 'Deployment', namespace: this.namespace, name: this.name };
    const container = containerOf(workload, 'grafana');
    refuse(this, () => [
      ...imageRefusals(container, image),
      ...resourceRefusals(container, resources),
      ...(reader.passwordSecret.namespace === this.namespace
        ? []
        : [
            {
              message: say`grafana ${this.namespace}/${this.name} reads the password of user ${reader.username} in its own namespace but the database declares it in ${allowed(reader.passwordSecret.namespace)}`,
              remedy: say`set readerNamespace of the database to ${this.namespace}`,
            },
          ]),
    ]);
  }
}

/** Grafana's provisioning file; it puts the password's variable in when it starts. */
function dataSource(database: ClickHouseDb): string {
  const { hostname, port } = new URL(database.httpUrl);
  return Yaml.stringify({
    apiVersion: 1,
    prune: true,
    datasources: [
      {
        name: 'ClickHouse',
        uid: 'clickhouse',
        type: grafanaClickHousePlugin.id,
        access: 'proxy',
        isDefault: true,
        editable: false,
        jsonData: {
          host: hostname,
          port: Number(port),
          protocol: 'http',
          secure: false,
          username: database.reader.username,
          defaultDatabase: database.database,
        },
        secureJsonData: { password: '$CLICKHOUSE_PASSWORD' },
      },
    ],
  });
}
