/** A lease as the running statement has it: given back at its end, or kept by the session's transaction or pin. */
import type { Lease } from '../backend/index.ts';
import { giveBackClean } from './give-back-clean.ts';
import type { Reading } from './guarded-read.ts';
import type { StatementLease } from './session-leases.ts';

export class RunningLease implements StatementLease {
  readonly source: string;
  readonly lease: Lease;
  readonly reading: Reading | undefined;
  readonly #running: Set<Lease>;
  readonly #opaque: Set<Lease> | undefined;

  /** `opaque`: those of the session's transaction or pin on which something opaque ran; undefined: this one is not held by them. */
  constructor(
    source: string,
    lease: Lease,
    reading: Reading | undefined,
    running: Set<Lease>,
    opaque: Set<Lease> | undefined,
  ) {
    this.source = source;
    this.lease = lease;
    this.reading = reading;
    this.#running = running;
    this.#opaque = opaque;
  }

  get held(): boolean {
    return this.#opaque !== undefined;
  }

  done(opaque = false): Promise<void> | undefined {
    this.#running.delete(this.lease);
    if (this.#opaque !== undefined) {
      if (opaque) this.#opaque.add(this.lease);
      return undefined;
    }
    if (opaque) return giveBackClean(this.lease);
    this.lease.release();
    return undefined;
  }

  destroy(): void {
    this.#running.delete(this.lease);
    this.lease.destroy();
  }
}
