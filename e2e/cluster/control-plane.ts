import { type ChildProcess, spawn } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request as httpsRequest } from 'node:https';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { asObject, at } from '../../lib/checker/object/manifest-object';
import { type CommandResult, run } from '../command';
import { buildGoProgram } from '../go-program';

const E2E = join(__dirname, '..');
/** Start of each component to ready: 4–6 s when alone on two cores; a loaded machine gets ten times that. */
const READY_TIMEOUT_MS = 60_000;
const POLL_MS = 200;

/** What the API server answered. */
export interface ApiAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** A running control plane: etcd, API server, controllers, scheduler and the stand-in for the kubelets. */
export interface ControlPlane {
  readonly server: string;
  /** Runs kubectl; never throws, so that a test can look at a refusal. */
  kubectl(args: readonly string[], stdin?: string): Promise<CommandResult>;
  /** One call of the API, a hundred times cheaper than the start of a kubectl. A PATCH is a JSON merge patch. */
  request(method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, body?: object): Promise<ApiAnswer>;
  /** A kubeconfig with the rights of a service account, for an hour. */
  credentials(namespace: string, serviceAccount: string): Promise<object>;
  stop(): Promise<void>;
}

/** Builds the control plane from the Go module proxy, or returns the binary that the same sources gave before. */
export function buildControlPlane(): Promise<string> {
  return buildGoProgram({
    name: 'control plane',
    module: E2E,
    folder: 'controlplane',
    linkerFlags: versionFlags(),
  });
}

/** Kubernetes reads its own version from the linker; without it the API server calls itself v0.0.0. */
function versionFlags(): string[] {
  const version = /k8s\.io\/kubernetes v((\d+)\.(\d+)\.\d+)/.exec(readFileSync(join(E2E, 'go.mod'), 'utf8'));
  if (version === null) throw new Error('e2e/go.mod names no k8s.io/kubernetes version');
  const set = (name: string, value: string | undefined) =>
    `-X k8s.io/component-base/version.${name}=${value}`;
  return [set('gitVersion', `v${version[1]}`), set('gitMajor', version[2]), set('gitMinor', version[3])];
}

/** Starts an empty control plane on free loopback ports, its state in a temporary folder that `stop` removes. */
export async function startControlPlane(binary: string): Promise<ControlPlane> {
  const folder = mkdtempSync(join(tmpdir(), 'cdk8s-lakehouse-cluster-'));
  const [etcdPort, etcdPeerPort, apiPort, controllerPort, schedulerPort] = await freePorts(5);
  const token = randomBytes(16).toString('hex');
  const kubeconfig = join(folder, 'kubeconfig');
  const server = `https://127.0.0.1:${apiPort}`;
  // The API server makes itself a certificate here, followed by the authority that signed it.
  const certificates = join(folder, 'certificates');
  const key = writeServiceAccountKeys(folder);
  writeFileSync(join(folder, 'tokens.csv'), `${token},admin,admin,system:masters\n`, { mode: 0o600 });
  writeFileSync(kubeconfig, JSON.stringify(kubeconfigOf(server, token, certificates)), { mode: 0o600 });

  const children: ChildProcess[] = [];
  const start = (component: string, args: readonly string[]) => {
    const logFile = openSync(join(folder, `${component}.log`), 'a');
    children.push(spawn(binary, [component, ...args], { stdio: ['ignore', logFile, logFile], cwd: folder }));
    closeSync(logFile);
  };
  const kubectl = (args: readonly string[], stdin?: string) =>
    run(binary, ['kubectl', ...args], {
      env: { ...process.env, KUBECONFIG: kubeconfig, HOME: folder },
      stdin,
    });
  const agent = new Agent({ keepAlive: true });
  const request: ControlPlane['request'] = (method, path, body) =>
    call(
      { method, agent, ca: readFileSync(join(certificates, 'apiserver.crt')) },
      new URL(path, server),
      token,
      body,
    );
  const credentials: ControlPlane['credentials'] = async (namespace, serviceAccount) => {
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${serviceAccount}/token`;
    const answer = await taken(request('POST', path, { spec: { expirationSeconds: 3600 } }));
    return kubeconfigOf(server, String(at(answer, 'status', 'token')), certificates);
  };
  const answers = async (path: string) =>
    existsSync(join(certificates, 'apiserver.crt')) &&
    (await request('GET', path).catch(() => undefined))?.status === 200;
  const stop = async () => {
    agent.destroy();
    const running = children.reverse().filter(child => child.exitCode === null && child.signalCode === null);
    const ended = running.map(child => new Promise(resolve => child.once('exit', resolve)));
    for (const child of running) child.kill('SIGTERM');
    const timer = setTimeout(() => {
      for (const child of running) child.kill('SIGKILL');
    }, 5_000);
    await Promise.all(ended);
    clearTimeout(timer);
    rmSync(folder, { recursive: true, force: true });
  };

  try {
    start('etcd', [
      `--data-dir=${join(folder, 'etcd')}`,
      '--unsafe-no-fsync',
      `--listen-client-urls=http://127.0.0.1:${etcdPort}`,
      `--advertise-client-urls=http://127.0.0.1:${etcdPort}`,
      `--listen-peer-urls=http://127.0.0.1:${etcdPeerPort}`,
      `--initial-advertise-peer-urls=http://127.0.0.1:${etcdPeerPort}`,
      `--initial-cluster=default=http://127.0.0.1:${etcdPeerPort}`,
    ]);
    start('kube-apiserver', [
      `--etcd-servers=http://127.0.0.1:${etcdPort}`,
      '--bind-address=127.0.0.1',
      `--secure-port=${apiPort}`,
      `--cert-dir=${certificates}`,
      `--token-auth-file=${join(folder, 'tokens.csv')}`,
      '--authorization-mode=RBAC',
      '--allow-privileged=true',
      '--endpoint-reconciler-type=none',
      '--service-cluster-ip-range=10.96.0.0/16',
      '--service-account-issuer=https://kubernetes.default.svc',
      `--service-account-key-file=${key}`,
      `--service-account-signing-key-file=${key}`,
    ]);
    await until('the API server', () => answers('/readyz'), children, folder);
    start('kube-controller-manager', [
      `--kubeconfig=${kubeconfig}`,
      `--secure-port=${controllerPort}`,
      '--bind-address=127.0.0.1',
      '--leader-elect=false',
      `--cert-dir=${certificates}/controllers`,
      `--service-account-private-key-file=${key}`,
      '--use-service-account-credentials=false',
      '--controllers=*,-node-lifecycle-controller,-persistentvolume-attach-detach-controller',
    ]);
    start('kube-scheduler', [
      `--kubeconfig=${kubeconfig}`,
      `--secure-port=${schedulerPort}`,
      '--bind-address=127.0.0.1',
      '--leader-elect=false',
      `--cert-dir=${certificates}/scheduler`,
    ]);
    start('kubelets', [`--kubeconfig=${kubeconfig}`]);
    await until(
      'the default service account',
      () => answers('/api/v1/namespaces/default/serviceaccounts/default'),
      children,
      folder,
    );
  } catch (error) {
    await stop();
    throw error;
  }
  return { server, kubectl, request, credentials, stop };
}

