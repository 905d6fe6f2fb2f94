import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Ajv from 'ajv-draft-04';
import addFormats from 'ajv-formats';
import type { Log } from 'sarif';
import { checkCommand } from '../../../lib/checker/check/command-line';
import { rules } from '../../../lib/checker/rules';

const HOME = join(__dirname, '..', '..', '..');
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'check-'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function put(name: string, text: string): void {
  writeFileSync(join(folder, name), text);
}

function run(args: readonly string[], options: { stdin?: string; color?: boolean } = {}) {
  return checkCommand(args, {
    stdin: () => Buffer.from(options.stdin ?? ''),
    color: options.color ?? false,
    home: HOME,
    run: () => undefined,
  });
}

/** How many there are is said in every report, and changes with each new one. */
const RULES = `${rules.length} rules`;
const CLEAN = 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  namespace: n\n';
const POD = (annotation = '') => `apiVersion: v1
kind: Pod
metadata:
  name: web
  namespace: n
${annotation}spec:
  containers:
    - name: web
      image: nginx
      env:
        - name: API_TOKEN
          value: s3cr3t-value
`;
const CLUSTER = `apiVersion: eksctl.io/v1alpha5
kind: ClusterConfig
metadata: { name: lake, region: eu-central-1 }
managedNodeGroups:
  - { name: workers, instanceType: m6i.large, desiredCapacity: 3 }
`;
const WEBHOOK = `${CLEAN}data:\n  url: https://hooks.slack.com/services/T00000000/B00000000/abcdefghijklmnop\n`;

