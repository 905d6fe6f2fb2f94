import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  asObject,
  asObjects,
  at,
  type PlainObject,
  stringMap,
} from '../../lib/checker/object/manifest-object';
import { type ControlPlane, taken } from './control-plane';

const REPOSITORY = join(__dirname, '..', '..');
/** From the settings to executors that are asked for: some 10 s alone, more beside a busy control plane. */
const REQUESTED_MS = 180_000;

/**
 * What runs in a driver pod, as far as the cluster sees it: Spark in client mode on this machine, with the settings that
 * the pod mounts and the rights of its service account. It asks for executors, and asks again when one is gone. Its JVM
 * starts at once, and waits for `start`.
 */
export class DriverProgram {
  private readonly folder = mkdtempSync(join(tmpdir(), 'cdk8s-lakehouse-driver-'));
  private readonly kubeconfig = join(this.folder, 'kubeconfig');
  private readonly process: ChildProcess;
  private readonly output: () => string;

  public constructor(private readonly cluster: ControlPlane) {
    const script = join(__dirname, 'driver_program.py');
    this.process = spawn('python3', ['-m', 'local.python', '--only', 'python', '--', script], {
      cwd: REPOSITORY,
      env: { ...process.env, KUBECONFIG: this.kubeconfig },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.output = collect(this.process);
  }

  /** Resolves when the executor pods of this driver pod are asked for; `owned`: they end with it. */
  public async start(pod: object, owned = true): Promise<void> {
    const namespace = String(at(pod, 'metadata', 'namespace'));
    const account = String(at(pod, 'spec', 'serviceAccountName'));
    const credentials = await this.cluster.credentials(namespace, account);
    writeFileSync(this.kubeconfig, JSON.stringify(credentials), { mode: 0o600 });
    const files = await this.mountedFiles(pod);
    this.process.stdin?.write(`${JSON.stringify({ files, owned })}\n`);
    const name = at(pod, 'metadata', 'name');
    const deadline = Date.now() + REQUESTED_MS;
    while (!this.output().includes('requested')) {
      if (this.process.exitCode !== null)
        throw new Error(
          `the program of ${name} ended with code ${this.process.exitCode}: ${lastLines(this.output())}`,
        );
      if (Date.now() > deadline)
        throw new Error(
          `the program of ${name} asked for nothing within ${REQUESTED_MS / 1000} s: ${lastLines(this.output())}`,
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

  /** The files that Spark's submission left for the pod in ConfigMaps, by the path at which the pod has them. */
  private async mountedFiles(pod: object): Promise<Record<string, string>> {
    const namespace = at(pod, 'metadata', 'namespace');
    const [container] = asObjects(at(pod, 'spec', 'containers'));
    const files: Record<string, string> = {};
    for (const volume of asObjects(at(pod, 'spec', 'volumes'))) {
      const { name, configMap } = volume;
      if (!String(at(configMap, 'name')).startsWith('spark-drv-') && name !== 'pod-template-volume') continue;
      const mount = asObjects(container?.['volumeMounts']).find(
        mount => mount['name'] === name,
      ) as PlainObject;
      const path = `/api/v1/namespaces/${namespace}/configmaps/${at(configMap, 'name')}`;
      const { data } = asObject(await taken(this.cluster.request('GET', path)));
      for (const [key, text] of Object.entries(stringMap(data))) {
        const item = asObjects(asObject(configMap)['items']).find(item => item['key'] === key);
        files[`${mount['mountPath']}/${item?.['path'] ?? key}`] = text;
      }
    }
    return files;
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
