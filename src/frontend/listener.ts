/** Accepts client connections on one address, within limits. */
import { createServer, type Server, type Socket } from 'node:net';
import { adoptSocket, MeshError } from '../base/index.ts';
import { buildErr, errOf, framePayload, payloadOf } from '../wire/index.ts';
import { addressOf, ClientConnection, type ListenerShare } from './client-connection.ts';
import { awaitProxyHeader } from './proxy-preface.ts';

export type Address =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string };

export class Listener {
  readonly #server: Server;
  readonly #connections = new Set<ClientConnection>();
  /** Proxies' connections whose header has not come yet. */
  readonly #waiting = new Set<Socket>();
  readonly #share: ListenerShare;

  private constructor(share: ListenerShare) {
    this.#share = share;
    this.#server = createServer({ noDelay: true, allowHalfOpen: false, pauseOnConnect: true }, (socket) =>
      this.#accept(socket),
    );
  }

  /** Resolves when the address is bound; rejects with SM_CONFIG if it can't be. */
  static open(share: ListenerShare, address: Address): Promise<Listener> {
    const listener = new Listener(share);
    const server = listener.#server;
    return new Promise((resolve, reject) => {
      server.once('error', (cause: NodeJS.ErrnoException) => {
        const where = address.kind === 'tcp' ? `${address.host}:${address.port}` : `unix:${address.path}`;
        const reason = cause.code === 'EADDRINUSE' ? 'the port is in use' : cause.message;
        reject(new MeshError('SM_CONFIG', { message: `cannot listen on ${where}: ${reason}` }, { cause }));
      });
      const options = { backlog: 1024 };
      const opened = (): void => {
        server.removeAllListeners('error');
        // A connection that cannot be accepted (no descriptor is left) is its client's loss, not the end of all others.
        server.on('error', (error) => share.observer.acceptFailed(error));
        resolve(listener);
      };
      if (address.kind === 'tcp') server.listen({ ...options, host: address.host, port: address.port }, opened);
      else server.listen({ ...options, path: address.path }, opened);
    });
  }

  /** host:port, or the socket's path. */
  get address(): string {
    const bound = this.#server.address();
    if (bound === null) return '';
    if (typeof bound === 'string') return bound;
    return bound.family === 'IPv6' ? `[${bound.address}]:${bound.port}` : `${bound.address}:${bound.port}`;
  }

  get size(): number {
    return this.#connections.size;
  }

  /** No new connections. */
  stopAccepting(): void {
    this.#server.close();
  }

  /** Every connection ends at its quiet point. */
  closeWhenQuiet(): void {
    for (const socket of this.#waiting) socket.destroy();
    for (const connection of this.#connections) connection.closeWhenQuiet();
  }

  /** Every connection ends now. */
  closeAll(): void {
    for (const socket of this.#waiting) socket.destroy();
    for (const connection of this.#connections) connection.kill();
  }

  #accept(accepted: Socket): void {
    const socket = adoptSocket(accepted);
    const { limits, proxies } = this.#share.mesh.current();
    if (this.#connections.size + this.#waiting.size >= limits.connections) {
      this.#share.observer.connectionRefused();
      const payload = payloadOf((writer) => buildErr(writer, errOf(new MeshError('ER_CON_COUNT_ERROR')), false));
      socket.on('error', () => undefined);
      socket.end(framePayload(payload, 0));
      return;
    }
    const host = addressOf(socket);
    if (!proxies.some((network) => network.matches(host))) {
      this.#open(socket, undefined);
      return;
    }
    this.#waiting.add(socket);
    awaitProxyHeader(
      socket,
      limits.handshakeTimeoutMs,
      (client) => {
        this.#waiting.delete(socket);
        this.#open(socket, client);
      },
      () => this.#waiting.delete(socket),
    );
  }

  #open(socket: Socket, client: string | undefined): void {
    this.#share.observer.connectionOpened();
    const connection: ClientConnection = new ClientConnection(
      this.#share,
      socket,
      () => {
        this.#connections.delete(connection);
        this.#share.observer.connectionClosed();
      },
      client,
    );
    this.#connections.add(connection);
  }
}
