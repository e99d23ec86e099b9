/** Finds the fields of one row payload, text or binary, without decoding them. */
import { binaryWidth, MalformedPacket } from '../wire/index.ts';
import type { MergeColumn, RowProtocol } from './row-batch.ts';

/**
 * Field positions of the row last located; reused for the next row.
 * `starts[i]` is where the content begins (after a length prefix), or -1 for NULL; `ends[i]` is where the field ends.
 * The raw bytes of field i, prefix included, run from `i === 0 ? valuesStart : ends[i - 1]` to `ends[i]`.
 */
export class RowFields {
  buffer: Buffer = emptyBuffer;
  rowStart = 0;
  rowEnd = 0;
  /** First byte after the binary header and null bitmap; the row's start in the text protocol. */
  valuesStart = 0;
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  readonly #widths: Int32Array | undefined;
  readonly #count: number;

  constructor(columns: readonly MergeColumn[], protocol: RowProtocol) {
    this.#count = columns.length;
    this.starts = new Int32Array(columns.length);
    this.ends = new Int32Array(columns.length);
    this.#widths = protocol === 'binary' ? Int32Array.from(columns, (column) => binaryWidth(column.type)) : undefined;
  }

  /** Looks at the row `[start, end)` of `buffer`; keeps a reference to the buffer. Throws MalformedPacket. */
  locate(buffer: Buffer, start: number, end: number): void {
    this.buffer = buffer;
    this.rowStart = start;
    this.rowEnd = end;
    if (this.#widths === undefined) this.#locateText(buffer, start, end);
    else this.#locateBinary(buffer, start, end, this.#widths);
  }

  isNull(column: number): boolean {
    return (this.starts[column] as number) < 0;
  }

  /** Where the raw bytes of a field begin. */
  rawStart(column: number): number {
    return column === 0 ? this.valuesStart : (this.ends[column - 1] as number);
  }

  #locateText(buffer: Buffer, start: number, end: number): void {
    this.valuesStart = start;
    let at = start;
    for (let i = 0; i < this.#count; i += 1) {
      if (at >= end) throw new MalformedPacket('row with too few fields');
      const first = buffer[at] as number;
      if (first === 0xfb) {
        this.starts[i] = -1;
        at += 1;
        this.ends[i] = at;
        continue;
      }
      at = this.#lenenc(buffer, at, end, i);
    }
    if (at !== end) throw new MalformedPacket('row with too many fields');
  }

  #locateBinary(buffer: Buffer, start: number, end: number, widths: Int32Array): void {
    const bitmap = start + 1;
    let at = bitmap + ((this.#count + 9) >> 3);
    this.valuesStart = at;
    if (at > end || buffer[start] !== 0) throw new MalformedPacket('binary row without its header');
    for (let i = 0; i < this.#count; i += 1) {
      const bit = i + 2;
      if (((buffer[bitmap + (bit >> 3)] as number) & (1 << (bit & 7))) !== 0) {
        this.starts[i] = -1;
        this.ends[i] = at;
        continue;
      }
      const width = widths[i] as number;
      if (width === -1) {
        at = this.#lenenc(buffer, at, end, i);
        continue;
      }
      if (width === -2) {
        if (at >= end) throw new MalformedPacket('row with too few fields');
        const length = buffer[at] as number;
        this.starts[i] = at + 1;
        at += 1 + length;
      } else {
        this.starts[i] = at;
        at += width;
      }
      this.ends[i] = at;
      if (at > end) throw new MalformedPacket('field beyond the end of its row');
    }
    if (at !== end) throw new MalformedPacket('row with too many fields');
  }

  /** Takes a length-encoded string; answers the position after it. */
  #lenenc(buffer: Buffer, at: number, end: number, column: number): number {
    if (at >= end) throw new MalformedPacket('row with too few fields');
    const first = buffer[at] as number;
    let start = at + 1;
    let length = first;
    if (first >= 0xfb) {
      if (first === 0xfc && at + 3 <= end) {
        length = buffer.readUInt16LE(at + 1);
        start = at + 3;
      } else if (first === 0xfd && at + 4 <= end) {
        length = buffer.readUIntLE(at + 1, 3);
        start = at + 4;
      } else if (first === 0xfe && at + 9 <= end) {
        length = Number(buffer.readBigUInt64LE(at + 1));
        start = at + 9;
      } else throw new MalformedPacket('length of a field');
    }
    if (start + length > end) throw new MalformedPacket('field beyond the end of its row');
    this.starts[column] = start;
    this.ends[column] = start + length;
    return start + length;
  }
}

const emptyBuffer = Buffer.alloc(0);
