import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { readClusterContext } from '../../../lib/checker/eks/cluster-context';
import { describeNodegroup, type NodegroupQuery } from '../../../lib/checker/eks/describe-nodegroup';

/** EKS over HTTP, as its REST protocol is: two resources, errors by x-amzn-errortype, SigV4 looked at for its key. */
const ROOT = resolve(__dirname, '../../..');
const KEY = 'AKIDEXAMPLE';
const CLUSTER = { name: 'prod', arn: 'arn:aws:eks:eu-central-1:111122223333:cluster/prod', version: '1.33' };
const NODEGROUP = {
  nodegroupName: 'workers',
  nodegroupArn: 'arn:aws:eks:eu-central-1:111122223333:nodegroup/prod/workers/0a1b',
  clusterName: 'prod',
  version: '1.32',
  capacityType: 'SPOT',
  scalingConfig: { minSize: 2, maxSize: 6, desiredSize: 4 },
  instanceTypes: ['m6i.xlarge', 'm6i.large'],
  amiType: 'AL2023_x86_64_STANDARD',
  diskSize: 50,
  labels: { tier: 'data' },
  taints: [
    { key: 'dedicated', value: 'lakehouse', effect: 'NO_SCHEDULE' },
    { key: 'spot', effect: 'PREFER_NO_SCHEDULE' },
    { key: 'gone', value: 'x', effect: 'NO_EXECUTE' },
  ],
};

let server: Server;
let folder: string;
let requests: string[];
let nodegroup: object;
let failure: { readonly status: number; readonly type: string; readonly message: string } | undefined;

beforeAll(done => {
  server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    const { status, type, body } = answer(request);
    response.writeHead(status, {
      'content-type': 'application/json',
      ...(type ? { 'x-amzn-errortype': type } : {}),
    });
    response.end(JSON.stringify(body));
  });
  server.listen(0, '127.0.0.1', done);
});
afterAll(() => server.close());

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'context-'));
  requests = [];
  nodegroup = NODEGROUP;
  failure = undefined;
});
afterEach(() => rmSync(folder, { recursive: true }));

function answer(request: IncomingMessage): { status: number; type?: string; body: object } {
  const error = (status: number, type: string, message: string) => ({ status, type, body: { message } });
  if (!request.headers.authorization?.includes(`Credential=${KEY}/`))
    return error(
      403,
      'UnrecognizedClientException',
      'The security token included in the request is invalid.',
    );
  if (failure) return error(failure.status, failure.type, failure.message);
  const [, cluster, group] = /^\/clusters\/([^/]+)(?:\/node-groups\/([^/]+))?$/.exec(request.url ?? '') ?? [];
  if (cluster !== CLUSTER.name)
    return error(404, 'ResourceNotFoundException', `No cluster found for name: ${cluster}.`);
  if (group === undefined) return { status: 200, body: { cluster: CLUSTER } };
  if (group !== NODEGROUP.nodegroupName)
    return error(404, 'ResourceNotFoundException', `No node group found for name: ${group}.`);
  return { status: 200, body: { nodegroup } };
}

const QUERY = { cluster: 'prod', nodegroup: 'workers' };
const NOW = new Date('2026-01-15T00:00:00Z');

function environment(): NodeJS.ProcessEnv {
  return {
    PATH: process.env['PATH'],
    HOME: folder,
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_ENDPOINT_URL_EKS: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    AWS_ACCESS_KEY_ID: KEY,
    AWS_SECRET_ACCESS_KEY: 'an-example',
    AWS_REGION: 'eu-central-1',
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
  };
}

const surroundings = process.env;
beforeEach(() => {
  process.env = environment();
});
afterEach(() => {
  process.env = surroundings;
});

/** The command as a person runs it. */
function command(args: readonly string[], changed: NodeJS.ProcessEnv = {}) {
  const tsx = join(ROOT, 'node_modules/tsx/dist/loader.mjs');
  const script = join(ROOT, 'lib/commands/cdk8s-lakehouse.ts');
  return new Promise<{ code: number; stdout: string; stderr: string }>(done =>
    execFile(
      process.execPath,
      ['--import', tsx, script, 'cluster-context', ...args],
      { cwd: folder, env: { ...environment(), ...changed } },
      (error, stdout, stderr) => done({ code: Number(error?.code ?? 0), stdout, stderr: stderr.trim() }),
    ),
  );
}

async function refusal(query: Partial<NodegroupQuery> = {}): Promise<string> {
  return describeNodegroup({ ...QUERY, ...query }, NOW).then(
    () => 'not refused',
    (error: Error) => error.message,
  );
}

test('the command writes what EKS says, and it can be read', async () => {
  const { code, stdout, stderr } = await command(['--cluster', 'prod', '--nodegroup', 'workers']);

  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toBe('cluster.context.json: 4 × m6i.xlarge or m6i.large, Kubernetes 1.32; commit it\n');
  expect(requests).toEqual(['GET /clusters/prod', 'GET /clusters/prod/node-groups/workers']);
  expect(readClusterContext(join(folder, 'cluster.context.json'))).toMatchObject({ nodegroup: 'workers' });
}, 60_000);

