import type { Duration } from 'cdk8s';
import { allowed, measured, say } from '../../checker/finding/message';
import { type Culprit, type Refusal, writing } from '../workload/refuse';

/** A reader that fell behind, and what it has left. Rates in events per second. */
export interface Backlog {
  readonly outage: Duration;
  readonly arriving: number;
  readonly reading: number;
  /** How long what is unread is kept. */
  readonly retention: Duration;
}

/** Seconds from the start of an outage until its backlog is read; infinite when the reader is not faster. */
export function secondsToRecover({ outage, arriving, reading }: Omit<Backlog, 'retention'>): number {
  const seconds = outage.toSeconds({ integral: false });
  return reading > arriving
    ? seconds + (seconds * arriving) / (reading - arriving)
    : Number.POSITIVE_INFINITY;
}

/**
 * What is wrong when the backlog would outlive what is kept. The oldest unread event is as old as the outage when
 * reading resumes; asking for the whole recovery leaves room for a second outage during the first one's.
 */
export function backlogRefusals(job: Culprit, source: string, backlog: Backlog, remedy: string): Refusal[] {
  const recovery = secondsToRecover(backlog);
  // A reader that reads nothing is refused for the figure that says so.
  if (!(backlog.arriving > 0 && backlog.reading > 0)) return [];
  if (recovery <= backlog.retention.toSeconds({ integral: false })) return [];
  const took = Number.isFinite(recovery) ? `${hours(recovery)} to recover` : 'for ever to recover';
  return [
    {
      ...writing(job),
      rule: 'unbounded-backlog',
      message: say`${job.what} needs ${measured(took)} from an outage of ${hours(backlog.outage.toSeconds({ integral: false }))} (${figure(backlog.arriving)} events arrive a second, ${figure(backlog.reading)} are read) but ${source} is kept for ${allowed(hours(backlog.retention.toSeconds({ integral: false })))}`,
      remedy: say`${remedy}`,
    },
  ];
}

function hours(seconds: number): string {
  return `${figure(seconds / 3600)} h`;
}

function figure(value: number): string {
  return String(Math.round(value * 10) / 10);
}
