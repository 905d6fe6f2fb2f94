import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { readConfig, usage, type WasConfig } from './config';
import { EventBuffer } from './event-buffer';
import { httpServer } from './http-server';
import { EventProducer } from './kafka';
import { logLine } from './log-line';
import { Metrics } from './metrics';

/** Lines of one record batch: at about 200 bytes a line a fifth of the brokers' default limit of 1 MiB. */
const BATCH_EVENTS = 1000;
/** A batch waits this long for company: at most 20 produce requests a second and server. */
const LINGER_MS = 50;
/** Trouble that lasts is said at most this often. */
const REPORT_EVERY_MS = 10_000;

function say(level: 'info' | 'warn', message: string, fields: Readonly<Record<string, unknown>> = {}): void {
  console.log(JSON.stringify({ time: new Date().toISOString(), level, message, ...fields }));
}

/** Says the first, and then at most one in REPORT_EVERY_MS with the number of those that it did not say. */
function rarely(message: string): (fields?: Readonly<Record<string, unknown>>) => void {
  let last = Number.NEGATIVE_INFINITY;
  let count = 0;
  return fields => {
    count++;
    if (performance.now() - last < REPORT_EVERY_MS) return;
    say('warn', message, { ...fields, times: count });
    last = performance.now();
    count = 0;
  };
}

function start(config: WasConfig): void {
  const trouble = rarely('Kafka does not take the events; they wait in memory');
  const dropped = rarely('events are lost');
  const producer = new EventProducer(config.kafka, reason => {
    metrics.failedTries.inc();
    trouble({ reason, waiting: buffer.events });
  });
  const buffer = new EventBuffer({
    deliver: (lines, signal) => producer.deliver(lines, signal),
    onAcknowledged: events => metrics.acknowledged.inc(events),
    onLost: (events, reason) => {
      metrics.lost.inc({ reason }, events);
      dropped({ reason, events });
    },
    capacityBytes: config.bufferBytes,
    lingerMs: LINGER_MS,
    batchEvents: BATCH_EVENTS,
  });
  const metrics = new Metrics(() => buffer, config.bufferBytes);

  let ready = false;
  const server = httpServer({
    onRequest: (request, statusCode, seconds) => {
      metrics.requests.inc({ action: request.action, code: statusCode });
      metrics.duration.observe({ action: request.action }, seconds);
      metrics.events.inc();
      buffer.offer(logLine(request, config.instance));
    },
    isReady: () => ready,
    metrics: () => metrics.text(),
  });

  server.once('error', error => {
    say('warn', `cannot listen on ${config.host}:${config.port}: ${error.message}`);
    process.exitCode = 1;
  });
  server.listen(config.port, config.host, () => {
    ready = true;
    const { port } = server.address() as AddressInfo;
    say('info', 'ready', { host: config.host, port, topic: config.kafka.topic });
  });

  let stopping = false;
  const stop = async (signal: string): Promise<void> => {
    if (stopping) return;
    stopping = true;
    ready = false;
    say('info', 'draining', { signal, waiting: buffer.events });
    await sleep(config.drainDelayMs);
    const closed = new Promise(resolve => server.close(resolve));
    server.closeIdleConnections();
    await Promise.race([closed, sleep(config.closeTimeoutMs, undefined, { ref: false })]);
    server.closeAllConnections();
    await closed;
    await buffer.close(config.flushTimeoutMs);
    await producer.close();
    const total = async (counter: Metrics['events'] | Metrics['lost']) =>
      (await counter.get()).values.reduce((sum, { value }) => sum + value, 0);
    say('info', 'stopped', {
      events: await total(metrics.events),
      acknowledged: await total(metrics.acknowledged),
      lost: await total(metrics.lost),
    });
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stop(signal));
}

if (process.argv.includes('--help')) {
  console.log(usage);
} else {
  try {
    start(readConfig(process.env));
  } catch (error) {
    console.error((error as Error).message);
    process.exitCode = 1;
  }
}
