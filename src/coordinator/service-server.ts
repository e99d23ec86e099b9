/** The `transaction.coordinator` listener: the routes of services, who may use them, and how failures are told. */
import type { IncomingMessage } from 'node:http';
import { isLoopback, MeshError } from '../base/index.ts';
import {
  type Answer,
  failure,
  type HttpListener,
  hostOf,
  type OpenAddress,
  openHttp,
  type RouteHandler,
  type Routes,
  sameToken,
} from '../http/index.ts';
import type { ListenAddress } from '../rules/index.ts';
import { BadRequest } from './dtm-request.ts';
import { StoreUnavailable } from './store.ts';

export interface ServiceServerOptions {
  readonly address: ListenAddress;
  readonly open?: OpenAddress;
  /** Needed where other machines can reach the listener, unless clients prove themselves with certificates. */
  readonly token: string | undefined;
  readonly tls?: { readonly cert: Buffer; readonly key: Buffer; readonly ca?: Buffer };
  readonly routes: readonly [string, RouteHandler][];
  readonly onError?: (error: unknown) => void;
}

const bodyMax = 4 * 1024 * 1024;

/** Opens the listener. Throws MeshError SM_CONFIG for an address that others can reach without token or certificates. */
export async function openServiceServer(options: ServiceServerOptions): Promise<HttpListener> {
  const { address, token, tls } = options;
  const local = isLoopback(address);
  if (!local && ((token === undefined && tls?.ca === undefined) || tls === undefined))
    throw new MeshError('SM_CONFIG', {
      message: 'the coordinator can be reached from other machines: it needs tls, and tokenFile or tls.ca',
    });
  return await openHttp({
    address,
    ...(options.open === undefined ? {} : { open: options.open }),
    routes: guardedRoutes(options.routes),
    bodyMax,
    connectionsMax: 10_000,
    guard: (request) => guard(request, local, address, token),
    ...(tls === undefined ? {} : { tls }),
    ...(options.onError === undefined ? {} : { onError: options.onError }),
  });
}

/** Failures of requests and of the store as answers. */
export function guardedRoutes(routes: readonly [string, RouteHandler][]): Routes {
  return new Map(
    routes.map(([key, handler]): [string, RouteHandler] => [
      key,
      async (body, asked) => {
        try {
          return await handler(body, asked);
        } catch (error) {
          if (error instanceof BadRequest) return failure(400, error.message);
          if (error instanceof StoreUnavailable)
            return failure(503, `the transaction store does not answer: ${error.message}`);
          throw error;
        }
      },
    ]),
  );
}

/** Web pages are kept out on loopback, where no token does it: they send an Origin, a foreign Host, or no JSON. */
function guard(
  request: IncomingMessage,
  local: boolean,
  address: ListenAddress,
  token: string | undefined,
): Answer | undefined {
  if (request.headers.origin !== undefined) return failure(403, 'web pages are not served here');
  if (local) {
    const host = hostOf(`http://${request.headers.host ?? ''}`);
    const own = address.kind === 'tcp' ? address.host : 'localhost';
    if (host === undefined || !['localhost', '127.0.0.1', '::1', own].includes(host))
      return failure(421, 'this Host is not served here');
  }
  if (token !== undefined) {
    const given = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
    if (given === undefined || !sameToken(given, token)) return failure(401, 'a valid bearer token is needed');
  }
  if (
    request.method === 'POST' &&
    !/^application\/json\s*(;|$)/i.test(request.headers['content-type'] ?? 'application/json')
  )
    return failure(415, 'only application/json is accepted');
  return undefined;
}
