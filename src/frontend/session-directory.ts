/** The sessions of one worker by connection id: for KILL, SHOW PROCESSLIST and drain. */
import type { Session } from './session.ts';

export interface LiveConnection {
  readonly session: Session;
  /** Bytes that its client has sent, and got. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Ends the connection with an error; the running statement is killed on its backends. */
  kill(): void;
}

export class SessionDirectory {
  readonly #connections = new Map<number, LiveConnection>();
  /** The upper bits of every id name the worker, so that KILL finds it. */
  readonly #workerIndex: number;
  #next = 1;
  /** Of connections that have ended. */
  #bytesIn = 0;
  #bytesOut = 0;

  constructor(workerIndex: number) {
    this.#workerIndex = workerIndex;
  }

  get size(): number {
    return this.#connections.size;
  }

  /** Ids are 32 bits: 8 for the worker, 24 for the connection; used ones are passed over. */
  newId(): number {
    for (;;) {
      const id = ((this.#workerIndex << 24) | this.#next) >>> 0;
      this.#next = this.#next >= 0xff_ffff ? 1 : this.#next + 1;
      if (!this.#connections.has(id)) return id;
    }
  }

  add(id: number, connection: LiveConnection): void {
    this.#connections.set(id, connection);
  }

  remove(id: number): void {
    const connection = this.#connections.get(id);
    if (connection === undefined) return;
    this.#bytesIn += connection.bytesIn;
    this.#bytesOut += connection.bytesOut;
    this.#connections.delete(id);
  }

  /** Bytes of all clients since the start. Walks over the connections: for scrapes. */
  clientBytes(): { readonly in: number; readonly out: number } {
    let [bytesIn, bytesOut] = [this.#bytesIn, this.#bytesOut];
    for (const connection of this.#connections.values()) {
      bytesIn += connection.bytesIn;
      bytesOut += connection.bytesOut;
    }
    return { in: bytesIn, out: bytesOut };
  }

  /** Bytes that running statements hold for merging. */
  resultMemory(): number {
    let bytes = 0;
    for (const { session } of this.#connections.values()) bytes += session.backend.meter.held?.() ?? 0;
    return bytes;
  }

  find(id: number): LiveConnection | undefined {
    return this.#connections.get(id);
  }

  /** For SHOW MESH SESSIONS and PINS. */
  statuses() {
    return [...this.#connections.values()].map(({ session: { state, backend, running } }) => ({
      id: state.connectionId,
      user: state.user,
      host: state.host,
      database: state.database,
      running,
      inTransaction: state.inTransaction,
      pinnedTo: backend.pin?.source,
      pinReasons: [...(backend.pin?.reasons ?? [])] as string[],
      /** A transaction that holds connections. */
      branches: backend.transaction?.size ?? 0,
    }));
  }

  all(): IterableIterator<LiveConnection> {
    return this.#connections.values();
  }
}
