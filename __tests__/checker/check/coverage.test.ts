import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Log } from 'sarif';
import { ONLY_RESOLVED, READ_KINDS } from '../../../lib/checker/check/read-kinds';
import { DEPLOYMENT, HOME, Project } from './run-check';

let project: Project;
beforeEach(() => {
  project = new Project();
});
afterEach(() => project.remove());

const GOOD = DEPLOYMENT('nginx:1.29.3');
const SLICE = `apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: web, namespace: n }
`;
const CONFIG_MAP = (key: string, text: string) =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: code, namespace: n }\ndata:\n  ${key}: |\n    ${text.replaceAll('\n', '\n    ')}\n`;
/** A pod that starts a file of that ConfigMap. */
const RUNNER = (...command: string[]) => `---
apiVersion: v1
kind: Pod
metadata: { name: runner, namespace: n }
spec:
  volumes: [{ name: code, configMap: { name: code } }]
  containers:
    - name: runner
      image: python:3.12.1
      command: ${JSON.stringify(command)}
      volumeMounts: [{ name: code, mountPath: /code }]
      resources: { requests: { cpu: 1m, memory: 1Mi }, limits: { cpu: 1m, memory: 1Mi } }
`;

/** What was not looked at, as `count what: why`. */
const notLookedAt = () =>
  (project.json().coverage.notLookedAt as { what: string; why: string; count: number }[]).map(
    ({ what, why, count }) => `${count} ${what}: ${why}`,
  );

test('clean is said where everything was looked at', () => {
  project.put('web.yaml', GOOD);
  expect(project.check().stdout).toContain('✔ clean (1 file, 1 object');
  expect(notLookedAt()).toEqual([]);
});

test.each([
  ['a kind that no rule knows', 'slice.yaml', SLICE, '1 EndpointSlice'],
  ['a Helm template', 'chart.yaml', 'kind: {{ .Values.kind }}\n', '1 file'],
  ['a template by its name', 'pod.yaml.j2', 'kind: Pod\n', '1 file'],
  ['a file that holds no object', 'values.yaml', 'replicas: 3\n', '1 file'],
  ['a shell script beside the manifests', 'setup.sh', 'mc mb data\n', '1 .sh file'],
  ['a notebook', 'job.ipynb', '{}', '1 .ipynb file'],
])('%s is said in the same breath, and nothing is clean', (_, file, text, short) => {
  project.put('web.yaml', GOOD);
  project.put(file, text);
  const { code, stdout } = project.check();
  expect(code).toBe(0);
  expect(stdout).not.toContain('clean');
  expect(stdout).toMatch(new RegExp(`✔ no faults in what was looked at.*; not looked at: ${short} \\(`));
  expect(stdout).toContain('\nnot looked at  1 ');
  expect(stdout).toContain(file === 'slice.yaml' ? 'slice.yaml' : file);
});

test('a run over kinds that no rule knows says that it saw none that one knows', () => {
  project.put('slice.yaml', SLICE);
  expect(project.check().stdout).toContain('looked at      1 file; no object of a kind that rules know\n');
});

test('a file that is no program and no manifest is not missed', () => {
  project.put('web.yaml', GOOD);
  project.put('readme.md', '# text\n');
  expect(project.check().stdout).toContain('✔ clean');
});

test('a run that leaves rules or warnings out is not clean', () => {
  project.put('web.yaml', GOOD);
  expect(project.check(['--rule', 'illegal-name']).stdout).toMatch(/✔ no faults .* not looked at: \d+ rules/);
  expect(project.check(['--level', 'error']).stdout).toMatch(/✔ no faults .* not looked at: warnings/);
});

describe('objects', () => {
  it('are counted by kind, the most frequent first, and one group is told from another', () => {
    project.put('a.yaml', `${GOOD}---\n${DEPLOYMENT('nginx:1.29.3', 'api')}---\n${SLICE}`);
    project.put('b.yaml', 'apiVersion: serving.knative.dev/v1\nkind: Deployment\nmetadata: { name: x }\n');
    expect(project.json().coverage.objects).toEqual([
      { kind: 'Deployment', count: 2, isRead: true },
      { kind: 'Deployment (serving.knative.dev)', count: 1, isRead: false },
      { kind: 'EndpointSlice', count: 1, isRead: false },
    ]);
    expect(project.check().stdout).toMatch(
      /1 EndpointSlice: no rule knows this kind; only names, fields and their types are looked at.*\n.*1 Deployment \(serving.knative.dev\): no rule knows this kind; only names are looked at/,
    );
  });

  it('are read or only resolved in every kind that the sources of the rules name', () => {
    const folders = ['rules', 'facts', 'manifest'].map(folder => join(HOME, 'lib', 'checker', folder));
    const named = folders.flatMap(folder =>
      readdirSync(folder)
        .filter(file => file.endsWith('.ts'))
        .flatMap(file => {
          const text = readFileSync(join(folder, file), 'utf8');
          const calls = [...text.matchAll(/\bofKind\(([^)]*)\)/g)].flatMap(([, list = '']) =>
            [...list.matchAll(/'([A-Z]\w+)'/g)].map(([, kind = '']) => kind),
          );
          const compared = [...text.matchAll(/\bkind [!=]== '([A-Z]\w+)'/g)].map(([, kind = '']) => kind);
          return [...calls, ...compared];
        }),
    );
    expect(named.length).toBeGreaterThan(20);
    expect([...new Set(named)].filter(kind => !READ_KINDS.has(kind) && !ONLY_RESOLVED.has(kind))).toEqual([]);
  });
});

describe('programs', () => {
  const programs = () => project.json().coverage.programs;

  it.each([
    ['Python that a pod runs', 'job.py', 'print(1)', ['python3', '/code/job.py'], 'wholly'],
    ['Python that nothing runs', 'job.py', 'print(1)', ['sleep', '1'], 'partly'],
    [
      'Python with names that nobody knows',
      'job.py',
      'from a import *',
      ['python3', '/code/job.py'],
      'partly',
    ],
    ['Python that is none', 'job.py', 'def f(:', ['python3', '/code/job.py'], 'notAtAll'],
    ['a list of commands', 'run.sh', 'mc mb data\nmc ls', ['sh', '/code/run.sh'], 'wholly'],
    ['a shell loop', 'run.sh', 'for b in x; do mc mb "$b"; done', ['sh', '/code/run.sh'], 'partly'],
    ['the output of a command', 'run.sh', 'mc mb "$(cat /name)"', ['sh', '/code/run.sh'], 'partly'],
    ['a script that nothing starts', 'run.sh', 'mc mb data', ['sleep', '1'], 'notAtAll'],
    ['DDL', 'a.sql', 'CREATE TABLE a (b Int8) ENGINE = Memory;', ['sleep', '1'], 'wholly'],
    ['DDL with a query', 'a.sql', 'DROP TABLE a;\nSELECT 1;', ['sleep', '1'], 'partly'],
    ['queries alone', 'a.sql', 'SELECT 1;', ['sleep', '1'], 'notAtAll'],
  ])('%s in a ConfigMap', (_, key, text, command, understood) => {
    project.put('a.yaml', `${CONFIG_MAP(key, text)}${RUNNER(...command)}`);
    const language = key.endsWith('.py') ? 'Python' : key.endsWith('.sh') ? 'shell' : 'SQL';
    expect(programs()).toEqual([{ language, wholly: 0, partly: 0, notAtAll: 0, [understood]: 1 }]);
    const isTold = notLookedAt().some(line => line.startsWith(`1 ${language} program understood `));
    expect(isTold).toBe(understood !== 'wholly');
  });

  it('counts a script on a command line', () => {
    project.put('a.yaml', `${CONFIG_MAP('a.txt', 'x')}${RUNNER('sh', '-c', 'mc mb data')}`);
    expect(programs()).toEqual([{ language: 'shell', wholly: 1, partly: 0, notAtAll: 0 }]);
  });

  it('counts a program once that two environments run', () => {
    for (const name of ['dev', 'prod']) project.put(`${name}/ns.yaml`, GOOD);
    project.put('base/a.yaml', `${CONFIG_MAP('job.py', 'print(1)')}${RUNNER('python3', '/code/job.py')}`);
    expect(programs()).toEqual([{ language: 'Python', wholly: 1, partly: 0, notAtAll: 0 }]);
  });
});

test('each format ends with what was looked at and what was not', () => {
  project.put('a.yaml', `${GOOD}---\n${SLICE}`);
  const seen = '1 file; 1 object (1 Deployment)';
  const missed =
    '1 EndpointSlice: no rule knows this kind; only names, fields and their types are looked at (a.yaml)';
  const sentence = 'no faults in what was looked at; not looked at: 1 EndpointSlice';
  expect(project.check().stdout).toContain(`looked at      ${seen}\nnot looked at  ${missed}\n✔ ${sentence}`);
  expect(project.check(['--format', 'github']).stdout).toBe(
    `looked at: ${seen}\nnot looked at: ${missed}\n${sentence}\n`,
  );
  expect(project.json().verdict).toEqual({ code: 0, sentence });
  const log: Log = JSON.parse(project.check(['--format', 'sarif']).stdout);
  expect(log.runs[0]?.invocations?.[0]).toEqual({
    executionSuccessful: true,
    exitCode: 0,
    exitCodeDescription: sentence,
    toolExecutionNotifications: [
      { level: 'note', message: { text: `looked at: ${seen}` } },
      { level: 'note', message: { text: `not looked at: ${missed}` } },
    ],
  });
});

test('the annotations of a workflow name file, line and rule, and keep to one line', () => {
  project.put('a.yaml', DEPLOYMENT('nginx'));
  const { code, stdout } = project.check(['--format', 'github']);
  expect(code).toBe(1);
  expect(stdout).toContain(
    '::error file=a.yaml,line=13,col=11,title=mutable-image-tag::Deployment/n/web: image "nginx" of container web has no tag',
  );
  expect(stdout.split('\n').filter(line => line.startsWith('::'))).toHaveLength(1);
});
