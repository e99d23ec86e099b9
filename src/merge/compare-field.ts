/** Chooses how the values of one column are ordered, by its type and protocol, and orders rows by several keys. */
import { MeshError } from '../base/index.ts';
import type { MergeKey } from '../plan/index.ts';
import { ColumnFlag, FieldType } from '../wire/index.ts';
import { compareDecimalText, parseDoubleText, timeTextMicroseconds } from './compare-text.ts';
import type { MergeColumn, RowProtocol } from './row-batch.ts';
import type { RowFields } from './row-fields.ts';

/** Orders two non-NULL values given as content bytes `[start, end)`: negative, 0 or positive. */
export type FieldCompare = (a: Buffer, aStart: number, aEnd: number, b: Buffer, bStart: number, bEnd: number) => number;

/** Orders two rows. */
export type RowCompare = (a: RowFields, b: RowFields) => number;

const BINARY_COLLATION = 63;

/**
 * The order of a column's values. `weight`: the column holds weight strings or numbers made for ordering.
 * Character strings without weight, and types without an order of their own here, are a bug of the planner: SM_INTERNAL.
 */
export function fieldCompare(column: MergeColumn, protocol: RowProtocol, weight: boolean): FieldCompare {
  const binary = protocol === 'binary';
  const unsigned = (column.flags & ColumnFlag.UNSIGNED) !== 0;
  switch (column.type) {
    case FieldType.TINY:
      if (!binary) return compareDecimalText;
      return unsigned ? (a, i, _, b, j) => a[i]! - b[j]! : (a, i, _, b, j) => a.readInt8(i) - b.readInt8(j);
    case FieldType.SHORT:
    case FieldType.YEAR:
      if (!binary) return compareDecimalText;
      return unsigned
        ? (a, i, _, b, j) => a.readUInt16LE(i) - b.readUInt16LE(j)
        : (a, i, _, b, j) => a.readInt16LE(i) - b.readInt16LE(j);
    case FieldType.LONG:
    case FieldType.INT24:
      if (!binary) return compareDecimalText;
      return unsigned
        ? (a, i, _, b, j) => a.readUInt32LE(i) - b.readUInt32LE(j)
        : (a, i, _, b, j) => a.readInt32LE(i) - b.readInt32LE(j);
    case FieldType.LONGLONG:
      if (!binary) return compareDecimalText;
      return unsigned ? compareUnsigned64 : compareSigned64;
    case FieldType.DECIMAL:
    case FieldType.NEWDECIMAL:
      return compareDecimalText;
    case FieldType.FLOAT:
      return binary ? (a, i, _, b, j) => orderNumbers(a.readFloatLE(i), b.readFloatLE(j)) : compareDoubleText;
    case FieldType.DOUBLE:
      return binary ? (a, i, _, b, j) => orderNumbers(a.readDoubleLE(i), b.readDoubleLE(j)) : compareDoubleText;
    case FieldType.DATE:
    case FieldType.NEWDATE:
    case FieldType.DATETIME:
    case FieldType.TIMESTAMP:
      return binary ? compareBinaryDate : compareBytes;
    case FieldType.TIME:
      return binary ? compareBinaryTime : compareTimeText;
    case FieldType.NULL:
      return compareBytes;
    default:
      if (weight || isByteString(column)) return compareBytes;
      throw new MeshError('SM_INTERNAL', { message: `merge key of type ${column.type} without weight` });
  }
}

/** BINARY, VARBINARY and BLOB: their order is that of their bytes. */
function isByteString(column: MergeColumn): boolean {
  if (column.collation !== BINARY_COLLATION || (column.flags & (ColumnFlag.ENUM | ColumnFlag.SET)) !== 0) return false;
  switch (column.type) {
    case FieldType.STRING:
    case FieldType.VAR_STRING:
    case FieldType.VARCHAR:
    case FieldType.BLOB:
    case FieldType.TINY_BLOB:
    case FieldType.MEDIUM_BLOB:
    case FieldType.LONG_BLOB:
      return true;
    default:
      return false;
  }
}

