/** Whether the rows of two shards can be merged at all: a shard whose table was altered on its own must not be misread. */
import { ColumnFlag } from '../wire/index.ts';
import type { MergeColumn } from './row-batch.ts';

/** The flags that change how values are compared or encoded. */
const FLAGS = ColumnFlag.UNSIGNED | ColumnFlag.ENUM | ColumnFlag.SET;

/** Same number of columns, and in each the same type, sign, collation and digits after the point. */
export function sameRowFormat(a: readonly MergeColumn[], b: readonly MergeColumn[]): boolean {
  return (
    a.length === b.length &&
    a.every((column, i) => {
      const other = b[i]!;
      return (
        column.type === other.type &&
        column.collation === other.collation &&
        column.decimals === other.decimals &&
        (column.flags & FLAGS) === (other.flags & FLAGS)
      );
    })
  );
}
