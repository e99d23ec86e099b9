/** The backend side of one client session: leases prepared with its state, inside its transaction if there is one. */
import {
  BackendFault,
  type CapabilityClass,
  type Lease,
  type ReplicaMember,
  type ReplicaSet,
  ServerError,
} from '../backend/index.ts';
import { MeshError, type TransactionType } from '../base/index.ts';
import type { Access } from '../plan/index.ts';
import {
  type Diagnostic,
  type Handed,
  type PinReason,
  PositionBook,
  PositionTokens,
  plainTransaction,
  type SessionState,
} from '../session/index.ts';
import {
  type Branch,
  type CommitProtocols,
  type Coordinator,
  plainOpening,
  Transaction,
} from '../transaction/index.ts';
import { type OkPacket, StatusFlag } from '../wire/index.ts';
import { AtomicReads } from './atomic-reads.ts';
import { type BarrierPass, type BarrierPorts, barrierFault } from './barrier-pass.ts';
import { sourceFault } from './faults.ts';
import type { ReaderAttempt } from './guarded-read.ts';
import type { StatementLease } from './running-lease.ts';
import { SessionBarrier } from './session-barrier.ts';
import { SessionLeases } from './session-leases.ts';
import { SessionReads } from './session-reads.ts';
import type { SourceDirectory } from './source-directory.ts';
import { type TransactionCounts, TransactionTally } from './statement-meter.ts';
import { UserLocks } from './user-locks.ts';

interface Pin {
  readonly source: string;
  readonly lease: Lease;
  readonly reasons: Set<PinReason>;
  readonly locks: UserLocks;
}

/** A replica that a transaction reads, in a read-only transaction of its own there. */
interface FixedReader {
  readonly lease: Lease;
  readonly member: ReplicaMember;
  /** Nothing of it has been told yet: another replica would do as well. */
  fresh: boolean;
}

const firstAttempt: ReaderAttempt = { primaryOnly: false };

/** Owned by one session; one statement at a time. */
export class SessionBackend {
  readonly #state: SessionState;
  readonly #protocols: CommitProtocols;
  readonly #tally: TransactionTally;
  #transaction: Transaction | undefined;
  #pin: Pin | undefined;
  /** Why the transaction in progress can only be ended. */
  #lost: string | undefined;
  readonly #barrier: SessionBarrier;
  /** Replicas that the transaction in progress reads, by source. */
  readonly #fixed = new Map<string, FixedReader>();
  readonly reads: SessionReads;
  /** The connections as such, whatever holds them. */
  readonly leases: SessionLeases;
  readonly atomic: AtomicReads;

  constructor(
    state: SessionState,
    directory: SourceDirectory,
    capabilities: CapabilityClass,
    protocols: CommitProtocols,
    tally = new TransactionTally(),
    positions = new PositionBook(),
    tokens = new PositionTokens(
      () => Buffer.alloc(0),
      () => [],
    ),
  ) {
    this.#state = state;
    this.#protocols = protocols;
    this.#tally = tally;
    this.reads = new SessionReads(state, positions, tokens, () => this.directory);
    this.leases = new SessionLeases(state, directory, capabilities, this.reads);
    this.atomic = new AtomicReads(state, this.leases, protocols.XA.snapshots);
    this.#barrier = new SessionBarrier(state, this.leases);
  }

  /** The sources of the configuration the session works with. */
  get directory(): SourceDirectory {
    return this.leases.directory;
  }

  get transaction(): Transaction | undefined {
    return this.#transaction;
  }

  get pin(): Pin | undefined {
    return this.#pin;
  }

  /** Nothing is held on any backend: the quiet point at which a session may move or end. */
  get quiet(): boolean {
    return this.#transaction === undefined && this.#pin === undefined && this.#fixed.size === 0 && !this.atomic.isOpen;
  }

