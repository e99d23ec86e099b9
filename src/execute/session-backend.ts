/** The backend side of one client session: leases prepared with its state, inside its transaction if there is one. */
import { BackendFault, type CapabilityClass, type Lease } from '../backend/index.ts';
import { MeshError } from '../base/index.ts';
import type { Access } from '../plan/index.ts';
import {
  type Diagnostic,
  freshSettings,
  type PinReason,
  plainTransaction,
  type SessionState,
  type Settings,
  settingsReplay,
  withUserVariables,
} from '../session/index.ts';
import { type Branch, type CommitProtocol, Transaction } from '../transaction/index.ts';
import { sourceFault } from './faults.ts';
import { readUserVariables } from './read-back.ts';
import type { SourceDirectory } from './source-directory.ts';

/** What has been replayed on a backend connection; kept in its `sessionState`. */
interface LeaseState {
  settings: Settings;
  lastInsertId: bigint;
}

/** A lease for one statement. `done` gives it back, unless a transaction or a pin holds it. */
export interface StatementLease {
  readonly source: string;
  readonly lease: Lease;
  /** Inside the session's transaction or pin: the connection must be kept whatever happens on it. */
  readonly held: boolean;
  /** `opaque`: the statement may have changed the backend session in unknown ways. */
  done(opaque?: boolean): Promise<void>;
  /** The protocol state is unknown: cut the connection off. */
  destroy(): void;
}

interface Pin {
  readonly source: string;
  readonly lease: Lease;
  readonly reasons: Set<PinReason>;
}

/** Owned by one session; one statement at a time. */
export class SessionBackend {
  readonly #state: SessionState;
  readonly #protocol: CommitProtocol;
  /** The sources of the configuration the session works with; changed between transactions only. */
  directory: SourceDirectory;
  capabilities: CapabilityClass;
  #transaction: Transaction | undefined;
  #pin: Pin | undefined;
  /** Why the transaction in progress can only be ended. */
  #lost: string | undefined;
  /** Held leases on which something opaque ran: not returned to the pool. */
  readonly #opaque = new Set<Lease>();
  /** Leases in use by the running statement, for KILL. */
  readonly #running = new Set<Lease>();

  constructor(
    state: SessionState,
    directory: SourceDirectory,
    capabilities: CapabilityClass,
    protocol: CommitProtocol,
  ) {
    this.#state = state;
    this.directory = directory;
    this.capabilities = capabilities;
    this.#protocol = protocol;
  }

  get transaction(): Transaction | undefined {
    return this.#transaction;
  }

  get pin(): Pin | undefined {
    return this.#pin;
  }

  /** Nothing is held on any backend: the quiet point at which a session may move or end. */
  get quiet(): boolean {
    return this.#transaction === undefined && this.#pin === undefined;
  }

