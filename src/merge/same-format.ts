/** Whether the rows of two shards can be merged at all: a shard whose table was altered on its own must not be misread. */
import { ColumnFlag, FieldType } from '../wire/index.ts';
import type { MergeColumn } from './row-batch.ts';

/** Collation of everything that is no character string. */
const BINARY = 63;

/** Types whose values have digits after the point; strings carry any number there, as the server's plan falls out. */
function hasDigits(type: number): boolean {
  switch (type) {
    case FieldType.VARCHAR:
    case FieldType.VAR_STRING:
    case FieldType.STRING:
    case FieldType.BLOB:
    case FieldType.TINY_BLOB:
    case FieldType.MEDIUM_BLOB:
    case FieldType.LONG_BLOB:
    case FieldType.BIT:
    case FieldType.JSON:
    case FieldType.GEOMETRY:
      return false;
    default:
      return true;
  }
}

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
        (column.decimals === other.decimals || column.collation !== BINARY || !hasDigits(column.type)) &&
        (column.flags & FLAGS) === (other.flags & FLAGS)
      );
    })
  );
}
