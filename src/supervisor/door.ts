/** One address where clients knock: the supervisor accepts, and hands each socket to the worker that has fewest. */
import { rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { MeshError } from '../base/index.ts';
import type { ListenAddress } from '../rules/index.ts';

/** A worker as a door sees it. */
export interface Receiver {
  /** Sockets that it holds of all doors. */
  readonly sockets: number;
  /** Its last beats came in time. */
  readonly answers: boolean;
  /** `lost`: it died before the socket had arrived. */
  receive(door: string, socket: Socket, full: boolean, lost: () => void): void;
}

export interface DoorOptions {
  /** What the processes call it. */
  readonly name: string;
  readonly address: ListenAddress;
  /** Who may be given sockets now. */
  readonly receivers: () => readonly Receiver[];
  /** Whether one more is too many, for this worker or for all; it is then told so by a worker. */
  readonly full: (receiver: Receiver) => boolean;
  readonly onError: (error: Error) => void;
}

/** Clients wait this long for a worker when none serves: a restart takes less. */
const HELD_MS = 10_000;
const HELD_MAX = 1024;

export class Door {
  readonly name: string;
  readonly #options: DoorOptions;
  readonly #server: Server;
  readonly #held = new Map<Socket, NodeJS.Timeout>();
  #turn = 0;

  private constructor(options: DoorOptions) {
    this.name = options.name;
    this.#options = options;
    // Not read here: the first bytes belong to the worker.
    this.#server = createServer({ noDelay: true, allowHalfOpen: false, pauseOnConnect: true }, (socket) =>
      this.#knock(socket),
    );
  }

  /** Resolves when the address is bound; rejects with SM_CONFIG if it cannot be. */
  static async open(options: DoorOptions): Promise<Door> {
    const door = new Door(options);
    try {
      await door.#listen();
    } catch (error) {
      const cause = error as NodeJS.ErrnoException;
      const inUse = cause.code === 'EADDRINUSE';
      if (inUse && options.address.kind === 'unix' && (await removeAbandoned(options.address.path))) {
        await door.#listen();
      } else {
        const reason = inUse ? 'the port is in use' : cause.message;
        const where = addressText(options.address);
        throw new MeshError('SM_CONFIG', { message: `cannot listen on ${where}: ${reason}` }, { cause });
      }
    }
    // A connection that cannot be accepted (no descriptor is left) is its client's loss, not the end of all others.
    door.#server.on('error', options.onError);
    return door;
  }

  #listen(): Promise<void> {
    const { address } = this.#options;
    const server = this.#server;
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      const opened = (): void => {
        server.off('error', reject);
        resolve();
      };
      const backlog = 1024;
      if (address.kind === 'tcp') server.listen({ backlog, host: address.host, port: address.port }, opened);
      else server.listen({ backlog, path: address.path }, opened);
    });
  }

  /** host:port as it is bound, or the socket's path. */
  get address(): string {
    const bound = this.#server.address();
    if (bound === null) return '';
    if (typeof bound === 'string') return bound;
    return bound.family === 'IPv6' ? `[${bound.address}]:${bound.port}` : `${bound.address}:${bound.port}`;
  }

  /** A worker serves again. */
  admitHeld(): void {
    const held = [...this.#held];
    this.#held.clear();
    for (const [socket, timer] of held) {
      clearTimeout(timer);
      this.#knock(socket);
    }
  }

  /** No new connections; those that wait end. */
  close(): void {
    this.#server.close();
    for (const [socket, timer] of this.#held) {
      clearTimeout(timer);
      socket.destroy();
    }
    this.#held.clear();
  }

  #knock(socket: Socket): void {
    const receiver = this.#choose();
    if (receiver === undefined) this.#hold(socket);
    else receiver.receive(this.name, socket, this.#options.full(receiver), () => socket.destroy());
  }

  /** The one with fewest sockets; among equals in turn. One that is silent only if all are. */
  #choose(): Receiver | undefined {
    const all = this.#options.receivers();
    const awake = all.filter((receiver) => receiver.answers);
    const candidates = awake.length > 0 ? awake : all;
    let best: Receiver | undefined;
    for (let step = 0; step < candidates.length; step += 1) {
      const candidate = candidates[(this.#turn + step) % candidates.length] as Receiver;
      if (best === undefined || candidate.sockets < best.sockets) best = candidate;
    }
    this.#turn = (this.#turn + 1) % Math.max(1, candidates.length);
    return best;
  }

  #hold(socket: Socket): void {
    socket.on('error', () => undefined);
    if (this.#held.size >= HELD_MAX) {
      socket.destroy();
      return;
    }
    const timer = setTimeout(() => {
      this.#held.delete(socket);
      socket.destroy();
    }, HELD_MS);
    timer.unref();
    this.#held.set(socket, timer);
  }
}

/** Removes the socket file of a process that was killed; false: somebody listens there. */
async function removeAbandoned(path: string): Promise<boolean> {
  const refused = await new Promise<boolean>((resolve) => {
    const probe = connect(path, () => {
      probe.destroy();
      resolve(false);
    });
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'));
  });
  if (refused) rmSync(path, { force: true });
  return refused;
}

/** `host:port` or `unix:/path`. */
export function addressText(address: ListenAddress): string {
  if (address.kind === 'unix') return `unix:${address.path}`;
  return `${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`;
}
