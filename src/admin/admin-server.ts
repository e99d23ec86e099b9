/** The `admin` listener: an operator's page and orders; orders need a token and JSON, never from a foreign web page. */
import type { IncomingMessage } from 'node:http';
import { isLoopback, MeshError } from '../base/index.ts';
import { type Answer, failure, type HttpListener, hostOf, openHttp, type Routes, sameToken } from '../http/index.ts';
import type { ListenAddress } from '../rules/index.ts';
import type { AdminAudit, OperatorHandles } from './handles.ts';
import { openPaths, pageRoutes } from './operator-page.ts';

export interface AdminServerOptions {
  readonly address: ListenAddress;
  /** Undefined only on a loopback listener, where every order is then refused. */
  readonly token: string | undefined;
  readonly tls?: { readonly cert: Buffer; readonly key: Buffer };
  /** Names that the Host header may carry besides loopback names and the listener's own. */
  readonly hosts?: readonly string[];
  readonly operator: OperatorHandles;
  /** Further routes, behind the same guard. */
  readonly routes?: Routes;
  readonly audit?: AdminAudit;
  readonly onError?: (error: unknown) => void;
}

/** Opens the listener. Throws MeshError SM_CONFIG for an address that needs a token and TLS and has not both. */
export async function openAdminServer(options: AdminServerOptions): Promise<HttpListener> {
  refuseUnsafe(options);
  const hosts = allowedHosts(options);
  return await openHttp({
    address: options.address,
    ...(options.tls === undefined ? {} : { tls: options.tls }),
    ...(options.onError === undefined ? {} : { onError: options.onError }),
    routes: new Map([...operatorRoutes(options.operator), ...(options.routes ?? []), ...pageRoutes()]),
    guard: (request) => guard(request, hosts, options.token),
    onAnswer: (request, outcome) => {
      options.audit?.({
        route: `${request.method ?? ''} ${(request.url ?? '').split('?', 1)[0] ?? ''}`,
        from: request.socket.remoteAddress ?? 'unix',
        outcome,
      });
    },
  });
}

function refuseUnsafe(options: AdminServerOptions): void {
  if (isLoopback(options.address)) return;
  const lacks = [options.token === undefined ? 'a token' : '', options.tls === undefined ? 'TLS' : ''].filter(
    (what) => what !== '',
  );
  if (lacks.length === 0) return;
  const where =
    options.address.kind === 'tcp' ? `${options.address.host}:${options.address.port}` : options.address.path;
  throw new MeshError('SM_CONFIG', {
    message: `the admin listener ${where} can be reached from other machines and lacks ${lacks.join(' and ')}; listen on 127.0.0.1 or give it both`,
  });
}

function allowedHosts(options: AdminServerOptions): ReadonlySet<string> {
  const own =
    options.address.kind === 'tcp' && !['0.0.0.0', '::'].includes(options.address.host) ? [options.address.host] : [];
  return new Set(['localhost', '127.0.0.1', '::1', ...own, ...(options.hosts ?? [])].map((host) => host.toLowerCase()));
}

/** A page of a foreign site cannot pass: it has neither the token, nor an allowed Host after DNS rebinding, nor an allowed Origin. */
function guard(request: IncomingMessage, hosts: ReadonlySet<string>, token: string | undefined): Answer | undefined {
  const host = hostOf(`http://${request.headers.host ?? ''}`);
  if (host === undefined || !hosts.has(host)) return failure(421, 'this Host is not served here');
  const { origin } = request.headers;
  if (origin !== undefined) {
    const from = hostOf(origin);
    if (from === undefined || !hosts.has(from)) return failure(403, 'this Origin is not allowed');
  }
  const [path = ''] = (request.url ?? '').split('?', 1);
  if (request.method === 'GET' && openPaths.has(path)) return undefined;
  const given = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
  if (token === undefined || given === undefined || !sameToken(given, token))
    return failure(401, 'a valid bearer token is needed');
  if (request.method === 'POST' && !/^application\/json\s*(;|$)/i.test(request.headers['content-type'] ?? '')) {
    return failure(415, 'only application/json is accepted');
  }
  return undefined;
}

function operatorRoutes(operator: OperatorHandles): Routes {
  return new Map<string, (body: Readonly<Record<string, unknown>>) => Answer | Promise<Answer>>([
    ['GET /v1/status', async () => ({ status: 200, body: await operator.status() })],
    ['GET /v1/sources', async () => ({ status: 200, body: { sources: await operator.sources() } })],
    [
      'POST /reload',
      async () => {
        const body = await operator.reload();
        return { status: body.result === 'refused' ? 422 : 200, body };
      },
    ],
    [
      'POST /drain',
      (body) => {
        const limits: { minDrainMs?: number; maxDrainMs?: number } = {};
        for (const key of Object.keys(body)) {
          const value = body[key];
          if (key !== 'minDrainMs' && key !== 'maxDrainMs')
            return failure(400, `unknown key '${key}'; known are minDrainMs and maxDrainMs`);
          if (typeof value !== 'number' || !Number.isFinite(value) || value < 0)
            return failure(400, `${key} must be a number of milliseconds`);
          limits[key] = value;
        }
        operator.drain(limits);
        return { status: 202, body: { draining: true } };
      },
    ],
    [
      'POST /quitquitquit',
      () => {
        operator.quit();
        return { status: 202, body: { draining: true } };
      },
    ],
  ]);
}
