/** A small HTTP server: routes, JSON answers, limits; the ground of every listener. */

import { rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { ListenAddress } from '../rules/index.ts';

export interface Answer {
  readonly status: number;
  readonly body: unknown;
  /** Default: JSON. Otherwise `body` is a string. */
  readonly contentType?: string;
  /** Besides those that every answer has. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** What a route may ask of its request besides the body. */
export interface Asked {
  /** The parts of the path that the route names in braces, decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  /** The client's address. */
  readonly from: string;
}

export type RouteHandler = (body: Readonly<Record<string, unknown>>, asked: Asked) => Answer | Promise<Answer>;

/** `GET /path` or `GET /path/{name}` -> what answers it. The body is what a POST carried, {} if nothing. */
export type Routes = ReadonlyMap<string, RouteHandler>;

/** Opens an address that another process accepts for: sockets come paused or flowing, one after the other. */
export type OpenAddress = (
  address: ListenAddress,
  accept: (socket: Socket) => void,
) => Promise<{ readonly address: string; close(): void }>;

export interface HttpListenerOptions {
  readonly address: ListenAddress;
  /** Absent: the listener opens the address itself. */
  readonly open?: OpenAddress;
  readonly routes: Routes;
  /** Answers a refusal before the route and its body are looked at. */
  readonly guard?: (request: IncomingMessage) => Answer | undefined;
  readonly tls?: {
    readonly cert: Buffer;
    readonly key: Buffer;
    /** Only clients with a certificate of this authority are heard. */
    readonly ca?: Buffer;
  };
  /** Bytes; absent: 64 KiB. */
  readonly bodyMax?: number;
  readonly connectionsMax?: number;
  readonly onAnswer?: (request: IncomingMessage, status: number) => void;
  readonly onError?: (error: unknown) => void;
}

const defaultBodyMax = 64 * 1024;

/** A listener that is open. */
export interface HttpListener {
  /** `host:port` (the real port, where 0 was asked for) or `unix:/path`. */
  readonly address: string;
  /** Resolves when every connection is closed; idle ones are closed at once. */
  close(): Promise<void>;
}

/** Rejects with the socket's error (EADDRINUSE ...). */
export async function openHttp(options: HttpListenerOptions): Promise<HttpListener> {
  const { address } = options;
  const handler = (request: IncomingMessage, response: ServerResponse): void => {
    answer(request, options).then(
      (given) => send(request, response, given, options),
      (error: unknown) => {
        options.onError?.(error);
        send(request, response, failure(500, 'internal error'), options);
      },
    );
  };
  const limits = { requestTimeout: 10_000, headersTimeout: 5000, keepAliveTimeout: 5000, maxHeaderSize: 16 * 1024 };
  const server: Server =
    options.tls === undefined
      ? createServer(limits, handler)
      : createTlsServer(
          { ...limits, ...options.tls, ...(options.tls.ca === undefined ? {} : { requestCert: true }) },
          handler,
        );
  const connectionsMax = options.connectionsMax ?? 256;
  server.maxConnections = connectionsMax;
  server.on('clientError', (_, socket) => socket.destroy());
  const { address: bound, close } =
    options.open === undefined
      ? await listen(server, options)
      : await options.open(address, admission(server, connectionsMax));
  return {
    address: bound,
    close: () =>
      new Promise((resolve) => {
        close();
        server.close(() => resolve());
        server.closeIdleConnections();
        setTimeout(() => server.closeAllConnections(), 1000).unref();
      }),
  };
}

async function listen(
  server: Server,
  { address, onError }: HttpListenerOptions,
): Promise<{ readonly address: string; close(): void }> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    const opened = (): void => {
      server.off('error', reject);
      server.on('error', (error) => onError?.(error));
      resolve();
    };
    if (address.kind === 'unix') {
      rmSync(address.path, { force: true });
      server.listen(address.path, opened);
    } else {
      server.listen({ host: address.host, port: address.port }, opened);
    }
  });
  const close = (): void => undefined;
  if (address.kind === 'unix') return { address: `unix:${address.path}`, close };
  const { port } = server.address() as AddressInfo;
  return { address: `${address.host.includes(':') ? `[${address.host}]` : address.host}:${port}`, close };
}

