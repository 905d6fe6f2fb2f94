import type { Event } from '../lib/lakehouse/contract/schema';

/** What a request leaves behind: the contract's event, with the time as the clock gives it. */
export type LoggedRequest = Pick<Event, 'user_id' | 'session_id'> & {
  readonly action: string;
  readonly method: string;
  /** Path as `loggedPath` gives it. */
  readonly path: string;
  readonly status: 'API_CALL' | 'API_FINISH' | 'FAILED';
  /** When the request came, microseconds since the epoch. */
  readonly arrivedAtUs: number;
  readonly bytes: number;
  readonly latencyMs: number;
};

/**
 * The log line of a request, in the order that the contract's example has. Nothing in it can break the grammar:
 * method, path, user and session hold no white space, and the prefix holds no bracket of upper case letters.
 */
export function logLine(request: LoggedRequest, instance: string): string {
  const time = isoMicroseconds(request.arrivedAtUs);
  return (
    `${time.slice(0, 10)} ${time.slice(11, 23)} INFO  [http ${instance}] was.ActivityLogger : ` +
    `[USER_ACTIVITY] - ${request.action} user=${request.user_id ?? '-'} ${request.method} ${request.path} ` +
    `${request.status} time=${time}Z${request.session_id === null ? '' : ` session=${request.session_id}`} ` +
    `bytes=${request.bytes} latency_ms=${request.latencyMs}`
  );
}

/** `2026-01-15T00:00:00.007200`, UTC, without a zone. */
export function isoMicroseconds(us: number): string {
  const milliseconds = Math.floor(us / 1000);
  const rest = Math.floor(us) - milliseconds * 1000;
  return `${new Date(milliseconds).toISOString().slice(0, 23)}${String(rest).padStart(3, '0')}`;
}

/** Longest path that is logged: a line stays far below every limit on records. */
export const MAX_PATH = 1024;

/**
 * The path of a request target without its query, which may hold what nobody should keep. A character that is not
 * printable ASCII is percent-encoded, so the path is one token of the line.
 */
export function loggedPath(target: string): string {
  const absolute = /^[a-z]+:\/\/[^/?#]*/i.exec(target)?.[0] ?? '';
  const path = target.slice(absolute.length).split(/[?#]/, 1)[0] ?? '';
  if (!path.startsWith('/')) return '/';
  return path
    .slice(0, MAX_PATH)
    .replace(/[^\x21-\x7e]/g, character =>
      [...Buffer.from(character)]
        .map(byte => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`)
        .join(''),
    );
}