  /**
   * A connection to `source` that has the session's settings, in the session's transaction if one is open.
   * Throws MeshError (SM_SOURCE_DOWN, SM_POOL_TIMEOUT ...) or ServerError (a setting that this server refuses).
   */
  async take(source: string, access: Access): Promise<StatementLease> {
    if (this.#lost !== undefined) throw new MeshError('SM_TRANSACTION_ABORTED', { reason: this.#lost });
    if (this.#pin?.source === source && this.#transaction === undefined) {
      await this.#prepare(source, this.#pin.lease);
      return this.#held(source, this.#pin.lease);
    }
    if (this.#state.inTransaction) {
      const branch = await this.#join(source);
      if (access === 'write') branch.wrote = true;
      await this.#prepare(source, branch.lease);
      return this.#held(source, branch.lease);
    }
    return this.takeFree(source);
  }

  /** A connection outside of the session's transaction: autocommit statements, scratch work. */
  async takeFree(source: string): Promise<StatementLease> {
    const lease = await this.#acquire(source);
    return this.#statementLease(source, lease);
  }

  /** Like `takeFree`, but only if a connection is idle right now. */
  async takeIdle(source: string): Promise<StatementLease | undefined> {
    const lease = this.directory.primaryPool(source, this.capabilities).tryAcquire();
    if (lease === undefined) return undefined;
    try {
      await this.#prepare(source, lease);
    } catch (error) {
      lease.destroy();
      throw error;
    }
    return this.#statementLease(source, lease);
  }

  /** A transaction for one statement over several sources, while the session itself is in none. */
  statementTransaction(): { readonly transaction: Transaction; take(source: string): Promise<Branch> } {
    const transaction = new Transaction(this.#protocol, plainTransaction);
    return {
      transaction,
      take: async (source) => {
        const known = transaction.branch(source);
        if (known !== undefined) return known;
        const lease = await this.#acquire(source);
        this.#running.add(lease);
        return this.#joined(transaction, source, lease);
      },
    };
  }

  /**
   * A branch was lost in the middle of the session's transaction: the others are rolled back, and every statement is refused
   * until the client ends the transaction, so that nothing of it runs by itself outside.
   */
  async transactionLost(reason: string): Promise<void> {
    this.#lost = reason;
    const transaction = this.#transaction;
    this.#transaction = undefined;
    await transaction?.rollback();
  }

  /** Marks the end of a statement: nothing is running any more. */
  statementDone(): void {
    this.#running.clear();
  }

  /** The session's transaction, made if it has none yet: savepoints may be set before any source is touched. */
  openTransaction(): Transaction {
    this.#transaction ??= new Transaction(this.#protocol, this.#state.transaction);
    return this.#transaction;
  }

  /** A server ended the transaction by itself (a procedure's COMMIT): what is left of it is rolled back and forgotten. */
  async transactionEnded(): Promise<void> {
    await this.rollback();
  }

  async commit(): Promise<void> {
    const transaction = this.#transaction;
    const lost = this.#lost;
    this.#transaction = undefined;
    this.#endLogical();
    if (lost !== undefined) throw new MeshError('SM_TRANSACTION_ABORTED', { reason: lost });
    if (transaction === undefined) return;
    this.#dropOpaque(transaction);
    await transaction.commit();
  }

  async rollback(): Promise<void> {
    const transaction = this.#transaction;
    this.#transaction = undefined;
    this.#endLogical();
    if (transaction === undefined) return;
    this.#dropOpaque(transaction);
    await transaction.rollback();
  }

  /** Keeps the source's connection for this session until `unpin`. */
  async pinTo(source: string, reason: PinReason): Promise<void> {
    if (this.#pin === undefined) {
      const lease = this.#transaction?.branch(source)?.lease ?? (await this.#acquire(source));
      this.#pin = { source, lease, reasons: new Set() };
    }
    this.#pin.reasons.add(reason);
  }

  unpin(reason: PinReason): void {
    const pin = this.#pin;
    if (pin === undefined) return;
    pin.reasons.delete(reason);
    if (pin.reasons.size > 0) return;
    this.#pin = undefined;
    // What else is left on it cannot be listed for certain.
    if (this.#transaction?.branch(pin.source)?.lease !== pin.lease) pin.lease.destroy();
    else this.#opaque.add(pin.lease);
  }

  /** Kills what runs on the backends for this session. */
  async killRunning(): Promise<void> {
    await Promise.all([...this.#running].map((lease) => lease.kill('query').catch(() => undefined)));
  }

  /** The client is gone: everything open is rolled back and every connection given up. */
  async close(): Promise<void> {
    if (this.#running.size > 0) {
      await this.killRunning();
      for (const lease of this.#running) lease.destroy();
    }
    this.#transaction?.abandon();
    this.#transaction = undefined;
    this.#pin?.lease.destroy();
    this.#pin = undefined;
  }

  /** SHOW WARNINGS of a lease, before it goes back. */
  async diagnostics(lease: Lease): Promise<Diagnostic[]> {
    const result = await lease.connection.query('SHOW WARNINGS');
    return result.rows.map((row) => ({
      level: row[0] as Diagnostic['level'],
      code: Number(row[1]),
      message: row[2] ?? '',
    }));
  }

  async #join(source: string): Promise<Branch> {
    const transaction = this.openTransaction();
    const known = transaction.branch(source);
    if (known !== undefined) return known;
    const pinned = this.#pin?.source === source ? this.#pin.lease : undefined;
    const lease = pinned ?? (await this.#acquire(source));
    return this.#joined(transaction, source, lease);
  }

  async #joined(transaction: Transaction, source: string, lease: Lease): Promise<Branch> {
    try {
      return await transaction.join(source, lease);
    } catch (error) {
      lease.destroy();
      throw error instanceof BackendFault ? sourceFault(error, source) : error;
    }
  }

  async #acquire(source: string): Promise<Lease> {
    for (let attempt = 0; ; attempt += 1) {
      // Asked anew each time: a reload may have closed the one of the last attempt.
      const pool = this.directory.primaryPool(source, this.capabilities);
      const lease = pool.tryAcquire() ?? (await pool.acquire());
      try {
        await this.#prepare(source, lease);
        return lease;
      } catch (error) {
        lease.destroy();
        // Settings are idempotent: an idle connection that turns out to be dead is simply replaced.
        if (error instanceof BackendFault && attempt < 2) continue;
        throw error instanceof BackendFault ? sourceFault(error, source) : error;
      }
    }
  }

  /** Replays what differs between the connection's state and the session's. Without difference: two comparisons. */
  async #prepare(_source: string, lease: Lease): Promise<void> {
    const connection = lease.connection;
    let known = connection.sessionState as LeaseState | undefined;
    if (known === undefined) {
      known = { settings: freshSettings, lastInsertId: 0n };
      connection.sessionState = known;
    }
    if (known.settings === this.#state.settings) return;
    const replay = settingsReplay(known.settings, this.#state.settings);
    if (replay !== undefined) await connection.query(replay);
    known.settings = this.#state.settings;
    connection.preparedScope = settingsReplay(freshSettings, known.settings) ?? '';
  }

  /** SET last_insert_id, for statements that read LAST_INSERT_ID() on the server. */
  async replayInsertId(lease: Lease): Promise<void> {
    const known = lease.connection.sessionState as LeaseState;
    if (known.lastInsertId === this.#state.lastInsertId) return;
    await lease.connection.query(`SET last_insert_id=${this.#state.lastInsertId}`);
    known.lastInsertId = this.#state.lastInsertId;
  }

  /** Variables that a statement assigned on this lease become the session's, so that they follow it to any other. */
  async learnUserVariables(lease: Lease, names: readonly string[]): Promise<void> {
    this.#state.settings = withUserVariables(this.#state.settings, await readUserVariables(lease, names));
    this.settingsKnown(lease);
  }

  /** After SET ran on a lease and the session took the new settings: the lease has them already. */
  settingsKnown(lease: Lease): void {
    (lease.connection.sessionState as LeaseState).settings = this.#state.settings;
    lease.connection.preparedScope = settingsReplay(freshSettings, this.#state.settings) ?? '';
  }

  /** An INSERT or LAST_INSERT_ID(expr) ran: what the connection itself would answer is unknown now. */
  insertIdUnknown(lease: Lease): void {
    const known = lease.connection.sessionState as LeaseState | undefined;
    if (known !== undefined) known.lastInsertId = -1n;
  }

  #statementLease(source: string, lease: Lease): StatementLease {
    this.#running.add(lease);
    return {
      source,
      lease,
      held: false,
      done: async (opaque = false) => {
        this.#running.delete(lease);
        if (opaque) {
          try {
            await lease.connection.reset();
          } catch {
            lease.destroy();
            return;
          }
        }
        lease.release();
      },
      destroy: () => {
        this.#running.delete(lease);
        lease.destroy();
      },
    };
  }

  #held(source: string, lease: Lease): StatementLease {
    this.#running.add(lease);
    return {
      source,
      lease,
      held: true,
      done: (opaque = false) => {
        this.#running.delete(lease);
        if (opaque) this.#opaque.add(lease);
        return Promise.resolve();
      },
      destroy: () => {
        this.#running.delete(lease);
        lease.destroy();
      },
    };
  }

  #endLogical(): void {
    this.#lost = undefined;
    this.#state.inTransaction = false;
    this.#state.transaction = plainTransaction;
  }

  /** Connections with unknown state leave with the transaction's end: kept by the pin, or closed by the pool when released busy. */
  #dropOpaque(transaction: Transaction): void {
    for (const source of transaction.sources) {
      const lease = transaction.branch(source)?.lease;
      if (lease === undefined) continue;
      if (this.#opaque.delete(lease)) transaction.keepOut(source);
      if (this.#pin?.lease === lease) transaction.keepFor(source);
    }
  }
}
