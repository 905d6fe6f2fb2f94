import { type ChildProcess, spawn } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { bytes } from '../../lib/checker/manifest/quantity';
import {
  asObject,
  asObjects,
  at,
  type ManifestObject,
  manifestObjects,
} from '../../lib/checker/object/manifest-object';
import { cacheFolder } from '../cache-folder';
import { run } from '../command';
import { buildGoProgram } from '../go-program';
import { accepted, type ControlPlane, eventually, freePorts, list } from './control-plane';
import { readManifests } from './custom-resources';

const REPOSITORY = join(__dirname, '..', '..');
const MODULE = join(__dirname, '..', 'spark-operator');
const OPERATOR = 'github.com/kubeflow/spark-operator/v2';
const READY_TIMEOUT_MS = 60_000;

/** The programs that the operator's chart runs in two Deployments. */
export const COMPONENTS = ['controller', 'webhook'] as const;
type Component = (typeof COMPONENTS)[number];

/** The operator's program, and the folder of its Helm chart: both of the version that e2e/spark-operator/go.mod names. */
export interface OperatorProgram {
  readonly binary: string;
  readonly chart: string;
}

export async function buildSparkOperator(): Promise<OperatorProgram> {
  const binary = await buildGoProgram({ name: 'spark operator', module: MODULE, folder: '.' });
  const listed = await run('go', ['mod', 'download', '-json', OPERATOR], { cwd: MODULE });
  if (listed.code !== 0)
    throw new Error(`the chart of the Spark operator cannot be fetched: ${listed.stderr.trim()}`);
  return { binary, chart: join(JSON.parse(listed.stdout).Dir, 'charts', 'spark-operator-chart') };
}

/** The definitions of custom resources that the chart brings. */
export function chartDefinitions({ chart }: OperatorProgram): ManifestObject[] {
  return readManifests(join(chart, 'crds'));
}

/** What `helm template` makes of the Application of dist/argocd, with more values over its own. */
export async function renderChart(
  { binary, chart }: OperatorProgram,
  application: ManifestObject,
  more: Readonly<Record<string, object>> = {},
): Promise<ManifestObject[]> {
  const helm = at(application.body, 'spec', 'source', 'helm');
  const values = asObject(at(helm, 'valuesObject'));
  const merged = Object.fromEntries(
    [...new Set([...Object.keys(values), ...Object.keys(more)])].map(key => [
      key,
      { ...asObject(values[key]), ...more[key] },
    ]),
  );
  const options = ['--release', String(at(helm, 'releaseName')), '--namespace', namespaceOf(application)];
  const { stdout } = await accepted(
    run(binary, ['chart', chart, ...options], { stdin: JSON.stringify(merged) }),
  );
  return manifestObjects(
    parseAllDocuments(stdout).map(document => {
      const object = asObject(document.toJS());
      const metadata = { namespace: namespaceOf(application), ...asObject(object['metadata']) };
      return { ...object, metadata };
    }),
  );
}

/**
 * The Spark operator: its chart is applied as ArgoCD would, its two programs run on this machine, with the arguments of
 * the chart's containers and the rights of its service accounts. Only addresses and folders are this machine's, and no lease
 * of a former process has to run out.
 */
export class SparkOperator {
  private readonly folder = mkdtempSync(join(tmpdir(), 'cdk8s-lakehouse-spark-operator-'));
  private readonly peaks = join(this.folder, 'peaks.txt');
  private readonly running = new Map<Component, ChildProcess>();
  /** What the chart comes to, once it is installed. */
  public objects: readonly ManifestObject[] = [];

  public constructor(
    private readonly cluster: ControlPlane,
    private readonly program: OperatorProgram,
    private readonly application: ManifestObject,
  ) {}

