/** Tells rows that the mesh holds as text, in the protocol that the client asked with. */
import type { LocalRows } from '../plan/index.ts';
import {
  type BinaryValue,
  buildColumnDefinition,
  type ColumnDefinition,
  FieldType,
  payloadOf,
  writeBinaryRow,
  writeTextRow,
} from '../wire/index.ts';
import type { Reply } from './reply.ts';

/** `definitions` are the payloads to send; `columns` what they say. */
export function writeTextRows(
  reply: Reply,
  definitions: readonly Buffer[],
  columns: readonly ColumnDefinition[],
  rows: readonly (readonly (Buffer | null)[])[],
  warnings = 0,
): void {
  reply.header(definitions, 0);
  const types = columns.map((column) => column.type);
  for (const row of rows) {
    reply.row(
      payloadOf((writer) => {
        if (reply.protocol === 'text') writeTextRow(writer, row);
        else
          writeBinaryRow(
            writer,
            types,
            row.map((value, index) => binaryValue(value, types[index] as number)),
          );
      }),
    );
  }
  reply.end(warnings, 0);
}

/** A text value as the binary protocol's writer takes it. */
function binaryValue(value: Buffer | null, type: number): BinaryValue {
  if (value === null) return null;
  switch (type) {
    case FieldType.TINY:
    case FieldType.SHORT:
    case FieldType.YEAR:
    case FieldType.LONG:
    case FieldType.INT24:
    case FieldType.FLOAT:
    case FieldType.DOUBLE:
      return Number(value.toString('latin1'));
    case FieldType.LONGLONG:
      return BigInt(value.toString('latin1'));
    case FieldType.DATE:
    case FieldType.DATETIME:
    case FieldType.TIMESTAMP:
    case FieldType.TIME:
      return value.toString('latin1');
    default:
      return value;
  }
}

const UTF8MB4_GENERAL_CI = 45;
const BINARY = 63;

/** Rows made by the mesh itself. */
export function writeLocalRows(reply: Reply, local: LocalRows): bigint {
  const columns = local.columns.map((column): ColumnDefinition => {
    const numeric = column.type !== 'string' && column.type !== 'text';
    return {
      schema: '',
      table: '',
      orgTable: '',
      name: column.name,
      orgName: '',
      collation: numeric ? BINARY : UTF8MB4_GENERAL_CI,
      length: numeric ? 21 : column.type === 'text' ? 4_294_967_295 : 1024,
      type:
        column.type === 'int unsigned'
          ? FieldType.LONG
          : numeric
            ? FieldType.LONGLONG
            : column.type === 'text'
              ? FieldType.BLOB
              : FieldType.VAR_STRING,
      flags: column.type === 'unsigned' || column.type === 'int unsigned' ? 0x20 : 0,
      decimals: numeric ? 0 : 39,
    };
  });
  writeTextRows(
    reply,
    columns.map((column) => payloadOf((writer) => buildColumnDefinition(writer, column))),
    columns,
    local.rows.map((row) => row.map((value) => (value === null ? null : Buffer.from(String(value))))),
  );
  return BigInt(local.rows.length);
}
