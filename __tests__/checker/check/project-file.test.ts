import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Ajv from 'ajv';
import { parse } from 'yaml';
import { projectFileSchema, readProjectFile } from '../../../lib/checker/check/project-file';
import { DEPLOYMENT, HOME, Project } from './run-check';

const FILE = '.lakehouse-check.yaml';
const COMPLETE = `
nodes:
  - name: workers
    type: m6i.large
    count: 3
    zones: [a, b]
    labels: { disk: ssd }
    taints: [{ key: dedicated, value: spark, effect: NoSchedule }]
    rootVolumeGiB: 80
external: [Secret/storage/minio-credentials, Bucket/raw-data, KafkaTopic/kafka/*]
environments:
  prod: overlays/prod
  dev: [overlays/dev, clusters/dev]
  stage: { folders: overlays/stage, nodes: 2xm6i.large }
rules:
  mutable-image-tag: warning
  ephemeral-data: { level: off, reason: "a demo, nothing is kept" }
ignore:
  - { rule: container-without-limits, object: "Deployment/*/web", reason: measured by hand }
  - { rule: not-understood, file: "legacy/*", reason: retired in March }
strict: true
baseline: check-baseline.json
`;

const validate = new Ajv({ strict: false }).compile(projectFileSchema());
const faultsOf = (text: string) => {
  const read = readProjectFile(FILE, text);
  return 'faults' in read ? read.faults : [];
};

