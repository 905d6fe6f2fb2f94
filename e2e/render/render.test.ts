import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { programFolder } from './build';

const ROOT = join(__dirname, '..', '..');
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'render-'));
  mkdirSync(join(folder, '.git'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function put(files: Readonly<Record<string, string>>): void {
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  }
}

/** The command as people run it, with these programs in the PATH and no others. */
function check(programs: readonly ('helm' | 'kustomize')[], ...args: readonly string[]) {
  const path = [folder, ...programs.map(programFolder)].join(delimiter);
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(ROOT, 'scripts', 'check.js'), ...args],
    { cwd: folder, env: { ...process.env, PATH: path }, encoding: 'utf8' },
  );
  return { status, stdout, stderr };
}

const DEPLOYMENT = (name: string, image: string) => `apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name} }
spec:
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      containers:
        - name: web
          image: ${image}
          resources: { requests: { cpu: 1m, memory: 1Mi }, limits: { cpu: 1m, memory: 1Mi } }
`;
const CHART = {
  'chart/Chart.yaml': 'apiVersion: v2\nname: web\nversion: 0.1.0\n',
  'chart/values.yaml': 'image: nginx\n',
  'chart/templates/_names.tpl': '{{- define "web.name" -}}web{{- end -}}\n',
  'chart/templates/web.yaml': DEPLOYMENT(
    '{{ include "web.name" . }}',
    '{{ required "an image is needed" .Values.image }}',
  ),
  'chart/templates/tests/test.yaml':
    'apiVersion: v1\nkind: Pod\nmetadata: { name: probe, annotations: { helm.sh/hook: test } }\nspec: { containers: [{ name: a, image: busybox }] }\n',
};
const OVERLAYS = {
  'base/kustomization.yaml': 'resources: [web.yaml]\n',
  'base/web.yaml': DEPLOYMENT('web', 'nginx'),
  'overlays/dev/kustomization.yaml': 'resources: [../../base]\nimages: [{ name: nginx, newTag: 1.29.3 }]\n',
  'overlays/prod/kustomization.yaml': 'resources: [../../base]\nnamePrefix: prod-\n',
};

describe('a chart', () => {
  it('is nothing that is checked as it lies there, and a note says how to render it', () => {
    put(CHART);
    const { status, stdout } = check(['helm'], '.');
    expect(status).toBe(3);
    expect(stdout).toContain(
      'fix render it with --render helm, or check what it renders: helm template chart | cdk8s-lakehouse check -',
    );
  });

  it('is rendered by helm, whose version is said, and findings name the template', () => {
    put({ ...CHART, 'other.yaml': DEPLOYMENT('other', 'nginx:1.29.3') });
    const { status, stdout, stderr } = check(['helm'], '.', '--render', 'helm');
    expect(stderr).toMatch(/^note: rendered 1 chart with helm v3\.19/m);
    expect(stdout).toContain('at  chart/templates/web.yaml (helm template):13, Deployment/default/web');
    expect(stdout).toContain('looked at      2 files; 2 objects (2 Deployment)');
    expect(status).toBe(1);
  });

  it('takes values', () => {
    put({ ...CHART, 'values/prod.yaml': 'image: nginx:1.29.3\n' });
    const { status, stdout } = check(['helm'], 'chart', '--render', 'helm', '--values', 'values/prod.yaml');
    expect(stdout).toContain('✔ clean');
    expect(status).toBe(0);
  });

  it.each<[string, Record<string, string>, RegExp]>([
    [
      'whose values lack something',
      { 'chart/values.yaml': 'image: ""\n' },
      /helm template cannot render the folder: execution error at \(web\/templates\/web\.yaml:\d+:\d+\): an image is needed \(unparseable-manifest\)\n.*\n.*fix mend the chart, or give the values that it asks for with --values FILE/,
    ],
    [
      'without the charts that it depends on',
      {
        'chart/Chart.yaml': `${CHART['chart/Chart.yaml']}dependencies: [{ name: redis, version: 1.0.0, repository: "https://charts.example.com" }]\n`,
      },
      /cannot render the folder: charts that it depends on are not in charts\/: redis .*\n.*\n.*fix fetch what it depends on with helm dependency build chart/,
    ],
  ])('%s is an error in one sentence, and the rest is checked', (_, files, sentence) => {
    put({ ...CHART, ...files, 'other.yaml': DEPLOYMENT('other', 'nginx') });
    const { status, stdout } = check(['helm'], '.', '--render', 'helm');
    expect(status).toBe(2);
    expect(stdout).toMatch(sentence);
    expect(stdout).toContain('Deployment/default/other');
  });

  it('is not mended in its output', () => {
    put({
      ...CHART,
      'chart/templates/web.yaml':
        'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\ndata: { port: 8080 }\n',
    });
    const { stderr } = check(['helm'], 'chart', '--render', 'helm', '--fix');
    expect(stderr).toContain('is the output of a program; mend what it is rendered from');
  });
});

describe('kustomizations', () => {
  it('are built from those that no other one takes in, each in its environment', () => {
    put(OVERLAYS);
    const { status, stdout, stderr } = check(['kustomize'], '.', '--render', 'kustomize');
    expect(stderr).toMatch(/^note: rendered 2 kustomizations with kustomize v5\.7/m);
    expect(stdout).toContain('at  overlays/prod/kustomization.yaml (kustomize build):');
    expect(stdout).toContain('Deployment/default/prod-web');
    expect(stdout).toContain('✖ 1 error in 1 file (2 files, 2 objects');
    expect(status).toBe(1);
  });

  it('that cannot be built are an error in one sentence', () => {
    put({ ...OVERLAYS, 'overlays/dev/kustomization.yaml': 'resources: [../../nowhere]\n' });
    const { status, stdout } = check(['kustomize'], '.', '--render', 'kustomize');
    expect(status).toBe(2);
    expect(stdout).toMatch(/error kustomize build cannot render the folder: [^\n]+ \(unparseable-manifest\)/);
    expect(stdout).toContain('Deployment/default/prod-web');
  });
});

it.each(['helm', 'kustomize'] as const)('%s that is not installed is one sentence', renderer => {
  put({ ...CHART, ...OVERLAYS });
  expect(check([], '.', '--render', renderer)).toMatchObject({
    status: 2,
    stdout: '',
    stderr: expect.stringMatching(
      /^check: --render \w+: .* not installed, or not in the PATH; install \w+, .*\n$/,
    ),
  });
});
