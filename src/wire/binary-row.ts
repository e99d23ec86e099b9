/** Rows of the binary protocol: a NULL bitmap, then values by column type. */
import { temporalFromText } from './binary-value.ts';
import { binaryWidth, FieldType } from './field-type.ts';
import { MalformedPacket } from './packet-reader.ts';
import type { PacketWriter } from './packet-writer.ts';

/** Where the values of one row are. Reused for many rows: `reset` finds the values, nothing is copied. */
export class BinaryRowView {
  readonly types: readonly number[];
  readonly columnCount: number;
  buffer: Buffer = Buffer.alloc(0);
  /** Value i is `[starts[i], ends[i])` of `buffer`, without length prefix; starts[i] is -1 for NULL. */
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  readonly #widths: Int8Array;

  /** `types` are the columns' FieldTypes. */
  constructor(types: readonly number[]) {
    this.types = types;
    this.columnCount = types.length;
    this.starts = new Int32Array(types.length);
    this.ends = new Int32Array(types.length);
    this.#widths = Int8Array.from(types, binaryWidth);
  }

  /** Looks at the row whose payload is `[start, end)`. Throws MalformedPacket. */
  reset(buffer: Buffer, start: number, end: number): void {
    this.buffer = buffer;
    const bitmap = start + 1;
    let at = bitmap + ((this.columnCount + 9) >>> 3);
    if (buffer[start] !== 0 || at > end) throw new MalformedPacket('binary row');
    for (let i = 0; i < this.columnCount; i += 1) {
      const bit = i + 2;
      if (((buffer[bitmap + (bit >>> 3)] as number) & (1 << (bit & 7))) !== 0) {
        this.starts[i] = -1;
        this.ends[i] = -1;
        continue;
      }
      const width = this.#widths[i] as number;
      let length = width;
      if (width < 0) {
        if (at >= end) throw new MalformedPacket('binary row cut short');
        length = buffer[at] as number;
        at += 1;
        if (width === -1 && length >= 0xfb) {
          const bytes = length === 0xfc ? 2 : length === 0xfd ? 3 : length === 0xfe ? 8 : 0;
          if (bytes === 0 || at + bytes > end) throw new MalformedPacket('binary row length');
          length = bytes === 8 ? Number(buffer.readBigUInt64LE(at)) : buffer.readUIntLE(at, bytes);
          at += bytes;
        }
      }
      if (at + length > end) throw new MalformedPacket('binary row value');
      this.starts[i] = at;
      at += length;
      this.ends[i] = at;
    }
    if (at !== end) throw new MalformedPacket('binary row with bytes left over');
  }

  isNull(column: number): boolean {
    return (this.starts[column] as number) < 0;
  }

  /** A view of the value's bytes; undefined for NULL. */
  bytes(column: number): Buffer | undefined {
    const start = this.starts[column] as number;
    return start < 0 ? undefined : this.buffer.subarray(start, this.ends[column]);
  }
}

/** A Buffer is written as it is (raw value bytes); dates and times may be text as the text protocol has it. */
export type BinaryValue = null | number | bigint | string | Buffer;

/** Writes a row's payload into the open packet. */
export function writeBinaryRow(writer: PacketWriter, types: readonly number[], values: readonly BinaryValue[]): void {
  const bitmap = Buffer.alloc((types.length + 9) >>> 3);
  for (let i = 0; i < types.length; i += 1) {
    if (values[i] === null) bitmap[(i + 2) >>> 3] = (bitmap[(i + 2) >>> 3] as number) | (1 << ((i + 2) & 7));
  }
  writer.int1(0).bytes(bitmap);
  for (let i = 0; i < types.length; i += 1) writeBinaryValue(writer, types[i] as number, values[i] ?? null);
}

/** A whole row packet. */
export function encodeBinaryRow(writer: PacketWriter, types: readonly number[], values: readonly BinaryValue[]): void {
  writer.begin();
  writeBinaryRow(writer, types, values);
  writer.end();
}

/** Writes one value with its length prefix, if its type has one; nothing for NULL. Throws RangeError for text that the type cannot be. */
export function writeBinaryValue(writer: PacketWriter, type: number, value: BinaryValue): void {
  if (value === null) return;
  const width = binaryWidth(type);
  if (width === 0) return;
  if (Buffer.isBuffer(value)) {
    if (width > 0 && value.length !== width) throw new RangeError(`type ${type} takes ${width} bytes`);
    if (width === -1) writer.lenenc(value.length);
    else if (width === -2) writer.int1(value.length);
    writer.bytes(value);
    return;
  }
  switch (type) {
    case FieldType.FLOAT:
      writer.float(Number(value));
      return;
    case FieldType.DOUBLE:
      writer.double(Number(value));
      return;
    default:
  }
  if (width === -1) {
    writer.lenencString(String(value));
    return;
  }
  if (width === -2) {
    const bytes = temporalFromText(type, String(value));
    writer.int1(bytes.length).bytes(bytes);
    return;
  }
  const integer = BigInt(value);
  const bits = BigInt(width * 8);
  if (integer >= 1n << bits || integer < -(1n << (bits - 1n)))
    throw new RangeError(`${integer} does not fit ${width} bytes`);
  if (width === 1) writer.int1(Number(BigInt.asUintN(8, integer)));
  else if (width === 2) writer.int2(Number(BigInt.asUintN(16, integer)));
  else if (width === 4) writer.int4(Number(BigInt.asUintN(32, integer)));
  else writer.int8(integer);
}
