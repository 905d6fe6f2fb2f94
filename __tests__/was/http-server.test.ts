import { once } from 'node:events';
import type { Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { httpServer } from '../../was/http-server';
import type { LoggedRequest } from '../../was/log-line';

let server: Server;
let url: string;
let ready: boolean;
let logged: (LoggedRequest & { readonly code: number })[];

beforeEach(async () => {
  ready = true;
  logged = [];
  server = httpServer({
    onRequest: (request, code) => logged.push({ ...request, code }),
    isReady: () => ready,
    metrics: async () => ({ type: 'text/plain', body: 'was_events_total 0\n' }),
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

test('a request is logged with who, what, how long and how much', async () => {
  const before = Date.now() * 1000;
  const response = await fetch(`${url}/store/17?from=mail`, {
    headers: { cookie: 'user=14185; session=a91f' },
  });
  const body = await response.text();

  expect(logged).toEqual([
    {
      action: 'ITEM',
      method: 'GET',
      path: '/store/17',
      status: 'API_FINISH',
      user_id: '14185',
      session_id: 'a91f',
      arrivedAtUs: expect.any(Number),
      bytes: Buffer.byteLength(body),
      latencyMs: expect.any(Number),
      code: 200,
    },
  ]);
  expect(Math.abs((logged[0]?.arrivedAtUs ?? 0) - before)).toBeLessThan(60_000_000);
});

test('a visitor without a session gets one, and it is the one that is logged', async () => {
  const response = await fetch(`${url}/main`);

  const session = /^session=([0-9a-f]{16}); Path=\/; HttpOnly; SameSite=Lax$/.exec(
    response.headers.getSetCookie()[0] ?? '',
  )?.[1];
  expect(session).toBeDefined();
  expect(logged[0]).toMatchObject({ user_id: null, session_id: session });
});

test.each(['a b', 'x'.repeat(65), 'é', '[USER_ACTIVITY]'])(
  'the session %j is not believed',
  async session => {
    await fetch(`${url}/main`, { headers: { cookie: `session=${encodeURI(session)}; user=12x` } });

    expect(logged[0]).toMatchObject({ user_id: null, session_id: expect.stringMatching(/^[0-9a-f]{16}$/) });
  },
);

test('what fails is logged as FAILED with its path', async () => {
  const response = await fetch(`${url}/nothing%20here`);

  expect(response.status).toBe(404);
  expect(logged).toMatchObject([{ action: 'UNKNOWN', status: 'FAILED', path: '/nothing%20here', code: 404 }]);
});

test('a body that is too long is refused, and the next request is answered', async () => {
  const response = await fetch(`${url}/cart`, { method: 'POST', body: 'x'.repeat(5000) });
  expect(response.status).toBe(413);

  expect((await fetch(`${url}/cart`, { method: 'POST', body: '{"product":1}' })).status).toBe(201);
  expect(logged.map(({ code }) => code)).toEqual([413, 201]);
});

test('a client that leaves in the middle is logged as a call without an end', async () => {
  const { port } = server.address() as AddressInfo;
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write('POST /cart HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{');
  await once(server, 'request');
  socket.destroy();
  while (logged.length === 0) await new Promise(setImmediate);

  expect(logged).toMatchObject([{ status: 'API_CALL', bytes: 0 }]);
});

test('probes and metrics are answered and not logged', async () => {
  const answers = await Promise.all(
    ['/health', '/health/live', '/health/ready', '/metrics'].map(async path =>
      (await fetch(url + path)).text(),
    ),
  );

  expect(answers).toEqual([
    '{"status":"live"}',
    '{"status":"live"}',
    '{"status":"ready"}',
    'was_events_total 0\n',
  ]);
  expect(logged).toEqual([]);
});

test('while it drains it is live and not ready, and still sells', async () => {
  ready = false;

  expect((await fetch(`${url}/health/ready`)).status).toBe(503);
  expect((await fetch(`${url}/health/live`)).status).toBe(200);
  const sold = await fetch(`${url}/main`);
  expect([sold.status, sold.headers.get('connection')]).toEqual([200, 'close']);
});
