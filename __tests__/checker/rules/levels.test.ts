import { join } from 'node:path';
import { check } from '../../../lib/checker/check/check';
import { collect } from '../../../lib/checker/check/collect';

/** What is true as a remark and ends or loses nothing is a warning. */
test.each([
  ['restart-policy-lets-stream-die', 'ignored-retries', 'warning'],
  ['restart-policy-lets-stream-die', 'bare-pod', 'warning'],
  ['restart-policy-lets-stream-die', 'on-failure', 'error'],
  ['version-conflict', 'fields-of-an-unknown-strimzi', 'warning'],
  ['version-conflict', 'fields-that-old-strimzi-requires', 'error'],
  ['kafka-quorum', 'even-number', 'warning'],
  ['kafka-quorum', 'no-controller', 'error'],
  ['kafka-replication', 'minimum-equals-factor', 'warning'],
  ['kafka-replication', 'topic-above-brokers', 'error'],
  ['unreachable-address', 'other-cluster', 'error'],
  ['unreachable-address', 'service-of-another-namespace', 'warning'],
  ['service-without-pods', 'other-value', 'error'],
  ['service-without-pods', 'other-label', 'warning'],
])('%s, %s: %s', (rule, name, level) => {
  const folder = join(__dirname, 'cases', rule, name, 'refused');
  const { violations } = check(collect([folder], () => new Uint8Array()));
  expect([...new Set(violations.map(violation => violation.level))]).toEqual([level]);
});
