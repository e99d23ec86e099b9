/** One connection on loan from a pool, and the rule by which it may come back. */
import { StatusFlag } from '../wire/index.ts';
import type { BackendConnection } from './backend-connection.ts';

/** What a lease needs of its pool. */
export interface Keeper {
  /** The source's name. */
  readonly source: string;
  takeBack(connection: BackendConnection): void;
  discard(connection: BackendConnection, cause?: Error): void;
  kill(threadId: number, what: 'query' | 'connection'): Promise<void>;
}

/** Exactly one of `release` and `destroy` ends it; later calls do nothing. */
export class Lease {
  readonly connection: BackendConnection;
  readonly #keeper: Keeper;
  #active = true;
  #killed = false;

  constructor(connection: BackendConnection, keeper: Keeper) {
    this.connection = connection;
    this.#keeper = keeper;
  }

  get source(): string {
    return this.#keeper.source;
  }

  get active(): boolean {
    return this.#active;
  }

  /**
   * Gives the connection back if the protocol is idle and the status flags show no transaction; otherwise closes it.
   * After an ERR the flags are out of date: a ping (in the background, before anybody else gets the connection) tells.
   * Session state (variables, locks, temporary tables) is the caller's duty: `sessionState`, or `connection.reset()` before.
   */
  release(): void {
    if (!this.#active) return;
    this.#active = false;
    const { connection } = this;
    if (this.#killed || connection.state !== 'idle') {
      this.#keeper.discard(connection);
      return;
    }
    if (!connection.statusStale) {
      this.#settle();
      return;
    }
    connection.ping().then(
      () => this.#settle(),
      (error: Error) => this.#keeper.discard(connection, error),
    );
  }

  /** Closes the connection. */
  destroy(cause?: Error): void {
    if (!this.#active) return;
    this.#active = false;
    this.#keeper.discard(this.connection, cause);
  }

  /**
   * Stops what runs on the server. Afterwards the lease never goes back to the pool: a late KILL QUERY could hit the next borrower.
   * Rejects with BackendFault or ServerError if the server did not take it.
   */
  kill(what: 'query' | 'connection'): Promise<void> {
    this.#killed = true;
    return this.#keeper.kill(this.connection.threadId, what);
  }

  #settle(): void {
    const { connection } = this;
    const open = (connection.status & (StatusFlag.IN_TRANSACTION | StatusFlag.IN_TRANSACTION_READONLY)) !== 0;
    if (open || connection.state !== 'idle') this.#keeper.discard(connection);
    else this.#keeper.takeBack(connection);
  }
}
