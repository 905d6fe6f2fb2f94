import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Size } from 'cdk8s';
import { Cpu, type CpuResources, k8s, type MemoryResources } from 'cdk8s-plus-28';
import { Construct } from 'constructs';
import { measured, say } from '../../checker/finding/message';
import { needNamespace } from '../cluster/needed-namespaces';
import type { KafkaConnection, KafkaTopic } from '../kafka/kafka-topic';
import { type Connectable, exposeMetrics, type Listener } from '../network/flow';
import { type IngressProps, ServiceIngress } from '../network/ingress';
import { Workload } from '../network/workload';
import { imageReference, images } from '../versions';
import {
  bytesOf,
  imageRefusals,
  replicaRefusals,
  resourceRefusals,
  resourceRequirements,
} from '../workload/container';
import { contentHash } from '../workload/content-hash';
import { secretEnv } from '../workload/external';
import { objectLabels, selectorLabels } from '../workload/labels';
import { restrictedContainer, restrictedPod, scratchVolume } from '../workload/pod-security';
import { imageExceptions, policyAnnotations } from '../workload/policy-exceptions';
import type { PriorityClass } from '../workload/priority-classes';
import {
  checkedProps,
  cpuResources,
  having,
  memoryResources,
  number,
  type PropTypes,
  priorityClass,
  propsObject,
  required,
  text,
  textMap,
} from '../workload/props';
import { type Culprit, containerOf, type Refusal, refuse, writing } from '../workload/refuse';

/** The reference app as one file (`npm run build:was`). */
const BUNDLE = path.join(__dirname, '..', '..', '..', 'was', 'dist', 'server.js');
const CERTIFICATE_PATH = '/etc/kafka';

/** Pods in proportion to what they use. */
export interface WasAutoscaling {
  readonly maxReplicas: number;
  /**
   * Average CPU use, in percent of the request, above which pods are added.
   * @default 200: the request is a fifth of the limit
   */
  readonly targetCpuPercent?: number;
}

export interface WasServiceProps {
  /** Where the events go. */
  readonly topic: KafkaTopic;
  /**
   * Name of the Deployment and its Service.
   * @default 'was'
   */
  readonly name?: string;
  /** @default 'was' */
  readonly namespace?: string;
  /**
   * Number of pods; with autoscaling the least.
   * @default 3
   */
  readonly replicas?: number;
  /**
   * Port of the pods and the Service.
   * @default 8080
   */
  readonly port?: number;
  /** @default 200m requested, 1000m at most */
  readonly cpu?: CpuResources;
  /** @default 512Mi requested, 1Gi at most */
  readonly memory?: MemoryResources;
  /** @default none: the number of pods stays */
  readonly autoscaling?: WasAutoscaling;
  /**
   * An image of your own; it finds KAFKA_BOOTSTRAP_SERVERS, KAFKA_TOPIC and PORT in its environment.
   * @default the reference app of was/ on the stock Node image (lib/lakehouse/versions.ts)
   */
  readonly image?: string;
  /**
   * Variables beside those that the construct sets.
   * @default none
   */
  readonly env?: Readonly<Record<string, string>>;
  /**
   * Answers 200 as long as the process is sound.
   * @default '/health/live'
   */
  readonly livenessPath?: string;
  /**
   * Answers 200 when the pod may be sent requests.
   * @default '/health/ready'
   */
  readonly readinessPath?: string;
  /**
   * How people reach it from outside of the cluster: an Ingress or an HTTPRoute, and the policy that lets its controller in.
   * @default none: any pod of the cluster may reach them, and nobody outside
   */
  readonly ingress?: IngressProps;
  /** @default none: the pods wait like any other */
  readonly priority?: PriorityClass;
}

const TYPES: PropTypes<WasServiceProps> = {
  topic: required(having('a KafkaTopic', 'chart.topic', 'topicName')),
  name: text,
  namespace: text,
  replicas: number,
  port: number,
  cpu: cpuResources,
  memory: memoryResources,
  autoscaling: propsObject,
  image: text,
  env: textMap,
  livenessPath: text,
  readinessPath: text,
  ingress: propsObject,
  priority: priorityClass,
};

