/** A TCP relay in this process: what stands behind it can be cut off, or made to hang with its sockets open. */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { pickPort } from '../../src/demo/index.ts';

export class Relay {
  readonly port: number;
  readonly #server: Server;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #hanging = false;
  #refusing = false;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
  }

  static async open(targetPort: number): Promise<Relay> {
    const port = await pickPort();
    const server = createServer({ noDelay: true });
    const relay = new Relay(server, port);
    server.on('connection', (near) => relay.#accept(near, targetPort));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', resolve);
    });
    return relay;
  }

  #accept(near: Socket, targetPort: number): void {
    near.on('error', () => near.destroy());
    if (this.#refusing) {
      near.resetAndDestroy();
      return;
    }
    const far = connect({ port: targetPort, host: '127.0.0.1', noDelay: true });
    const pair = [near, far] as const;
    this.#pairs.add(pair);
    far.on('error', () => near.destroy());
    near.on('close', () => {
      far.destroy();
      this.#pairs.delete(pair);
    });
    far.on('close', () => near.destroy());
    near.on('data', (bytes) => far.write(bytes));
    far.on('data', (bytes) => near.write(bytes));
    if (this.#hanging) for (const socket of pair) socket.pause();
  }

  /** Every connection ends at once; new ones are taken. */
  cut(): void {
    for (const [near, far] of [...this.#pairs]) {
      near.resetAndDestroy();
      far.resetAndDestroy();
    }
  }

  /** New connections are refused, old ones cut. */
  refuse(on: boolean): void {
    this.#refusing = on;
    if (on) this.cut();
  }

  /** No byte passes any more, and nobody is told: a half-open connection. Ending it cuts what hung, as a router that forgets would. */
  hang(on: boolean): void {
    this.#hanging = on;
    if (on) for (const pair of this.#pairs) for (const socket of pair) socket.pause();
    else this.cut();
  }

  close(): void {
    this.#server.close();
    this.cut();
  }
}
