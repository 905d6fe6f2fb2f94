import { type Contract, ContractError, objectNamed } from './contract';

/** What the values of an event are held to. What is beyond goes to quarantine with its reason. */
export interface EventLimits {
  readonly maxValueBytes: number;
  readonly maxUserDigits: number;
  readonly maxBytes: number;
  readonly maxLatencyMs: number;
  /** The first time that is in range, and the first after it that is not; ISO 8601, UTC. */
  readonly firstTime: string;
  readonly endOfTime: string;
}

/** Throws a ContractError that names every limit that is missing or that the parser cannot hold. */
export function eventLimits(contract: Contract): EventLimits {
  const event = objectNamed(contract, 'event');
  const problems: string[] = [];
  const option = (name: string, key: string): unknown =>
    event.columns.find(column => column.name === name)?.options[key];
  const whole = (what: string, value: unknown): number => {
    if (typeof value === 'number' && Number.isSafeInteger(value) && value > 0) return value;
    problems.push(`event: ${what} is ${JSON.stringify(value)}; set a whole number above 0, at most 2^53 - 1`);
    return 0;
  };
  const time = (key: string): string => {
    const value = String(option('event_time', key));
    if (/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(value) && !Number.isNaN(Date.parse(value))) return value;
    problems.push(`event: ${key} of event_time is ${value}; set a time as 2026-01-15T00:00:00Z`);
    return value;
  };
  for (const name of ['bytes', 'latency_ms']) {
    const minimum = option(name, 'minimum');
    if (minimum !== 0)
      problems.push(`event: minimum of ${name} is ${JSON.stringify(minimum)}; the parser knows only 0`);
  }
  const limits = {
    maxValueBytes: whole('custom property maxValueBytes', event.custom['maxValueBytes']),
    maxUserDigits: whole('maxLength of user_id', option('user_id', 'maxLength')),
    maxBytes: whole('maximum of bytes', option('bytes', 'maximum')),
    maxLatencyMs: whole('maximum of latency_ms', option('latency_ms', 'maximum')),
    firstTime: time('minimum'),
    endOfTime: time('exclusiveMaximum'),
  };
  problems.push(...silverProblems(contract));
  if (problems.length > 0) throw new ContractError(problems);
  return limits;
}

/** What the jobs make of a record beside the fields of its event. */
const madeByJobs = [
  'raw_json',
  'topic',
  'partition',
  'offset',
  'kafka_timestamp',
  'raw_json_clean',
  'is_failed',
  'year',
  'month',
  'day',
  'hour',
];

function silverProblems(contract: Contract): readonly string[] {
  const made = [...madeByJobs, ...objectNamed(contract, 'event').columns.map(column => column.name)];
  return objectNamed(contract, 'silver')
    .columns.filter(column => !made.includes(column.name))
    .map(
      column =>
        `silver.${column.name} is no field of the event, and no job makes it; those that are made are ${made.join(', ')}`,
    );
}
