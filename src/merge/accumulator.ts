/** Re-combines the shards' partial aggregates of one group, one accumulator per output column. */
import { MeshError, unreachable } from '../base/index.ts';
import type { AggregateSpec } from '../plan/index.ts';
import { FieldType } from '../wire/index.ts';
import { type FieldCompare, fieldCompare } from './compare-field.ts';
import { parseDoubleText } from './compare-text.ts';
import { decimalText, ExactSum, quotientText } from './exact-sum.ts';
import type { MergeColumn, RowProtocol } from './row-batch.ts';
import type { RowBuilder } from './row-builder.ts';
import type { RowFields } from './row-fields.ts';

/** Gathers one column over the rows of a group. `write` puts the result as the next field. */
export interface Accumulator {
  reset(): void;
  add(row: RowFields): void;
  write(builder: RowBuilder): void;
  /** Bytes held for the current group. */
  readonly bytes: number;
}

/** The accumulators of one aggregate with the columns they fill: its own, and its weight for MIN and MAX. */
export function createAccumulators(
  spec: AggregateSpec,
  columns: readonly MergeColumn[],
  protocol: RowProtocol,
): readonly (readonly [column: number, accumulator: Accumulator])[] {
  switch (spec.function) {
    case 'COUNT':
      return [[spec.column, new SumAccumulator(spec.column, columns, protocol, true)]];
    case 'SUM':
      return [[spec.column, new SumAccumulator(spec.column, columns, protocol, false)]];
    case 'AVG': {
      const { sum, count } = spec;
      if (sum === undefined || count === undefined)
        throw new MeshError('SM_INTERNAL', { message: 'AVG without SUM and COUNT' });
      const sums = new SumAccumulator(sum, columns, protocol, false);
      const counts = new SumAccumulator(count, columns, protocol, true);
      return [
        [spec.column, new AverageAccumulator(spec.column, sum, sums, counts, columns)],
        [sum, sums],
        [count, counts],
      ];
    }
    case 'MIN':
    case 'MAX': {
      const best = new BestAccumulator(spec, columns, protocol);
      return spec.weight === undefined
        ? [[spec.column, best]]
        : [
            [spec.column, best],
            [spec.weight, new WeightOfBest(best)],
          ];
    }
    case 'ANY':
      return [[spec.column, new FirstAccumulator(spec.column)]];
    case 'BIT_AND':
    case 'BIT_OR':
    case 'BIT_XOR':
      return [[spec.column, new BitAccumulator(spec.column, spec.function, columns, protocol)]];
    default:
      return unreachable(spec.function);
  }
}

/** Reads a number of a row as text digits or from its binary form. */
function isDouble(column: MergeColumn): boolean {
  return column.type === FieldType.DOUBLE || column.type === FieldType.FLOAT;
}

function columnOf(columns: readonly MergeColumn[], index: number): MergeColumn {
  const column = columns[index];
  if (column === undefined) throw new MeshError('SM_INTERNAL', { message: 'aggregate outside the row' });
  return column;
}

/** Exact for whole and decimal columns; doubles are added as doubles in the order of the rows, that is of the shards. */
class SumAccumulator implements Accumulator {
  readonly bytes = 0;
  readonly exact: ExactSum;
  double = 0;
  any = false;
  readonly #column: number;
  readonly #type: MergeColumn;
  readonly #double: boolean;
  readonly #binary: boolean;
  readonly #zeroOfNone: boolean;

