/** A small HTTP server: routes, JSON answers, limits; the ground of both listeners. */

import { rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { ListenAddress } from '../rules/index.ts';

export interface Answer {
  readonly status: number;
  readonly body: unknown;
  /** Default: JSON. Otherwise `body` is a string. */
  readonly contentType?: string;
}

/** `GET /path` -> what answers it. The body is what a POST carried, {} if nothing. */
export type Routes = ReadonlyMap<string, (body: Readonly<Record<string, unknown>>) => Answer | Promise<Answer>>;

export interface HttpListenerOptions {
  readonly address: ListenAddress;
  readonly routes: Routes;
  /** Answers a refusal before the route and its body are looked at. */
  readonly guard?: (request: IncomingMessage) => Answer | undefined;
  readonly tls?: { readonly cert: Buffer; readonly key: Buffer };
  readonly onAnswer?: (request: IncomingMessage, status: number) => void;
  readonly onError?: (error: unknown) => void;
}

const bodyMax = 64 * 1024;

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
    options.tls === undefined ? createServer(limits, handler) : createTlsServer({ ...limits, ...options.tls }, handler);
  server.maxConnections = 256;
  server.on('clientError', (_, socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    const opened = (): void => {
      server.off('error', reject);
      server.on('error', (error) => options.onError?.(error));
      resolve();
    };
    if (address.kind === 'unix') {
      rmSync(address.path, { force: true });
      server.listen(address.path, opened);
    } else {
      server.listen({ host: address.host, port: address.port }, opened);
    }
  });
  const port = address.kind === 'tcp' ? (server.address() as AddressInfo).port : 0;
  return {
    address:
      address.kind === 'unix'
        ? `unix:${address.path}`
        : `${address.host.includes(':') ? `[${address.host}]` : address.host}:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
        setTimeout(() => server.closeAllConnections(), 1000).unref();
      }),
  };
}

/** A refusal as JSON. */
export function failure(status: number, message: string): Answer {
  return { status, body: { error: message } };
}

async function answer(request: IncomingMessage, options: HttpListenerOptions): Promise<Answer> {
  const refused = options.guard?.(request);
  if (refused !== undefined) return refused;
  const path = (request.url ?? '/').split('?', 1)[0] ?? '/';
  const method = request.method === 'HEAD' ? 'GET' : (request.method ?? 'GET');
  const route = options.routes.get(`${method} ${path}`);
  if (route === undefined) {
    const other = [...options.routes.keys()].find((key) => key.endsWith(` ${path}`));
    return other === undefined
      ? { status: 404, body: { error: 'no such path', paths: [...options.routes.keys()] } }
      : failure(405, `${path} takes ${other.split(' ', 1)[0]}`);
  }
  if (method === 'GET') return await route({});
  const body = await readBody(request);
  return body === undefined ? failure(400, 'the body must be a JSON object of at most 64 KiB') : await route(body);
}

async function readBody(request: IncomingMessage): Promise<Record<string, unknown> | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  // Read to its end even if it is too long, so that the answer arrives; requestTimeout bounds it.
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= bodyMax) chunks.push(chunk);
  }
  if (size > bodyMax) return undefined;
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
    // A body that was not read must not be taken for the next request.
    ...(request.complete || request.method === 'GET' ? {} : { connection: 'close' }),
  });
  response.end(request.method === 'HEAD' ? undefined : text);
}