test.each([
  [
    ['--cluster', 'nope', '--nodegroup', 'workers'],
    {},
    /^cluster nope does not exist \(.*\); list them with aws eks list-clusters, or set --region$/,
  ],
  [
    ['--cluster', 'prod', '--nodegroup', 'workers'],
    { AWS_ACCESS_KEY_ID: undefined, AWS_SECRET_ACCESS_KEY: undefined },
    /^no AWS credentials were found \(.*\); log in, e\.g\. with aws sso login, or set AWS_PROFILE$/,
  ],
  [
    ['--cluster', 'prod', '--nodegroup', 'workers'],
    { AWS_ENDPOINT_URL_EKS: 'http://127.0.0.1:9' },
    /^EKS cannot be reached \(connect ECONNREFUSED 127\.0\.0\.1:9\); check --region and the network$/,
  ],
  [
    ['--disk-size-gib', 'big'],
    {},
    /^--cluster is missing; name the EKS cluster\n--nodegroup is missing; name the managed node group\n--disk-size-gib is "big" but must be a whole number of GiB, e\.g\. 20\nusage: /,
  ],
])(
  'the command %j with %j writes nothing, and says why without a stack trace',
  async (args, changed, sentence) => {
    const { code, stderr } = await command(args, changed);

    expect(code).toBe(args.includes('--cluster') ? 1 : 2);
    expect(stderr).toMatch(sentence);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(existsSync(join(folder, 'cluster.context.json'))).toBe(false);
  },
  60_000,
);

test('EKS says it in the spelling of Kubernetes', async () => {
  expect(await describeNodegroup(QUERY, NOW)).toEqual({
    cluster: 'prod',
    nodegroup: 'workers',
    region: 'eu-central-1',
    kubernetesVersion: '1.32',
    instanceTypes: ['m6i.xlarge', 'm6i.large'],
    size: { desired: 4, min: 2, max: 6 },
    amiType: 'AL2023_x86_64_STANDARD',
    diskSizeGiB: 50,
    labels: { tier: 'data' },
    taints: [
      { key: 'dedicated', value: 'lakehouse', effect: 'NoSchedule' },
      { key: 'spot', effect: 'PreferNoSchedule' },
      { key: 'gone', value: 'x', effect: 'NoExecute' },
    ],
    capacityType: 'SPOT',
    source: { arn: NODEGROUP.nodegroupArn, at: '2026-01-15T00:00:00.000Z' },
  });
});

test('what a launch template hides is asked for, all of it at once, and taken from the command line', async () => {
  const { instanceTypes: _, diskSize: __, ...rest } = NODEGROUP;
  nodegroup = {
    ...rest,
    amiType: 'CUSTOM',
    launchTemplate: { id: 'lt-0abc', name: 'data-nodes', version: '3' },
  };

  expect(await refusal()).toBe(
    [
      'node group workers of cluster prod has no instance type because its launch template data-nodes sets it; give it with --instance-type, e.g. --instance-type m6i.large',
      'node group workers of cluster prod has no disk size because its launch template data-nodes sets it; give it with --disk-size-gib, e.g. --disk-size-gib 20',
    ].join('\n'),
  );
  const given = { instanceTypes: ['m6i.large'], diskSizeGiB: 80 };
  expect(await describeNodegroup({ ...QUERY, ...given }, NOW)).toMatchObject(given);
});

test('a launch template that only sets the disk leaves the instance types to EKS', async () => {
  const { diskSize: _, ...rest } = NODEGROUP;
  nodegroup = { ...rest, launchTemplate: { id: 'lt-0abc' } };

  expect(await refusal()).toBe(
    'node group workers of cluster prod has no disk size because its launch template lt-0abc sets it; give it with --disk-size-gib, e.g. --disk-size-gib 20',
  );
});

test('a group that is scaled to zero is refused', async () => {
  nodegroup = { ...NODEGROUP, scalingConfig: { minSize: 0, maxSize: 4, desiredSize: 0 } };

  expect(await refusal()).toBe(
    'node group workers of cluster prod has 0 nodes desired but the system needs some; scale it up, then ask again',
  );
});

test('a group or a cluster that is not there is named with where to look', async () => {
  expect(await refusal({ nodegroup: 'nope' })).toBe(
    'node group nope of cluster prod does not exist (No node group found for name: nope); list them with aws eks list-nodegroups --cluster-name prod',
  );
  expect(await refusal({ cluster: 'nope', region: 'us-east-1' })).toBe(
    'cluster nope does not exist in region us-east-1 (No cluster found for name: nope); list them with aws eks list-clusters, or set --region',
  );
});

test('credentials that AWS does not know are said to be such', async () => {
  process.env['AWS_ACCESS_KEY_ID'] = 'AKIDWRONG';

  expect(await refusal()).toBe(
    'AWS does not accept the credentials (The security token included in the request is invalid); log in again, e.g. with aws sso login, or set AWS_PROFILE',
  );
});

test.each([
  [
    {
      status: 403,
      type: 'AccessDeniedException',
      message: 'User: x is not authorized to perform: eks:DescribeCluster',
    },
    'AWS refuses to describe cluster prod (User: x is not authorized to perform: eks:DescribeCluster); allow eks:DescribeCluster and eks:DescribeNodegroup, or set AWS_PROFILE to one that may',
    1,
  ],
  [
    { status: 429, type: 'ThrottlingException', message: 'Rate exceeded' },
    'EKS throttles the account: 3 tries were refused (Rate exceeded); try again in a minute',
    3,
  ],
  [
    { status: 500, type: 'ServerException', message: 'Internal failure.' },
    'EKS answered ServerException (Internal failure); try again, or look at the AWS health dashboard',
    3,
  ],
])(
  '%j is one sentence',
  async (answered, sentence, tries) => {
    failure = answered;

    expect(await refusal()).toBe(sentence);
    expect(requests).toHaveLength(tries);
  },
  60_000,
);

test('without a region it says which to give', async () => {
  delete process.env['AWS_REGION'];

  expect(await refusal()).toBe('no region is set; add --region, e.g. --region eu-central-1');
});