describe('a project file', () => {
  it('is read whole', () => {
    const read = readProjectFile('/repo/.lakehouse-check.yaml', COMPLETE);
    if (!('project' in read)) throw new Error(read.faults.join('\n'));
    const { project } = read;
    expect(project.nodes?.list.map(({ name, zone }) => `${name} ${zone}`)).toEqual([
      'workers-1 a',
      'workers-2 b',
      'workers-3 a',
    ]);
    expect(project.nodes?.list[0]).toMatchObject({
      labels: expect.objectContaining({ disk: 'ssd' }),
      taints: [{ key: 'dedicated', value: 'spark', effect: 'NoSchedule' }],
    });
    expect(project.external).toHaveLength(3);
    expect(project.environments).toMatchObject([
      { name: 'prod', folders: ['/repo/overlays/prod'] },
      { name: 'dev', folders: ['/repo/overlays/dev', '/repo/clusters/dev'] },
      { name: 'stage', folders: ['/repo/overlays/stage'] },
    ]);
    expect(project.environments[2]?.nodes?.list).toHaveLength(2);
    expect(Object.fromEntries(project.levels)).toEqual({
      'mutable-image-tag': { level: 'warning' },
      'ephemeral-data': { level: 'off', reason: 'a demo, nothing is kept' },
    });
    expect(project).toMatchObject({ isStrict: true, baseline: '/repo/check-baseline.json' });
    expect(validate(parse(COMPLETE))).toBe(true);
  });

  it('is as docs/check.md shows it', () => {
    const page = readFileSync(join(HOME, 'docs', 'check.md'), 'utf8');
    const [, example = ''] = /```yaml\n(# yaml-language-server[\s\S]*?)```/.exec(page) ?? [];
    expect(example.match(/^\w+:/gm)).toHaveLength(7);
    expect(faultsOf(example)).toEqual([]);
    expect(validate(parse(example))).toBe(true);
  });

  it('may say a thing once with an anchor', () => {
    const text = 'nodes: &nodes 2xm6i.large\nenvironments:\n  prod: { folders: a, nodes: *nodes }\n';
    expect(faultsOf(text)).toEqual([]);
    expect(faultsOf(text.replace('m6i.large', 'm6i.lagre'))).toHaveLength(2);
  });

  it.each(['', '# nothing yet\n', '{}'])('may be empty: %j', text => expect(faultsOf(text)).toEqual([]));

  it.each<[string, string, string]>([
    ['an unknown key', 'node: []', '1: the file has no key "node"; did you mean nodes?'],
    ['a list', '[]', '1: the file is a list but has to be a mapping of nodes, external,'],
    [
      'nodes of no type',
      'nodes: 4xq9.tiny',
      '1: nodes: instance type "q9.tiny" is not in the table; known are',
    ],
    [
      'a misspelt type',
      'nodes: [{ type: m6i.lagre, count: 4 }]',
      '1: nodes: type is "m6i.lagre"; did you mean m6i.large?',
    ],
    [
      'no count',
      'nodes: [{ type: m6i.large }]',
      '1: nodes: a group has no count; write { type: m6i.large, count: 4 }',
    ],
    [
      'half a node',
      'nodes: [{ type: m6i.large, count: 1.5 }]',
      '1: nodes: count is "1.5" but has to be a whole number from 1 to 1000',
    ],
    ['no group', 'nodes: []', '1: nodes is an empty list; name a group, or delete the key'],
    [
      'a misspelt effect',
      'nodes: [{ type: m6i.large, count: 1, taints: [{ key: a, effect: NoSchedul }] }]',
      '1: nodes: effect of a taint is "NoSchedul"; did you mean NoSchedule?',
    ],
    [
      'an external without kind',
      'external: [minio]',
      '1: external "minio" is no Kind/namespace/name; write e.g. Secret/storage/minio-credentials',
    ],
    [
      'the plural of a kind',
      'external: [Secrets/storage/minio]',
      '1: external "Secrets/storage/minio" names no kind of Kubernetes; did you mean Secret?',
    ],
    [
      'externals that are a mapping',
      'external: { Secret: a }',
      '1: external is a mapping but has to be a list',
    ],
    [
      'an environment without folder',
      'environments:\n  prod: []',
      '2: environment prod names no folder; write prod: overlays/prod',
    ],
    [
      'an unknown key of one',
      'environments:\n  prod: { folder: a }',
      '2: environment prod has no key "folder"; did you mean folders?',
    ],
    [
      'an unknown rule',
      'rules:\n  mutable-image-tags: warning',
      '2: "mutable-image-tags" is no rule; did you mean mutable-image-tag?',
    ],
    [
      'an unknown level',
      'rules:\n  mutable-image-tag: warn',
      '2: rules: mutable-image-tag: level is "warn"; did you mean warning?',
    ],
    [
      'off without a reason',
      'rules:\n  mutable-image-tag: off',
      '2: rules: mutable-image-tag is off without a reason; write { level: off, reason: "why" }',
    ],
    [
      'off with an empty reason',
      'rules:\n  mutable-image-tag: { level: off, reason: " " }',
      '2: rules: mutable-image-tag: reason is " " but has to be a text',
    ],
    [
      'off for what cannot be read',
      'rules:\n  unparseable-manifest: { level: off, reason: a }',
      '2: rules: unparseable-manifest cannot be set to off: a document that cannot be read is never passed over',
    ],
    [
      'an ignore without reason',
      'ignore:\n  - { rule: mutable-image-tag, object: "*" }',
      '2: ignore has no reason; say why nobody has to mend it',
    ],
    [
      'an ignore of no object',
      'ignore:\n  - { rule: mutable-image-tag, reason: a }',
      '2: ignore has neither object nor file; write object: Kind/namespace/name',
    ],
    [
      'an ignore of a name',
      'ignore:\n  - { rule: mutable-image-tag, object: web, reason: a }',
      '2: ignore: object "web" is no Kind/namespace/name; write e.g. Deployment/default/web',
    ],
    [
      'an ignore of no rule',
      'ignore:\n  - { object: "*", reason: a }',
      '2: ignore has no rule; name the one whose findings are left out',
    ],
    ['strict that is no boolean', 'strict: yes', '1: strict is "yes"; choose true or false'],
    ['two equal keys', 'strict: true\nstrict: true', '2: it is no YAML: Map keys must be unique'],
    ['no YAML', 'a: "x', '1: it is no YAML: Missing closing "quote'],
  ])('is refused for %s, in a sentence with its line', (_, text, sentence) => {
    expect(faultsOf(text)).toEqual([expect.stringContaining(`${FILE}:${sentence}`)]);
    if (!sentence.includes('no YAML')) expect(validate(parse(text))).toBe(sentence.includes('Secrets/'));
  });

  it('is told everything at once, in the order of its lines', () => {
    const text = 'nodes: 4\nrules:\n  a: off\nexternal: [x]\nignore:\n  - {}\n';
    expect(faultsOf(text).map(fault => Number(fault.split(':')[1]))).toEqual([1, 3, 4, 6, 6, 6]);
  });
});