function writeServiceAccountKeys(folder: string): string {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const file = join(folder, 'service-account.key');
  writeFileSync(file, privateKey.export({ type: 'pkcs1', format: 'pem' }), { mode: 0o600 });
  return file;
}

function kubeconfigOf(server: string, token: string, certificates: string): object {
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      { name: 'e2e', cluster: { server, 'certificate-authority': join(certificates, 'apiserver.crt') } },
    ],
    users: [{ name: 'user', user: { token } }],
    contexts: [{ name: 'e2e', context: { cluster: 'e2e', user: 'user' } }],
    'current-context': 'e2e',
  };
}

async function until(
  what: string,
  ready: () => Promise<boolean>,
  children: readonly ChildProcess[],
  folder: string,
): Promise<void> {
  const deadline = Date.now() + READY_TIMEOUT_MS;
  while (!(await ready())) {
    const ended = children.find(child => child.exitCode !== null);
    if (ended !== undefined) {
      const component = ended.spawnargs[1];
      const last = readFileSync(join(folder, `${component}.log`), 'utf8')
        .trim()
        .split('\n')
        .slice(-3)
        .join(' | ');
      throw new Error(`${component} ended with code ${ended.exitCode}; its last lines: ${last}`);
    }
    if (Date.now() > deadline) throw new Error(`${what} was not ready after ${READY_TIMEOUT_MS / 1000} s`);
    await sleep(POLL_MS);
  }
}

/** Waits for a condition on the cluster; the error says what was awaited and what was last seen. */
export async function eventually(
  what: string,
  observe: () => Promise<string | undefined>,
  timeoutMs: number,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  let missing = await observe();
  while (missing !== undefined) {
    if (Date.now() > deadline)
      throw new Error(`${what} did not happen within ${timeoutMs / 1000} s: ${missing}`);
    await sleep(POLL_MS);
    missing = await observe();
  }
}

/** The body of an answer; what the API server refused is an error in its own words. `fine`: a refusal that is none. */
export async function taken(running: Promise<ApiAnswer>, fine?: number): Promise<object> {
  const { status, body } = await running;
  if (status >= 300 && status !== fine)
    throw new Error(`the API server answered ${status}: ${JSON.stringify(at(body, 'message') ?? body)}`);
  return asObject(body);
}

/** What a command printed; a failed one is an error in its own words. */
export async function accepted(running: Promise<CommandResult>): Promise<CommandResult> {
  const result = await running;
  if (result.code !== 0) throw new Error(result.stderr.trim());
  return result;
}

/** Objects as one that kubectl takes. */
export function list(items: readonly object[]): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
}

function call(
  options: { method: string; agent: Agent; ca: Buffer },
  url: URL,
  token: string,
  body: object | undefined,
): Promise<ApiAnswer> {
  const type = options.method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
  const headers = { Authorization: `Bearer ${token}`, 'Content-Type': type };
  return new Promise((resolve, reject) => {
    const request = httpsRequest(url, { ...options, headers }, response => {
      const chunks: Buffer[] = [];
      response.on('data', chunk => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        const isJson = response.headers['content-type']?.startsWith('application/json') === true;
        resolve({ status: response.statusCode ?? 0, body: isJson ? JSON.parse(text) : text });
      });
    });
    request.on('error', reject);
    request.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** Ports that nothing listens on: asked for together, so that no two are the same. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, () => {
      const server = createServer();
      return new Promise<typeof server>(resolve => server.listen(0, '127.0.0.1', () => resolve(server)));
    }),
  );
  const ports = servers.map(server => (server.address() as { port: number }).port);
  await Promise.all(servers.map(server => new Promise(resolve => server.close(resolve))));
  return ports;
}