  /**
   * A connection to `source` that has the session's settings, in the session's transaction if one is open.
   * Throws MeshError (SM_SOURCE_DOWN, SM_POOL_TIMEOUT ...) or ServerError (a setting that this server refuses).
   */
  async take(source: string, access: Access): Promise<StatementLease> {
    this.leases.checkGoing();
    if (this.#lost !== undefined) throw new MeshError('SM_TRANSACTION_ABORTED', { reason: this.#lost });
    this.#checkPin(source);
    if (this.atomic.active && (this.#state.inTransaction || access === 'read')) {
      if (this.#pin?.reasons.has('temporary table') === true) throw temporaryBesides();
      return this.atomic.take(source, access);
    }
    if (this.#state.inTransaction) {
      // A write goes to the primary, which knows best how to refuse it in a read-only transaction.
      const fixed = this.#readOnly && access === 'read' ? this.#fixed.get(source) : undefined;
      if (fixed !== undefined) return this.#fixedLease(source, fixed);
      // In a read-only transaction every server refuses it: there is nothing to decide about at its end.
      const writes = access === 'write' && !this.#readOnly;
      const branch = await this.#join(source, writes);
      if (writes) branch.wrote = true;
      await this.#prepareHeld(source, branch.lease);
      return this.leases.held(source, branch.lease);
    }
    if (this.#pin?.source === source) {
      const { lease } = this.#pin;
      await this.#prepareHeld(source, lease);
      return this.leases.held(source, lease);
    }
    const lease = await this.leases.acquire(source);
    return this.leases.free(source, lease);
  }

  /**
   * Like `take` where nothing has to be awaited: no transaction, no pin, and an idle connection that has the session's
   * settings already. Undefined: call `take`. The usual case, without a promise.
   */
  takeNow(source: string): StatementLease | undefined {
    if (!this.leases.going || this.#lost !== undefined) return undefined;
    if (this.#state.inTransaction || this.#pin !== undefined) return undefined;
    const { directory } = this;
    const set = this.leases.setOf(source);
    if (set?.writable === false) return undefined;
    const lease = this.leases.ready(directory.primaryPool(source, this.leases.capabilities));
    if (lease === undefined) return undefined;
    if (set !== undefined) this.reads.onPrimary(set, lease.connection);
    return this.leases.free(source, lease);
  }

  /**
   * A connection for a statement that a replica may answer. `reading` of the lease says how it must be guarded; without it the
   * statement runs like any other. Throws as `take` does.
   */
  async takeReader(source: string, attempt: ReaderAttempt = firstAttempt): Promise<StatementLease> {
    const set = this.directory.replicaSet(source);
    if (set === undefined || this.#pin !== undefined || this.atomic.active) return this.take(source, 'read');
    this.leases.checkGoing();
    if (this.#lost !== undefined) throw new MeshError('SM_TRANSACTION_ABORTED', { reason: this.#lost });
    const { shardmesh_read: wish } = this.#state.mesh;
    const strategy = this.#state.inTransaction ? this.#strategy(source) : 'DYNAMIC';
    const fixed = this.#fixed.get(source);
    if (fixed !== undefined) {
      if (strategy === 'FIXED') return this.#fixedLease(source, fixed);
      this.#endFixed(source);
    }
    if (strategy === 'PRIMARY') return this.take(source, 'read');
    if (wish === 'primary' || attempt.primaryOnly) return this.#takePrimaryReading(source, set);
    const floor = await this.reads.floor(set, (asked) => this.leases.askPrimary(asked));
    if (floor === 'primary') return this.#takePrimaryReading(source, set);
    let { except } = attempt;
    for (let tries = 0; tries < set.members.length; tries += 1) {
      const choice = set.chooseReader(
        floor,
        (member) => this.directory.memberPool(member, this.leases.capabilities).exhausted,
        except,
        wish === 'replica',
      );
      if (choice === undefined) break;
      const { member } = choice;
      let lease: Lease;
      try {
        lease = await this.leases.acquireFrom(
          () => this.directory.memberPool(member, this.leases.capabilities),
          source,
        );
      } catch (error) {
        if (!(error instanceof MeshError) || !ELSEWHERE.has(error.code)) throw error;
        set.suspect(member, error.message);
        except = member;
        continue;
      }
      this.reads.onReader(lease.connection);
      const reading = this.reads.reading(set, choice);
      if (strategy !== 'FIXED') return this.leases.free(source, lease, reading);
      try {
        await lease.connection.query(plainOpening({ ...this.#state.transaction, access: 'READ ONLY' }).join(';'));
      } catch (error) {
        lease.destroy();
        this.leases.running.delete(lease);
        if (!(error instanceof BackendFault)) throw error;
        set.suspect(member, error.message);
        except = member;
        continue;
      }
      const fresh: FixedReader = { lease, member, fresh: true };
      this.#fixed.set(source, fresh);
      return this.leases.held(source, lease, reading);
    }
    set.fallbacks += 1;
    // A READ ONLY transaction reads one server per source: from here on the primary.
    return strategy === 'FIXED' ? this.take(source, 'read') : this.#takePrimaryReading(source, set);
  }

  /** The usual case of `takeReader`, without a promise: no transaction, an idle connection with the session's settings. */
  takeReaderNow(source: string): StatementLease | undefined {
    if (!this.leases.going || this.#lost !== undefined) return undefined;
    if (this.#state.inTransaction || this.#pin !== undefined) return undefined;
    const { directory } = this;
    const set = directory.replicaSet(source);
    if (set === undefined) return this.takeNow(source);
    const { shardmesh_read: wish } = this.#state.mesh;
    if (wish === 'primary') return undefined;
    const floor = this.reads.floorNow(set);
    if (floor === 'ask' || floor === 'primary') return undefined;
    const choice = set.chooseReader(
      floor,
      (member) => directory.memberPool(member, this.leases.capabilities).exhausted,
      undefined,
      wish === 'replica',
    );
    if (choice === undefined) return undefined;
    const lease = this.leases.ready(directory.memberPool(choice.member, this.leases.capabilities));
    if (lease === undefined) return undefined;
    this.reads.onReader(lease.connection);
    return this.leases.free(source, lease, this.reads.reading(set, choice));
  }

  async #takePrimaryReading(source: string, set: ReplicaSet): Promise<StatementLease> {
    // Not by `take`: the question behind the read takes the place of the one behind the statement.
    if (this.#state.inTransaction) return this.take(source, 'read');
    const lease = await this.leases.acquire(source, false);
    this.reads.onReader(lease.connection);
    return this.leases.free(source, lease, this.reads.reading(set, undefined));
  }

  /** A client hands over a position: the reads from here on see it. Throws where a transaction reads an older snapshot. */
  takePosition(handed: Handed): void {
    if (this.#fixed.size > 0) throw new MeshError('ER_CANT_CHANGE_TX_CHARACTERISTICS');
    this.reads.take(handed);
  }

  #fixedLease(source: string, fixed: FixedReader): StatementLease {
    const set = this.directory.replicaSet(source) as ReplicaSet;
    const reading = this.reads.reading(set, { member: fixed.member, wait: undefined });
    fixed.fresh = false;
    return this.leases.held(source, fixed.lease, reading);
  }

  get #readOnly(): boolean {
    const { transaction, settings } = this.#state;
    if (transaction.access !== undefined) return transaction.access === 'READ ONLY';
    const always = settings.variables.get('tx_read_only') ?? settings.variables.get('transaction_read_only');
    return always !== undefined && /^'?(1|ON)'?$/i.test(always);
  }

  /** Where the transaction in progress reads from this source. */
  #strategy(source: string): 'PRIMARY' | 'FIXED' | 'DYNAMIC' {
    const { isolation, consistentSnapshot } = this.#state.transaction;
    const transaction = this.#transaction;
    if (this.#readOnly) {
      if (this.#fixed.has(source)) return 'FIXED';
      if (transaction?.branch(source) !== undefined) return 'PRIMARY';
      const level = isolation ?? this.#state.settings.variables.get('tx_isolation') ?? '';
      // Each of its statements sees what is committed by then: a replica's would have to be waited for again and again.
      return /COMMITTED|SERIALIZABLE/i.test(level) ? 'PRIMARY' : 'FIXED';
    }
    // A primary that takes part already has locks or changes that the reads must respect.
    if (transaction !== undefined && transaction.size > 0) return 'PRIMARY';
    if (consistentSnapshot || /SERIALIZABLE/i.test(isolation ?? '')) return 'PRIMARY';
    const strategy = this.directory.transactionalReads(source);
    return strategy === 'PRIMARY' && this.#state.mesh.shardmesh_read === 'replica' ? 'FIXED' : strategy;
  }

  /** The transaction's own reader of a source ends; nothing can be lost with it. */
  #endFixed(source: string): void {
    const fixed = this.#fixed.get(source);
    if (fixed === undefined) return;
    this.#fixed.delete(source);
    fixed.lease.connection.query('COMMIT').then(
      () => fixed.lease.release(),
      () => fixed.lease.destroy(),
    );
  }

  /** The primary of a source refused a write because it is read-only: nothing ran. Whether the statement may wait for another. */
  refusedAsReadOnly(held: StatementLease): boolean {
    const set = this.directory.replicaSet(held.source);
    if (set === undefined || held.held) return false;
    const before = set.primary;
    if (before.name === held.lease.connection.options.source) set.suspect(before, 'it refuses writes', true);
    return true;
  }

  /** A transaction's reader did not have the position in time: it is given up before anything of it was told. */
  readerTooEarly(held: StatementLease): void {
    if (this.#fixed.get(held.source)?.lease === held.lease) this.#endFixed(held.source);
  }

  /** A transaction's reader was lost. True: nothing of it had been told, so that another one may take its place. */
  fixedLost(held: StatementLease): boolean {
    const fixed = this.#fixed.get(held.source);
    if (fixed?.lease !== held.lease) return false;
    this.#fixed.delete(held.source);
    return fixed.fresh;
  }

  /** A transaction for one statement over several sources, while the session itself is in none. */
  statementTransaction(type: TransactionType = this.#state.mesh.shardmesh_transaction_type): {
    readonly transaction: Transaction;
    take(source: string, also?: string): Promise<Branch>;
  } {
    const transaction = new Transaction(this.#protocols[type], {
      origin: 'statement',
      characteristics: plainTransaction,
      logicalDatabase: this.directory.logicalDatabase,
      connectionId: this.#state.connectionId,
    });
    let pass: BarrierPass | undefined;
    return {
      transaction,
      take: async (source, also) => {
        const known = transaction.branch(source);
        if (known !== undefined) return known;
        this.#checkPin(source);
        pass ??= this.#barrier.passOf(transaction);
        const end: BarrierPorts['end'] = (_, how) => transaction[how]();
        const pin = this.#pin?.source === source ? this.#pin : undefined;
        if (pin === undefined)
          return this.#joined(transaction, source, await this.leases.acquire(source), also, pass, end);
        if (pin.reasons.has('lock tables')) throw lockedTables();
        await this.#prepareHeld(source, pin.lease);
        transaction.keepFor(source);
        return await this.#joined(transaction, source, pin.lease, also, pass, end);
      },
    };
  }

  /**
   * From here on the running statement only ends (COMMIT, ROLLBACK): neither KILL nor a client that vanishes may cut it off
   * half-way, with some sources committed and others not. Throws if it has been interrupted before.
   */
  settling(): void {
    this.leases.settling();
  }

  /** What a statement left on this connection is not known: it is cut off, and with it what it held. */
  async leaseLost(held: StatementLease, reason: string): Promise<void> {
    held.destroy();
    if (!held.held) return;
    if (this.#transaction?.branch(held.source)?.lease === held.lease || this.atomic.holds(held.lease))
      await this.transactionLost(reason);
  }

  /**
   * A branch was lost in the middle of the session's transaction: the others are rolled back, and every statement is refused
   * until the client ends the transaction, so that nothing of it runs by itself outside.
   */
  async transactionLost(reason: string): Promise<void> {
    // A lost pin outside of a transaction is told by `lostPin`: there is nothing to roll back, and nothing to end.
    if (!this.#state.inTransaction) return;
    this.#lost = reason;
    this.atomic.cut();
    const transaction = this.#transaction;
    this.#transaction = undefined;
    if (transaction !== undefined) this.#counts(transaction).rolledBack += 1;
    await transaction?.rollback();
  }

  /** Marks the end of a statement: nothing is running any more. Resolves when nothing can hit the next one; undefined: nothing can. */
  statementDone(): Promise<void> | undefined {
    const ended = this.leases.statementDone();
    const settling =
      this.reads.unsettled && !this.#state.inTransaction
        ? this.reads.settle((set) => this.leases.askPrimary(set))
        : undefined;
    if (ended !== undefined) return Promise.all([settling, ended]).then(() => undefined);
    return settling;
  }

  /** The branch of the session's transaction that a held lease is, if its coordinator wants to know of statements. */
  watched(held: StatementLease): { readonly coordinator: Coordinator; readonly branch: Branch } | undefined {
    const transaction = this.#transaction;
    if (transaction === undefined || !transaction.watched) return undefined;
    const branch = transaction.branch(held.source);
    return branch?.lease === held.lease ? { coordinator: transaction.coordinator, branch } : undefined;
  }

  /** The session's transaction, made if it has none yet: savepoints may be set before any source is touched. */
  openTransaction(): Transaction {
    if (this.#transaction === undefined) {
      const characteristics = this.#state.transaction;
      const type = characteristics.type ?? this.#state.mesh.shardmesh_transaction_type;
      this.#transaction = new Transaction(this.#protocols[type], {
        origin: 'session',
        characteristics,
        logicalDatabase: this.directory.logicalDatabase,
        connectionId: this.#state.connectionId,
      });
      this.#counts(this.#transaction).opened += 1;
    }
    return this.#transaction;
  }

  async commit(): Promise<void> {
    const transaction = this.#transaction;
    const lost = this.#lost;
    this.#transaction = undefined;
    this.#endLogical();
    if (lost !== undefined) throw new MeshError('SM_TRANSACTION_ABORTED', { reason: lost });
    if (transaction === undefined) return;
    this.#dropOpaque(transaction);
    try {
      await transaction.commit();
      this.#counts(transaction).committed += 1;
    } catch (error) {
      if (error instanceof MeshError && error.code === 'SM_PARTIAL_COMMIT') this.#counts(transaction).partial += 1;
      else this.#counts(transaction).rolledBack += 1;
      throw error;
    }
  }

  async rollback(): Promise<void> {
    const transaction = this.#transaction;
    this.#transaction = undefined;
    this.#endLogical();
    if (transaction === undefined) return;
    this.#counts(transaction).rolledBack += 1;
    this.#dropOpaque(transaction);
    await transaction.rollback();
  }

  /** Keeps the source's connection for this session until `unpin`. */
  async pinTo(source: string, reason: PinReason): Promise<void> {
    if (this.#pin === undefined) {
      const lease = this.#transaction?.branch(source)?.lease ?? (await this.leases.acquire(source));
      this.#pin = { source, lease, reasons: new Set(), locks: new UserLocks() };
    }
    this.#checkPin(source);
    const { pin } = this;
    if (pin === undefined) return;
    if (pin.source !== source) {
      const reasons = [...pin.reasons].join(', ');
      throw new MeshError('SM_PIN_ELSEWHERE', { pinned: pin.source, reason: reasons, wanted: source });
    }
    pin.reasons.add(reason);
  }

  unpin(reason: PinReason): void {
    const pin = this.#pin;
    if (pin === undefined) return;
    pin.reasons.delete(reason);
    if (pin.reasons.size > 0) return;
    this.#pin = undefined;
    const { lease } = pin;
    // What else is left on it cannot be listed for certain.
    if (this.#transaction?.branch(pin.source)?.lease === lease) this.leases.opaque.add(lease);
    else
      lease.connection.reset().then(
        () => lease.release(),
        () => lease.destroy(),
      );
  }

  /** After a statement of GET_LOCK's family on the pin: it ends with the last lock. See UserLocks.after. */
  async settleUserLocks(taken: readonly (Buffer | undefined)[], releasedAll: boolean): Promise<void> {
    const pin = this.#pin;
    if (pin?.reasons.has('user lock') !== true) return;
    try {
      if (await pin.locks.after(pin.lease, taken, releasedAll)) this.unpin('user lock');
    } catch {
      // Its loss is told by the next statement that needs it.
      pin.lease.destroy();
    }
  }

  /** BEGIN ends LOCK TABLES, as on any server. */
  async unlockTables(): Promise<void> {
    const pin = this.#pin;
    if (pin?.reasons.has('lock tables') !== true) return;
    await pin.lease.connection.query('UNLOCK TABLES').catch(() => pin.lease.destroy());
    this.unpin('lock tables');
  }

  /**
   * Whether the transaction on this lease is as it was: a procedure's COMMIT or the like may have ended it on the server. Then
   * nothing is left of it here either; if other sources took part, what they did is rolled back and SM_IMPLICIT_COMMIT thrown.
   */
  async checkStillOpen(held: StatementLease): Promise<void> {
    const transaction = this.#transaction;
    const { connection } = held.lease;
    if (transaction?.branch(held.source)?.lease !== held.lease || connection.statusStale) return;
    if ((connection.status & (StatusFlag.IN_TRANSACTION | StatusFlag.IN_TRANSACTION_READONLY)) !== 0) return;
    const alone = transaction.size === 1;
    await this.rollback();
    if (!alone) throw new MeshError('SM_IMPLICIT_COMMIT', { source: held.source });
  }

  /** The client is gone: what runs is killed, everything open is rolled back and every connection given up, for good. */
  async close(): Promise<void> {
    await this.leases.close();
    await this.reset();
  }

  /** COM_RESET_CONNECTION: everything open is rolled back, everything held is given up. Nothing is running. */
  async reset(): Promise<void> {
    for (const { lease } of this.#fixed.values()) lease.destroy();
    this.#fixed.clear();
    this.atomic.cut();
    this.reads.reset();
    this.#lost = undefined;
    this.#barrier.ended();
    this.leases.opaque.clear();
    if (this.#transaction !== undefined) this.#counts(this.#transaction).rolledBack += 1;
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

  async #join(source: string, writes: boolean): Promise<Branch> {
    const transaction = this.openTransaction();
    const known = transaction.branch(source);
    const pass = writes ? this.#barrier.of(transaction) : undefined;
    if (known !== undefined) {
      if (pass !== undefined && !pass.has(source)) await this.#barrier.enter(pass, known, this.#barred);
      return known;
    }
    const pinned = this.#pin?.source === source ? this.#pin.lease : undefined;
    if (pinned !== undefined && this.#pin?.reasons.has('lock tables') === true) {
      throw lockedTables();
    }
    const lease = pinned ?? (await this.leases.acquire(source));
    try {
      return await this.#joined(transaction, source, lease, undefined, pass, this.#barred);
    } finally {
      // The client vanished meanwhile.
      if (transaction !== this.#transaction) transaction.abandon();
    }
  }

  async #joined(
    transaction: Transaction,
    source: string,
    lease: Lease,
    also: string | undefined,
    pass: BarrierPass | undefined,
    end: BarrierPorts['end'],
  ): Promise<Branch> {
    const entering = pass?.sql(source);
    let before = 0;
    const told =
      entering === undefined
        ? undefined
        : (ok: OkPacket): void => {
            before = Number(ok.insertId);
          };
    let branch: Branch;
    for (let attempt = 0, next = lease; ; attempt += 1) {
      try {
        // The barrier comes last: the packet's last answer is its.
        const behind = entering === undefined ? also : also === undefined ? entering : `${also};${entering}`;
        branch = await transaction.join(source, next, behind, told);
        break;
      } catch (error) {
        next.destroy();
        this.leases.running.delete(next);
        // Only the barrier's row can have met others: entering it again is safe.
        if (pass !== undefined && error instanceof ServerError && error.errno === 1213 && attempt < 2) {
          next = await this.leases.acquire(source);
          continue;
        }
        if (!(error instanceof BackendFault)) throw pass === undefined ? error : barrierFault(error, source);
        // Nothing has been done in it yet: an idle connection that turns out to be dead is replaced, unless it held a pin.
        if (attempt === 2 || next === this.#pin?.lease) throw sourceFault(error, source);
        next = await this.leases.acquire(source);
      }
    }
    if (pass !== undefined) {
      branch.wrote = true;
      this.leases.insertIdUnknown(branch.lease);
      await this.#barrier.judge(pass, source, before, end);
    }
    return branch;
  }

  /** Ends the session's transaction: every statement is refused until the client has ended it as well. */
  readonly #barred: BarrierPorts['end'] = async (reason, how) => {
    if (how === 'commit') {
      const transaction = this.#transaction;
      this.#transaction = undefined;
      this.#lost = reason;
      if (transaction !== undefined) this.#counts(transaction).rolledBack += 1;
      await transaction?.commit();
    } else await this.transactionLost(reason);
  };

  /** Autocommit statements that write, too, are then transactions of their own. */
  get inBranch(): boolean {
    return this.#state.mesh.shardmesh_branch !== '' && !this.#state.inTransaction;
  }

  /** An autocommit write of a branch is over. */
  branchEnded(): void {
    this.#barrier.ended();
  }

  /** The error to tell, once, if the connection that kept the session's state is gone. */
  lostPin(): MeshError | undefined {
    const pin = this.#pin;
    if (pin === undefined || pin.lease.connection.state !== 'closed') return undefined;
    this.#pin = undefined;
    pin.lease.destroy();
    return new MeshError('SM_SOURCE_LOST', {
      source: pin.source,
      reason: `the connection that kept the session's state (${[...pin.reasons].join(', ')}) is gone, and the state with it`,
    });
  }

  /** Throws if what is pinned has been lost, or if a statement that locks rule out goes elsewhere. */
  #checkPin(source: string): void {
    const pin = this.#pin;
    if (pin === undefined) return;
    const lost = this.lostPin();
    if (lost !== undefined) throw lost;
    const reason = [...pin.reasons].join(', ');
    // Under LOCK TABLES a server refuses all tables but the locked ones: other sources must not answer in its place.
    if (pin.source !== source && pin.reasons.has('lock tables')) {
      throw new MeshError('SM_PIN_ELSEWHERE', { pinned: pin.source, reason, wanted: source });
    }
  }

  /** Like `#prepare`, on a connection that holds a transaction or a pin: if it fails, what it held is lost. */
  async #prepareHeld(source: string, lease: Lease): Promise<void> {
    try {
      await this.leases.prepare(lease);
    } catch (error) {
      lease.destroy();
      if (this.#transaction?.branch(source)?.lease === lease)
        await this.transactionLost(`the session's settings could not be replayed on source '${source}'`);
      throw error instanceof BackendFault ? sourceFault(error, source) : error;
    }
  }

  #counts(transaction: Transaction): TransactionCounts {
    return this.#tally.of(transaction.coordinator.type);
  }

  #endLogical(): void {
    for (const source of [...this.#fixed.keys()]) this.#endFixed(source);
    this.atomic.end();
    this.#barrier.ended();
    this.#lost = undefined;
    this.#state.inTransaction = false;
    this.#state.transaction = plainTransaction;
  }

  /** Connections with unknown state leave with the transaction's end: kept by the pin, or closed by the pool when released busy. */
  #dropOpaque(transaction: Transaction): void {
    for (const source of transaction.sources) {
      const lease = transaction.branch(source)?.lease;
      if (lease === undefined) continue;
      if (this.leases.opaque.delete(lease)) transaction.keepOut(source);
      if (this.#pin?.lease === lease) transaction.keepFor(source);
    }
  }
}

/** Why a replica cannot take a read that another server still can. */
const ELSEWHERE: ReadonlySet<string> = new Set(['SM_SOURCE_DOWN', 'SM_SOURCE_LOST', 'SM_POOL_TIMEOUT', 'SM_DRAINING']);

function temporaryBesides(): MeshError {
  return new MeshError('SM_UNSUPPORTED', {
    what: "shardmesh_snapshot = 'atomic' in a session with temporary tables",
    reason: 'they are on a connection of their own; drop them first',
  });
}

function lockedTables(): MeshError {
  return new MeshError('SM_UNSUPPORTED', {
    what: 'LOCK TABLES with autocommit=0, and writing to several nodes under it',
    reason: 'beginning the transaction would release the locks; set autocommit=1 or use SELECT ... FOR UPDATE',
  });
}
