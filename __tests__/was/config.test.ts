import { readConfig } from '../../was/config';

const LEAST = {
  KAFKA_BOOTSTRAP_SERVERS: 'kafka-0:9092',
  KAFKA_TOPIC: 'user-activity-logs',
  HOSTNAME: 'was-1',
};

test('brokers and topic are enough', () => {
  expect(readConfig(LEAST)).toEqual({
    host: '0.0.0.0',
    port: 8080,
    instance: 'was-1',
    kafka: { bootstrapBrokers: ['kafka-0:9092'], topic: 'user-activity-logs', clientId: 'was-1' },
    bufferBytes: 64 * 2 ** 20,
    drainDelayMs: 5000,
    closeTimeoutMs: 10_000,
    flushTimeoutMs: 30_000,
  });
});

test('a listener with TLS and a login is reached with the authority and the user', () => {
  const { kafka } = readConfig({
    ...LEAST,
    KAFKA_SECURITY_PROTOCOL: 'SASL_SSL',
    KAFKA_USERNAME: 'was',
    KAFKA_PASSWORD: 'from-a-secret',
    KAFKA_CA_FILE: __filename,
  });

  expect(kafka.login).toEqual({ username: 'was', password: 'from-a-secret' });
  expect(kafka.tls?.ca).toContain('a listener with TLS');
});

test('every variable that cannot be used is named at once', () => {
  expect(() =>
    readConfig({
      KAFKA_BOOTSTRAP_SERVERS: 'kafka-0',
      KAFKA_SECURITY_PROTOCOL: 'SASL_SSL',
      KAFKA_CA_FILE: '/no/such/file',
      PORT: '80.5',
      BUFFER_MIB: '0',
    }),
  ).toThrow(
    [
      'KAFKA_BOOTSTRAP_SERVERS has "kafka-0" but a broker is host:port',
      'KAFKA_TOPIC is not set; set it: topic that gets one record a request',
      'KAFKA_USERNAME and KAFKA_PASSWORD must be set for KAFKA_SECURITY_PROTOCOL SASL_SSL',
      'PORT is "80.5" but must be a whole number from 0 to 65535',
      `KAFKA_CA_FILE "/no/such/file" cannot be read (ENOENT: no such file or directory, open '/no/such/file')`,
      'BUFFER_MIB is "0" but must be a whole number from 1 to 4096',
    ].join('\n'),
  );
});

test.each([
  ['KAFKA_TOPIC', 'a topic', 'a.topic'],
  ['KAFKA_SECURITY_PROTOCOL', 'TLS', 'SSL'],
  ['PORT', '65536', '65535'],
  ['BUFFER_MIB', '4097', '4096'],
])('%s %j is refused and %j is taken', (name, refused, taken) => {
  expect(() => readConfig({ ...LEAST, [name]: refused })).toThrow(`${name} is "${refused}"`);
  expect(() => readConfig({ ...LEAST, [name]: taken })).not.toThrow();
});

test('a host name becomes lower case, so that the prefix of a line is no event', () => {
  expect(readConfig({ ...LEAST, HOSTNAME: 'MY HOST[A]' }).instance).toBe('my-host-a-');
});
