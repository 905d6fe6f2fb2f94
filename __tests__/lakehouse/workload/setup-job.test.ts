import type { Chart } from 'cdk8s';
import { SetupJob, type SetupJobProps } from '../../../lib/lakehouse/workload/setup-job';
import { containerOf, inside, objectLike, podOf, problems, restricted, synthesized } from '../synthesis';

const setUp = (chart: Chart, props: Partial<SetupJobProps> = {}) =>
  new SetupJob(chart, 'setup', {
    name: 'server-setup',
    namespace: 'storage',
    labels: { 'app.kubernetes.io/name': 'server-setup' },
    content: () => 'content',
    container: { name: 'setup', image: 'app:1.4.2', command: ['true'] },
    volumes: [{ name: 'tmp', emptyDir: {} }],
    ...props,
  });
const job = (props: Partial<SetupJobProps> = {}) =>
  objectLike(
    synthesized(chart => setUp(chart, props)),
    'Job',
    'server-setup-',
  );

test('runs one restricted container with figures until it has succeeded', () => {
  expect(inside(job(), 'spec', 'backoffLimit')).toBe(20);
  expect(podOf(job())).toMatchObject({ restartPolicy: 'OnFailure', volumes: [{ name: 'tmp' }] });
  expect(containerOf(job())).toMatchObject({
    name: 'setup',
    image: 'app:1.4.2',
    command: ['true'],
    resources: {
      requests: { cpu: '50m', memory: '64Mi', 'ephemeral-storage': '16Mi' },
      limits: { cpu: '500m', memory: '128Mi', 'ephemeral-storage': '64Mi' },
    },
    securityContext: restricted,
  });
});

test('is named by its content, as it is when the chart is complete', () => {
  const name = (content: () => unknown) => job({ content }).metadata.name;
  const late: string[] = [];
  const named = synthesized(chart => {
    setUp(chart, { content: () => late });
    late.push('b');
  });
  expect(name(() => ['a'])).toBe(name(() => ['a']));
  expect(name(() => ['b'])).not.toBe(name(() => ['a']));
  expect(objectLike(named, 'Job', 'server-setup-').metadata.name).toBe(name(() => ['b']));
});

test('an image that moves is refused, a pinned one is not', () => {
  const said = (image: string) => problems(chart => setUp(chart, { container: { name: 'setup', image } }));
  expect(said('app:latest')).toEqual([
    expect.stringMatching(
      /^\[Job\/storage\/server-setup-[0-9a-f]{8}\] container setup has image "app:latest" .*\(rule mutable-image-tag\)$/,
    ),
  ]);
  expect(said('app:1')).toEqual([]);
});
