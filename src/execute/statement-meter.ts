/** What the running statement of one session costs: written by the executors, read by the front end when it has ended. */
import { type TransactionType, transactionTypes } from '../base/index.ts';

export class StatementMeter {
  /** Milliseconds spent waiting for connections and replaying the session's settings on them. */
  leaseMs = 0;
  /** Milliseconds from the first column definitions of all shards to the last merged row, waits for rows included. */
  mergeMs = 0;
  /** Rows of several shards were merged. */
  merged = false;
  /** Bytes that the statement holds in memory right now; asked on a scrape only. */
  held: (() => number) | undefined;

  begin(): void {
    this.leaseMs = 0;
    this.mergeMs = 0;
    this.merged = false;
  }
}

/** Ends of the sessions' transactions of one type. */
export class TransactionCounts {
  opened = 0;
  committed = 0;
  rolledBack = 0;
  /** Some sources have committed, others have not. */
  partial = 0;
}

/** The same of one worker, by type. */
export class TransactionTally {
  readonly byType = new Map<TransactionType, TransactionCounts>(
    transactionTypes.map((type) => [type, new TransactionCounts()]),
  );

  of(type: TransactionType): TransactionCounts {
    return this.byType.get(type) as TransactionCounts;
  }
}
