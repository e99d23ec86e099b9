/** Holds all rows of a result and hands them out sorted: the stage for orders that the shards' streams do not have. */
import { MeshError } from '../base/index.ts';
import type { MergeKey } from '../plan/index.ts';
import { type RowCompare, rowCompare } from './compare-field.ts';
import type { MergeColumn, MergeLimits, RowProtocol } from './row-batch.ts';
import { RowFields } from './row-fields.ts';

/** Bytes reckoned per row beside its content: bounds and sort index. */
const ROW_OVERHEAD = 16;

/** Rows kept until they are sorted. Stable. Its memory is reckoned by the caller through `bytes`. */
export class SortBuffer {
  #buffer = Buffer.allocUnsafeSlow(64 * 1024);
  #position = 0;
  #ends: number[] = [];
  #order: Int32Array | undefined;
  readonly #a: RowFields;
  readonly #b: RowFields;
  readonly #compare: RowCompare;

  constructor(keys: readonly MergeKey[], columns: readonly MergeColumn[], protocol: RowProtocol) {
    this.#a = new RowFields(columns, protocol);
    this.#b = new RowFields(columns, protocol);
    this.#compare = rowCompare(keys, columns, protocol);
  }

  get bytes(): number {
    return this.#buffer.length + this.#ends.length * ROW_OVERHEAD;
  }

  get count(): number {
    return this.#ends.length;
  }

  /** Copies a row. Throws SM_RESULT_TOO_LARGE before it would hold more than the limit. */
  add(buffer: Buffer, start: number, end: number, limits: MergeLimits): void {
    const length = end - start;
    if (this.#position + length > this.#buffer.length) {
      const larger = Math.max(Math.min(2 * this.#buffer.length, limits.bytesMax), this.#position + length);
      if (
        larger + (this.#ends.length + 1) * ROW_OVERHEAD > limits.bytesMax &&
        this.#position + length > limits.bytesMax - (this.#ends.length + 1) * ROW_OVERHEAD
      ) {
        throw new MeshError('SM_RESULT_TOO_LARGE', { limit: limits.bytesMax });
      }
      const grown = Buffer.allocUnsafeSlow(larger);
      this.#buffer.copy(grown, 0, 0, this.#position);
      this.#buffer = grown;
    }
    if (this.#position + length + (this.#ends.length + 1) * ROW_OVERHEAD > limits.bytesMax) {
      throw new MeshError('SM_RESULT_TOO_LARGE', { limit: limits.bytesMax });
    }
    buffer.copy(this.#buffer, this.#position, start, end);
    this.#position += length;
    this.#ends.push(this.#position);
  }

  sort(): void {
    const order = Int32Array.from({ length: this.#ends.length }, (_, i) => i);
    order.sort((x, y) => {
      this.#locate(this.#a, x);
      this.#locate(this.#b, y);
      return this.#compare(this.#a, this.#b) || x - y;
    });
    this.#order = order;
  }

  /** Row `index` of the sorted rows, located in `into`. */
  read(index: number, into: RowFields): void {
    this.#locate(into, this.#order![index]!);
  }

  #locate(row: RowFields, index: number): void {
    row.locate(this.#buffer, index === 0 ? 0 : this.#ends[index - 1]!, this.#ends[index]!);
  }
}