/** Orders rows by keys, NULL first (last when descending). */
export function rowCompare(
  keys: readonly MergeKey[],
  columns: readonly MergeColumn[],
  protocol: RowProtocol,
): RowCompare {
  const positions = Int32Array.from(keys, (key) => key.weight ?? key.column);
  const signs = Int32Array.from(keys, (key) => (key.descending ? -1 : 1));
  const compares = keys.map((key) => {
    const column = columns[key.weight ?? key.column];
    if (column === undefined) throw new MeshError('SM_INTERNAL', { message: 'merge key outside the row' });
    return fieldCompare(column, protocol, key.weight !== undefined);
  });
  const count = keys.length;
  return (a, b) => {
    for (let k = 0; k < count; k += 1) {
      const position = positions[k]!;
      const aStart = a.starts[position]!;
      const bStart = b.starts[position]!;
      let order: number;
      if (aStart < 0) order = bStart < 0 ? 0 : -1;
      else if (bStart < 0) order = 1;
      else order = compares[k]!(a.buffer, aStart, a.ends[position]!, b.buffer, bStart, b.ends[position]!);
      if (order !== 0) return order * signs[k]!;
    }
    return 0;
  };
}

function orderNumbers(a: number, b: number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function compareUnsigned64(a: Buffer, i: number, _: number, b: Buffer, j: number): number {
  return (
    orderNumbers(a.readUInt32LE(i + 4), b.readUInt32LE(j + 4)) || orderNumbers(a.readUInt32LE(i), b.readUInt32LE(j))
  );
}

function compareSigned64(a: Buffer, i: number, _: number, b: Buffer, j: number): number {
  return orderNumbers(a.readInt32LE(i + 4), b.readInt32LE(j + 4)) || orderNumbers(a.readUInt32LE(i), b.readUInt32LE(j));
}

/** Bytes as memcmp, a prefix first. Also dates in text: the same column always has the same length. */
function compareBytes(a: Buffer, aStart: number, aEnd: number, b: Buffer, bStart: number, bEnd: number): number {
  return a.compare(b, bStart, bEnd, aStart, aEnd);
}

function compareDoubleText(a: Buffer, aStart: number, aEnd: number, b: Buffer, bStart: number, bEnd: number): number {
  return orderNumbers(parseDoubleText(a, aStart, aEnd), parseDoubleText(b, bStart, bEnd));
}

function compareTimeText(a: Buffer, aStart: number, aEnd: number, b: Buffer, bStart: number, bEnd: number): number {
  return orderNumbers(timeTextMicroseconds(a, aStart, aEnd), timeTextMicroseconds(b, bStart, bEnd));
}

/** year(2) month day [hour minute second [micros(4)]]; what is left out is zero. */
function compareBinaryDate(a: Buffer, aStart: number, aEnd: number, b: Buffer, bStart: number, bEnd: number): number {
  const aLength = aEnd - aStart;
  const bLength = bEnd - bStart;
  const year = (aLength >= 2 ? a.readUInt16LE(aStart) : 0) - (bLength >= 2 ? b.readUInt16LE(bStart) : 0);
  if (year !== 0) return year;
  for (let i = 2; i < 7; i += 1) {
    const difference = (i < aLength ? a[aStart + i]! : 0) - (i < bLength ? b[bStart + i]! : 0);
    if (difference !== 0) return difference;
  }
  return (aLength >= 11 ? a.readUInt32LE(aStart + 7) : 0) - (bLength >= 11 ? b.readUInt32LE(bStart + 7) : 0);
}

/** negative(1) days(4) hours minutes seconds [micros(4)] as microseconds: exact in a double. */
function binaryTimeMicroseconds(buffer: Buffer, start: number, end: number): number {
  if (end - start < 8) return 0;
  const hours = buffer.readUInt32LE(start + 1) * 24 + buffer[start + 5]!;
  const seconds = (hours * 60 + buffer[start + 6]!) * 60 + buffer[start + 7]!;
  const value = seconds * 1_000_000 + (end - start >= 12 ? buffer.readUInt32LE(start + 8) : 0);
  return buffer[start] === 1 ? -value : value;
}

function compareBinaryTime(a: Buffer, aStart: number, aEnd: number, b: Buffer, bStart: number, bEnd: number): number {
  return orderNumbers(binaryTimeMicroseconds(a, aStart, aEnd), binaryTimeMicroseconds(b, bStart, bEnd));
}
