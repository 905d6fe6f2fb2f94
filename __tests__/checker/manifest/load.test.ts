import { say } from '../../../lib/checker/finding/message';
import { text } from '../../../lib/checker/finding/reporter';
import { loadManifests, type SourceText } from '../../../lib/checker/manifest/load';
import { at } from '../../../lib/checker/object/manifest-object';

function source(text: string | Uint8Array, file = 'a.yaml'): SourceText {
  return { file, bytes: typeof text === 'string' ? Buffer.from(text) : text };
}

function load(...texts: (string | Uint8Array)[]) {
  return loadManifests(texts.map((text, index) => source(text, `${index}.yaml`)));
}

const CONFIG_MAP = 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  x: "1"\n';

function utf16(text: string, isBigEndian: boolean, withMark: boolean): Uint8Array {
  const bytes = Buffer.from(withMark ? `\ufeff${text}` : text, 'utf16le');
  return isBigEndian ? bytes.swap16() : bytes;
}

describe('encodings', () => {
  it.each([
    ['UTF-8', Buffer.from(CONFIG_MAP)],
    ['UTF-8 with a mark', Buffer.from(`\ufeff${CONFIG_MAP}`)],
    ['UTF-16 little endian', utf16(CONFIG_MAP, false, true)],
    ['UTF-16 big endian', utf16(CONFIG_MAP, true, true)],
    ['UTF-16 little endian without a mark', utf16(CONFIG_MAP, false, false)],
    ['UTF-16 big endian without a mark', utf16(CONFIG_MAP, true, false)],
    ['Windows line ends', Buffer.from(CONFIG_MAP.replaceAll('\n', '\r\n'))],
  ])('%s is read', (_, bytes) => {
    const { objects, unreadable } = load(bytes);
    expect(unreadable).toEqual([]);
    expect(objects.map(({ body }) => body['data'])).toEqual([{ x: '1' }]);
  });

  it('reports a file that is no text, and reads the others', () => {
    const { objects, unreadable } = load(
      new Uint8Array([0xff, 0xfe, 0x00]),
      new Uint8Array([0x80, 0x81, 0x82]),
      CONFIG_MAP,
    );
    expect(unreadable.map(({ file, line }) => ({ file, line }))).toEqual([
      { file: '0.yaml', line: 1 },
      { file: '1.yaml', line: 1 },
    ]);
    expect(objects).toHaveLength(1);
  });
});

describe('documents', () => {
  it('empty ones, comments and scalars are no objects', () => {
    expect(load('---\n---\n# nothing\n---\njust text\n---\n- a\n---\n', '').objects).toEqual([]);
  });

  it('have the line on which they start', () => {
    const { objects } = load(`# first\n${CONFIG_MAP}---\n\n${CONFIG_MAP}`);
    expect(objects.map(object => object.source?.line)).toEqual([2, 10]);
  });

  it('of kind List are their items, each with its own line', () => {
    const { objects, locate } = load(
      'apiVersion: v1\nkind: List\nitems:\n  - apiVersion: v1\n    kind: Secret\n    metadata: { name: s }\n  - apiVersion: v1\n    kind: ConfigMap\n    metadata:\n      name: c\n',
    );
    expect(objects.map(({ kind, source }) => [kind, source?.line])).toEqual([
      ['Secret', 4],
      ['ConfigMap', 7],
    ]);
    const second = objects[1];
    expect(second && locate(second)?.(['metadata', 'name'])).toEqual({ line: 10, column: 7 });
  });

  it('in JSON are manifests when they look like some', () => {
    const json = JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'j' } }, null, '\t');
    const loaded = loadManifests([source(json, 'a.json'), source('{"version": 3, ', 'package.json')]);
    expect(loaded.objects.map(({ metadata }) => metadata.name)).toEqual(['j']);
    expect(loaded.unreadable).toEqual([]);
  });

  it('that are values files are left out', () => {
    expect(load('replicas: 3\nimage: { tag: latest }\n').objects).toEqual([]);
  });

  it.each([
    ['{ generateName: x- }', 'x-…'],
    ['{ namespace: n }', ''],
    ['{ name: 1 }', '1'],
  ])('with metadata %s are objects', (metadata, name) => {
    const { objects } = load(`apiVersion: v1\nkind: Pod\nmetadata: ${metadata}\n`);
    expect(objects.map(object => object.metadata.name)).toEqual([name]);
  });

  it.each([
    ['an open quote', 'a: "x\nb: c\n', /no YAML/],
    ['a tab as indentation', 'a:\n\tb: c\n', /no YAML/],
    ['a conflict', `${CONFIG_MAP}<<<<<<< HEAD\nx: 1\n=======\nx: 2\n>>>>>>> main\n`, /merge-conflict marker/],
    ['too many aliases', billionLaughs(), /cannot be read/],
  ])('with %s are reported, and the ones around them are read', (_, broken, message) => {
    const { objects, unreadable } = load(`${CONFIG_MAP}---\n${broken}`, CONFIG_MAP);
    expect(unreadable.length).toBeGreaterThan(0);
    expect(text(unreadable[0]?.message ?? say``)).toMatch(message);
    expect(objects.map(({ source }) => source?.file)).toEqual(['0.yaml', '1.yaml']);
  });

  it('a line of equals signs in a text is no conflict', () => {
    expect(
      load('apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\ndata:\n  x: |\n    Title\n    =======\n')
        .unreadable,
    ).toEqual([]);
  });
});

