import { readFileSync } from 'node:fs';
import { type Chart, Size, Testing } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-28';
import { KafkaCluster, type KafkaClusterProps } from '../../../lib/lakehouse/kafka/kafka-cluster';
import { TrafficEstimate } from '../../../lib/lakehouse/sizing/traffic';
import { imageReference, images } from '../../../lib/lakehouse/versions';
import { WasService, type WasServiceProps } from '../../../lib/lakehouse/was/was-service';
import { PriorityClasses } from '../../../lib/lakehouse/workload/priority-classes';
import {
  containerOf,
  inside,
  objectLike,
  objectOf,
  podOf,
  problems,
  restricted,
  synthesized,
} from '../synthesis';

const was = (
  chart: Chart,
  props: Partial<WasServiceProps> = {},
  kafka: KafkaClusterProps = {},
): WasService => {
  const topic = new KafkaCluster(chart, 'kafka', kafka).addTopic('user-activity-logs', {
    partitions: 6,
    traffic: new TrafficEstimate(chart, 'traffic'),
  });
  return new WasService(chart, 'was', { topic, ...props });
};

const bootstrap = 'streaming-cluster-kafka-bootstrap.kafka.svc.cluster.local:9092';

describe('the default web servers', () => {
  const objects = synthesized(chart => was(chart));
  const deployment = objectOf(objects, 'Deployment', 'was');

  test('are three pods with the figures of the running system', () => {
    expect(deployment.metadata.namespace).toBe('was');
    expect(inside(deployment, 'spec', 'replicas')).toBe(3);
    expect(containerOf(deployment)).toMatchObject({
      ports: [{ name: 'http', containerPort: 8080 }],
      resources: { requests: { cpu: '200m', memory: '512Mi' }, limits: { cpu: '1000m', memory: '1Gi' } },
    });
  });

  test('run the reference app of was/ on the stock Node image, from a ConfigMap named by its content', () => {
    const app = objectLike(objects, 'ConfigMap', 'was-app-');
    expect(app.metadata.name).toMatch(/^was-app-[0-9a-f]{8}$/);
    expect(inside(app, 'immutable')).toBe(true);
    const isBundle = inside(app, 'data', 'server.js') === readFileSync('was/dist/server.js', 'utf8');
    expect(isBundle).toBe(true);
    expect(containerOf(deployment)).toMatchObject({
      image: imageReference(images.node),
      command: ['node', '/app/server.js'],
    });
    expect(podOf(deployment)['volumes']).toContainEqual({
      name: 'app',
      configMap: { name: app.metadata.name, defaultMode: 0o444 },
    });
  });

  test('are told where the topic is', () => {
    expect(containerOf(deployment)['env']).toEqual([
      { name: 'PORT', value: '8080' },
      { name: 'KAFKA_BOOTSTRAP_SERVERS', value: bootstrap },
      { name: 'KAFKA_TOPIC', value: 'user-activity-logs' },
      { name: 'NODE_OPTIONS', value: '--max-old-space-size=768' },
    ]);
  });

  test('are behind a Service, and one at a time may be disrupted', () => {
    const selector = { 'app.kubernetes.io/name': 'was', 'app.kubernetes.io/instance': 'was' };
    expect(inside(objectOf(objects, 'Service', 'was'), 'spec')).toEqual({
      type: 'ClusterIP',
      selector,
      ports: [{ name: 'http', port: 8080, targetPort: 'http' }],
    });
    expect(inside(objectOf(objects, 'PodDisruptionBudget', 'was'), 'spec')).toEqual({
      maxUnavailable: 1,
      selector: { matchLabels: selector },
    });
    expect(inside(deployment, 'spec', 'selector')).toEqual({ matchLabels: selector });
  });

  test('never serve with fewer while they are rolled, and prefer a node of their own', () => {
    expect(inside(deployment, 'spec', 'strategy', 'rollingUpdate')).toEqual({
      maxSurge: 1,
      maxUnavailable: 0,
    });
    expect(podOf(deployment)).toHaveProperty(
      'affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution',
    );
    expect(podOf(deployment)['topologySpreadConstraints']).toMatchObject([
      { topologyKey: 'topology.kubernetes.io/zone', whenUnsatisfiable: 'ScheduleAnyway' },
    ]);
  });

  test('run restricted, with three probes of their own and without a token', () => {
    expect(podOf(deployment)).toMatchObject({
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
    });
    expect(containerOf(deployment)).toMatchObject({
      securityContext: restricted,
      startupProbe: { httpGet: { path: '/health/live' } },
      readinessProbe: { httpGet: { path: '/health/ready' } },
      livenessProbe: { httpGet: { path: '/health/live' } },
    });
  });

  test('scale only where asked to', () => {
    expect(objects.filter(({ kind }) => kind === 'HorizontalPodAutoscaler')).toEqual([]);
  });
});