/** What a listening server does with its connections. */
function admission(server: Server, connectionsMax: number): (socket: Socket) => void {
  let open = 0;
  return (socket) => {
    if (open >= connectionsMax) {
      socket.destroy();
      return;
    }
    open += 1;
    socket.once('close', () => {
      open -= 1;
    });
    server.emit('connection', socket);
  };
}

/** A refusal as JSON. */
export function failure(status: number, message: string): Answer {
  return { status, body: { error: message } };
}

async function answer(request: IncomingMessage, options: HttpListenerOptions): Promise<Answer> {
  const refused = options.guard?.(request);
  if (refused !== undefined) return refused;
  const [path = '/', search = ''] = splitOnce(request.url ?? '/', '?');
  const method = request.method === 'HEAD' ? 'GET' : (request.method ?? 'GET');
  const found = findRoute(options.routes, method, path);
  if (found === undefined) {
    const other = ['GET', 'POST', 'DELETE'].find((one) => findRoute(options.routes, one, path) !== undefined);
    return other === undefined
      ? { status: 404, body: { error: 'no such path', paths: [...options.routes.keys()] } }
      : failure(405, `${path} takes ${other}`);
  }
  const asked: Asked = {
    params: found.params,
    query: new URLSearchParams(search),
    headers: request.headers,
    from: request.socket.remoteAddress ?? 'unix',
  };
  if (method === 'GET') return await found.handler({}, asked);
  const limit = options.bodyMax ?? defaultBodyMax;
  const body = await readBody(request, limit);
  return body === undefined
    ? failure(400, `the body must be a JSON object of at most ${limit / 1024} KiB`)
    : await found.handler(body, asked);
}

function splitOnce(text: string, mark: string): string[] {
  const at = text.indexOf(mark);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

/** Exact paths first; then those with names in braces, each of which takes one segment. */
function findRoute(
  routes: Routes,
  method: string,
  path: string,
): { readonly handler: RouteHandler; readonly params: Record<string, string> } | undefined {
  const exact = routes.get(`${method} ${path}`);
  if (exact !== undefined) return { handler: exact, params: {} };
  const segments = path.split('/');
  for (const [key, handler] of routes) {
    if (!key.includes('{') || !key.startsWith(`${method} `)) continue;
    const wanted = key.slice(method.length + 1).split('/');
    if (wanted.length !== segments.length) continue;
    const params: Record<string, string> = {};
    const fits = wanted.every((part, index) => {
      const given = segments[index] ?? '';
      if (!part.startsWith('{')) return part === given;
      const value = decoded(given);
      if (value === undefined || value === '') return false;
      params[part.slice(1, -1)] = value;
      return true;
    });
    if (fits) return { handler, params };
  }
  return undefined;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

async function readBody(request: IncomingMessage, limit: number): Promise<Record<string, unknown> | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  // Read to its end even if it is too long, so that the answer arrives; requestTimeout bounds it.
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= limit) chunks.push(chunk);
  }
  if (size > limit) return undefined;
  if (size === 0) return {};
  try {
    const value: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

function send(request: IncomingMessage, response: ServerResponse, given: Answer, options: HttpListenerOptions): void {
  const text = given.contentType === undefined ? `${JSON.stringify(given.body)}\n` : String(given.body);
  options.onAnswer?.(request, given.status);
  response.on('error', () => {});
  response.writeHead(given.status, {
    'content-type': given.contentType ?? 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...given.headers,
    // A body that was not read must not be taken for the next request.
    ...(request.complete || request.method === 'GET' ? {} : { connection: 'close' }),
  });
  response.end(request.method === 'HEAD' ? undefined : text);
}
