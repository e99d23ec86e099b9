/** The connections of one session's statements: waited for, given the session's settings, stopped when the statement is. */
import { BackendFault, type CapabilityClass, type Lease, type Pool, type ReplicaSet } from '../backend/index.ts';
import { MeshError } from '../base/index.ts';
import {
  freshSettings,
  type SessionState,
  type Settings,
  settingsReplay,
  withUserVariables,
} from '../session/index.ts';
import { sourceFault } from './faults.ts';
import type { Reading } from './guarded-read.ts';
import { readUserVariables } from './read-back.ts';
import { RunningLease, type StatementLease } from './running-lease.ts';
import type { SessionReads } from './session-reads.ts';
import type { SourceDirectory } from './source-directory.ts';
import { StatementMeter } from './statement-meter.ts';

/** What has been replayed on a backend connection; kept in its `sessionState`. */
interface LeaseState {
  settings: Settings;
  lastInsertId: bigint;
}

/** Owned by one session; one statement at a time. It knows of no transaction and of no pin: `SessionBackend` does. */
export class SessionLeases {
  readonly #state: SessionState;
  readonly #reads: SessionReads;
  /** What the running statement costs. */
  readonly meter = new StatementMeter();
  /** The sources of the configuration the session works with; changed between transactions only. */
  directory: SourceDirectory;
  capabilities: CapabilityClass;
  /** In use by the running statement, for KILL. */
  readonly running = new Set<Lease>();
  /** Held by the transaction or the pin, and something opaque ran on them: not returned to the pool. */
  readonly opaque = new Set<Lease>();
  /** Ends the running statement's wait for a connection. */
  #waiting: AbortController | undefined;
  /** Why the running statement must end; forgotten when it has. */
  #interruption: MeshError | undefined;
  /** Kills under way: the next statement on the same connection must not be hit by them. */
  #kills: Promise<void> | undefined;
  /** The client is gone: nothing may be taken any more. */
  #closed = false;

  constructor(state: SessionState, directory: SourceDirectory, capabilities: CapabilityClass, reads: SessionReads) {
    this.#state = state;
    this.directory = directory;
    this.capabilities = capabilities;
    this.#reads = reads;
  }

  /** The replicas of a source, if it has any. */
  setOf(source: string): ReplicaSet | undefined {
    return this.directory.replicated ? this.directory.replicaSet(source) : undefined;
  }

