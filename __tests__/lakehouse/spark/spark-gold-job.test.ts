import { Duration } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-28';
import { expandPods } from '../../../lib/checker/manifest/pods';
import { manifestObjects } from '../../../lib/checker/object/manifest-object';
import type { LakehouseChart } from '../../../lib/lakehouse/lakehouse-chart';
import { SparkExecutorCount } from '../../../lib/lakehouse/spark/executor-count';
import type { SparkGoldJobProps } from '../../../lib/lakehouse/spark/spark-gold-job';
import { lakehouse } from '../synthesis';

function chart(gold: Partial<SparkGoldJobProps> = {}): LakehouseChart {
  return lakehouse({ gold }).chart;
}

// biome-ignore lint/suspicious/noExplicitAny: manifests are plain data
function specOf(gold: Partial<SparkGoldJobProps> = {}): any {
  const application = lakehouse({ gold }).objects.find(
    ({ kind, metadata }) =>
      kind === 'SparkApplication' && metadata.labels?.['app.kubernetes.io/component'] === 'gold',
  );
  return application?.body['spec'];
}

describe('defaults', () => {
  test('the job is told commits, database and bounds', () => {
    expect(specOf().arguments).toEqual([
      'run',
      '--commits',
      's3a://silver/commits/user-activity/',
      '--clickhouse-url',
      'http://clickhouse.storage.svc.cluster.local:8123',
      '--clickhouse-user',
      'writer',
      '--database',
      'logs',
      '--engine',
      'spark',
      '--trigger-seconds',
      '60',
      '--max-files-per-trigger',
      '10',
      '--business-time-zone',
      'UTC',
      '--silver-retention-days',
      '7',
      '--stop-timeout-seconds',
      '120',
    ]);
  });

  test('executors have one slot, 2g and at most one core, two to four of them', () => {
    const spec = specOf();
    expect(spec.executor).toMatchObject({ cores: 1, memory: '2g', coreLimit: '1000m' });
    const sets = expandPods(
      manifestObjects([
        {
          apiVersion: 'sparkoperator.k8s.io/v1beta2',
          kind: 'SparkApplication',
          metadata: { name: 'gold' },
          spec,
        },
      ]),
    );
    expect(sets.find(({ role }) => role === 'executor')?.replicas).toEqual({ initial: 2, min: 2, max: 4 });
  });

  test('it reads no topic and so has no Kafka connector; the password is a reference', () => {
    const spec = specOf();
    expect(spec.deps.packages.join()).not.toContain('kafka');
    for (const pod of [spec.driver, spec.executor]) {
      expect(pod.env).toContainEqual({
        name: 'CLICKHOUSE_PASSWORD',
        valueFrom: { secretKeyRef: { name: 'clickhouse-credentials', key: 'writer-password' } },
      });
    }
  });

  test('it waits first when a node is lost: its priority is the lowest and never preempts', () => {
    const sets = expandPods(lakehouse().objects).filter(({ namespace }) => namespace === 'default');
    const priority = (name: string) => sets.filter(set => set.name.startsWith(name)).map(set => set.priority);
    expect(Math.max(...priority('activity-gold'))).toBeLessThan(Math.min(...priority('activity-streaming')));
    expect(sets.filter(set => set.name.startsWith('activity-gold')).map(set => set.preempts)).toEqual([
      false,
      false,
    ]);
  });
});

test('custom props reach the application', () => {
  const spec = specOf({
    name: 'metrics',
    engine: 'clickhouse',
    trigger: Duration.seconds(30),
    maxFilesPerTrigger: 40,
    businessTimeZone: 'Asia/Seoul',
    executors: SparkExecutorCount.fixed(2),
    executor: { cpu: { request: Cpu.millis(300) } },
  });
  expect(spec.arguments.join(' ')).toContain(
    '--engine clickhouse --trigger-seconds 30 --max-files-per-trigger 40 --business-time-zone Asia/Seoul',
  );
  expect(spec.executor).toMatchObject({ instances: 2, coreRequest: '300m', coreLimit: '1000m' });
});

describe('refused', () => {
  test.each<[string, Partial<SparkGoldJobProps>, string]>([
    [
      'no bound',
      { maxFilesPerTrigger: 0 },
      'has maxFilesPerTrigger 0 but a whole number of at least 1 is allowed',
    ],
    [
      'a bound that never catches up',
      { maxFilesPerTrigger: 1 },
      "spark job activity-gold needs for ever to recover from an outage of 48 h (50 events arrive a second, 50 are read) but silver of activity-streaming is kept for 168 h; raise maxFilesPerTrigger, executors or the source's silverRetention",
    ],
    [
      'a trigger of no time',
      { trigger: Duration.seconds(0) },
      'spark job activity-gold has a trigger of 0 s but it must be a whole number of seconds, at least 1',
    ],
    [
      'a slot that goes backwards',
      { eventsPerSecondPerSlot: -1 },
      'spark job activity-gold has eventsPerSecondPerSlot -1 but it must be a positive number',
    ],
    [
      'a business day in no zone',
      { businessTimeZone: 'Seoul' },
      'spark job activity-gold has businessTimeZone "Seoul" but only names of the IANA time zone database',
    ],
  ])('%s', (_, gold, message) => {
    expect(chart(gold).gold.node.validate()).toEqual([expect.stringContaining(message)]);
  });

  test.each<[string, Partial<SparkGoldJobProps>]>([
    ['a bound that catches up', { maxFilesPerTrigger: 2 }],
    ['a business day elsewhere', { businessTimeZone: 'Asia/Seoul' }],
    [
      'a single commit a trigger that is twice as frequent as the commits',
      { maxFilesPerTrigger: 1, trigger: Duration.seconds(30) },
    ],
  ])('but not %s', (_, gold) => {
    expect(chart(gold).gold.node.validate()).toEqual([]);
  });
});
