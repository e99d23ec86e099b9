/** The words of row streams: batches of packet payloads, where they come from, and what their columns are. */

/** Encoding of the rows of one result: COM_QUERY answers text, COM_STMT_EXECUTE answers binary. */
export type RowProtocol = 'text' | 'binary';

/**
 * Several rows in one buffer, without an object per row.
 * Row `i` is the packet payload `[bounds[2*i], bounds[2*i+1])` of `buffer` (no packet header; rows of 16 MiB and more are
 * already put together). Owned by whoever made it: valid until the next call of the source's `next` or `cancel`.
 */
export interface RowBatch {
  readonly buffer: Buffer;
  readonly bounds: Uint32Array;
  readonly count: number;
}

/** A pull stream of rows. `undefined` is the end. A failing stream rejects (or throws). */
export interface RowSource {
  /** Synchronous when rows are at hand. Never called again before the last promise has settled. */
  next(): RowBatch | undefined | Promise<RowBatch | undefined>;
  /** No more rows are wanted: the source is to drain or kill its query. Called at most once, also after the end; must not throw. */
  cancel(): void;
}

/** What merging needs of a column definition; wire's ColumnDefinition has these. */
export interface MergeColumn {
  /** FieldType of wire. */
  readonly type: number;
  /** ColumnFlag of wire. */
  readonly flags: number;
  /** Collation id; 63 is binary. */
  readonly collation: number;
  /** Digits after the point; 31 (39 on newer servers): as many as the value has. */
  readonly decimals: number;
}

/** Memory that one merge may hold beside its sources' batches. */
export interface MergeLimits {
  readonly bytesMax: number;
}
