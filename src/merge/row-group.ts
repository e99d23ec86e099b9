/** One group of adjacent rows: its first row, and an accumulator per aggregate column. */
import type { MergeSpec } from '../plan/index.ts';
import { type Accumulator, createAccumulators } from './accumulator.ts';
import { type RowCompare, rowCompare } from './compare-field.ts';
import type { MergeColumn, RowProtocol } from './row-batch.ts';
import type { RowBuilder } from './row-builder.ts';
import { RowFields } from './row-fields.ts';

type GroupSpec = NonNullable<MergeSpec['group']>;

/** Holds the group being gathered; reused for the next one. */
export class RowGroup {
  /** Rows gathered into the open group. */
  rows = 0;
  readonly #first: RowFields;
  #copy = Buffer.alloc(256);
  readonly #compare: RowCompare;
  /** By column; undefined: the first row's value. */
  readonly #byColumn: (Accumulator | undefined)[];
  readonly #accumulators: Accumulator[] = [];
  readonly #width: number;

  constructor(spec: GroupSpec, columns: readonly MergeColumn[], protocol: RowProtocol) {
    this.#first = new RowFields(columns, protocol);
    this.#compare = rowCompare(spec.keys, columns, protocol);
    this.#width = columns.length;
    this.#byColumn = columns.map(() => undefined);
    for (const aggregate of spec.aggregates) {
      for (const [column, accumulator] of createAccumulators(aggregate, columns, protocol)) {
        // Two averages may share one SUM or COUNT column: the later accumulator would be fed as well, so the result is the same.
        this.#byColumn[column] = accumulator;
        this.#accumulators.push(accumulator);
      }
    }
  }

  get bytes(): number {
    let bytes = this.#copy.length;
    for (const accumulator of this.#accumulators) bytes += accumulator.bytes;
    return bytes;
  }

  /** Whether `row` belongs to the open group. */
  holds(row: RowFields): boolean {
    return this.#compare(this.#first, row) === 0;
  }

  /** Opens a group with its first row, which is copied. */
  open(row: RowFields): void {
    const length = row.rowEnd - row.rowStart;
    if (this.#copy.length < length) this.#copy = Buffer.alloc(Math.max(length, 2 * this.#copy.length));
    row.buffer.copy(this.#copy, 0, row.rowStart, row.rowEnd);
    this.#first.locate(this.#copy, 0, length);
    for (const accumulator of this.#accumulators) accumulator.reset();
    this.rows = 0;
    this.add(row);
  }

  add(row: RowFields): void {
    this.rows += 1;
    for (let i = 0; i < this.#accumulators.length; i += 1) this.#accumulators[i]!.add(row);
  }

  /** The group of no rows: NULL in every column but the counts. */
  openEmpty(): void {
    for (const accumulator of this.#accumulators) accumulator.reset();
    this.rows = 0;
  }

  /** Writes the group's row with all columns. */
  write(builder: RowBuilder): void {
    builder.begin();
    for (let column = 0; column < this.#width; column += 1) {
      const accumulator = this.#byColumn[column];
      if (accumulator !== undefined) accumulator.write(builder);
      else if (this.rows === 0) builder.null();
      else builder.raw(this.#first, column);
    }
    builder.end();
  }
}
