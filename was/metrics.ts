import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { LossReason } from './event-buffer';

const REASONS: readonly LossReason[] = ['buffer_full', 'refused', 'shutdown', 'unconfirmed'];

/** What the server counts, in Prometheus' text format under /metrics. */
export class Metrics {
  private readonly registry = new Registry();
  private readonly registers = [this.registry];
  public readonly requests = new Counter({
    name: 'was_http_requests_total',
    help: 'Requests to the shop, by action and status code',
    labelNames: ['action', 'code'] as const,
    registers: this.registers,
  });
  public readonly duration = new Histogram({
    name: 'was_http_request_duration_seconds',
    help: 'Time from the request to the end of its answer, by action',
    labelNames: ['action'] as const,
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
    registers: this.registers,
  });
  public readonly events = new Counter({
    name: 'was_events_total',
    help: 'Events made, one a request; all end as acknowledged or as lost',
    registers: this.registers,
  });
  public readonly acknowledged = new Counter({
    name: 'was_events_acknowledged_total',
    help: 'Events that all in-sync replicas of the topic have',
    registers: this.registers,
  });
  public readonly lost = new Counter({
    name: 'was_events_lost_total',
    help: 'Events that are not known to be in the topic, by reason',
    labelNames: ['reason'] as const,
    registers: this.registers,
  });
  public readonly failedTries = new Counter({
    name: 'was_kafka_failed_sends_total',
    help: 'Tries to send a batch that failed and were repeated',
    registers: this.registers,
  });

  constructor(buffer: () => { readonly events: number; readonly usedBytes: number }, capacityBytes: number) {
    collectDefaultMetrics({ register: this.registry });
    for (const reason of REASONS) this.lost.inc({ reason }, 0);
    const registers = this.registers;
    new Gauge({
      name: 'was_event_buffer_events',
      help: 'Events that wait for Kafka',
      registers,
      collect() {
        this.set(buffer().events);
      },
    });
    new Gauge({
      name: 'was_event_buffer_bytes',
      help: 'Bytes of the events that wait for Kafka',
      registers,
      collect() {
        this.set(buffer().usedBytes);
      },
    });
    new Gauge({
      name: 'was_event_buffer_capacity_bytes',
      help: 'Bytes of events that may wait; more are lost',
      registers,
    }).set(capacityBytes);
  }

  public async text(): Promise<{ readonly type: string; readonly body: string }> {
    return { type: this.registry.contentType, body: await this.registry.metrics() };
  }
}
