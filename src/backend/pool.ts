/** Connections to one source, of one capability class and one account, lent to one borrower at a time. */
import { type Clock, MeshError, systemClock } from '../base/index.ts';
import { BackendConnection } from './backend-connection.ts';
import type { ConnectOptions } from './connect-options.ts';
import { type Keeper, Lease } from './lease.ts';
import { WaitQueue } from './wait-queue.ts';

export interface PoolOptions {
  readonly connect: ConnectOptions;
  /** Kept open even when idle for long. Default 0. */
  readonly sizeMin?: number;
  /** Default 50. */
  readonly sizeMax?: number;
  /** Connections idle longer are closed, down to `sizeMin`. Default 60 000; 0: never. */
  readonly idleTimeoutMs?: number;
  /** Older connections are closed when they come back, each at its own moment within 10 % of this. Default 1 800 000; 0: never. */
  readonly lifetimeMaxMs?: number;
  /** How long `acquire` waits. Default 5000. */
  readonly acquireTimeoutMs?: number;
  /** Waiting acquires at most; more are refused at once. Default 10 000. */
  readonly queueMax?: number;
  readonly clock?: Clock;
  /** For tests: a stand-in for BackendConnection.connect. */
  readonly connector?: (options: ConnectOptions) => Promise<BackendConnection>;
  /** 0 to 1; for tests. Default Math.random. */
  readonly random?: () => number;
}

export interface PoolStats {
  readonly idle: number;
  readonly leased: number;
  readonly connecting: number;
  readonly waiting: number;
  /** Successful connects since the start. */
  readonly connects: number;
  readonly connectFailures: number;
  readonly acquires: number;
  readonly acquireTimeouts: number;
  /** Leases that ended by closing their connection, not by giving it back. */
  readonly discarded: number;
  /** The last connect failed and nothing is connected. */
  readonly down: boolean;
}

const BACKOFF_FIRST_MS = 100;
const BACKOFF_LAST_MS = 5000;
const SWEEP_EVERY_MS = 1000;

interface Member {
  readonly connection: BackendConnection;
  /** Monotonic. */
  readonly expiresAt: number;
  idleSince: number;
}

export class Pool implements Keeper {
  readonly options: PoolOptions;
  /** The source's name. */
  readonly source: string;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #sizeMax: number;
  /** The one used last is at the end and goes out first, so that the others can grow old and be closed. */
  readonly #idle: Member[] = [];
  readonly #leased = new Map<BackendConnection, Member>();
  readonly #waiting: WaitQueue<Lease>;
  #connecting = 0;
  #closing = false;
  #drained: (() => void)[] = [];
  /** Consecutive connect failures. */
  #failures = 0;
  #retryAt = 0;
  #cancelRetry: (() => void) | undefined;
  #lastFailure: Error | undefined;
  #cancelSweep: (() => void) | undefined;
  #connects = 0;
  #connectFailures = 0;
  #acquires = 0;
  #discarded = 0;

