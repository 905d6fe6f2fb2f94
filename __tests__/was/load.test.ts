import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { seeded } from '../../lib/checker/capacity/search';
import { httpServer } from '../../was/http-server';
import { quantiles, runLoad } from '../../was/load';
import type { LoggedRequest } from '../../was/log-line';
import { Shopper } from '../../was/shopper';

function walk(seed: number): string[] {
  const shopper = new Shopper(seeded(seed), 100);
  const steps: string[] = [];
  for (let step = shopper.next(); step; step = shopper.next()) steps.push(`${step.method} ${step.target}`);
  expect(shopper.next()).toBeUndefined();
  return steps;
}

test('a visit begins at the main page, ends, and is the same for the same seed', () => {
  const visits = Array.from({ length: 500 }, (_, seed) => walk(seed));

  expect(new Set(visits.map(([first]) => first))).toEqual(new Set(['GET /main']));
  expect(walk(7)).toEqual(visits[7]);
  expect(new Set(visits.flat().map(step => step.replace(/\?.*|\/\d+$/g, '')))).toEqual(
    new Set([
      'GET /main',
      'GET /search',
      'GET /store/category',
      'GET /store',
      'POST /cart',
      'POST /order',
      'GET /orderstatus',
    ]),
  );
});

test('an order follows a cart_add of the same visit', () => {
  for (let seed = 0; seed < 500; seed++) {
    const steps = walk(seed);
    const order = steps.indexOf('POST /order');
    if (order >= 0) expect(steps.slice(0, order)).toContain('POST /cart');
  }
});

test('the shop sees sessions with what they ordered, at the number of requests asked for', async () => {
  const logged: LoggedRequest[] = [];
  const server = httpServer({
    onRequest: request => logged.push(request),
    isReady: () => true,
    metrics: async () => ({ type: '', body: '' }),
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);

  // So few that a busy machine answers each before its visitor's turn comes again.
  const report = await runLoad({
    url,
    rate: 50,
    seconds: 4,
    users: 50,
    random: seeded(1),
    maxInFlight: 1000,
  });
  await new Promise(resolve => server.close(resolve));

  expect(report).toMatchObject({ answered: 200, unanswered: 0, skipped: 0 });
  expect(logged).toHaveLength(200);
  expect(new Set(logged.map(({ session_id }) => session_id)).size).toBeLessThan(100);
  const orders = logged.filter(({ action }) => action === 'ORDER');
  expect(orders.filter(({ status }) => status === 'FAILED')).toEqual([]);
  expect(new Set(logged.map(({ action }) => action)).size).toBeGreaterThan(4);
}, 30_000);

test('requests that get no answer, and those that are not sent, are counted', async () => {
  const server = createServer((request, response) => {
    if (request.url === '/main') response.destroy();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);

  const broken = await runLoad({
    url,
    rate: 100,
    seconds: 0.2,
    users: 5,
    random: seeded(1),
    maxInFlight: 100,
  });
  await new Promise(resolve => server.close(resolve));
  const gone = await runLoad({ url, rate: 1000, seconds: 0.1, users: 5, random: seeded(1), maxInFlight: 1 });

  expect(broken).toMatchObject({ answered: 0, unanswered: 20, skipped: 0 });
  expect(gone.unanswered + gone.skipped).toBe(100);
  expect(gone.skipped).toBeGreaterThan(0);
});

test.each([
  [[], { p50: 0, p95: 0, p99: 0, max: 0 }],
  [[5], { p50: 5, p95: 5, p99: 5, max: 5 }],
  [Array.from({ length: 100 }, (_, index) => 100 - index), { p50: 50, p95: 95, p99: 99, max: 100 }],
])('quantiles of %j', (values, expected) => {
  expect(quantiles(values)).toEqual(expected);
});
