/** How a column's values travel exactly from a shard into a temporary table: what is selected, how it is loaded, how the column is defined. */
import { MeshError } from '../../base/index.ts';
import type { Column, TableSchema } from '../../catalog/index.ts';
import type { ScratchLoad } from '../types.ts';
import { backtick } from './sql-name.ts';

export interface Transfer {
  /** Put before and after the column's text in the select list. */
  readonly before: string;
  readonly after: string;
  readonly load: ScratchLoad;
}

const asIs = (load: ScratchLoad): Transfer => ({ before: '', after: '', load });
/** Raw bytes whatever character_set_results is. */
export const rawBytes: Transfer = { before: 'CAST(', after: ' AS BINARY)', load: 'bytes' };
export const digits: Transfer = asIs('number');

/** Throws SM_UNSUPPORTED for types without an exact text: spatial ones, vectors. */
export function transferOf(column: Column): Transfer {
  switch (column.dataType) {
    case 'tinyint':
    case 'smallint':
    case 'mediumint':
    case 'int':
    case 'integer':
    case 'bigint':
    case 'decimal':
    case 'numeric':
    case 'double':
      return digits;
    case 'float':
      return { before: '(', after: ')*1e0', load: 'number' };
    case 'bit':
      // A number here; loaded as a number too.
      return { before: '(', after: ')+0', load: 'number' };
    case 'enum':
    case 'set':
      // The index or the bits: exact also where a member's text is odd.
      return { before: '(', after: ')+0', load: 'number' };
    case 'date':
    case 'time':
    case 'datetime':
    case 'year':
      return asIs('text');
    case 'timestamp':
      return { before: 'UNIX_TIMESTAMP(', after: ')', load: 'epoch' };
    case 'char':
    case 'varchar':
    case 'tinytext':
    case 'text':
    case 'mediumtext':
    case 'longtext':
    case 'binary':
    case 'varbinary':
    case 'tinyblob':
    case 'blob':
    case 'mediumblob':
    case 'longblob':
      return rawBytes;
    case 'json':
      return { before: 'CAST(CAST(', after: ' AS CHAR CHARACTER SET utf8mb4) AS BINARY)', load: 'json' };
    case 'uuid':
    case 'inet6':
    case 'inet4':
      return { before: 'CAST(', after: ' AS CHAR)', load: 'text' };
    default:
      throw new MeshError('SM_UNSUPPORTED', {
        what: `a column of type ${column.dataType} ('${column.name}')`,
        reason: 'its values cannot be copied exactly to the server that answers this statement',
      });
  }
}

const textTypes = new Set(['char', 'varchar', 'tinytext', 'text', 'mediumtext', 'longtext', 'enum', 'set']);

/**
 * `name` type with character set and collation, nullability; no default, key or expression. `hidden`: keep the column out of
 * `*` as it is in its table (it is nullable then, because a hidden column needs a default).
 */
export function columnDefinition(column: Column, hidden = false): string {
  const collation =
    textTypes.has(column.dataType) && column.charset !== undefined && column.collation !== undefined
      ? ` CHARACTER SET ${column.charset} COLLATE ${column.collation}`
      : '';
  const nullable = column.nullable || hidden;
  // A TIMESTAMP without default gets one that NO_ZERO_DATE refuses.
  const byDefault =
    column.dataType === 'timestamp' && !nullable ? ` DEFAULT CURRENT_TIMESTAMP(${column.fractionDigits ?? 0})` : '';
  return `${backtick(column.name)} ${typeText(column)}${collation} ${nullable ? 'NULL' : 'NOT NULL'}${byDefault}${hidden ? ' INVISIBLE' : ''}`;
}

/** COLUMN_TYPE without the comments that servers put into it (COMPRESSED, old formats of temporal types). */
function typeText(column: Column): string {
  return column.dataType === 'enum' || column.dataType === 'set'
    ? column.columnType
    : column.columnType.replace(/\/\*.*?\*\//g, '').trim();
}

const unkeyable = /text$|blob$|^json$/;

/** `, PRIMARY KEY (...)` when it has the columns `across` that make it hold over the rows of all nodes, and all its own are there; else ''. */
export function primaryKey(
  table: TableSchema,
  columns: readonly Column[],
  across: readonly string[] | undefined,
): string {
  const { primaryKey: names } = table;
  if (names.length === 0 || across === undefined) return '';
  const lower = names.map((name) => name.toLowerCase());
  if (across.some((name) => !lower.includes(name))) return '';
  const present = names.map((name) => columns.find((column) => column.name === name));
  if (present.some((column) => column === undefined || unkeyable.test(column.dataType))) return '';
  return `, PRIMARY KEY (${names.map(backtick).join(', ')})`;
}
