/** How the values of a column are ordered and told apart outside of a server: directly, or by a derived number or weight string. */
import type { Column, SchemaSnapshot } from '../../catalog/index.ts';

/** Longest sort key that the servers compare (max_sort_length): beyond it their own order is arbitrary. */
const SORT_BYTES_MAX = 1024;
/** A weight that is only compared, never sorted by a server, may be longer. */
const WEIGHT_BYTES_MAX = 4096;

/** `direct`: the value itself is comparable. `derived`: a hidden column `before + expression + after` is. */
export type ColumnOrder =
  | { readonly kind: 'direct' }
  | { readonly kind: 'derived'; readonly before: string; readonly after: string };

const direct: ColumnOrder = { kind: 'direct' };

/** What the order is for: `sort` may be cut where the servers cut; `group` needs sorted and exact equality; `extreme` (MIN, MAX) needs exactness only. */
export type OrderUse = 'sort' | 'group' | 'extreme';

/** The order of a column's values, or undefined when only a server knows it. `collation`: of a COLLATE clause around the column. */
export function columnOrder(
  column: Column,
  schema: SchemaSnapshot,
  use: OrderUse,
  collation?: string,
): ColumnOrder | undefined {
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
    case 'date':
    case 'datetime':
    case 'time':
    case 'year':
      return collation === undefined ? direct : undefined;
    case 'float':
      // Its text has six digits only. For MIN and MAX those decide what is shown.
      return use === 'extreme' ? direct : { kind: 'derived', before: '(', after: ')*1e0' };
    case 'timestamp':
      // Local times repeat when summer ends.
      return { kind: 'derived', before: 'UNIX_TIMESTAMP(', after: ')' };
    case 'bit':
      // In a group's temporary table MariaDB makes it a BIGINT: the type that the client sees would change.
      return use === 'group' ? undefined : { kind: 'derived', before: '(', after: ')+0' };
    case 'enum':
    case 'set':
      return use === 'extreme' ? undefined : { kind: 'derived', before: '(', after: ')+0' };
    case 'binary':
    case 'varbinary':
      return (column.lengthMax ?? Infinity) <= SORT_BYTES_MAX && collation === undefined ? direct : undefined;
    case 'char':
    case 'varchar':
      return characterOrder(column, schema, use, collation);
    default:
      return undefined;
  }
}

/** Bytes of weight per character, and how many characters' weights one character may grow into. */
function weightShape(
  collation: string,
  charset: string,
): { readonly bytes: number; readonly growth: number; readonly levels: number } | undefined {
  const unicode = charset === 'utf8mb4' || charset === 'utf8mb3' || charset === 'utf8';
  if (unicode) {
    if (/_nopad_bin$|_bin$/.test(collation)) return { bytes: 3, growth: 1, levels: 1 };
    if (/_general(_mysql500)?(_nopad)?_ci$/.test(collation)) return { bytes: 2, growth: 1, levels: 1 };
    if (/_(0900|uca1400)_/.test(collation)) return { bytes: 2, growth: 8, levels: /_ai_ci$/.test(collation) ? 1 : 3 };
    // Collations of the Unicode algorithm: one character may have eight weights.
    return { bytes: 2, growth: 8, levels: 1 };
  }
  if (charset === 'latin1' || charset === 'ascii')
    return { bytes: 1, growth: /german2/.test(collation) ? 2 : 1, levels: 1 };
  if (charset === 'ucs2' || charset === 'utf16' || charset === 'utf32' || charset === 'utf16le') return undefined;
  return /_bin$|_general_(ci|cs)$/.test(collation) && singleByte.has(charset)
    ? { bytes: 1, growth: 1, levels: 1 }
    : undefined;
}

const singleByte = new Set([
  'latin2',
  'latin5',
  'latin7',
  'cp1250',
  'cp1251',
  'cp1256',
  'cp1257',
  'koi8r',
  'koi8u',
  'greek',
  'hebrew',
  'cp850',
  'cp852',
  'cp866',
]);

function characterOrder(
  column: Column,
  schema: SchemaSnapshot,
  use: OrderUse,
  override: string | undefined,
): ColumnOrder | undefined {
  const name = override?.toLowerCase() ?? column.collation;
  const length = column.lengthMax;
  if (name === undefined || length === undefined || column.charset === undefined) return undefined;
  const collation = schema.collations.get(name);
  if (collation === undefined || collation.charset !== column.charset) return undefined;
  const shape = weightShape(collation.name, collation.charset);
  if (shape === undefined) return undefined;
  const limit = use === 'extreme' ? WEIGHT_BYTES_MAX : SORT_BYTES_MAX;
  const characters = Math.max(1, length) * shape.growth;
  const tooLong = characters * shape.bytes * shape.levels > limit;
  // Weights of several levels can't be cut where a server cuts its sort key.
  if (tooLong && (use !== 'sort' || shape.levels > 1)) return undefined;
  if (!collation.padSpace) {
    return tooLong
      ? { kind: 'derived', before: 'LEFT(WEIGHT_STRING(', after: `), ${SORT_BYTES_MAX})` }
      : { kind: 'derived', before: 'WEIGHT_STRING(', after: ')' };
  }
  const padded = tooLong ? Math.floor(SORT_BYTES_MAX / shape.bytes) : characters;
  return { kind: 'derived', before: 'WEIGHT_STRING(', after: ` AS CHAR(${padded}))` };
}