  /** Applies the chart and starts both programs; resolves when they are ready. */
  public async install(): Promise<void> {
    const namespace = {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: namespaceOf(this.application) },
    };
    const [port] = (await freePorts(1)) as [number];
    this.objects = await renderChart(this.program, this.application, { webhook: { port } });
    await accepted(
      this.cluster.kubectl(
        ['apply', '--server-side', '-f', '-'],
        list([namespace, ...this.objects.map(onThisMachine)]),
      ),
    );
    mkdirSync(join(this.folder, 'bin'));
    symlinkSync(join(__dirname, 'spark_submit.py'), join(this.folder, 'bin', 'spark-submit'));
    const certificates = join(this.folder, 'certificates');
    await Promise.all([
      this.start('webhook', [`--webhook-cert-dir=${certificates}`]),
      this.start('controller'),
    ]);
  }

  public async start(component: Component, more: readonly string[] = []): Promise<void> {
    const deployment = this.objects.find(
      ({ kind, metadata }) => kind === 'Deployment' && metadata.name.endsWith(`-${component}`),
    );
    const pod = at(deployment?.body, 'spec', 'template', 'spec');
    const [container] = asObjects(at(pod, 'containers'));
    const [health] = (await freePorts(1)) as [number];
    const kubeconfig = join(this.folder, `${component}.kubeconfig`);
    const credentials = await this.cluster.credentials(
      namespaceOf(this.application),
      String(at(pod, 'serviceAccountName')),
    );
    writeFileSync(kubeconfig, JSON.stringify(credentials), { mode: 0o600 });
    const { hostname, port } = new URL(this.cluster.server);
    const args = [
      ...(at(container, 'args') as string[]),
      '--metrics-bind-address=0',
      '--leader-election=false',
      `--health-probe-bind-address=127.0.0.1:${health}`,
      ...more,
    ];
    const log = openSync(this.logOf(component), 'a');
    const child = spawn(this.program.binary, args, {
      stdio: ['ignore', log, log],
      cwd: this.folder,
      env: {
        ...process.env,
        KUBECONFIG: kubeconfig,
        KUBERNETES_SERVICE_HOST: hostname,
        KUBERNETES_SERVICE_PORT: port,
        SPARK_HOME: this.folder,
        SUBMIT_WITH: await sparkHome(),
        SUBMIT_PACKAGES: join(cacheFolder(), 'submission-packages'),
        SUBMIT_PEAKS: this.peaks,
        SUBMIT_MEMORY: String(bytes(at(container, 'resources', 'limits', 'memory'))),
      },
    });
    closeSync(log);
    this.running.set(component, child);
    await eventually(
      `the operator's ${component} is ready`,
      async () => {
        if (child.exitCode !== null)
          throw new Error(
            `the operator's ${component} ended with code ${child.exitCode}: ${this.lastLines(component)}`,
          );
        const answer = await fetch(`http://127.0.0.1:${health}/readyz`).catch(() => undefined);
        return answer?.ok === true ? undefined : this.lastLines(component);
      },
      READY_TIMEOUT_MS,
    );
  }

  /** The most memory of a component's container so far, in bytes: its own and that of a submission beside it. */
  public peakMemory(component: Component): number {
    const status = readFileSync(`/proc/${this.running.get(component)?.pid}/status`, 'utf8');
    const [, own] = /VmHWM:\s+(\d+) kB/.exec(status) ?? [];
    const submissions = readFileSync(this.peaks, 'utf8').trim().split('\n').map(Number);
    return Number(own) * 1024 + (component === 'controller' ? Math.max(...submissions) : 0);
  }

  /** What a rollout or a crash of the component is to the cluster. */
  public async stop(component: Component): Promise<void> {
    const child = this.running.get(component);
    this.running.delete(component);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise(resolve => child.once('exit', resolve));
    child.kill('SIGTERM');
    await ended;
  }

  public async uninstall(): Promise<void> {
    await Promise.all([this.stop('controller'), this.stop('webhook')]);
    rmSync(this.folder, { recursive: true, force: true });
  }

  public lastLines(component: Component): string {
    return readFileSync(this.logOf(component), 'utf8').trim().split('\n').slice(-5).join(' | ');
  }

  private logOf(component: Component): string {
    return join(this.folder, `${component}.log`);
  }
}

function namespaceOf(application: ManifestObject): string {
  return String(at(application.body, 'spec', 'destination', 'namespace'));
}

/** The webhook's Service leads to this machine; the API server still asks for the certificate of the Service's name. */
function onThisMachine(object: ManifestObject): object {
  if (object.kind !== 'Service') return object.body;
  const { selector: _, ...spec } = asObject(object.body['spec']);
  return { ...object.body, spec: { ...spec, type: 'ExternalName', externalName: 'localhost' } };
}

let home: Promise<string> | undefined;

/** The Spark that the tests fetch, in the version of the jobs; what the fetch says goes to standard error. */
export function sparkHome(): Promise<string> {
  const script = 'import os, pyspark; print(os.path.dirname(pyspark.__file__))';
  home ??= new Promise((resolve, reject) => {
    const fetched = spawn('python3', ['-m', 'local.python', '--only', 'python', '--', '-c', script], {
      cwd: REPOSITORY,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    fetched.stdout.on('data', chunk => (output += chunk));
    fetched.once('error', reject);
    fetched.once('close', code => {
      if (code === 0) resolve(output.trim());
      else reject(new Error('Spark could not be fetched; what is above says why'));
    });
  });
  return home;
}
