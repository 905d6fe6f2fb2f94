import { setTimeout as sleep } from 'node:timers/promises';
import { type GenericError, ProduceAcks, Producer, type ProducerOptions } from '@platformatic/kafka';
import type { KafkaConfig } from './config';
import type { Outcome } from './event-buffer';

/** Pause before a batch is tried again, doubled each time up to the second. */
const BACKOFF_MS = [100, 5000] as const;

/** What no second try mends: the broker will never take this batch. */
const REFUSED = new Set([
  'MESSAGE_TOO_LARGE',
  'RECORD_LIST_TOO_LARGE',
  'INVALID_RECORD',
  'INVALID_TIMESTAMP',
]);
/**
 * The broker does not know this producer or its sequence any more. With one batch under way at a time it then
 * does not have the batch either, so a new producer sends it anew.
 */
const STRANGER = new Set([
  'OUT_OF_ORDER_SEQUENCE_NUMBER',
  'UNKNOWN_PRODUCER_ID',
  'INVALID_PRODUCER_EPOCH',
  'PRODUCER_FENCED',
]);
/** The broker has the batch from an earlier try whose answer was lost. */
const WRITTEN = 'DUPLICATE_SEQUENCE_NUMBER';
/** Sequences are 32-bit numbers that the client does not wrap. */
const RENEW_AFTER_EVENTS = 1_000_000_000;

type Bytes = Buffer;

/**
 * Writes batches to a topic so that each acknowledged line is there once: an idempotent producer, acks from all
 * in-sync replicas, one batch under way at a time, and a batch that failed is sent again to the same partition under
 * the same sequence number, by which the broker knows it. One batch goes to one partition, the next to the next, so
 * a batch is written whole or not at all.
 */
export class EventProducer {
  private producer: Producer<Bytes, Bytes, Bytes, Bytes> | undefined;
  private sent = 0;
  private partition = Math.floor(Math.random() * 1000);

  constructor(
    private readonly config: KafkaConfig,
    /** Told when a try fails: a sentence, without the lines. */
    private readonly onTrouble: (sentence: string) => void,
  ) {}

  /** Resolves when it is decided what became of the batch; rejects when `signal` ends the tries before. */
  public async deliver(lines: readonly string[], signal: AbortSignal): Promise<Outcome> {
    const partition = this.partition++;
    const values = lines.map(line => Buffer.from(line));
    for (let pause: number = BACKOFF_MS[0]; ; pause = Math.min(pause * 2, BACKOFF_MS[1])) {
      try {
        await abortable(this.trySend(values, partition), signal);
        return 'acknowledged';
      } catch (error) {
        signal.throwIfAborted();
        const ids = errorIds(error);
        if (ids.includes(WRITTEN)) {
          this.renew();
          return 'acknowledged';
        }
        this.onTrouble(sentenceOf(error));
        if (ids.some(id => REFUSED.has(id))) return 'refused';
        if (ids.some(id => STRANGER.has(id))) this.renew();
        // the leader may be another broker now
        this.producer?.clearMetadata();
        await sleep(pause, undefined, { signal });
      }
    }
  }

  public async close(): Promise<void> {
    try {
      await this.producer?.close(true);
    } catch {
      // the connection is gone already
    }
  }

  private async trySend(values: readonly Buffer[], partition: number): Promise<void> {
    if (this.sent >= RENEW_AFTER_EVENTS) this.renew();
    this.producer ??= new Producer(this.options());
    const { topic } = this.config;
    await this.producer.send({ messages: values.map(value => ({ topic, value, partition })) });
    this.sent += values.length;
  }

  private renew(): void {
    void this.close();
    this.producer = undefined;
    this.sent = 0;
  }

  private options(): ProducerOptions<Bytes, Bytes, Bytes, Bytes> {
    const { bootstrapBrokers, clientId, tls, login } = this.config;
    return {
      clientId,
      bootstrapBrokers: [...bootstrapBrokers],
      idempotent: true,
      acks: ProduceAcks.ALL,
      // the client turns a smaller number into endless tries against the leader that it knew first
      retries: 2,
      retryDelay: 100,
      connectTimeout: 5000,
      timeout: 10_000,
      ...(tls ? { tls } : {}),
      ...(login ? { sasl: { mechanism: 'SCRAM-SHA-512' as const, ...login } } : {}),
    };
  }
}

/** The names of the broker's errors anywhere inside an error, e.g. NOT_LEADER_OR_FOLLOWER. */
function errorIds(error: unknown): string[] {
  const {
    apiId,
    errors = [],
    cause,
  } = (error ?? {}) as { apiId?: string; errors?: unknown[]; cause?: unknown };
  return [...(apiId ? [apiId] : []), ...errors.flatMap(errorIds), ...(cause ? errorIds(cause) : [])];
}

/** The innermost reason: the outer errors only say that something failed. */
function sentenceOf(error: unknown): string {
  const { errors = [], cause, message } = error as GenericError & { errors?: unknown[] };
  const inner = errors.at(-1) ?? cause;
  return inner instanceof Error ? sentenceOf(inner) : String(message ?? error);
}

async function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  work.catch(() => undefined);
  signal.throwIfAborted();
  return new Promise<T>((resolve, reject) => {
    const stop = () => reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