test('every figure can be set', () => {
  const objects = synthesized(chart =>
    was(chart, {
      name: 'shop',
      namespace: 'web',
      replicas: 4,
      port: 9000,
      cpu: { request: Cpu.millis(100), limit: Cpu.millis(300) },
      memory: { request: Size.mebibytes(100), limit: Size.mebibytes(200) },
      autoscaling: { maxReplicas: 6, targetCpuPercent: 150 },
      image: 'registry.example.com/shop:1.4.2',
      env: { LOG_LEVEL: 'info' },
      livenessPath: '/alive',
      readinessPath: '/ready',
      priority: new PriorityClasses(chart, 'priorities').serving,
    }),
  );
  const deployment = objectOf(objects, 'Deployment', 'shop');
  expect(deployment.metadata.namespace).toBe('web');
  expect(podOf(deployment)['priorityClassName']).toBe('lakehouse-serving');
  const container = containerOf(deployment);
  expect(container).toMatchObject({
    image: 'registry.example.com/shop:1.4.2',
    ports: [{ containerPort: 9000 }],
    resources: { requests: { cpu: '100m', memory: '100Mi' }, limits: { cpu: '300m', memory: '200Mi' } },
    livenessProbe: { httpGet: { path: '/alive' } },
    readinessProbe: { httpGet: { path: '/ready' } },
    env: [
      { name: 'PORT', value: '9000' },
      { name: 'KAFKA_BOOTSTRAP_SERVERS', value: bootstrap },
      { name: 'KAFKA_TOPIC', value: 'user-activity-logs' },
      { name: 'LOG_LEVEL', value: 'info' },
    ],
  });
  expect(container).not.toHaveProperty('command');
  expect(inside(objectOf(objects, 'Service', 'shop'), 'spec', 'ports', 0, 'port')).toBe(9000);
  expect(objects.filter(({ kind }) => kind === 'ConfigMap')).toEqual([]);
  expect(inside(objectOf(objects, 'HorizontalPodAutoscaler', 'shop'), 'spec')).toMatchObject({
    scaleTargetRef: { kind: 'Deployment', name: 'shop' },
    minReplicas: 4,
    maxReplicas: 6,
    metrics: [{ resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 150 } } }],
  });
  // A number of pods beside an autoscaler would set its work back with every apply.
  expect(inside(deployment, 'spec')).not.toHaveProperty('replicas');
});

test('a cluster with logins gives the web servers theirs, by reference', () => {
  const objects = synthesized(chart => was(chart, {}, { clientSecurity: 'scram-tls' }));
  const deployment = objectOf(objects, 'Deployment', 'was');
  expect(containerOf(deployment)['env']).toEqual(
    expect.arrayContaining([
      { name: 'KAFKA_SECURITY_PROTOCOL', value: 'SASL_SSL' },
      { name: 'KAFKA_USERNAME', value: 'was' },
      {
        name: 'KAFKA_PASSWORD',
        valueFrom: { secretKeyRef: { name: 'was-kafka-login', key: 'password' } },
      },
      { name: 'KAFKA_CA_FILE', value: '/etc/kafka/ca.crt' },
    ]),
  );
  expect(podOf(deployment)['volumes']).toContainEqual({
    name: 'kafka-ca',
    secret: { secretName: 'streaming-cluster-cluster-ca-cert', defaultMode: 0o440 },
  });
});

test('it says where it is reached', () => {
  expect(was(Testing.chart()).url).toBe('http://was.was.svc.cluster.local:8080');
});

describe('refused', () => {
  const container = '[Deployment/was/was] container was';

  test.each<[string, Partial<WasServiceProps>, string]>([
    [
      'no limits',
      { cpu: { request: Cpu.millis(200) } },
      `${container} has no cpu limit but every container needs one; set cpu.limit, e.g. Cpu.millis(500) (rule container-without-limits)`,
    ],
    [
      'an image without a tag',
      { image: 'registry.example.com/shop' },
      `${container} has image "registry.example.com/shop" but an image must be pinned by a tag other than latest, or by a digest; set image, e.g. shop:1.4.2 (rule mutable-image-tag)`,
    ],
    [
      'no pods',
      { replicas: 0 },
      '[Deployment/was/was] has 0 replicas but the number must be a whole one of at least 1; set replicas to 1 or more',
    ],
    [
      'a port of the system',
      { port: 80 },
      '[Deployment/was/was] listens on port 80 but its user may open whole numbers from 1024 to 65535; set port, e.g. 8080',
    ],
    [
      'a port that is none',
      { port: 65536 },
      '[Deployment/was/was] listens on port 65536 but its user may open whole numbers from 1024 to 65535; set port, e.g. 8080',
    ],
    [
      'a variable that the construct sets',
      { env: { KAFKA_TOPIC: 'clicks' } },
      `${container} has variable KAFKA_TOPIC in env but the construct sets it; remove it from env, and use the prop that it comes from`,
    ],
    [
      'a variable without a proper name',
      { env: { '1=2': 'three' } },
      `${container} has variable "1=2" but a variable is named by letters, digits and '_', no digit first; rename it`,
    ],
    [
      'an autoscaler that could not scale',
      { autoscaling: { maxReplicas: 2 } },
      'autoscaler of Deployment was/was has maxReplicas 2 but replicas is 3; set autoscaling.maxReplicas to a whole number of at least 3',
    ],
    [
      'an autoscaler that aims at nothing',
      { autoscaling: { maxReplicas: 3, targetCpuPercent: 0 } },
      'autoscaler of Deployment was/was has targetCpuPercent 0 but it must be a positive whole number; set autoscaling.targetCpuPercent, e.g. 200',
    ],
  ])('%s', (_, props, problem) => {
    expect(problems(chart => was(chart, props))).toEqual([problem]);
  });

  test.each<[string, Partial<WasServiceProps>]>([
    ['an image with a tag', { image: 'registry.example.com/shop:1' }],
    ['one pod', { replicas: 1 }],
    ['the lowest port', { port: 1024 }],
    ['the highest port', { port: 65535 }],
    ['a variable of its own', { env: { LOG_LEVEL: 'debug' } }],
    [
      'a heap set by hand for an image of its own',
      { image: 'registry.example.com/shop:1', env: { NODE_OPTIONS: '--max-old-space-size=256' } },
    ],
    ['an autoscaler that stays', { autoscaling: { maxReplicas: 3, targetCpuPercent: 1 } }],
  ])('%s passes', (_, props) => {
    expect(problems(chart => was(chart, props))).toEqual([]);
  });
});
