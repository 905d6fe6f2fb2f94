import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type LoggedRequest, loggedPath } from './log-line';
import { answer, type ShopAnswer } from './shop';

/** Largest request body: a cart entry is far smaller. */
const MAX_BODY = 4096;

export interface HttpServerOptions {
  /** Told about every request to the shop once its answer is out, or the client is gone. */
  readonly onRequest: (request: LoggedRequest, statusCode: number, seconds: number) => void;
  /** Whether load balancers may send requests. */
  readonly isReady: () => boolean;
  readonly metrics: () => Promise<{ readonly type: string; readonly body: string }>;
}

/**
 * The shop over HTTP, with GET /health/live (also /health), /health/ready and /metrics beside it. Those three are
 * no activity, and are not logged. Readiness does not ask Kafka: without Kafka the shop still sells.
 */
export function httpServer(options: HttpServerOptions): Server {
  const server = createServer({ requestTimeout: 30_000, headersTimeout: 10_000, keepAliveTimeout: 75_000 });
  server.on('request', (request, response) => {
    if (!options.isReady()) response.setHeader('connection', 'close');
    const path = loggedPath(request.url ?? '/');
    if (path === '/health' || path === '/health/live') return reply(response, 200, { status: 'live' });
    if (path === '/health/ready')
      return options.isReady()
        ? reply(response, 200, { status: 'ready' })
        : reply(response, 503, { status: 'draining' });
    if (path === '/metrics') return void replyMetrics(response, options.metrics);
    return void serve(request, response, path, options.onRequest);
  });
  return server;
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  onRequest: HttpServerOptions['onRequest'],
): Promise<void> {
  const started = performance.now();
  const cookies = readCookies(request.headers.cookie);
  const known = /^[\w-]{1,64}$/.test(cookies.get('session') ?? '') ? cookies.get('session') : undefined;
  const session = known ?? randomBytes(8).toString('hex');
  const user = /^\d{1,18}$/.exec(cookies.get('user') ?? '')?.[0] ?? null;
  let action = 'UNKNOWN';
  let bytes = 0;

  response.once('close', () => {
    const finished = response.writableFinished;
    const elapsedMs = performance.now() - started;
    onRequest(
      {
        action,
        method: request.method ?? 'GET',
        path,
        status: !finished ? 'API_CALL' : response.statusCode < 400 ? 'API_FINISH' : 'FAILED',
        user_id: user,
        session_id: session,
        arrivedAtUs: (performance.timeOrigin + started) * 1000,
        bytes: finished ? bytes : 0,
        latencyMs: Math.round(elapsedMs),
      },
      response.statusCode,
      elapsedMs / 1000,
    );
  });

  let body: string | undefined;
  try {
    body = await readBody(request);
  } catch {
    // the client went away in the middle of its request
    return void response.destroy();
  }
  const query = new URLSearchParams(/\?([^#]*)/.exec(request.url ?? '')?.[1] ?? '');
  const said: ShopAnswer =
    body === undefined
      ? { action, statusCode: 413, body: { error: `a body has at most ${MAX_BODY} bytes` } }
      : answer({ method: request.method ?? 'GET', path, query, cookies, body });
  action = said.action;
  const set = { ...(known ? {} : { session }), ...said.cookies };
  response.setHeader('set-cookie', Object.entries(set).map(writeCookie));
  if (said.allow) response.setHeader('allow', said.allow);
  if (body === undefined) response.setHeader('connection', 'close');
  bytes = reply(response, said.statusCode, said.body);
}

/** The body as text; undefined when it is longer than MAX_BODY. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    length += (chunk as Buffer).length;
    if (length > MAX_BODY) return undefined;
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString();
}

function readCookies(header = ''): ReadonlyMap<string, string> {
  return new Map(
    header.split(';').flatMap(part => {
      const at = part.indexOf('=');
      return at < 0 ? [] : [[part.slice(0, at).trim(), part.slice(at + 1).trim()]];
    }),
  );
}

function writeCookie([name, value]: readonly [string, string | undefined]): string {
  const kept = value === undefined ? 'Max-Age=0' : 'SameSite=Lax';
  return `${name}=${value ?? ''}; Path=/; HttpOnly; ${kept}`;
}

/** Sends JSON and returns its size in bytes. */
function reply(response: ServerResponse, statusCode: number, body: unknown): number {
  const text = Buffer.from(JSON.stringify(body));
  response.writeHead(statusCode, { 'content-type': 'application/json', 'content-length': text.length });
  response.end(text);
  return text.length;
}

async function replyMetrics(response: ServerResponse, metrics: HttpServerOptions['metrics']): Promise<void> {
  const { type, body } = await metrics();
  response.writeHead(200, { 'content-type': type });
  response.end(body);
}
