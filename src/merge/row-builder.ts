/** Collects output rows in one growing buffer: rows cut to their visible columns, or built field by field. */
import { MeshError } from '../base/index.ts';
import { binaryWidth, FieldType } from '../wire/index.ts';
import { doubleText } from './double-text.ts';
import type { MergeColumn, RowBatch, RowProtocol } from './row-batch.ts';
import type { RowFields } from './row-fields.ts';

const BYTES_FIRST = 16 * 1024;
const ROWS_FIRST = 64;
/** A buffer that had to grow beyond this is let go after its batch. */
const BYTES_KEPT = 1024 * 1024;

/** Rows under construction. The batch that `take` answers is valid until `clear`. */
export class RowBuilder {
  #buffer = Buffer.allocUnsafeSlow(BYTES_FIRST);
  #bounds = new Uint32Array(2 * ROWS_FIRST);
  #position = 0;
  #rowStart = 0;
  #column = 0;
  count = 0;
  readonly #columns: readonly MergeColumn[];
  readonly #binary: boolean;
  /** Bytes of header and null bitmap for all columns. */
  readonly #header: number;

  constructor(columns: readonly MergeColumn[], protocol: RowProtocol) {
    this.#columns = columns;
    this.#binary = protocol === 'binary';
    this.#header = this.#binary ? 1 + ((columns.length + 9) >> 3) : 0;
  }

  /** Bytes of finished rows. */
  get bytes(): number {
    return this.#position;
  }

  /** Memory held. */
  get capacity(): number {
    return this.#buffer.length + this.#bounds.byteLength;
  }

  clear(): void {
    if (this.#buffer.length > BYTES_KEPT) this.#buffer = Buffer.allocUnsafeSlow(BYTES_FIRST);
    this.#position = 0;
    this.count = 0;
  }

  /** The finished rows. */
  take(): RowBatch {
    return { buffer: this.#buffer, bounds: this.#bounds, count: this.count };
  }

  /** Appends a row cut to its first `visible` columns. */
  appendCut(row: RowFields, visible: number): void {
    const end = visible === 0 ? row.valuesStart : row.ends[visible - 1]!;
    if (!this.#binary) {
      this.#begin(end - row.rowStart);
      this.#copy(row.buffer, row.rowStart, end);
      this.#finish();
      return;
    }
    const bitmap = (visible + 9) >> 3;
    this.#begin(1 + bitmap + end - row.valuesStart);
    this.#copy(row.buffer, row.rowStart, row.rowStart + 1 + bitmap);
    // Bits of dropped columns must be zero.
    const used = (visible + 2) & 7;
    if (used !== 0) this.#buffer[this.#position - 1]! &= (1 << used) - 1;
    this.#copy(row.buffer, row.valuesStart, end);
    this.#finish();
  }

  /** Begins a row of all columns, to be given in order by `raw`, `null`, `text`, `integer` and `double`, and closed by `end`. */
  begin(): void {
    this.#begin(this.#header);
    this.#buffer.fill(0, this.#position, this.#position + this.#header);
    this.#position += this.#header;
    this.#column = 0;
  }

  /** A field as it stands in `row`. */
  raw(row: RowFields, column: number): void {
    if (row.starts[column]! < 0) {
      this.null();
      return;
    }
    const start = row.rawStart(column);
    this.rawBytes(row.buffer, start, row.ends[column]!);
  }

  /** A field's raw bytes, length prefix included. */
  rawBytes(buffer: Buffer, start: number, end: number): void {
    this.#need(end - start);
    this.#copy(buffer, start, end);
    this.#column += 1;
  }

  null(): void {
    if (this.#binary) {
      const bit = this.#column + 2;
      this.#buffer[this.#rowStart + 1 + (bit >> 3)]! |= 1 << (bit & 7);
    } else {
      this.#need(1);
      this.#buffer[this.#position] = 0xfb;
      this.#position += 1;
    }
    this.#column += 1;
  }

  /** A number's ASCII text, converted to the column's binary type in the binary protocol. */
  number(text: string): void {
    const type = this.#columns[this.#column]!.type;
    const width = this.#binary ? binaryWidth(type) : -1;
    if (type === FieldType.DOUBLE || type === FieldType.FLOAT) this.double(Number(text));
    else if (width > 0) this.#integer(BigInt(text), width);
    else this.#text(text);
  }

  double(value: number): void {
    const { type, decimals } = this.#columns[this.#column]!;
    if (!this.#binary || binaryWidth(type) < 0) {
      this.#text(doubleText(value, decimals));
      return;
    }
    this.#need(8);
    if (type === FieldType.FLOAT) this.#position = this.#buffer.writeFloatLE(value, this.#position);
    else this.#position = this.#buffer.writeDoubleLE(value, this.#position);
    this.#column += 1;
  }

  end(): void {
    if (this.#column !== this.#columns.length)
      throw new MeshError('SM_INTERNAL', { message: 'merged row with missing fields' });
    this.#finish();
  }

  #integer(value: bigint, width: number): void {
    this.#need(8);
    this.#buffer.writeBigUInt64LE(BigInt.asUintN(64, value), this.#position);
    this.#position += width;
    this.#column += 1;
  }

  /** Numbers are shorter than 251 bytes unless printed with very many digits. */
  #text(text: string): void {
    this.#need(text.length + 3);
    if (text.length < 251) {
      this.#buffer[this.#position] = text.length;
      this.#position += 1;
    } else {
      this.#buffer[this.#position] = 0xfc;
      this.#position = this.#buffer.writeUInt16LE(text.length, this.#position + 1);
    }
    this.#position += this.#buffer.write(text, this.#position, 'latin1');
    this.#column += 1;
  }

  #begin(length: number): void {
    this.#need(length);
    this.#rowStart = this.#position;
  }

  #finish(): void {
    const at = 2 * this.count;
    if (at + 2 > this.#bounds.length) {
      const larger = new Uint32Array(2 * this.#bounds.length);
      larger.set(this.#bounds);
      this.#bounds = larger;
    }
    this.#bounds[at] = this.#rowStart;
    this.#bounds[at + 1] = this.#position;
    this.count += 1;
  }

  #copy(from: Buffer, start: number, end: number): void {
    if (end - start <= 32) {
      const to = this.#buffer;
      let at = this.#position;
      for (let i = start; i < end; i += 1, at += 1) to[at] = from[i]!;
    } else from.copy(this.#buffer, this.#position, start, end);
    this.#position += end - start;
  }

  #need(length: number): void {
    if (this.#position + length <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(2 * this.#buffer.length, this.#position + length));
    this.#buffer.copy(larger, 0, 0, this.#position);
    this.#buffer = larger;
  }
}
