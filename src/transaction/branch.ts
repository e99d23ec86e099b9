/** One source's part of a transaction: the lease that holds it, and what has been done on it. */
import type { Lease } from '../backend/index.ts';

export interface Branch {
  /** Shard source name. */
  readonly source: string;
  readonly lease: Lease;
  /** A statement that may write has been sent. A branch that only read has nothing to lose at commit. */
  wrote: boolean;
}
