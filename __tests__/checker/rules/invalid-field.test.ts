import { line } from '../../../lib/checker/finding/reporter';
import { manifestObjects } from '../../../lib/checker/object/manifest-object';
import { review } from '../../../lib/checker/review/review';

function said(object: object, areOperatorsPinned = false): string[] {
  const named = { metadata: { name: 'it', namespace: 'lake' }, ...object };
  const { findings } = review(manifestObjects([named]), { only: ['invalid-field'], areOperatorsPinned });
  return findings.map(finding => line(finding).replace(/^\[\w+\/lake\/it\] | \(rule invalid-field\)$/g, ''));
}

const pod = (container: object, spec: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  spec: { containers: [{ name: 'web', ...container }], ...spec },
});
const project = (spec: object) => ({ apiVersion: 'argoproj.io/v1alpha1', kind: 'AppProject', spec });

test.each<[object, string]>([
  [
    pod({}, { imagePulSecrets: [] }),
    'spec.imagePulSecrets is no field of v1 Pod; did you mean imagePullSecrets?',
  ],
  [
    pod({}, { ImagePullSecrets: [] }),
    'spec.ImagePullSecrets is no field of v1 Pod; did you mean imagePullSecrets?',
  ],
  [pod({ nodeSelector: {} }), 'spec.containers[0].nodeSelector is no field of v1 Pod; move it to spec'],
  [
    pod({ runAsUser: 1 }),
    'spec.containers[0].runAsUser is no field of v1 Pod; move it to spec.containers[0].securityContext',
  ],
  [
    { ...pod({}), replicas: 2 },
    'replicas is no field of v1 Pod; remove it, or use one of apiVersion, kind, metadata, spec or status',
  ],
  [
    pod({}, { nothingLikeIt: 1 }),
    'spec.nothingLikeIt is no field of v1 Pod; remove it: spec has no field of a like name',
  ],
  [
    pod({ env: [{ name: 'B', value: 5 }] }),
    'spec.containers[0].env[0].value is 5 but it must be a text; put it in quotes, "5"',
  ],
  [
    pod({ env: { B: 5 } }),
    'spec.containers[0].env is {"B":5} but it must be a list; put it into a list, even where it is the only item',
  ],
  [
    pod({ stdin: 'true' }),
    'spec.containers[0].stdin is "true" but it must be true or false; write it without quotes, true',
  ],
  [pod({ stdin: 1 }), 'spec.containers[0].stdin is 1 but it must be true or false; write true or false'],
  [
    pod({}, { priority: '7' }),
    'spec.priority is "7" but it must be a whole number; write it without quotes, 7',
  ],
  [
    pod({}, { priority: 1.5 }),
    'spec.priority is 1.5 but it must be a whole number; write a whole number, e.g. 3',
  ],
  [
    pod({}, { nodeSelector: ['a'] }),
    'spec.nodeSelector is ["a"] but it must be a mapping; write a mapping of names to values in its place',
  ],
  [
    pod({}, { nodeSelector: { ssd: true } }),
    'spec.nodeSelector.ssd is true but it must be a text; put it in quotes, "true"',
  ],
  [
    pod({ livenessProbe: { httpGet: { port: 80.5 } } }),
    'spec.containers[0].livenessProbe.httpGet.port is 80.5 but it must be a whole number or a text; put it in quotes, "80.5"',
  ],
  [
    { apiVersion: 'sparkoperator.k8s.io/v1beta2', kind: 'SparkApplication', spec: { mode: 'Cluster' } },
    'spec.mode is "Cluster" but it must be cluster or client; did you mean cluster?',
  ],
])('%j is refused', (object, words) => {
  expect(said(object)).toEqual([words]);
});

test.each<[string, object]>([
  [
    'fields that there are',
    pod({ env: [{ name: 'B', value: '5' }], stdin: true }, { priority: 7, imagePullSecrets: [] }),
  ],
  [
    'a number or a text',
    pod({ livenessProbe: { httpGet: { port: 'http' } }, readinessProbe: { httpGet: { port: 80 } } }),
  ],
  ['a quantity as a number', pod({ resources: { limits: { cpu: 0.5, memory: '1Gi' } } })],
  ['an empty value', pod({ env: null, resources: { limits: null } })],
  [
    'what is filled in later',
    pod({ stdin: '$(STDIN)' }, { priority: '{{ .Values.priority }}', '{{ key }}': 1 }),
  ],
  ['what a tool reads', { ...pod({ $patch: 'delete' }) }],
  ['any status', { ...pod({}), status: { notAField: 1 } }],
  ['an API version without a schema', { ...pod({ notAField: 1 }), apiVersion: 'v7' }],
  ['a kind without a schema', { ...pod({ notAField: 1 }), apiVersion: 'example.org/v1', kind: 'Lake' }],
  [
    'a field of one release alone',
    pod({}, { resourceClaims: [{ name: 'gpu', source: { resourceClaimName: 'a' } }] }),
  ],
  [
    'a schema inside of a definition',
    {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      spec: {
        versions: [{ name: 'v1', schema: { openAPIV3Schema: { properties: { a: { default: { b: 1 } } } } } }],
      },
    },
  ],
])('%s: nothing is said', (_name, object) => {
  expect(said(object)).toEqual([]);
});

describe('a custom resource', () => {
  const unknown = project({ fieldOfALaterRelease: 1 });

  test('of an unknown release may have fields that nobody here knows', () => {
    expect(said(unknown)).toEqual([]);
  });

  test('of the pinned release has the fields of that', () => {
    expect(said(unknown, true)).toEqual([
      'spec.fieldOfALaterRelease is no field of argoproj.io/v1alpha1 AppProject; remove it: spec has no field of a like name',
    ]);
  });

  test('of any release is refused where a known field is misspelt, or a value has another type', () => {
    expect(said(project({ sourceRepo: [], destinations: {} }))).toEqual([
      'spec.destinations is {} but it must be a list; put it into a list, even where it is the only item',
      'spec.sourceRepo is no field of argoproj.io/v1alpha1 AppProject; did you mean sourceRepos?',
    ]);
  });

  test('may have anything where its definition says so', () => {
    const helm = (valuesObject: object) => ({
      apiVersion: 'argoproj.io/v1alpha1',
      kind: 'Application',
      spec: { source: { helm: { valuesObject } } },
    });
    expect(said(helm({ any: { thing: [1, 'a'] } }), true)).toEqual([]);
  });
});

test('everything that is wrong with an object is said at once', () => {
  expect(said(pod({ imag: 'a', tty: 'yes', env: [{ nam: 'B' }] }, { hostNetworks: true }))).toHaveLength(4);
});
