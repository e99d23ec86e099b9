/** Makes sessions of the sockets that this worker is given. */
import type { Socket } from 'node:net';
import { MeshError } from '../base/index.ts';
import { buildErr, errOf, framePayload, payloadOf } from '../wire/index.ts';
import { addressOf, ClientConnection, type ListenerShare } from './client-connection.ts';
import { awaitProxyHeader } from './proxy-preface.ts';

export class Listener {
  readonly #connections = new Set<ClientConnection>();
  /** Proxies' connections whose header has not come yet. */
  readonly #waiting = new Set<Socket>();
  readonly #share: ListenerShare;
  #closing = false;

  constructor(share: ListenerShare) {
    this.#share = share;
  }

  get size(): number {
    return this.#connections.size;
  }

  /** Every connection ends at its quiet point. */
  closeWhenQuiet(): void {
    this.#closing = true;
    for (const socket of this.#waiting) socket.destroy();
    for (const connection of this.#connections) connection.closeWhenQuiet();
  }

  /** Every connection ends now. */
  closeAll(): void {
    for (const socket of this.#waiting) socket.destroy();
    for (const connection of this.#connections) connection.kill();
  }

  /** `full`: it is one too many. */
  accept(socket: Socket, full: boolean): void {
    const { limits, proxies } = this.#share.mesh.current();
    if (full) {
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
    // It was on its way when the drain began.
    if (this.#closing) connection.closeWhenQuiet();
  }
}