/**
 * The web servers, which write every request to a topic.
 *
 * It makes a Deployment whose pods prefer nodes and zones that have none of them, a Service, a disruption budget,
 * the ConfigMap of the reference app, and a HorizontalPodAutoscaler where asked for.
 *
 * @example
 * new WasService(chart, 'was', { topic, replicas: 3, autoscaling: { maxReplicas: 5 } });
 */
export class WasService extends Construct implements Connectable {
  public readonly name: string;
  public readonly namespace: string;
  public readonly replicas: number;
  public readonly port: number;
  /** URL inside the cluster. */
  public readonly url: string;
  /** Its pods, as an end of connections. */
  public readonly pods: Workload;
  /** Where clients reach the pods. */
  public readonly listeners: readonly Listener[];

  constructor(scope: Construct, id: string, given: WasServiceProps) {
    super(scope, id);
    const props = checkedProps(this, given, TYPES);
    this.name = props.name ?? 'was';
    this.namespace = props.namespace ?? 'was';
    needNamespace(this, this.namespace);
    this.replicas = props.replicas ?? 3;
    this.port = props.port ?? 8080;
    this.url = `http://${this.name}.${this.namespace}.svc.cluster.local:${this.port}`;
    const image = props.image ?? imageReference(images.node);
    const resources = {
      cpu: props.cpu ?? { request: Cpu.millis(200), limit: Cpu.millis(1000) },
      memory: props.memory ?? { request: Size.mebibytes(512), limit: Size.gibibytes(1) },
      ephemeralStorage: { request: Size.mebibytes(32), limit: Size.mebibytes(256) },
    };
    const labels = objectLabels('was', this.name, 'web-server');
    const selector = selectorLabels('was', this.name);
    const metadata = { name: this.name, namespace: this.namespace, labels };
    const pods = new Workload(this, 'pods', { name: this.name, namespace: this.namespace, labels: selector });
    this.pods = pods;
    this.listeners = [{ end: pods, ports: [this.port] }];
    const { name, namespace, port } = this;
    if (props.ingress === undefined) {
      pods.acceptFrom('anywhere', [port], 'people use the shop');
    } else {
      const healthPath = props.readinessPath ?? '/health/ready';
      new ServiceIngress(this, 'ingress', { name, namespace, port, healthPath, pods }, props.ingress);
    }
    exposeMetrics(this, { end: pods, ports: [this.port] });
    const kafka = props.topic.connect(this.name, {
      namespace: this.namespace,
      operation: 'produce',
      pods: [pods],
    });
    const app = props.image === undefined ? this.addReferenceApp(labels) : undefined;
    const env = [
      { name: 'PORT', value: `${this.port}` },
      ...kafkaEnv(kafka, props.topic.topicName),
      ...(app === undefined ? [] : [nodeHeap(resources.memory)]),
    ];
    const http = k8s.IntOrString.fromString('http');
    const readiness = { path: props.readinessPath ?? '/health/ready', port: http };
    const liveness = { path: props.livenessPath ?? '/health/live', port: http };

    new k8s.KubeService(this, 'service', {
      metadata,
      spec: { type: 'ClusterIP', selector, ports: [{ name: 'http', port: this.port, targetPort: http }] },
    });
    new k8s.KubePodDisruptionBudget(this, 'disruption-budget', {
      metadata,
      spec: { maxUnavailable: k8s.IntOrString.fromNumber(1), selector: { matchLabels: selector } },
    });
    new k8s.KubeDeployment(this, 'server', {
      metadata: { ...metadata, annotations: policyAnnotations(imageExceptions(image)) },
      spec: {
        ...(props.autoscaling === undefined ? { replicas: this.replicas } : {}),
        selector: { matchLabels: selector },
        strategy: {
          type: 'RollingUpdate',
          rollingUpdate: {
            maxSurge: k8s.IntOrString.fromNumber(1),
            maxUnavailable: k8s.IntOrString.fromNumber(0),
          },
        },
        template: {
          metadata: { labels },
          spec: {
            ...(props.priority === undefined ? {} : { priorityClassName: props.priority.priorityClassName }),
            automountServiceAccountToken: false,
            enableServiceLinks: false,
            securityContext: restrictedPod(),
            terminationGracePeriodSeconds: 60,
            affinity: {
              podAntiAffinity: {
                preferredDuringSchedulingIgnoredDuringExecution: [
                  {
                    weight: 100,
                    podAffinityTerm: {
                      labelSelector: { matchLabels: selector },
                      topologyKey: 'kubernetes.io/hostname',
                    },
                  },
                ],
              },
            },
            topologySpreadConstraints: [
              {
                maxSkew: 1,
                topologyKey: 'topology.kubernetes.io/zone',
                whenUnsatisfiable: 'ScheduleAnyway',
                labelSelector: { matchLabels: selector },
              },
            ],
            containers: [
              {
                name: 'was',
                image,
                imagePullPolicy: 'IfNotPresent',
                ...(app === undefined ? {} : { command: ['node', `/app/${app.fileName}`] }),
                env: [...env, ...Object.entries(props.env ?? {}).map(([name, value]) => ({ name, value }))],
                ports: [{ name: 'http', containerPort: this.port, protocol: 'TCP' }],
                resources: resourceRequirements(resources),
                securityContext: restrictedContainer,
                startupProbe: { httpGet: liveness, periodSeconds: 2, failureThreshold: 60 },
                readinessProbe: { httpGet: readiness, periodSeconds: 5, timeoutSeconds: 2 },
                livenessProbe: {
                  httpGet: liveness,
                  periodSeconds: 15,
                  timeoutSeconds: 5,
                  failureThreshold: 4,
                },
                volumeMounts: [
                  { name: 'tmp', mountPath: '/tmp' },
                  ...(app === undefined ? [] : [{ name: 'app', mountPath: '/app', readOnly: true }]),
                  ...(kafka.login === undefined
                    ? []
                    : [{ name: 'kafka-ca', mountPath: CERTIFICATE_PATH, readOnly: true }]),
                ],
              },
            ],
            volumes: [
              scratchVolume('tmp', k8s.Quantity.fromString('64Mi')),
              ...(app === undefined
                ? []
                : [{ name: 'app', configMap: { name: app.configMapName, defaultMode: 0o444 } }]),
              ...(kafka.login === undefined
                ? []
                : [
                    {
                      name: 'kafka-ca',
                      secret: { secretName: kafka.login.certificateAuthority.secretName, defaultMode: 0o440 },
                    },
                  ]),
            ],
          },
        },
      },
    });
    if (props.autoscaling !== undefined) {
      this.addAutoscaler(props.autoscaling, metadata);
    }

    const workload = { kind: 'Deployment', namespace: this.namespace, name: this.name };
    const deployment: Culprit = { what: '', writes: { object: workload, path: ['spec'] } };
    const container = containerOf(workload, 'was');
    refuse(this, () => [
      ...replicaRefusals(deployment, this.replicas),
      ...imageRefusals(container, image),
      ...resourceRefusals(container, resources),
      ...this.portRefusals(deployment),
      ...this.environmentRefusals(container, env, props),
      ...this.autoscalingRefusals(props.autoscaling),
    ]);
  }

