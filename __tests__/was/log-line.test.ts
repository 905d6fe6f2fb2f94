import fc from 'fast-check';
import { isoMicroseconds, loggedPath, logLine, MAX_PATH } from '../../was/log-line';

const REQUEST = {
  action: 'SEARCH',
  method: 'GET',
  path: '/search',
  status: 'API_FINISH',
  user_id: '14185',
  session_id: 'a91f',
  arrivedAtUs: Date.UTC(2026, 0, 15) * 1000 + 7200,
  bytes: 5120,
  latencyMs: 37,
} as const;

test('a request becomes the line of the contract', () => {
  expect(logLine(REQUEST, 'was-1')).toBe(
    '2026-01-15 00:00:00.007 INFO  [http was-1] was.ActivityLogger : [USER_ACTIVITY] - SEARCH user=14185 GET /search API_FINISH time=2026-01-15T00:00:00.007200Z session=a91f bytes=5120 latency_ms=37',
  );
});

test('without a user it is user=-, without a session none', () => {
  expect(logLine({ ...REQUEST, user_id: null, session_id: null }, 'was-1')).toMatch(
    / user=- GET \/search API_FINISH time=\S+Z bytes=5120 latency_ms=37$/,
  );
});

test.each([
  ['/store/17?q=user=5', '/store/17'],
  ['/search#part', '/search'],
  ['http://shop.example/main?x', '/main'],
  ['*', '/'],
  ['', '/'],
  ['/a b\tc\u00e9', '/a%20b%09c%C3%A9'],
  ['//twice', '//twice'],
])('the target %j is logged as %j', (target, path) => {
  expect(loggedPath(target)).toBe(path);
});

test('whatever comes as a target, the line has the same number of tokens and one event', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 3000 }), target => {
      const line = logLine({ ...REQUEST, path: loggedPath(target) }, 'was-1');

      expect(line.split(/\s+/)).toHaveLength(18);
      expect(/^[\x20-\x7e]*$/.test(line)).toBe(true);
      expect(line.length).toBeLessThan(12 * MAX_PATH + 300);
      expect(line.indexOf('[USER_ACTIVITY]')).toBe(line.search(/\[[A-Z_]+\]/));
    }),
  );
});

test('microseconds are kept', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4_000_000_000_000_000 }), us => {
      const text = isoMicroseconds(us);

      expect(Date.parse(`${text.slice(0, 23)}Z`) * 1000 + Number(text.slice(23))).toBe(us);
    }),
  );
});