  /** An idle connection of a pool that has the session's settings already. */
  ready(pool: Pool): Lease | undefined {
    const lease = pool.tryAcquire();
    if (lease === undefined) return undefined;
    const known = lease.connection.sessionState as LeaseState | undefined;
    if (known?.settings === this.#state.settings) return lease;
    lease.release();
    return undefined;
  }

  /** Whether the running statement may go on: it has not been stopped, and the client is there. */
  get going(): boolean {
    return !this.#closed && this.#interruption === undefined;
  }

  /** Throws if the running statement has been stopped or the client is gone. */
  checkGoing(): void {
    if (this.#closed) throw new MeshError('ER_CONNECTION_KILLED');
    if (this.#interruption !== undefined) throw this.#interruption;
  }

  /** On the primary. `counts`: a position must be learnt behind what runs there. */
  async acquire(source: string, counts = true): Promise<Lease> {
    const set = this.setOf(source);
    if (set === undefined) return this.acquireFrom(() => this.directory.primaryPool(source, this.capabilities), source);
    const deadline = performance.now() + set.settings.writeBufferMs;
    for (;;) {
      if (!set.writable) await this.waited(this.#abortable((signal) => set.primaryReady(signal, deadline)));
      const { primary } = set;
      try {
        const lease = await this.acquireFrom(() => this.directory.memberPool(primary, this.capabilities), source);
        if (counts) this.#reads.onPrimary(set, lease.connection);
        else this.#reads.onReader(lease.connection);
        return lease;
      } catch (error) {
        if (!(error instanceof MeshError) || error.code !== 'SM_SOURCE_DOWN') throw error;
        // Nothing has been sent: it may wait for this primary, or for the next one.
        set.suspect(primary, error.message);
      }
    }
  }

  /** From a pool: in line until there is a connection, and with the session's settings. */
  async acquireFrom(poolNow: () => Pool, source: string): Promise<Lease> {
    for (let attempt = 0; ; attempt += 1) {
      // Asked anew each time: a reload may have closed the one of the last attempt.
      const pool = poolNow();
      const lease = pool.tryAcquire() ?? (await this.#waitFor(pool));
      this.running.add(lease);
      try {
        this.checkGoing();
        await this.prepare(lease);
        this.checkGoing();
        return lease;
      } catch (error) {
        this.running.delete(lease);
        lease.destroy();
        // Settings are idempotent: an idle connection that turns out to be dead is simply replaced.
        if (error instanceof BackendFault && attempt < 2) continue;
        throw error instanceof BackendFault ? sourceFault(error, source) : error;
      }
    }
  }

  /** Stands in line for a connection until there is one, or the statement is stopped. */
  async #waitFor(pool: Pool): Promise<Lease> {
    return this.waited(this.#abortable((signal) => pool.acquire(signal)));
  }

  /** Work that ends with the statement: when it is stopped or the client is gone. */
  async #abortable<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    this.checkGoing();
    const controller = new AbortController();
    this.#waiting = controller;
    try {
      return await work(controller.signal);
    } finally {
      if (this.#waiting === controller) this.#waiting = undefined;
    }
  }

  /** Adds the time to the statement's waits for leases; the hot path, where nothing waits, does not look at the clock. */
  async waited<T>(work: Promise<T>): Promise<T> {
    const began = performance.now();
    try {
      return await work;
    } finally {
      this.meter.leaseMs += performance.now() - began;
    }
  }

  /** Replays what differs between the connection's state and the session's. Without difference: two comparisons. */
  async prepare(lease: Lease): Promise<void> {
    const connection = lease.connection;
    let known = connection.sessionState as LeaseState | undefined;
    if (known === undefined) {
      known = { settings: freshSettings, lastInsertId: 0n };
      connection.sessionState = known;
    }
    if (known.settings === this.#state.settings) return;
    const replay = settingsReplay(known.settings, this.#state.settings, this.capabilities.ignoreSpace);
    if (replay !== undefined) await this.waited(connection.query(replay));
    known.settings = this.#state.settings;
    connection.preparedScope = settingsReplay(freshSettings, known.settings) ?? '';
  }

  /** SET last_insert_id, for statements that read LAST_INSERT_ID() on the server. */
  async replayInsertId(lease: Lease): Promise<void> {
    const known = lease.connection.sessionState as LeaseState;
    if (known.lastInsertId === this.#state.lastInsertId) return;
    known.lastInsertId = -1n;
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

  /** A connection outside of the session's transaction: autocommit statements, scratch work. */
  async takeFree(source: string): Promise<StatementLease> {
    const lease = await this.acquire(source, false);
    return this.free(source, lease);
  }

  /** Like `takeFree`, but only if a connection is idle right now; with `reading`: to the same server, guarded the same way. */
  async takeIdle(source: string, reading?: Reading): Promise<StatementLease | undefined> {
    this.checkGoing();
    const set = this.setOf(source);
    const member = reading?.member ?? set?.primary;
    const lease =
      set === undefined || member === undefined
        ? this.directory.primaryPool(source, this.capabilities).tryAcquire()
        : member === set.primary && !set.writable
          ? undefined
          : this.directory.memberPool(member, this.capabilities).tryAcquire();
    if (lease === undefined) return undefined;
    if (set !== undefined) {
      if (reading === undefined) this.#reads.onPrimary(set, lease.connection);
      else this.#reads.onReader(lease.connection);
    }
    this.running.add(lease);
    try {
      await this.prepare(lease);
    } catch (error) {
      lease.destroy();
      throw error;
    }
    return this.free(source, lease, reading);
  }

  /** How far a set's primary is, asked on a connection of its own. */
  async askPrimary(set: ReplicaSet): Promise<string> {
    const pool = this.directory.memberPool(set.primary, this.capabilities);
    const lease = pool.tryAcquire() ?? (await pool.acquire());
    try {
      const { rows } = await lease.connection.query(set.primary.seenSql());
      lease.release();
      return rows[0]?.[0] ?? '';
    } catch (error) {
      lease.destroy();
      throw error;
    }
  }

  /** Sources on which the running statement is at work. */
  get runningOn(): readonly string[] {
    return [...new Set([...this.running].map((lease) => lease.source))].sort();
  }

  /** Stops the running statement: its waiting for a connection, and what runs on the backends for it. */
  async interrupt(reason = new MeshError('ER_QUERY_INTERRUPTED')): Promise<void> {
    this.#interruption ??= reason;
    this.#waiting?.abort(this.#interruption);
    const kills = [...this.running].map((lease) => lease.kill('query').catch(() => undefined));
    if (kills.length === 0) return;
    const before = this.#kills;
    this.#kills = Promise.all([before, ...kills]).then(() => undefined);
    await this.#kills;
  }

  /** From here on neither KILL nor a client that vanishes may cut off what is at work. Throws if it has been interrupted before. */
  settling(): void {
    this.checkGoing();
    this.running.clear();
  }

  /** Marks the end of a statement: nothing is running any more. Resolves when nothing can hit the next one; undefined: nothing can. */
  statementDone(): Promise<void> | undefined {
    this.running.clear();
    if (this.#kills !== undefined) return this.#killsEnded();
    this.#interruption = undefined;
    return undefined;
  }

  async #killsEnded(): Promise<void> {
    await this.#kills;
    this.#kills = undefined;
    this.#interruption = undefined;
  }

  /** The client is gone: what runs is killed and cut off, and nothing can be taken any more. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#waiting?.abort(new MeshError('ER_CONNECTION_KILLED'));
    const running = [...this.running];
    // A lost connection alone would let the server finish what it is at.
    await Promise.all(running.map((lease) => lease.kill('query').catch(() => undefined)));
    for (const lease of running) lease.destroy();
  }

  /** A lease for the running statement, given back with it. */
  free(source: string, lease: Lease, reading?: Reading): StatementLease {
    this.running.add(lease);
    return new RunningLease(source, lease, reading, this.running, undefined);
  }

  /** One that the session's transaction or pin keeps. */
  held(source: string, lease: Lease, reading?: Reading): StatementLease {
    this.running.add(lease);
    return new RunningLease(source, lease, reading, this.running, this.opaque);
  }
}
