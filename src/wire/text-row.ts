/** Rows of the text protocol: length-encoded strings, 0xfb for NULL. */
import { MalformedPacket } from './packet-reader.ts';
import type { PacketWriter } from './packet-writer.ts';

/** Where the values of one row are. Reused for many rows: `reset` finds the values, nothing is copied. */
export class TextRowView {
  readonly columnCount: number;
  buffer: Buffer = Buffer.alloc(0);
  /** Value i is `[starts[i], ends[i])` of `buffer`; starts[i] is -1 for NULL. */
  readonly starts: Int32Array;
  readonly ends: Int32Array;

  constructor(columnCount: number) {
    this.columnCount = columnCount;
    this.starts = new Int32Array(columnCount);
    this.ends = new Int32Array(columnCount);
  }

  /** Looks at the row whose payload is `[start, end)`. Throws MalformedPacket. */
  reset(buffer: Buffer, start: number, end: number): void {
    this.buffer = buffer;
    let at = start;
    for (let i = 0; i < this.columnCount; i += 1) {
      if (at >= end) throw new MalformedPacket('text row cut short');
      const first = buffer[at] as number;
      if (first === 0xfb) {
        this.starts[i] = -1;
        this.ends[i] = -1;
        at += 1;
        continue;
      }
      let length = first;
      at += 1;
      if (first >= 0xfc) {
        const width = first === 0xfc ? 2 : first === 0xfd ? 3 : 8;
        if (first === 0xff || at + width > end) throw new MalformedPacket('text row length');
        length = width === 8 ? Number(buffer.readBigUInt64LE(at)) : buffer.readUIntLE(at, width);
        at += width;
      }
      if (at + length > end) throw new MalformedPacket('text row value');
      this.starts[i] = at;
      at += length;
      this.ends[i] = at;
    }
    if (at !== end) throw new MalformedPacket('text row with bytes left over');
  }

  isNull(column: number): boolean {
    return (this.starts[column] as number) < 0;
  }

  /** A view of the value's bytes; undefined for NULL. */
  bytes(column: number): Buffer | undefined {
    const start = this.starts[column] as number;
    return start < 0 ? undefined : this.buffer.subarray(start, this.ends[column]);
  }

  string(column: number, encoding: BufferEncoding = 'utf8'): string | undefined {
    const start = this.starts[column] as number;
    return start < 0 ? undefined : this.buffer.toString(encoding, start, this.ends[column]);
  }
}

/** Writes the values into the open packet. */
export function writeTextRow(writer: PacketWriter, values: readonly (string | Buffer | null)[]): void {
  for (const value of values) {
    if (value === null) writer.int1(0xfb);
    else if (typeof value === 'string') writer.lenencString(value);
    else writer.lenencBytes(value);
  }
}

/** A whole row packet. */
export function encodeTextRow(writer: PacketWriter, values: readonly (string | Buffer | null)[]): void {
  writer.begin();
  writeTextRow(writer, values);
  writer.end();
}
