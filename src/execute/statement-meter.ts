/** What the running statement of one session costs: written by the executors, read by the front end when it has ended. */

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

/** Ends of the sessions' transactions, of one worker. */
export class TransactionTally {
  opened = 0;
  committed = 0;
  rolledBack = 0;
  /** Some sources have committed, others have not. */
  partial = 0;
}