function billionLaughs(): string {
  const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
  for (let index = 1; index < 9; index += 1)
    lines.push(
      `a${index}: &a${index} [${Array(10)
        .fill(`*a${index - 1}`)
        .join(', ')}]`,
    );
  return `${lines.join('\n')}\n`;
}

describe('anchors and merge keys', () => {
  const text = `apiVersion: v1
kind: Pod
metadata:
  name: p
spec:
  containers:
    - &base
      name: a
      image: a:1
    - <<: *base
      name: b
    - name: c
      <<: [*base]
`;

  it('are resolved', () => {
    const [pod] = load(text).objects;
    expect(at(pod?.body, 'spec', 'containers')).toEqual([
      { name: 'a', image: 'a:1' },
      { image: 'a:1', name: 'b' },
      { name: 'c', image: 'a:1' },
    ]);
  });

  it('have the line on which the value is written', () => {
    const { objects, locate } = load(text);
    const [pod] = objects;
    const lineOf = (...path: (string | number)[]) =>
      pod && locate(pod)?.(['spec', 'containers', ...path])?.line;
    expect(lineOf(1, 'image')).toBe(9);
    expect(lineOf(1, 'name')).toBe(11);
    expect(lineOf(2, 'image')).toBe(9);
  });
});

describe('places', () => {
  const { objects, locate } = load(`apiVersion: v1
kind: ConfigMap
metadata:
  name: a
data:
  block: |

    first
    second
  folded: >-
    one
    two
  quoted: "x\\ny"
  plain: z
`);
  const lineOf = (path: (string | number)[], inner?: number) =>
    objects[0] && locate(objects[0])?.(path, inner)?.line;

  it('of a value is the line of its key', () => {
    expect(lineOf(['data', 'plain'])).toBe(14);
  });

  it('of what is missing is the nearest thing around it', () => {
    expect(lineOf(['data', 'missing', 'deeper'])).toBe(5);
    expect(lineOf(['spec'])).toBe(1);
  });

  it('inside of a block text is the line in the file', () => {
    expect(lineOf(['data', 'block'], 1)).toBe(8);
    expect(lineOf(['data', 'block'], 2)).toBe(9);
  });

  it('inside of a quoted text is its own line', () => {
    expect(lineOf(['data', 'quoted'], 1)).toBe(13);
  });
});

describe('Helm and Kustomize', () => {
  it('templates of a chart are skipped with a note, its plain files are read', () => {
    const loaded = loadManifests([
      source('apiVersion: v2\nname: c\n', 'chart/Chart.yaml'),
      source('kind: {{ .Values.kind }}\n', 'chart/templates/a.yaml'),
      source('replicas: 1\n', 'chart/values.yaml'),
      source(CONFIG_MAP, 'chart/crds/b.yaml'),
    ]);
    expect(loaded.skipped.map(({ file }) => file)).toEqual(['chart/templates/a.yaml']);
    expect(loaded.unreadable).toEqual([]);
    expect(loaded.objects.map(object => object.source?.file)).toEqual(['chart/crds/b.yaml']);
  });

  it('a template anywhere else is skipped with a note, a manifest with braces in a text is read', () => {
    const loaded = load(
      '{{- if .Values.on }}\nkind: X\n{{- end }}\n',
      `${CONFIG_MAP}  y: "{{ $labels.x }}"\n`,
    );
    expect(loaded.skipped).toHaveLength(1);
    expect(loaded.unreadable).toEqual([]);
    expect(loaded.objects).toHaveLength(1);
  });

  it('patches are skipped with a note, generated objects are made', () => {
    const loaded = loadManifests([
      source(
        'apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [../base]\npatches:\n  - path: ./patch.yaml\n  - patch: |-\n      - op: remove\n        path: /x\n    target: { kind: Pod }\nconfigMapGenerator:\n  - name: settings\n    literals: [a=b]\n',
        'overlay/kustomization.yaml',
      ),
      source(CONFIG_MAP, 'overlay/patch.yaml'),
      source(CONFIG_MAP, 'base/config.yaml'),
    ]);
    expect(loaded.skipped.map(({ file }) => file)).toEqual(['overlay/patch.yaml']);
    expect(loaded.objects.map(object => object.source?.file)).toEqual([
      'base/config.yaml',
      'overlay/kustomization.yaml',
    ]);
    expect(loaded.objects[1]?.body['data']).toEqual({ a: 'b' });
    expect(loaded.generated).toEqual(['ConfigMap/*/settings']);
  });
});

