/** Where transactions are kept: what the coordinator asks of a store, and what each answer promises. */
import type { BranchDefinition, Kind, TransactionDefinition } from './definition.ts';
import type { Phase, Progress } from './progress.ts';

export interface StoredTransaction {
  readonly gid: string;
  readonly definition: TransactionDefinition;
  readonly progress: Progress;
  /** Grows with each owner: a write of an older one changes nothing. */
  readonly epoch: number;
  readonly owner: string;
  readonly updatedAt: number;
}

/** A list's line. */
export interface TransactionSummary {
  readonly gid: string;
  readonly kind: Kind;
  readonly phase: Phase;
  readonly reason?: string;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly owner: string;
  readonly parent?: string;
}

export interface ListFilter {
  readonly phase?: Phase;
  readonly kind?: Kind;
  readonly parent?: string;
  readonly from?: number;
  readonly to?: number;
  /** What the last answer gave as `next`. */
  readonly after?: string;
  readonly limit: number;
}

export interface AuditEntry {
  readonly at: number;
  readonly gid: string;
  readonly order: string;
  readonly by: string;
  readonly reason: string;
}

/** What every change names: a change is made only if nobody has taken the transaction over. */
export interface Change {
  readonly gid: string;
  readonly epoch: number;
  readonly progress: Progress;
  /** Milliseconds from now after which any sidecar may take it; undefined: nothing is left to do for a clock. */
  readonly dueInMs: number | undefined;
}

/**
 * Every method rejects with StoreUnavailable when the store cannot be asked or did not answer; then nobody knows whether the
 * change was made. A resolved change is durable as far as the store promises.
 */
export interface TransactionStore {
  /** For people. */
  readonly name: string;
  /** Makes what is missing, learns the store's clock. Repeated until it succeeds. */
  open(): Promise<void>;
  /** The store's clock, in milliseconds since the epoch. */
  now(): number;
  /** False: the gid exists. The creator owns it with epoch 1. */
  create(
    transaction: Omit<StoredTransaction, 'epoch' | 'owner' | 'updatedAt'>,
    dueInMs: number | undefined,
  ): Promise<boolean>;
  /** Adds a branch to a prepared transaction. */
  addBranch(gid: string, branch: BranchDefinition): Promise<'added' | 'unknown' | Phase>;
  /** False: somebody else has taken it over. */
  change(change: Change): Promise<boolean>;
  /** Takes it over whoever has it, and changes it, if it is still at `epoch`. False: it is not. */
  takeOver(change: Change): Promise<boolean>;
  /** Takes transactions that are due, those first that have been for longest; each with a new epoch. */
  claim(limit: number, leaseMs: number): Promise<readonly StoredTransaction[]>;
  /** Keeps what is being worked on. Answers the gids that were lost. */
  renew(held: readonly { readonly gid: string; readonly epoch: number }[], leaseMs: number): Promise<readonly string[]>;
  read(gid: string): Promise<StoredTransaction | undefined>;
  list(filter: ListFilter): Promise<{ readonly transactions: readonly TransactionSummary[]; readonly next?: string }>;
  /** Unfinished ones by phase. */
  counts(): Promise<Readonly<Partial<Record<Phase, number>>>>;
  audit(entry: AuditEntry): Promise<void>;
  auditOf(gid: string): Promise<readonly AuditEntry[]>;
  /** Forgets what ended longer ago, a bounded number. */
  prune(endedBeforeMs: number): Promise<number>;
  close(): Promise<void>;
}

/** The store could not be asked, or did not answer. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable';
}
