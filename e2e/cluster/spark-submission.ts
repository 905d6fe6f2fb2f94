import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asObject, at, type ManifestObject, type PlainObject, stringMap } from '../../lib/manifest/model';
import type { ControlPlane } from './control-plane';

const REPOSITORY = join(__dirname, '..', '..');
/** A client-mode driver asks for its executors once its JVM is up: some 10 s alone, more beside a busy control plane. */
const DRIVER_START_MS = 120_000;

/** What Spark's own submission made of a SparkApplication; the process is the driver that owns the executor pods. */
export interface SubmittedApplication {
  readonly name: string;
  stop(): Promise<void>;
}

/**
 * Runs a SparkApplication as the operator would: its fields become spark-submit settings and pod templates, and Spark
 * itself creates the pods. Driver: cluster mode, which leaves the pod behind. Executors: a driver in client mode on
 * this machine that asks for them and asks again when one is gone.
 */
export async function submit(
  cluster: ControlPlane,
  application: ManifestObject,
): Promise<SubmittedApplication> {
  const folder = mkdtempSync(join(tmpdir(), 'cdk8s-lakehouse-submission-'));
  const settings = submissionSettings(application, cluster, folder);
  const environment = { ...process.env, KUBECONFIG: cluster.kubeconfig, PYSPARK_PIN_THREAD: 'true' };
  const python = (args: readonly string[]) =>
    spawn('python3', ['-m', 'local.python', '--only', 'python', '--', ...args], {
      cwd: REPOSITORY,
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    });

  const driver = python([join(__dirname, 'submit_driver.py'), JSON.stringify(settings)]);
  await finished(driver, `spark-submit of ${application.metadata.name}`);
  const executors = python([join(__dirname, 'request_executors.py'), JSON.stringify(settings)]);
  await announced(executors, 'requested', `the executors' driver of ${application.metadata.name}`);
  return {
    name: application.metadata.name,
    stop: async () => {
      const ended = new Promise(resolve => executors.once('exit', resolve));
      executors.kill('SIGTERM');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The settings that the spark-operator passes for the fields that decide what the pods ask for and where they may run. */
function submissionSettings(
  application: ManifestObject,
  cluster: ControlPlane,
  folder: string,
): Record<string, string> {
  const { name, namespace = 'default' } = application.metadata;
  const spec = asObject(application.body['spec']);
  const settings: Record<string, string> = {
    ...stringMap(spec['sparkConf']),
    'spark.master': `k8s://${cluster.server}`,
    'spark.app.name': name,
    'spark.kubernetes.namespace': namespace,
    'spark.kubernetes.container.image': String(spec['image']),
    'spark.kubernetes.driver.pod.name': `${name}-driver`,
    'spark.kubernetes.executor.podNamePrefix': name,
    'spark.kubernetes.authenticate.driver.serviceAccountName': String(at(spec, 'driver', 'serviceAccount')),
    'spark.kubernetes.resource.type': 'python',
  };
  const instances = at(spec, 'executor', 'instances');
  if (typeof instances === 'number') settings['spark.executor.instances'] = String(instances);
  const dynamic = asObject(spec['dynamicAllocation']);
  if (dynamic['enabled'] === true) {
    settings['spark.dynamicAllocation.enabled'] = 'true';
    settings['spark.dynamicAllocation.shuffleTracking.enabled'] = 'true';
    for (const [field, key] of [
      ['initialExecutors', 'initialExecutors'],
      ['minExecutors', 'minExecutors'],
      ['maxExecutors', 'maxExecutors'],
    ] as const) {
      if (typeof dynamic[field] === 'number')
        settings[`spark.dynamicAllocation.${key}`] = String(dynamic[field]);
    }
  }
  for (const role of ['driver', 'executor'] as const) {
    const pod = asObject(spec[role]);
    const fields = {
      cores: `spark.${role}.cores`,
      coreRequest: `spark.kubernetes.${role}.request.cores`,
      coreLimit: `spark.kubernetes.${role}.limit.cores`,
      memory: `spark.${role}.memory`,
      memoryOverhead: `spark.${role}.memoryOverhead`,
    };
    for (const [field, key] of Object.entries(fields)) {
      if (pod[field] !== undefined) settings[key] = String(pod[field]);
    }
    for (const [label, value] of Object.entries(stringMap(pod['labels'])))
      settings[`spark.kubernetes.${role}.label.${label}`] = value;
    const template = join(folder, `${role}.json`);
    writeFileSync(template, JSON.stringify(podTemplate(spec, pod)));
    settings[`spark.kubernetes.${role}.podTemplateFile`] = template;
  }
  return settings;
}

/** What the operator's webhook adds to the pods. */
function podTemplate(spec: PlainObject, pod: PlainObject): object {
  const template = asObject(pod['template']);
  const copied = [
    'affinity',
    'tolerations',
    'nodeSelector',
    'priorityClassName',
    'terminationGracePeriodSeconds',
    'topologySpreadConstraints',
  ];
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: asObject(template['metadata']),
    spec: {
      ...asObject(template['spec']),
      ...Object.fromEntries(copied.flatMap(key => (pod[key] === undefined ? [] : [[key, pod[key]]]))),
      ...(pod['podSecurityContext'] === undefined ? {} : { securityContext: pod['podSecurityContext'] }),
      volumes: spec['volumes'] ?? [],
      containers: [
        {
          name: 'spark-kubernetes-container',
          ...(pod['env'] === undefined ? {} : { env: pod['env'] }),
          ...(pod['securityContext'] === undefined ? {} : { securityContext: pod['securityContext'] }),
          ...(pod['volumeMounts'] === undefined ? {} : { volumeMounts: pod['volumeMounts'] }),
        },
      ],
    },
  };
}

async function finished(child: ChildProcess, what: string): Promise<void> {
  const output = collect(child);
  const code = await new Promise(resolve => child.once('exit', resolve));
  if (code !== 0) throw new Error(`${what} ended with code ${code}: ${lastLines(output())}`);
}

async function announced(child: ChildProcess, word: string, what: string): Promise<void> {
  const output = collect(child);
  const deadline = Date.now() + DRIVER_START_MS;
  while (!output().includes(word)) {
    if (child.exitCode !== null)
      throw new Error(`${what} ended with code ${child.exitCode}: ${lastLines(output())}`);
    if (Date.now() > deadline)
      throw new Error(`${what} asked for nothing within ${DRIVER_START_MS / 1000} s: ${lastLines(output())}`);
    await new Promise(resolve => setTimeout(resolve, 200));
  }
}

function collect(child: ChildProcess): () => string {
  let output = '';
  child.stdout?.on('data', chunk => (output += chunk));
  child.stderr?.on('data', chunk => (output += chunk));
  return () => output;
}

function lastLines(output: string): string {
  const lines = output.trim().split('\n');
  const causes = lines.filter(line => /^(Exception|Caused by)|ERROR/.test(line));
  return (causes.length > 0 ? causes : lines).slice(-5).join(' | ');
}