describe('a run', () => {
  let project: Project;
  beforeEach(() => {
    project = new Project();
  });
  afterEach(() => project.remove());

  const rulesFound = (args: readonly string[] = []) =>
    project
      .json(args)
      .violations.map(({ rule, level }: { rule: string; level: string }) => `${level} ${rule}`);

  it('takes the nearest file from the path upwards, within the repository', () => {
    project.put('k8s/web.yaml', DEPLOYMENT('nginx'));
    project.put(FILE, 'rules: { mutable-image-tag: warning }\n');
    expect(project.check().stderr).toContain(`settings of ${FILE}`);
    expect(rulesFound()).toEqual(['warning mutable-image-tag']);
    expect(rulesFound(['--no-config'])).toEqual(['error mutable-image-tag']);
    project.put(`k8s/${FILE}`, '{}');
    expect(rulesFound()).toEqual(['warning mutable-image-tag']);
    expect(rulesFound(['--config', project.path(`k8s/${FILE}`)])).toEqual(['error mutable-image-tag']);
  });

  it('stops at a fault in it, says all of them, and checks nothing', () => {
    project.put('web.yaml', DEPLOYMENT('nginx'));
    project.put(FILE, 'rule: {}\nstrict: 1\n');
    expect(project.check()).toMatchObject({
      code: 2,
      stdout: '',
      stderr: `check: ${FILE}:1: the file has no key "rule"; did you mean rules?\ncheck: ${FILE}:2: strict is "1"; choose true or false\n`,
    });
    expect(project.check(['--config', 'nowhere.yaml']).stderr).toBe(
      'check: nowhere.yaml cannot be read: there is no such file or folder; name an existing file with --config\n',
    );
    project.put(`k8s/${FILE}/a.txt`, '');
    project.put('k8s/web.yaml', DEPLOYMENT('nginx'));
    expect(project.check(['--config', project.path(`k8s/${FILE}`)])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('cannot be read: it is a folder'),
    });
  });

  it('leaves a rule out that is off, says so with the reason, and asks it where a flag does', () => {
    project.put('web.yaml', DEPLOYMENT('nginx'));
    project.put(FILE, 'rules: { mutable-image-tag: { level: off, reason: the mirror pins them } }\n');
    const { code, stdout } = project.check();
    expect(code).toBe(0);
    expect(stdout).toContain('rule mutable-image-tag: turned off: the mirror pins them');
    expect(stdout).not.toContain('clean');
    expect(rulesFound(['--rule', 'mutable-image-tag'])).toEqual(['error mutable-image-tag']);
  });

  it('ignores what it names, counts that, and notes an ignore that matches nothing', () => {
    project.put('web.yaml', `${DEPLOYMENT('nginx')}---\n${DEPLOYMENT('nginx', 'api')}`);
    const ignore = (object: string) =>
      `ignore:\n  - { rule: mutable-image-tag, object: ${object}, reason: the mirror pins them }\n`;
    project.put(FILE, ignore('Deployment/n/web'));
    expect(project.json()).toMatchObject({
      violations: [{ object: 'Deployment/n/api' }],
      notes: [],
      ignored: 1,
    });
    project.put(FILE, ignore('"Deployment/*/*"'));
    expect(project.json()).toMatchObject({ violations: [], notes: [], ignored: 2 });
    project.put(FILE, ignore('Deployment/web'));
    expect(project.json()).toMatchObject({ violations: [{ object: 'Deployment/n/api' }], ignored: 1 });
    project.put(FILE, ignore('Deployment/m/web'));
    expect(project.json()).toMatchObject({
      violations: [{ object: 'Deployment/n/web' }, { object: 'Deployment/n/api' }],
      notes: [
        {
          file: expect.stringMatching(/\.lakehouse-check\.yaml$/),
          line: 2,
          what: 'the ignore of mutable-image-tag on Deployment/m/web matches no finding',
        },
      ],
    });
    expect(project.json(['--rule', 'illegal-name']).notes).toEqual([]);
  });

  it('ignores by file, and the notes of a file too', () => {
    project.put('old/web.yaml', DEPLOYMENT('nginx'));
    project.put('new/web.yaml', DEPLOYMENT('nginx', 'api'));
    project.put('old/pod.yaml.j2', 'kind: Pod\n');
    project.put(
      FILE,
      'ignore:\n  - { rule: mutable-image-tag, file: "old/*", reason: retired }\n  - { rule: not-understood, file: "old/*", reason: retired }\n',
    );
    expect(project.json()).toMatchObject({
      violations: [{ object: 'Deployment/n/api' }],
      notes: [],
      ignored: 2,
      coverage: { notLookedAt: [{ why: 'it is a template, by its name' }] },
    });
  });

  it('takes what exists elsewhere, and more by the flag', () => {
    const secret = (name: string) => `      envFrom: [{ secretRef: { name: ${name} } }]\n`;
    const pod = (name: string) =>
      DEPLOYMENT('nginx:1.29.3').replace(/ {10}resources/, `    ${secret(name)}          resources`);
    project.put('web.yaml', `${pod('a')}---\n${pod('b').replaceAll('web', 'api')}`);
    const missing = (args: readonly string[] = []) =>
      rulesFound(args).filter((rule: string) => rule.endsWith('missing-reference'));
    expect(missing()).toHaveLength(2);
    project.put(FILE, 'external: [Secret/n/a]\n');
    expect(missing()).toHaveLength(1);
    expect(missing(['--external', 'Secret/n/b'])).toHaveLength(0);
  });

  it('counts on its nodes, in place of those that a file describes, and on those of the flag in place of its own', () => {
    project.put('web.yaml', DEPLOYMENT('nginx:1.29.3'));
    project.put(
      'cluster.yaml',
      'apiVersion: eksctl.io/v1alpha5\nkind: ClusterConfig\nmetadata: { name: a }\nmanagedNodeGroups: [{ name: w, instanceType: m6i.large, desiredCapacity: 3 }]\n',
    );
    project.put(FILE, 'nodes: [{ type: m6i.xlarge, count: 2 }]\n');
    expect(project.check().stderr).toContain(
      `fit counted on 2 × m6i.xlarge (${FILE}; cluster.yaml is not used)`,
    );
    expect(project.check(['--nodes', '1xm6i.large']).stderr).toContain(
      'fit counted on 1 × m6i.large (--nodes; cluster.yaml is not used)',
    );
  });

  it('checks its environments one at a time, each on its nodes, with what belongs to all', () => {
    for (const name of ['east', 'west']) project.put(`clusters/${name}/web.yaml`, DEPLOYMENT('nginx:1.29.3'));
    project.put('clusters/west/web.yaml', DEPLOYMENT('nginx:1.29.4'));
    project.put('base/api.yaml', DEPLOYMENT('nginx:1.29.3', 'api'));
    expect(rulesFound()).toEqual([]);
    expect(project.json().notes).toMatchObject([
      { cause: 'variants of one object', file: expect.stringContaining('clusters/west/web.yaml') },
    ]);
    project.put(
      FILE,
      'environments:\n  east: { folders: clusters/east, nodes: 1xm6i.large }\n  west: clusters/west\n',
    );
    expect(rulesFound()).toEqual([]);
    expect(project.check().stderr).toMatch(
      /on 1 × m6i\.large \(\.lakehouse-check\.yaml\)[\s\S]*on 4 × m6i\.large/,
    );
    project.put(FILE, 'environments:\n  all: clusters\n  north: clusters/north\n');
    expect(project.json().notes).toMatchObject([
      { cause: 'variants of one object' },
      { line: 3, what: 'no file of environment north is among the checked ones' },
    ]);
  });

  it('is strict when it says so, and not when a flag does not want it', () => {
    project.put('web.yaml', DEPLOYMENT('nginx:1.29.3'));
    project.put('pod.yaml.j2', 'kind: Pod\n');
    expect(project.check().code).toBe(0);
    project.put(FILE, 'strict: true\n');
    expect(project.check().code).toBe(1);
    expect(project.check(['--no-strict']).code).toBe(0);
  });

  it('prints the schema that the package brings', () => {
    expect(JSON.parse(project.check(['--schema']).stdout)).toEqual(
      JSON.parse(JSON.stringify(projectFileSchema())),
    );
  });
});
