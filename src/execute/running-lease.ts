/** A lease as the running statement has it: given back at its end, or kept by the session's transaction or pin. */
import type { Lease } from '../backend/index.ts';
import { giveBackClean } from './give-back-clean.ts';
import type { Reading } from './guarded-read.ts';

/** A lease for one statement. `done` gives it back, unless a transaction or a pin holds it. */
export interface StatementLease {
  readonly source: string;
  readonly lease: Lease;
  /** Inside the session's transaction or pin: the connection must be kept whatever happens on it. */
  readonly held: boolean;
  /** Only of `takeReader`: how the read must be guarded. */
  readonly reading: Reading | undefined;
  /** `opaque`: the statement may have changed the backend session in unknown ways. */
  done(opaque?: boolean): Promise<void> | undefined;
  /** The protocol state is unknown: cut the connection off. */
  destroy(): void;
}

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
