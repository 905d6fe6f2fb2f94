import type { Log } from 'sarif';
import { identified } from '../../../lib/checker/check/identity';
import { DEPLOYMENT, Project } from './run-check';

let project: Project;
let file: string;
beforeEach(() => {
  project = new Project();
  file = project.path('baseline.json');
});
afterEach(() => project.remove());

const write = (...args: string[]) => project.check(['--baseline', file, '--write-baseline', ...args]);
const since = (...args: string[]) => project.check(['--baseline', file, ...args]);

test('what a baseline knows fails no run, and what is new does', () => {
  project.put('web.yaml', DEPLOYMENT('nginx'));
  expect(project.check().code).toBe(1);
  expect(write()).toMatchObject({ code: 0, stderr: expect.stringContaining('1 findings and notes are in') });
  expect(since()).toMatchObject({ code: 0 });
  expect(since().stdout).toContain('✔ no faults beyond the baseline');
  expect(since().stdout).not.toContain('clean');

  project.put('api.yaml', DEPLOYMENT('nginx', 'api'));
  const { code, stdout } = since();
  expect(code).toBe(1);
  expect(stdout).toContain('✖ 1 error more than the baseline knows in 1 file, 1 known from the baseline');
  expect(stdout).toContain('Deployment/n/api');
  expect(stdout).not.toContain('Deployment/n/web');
});

test('a finding is known when its lines or its file move, and not when it says something else', () => {
  project.put('web.yaml', DEPLOYMENT('nginx'));
  write();
  project.put('web.yaml', `# a comment\n\n${DEPLOYMENT('nginx')}`);
  expect(since().code).toBe(0);
  project.put('web.yaml', '# empty\n');
  project.put('deployments/web.yaml', DEPLOYMENT('nginx'));
  expect(since().code).toBe(0);
  project.put('deployments/web.yaml', DEPLOYMENT('httpd'));
  expect(since().code).toBe(1);
});

test('the second of two equal findings is new when the baseline knows one', () => {
  const two = DEPLOYMENT('nginx').replace(
    /( {8}- name: web[\s\S]*)/,
    (container: string) => `${container}${container}`,
  );
  project.put('web.yaml', DEPLOYMENT('nginx'));
  write('--rule', 'mutable-image-tag');
  project.put('web.yaml', two);
  const { violations, baseline } = JSON.parse(
    since('--format', 'json', '--rule', 'mutable-image-tag').stdout,
  );
  expect(violations).toHaveLength(1);
  expect(baseline.known).toBe(1);
});

test('what is gone from it is said, and writing it again takes it out', () => {
  project.put('web.yaml', `${DEPLOYMENT('nginx')}---\n${DEPLOYMENT('nginx', 'api')}`);
  write();
  project.put('web.yaml', DEPLOYMENT('nginx'));
  expect(since().stdout).toMatch(/\ngone {10} mutable-image-tag: Deployment\/n\/api: image "nginx"/);
  expect(since().stdout).toContain('1 known from the baseline and 1 gone from it');
  expect(JSON.parse(since('--format', 'json').stdout).baseline).toMatchObject({
    known: 1,
    gone: [
      { rule: 'mutable-image-tag', object: 'Deployment/n/api', file: expect.stringContaining('web.yaml') },
    ],
  });
  expect(JSON.parse(since('--format', 'json', '--rule', 'illegal-name').stdout).baseline.gone).toEqual([]);
  write();
  expect(since().stdout).not.toContain('gone');
});

test('notes are in it, for those who are strict', () => {
  project.put('web.yaml', DEPLOYMENT('nginx:1.29.3'));
  project.put('pod.yaml.j2', 'kind: Pod\n');
  expect(project.check(['--strict']).code).toBe(1);
  write('--strict');
  expect(since('--strict').code).toBe(0);
  project.put('other.yaml.j2', 'kind: Pod\n');
  expect(since('--strict').code).toBe(1);
});

test('the same findings make the same file', () => {
  project.put('web.yaml', `${DEPLOYMENT('nginx')}---\n${DEPLOYMENT('nginx', 'api')}`);
  write();
  const first = project.read('baseline.json');
  write();
  expect(project.read('baseline.json')).toBe(first);
  expect(JSON.parse(first).findings).toHaveLength(2);
});

test('a document that cannot be read is known to no baseline', () => {
  project.put('web.yaml', 'a: "x\n');
  expect(write().code).toBe(2);
  expect(since().code).toBe(2);
});

test('the project file may name it, and a flag another one', () => {
  project.put('web.yaml', DEPLOYMENT('nginx'));
  write();
  project.put('.lakehouse-check.yaml', 'baseline: baseline.json\n');
  expect(project.check().code).toBe(0);
  project.put('empty.json', '{"version":1,"findings":[]}');
  expect(project.check(['--baseline', project.path('empty.json')]).code).toBe(1);
});

test.each([
  [
    undefined,
    /baseline \S+ cannot be read: there is no such file or folder; write it with --baseline \S+ --write-baseline/,
  ],
  ['x', /baseline \S+ is no JSON; write it again with --write-baseline/],
  ['{"version":2,"findings":[]}', /has no version 1 with a list of findings/],
  ['{"version":1,"findings":[{"id":"a"}]}', /has a finding without id, rule, object, file or message/],
])('a baseline that holds %j is refused with a sentence', (text, sentence) => {
  project.put('web.yaml', DEPLOYMENT('nginx'));
  if (text !== undefined) project.put('baseline.json', text);
  const { code, stdout, stderr } = since();
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(sentence);
  expect(stderr.trim().split('\n')).toHaveLength(1);
});

test('there is no writing without a name', () => {
  expect(project.check(['--write-baseline'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('--write-baseline has no file; name it with --baseline FILE'),
  });
});

test('an identity leaves out the numbers of lines, and nothing else', () => {
  const id = (message: string, object = 'Pod/n/a') =>
    identified([{ rule: 'r', object, file: 'f.yaml', message }])[0]?.id;
  expect(id('it is declared at k8s/a.yaml:7')).toBe(id('it is declared at k8s/a.yaml:19'));
  expect(id('first on line 7')).toBe(id('first on line 19'));
  expect(id('kafka.svc:9092 is asked')).not.toBe(id('kafka.svc:9093 is asked'));
  expect(id('a')).not.toBe(id('a', 'Pod/n/b'));
});

test('it is what SARIF calls a result, which stays as lines move', () => {
  const prints = () =>
    (JSON.parse(project.check(['--format', 'sarif']).stdout) as Log).runs[0]?.results?.map(
      ({ partialFingerprints }) => partialFingerprints?.['check/v2'],
    );
  project.put('web.yaml', DEPLOYMENT('nginx'));
  write();
  expect(prints()).toEqual(
    JSON.parse(project.read('baseline.json')).findings.map(({ id }: { id: string }) => id),
  );
});
