import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asObject, at, type ManifestObject, type PlainObject, stringMap } from '../../lib/manifest/model';
import type { ControlPlane } from './control-plane';

const REPOSITORY = join(__dirname, '..', '..');
/** From nothing to executors that are asked for: some 15 s alone, more beside a busy control plane. */
const SUBMITTED_MS = 180_000;

/**
 * A SparkApplication run as the operator would: its fields become spark-submit settings and pod templates, and Spark
 * itself creates the pods. Driver: cluster mode, which leaves the pod behind. Executors: a driver in client mode on
 * this machine that asks for them and asks again when one is gone. Its JVM starts at once, and waits for `submit`.
 */
export class Submission {
  private readonly folder = mkdtempSync(join(tmpdir(), 'cdk8s-lakehouse-submission-'));
  private readonly process: ChildProcess;
  private readonly output: () => string;

  public constructor(
    cluster: ControlPlane,
    private readonly application: ManifestObject,
  ) {
    const settings = submissionSettings(application, cluster, this.folder);
    const script = [join(__dirname, 'submission.py'), JSON.stringify(settings)];
    this.process = spawn('python3', ['-m', 'local.python', '--only', 'python', '--', ...script], {
      cwd: REPOSITORY,
      env: { ...process.env, KUBECONFIG: cluster.kubeconfig },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.output = collect(this.process);
  }

  /** Resolves when the driver pod is there and the executor pods are asked for. */
  public async submit(): Promise<void> {
    const { name } = this.application.metadata;
    this.process.stdin?.write('submit\n');
    const deadline = Date.now() + SUBMITTED_MS;
    while (!this.output().includes('requested')) {
      if (this.process.exitCode !== null)
        throw new Error(
          `the submission of ${name} ended with code ${this.process.exitCode}: ${lastLines(this.output())}`,
        );
      if (Date.now() > deadline)
        throw new Error(
          `the submission of ${name} asked for nothing within ${SUBMITTED_MS / 1000} s: ${lastLines(this.output())}`,
        );
      await new Promise(resolve => setTimeout(resolve, 200));
    }
  }

  public async stop(): Promise<void> {
    if (this.process.exitCode === null && this.process.signalCode === null) {
      const ended = new Promise(resolve => this.process.once('exit', resolve));
      this.process.stdin?.end();
      await ended;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
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
    const labels = { ...stringMap(pod['labels']), 'sparkoperator.k8s.io/app-name': name };
    for (const [label, value] of Object.entries(labels))
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
