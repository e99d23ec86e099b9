/** Keeps a leased worker id alive: acquires, renews, and says nothing once the lease may have ended. */
import { type Clock, systemClock } from '../base/index.ts';
import type { WorkerIdPort } from '../rules/index.ts';
import { type Logger, silentLogger } from '../telemetry/index.ts';
import { reasonOf } from './source-connection.ts';

/** Worker ids are 0 to 1023: ten bits of a SNOWFLAKE key. */
export const workerIdCount = 1024;

/** A lease as its store wrote it. The epoch rises with each new owner of the id. */
export interface HeldLease {
  readonly workerId: number;
  readonly epoch: string;
}

/** A table or Redis. Both calls reject if the store cannot be asked; whether it was changed is then unknown. */
export interface LeaseStore {
  readonly name: string;
  /** Takes the id that has been free for longest, for `ttlMs` by the store's own clock; undefined if all are taken. */
  acquire(owner: string, ttlMs: number): Promise<HeldLease | undefined>;
  /** False: the lease is another's now. */
  renew(owner: string, lease: HeldLease, ttlMs: number): Promise<boolean>;
  /** Free again after `graceMs`: the next owner's clock may be behind ours. */
  release(owner: string, lease: HeldLease, graceMs: number): Promise<void>;
  close(): Promise<void>;
}

export interface WorkerLeaseOptions {
  readonly store: LeaseStore;
  /** Unique in the installation: host, process and a random part. */
  readonly owner: string;
  readonly clock?: Clock;
  readonly logger?: Logger;
  /** How long we trust a lease after it was asked for. Default 60 s. The store keeps it a quarter longer. */
  readonly ttlMs?: number;
}

const releaseGraceMs = 10_000;

/** One per worker process and store. `current` is what key generators ask before each batch. */
export class WorkerLease implements WorkerIdPort {
  readonly #store: LeaseStore;
  readonly #owner: string;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #ttlMs: number;
  #lease: HeldLease | undefined;
  #validUntil = 0;
  #validUntilMonotonic = 0;
  #cancel: (() => void) | undefined;
  #busy: Promise<void> | undefined;
  #stopped = false;
  #complained = false;

  constructor(options: WorkerLeaseOptions) {
    this.#store = options.store;
    this.#owner = options.owner;
    this.#clock = options.clock ?? systemClock;
    this.#logger = options.logger ?? silentLogger;
    this.#ttlMs = options.ttlMs ?? 60_000;
  }

  /** First attempt; resolves whether or not it got a lease. Renewals and new attempts follow by themselves. */
  async start(): Promise<void> {
    await this.#turn();
  }

  /** Both clocks must agree that it is ours: a wall clock that was set back, or a process that slept, must not extend it. */
  current(): { readonly workerId: number; readonly validUntil: number } | undefined {
    if (
      this.#lease === undefined ||
      this.#clock.monotonic() >= this.#validUntilMonotonic ||
      this.#clock.now() >= this.#validUntil
    )
      return undefined;
    return { workerId: this.#lease.workerId, validUntil: this.#validUntil };
  }

  /** Stops giving the id, then frees it. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel?.();
    await this.#busy;
    const lease = this.#lease;
    this.#lease = undefined;
    try {
      if (lease !== undefined) await this.#store.release(this.#owner, lease, releaseGraceMs);
    } catch {
      // It ends by itself.
    }
    await this.#store.close().catch(() => {});
  }

  async #turn(): Promise<void> {
    this.#busy = this.#step();
    await this.#busy;
    if (this.#stopped) return;
    // Without a lease: soon again; with one: three times before it ends.
    const delayMs = this.#lease === undefined ? Math.min(2000, this.#ttlMs / 3) : this.#ttlMs / 3;
    this.#cancel = this.#clock.after(delayMs, () => void this.#turn());
  }

  async #step(): Promise<void> {
    // Counted from before the question: the store's answer may take its time.
    const asked = this.#clock.now();
    const askedMonotonic = this.#clock.monotonic();
    try {
      if (this.#lease !== undefined && !(await this.#store.renew(this.#owner, this.#lease, this.#storeTtlMs))) {
        this.#logger.warn({ store: this.#store.name, workerId: this.#lease.workerId }, 'worker_id.lost');
        this.#lease = undefined;
      }
      if (this.#lease === undefined) {
        const lease = await this.#store.acquire(this.#owner, this.#storeTtlMs);
        if (lease === undefined) throw new Error(`all ${workerIdCount} worker ids are taken`);
        this.#lease = lease;
        this.#logger.info(
          { store: this.#store.name, workerId: lease.workerId, epoch: lease.epoch },
          'worker_id.leased',
        );
      }
      this.#validUntil = asked + this.#ttlMs;
      this.#validUntilMonotonic = askedMonotonic + this.#ttlMs;
      this.#complained = false;
    } catch (error) {
      // A lease that could not be renewed stays ours until its time ends.
      if (!this.#complained)
        this.#logger.warn({ store: this.#store.name, reason: reasonOf(error) }, 'worker_id.store_failed');
      this.#complained = true;
    }
  }

  /** Longer than we trust it, so that clocks of different speed cannot make two owners. */
  get #storeTtlMs(): number {
    return Math.ceil(this.#ttlMs * 1.25);
  }
}