  constructor(options: PoolOptions) {
    this.options = options;
    this.source = options.connect.source;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#sizeMax = options.sizeMax ?? 50;
    this.#waiting = new WaitQueue(options.queueMax ?? 10_000, options.acquireTimeoutMs ?? 5000, this.#clock, (ms) =>
      this.#timedOut(ms),
    );
    this.#sweepLater();
  }

  /** An idle connection right now, or undefined: then `acquire`. Never overtakes those who wait. The hot path: no promise, no round trip. */
  tryAcquire(): Lease | undefined {
    if (this.#closing || this.#waiting.length > 0) return undefined;
    const member = this.#idle.pop();
    return member === undefined ? undefined : this.#lend(member);
  }

  /**
   * Waits in line for a connection, opening one if there may be more. Rejects with MeshError SM_POOL_TIMEOUT (also when the line is
   * full), SM_SOURCE_DOWN (at once while the source is known to be down) or SM_DRAINING, or with the signal's reason.
   */
  async acquire(signal?: AbortSignal): Promise<Lease> {
    signal?.throwIfAborted();
    if (this.#closing) throw new MeshError('SM_DRAINING');
    const now = this.tryAcquire();
    if (now !== undefined) return now;
    if (this.#isDown()) throw this.#downError();
    const lease = this.#waiting.wait(signal);
    this.#grow();
    return lease;
  }

  /** KILL QUERY or KILL CONNECTION through a short-lived connection of its own. An unknown thread is no error: it is gone already. */
  async kill(threadId: number, what: 'query' | 'connection'): Promise<void> {
    const connection = await this.#connect({ ...this.options.connect, initSql: '' });
    try {
      await connection.query(`KILL ${what === 'query' ? 'QUERY' : 'CONNECTION'} ${threadId}`);
    } catch (error) {
      if ((error as { errno?: number }).errno !== ER_NO_SUCH_THREAD) throw error;
    } finally {
      connection.end();
    }
  }

  /** Whether every connection that it may have is in use, or somebody waits for one. */
  get exhausted(): boolean {
    return this.#waiting.length > 0 || this.#leased.size >= this.#sizeMax;
  }

  stats(): PoolStats {
    return {
      idle: this.#idle.length,
      leased: this.#leased.size,
      connecting: this.#connecting,
      waiting: this.#waiting.length,
      connects: this.#connects,
      connectFailures: this.#connectFailures,
      acquires: this.#acquires,
      acquireTimeouts: this.#waiting.timeouts,
      discarded: this.#discarded,
      down: this.#failures > 0 && this.#idle.length + this.#leased.size === 0,
    };
  }

  /** No new leases (SM_DRAINING), idle connections closed; resolves when all leases have ended. */
  drain(): Promise<void> {
    this.#closing = true;
    this.#cancelSweep?.();
    this.#cancelRetry?.();
    this.#waiting.rejectAll(() => new MeshError('SM_DRAINING'));
    for (const member of this.#idle.splice(0)) this.#retire(member.connection);
    return new Promise((resolve) => {
      this.#drained.push(resolve);
      this.#checkDrained();
    });
  }

  /** Closes everything at once, leased connections too. */
  close(): void {
    void this.drain();
    for (const connection of [...this.#leased.keys()]) connection.destroy(new Error('the pool was closed'));
  }

  /** Closes the connections of today, leased ones too: their borrowers learn it as a fault. The pool goes on with new ones. */
  cut(cause: Error): void {
    for (const member of this.#idle.splice(0)) {
      member.connection.onClose = undefined;
      member.connection.destroy(cause);
    }
    for (const connection of [...this.#leased.keys()]) connection.destroy(cause);
  }

  /** For Lease only: the connection comes back, and is provably idle. */
  takeBack(connection: BackendConnection): void {
    const member = this.#leased.get(connection);
    if (member === undefined) return;
    this.#leased.delete(connection);
    const now = this.#clock.monotonic();
    if (this.#closing || now >= member.expiresAt) {
      this.#retire(connection);
      this.#checkDrained();
      this.#grow();
      return;
    }
    member.idleSince = now;
    this.#offer(member);
  }

  /** For Lease only: the connection must not come back. */
  discard(connection: BackendConnection, cause?: Error): void {
    if (!this.#leased.delete(connection)) return;
    this.#discarded += 1;
    connection.onClose = undefined;
    if (cause === undefined && connection.state === 'idle') connection.end();
    else connection.destroy(cause);
    this.#checkDrained();
    this.#grow();
  }

  #lend(member: Member): Lease {
    this.#acquires += 1;
    this.#leased.set(member.connection, member);
    return new Lease(member.connection, this);
  }

  /** To the first in line, or to the idle ones. */
  #offer(member: Member): void {
    if (!this.#waiting.serve(() => this.#lend(member))) this.#idle.push(member);
  }

  /** Opens connections for those who wait, or up to the minimum, as far as allowed. */
  #grow(): void {
    if (this.#closing) return;
    const now = this.#clock.monotonic();
    if (this.#failures > 0 && now < this.#retryAt) {
      this.#retryLater(this.#retryAt - now);
      return;
    }
    // While a source does not answer, one attempt at a time is enough.
    const attemptsMax = this.#failures > 0 ? 1 : this.#sizeMax;
    const wanted = Math.max(this.#waiting.length, (this.options.sizeMin ?? 0) - this.#idle.length - this.#leased.size);
    while (this.#connecting < Math.min(wanted, attemptsMax) && this.#size() < this.#sizeMax) void this.#open();
  }

  #size(): number {
    return this.#idle.length + this.#leased.size + this.#connecting;
  }

  async #open(): Promise<void> {
    this.#connecting += 1;
    let connection: BackendConnection;
    try {
      connection = await this.#connect(this.options.connect);
    } catch (error) {
      this.#connecting -= 1;
      this.#failed(error as Error);
      return;
    }
    this.#connecting -= 1;
    this.#connects += 1;
    this.#failures = 0;
    this.#lastFailure = undefined;
    if (this.#closing) {
      this.#retire(connection);
      this.#checkDrained();
      return;
    }
    const now = this.#clock.monotonic();
    const lifetime = this.options.lifetimeMaxMs ?? 1_800_000;
    const expiresAt = lifetime === 0 ? Number.POSITIVE_INFINITY : now + lifetime * (0.9 + 0.2 * this.#random());
    const member: Member = { connection, expiresAt, idleSince: now };
    connection.onClose = () => this.#vanished(member);
    this.#offer(member);
    this.#grow();
  }

  #connect(options: ConnectOptions): Promise<BackendConnection> {
    return (this.options.connector ?? BackendConnection.connect)(options);
  }

  #failed(error: Error): void {
    this.#connectFailures += 1;
    this.#failures += 1;
    this.#lastFailure = error;
    const backoff = Math.min(BACKOFF_LAST_MS, BACKOFF_FIRST_MS * 2 ** (this.#failures - 1));
    this.#retryAt = this.#clock.monotonic() + backoff * (0.5 + 0.5 * this.#random());
    this.#checkDrained();
    // With connections alive those who wait may still be served; with none, waiting is of no use.
    if (this.#idle.length + this.#leased.size === 0) this.#waiting.rejectAll(() => this.#downError());
    this.#grow();
  }

  #isDown(): boolean {
    return this.#failures > 0 && this.#idle.length + this.#leased.size === 0 && this.#clock.monotonic() < this.#retryAt;
  }

  #downError(): MeshError {
    const reason = this.#lastFailure?.message ?? 'unknown';
    return new MeshError('SM_SOURCE_DOWN', { source: this.source, reason }, { cause: this.#lastFailure });
  }

  #timedOut(ms: number): MeshError {
    return new MeshError('SM_POOL_TIMEOUT', { source: this.source, ms }, { cause: this.#lastFailure });
  }

  #retryLater(delayMs: number): void {
    if (this.#waiting.length === 0 || this.#cancelRetry !== undefined) return;
    this.#cancelRetry = this.#clock.after(delayMs, () => {
      this.#cancelRetry = undefined;
      this.#grow();
    });
  }

  /** The server closed a connection, or it broke. A lease on it learns that by its own faults. */
  #vanished(member: Member): void {
    const at = this.#idle.indexOf(member);
    if (at >= 0) this.#idle.splice(at, 1);
    // A leased one stays counted until its lease ends: the borrower still has to notice.
    this.#checkDrained();
    this.#grow();
  }

  #retire(connection: BackendConnection): void {
    connection.onClose = undefined;
    connection.end();
  }

  #sweepLater(): void {
    this.#cancelSweep = this.#clock.after(SWEEP_EVERY_MS, () => {
      this.#sweep();
      if (!this.#closing) this.#sweepLater();
    });
  }

  /** Closes what was idle for too long or is too old, oldest first. */
  #sweep(): void {
    const now = this.#clock.monotonic();
    const idleTimeout = this.options.idleTimeoutMs ?? 60_000;
    const sizeMin = this.options.sizeMin ?? 0;
    for (const member of [...this.#idle]) {
      const tooLong = idleTimeout > 0 && now - member.idleSince >= idleTimeout && this.#size() > sizeMin;
      if (!tooLong && now < member.expiresAt) continue;
      this.#idle.splice(this.#idle.indexOf(member), 1);
      this.#retire(member.connection);
    }
    this.#grow();
  }

  #checkDrained(): void {
    if (!this.#closing || this.#leased.size > 0 || this.#connecting > 0) return;
    for (const resolve of this.#drained.splice(0)) resolve();
  }
}

const ER_NO_SUCH_THREAD = 1094;
