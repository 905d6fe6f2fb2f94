import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';

/** Where the events go, and how the brokers know this client. */
export interface KafkaConfig {
  /** host:port of brokers that the client may ask first. */
  readonly bootstrapBrokers: readonly string[];
  readonly topic: string;
  readonly clientId: string;
  /** Present when the listener speaks TLS; `ca` is PEM, absent for the certificates that Node trusts. */
  readonly tls?: { readonly ca?: string };
  /** Present when the listener asks for SASL; always SCRAM-SHA-512, as Strimzi's users have it. */
  readonly login?: { readonly username: string; readonly password: string };
}

export interface WasConfig {
  readonly host: string;
  readonly port: number;
  readonly instance: string;
  readonly kafka: KafkaConfig;
  /** Bytes of log lines that wait for Kafka; what comes beyond is dropped and counted. */
  readonly bufferBytes: number;
  /** How long it keeps answering after SIGTERM, so that load balancers learn that it goes. */
  readonly drainDelayMs: number;
  /** How long the requests under way may take after that. */
  readonly closeTimeoutMs: number;
  /** How long it tries, at last, to hand its waiting events to Kafka. */
  readonly flushTimeoutMs: number;
}

const MIB = 2 ** 20;

/** Name, default and meaning of every variable: what `--help` prints and the configuration is read by. */
const VARIABLES = {
  KAFKA_BOOTSTRAP_SERVERS: { help: 'brokers to ask first, host:port, comma between them' },
  KAFKA_TOPIC: { help: 'topic that gets one record a request' },
  KAFKA_SECURITY_PROTOCOL: { fallback: 'PLAINTEXT', help: 'PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL' },
  KAFKA_USERNAME: { fallback: '', help: 'SCRAM-SHA-512 user, for SASL_*' },
  KAFKA_PASSWORD: { fallback: '', help: 'its password' },
  KAFKA_CA_FILE: { fallback: '', help: "PEM file of the brokers' certificate authority, for *SSL" },
  HOST: { fallback: '0.0.0.0', help: 'address to listen on' },
  PORT: { fallback: '8080', help: 'TCP port to listen on; 0 picks one' },
  BUFFER_MIB: {
    fallback: '64',
    help: 'MiB of log lines that wait during a Kafka outage; more are dropped, counted',
  },
  DRAIN_DELAY_MS: { fallback: '5000', help: 'time between SIGTERM and refusing connections' },
  CLOSE_TIMEOUT_MS: { fallback: '10000', help: 'time for the requests under way after that' },
  FLUSH_TIMEOUT_MS: { fallback: '30000', help: 'time to hand waiting events to Kafka after that' },
} as const satisfies Record<string, { fallback?: string; help: string }>;

export const usage = [
  'The web server of the shop: answers requests and writes one log line a request to Kafka. Environment:',
  ...Object.entries(VARIABLES).map(
    ([name, spec]) =>
      `  ${name.padEnd(24)} ${spec.help} (${'fallback' in spec ? `default ${spec.fallback || 'none'}` : 'required'})`,
  ),
].join('\n');

/** Reads and checks the environment. @throws one error that names every variable that cannot be used */
export function readConfig(environment: Readonly<Record<string, string | undefined>>): WasConfig {
  const problems: string[] = [];
  const text = (name: keyof typeof VARIABLES): string => {
    const spec: { fallback?: string; help: string } = VARIABLES[name];
    const value = environment[name] || spec.fallback;
    if (value === undefined) problems.push(`${name} is not set; set it: ${spec.help}`);
    return value ?? '';
  };
  const integer = (name: keyof typeof VARIABLES, from: number, to: number): number => {
    const value = text(name);
    const number = Number(value);
    if (!/^\d+$/.test(value) || number < from || number > to)
      problems.push(`${name} is ${JSON.stringify(value)} but must be a whole number from ${from} to ${to}`);
    return number;
  };

  const bootstrap = text('KAFKA_BOOTSTRAP_SERVERS');
  const bootstrapBrokers = bootstrap.split(',').map(broker => broker.trim());
  for (const broker of bootstrap ? bootstrapBrokers : []) {
    if (!/^[^\s:/]+:\d{1,5}$/.test(broker))
      problems.push(`KAFKA_BOOTSTRAP_SERVERS has ${JSON.stringify(broker)} but a broker is host:port`);
  }
  const topic = text('KAFKA_TOPIC');
  if (topic && !/^[\w.-]{1,249}$/.test(topic))
    problems.push(
      `KAFKA_TOPIC is ${JSON.stringify(topic)} but a topic has 1 to 249 letters, digits, dots, dashes or underscores`,
    );
  const protocol = text('KAFKA_SECURITY_PROTOCOL');
  if (!['PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL'].includes(protocol))
    problems.push(
      `KAFKA_SECURITY_PROTOCOL is ${JSON.stringify(protocol)} but must be PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL`,
    );
  const login = { username: text('KAFKA_USERNAME'), password: text('KAFKA_PASSWORD') };
  const asksForLogin = protocol.startsWith('SASL_');
  if (asksForLogin && !(login.username && login.password))
    problems.push(`KAFKA_USERNAME and KAFKA_PASSWORD must be set for KAFKA_SECURITY_PROTOCOL ${protocol}`);
  const instance = (environment['HOSTNAME'] || hostname()).toLowerCase().replace(/[^a-z0-9.-]/g, '-');

  const config: WasConfig = {
    host: text('HOST'),
    port: integer('PORT', 0, 65_535),
    instance,
    kafka: {
      bootstrapBrokers,
      topic,
      clientId: instance,
      ...(protocol.endsWith('SSL') ? { tls: certificateAuthority(text('KAFKA_CA_FILE'), problems) } : {}),
      ...(asksForLogin ? { login } : {}),
    },
    bufferBytes: integer('BUFFER_MIB', 1, 4096) * MIB,
    drainDelayMs: integer('DRAIN_DELAY_MS', 0, 600_000),
    closeTimeoutMs: integer('CLOSE_TIMEOUT_MS', 0, 600_000),
    flushTimeoutMs: integer('FLUSH_TIMEOUT_MS', 0, 600_000),
  };
  if (problems.length > 0) throw new Error(problems.join('\n'));
  return config;
}

function certificateAuthority(file: string, problems: string[]): { ca?: string } {
  if (!file) return {};
  try {
    return { ca: readFileSync(file, 'utf8') };
  } catch (cause) {
    problems.push(`KAFKA_CA_FILE ${JSON.stringify(file)} cannot be read (${(cause as Error).message})`);
    return {};
  }
}