describe('exit code', () => {
  it('is 0 when everything is clean', () => {
    put('a.yaml', CLEAN);
    const { code, stdout } = run([folder]);
    expect({ code, stdout: stdout.replace(RULES, 'N rules') }).toEqual({
      code: 0,
      stdout: 'looked at      1 file; 1 object (1 ConfigMap)\n✔ clean (1 file, 1 object, N rules)\n',
    });
  });

  it('is 1 for a violation of level error', () => {
    put('a.yaml', POD());
    expect(run([folder]).code).toBe(1);
  });

  it('is 0 for warnings alone, which are shown', () => {
    put('a.yaml', WEBHOOK);
    const { code, stdout } = run([folder]);
    expect(code).toBe(0);
    expect(stdout).toContain('⚠ 1 warning in 1 file');
  });

  it('is 2 for a document that cannot be read, and the rest is checked', () => {
    put('a.yaml', 'a: "x\n');
    put('b.yaml', POD());
    const { code, stdout } = run([folder, '--format', 'json']);
    expect(code).toBe(2);
    expect(new Set(JSON.parse(stdout).violations.map(({ rule }: { rule: string }) => rule))).toEqual(
      new Set(['unparseable-manifest', 'container-without-limits', 'mutable-image-tag', 'plaintext-secret']),
    );
  });

  it.each([
    [['missing-folder'], /missing-folder/],
    [[], /no path is given/],
    [[''], /a path is empty; name a file, a folder, or - for standard input/],
    [['.', '--format', 'xml'], /--format "xml" is unknown; choose human, json, sarif or github/],
    [['.', '--level', 'info'], /--level "info" is unknown; choose error or warning/],
    [
      ['.', '--rule', 'no-such-rule'],
      /rule "no-such-rule" does not exist; the rules are bronze-not-written, /,
    ],
    [['.', '--external', 'minio'], /--external "minio" is no Kind\/namespace\/name/],
    [
      ['.', '--nodes', 'four'],
      /--nodes "four" is no number of nodes of an instance type; write e.g. 4xm6i.large/,
    ],
    [['.', '--nodes', '4xq9.tiny'], /instance type "q9.tiny" is not in the table; known are m6i.large/],
    [['.', '--colour'], /colour/],
  ])('is 2 for the arguments %j, with a sentence and no stack trace', (args, message) => {
    const { code, stdout, stderr } = run(args);
    expect(code).toBe(2);
    expect(stdout + stderr).toMatch(message);
    expect(stdout + stderr).not.toMatch(/\n\s+at .*\(/);
  });
});

describe('JSON', () => {
  it('has the form of the contract', () => {
    put('a.yaml', POD());
    const report = JSON.parse(run([folder, '--format', 'json', '--rule', 'mutable-image-tag']).stdout);
    expect(report).toEqual({
      violations: [
        {
          rule: 'mutable-image-tag',
          level: 'error',
          object: 'Pod/n/web',
          file: `${folder}/a.yaml`,
          line: 9,
          message:
            'image "nginx" of container web has no tag, which means latest, so each node may run another version',
          remedy: 'name a release tag or a digest, e.g. apache/spark:3.5.7-java17-python3',
          measured: ['nginx'],
          allowed: [],
        },
      ],
      notes: [],
      checked: { files: 1, objects: 1 },
      coverage: {
        files: { read: 1, withObjects: 1, sql: 0, python: 0 },
        objects: [{ kind: 'Pod', count: 1, isRead: true }],
        programs: [],
        notLookedAt: [{ what: 'rules', why: 'not asked for by --rule', count: rules.length - 1, where: [] }],
      },
      ignored: 0,
      verdict: { code: 1, sentence: '1 error in 1 file' },
    });
  });
});

describe('SARIF', () => {
  const validate = (() => {
    const ajv = new Ajv({ strict: false, unicodeRegExp: false });
    addFormats(ajv);
    return ajv.compile(
      JSON.parse(
        readFileSync(require.resolve('@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json'), 'utf8'),
      ),
    );
  })();

  it.each([
    ['nothing', CLEAN],
    ['violations', POD()],
    ['a document that cannot be read', 'a: "x\n'],
  ])('is valid for %s', (_, text) => {
    put('a b.yaml', text);
    const log = JSON.parse(run([folder, '--format', 'sarif']).stdout);
    validate(log);
    expect(validate.errors ?? []).toEqual([]);
  });

  it('names every rule once, and each result by its index, place and a fingerprint of its own', () => {
    put('a.yaml', `${POD()}---\n${POD().replaceAll('web', 'web2')}`);
    const log: Log = JSON.parse(run([folder, '--format', 'sarif']).stdout);
    const [result] = log.runs;
    expect(result?.tool.driver.rules?.map(({ id }) => id)).toEqual([
      ...rules.map(({ id }) => id),
      'not-understood',
    ]);
    for (const { ruleId, ruleIndex } of result?.results ?? [])
      expect(rules[ruleIndex ?? -1]?.id).toBe(ruleId);
    const prints = (result?.results ?? []).map(
      ({ partialFingerprints }) => partialFingerprints?.['check/v2'],
    );
    expect(new Set(prints).size).toBe(prints.length);
    expect(result?.results?.[0]?.locations?.[0]?.physicalLocation?.region).toMatchObject({ startLine: 8 });
  });

  it('keeps its fingerprints when lines move', () => {
    const prints = (text: string) => {
      put('a.yaml', text);
      const log: Log = JSON.parse(run([folder, '--format', 'sarif']).stdout);
      return log.runs[0]?.results?.map(({ partialFingerprints }) => partialFingerprints);
    };
    expect(prints(`# a comment\n\n${POD()}`)).toEqual(prints(POD()));
  });
});

describe('the report for people', () => {
  it.each([
    ['two-cores', 'set executor.coreRequest to at most 1750m, or take a larger instance type'],
    [
      'memory-with-overhead',
      'set the sum of executor.memory and executor.memoryOverhead to at most 7016Mi, or take a larger instance type',
    ],
  ])('names the fields of the manifest that mend %s', (name, remedy) => {
    const refused = join(HOME, '__tests__/checker/rules/cases/executor-does-not-fit', name, 'refused');

    const { stdout } = run([refused, '--format', 'json']);

    expect(JSON.parse(stdout).violations).toEqual([expect.objectContaining({ remedy })]);
  });

  it('shows rule, place, frame and remedy, grouped by file, and never a credential', () => {
    put('a.yaml', POD());
    const { stdout } = run([folder]);
    expect(stdout.replaceAll(folder, '.').replace(RULES, 'N rules')).toMatchInlineSnapshot(`
"./a.yaml

  error container web has no cpu request, cpu limit, memory request and memory limit, so it can take a whole node (container-without-limits)
  at  ./a.yaml:8, Pod/n/web
         6 | spec:
         7 |   containers:
      >  8 |     - name: web
         9 |       image: nginx
        10 |       env:
  fix state resources.requests and resources.limits for cpu and memory, e.g. requests 200m and 512Mi, limits 1000m and 1Gi

  error image "nginx" of container web has no tag, which means latest, so each node may run another version (mutable-image-tag)
  at  ./a.yaml:9, Pod/n/web
         7 |   containers:
         8 |     - name: web
      >  9 |       image: nginx
        10 |       env:
        11 |         - name: API_TOKEN
  fix name a release tag or a digest, e.g. apache/spark:3.5.7-java17-python3

  error container web gets API_TOKEN as a literal (plaintext-secret)
  at  ./a.yaml:12, Pod/n/web
        10 |       env:
        11 |         - name: API_TOKEN
      > 12 |           value: ********
        13 |
  fix keep it in a Secret and refer to it, e.g. env.valueFrom.secretKeyRef

looked at      1 file; 1 object (1 Pod)
✖ 3 errors in 1 file (1 file, 1 object, N rules)
"
`);
    expect(stdout).not.toContain('s3cr3t');
  });

  it('has colours on a terminal only', () => {
    put('a.yaml', POD());
    expect(run([folder]).stdout).not.toContain('\u001b[');
    expect(run([folder], { color: true }).stdout).toContain('\u001b[31m');
  });

  it('reads standard input, as from helm template', () => {
    const { code, stdout } = run(['-'], { stdin: POD() });
    expect(code).toBe(1);
    expect(stdout).toContain('stdin:9');
  });

  it('says which nodes the fit was counted on', () => {
    put('a.yaml', POD());
    expect(run([folder]).stderr).toContain('fit counted on 4 × m6i.large');
    expect(run([folder, '--nodes', '2xm6i.xlarge']).stderr).toContain(
      'fit counted on 2 × m6i.xlarge (--nodes)',
    );
  });

  it('takes a description of the nodes among the files, and --nodes in its place, and says so', () => {
    put('a.yaml', POD());
    put('cluster.yaml', CLUSTER);
    expect(run([folder]).stderr).toMatch(/fit counted on 3 × m6i\.large \(.*cluster\.yaml\)/);
    expect(run([folder, '--nodes', '2xm6i.xlarge']).stderr).toMatch(
      /fit counted on 2 × m6i\.xlarge \(--nodes; .*cluster\.yaml is not used\)/,
    );
  });

  it('refuses a description of the nodes that cannot be used, and checks the rest', () => {
    put('a.yaml', CLEAN);
    put('cluster.context.json', '{"cluster": "lake"}');
    const { code, stdout } = run([folder]);
    expect(code).toBe(2);
    expect(stdout).toMatch(
      /description of the nodes cannot be used: .*nodegroup is missing but must be a name/,
    );
    expect(stdout).toContain('fix write it again with cdk8s-lakehouse cluster-context');
  });

  describe('where there was nothing to check', () => {
    const NOTHING = 'no Kubernetes object was found';
    const notesOf = (args: readonly string[], stdin = '') => {
      const { notes } = JSON.parse(run([...args, '--format', 'json'], { stdin }).stdout);
      return (notes as { file: string; what: string; silences: string[] }[]).map(note => ({
        ...note,
        file: note.file.replace(`${folder}/`, ''),
      }));
    };

    it('says so in each format, and nothing is clean', () => {
      expect(run([folder])).toMatchObject({ code: 3, stderr: '' });
      expect(run([folder]).stdout).toContain(`note ${NOTHING}`);
      expect(run([folder]).stdout).toMatch(
        /✖ nothing was checked, 1 note .*; name a file or folder that holds manifests, or render what is a template/,
      );
      expect(notesOf([folder])).toMatchObject([{ what: NOTHING, silences: rules.map(({ id }) => id) }]);
      const log = JSON.parse(run([folder, '--format', 'sarif']).stdout) as Log;
      expect(log.runs[0]?.results?.map(({ message }) => message.text)).toEqual([
        expect.stringContaining(NOTHING),
      ]);
    });

    it.each(['human', 'json', 'sarif', 'github'])('has an exit code of its own in %s', format => {
      expect(run([folder, '--format', format]).code).toBe(3);
      expect(run([folder, '--strict', '--format', format]).code).toBe(3);
      put('a.yaml', CLEAN);
      expect(run([folder, '--strict', '--format', format]).code).toBe(0);
    });

    it('standard input and a values file are nothing each', () => {
      expect(notesOf(['-'])).toMatchObject([{ file: 'stdin', what: NOTHING }]);
      put('values.yaml', 'replicas: 3\n');
      put('b.yaml', CLEAN);
      expect(notesOf([join(folder, 'values.yaml'), join(folder, 'b.yaml')])).toMatchObject([
        { file: 'values.yaml', what: NOTHING },
      ]);
      expect(notesOf([folder])).toEqual([]);
    });

    it('a kustomization and SQL are something', () => {
      put('kustomization.yaml', 'kind: Kustomization\nresources: []\n');
      put('tables.sql', 'SELECT 1;\n');
      expect(notesOf([join(folder, 'kustomization.yaml'), join(folder, 'tables.sql')])).toEqual([]);
      expect(run([join(folder, 'tables.sql')])).toMatchObject({
        code: 0,
        stdout: expect.stringContaining(
          '✔ no faults in what was looked at; not looked at: 1 SQL program understood not at all',
        ),
      });
      put('tables.sql', 'CREATE TABLE a (b Int8) ENGINE = Memory;\n');
      expect(run([join(folder, 'tables.sql')]).stdout).toContain('✔ clean');
      expect(run([join(folder, 'kustomization.yaml')]).code).toBe(3);
    });
  });

  it('reads the syntax of Python that is named, and says that no manifest runs it', () => {
    put('bad.py', 'x = 1\ndef f(:\n');
    put('good.py', 'x = 1\ndef f():\n    pass\n');
    const bad = JSON.parse(run([join(folder, 'bad.py'), '--format', 'json']).stdout);
    expect(bad.violations).toMatchObject([{ rule: 'python-syntax-error', line: 2 }]);
    const good = JSON.parse(run([join(folder, 'good.py'), '--format', 'json']).stdout);
    expect(good.violations).toEqual([]);
    expect(good.notes).toMatchObject([
      { what: expect.stringContaining('no manifest among the files runs good.py') },
    ]);
    expect(good.notes[0].silences).not.toContain('python-syntax-error');
    expect(run([join(folder, 'good.py'), '--strict']).code).toBe(1);
  });

  it.each(['p.yaml.j2', 'p.tpl', 'p.yml.tmpl'])('notes the template %s', name => {
    put('a.yaml', CLEAN);
    put(name, 'kind: Pod\n');
    put('readme.md', '# text\n');
    expect(run([folder]).stdout).toContain('the file is skipped: it is a template, by its name');
    put('b.yaml', CLEAN);
    expect(run([folder, '--strict']).code).toBe(1);
  });
});

describe('silencing', () => {
  const annotated = (reason: string) =>
    POD(`  annotations:\n    ignore-check.cdk8s-lakehouse/container-without-limits: "${reason}"\n`);
  const fired = () =>
    JSON.parse(run([folder, '--format', 'json']).stdout).violations.map(({ rule }: { rule: string }) => rule);

  it('needs a reason, and silences one rule on one object', () => {
    put('a.yaml', annotated('measured by hand'));
    expect(fired()).toEqual(['mutable-image-tag', 'plaintext-secret']);
  });

  it('does not count with an empty reason', () => {
    put('a.yaml', annotated('  '));
    expect(fired()).toContain('container-without-limits');
  });
});

describe('options', () => {
  it('--level error leaves warnings out', () => {
    put('a.yaml', WEBHOOK);
    expect(run([folder, '--level', 'error']).stdout).toContain(
      '✔ no faults in what was looked at; not looked at: warnings',
    );
  });

  it('--external declares what exists, with * for any text', () => {
    put(
      'a.yaml',
      `${POD().replace('image: nginx', 'image: nginx:1.29.3')}      envFrom: [{ secretRef: { name: web } }]\n`,
    );
    const missing = (...args: string[]) => run([folder, '--rule', 'missing-reference', ...args]).code;
    expect(missing()).toBe(1);
    expect(missing('--external', 'Secret/other/web')).toBe(1);
    expect(missing('--external', 'Secret/n/web')).toBe(0);
    expect(missing('--external', 'Secret/*/*')).toBe(0);
  });

  it('--list-rules names all of them', () => {
    const { code, stdout } = run(['--list-rules']);
    expect(code).toBe(0);
    expect(
      stdout
        .trim()
        .split('\n')
        .map(line => line.split(' ')[0]),
    ).toEqual(rules.map(({ id }) => id));
  });

  it('--explain prints the page of a rule', () => {
    expect(run(['--explain', 'single-executor']).stdout).toMatch(/^# single-executor\n/);
  });
});

describe('what was not understood', () => {
  const CODE = (text: string) => `${CLEAN}data:\n  tool.py: |\n    ${text.replaceAll('\n', '\n    ')}\n`;
  const OPEN = CODE('from settings import *\nprint(MODE)');
  const NAMED = CODE('from settings import MODE\nprint(MODE)');

  it('is told to people behind the violations, with its place, the silent rules and a remedy, and counted', () => {
    put('a.yaml', OPEN);
    const { code, stdout } = run([folder]);
    expect(code).toBe(0);
    expect(stdout.replaceAll(folder, '.').replace(RULES, 'N rules')).toMatchInlineSnapshot(`
"Python that is followed in part

  note import * from settings brings names that nobody knows (not-understood)
  at  ./a.yaml:8, ConfigMap/n/a
  silent undefined-name
  fix import by name, and call functions where the code would run a text

looked at      1 file; 1 object (1 ConfigMap); 1 Python program understood (1 partly)
not looked at  1 Python program understood partly: the notes say what is not known (ConfigMap/n/a tool.py)
✔ no faults in what was looked at, 1 note on what was not understood; not looked at: 1 Python program understood partly (1 file, 1 object, N rules)
"
`);
  });

  it('is silent where everything is understood', () => {
    put('a.yaml', NAMED);
    expect(run([folder, '--strict'])).toMatchObject({ code: 0 });
    expect(run([folder]).stdout).not.toContain('note');
  });

  it('is an error with --strict', () => {
    put('a.yaml', OPEN);
    const { code, stdout } = run([folder, '--strict']);
    expect(code).toBe(1);
    expect(stdout).toMatch(
      / {2}error import \* from settings brings names that nobody knows \(not-understood\)/,
    );
    expect(stdout).toContain('✖ no faults in what was looked at, 1 note on what was not understood');
  });

  it('is a list of its own in JSON', () => {
    put('a.yaml', OPEN);
    expect(JSON.parse(run([folder, '--format', 'json']).stdout)).toMatchObject({
      violations: [],
      notes: [
        {
          cause: 'Python that is followed in part',
          object: 'ConfigMap/n/a',
          file: `${folder}/a.yaml`,
          line: 8,
          what: 'import * from settings brings names that nobody knows',
          silences: ['undefined-name'],
        },
      ],
    });
  });

  it.each([
    [[], 'note'],
    [['--strict'], 'error'],
  ])('is a result of its own in SARIF: with %j of level %s', (options, level) => {
    put('a.yaml', OPEN);
    const log: Log = JSON.parse(run([folder, '--format', 'sarif', ...options]).stdout);
    const [result] = log.runs[0]?.results ?? [];
    expect(result).toMatchObject({ ruleId: 'not-understood', ruleIndex: rules.length, level });
    expect(result?.message.text).toMatch(
      /^ConfigMap\/n\/a: import \* from settings .*Silent for it: undefined-name$/,
    );
    expect(result?.locations?.[0]?.physicalLocation?.region?.startLine).toBe(8);
  });

  it('is left out where the chosen rules do not need it, and told where one does', () => {
    put('a.yaml', OPEN);
    expect(run([folder, '--strict', '--rule', 'plaintext-secret']).code).toBe(0);
    expect(run([folder, '--strict', '--rule', 'undefined-name']).code).toBe(1);
  });

  it('counts many of one cause and shows the first three', () => {
    for (const name of ['a', 'b', 'c', 'd', 'e'])
      put(`${name}.yaml`, OPEN.replace('name: a', `name: ${name}`));
    const { stdout } = run([folder]);
    expect(stdout.match(/\(not-understood\)/g)).toHaveLength(3);
    expect(stdout).toContain('  and 2 more of these; --format json lists them');
    expect(stdout).toContain('✔ no faults in what was looked at, 5 notes on what was not understood');
  });

  it('is a file that is skipped, for which every rule is silent', () => {
    put('a.yaml', '{{- if .Values.on }}\nkind: X\n{{- end }}\n');
    const { stdout } = run([folder]);
    expect(stdout).toContain('the file is skipped: it is a template, by its {{ }}');
    expect(stdout).toContain('  silent every rule');
    put('b.yaml', CLEAN);
    expect(run([folder, '--strict']).code).toBe(1);
  });
});