  constructor(column: number, columns: readonly MergeColumn[], protocol: RowProtocol, zeroOfNone: boolean) {
    this.#column = column;
    this.#type = columnOf(columns, column);
    this.#double = isDouble(this.#type);
    this.#binary = protocol === 'binary';
    this.#zeroOfNone = zeroOfNone;
    this.exact = new ExactSum(this.#type.type === FieldType.NEWDECIMAL ? this.#type.decimals : 0);
  }

  get isDouble(): boolean {
    return this.#double;
  }

  reset(): void {
    this.exact.reset();
    this.double = 0;
    this.any = false;
  }

  add(row: RowFields): void {
    const start = row.starts[this.#column]!;
    if (start < 0) return;
    this.any = true;
    const end = row.ends[this.#column]!;
    if (this.#double) {
      if (!this.#binary) this.double += parseDoubleText(row.buffer, start, end);
      else
        this.double +=
          this.#type.type === FieldType.DOUBLE ? row.buffer.readDoubleLE(start) : row.buffer.readFloatLE(start);
    } else if (!this.#binary || this.#type.type === FieldType.NEWDECIMAL) this.exact.add(row.buffer, start, end);
    else this.exact.addInteger(readInteger(row.buffer, start, end, this.#type));
  }

  write(builder: RowBuilder): void {
    if (!this.any) {
      if (this.#zeroOfNone) builder.number('0');
      else builder.null();
    } else if (this.#double) {
      if (!Number.isFinite(this.double)) {
        throw new MeshError('SM_UNSUPPORTED', { what: 'this sum of doubles', reason: 'it is out of range' });
      }
      builder.double(this.double);
    } else {
      const digits = this.#type.type === FieldType.NEWDECIMAL ? this.#type.decimals : 0;
      builder.number(decimalText(this.exact.total(), this.exact.scale, digits));
    }
  }
}

const UNSIGNED = 0x20;

/** A binary integer column's value. */
export function readInteger(buffer: Buffer, start: number, end: number, column: MergeColumn): number | bigint {
  const unsigned = (column.flags & UNSIGNED) !== 0;
  switch (end - start) {
    case 8: {
      const high = unsigned ? buffer.readUInt32LE(start + 4) : buffer.readInt32LE(start + 4);
      if (high < 0x100000 && high >= -0x100000) return high * 0x1_0000_0000 + buffer.readUInt32LE(start);
      return unsigned ? buffer.readBigUInt64LE(start) : buffer.readBigInt64LE(start);
    }
    case 4:
      return unsigned ? buffer.readUInt32LE(start) : buffer.readInt32LE(start);
    case 2:
      return unsigned ? buffer.readUInt16LE(start) : buffer.readInt16LE(start);
    default:
      return unsigned ? buffer.readUInt8(start) : buffer.readInt8(start);
  }
}

/** SUM / COUNT of the same group. The sum and count columns run on their own. */
class AverageAccumulator implements Accumulator {
  readonly bytes = 0;
  readonly #decimals: number;
  readonly #sumScale: number;
  readonly #sum: SumAccumulator;
  readonly #count: SumAccumulator;

  constructor(
    column: number,
    sumColumn: number,
    sum: SumAccumulator,
    count: SumAccumulator,
    columns: readonly MergeColumn[],
  ) {
    this.#decimals = columnOf(columns, column).decimals;
    this.#sumScale = columnOf(columns, sumColumn).decimals;
    this.#sum = sum;
    this.#count = count;
  }

  reset(): void {}

  add(): void {}

  write(builder: RowBuilder): void {
    const count = this.#count.exact.total();
    if (!this.#sum.any || count === 0n) builder.null();
    else if (this.#sum.isDouble) builder.double(this.#sum.double / Number(count));
    else
      builder.number(
        quotientText(this.#sum.exact.total(), Math.max(this.#sumScale, this.#sum.exact.scale), count, this.#decimals),
      );
  }
}

/** The least or greatest value: its raw bytes are kept, and those of its weight. */
class BestAccumulator implements Accumulator {
  #value: Buffer = Buffer.alloc(64);
  #valueLength = -1;
  #weight: Buffer = Buffer.alloc(64);
  #weightLength = 0;
  /** Content bytes of the compared field inside #value or #weight. */
  #prefix = 0;
  readonly #column: number;
  readonly #by: number;
  readonly #sign: number;
  readonly #compare: FieldCompare;

  constructor(spec: AggregateSpec, columns: readonly MergeColumn[], protocol: RowProtocol) {
    this.#column = spec.column;
    this.#by = spec.weight ?? spec.column;
    this.#sign = spec.function === 'MIN' ? 1 : -1;
    this.#compare = fieldCompare(columnOf(columns, this.#by), protocol, spec.weight !== undefined);
  }

  get bytes(): number {
    return this.#value.length + this.#weight.length;
  }

  reset(): void {
    this.#valueLength = -1;
  }

  add(row: RowFields): void {
    const start = row.starts[this.#by]!;
    if (start < 0) return;
    const kept = this.#by === this.#column ? this.#value : this.#weight;
    const keptLength = this.#by === this.#column ? this.#valueLength : this.#weightLength;
    if (this.#valueLength >= 0) {
      const order = this.#compare(row.buffer, start, row.ends[this.#by]!, kept, this.#prefix, keptLength);
      if (order * this.#sign >= 0) return;
    }
    this.#prefix = start - row.rawStart(this.#by);
    const valueStart = row.rawStart(this.#column);
    this.#valueLength = row.ends[this.#column]! - valueStart;
    this.#value = copyInto(this.#value, row.buffer, valueStart, this.#valueLength);
    if (this.#by === this.#column) return;
    const weightStart = row.rawStart(this.#by);
    this.#weightLength = row.ends[this.#by]! - weightStart;
    this.#weight = copyInto(this.#weight, row.buffer, weightStart, this.#weightLength);
  }

  write(builder: RowBuilder): void {
    if (this.#valueLength < 0) builder.null();
    else builder.rawBytes(this.#value, 0, this.#valueLength);
  }

  writeWeight(builder: RowBuilder): void {
    if (this.#valueLength < 0) builder.null();
    else builder.rawBytes(this.#weight, 0, this.#weightLength);
  }
}

class WeightOfBest implements Accumulator {
  readonly bytes = 0;
  readonly #best: BestAccumulator;

  constructor(best: BestAccumulator) {
    this.#best = best;
  }

  reset(): void {}

  add(): void {}

  write(builder: RowBuilder): void {
    this.#best.writeWeight(builder);
  }
}

/** The first value that is not NULL. */
class FirstAccumulator implements Accumulator {
  #value: Buffer = Buffer.alloc(64);
  #length = -1;
  readonly #column: number;

  constructor(column: number) {
    this.#column = column;
  }

  get bytes(): number {
    return this.#value.length;
  }

  reset(): void {
    this.#length = -1;
  }

  add(row: RowFields): void {
    if (this.#length >= 0 || row.isNull(this.#column)) return;
    const start = row.rawStart(this.#column);
    this.#length = row.ends[this.#column]! - start;
    this.#value = copyInto(this.#value, row.buffer, start, this.#length);
  }

  write(builder: RowBuilder): void {
    if (this.#length < 0) builder.null();
    else builder.rawBytes(this.#value, 0, this.#length);
  }
}

function copyInto(to: Buffer, from: Buffer, start: number, length: number): Buffer {
  const target = to.length < length ? Buffer.alloc(Math.max(length, 2 * to.length)) : to;
  from.copy(target, 0, start, start + length);
  return target;
}

const ALL_BITS = 0xffff_ffff_ffff_ffffn;

/** BIT_AND, BIT_OR, BIT_XOR of BIGINT UNSIGNED. */
class BitAccumulator implements Accumulator {
  readonly bytes = 0;
  #bits = 0n;
  readonly #column: number;
  readonly #function: 'BIT_AND' | 'BIT_OR' | 'BIT_XOR';
  readonly #type: MergeColumn;
  readonly #binary: boolean;

  constructor(
    column: number,
    name: 'BIT_AND' | 'BIT_OR' | 'BIT_XOR',
    columns: readonly MergeColumn[],
    protocol: RowProtocol,
  ) {
    this.#column = column;
    this.#function = name;
    this.#type = columnOf(columns, column);
    this.#binary = protocol === 'binary';
    this.reset();
  }

  reset(): void {
    this.#bits = this.#function === 'BIT_AND' ? ALL_BITS : 0n;
  }

  add(row: RowFields): void {
    const start = row.starts[this.#column]!;
    if (start < 0) return;
    const end = row.ends[this.#column]!;
    const value = BigInt(
      this.#binary ? readInteger(row.buffer, start, end, this.#type) : row.buffer.toString('latin1', start, end),
    );
    if (this.#function === 'BIT_AND') this.#bits &= value;
    else if (this.#function === 'BIT_OR') this.#bits |= value;
    else this.#bits ^= value;
  }

  write(builder: RowBuilder): void {
    builder.number(this.#bits.toString());
  }
}