describe('two equal keys in one mapping', () => {
  it.each([
    ['in a block', 'a:\n  x: 1\n  y: 2\n  x: 3\n', 'x', 4, 2],
    ['in braces', 'a: 1\nb: { x: 1, y: 2, "x": 3 }\n', 'x', 2, 2],
    ['in a list', 'a:\n- x: 1\n  x: 1\n', 'x', 3, 2],
    ['at the top', 'a: null\nb: 1\na: 2\n', 'a', 3, 1],
  ])('%s are refused', (_, document, key, line, first) => {
    const { unreadable } = load(document);
    expect(unreadable.map(fault => [fault.line, text(fault.message)])).toEqual([
      [line, `the document is no YAML: key ${key} stands twice in one mapping, first on line ${first}`],
    ]);
  });

  it.each([
    ['two mappings', 'a: { x: 1 }\nb: { x: 1 }\nc: [{ x: 1 }, { x: 1 }]\n'],
    ['a key of a merged mapping', 'a: &a { x: 1 }\nb: { <<: *a, x: 2 }\n'],
    ['two merges', 'a: &a { x: 1 }\nb: &b { y: 1 }\nc:\n  <<: *a\n  <<: *b\n'],
  ])('%s are none', (_, document) => {
    expect(load(document).unreadable).toEqual([]);
  });
});

describe('what is no manifest as it stands', () => {
  it('a template without a Chart.yaml is skipped, its {{ }} unquoted or not', () => {
    const pod = (name: string) => `apiVersion: v1\nkind: Pod\nmetadata:\n  name: ${name}\n`;
    const { skipped, objects } = load(pod('{{ .Values.name }}'), pod('a{{ b }}: c'), pod('"{{ name }}"'));
    expect(skipped.map(({ file, what }) => [file, what])).toEqual([
      ['0.yaml', 'a template, by its {{ }}'],
      ['1.yaml', 'a template, by its {{ }}'],
    ]);
    expect(objects).toHaveLength(1);
  });

  it('the objects of a JSON array are read, each at its place', () => {
    const array = `[\n${JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a' } })},\n${JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'b' } })}]`;
    const { objects } = loadManifests([source(array, 'a.json')]);
    expect(objects.map(({ metadata, source: at }) => [metadata.name, at?.line])).toEqual([
      ['a', 2],
      ['b', 3],
    ]);
  });

  it.each([
    ['a kind that is a list', 'apiVersion: v1\nkind: [Pod]\nmetadata: { name: a }\n', 'document', 1],
    ['keys in capitals', 'ApiVersion: v1\nKind: Pod\nmetadata: { name: a }\n', 'document', 1],
    ['no apiVersion', 'kind: Pod\nspec: {}\n', 'document', 1],
    ['an item that is no object', 'apiVersion: v1\nkind: List\nitems:\n- { kind: Pod }\n- 5\n', 'item', 4],
  ])('%s is skipped with a note', (_, document, part, line) => {
    const { skipped, objects } = load(document);
    expect(objects).toEqual([]);
    expect(skipped[0]).toMatchObject({ part, line });
  });

  it.each([
    ['the description of a chart', 'apiVersion: v2\nname: a\nversion: 1.0.0\n'],
    ['values', 'metadata: { a: 1 }\nspec: 5\n'],
    ['an empty List', 'apiVersion: v1\nkind: List\nitems: []\n'],
  ])('%s is not', (_, document) => {
    expect(load(document).skipped).toEqual([]);
  });
});

it.each([
  ['flow lists', `${CONFIG_MAP.replace('"1"', `${'['.repeat(5000)}${']'.repeat(5000)}`)}`],
  ['JSON', `{"a":`.repeat(5000)],
])('says of a document that is nested too deep that it is so: %s', (_, deep) => {
  const { unreadable, objects } = load(deep, CONFIG_MAP);
  expect(objects).toHaveLength(1);
  expect(unreadable.map(({ message }) => text(message))).toEqual([
    'the document is nested deeper than can be read',
  ]);
});
