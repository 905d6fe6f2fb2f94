import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { Shopper, type Step } from './shopper';

export interface LoadOptions {
  readonly url: URL;
  /** Requests a second, kept whatever the answers take. */
  readonly rate: number;
  readonly seconds: number;
  readonly users: number;
  /** Numbers in [0, 1). */
  readonly random: () => number;
  /** Most requests under way; when the server is that far behind, the rest is not sent, and counted. */
  readonly maxInFlight: number;
  readonly signal?: AbortSignal;
}

export interface LoadReport {
  readonly seconds: number;
  /** Requests that got an answer, by status code. */
  readonly answers: Readonly<Record<string, number>>;
  readonly answered: number;
  /** Requests without an answer: no connection, or it broke. */
  readonly unanswered: number;
  /** Requests that were not sent because too many were under way. */
  readonly skipped: number;
  /** Milliseconds from sending to the end of the answer. */
  readonly latencyMs: {
    readonly p50: number;
    readonly p95: number;
    readonly p99: number;
    readonly max: number;
  };
}

/** How often due requests are sent: a hundred times a second. */
const TICK_MS = 10;
/** How long a visitor, in a hurry, looks at a page: so many visitors are in the shop at once. */
const THINK_SECONDS = 1;

/** Sends visitors through the shop at a fixed rate, each one waiting for the answer before its next step. */
export async function runLoad(options: LoadOptions): Promise<LoadReport> {
  const { rate, seconds, users, random, maxInFlight, signal } = options;
  const agent = new Agent({ keepAlive: true, maxSockets: maxInFlight, scheduling: 'fifo' });
  const idle: Shopper[] = [];
  const answers: Record<string, number> = {};
  const latencies: number[] = [];
  let unanswered = 0;
  let skipped = 0;
  let visitors = 0;
  const underWay = new Set<Promise<void>>();

  const send = async (shopper: Shopper, step: Step): Promise<void> => {
    const began = performance.now();
    try {
      const statusCode = await exchange(options.url, agent, shopper, step);
      answers[statusCode] = (answers[statusCode] ?? 0) + 1;
      latencies.push(performance.now() - began);
    } catch {
      unanswered++;
    }
    idle.push(shopper);
  };
  const one = (): void => {
    if (underWay.size >= maxInFlight) {
      skipped++;
      return;
    }
    let shopper =
      visitors >= options.rate * THINK_SECONDS
        ? idle.splice(Math.floor(random() * idle.length), 1)[0]
        : undefined;
    if (!shopper) visitors++;
    let step = shopper?.next();
    while (!shopper || !step) {
      shopper = new Shopper(random, users);
      step = shopper.next();
    }
    const work = send(shopper, step).finally(() => underWay.delete(work));
    underWay.add(work);
  };

  const started = performance.now();
  const total = Math.round(rate * seconds);
  for (let sent = 0; sent < total && !signal?.aborted; ) {
    const due = Math.min(total, Math.ceil(((performance.now() - started) / 1000) * rate));
    for (; sent < due; sent++) one();
    await sleep(TICK_MS);
  }
  await Promise.all(underWay);
  agent.destroy();
  return {
    seconds: (performance.now() - started) / 1000,
    answers,
    answered: latencies.length,
    unanswered,
    skipped,
    latencyMs: quantiles(latencies),
  };
}

function exchange(url: URL, agent: Agent, shopper: Shopper, { method, target, body }: Step): Promise<number> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        agent,
        host: url.hostname.replace(/^\[|\]$/g, ''),
        port: url.port || 80,
        method,
        path: target,
        headers: {
          cookie: shopper.cookieHeader,
          ...(body === undefined
            ? {}
            : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
        },
        timeout: 10_000,
      },
      response => {
        shopper.receive(response.headers['set-cookie'] ?? []);
        response.resume();
        response.once('end', () => resolve(response.statusCode ?? 0));
        response.once('error', reject);
      },
    );
    outgoing.once('timeout', () => outgoing.destroy(new Error('no answer within 10 s')));
    outgoing.once('error', reject);
    outgoing.end(body);
  });
}

/** Nearest-rank quantiles; zeros when there is nothing. */
export function quantiles(values: readonly number[]): LoadReport['latencyMs'] {
  const sorted = [...values].sort((left, right) => left - right);
  const at = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) };
}
