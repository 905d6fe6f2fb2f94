/** What became of a batch: the broker has it, or will never take it. */
export type Outcome = 'acknowledged' | 'refused';

/**
 * Why an event is lost. `unconfirmed` ones were under way when time was over: the broker may have them or not.
 */
export type LossReason = 'buffer_full' | 'refused' | 'shutdown' | 'unconfirmed';

export interface EventBufferOptions {
  /**
   * Delivers one batch, for as long as it takes; resolves when it is decided. Called for one batch at a time: the
   * order of lines stays, and an idempotent producer's sequence has one writer.
   */
  readonly deliver: (lines: readonly string[], signal: AbortSignal) => Promise<Outcome>;
  readonly onAcknowledged: (events: number) => void;
  readonly onLost: (events: number, reason: LossReason) => void;
  /** Bytes of lines that may wait, those under way included. */
  readonly capacityBytes: number;
  /** How long a line waits for others to share its batch. */
  readonly lingerMs: number;
  /** Most lines of a batch. */
  readonly batchEvents: number;
}

/**
 * A bounded queue between requests and Kafka. A request never waits for it: when it is full the newest event is
 * dropped, and counted. Every accepted event ends as acknowledged or as lost with a reason, once.
 */
export class EventBuffer {
  private readonly waiting: string[] = [];
  /** Lines before this index of `waiting` are delivered; it is cut off now and then, not at every batch. */
  private head = 0;
  private bytes = 0;
  private inFlight = 0;
  private closed = false;
  private pump: Promise<void> | undefined;
  private wake: () => void = () => {};
  private readonly abort = new AbortController();

  constructor(private readonly options: EventBufferOptions) {}

  public get events(): number {
    return this.waiting.length - this.head + this.inFlight;
  }

  public get usedBytes(): number {
    return this.bytes;
  }

  /** Takes a line, or drops it when there is no room. */
  public offer(line: string): boolean {
    const size = Buffer.byteLength(line);
    if (this.closed || this.bytes + size > this.options.capacityBytes) {
      this.options.onLost(1, this.closed ? 'shutdown' : 'buffer_full');
      return false;
    }
    this.waiting.push(line);
    this.bytes += size;
    this.pump ??= this.run();
    if (this.waiting.length - this.head >= this.options.batchEvents) this.wake();
    return true;
  }

  /** Delivers what waits, for at most `timeoutMs`; what is left then is lost, and counted. */
  public async close(timeoutMs: number): Promise<void> {
    this.closed = true;
    this.wake();
    const timer = setTimeout(() => this.abort.abort(), timeoutMs);
    await this.pump;
    clearTimeout(timer);
  }

  private async run(): Promise<void> {
    while (this.head < this.waiting.length) {
      if (!this.closed && this.waiting.length - this.head < this.options.batchEvents) await this.linger();
      await this.deliverBatch();
      if (this.abort.signal.aborted) this.loseTheRest();
    }
    this.pump = undefined;
  }

  private linger(): Promise<void> {
    return new Promise(resolve => {
      const timer = setTimeout(resolve, this.options.lingerMs);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  private async deliverBatch(): Promise<void> {
    const { batchEvents, deliver, onAcknowledged, onLost } = this.options;
    const batch = this.waiting.slice(this.head, this.head + batchEvents);
    this.head += batch.length;
    this.inFlight = batch.length;
    const outcome = await deliver(batch, this.abort.signal).catch(() => 'unconfirmed' as const);
    this.inFlight = 0;
    this.bytes -= batch.reduce((sum, line) => sum + Buffer.byteLength(line), 0);
    if (this.head > 10_000 || this.head === this.waiting.length) {
      this.waiting.splice(0, this.head);
      this.head = 0;
    }
    if (outcome === 'acknowledged') onAcknowledged(batch.length);
    else onLost(batch.length, outcome);
  }

  private loseTheRest(): void {
    const left = this.waiting.length - this.head;
    this.waiting.length = 0;
    this.head = 0;
    this.bytes = 0;
    if (left > 0) this.options.onLost(left, 'shutdown');
  }
}
