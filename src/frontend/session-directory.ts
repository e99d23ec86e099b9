/** The sessions of one worker by connection id: for KILL, SHOW PROCESSLIST and drain. */
import type { SessionBackend } from '../execute/index.ts';
import type { MeshSnapshot } from './mesh-snapshot.ts';
import type { Session } from './session.ts';

export interface LiveConnection {
  readonly session: Session;
  /** Bytes that its client has sent, and got. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Ends the connection with an error; the running statement is killed on its backends. */
  kill(): void;
}

/** Ids of one worker: 24 bits, without 0. */
const CONNECTIONS = 0xff_ffff;

/** The worker that gave a connection id. */
export function workerOf(connectionId: number): number {
  return connectionId >>> 24;
}

/** One row of SHOW PROCESSLIST. */
export interface ProcessStatus {
  readonly id: number;
  readonly user: string;
  readonly host: string;
  readonly database: string | undefined;
  /** Text of what it runs; undefined: it sleeps. */
  readonly running: string | undefined;
  readonly seconds: number;
  readonly state: string;
}

export class SessionDirectory {
  readonly #connections = new Map<number, LiveConnection>();
  /** The upper bits of every id name the worker, so that KILL finds it. */
  readonly #workerIndex: number;
  #next: number;
  /** Of connections that have ended. */
  #bytesIn = 0;
  #bytesOut = 0;

  /** `first`: the ids below it belonged to earlier processes of the same index. */
  constructor(workerIndex: number, first = 1) {
    this.#workerIndex = workerIndex;
    this.#next = ((first - 1) % CONNECTIONS) + 1;
  }

  get size(): number {
    return this.#connections.size;
  }

  /** Configurations that sessions in the middle of something work with; after a reload older ones may be among them. */
  snapshotsInUse(): Set<MeshSnapshot> {
    const found = new Set<MeshSnapshot>();
    for (const { session } of this.#connections.values()) if (!session.backend.quiet) found.add(session.snapshotInUse);
    return found;
  }

  /** Ids are 32 bits: 8 for the worker, 24 for the connection; used ones are passed over. */
  newId(): number {
    for (;;) {
      const id = ((this.#workerIndex << 24) | this.#next) >>> 0;
      this.#next = this.#next >= CONNECTIONS ? 1 : this.#next + 1;
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
    for (const { session } of this.#connections.values()) bytes += session.backend.leases.meter.held?.() ?? 0;
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
      transactionType: backend.transaction?.coordinator.type ?? '',
    }));
  }

  /** For SHOW PROCESSLIST. */
  processes(): ProcessStatus[] {
    return [...this.#connections.values()].map(({ session: { state, backend, running, startedAt } }) => ({
      id: state.connectionId,
      user: state.user,
      host: state.host,
      database: state.database,
      running,
      seconds: running === undefined ? 0 : Math.floor((performance.now() - startedAt) / 1000),
      state: sourcesOf(backend),
    }));
  }
}

/** Where a session is at work, and what it holds there. */
function sourcesOf({ leases, transaction, pin }: SessionBackend): string {
  const { runningOn } = leases;
  const parts: string[] = [];
  if (runningOn.length > 0) parts.push(`running on ${runningOn.join(', ')}`);
  const branches = [...(transaction?.sources ?? [])].sort();
  if (branches.length > 0) parts.push(`transaction on ${branches.join(', ')}`);
  if (pin !== undefined) parts.push(`pinned to ${pin.source}: ${[...pin.reasons].join(', ')}`);
  return parts.join('; ');
}