  /** The bundle of was/, named by its content: a new bundle is a new ConfigMap, and the pods roll. */
  private addReferenceApp(labels: Record<string, string>) {
    const fileName = path.basename(BUNDLE);
    if (!existsSync(BUNDLE)) {
      throw new Error(
        `web servers ${this.namespace}/${this.name} have no bundle at ${path.relative(process.cwd(), BUNDLE)} but without image they run the reference app; build it with npm run build:was, or set image`,
      );
    }
    const content = readFileSync(BUNDLE, 'utf8');
    const configMapName = `${this.name}-app-${contentHash(content)}`;
    new k8s.KubeConfigMap(this, 'app', {
      metadata: { name: configMapName, namespace: this.namespace, labels },
      immutable: true,
      data: { [fileName]: content },
    });
    return { fileName, configMapName };
  }

  private addAutoscaler(autoscaling: WasAutoscaling, metadata: k8s.ObjectMeta): void {
    new k8s.KubeHorizontalPodAutoscalerV2(this, 'autoscaler', {
      metadata,
      spec: {
        scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: this.name },
        minReplicas: this.replicas,
        maxReplicas: autoscaling.maxReplicas,
        metrics: [
          {
            type: 'Resource',
            resource: {
              name: 'cpu',
              target: { type: 'Utilization', averageUtilization: autoscaling.targetCpuPercent ?? 200 },
            },
          },
        ],
      },
    });
  }

  /** Ports below 1024 are the system's: the container runs as a plain user. */
  private portRefusals(deployment: Culprit): Refusal[] {
    return Number.isInteger(this.port) && this.port >= 1024 && this.port <= 65535
      ? []
      : [
          {
            ...writing(deployment),
            message: say`${deployment.what} listens on port ${measured(this.port)} but its user may open whole numbers from 1024 to 65535`,
            remedy: say`set port, e.g. 8080`,
          },
        ];
  }

  private environmentRefusals(
    container: Culprit,
    own: readonly k8s.EnvVar[],
    { env = {} }: WasServiceProps,
  ): Refusal[] {
    return Object.keys(env).flatMap(name => {
      if (own.some(variable => variable.name === name)) {
        return [
          {
            ...writing(container, 'env'),
            message: say`${container.what} has variable ${measured(name)} in env but the construct sets it`,
            remedy: say`remove it from env, and use the prop that it comes from`,
          },
        ];
      }
      return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name)
        ? []
        : [
            {
              ...writing(container, 'env'),
              message: say`${container.what} has variable ${measured(name, JSON.stringify)} but a variable is named by letters, digits and '_', no digit first`,
              remedy: say`rename it`,
            },
          ];
    });
  }

  private autoscalingRefusals(autoscaling: WasAutoscaling | undefined): Refusal[] {
    const object = `autoscaler of Deployment ${this.namespace}/${this.name}`;
    if (autoscaling === undefined) {
      return [];
    }
    const { maxReplicas, targetCpuPercent = 200 } = autoscaling;
    return [
      ...(Number.isInteger(maxReplicas) && maxReplicas >= this.replicas
        ? []
        : [
            {
              message: say`${object} has maxReplicas ${measured(maxReplicas)} but replicas is ${this.replicas}`,
              remedy: say`set autoscaling.maxReplicas to a whole number of at least ${this.replicas}`,
            },
          ]),
      ...(Number.isInteger(targetCpuPercent) && targetCpuPercent > 0
        ? []
        : [
            {
              message: say`${object} has targetCpuPercent ${measured(targetCpuPercent)} but it must be a positive whole number`,
              remedy: say`set autoscaling.targetCpuPercent, e.g. 200`,
            },
          ]),
    ];
  }
}

function kafkaEnv(
  { bootstrapServers, securityProtocol, login }: KafkaConnection,
  topic: string,
): k8s.EnvVar[] {
  return [
    { name: 'KAFKA_BOOTSTRAP_SERVERS', value: bootstrapServers },
    { name: 'KAFKA_TOPIC', value: topic },
    ...(login === undefined
      ? []
      : [
          { name: 'KAFKA_SECURITY_PROTOCOL', value: securityProtocol },
          { name: 'KAFKA_USERNAME', value: login.username },
          secretEnv('KAFKA_PASSWORD', login.password),
          { name: 'KAFKA_CA_FILE', value: `${CERTIFICATE_PATH}/${login.certificateAuthority.key}` },
        ]),
  ];
}

/** Node's heap may use three quarters of what the container may: the rest is for buffers and the runtime. */
function nodeHeap(memory: MemoryResources): k8s.EnvVar {
  const mebibytes = Math.floor((bytesOf(memory.limit ?? Size.mebibytes(512)) * 0.75) / 2 ** 20);
  return { name: 'NODE_OPTIONS', value: `--max-old-space-size=${mebibytes}` };
}
