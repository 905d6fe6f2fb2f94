import { type Chart, Duration, Testing } from 'cdk8s';
import { type ExternalKafkaTopicProps, KafkaTopic } from '../../../lib/lakehouse/kafka/kafka-topic';
import { problems, synthesized } from '../synthesis';

const external = (chart: Chart, props: Partial<ExternalKafkaTopicProps> = {}) =>
  KafkaTopic.external(chart, 'topic', {
    topicName: 'user-activity-logs',
    bootstrapServers: 'broker-1.example.com:9092,broker-2.example.com:9092',
    partitions: 6,
    ...props,
  });

describe('a topic of another cluster', () => {
  test('is three days long by default and makes no object', () => {
    expect(synthesized(chart => external(chart))).toEqual([]);
    const topic = external(Testing.chart());
    expect([topic.topicName, topic.partitions, topic.retention.toDays()]).toEqual([
      'user-activity-logs',
      6,
      3,
    ]);
  });

  test('takes a retention and is reached without a login', () => {
    const topic = external(Testing.chart(), { retention: Duration.hours(5) });
    expect(topic.retention.toHours()).toBe(5);
    expect(topic.connect('gold', { namespace: 'default', operation: 'consume' })).toEqual({
      bootstrapServers: 'broker-1.example.com:9092,broker-2.example.com:9092',
      securityProtocol: 'PLAINTEXT',
    });
  });

  test.each<[string, Partial<ExternalKafkaTopicProps>, string]>([
    [
      'a space in the name',
      { topicName: 'user activity' },
      `topic "user activity" has an illegal name but Kafka allows 1 to 249 of letters, digits, '.', '_' and '-'; rename it, e.g. user-activity-logs`,
    ],
    [
      "the name '..'",
      { topicName: '..' },
      `topic ".." has an illegal name but Kafka allows 1 to 249 of letters, digits, '.', '_' and '-'; rename it, e.g. user-activity-logs`,
    ],
    [
      'no partitions',
      { partitions: 0 },
      'topic user-activity-logs has 0 partitions but the number must be a whole one of at least 1; set partitions, e.g. 6',
    ],
    [
      'half a partition',
      { partitions: 1.5 },
      'topic user-activity-logs has 1.5 partitions but the number must be a whole one of at least 1; set partitions, e.g. 6',
    ],
    [
      'no retention',
      { retention: Duration.seconds(0) },
      'topic user-activity-logs has a retention of 0 but records must outlive the longest outage of their reader; set retention, e.g. Duration.days(3)',
    ],
    [
      'a server without a port',
      { bootstrapServers: 'broker-1:9092,broker-2' },
      'topic user-activity-logs has bootstrap server "broker-2" but each must be host:port; set bootstrapServers, e.g. broker-1.example.com:9092,broker-2.example.com:9092',
    ],
  ])('%s is refused', (_, props, problem) => {
    expect(problems(chart => external(chart, props))).toEqual([problem]);
  });

  test.each<[string, Partial<ExternalKafkaTopicProps>]>([
    ['a name of 249 characters', { topicName: 'a'.repeat(249) }],
    ['dots and capitals in the name', { topicName: 'User.Activity_Logs' }],
    ['one partition', { partitions: 1 }],
    ['one server', { bootstrapServers: '10.0.0.1:9092' }],
    ['a second of retention', { retention: Duration.seconds(1) }],
  ])('%s passes', (_, props) => {
    expect(problems(chart => external(chart, props))).toEqual([]);
  });
});
