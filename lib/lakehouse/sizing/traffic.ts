import type { Duration } from 'cdk8s';
import { Construct } from 'constructs';
import { measured, say } from '../../checker/finding/message';
import { type Refusal, refuse } from '../workload/refuse';

export interface TrafficEstimateProps {
  /**
   * Events per second, averaged over the busiest day. Volumes are sized with it, because a volume averages
   * over its whole retention.
   * @default 50
   */
  readonly eventsPerSecond?: number;
  /**
   * The busiest minute of the year, as a multiple of `eventsPerSecond`. Triggers and catch-up are sized with
   * it, because a peak has to be read within minutes.
   * @default 10
   */
  readonly peakFactor?: number;
  /**
   * Bytes of one Kafka value: the log line.
   * @default 210 (the lines of was/ and its load generator, on average)
   */
  readonly bytesPerEvent?: number;
  /**
   * Bytes that one event adds to a broker's log, before replication.
   * @default bytesPerEvent + 75 (a batch of one record: its header and the record's own; docs/sizing.md)
   */
  readonly kafkaBytesPerEvent?: number;
  /**
   * Bytes that one event adds to bronze, as stored.
   * @default 0.3 × bytesPerEvent (lines of JSON with zstd; docs/sizing.md)
   */
  readonly bronzeBytesPerEvent?: number;
  /**
   * Bytes that one event adds to silver, as stored.
   * @default 0.5 × bytesPerEvent (Parquet with zstd; docs/sizing.md)
   */
  readonly silverBytesPerEvent?: number;
  /**
   * Bytes that one event adds to the tables in ClickHouse.
   * @default 32 (docs/sizing.md)
   */
  readonly clickHouseBytesPerEvent?: number;
}

/**
 * The one declared estimate that every volume, trigger and retention is checked against.
 *
 * The defaults are a small shop's: 50 events a second on its busiest day, ten times that at its peak, lines of
 * 210 bytes. docs/sizing.md derives the bytes of each layer.
 *
 * @example
 * const traffic = new TrafficEstimate(chart, 'traffic', { eventsPerSecond: 80, bytesPerEvent: 220 });
 */
export class TrafficEstimate extends Construct {
  public readonly eventsPerSecond: number;
  public readonly peakFactor: number;
  public readonly bytesPerEvent: number;
  public readonly kafkaBytesPerEvent: number;
  public readonly bronzeBytesPerEvent: number;
  public readonly silverBytesPerEvent: number;
  public readonly clickHouseBytesPerEvent: number;

  constructor(scope: Construct, id: string, props: TrafficEstimateProps = {}) {
    super(scope, id);
    this.eventsPerSecond = props.eventsPerSecond ?? 50;
    this.peakFactor = props.peakFactor ?? 10;
    this.bytesPerEvent = props.bytesPerEvent ?? 210;
    this.kafkaBytesPerEvent = props.kafkaBytesPerEvent ?? this.bytesPerEvent + 75;
    this.bronzeBytesPerEvent = props.bronzeBytesPerEvent ?? 0.3 * this.bytesPerEvent;
    this.silverBytesPerEvent = props.silverBytesPerEvent ?? 0.5 * this.bytesPerEvent;
    this.clickHouseBytesPerEvent = props.clickHouseBytesPerEvent ?? 32;
    refuse(this, () => this.refusals());
  }

  /** Events per second in the busiest minute. */
  public get peakEventsPerSecond(): number {
    return this.eventsPerSecond * this.peakFactor;
  }

  /** Events that arrive within a time, at the average rate of the busiest day. */
  public eventsIn(time: Duration): number {
    return this.eventsPerSecond * time.toSeconds({ integral: false });
  }

  private refusals(): Refusal[] {
    const positive = [
      ['eventsPerSecond', this.eventsPerSecond, '50'],
      ['bytesPerEvent', this.bytesPerEvent, '210'],
      ['kafkaBytesPerEvent', this.kafkaBytesPerEvent, '285'],
      ['bronzeBytesPerEvent', this.bronzeBytesPerEvent, '63'],
      ['silverBytesPerEvent', this.silverBytesPerEvent, '105'],
      ['clickHouseBytesPerEvent', this.clickHouseBytesPerEvent, '32'],
    ] as const;
    return [
      ...positive
        .filter(([, value]) => !(value > 0 && Number.isFinite(value)))
        .map(([name, value, usual]) => ({
          message: say`traffic estimate has ${name} ${measured(value)} but it must be a positive number`,
          remedy: say`set ${name} to what you measured, e.g. ${usual}`,
        })),
      ...(this.peakFactor >= 1 && Number.isFinite(this.peakFactor)
        ? []
        : [
            {
              message: say`traffic estimate has peakFactor ${measured(this.peakFactor)} but a peak is at least the average`,
              remedy: say`set peakFactor to 1 or more, e.g. 10`,
            },
          ]),
    ];
  }
}
