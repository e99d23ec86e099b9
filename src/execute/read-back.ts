/** Reads variables of a backend session as SQL literals that set them to exactly the same value elsewhere. */
import type { Lease } from '../backend/index.ts';
import { ColumnFlag, FieldType } from '../wire/index.ts';

/** Values of session system variables, as literals for SET. */
export async function readSystemVariables(lease: Lease, names: readonly string[]): Promise<[string, string][]> {
  if (names.length === 0) return [];
  const result = await lease.connection.query(`SELECT ${names.map((name) => `@@session.${name}`).join(',')}`);
  const row = result.rows[0] ?? [];
  return names.map((name, index) => {
    const value = row[index] ?? null;
    if (value === null) return [name, 'NULL'];
    const type = result.columns[index]?.type;
    return [name, type !== undefined && isNumeric(type) ? value : `'${value.replaceAll("'", "''")}'`];
  });
}

/** Values of user variables, as literals with type, character set and collation. */
export async function readUserVariables(lease: Lease, names: readonly string[]): Promise<[string, string][]> {
  if (names.length === 0) return [];
  const items = names.map((name) => `@\`${name.replaceAll('`', '``')}\``);
  const result = await lease.connection.query(
    `SELECT ${items.map((item) => `${item},HEX(${item}),CHARSET(${item}),COLLATION(${item})`).join(',')}`,
  );
  const row = result.rows[0] ?? [];
  return names.map((name, index) => {
    const at = index * 4;
    const [value, hex, charset, collation] = row.slice(at, at + 4).map((field) => field ?? null);
    const { type = 0, flags = 0 } = result.columns[at] ?? {};
    const unsigned = (flags & ColumnFlag.UNSIGNED) !== 0;
    return [
      name,
      valueLiteral({
        type,
        unsigned,
        value: value ?? null,
        hex: hex ?? '',
        charset: charset ?? '',
        collation: collation ?? '',
      }),
    ];
  });
}

/** A value as a server tells it: itself, HEX(), CHARSET() and COLLATION() of it, and the type of its column. */
export interface ToldValue {
  readonly type: number;
  readonly unsigned: boolean;
  readonly value: string | null;
  readonly hex: string;
  readonly charset: string;
  readonly collation: string;
}

/** The literal that is exactly this value again, with type, character set and collation. */
export function valueLiteral(told: ToldValue): string {
  const { type, value } = told;
  if (value === null) return 'NULL';
  if (type === FieldType.DOUBLE || type === FieldType.FLOAT) return /[eE]/.test(value) ? value : `${value}e0`;
  // An unsigned variable goes on being one: @a - 10 is an error then, not a negative number.
  if (type === FieldType.LONGLONG && told.unsigned) return `CAST(${value} AS UNSIGNED)`;
  // A point keeps DECIMAL what it is.
  if (type === FieldType.NEWDECIMAL && !value.includes('.')) return `${value}.`;
  if (isNumeric(type)) return value;
  const hex = `X'${told.hex}'`;
  return told.charset === 'binary' ? hex : `_${told.charset} ${hex} COLLATE ${told.collation}`;
}

function isNumeric(type: number): boolean {
  switch (type) {
    case FieldType.TINY:
    case FieldType.SHORT:
    case FieldType.LONG:
    case FieldType.INT24:
    case FieldType.LONGLONG:
    case FieldType.NEWDECIMAL:
    case FieldType.DECIMAL:
    case FieldType.DOUBLE:
    case FieldType.FLOAT:
      return true;
    default:
      return false;
  }
}
