/** N row streams + MergeSpec -> one row stream. No I/O. */
export { doubleText } from './double-text.ts';
export { type MergedRows, merge } from './merge-rows.ts';
export type { MergeColumn, MergeLimits, RowBatch, RowProtocol, RowSource } from './row-batch.ts';
export { RowFields } from './row-fields.ts';
export { sameRowFormat } from './same-format.ts';
export { ScratchInsert, scratchLoadSettings } from './scratch-load.ts';
