/** The rows of an INSERT as cells: the same questions for folded rows, written-out rows and SET lists. */
import { Buffer } from 'node:buffer';
import { MeshError } from '../base/index.ts';
import { type Expression, type InsertStatement, Keyword, type Span, TokenKind } from '../sql/index.ts';
import { strip } from './parentheses.ts';
import type { PlanBuilder } from './plan-builder.ts';
import { offsetOf, type Position, quoteName } from './rewrite.ts';
import type { Scalar } from './scalar.ts';
import type { BindInput } from './types.ts';
import { elementRanges, literalCell, readValue, type ValueSource, valueSource } from './value-source.ts';

/** Keys that a generator gave, by row. */
export interface KeysByRow {
  /** Column that they replace; -1: appended. */
  readonly at: number;
  readonly column: string;
  readonly keys: ReadonlyMap<number, bigint | string>;
}

export interface InsertRows {
  /** What is replaced when rows are put together anew. */
  readonly span: Span;
  /** Parameters of the statement before and after the rows. */
  readonly outerParameters: { readonly before: readonly number[]; readonly after: readonly number[] };
  count(input: BindInput): number;
  /** Throws 1136 where a row has another number of cells than there are columns. */
  checkWidths(input: BindInput): void;
  /** Value of a cell that is a literal or parameter; undefined: an expression. */
  scalar(input: BindInput, row: number, column: number): Scalar | undefined;
  /** The cell is DEFAULT, or the row is empty `()`. */
  isDefault(input: BindInput, row: number, column: number): boolean;
  /** Text of the chosen rows (undefined: all) with generated keys, and the parameters in it. */
  render(
    input: BindInput,
    rows: readonly number[] | undefined,
    keys: KeysByRow | undefined,
  ): { readonly text: Uint8Array; readonly parameters: readonly number[] };
}

export function insertRows(statement: InsertStatement, width: number, builder: PlanBuilder): InsertRows {
  const { source } = statement;
  if (source.kind === 'values' && source.rowsSlot >= 0)
    return new FoldedRows(source.rowsSlot, source.span, width, builder);
  if (source.kind === 'values') {
    return new WrittenRows(
      source.rows.map((row) => row.values),
      source.span,
      width,
      builder,
    );
  }
  if (source.kind === 'set') return new AssignedRow(statement, builder);
  throw new MeshError('SM_INTERNAL', { message: 'INSERT ... SELECT has no rows of its own' });
}

function outerParameters(span: Span, builder: PlanBuilder): { before: number[]; after: number[] } {
  return {
    before: builder.text.parametersIn(0, span.start),
    after: builder.text.parametersIn(span.end, Number.MAX_SAFE_INTEGER),
  };
}

function widthError(row: number): MeshError {
  return new MeshError('ER_WRONG_VALUE_COUNT_ON_ROW', { row: row + 1 });
}

/** SQL text of a generated key. */
function keyText(key: bigint | string): string {
  return typeof key === 'bigint' ? key.toString() : `'${key.replaceAll("'", "''")}'`;
}

/** Rows of one shape that the fingerprint folded: read from the tokens of each text. */
class FoldedRows implements InsertRows {
  readonly span: Span;
  readonly outerParameters: { readonly before: readonly number[]; readonly after: readonly number[] };
  readonly #slot: number;
  readonly #width: number;
  readonly #charset: 'utf8' | 'latin1';
  #ranges: Int32Array = new Int32Array(0);
  #input: BindInput | undefined;

  constructor(slot: number, span: Span, width: number, builder: PlanBuilder) {
    this.#slot = slot;
    this.span = span;
    this.#width = width;
    this.#charset = builder.charset;
    this.outerParameters = outerParameters(span, builder);
  }

  #cells(input: BindInput): Int32Array {
    if (this.#input !== input) {
      this.#ranges = elementRanges(input.tokens, input.fingerprint, this.#slot);
      this.#input = input;
    }
    return this.#ranges;
  }

  #rowWidth(input: BindInput): number {
    return input.fingerprint.slotWidth[this.#slot]!;
  }

  count(input: BindInput): number {
    return this.#cells(input).length / 2 / this.#rowWidth(input);
  }

  checkWidths(input: BindInput): void {
    // The first question of each execution: the caller may use one input object for many.
    this.#input = undefined;
    if (this.#rowWidth(input) !== this.#width) throw widthError(0);
  }

  scalar(input: BindInput, row: number, column: number): Scalar | undefined {
    const at = (row * this.#width + column) * 2;
    const cells = this.#cells(input);
    return literalCell(input, cells[at]!, cells[at + 1]!, this.#charset);
  }

  isDefault(input: BindInput, row: number, column: number): boolean {
    const at = (row * this.#width + column) * 2;
    const cells = this.#cells(input);
    const from = cells[at]!;
    return (
      cells[at + 1]! - from === 1 &&
      input.tokens.kinds[from] === TokenKind.word &&
      input.tokens.ids[from] === Keyword.DEFAULT
    );
  }

  render(
    input: BindInput,
    rows: readonly number[] | undefined,
    keys: KeysByRow | undefined,
  ): { text: Uint8Array; parameters: readonly number[] } {
    const cells = this.#cells(input);
    const { starts, ends, text } = input.tokens;
    const parts: Uint8Array[] = [];
    const count = rows?.length ?? this.count(input);
    for (let index = 0; index < count; index++) {
      const row = rows?.[index] ?? index;
      const first = row * this.#width * 2;
      const open = cells[first]! - 1;
      const close = cells[first + this.#width * 2 - 1]!;
      if (index > 0) parts.push(comma);
      const key = keys?.keys.get(row);
      if (keys === undefined || (key === undefined && keys.at >= 0)) {
        parts.push(text.subarray(starts[open]!, ends[close]!));
        continue;
      }
      if (keys.at < 0) {
        parts.push(
          text.subarray(starts[open]!, starts[close]!),
          Buffer.from(`, ${key === undefined ? 'DEFAULT' : keyText(key)})`),
        );
        continue;
      }
      const cell = first + keys.at * 2;
      parts.push(
        text.subarray(starts[open]!, starts[cells[cell]!]!),
        Buffer.from(keyText(key!)),
        text.subarray(ends[cells[cell + 1]! - 1]!, ends[close]!),
      );
    }
    return { text: Buffer.concat(parts), parameters: [] };
  }
}

const comma = Buffer.from(', ');

interface Cell {
  readonly from: Position;
  readonly to: Position;
  readonly source: ValueSource | undefined;
  readonly isDefault: boolean;
  readonly parameters: readonly number[];
}

function cellOf(expression: Expression, builder: PlanBuilder): Cell {
  const inner = strip(expression);
  return {
    from: builder.text.position(expression.start, false),
    to: builder.text.position(expression.end, true),
    source: valueSource(expression, builder.text),
    isDefault: inner.kind === 'columnValue' && inner.which === 'default' && inner.column === undefined,
    parameters: builder.text.parametersIn(expression.start, expression.end),
  };
}

function cellText(cell: Cell, input: BindInput): Uint8Array {
  return input.tokens.text.subarray(
    offsetOf(cell.from, input.tokens, input.fingerprint),
    offsetOf(cell.to, input.tokens, input.fingerprint),
  );
}

/** Rows whose cells are known from the syntax tree: their number is part of the statement's shape. */
class WrittenRows implements InsertRows {
  readonly span: Span;
  readonly outerParameters: { readonly before: readonly number[]; readonly after: readonly number[] };
  readonly #rows: readonly (readonly Cell[])[];
  readonly #width: number;
  readonly #charset: 'utf8' | 'latin1';

  constructor(rows: readonly (readonly Expression[])[], span: Span, width: number, builder: PlanBuilder) {
    this.#rows = rows.map((row) => row.map((expression) => cellOf(expression, builder)));
    this.span = span;
    this.#width = width;
    this.#charset = builder.charset;
    this.outerParameters = outerParameters(span, builder);
  }

  count(): number {
    return this.#rows.length;
  }

  checkWidths(): void {
    for (const [row, cells] of this.#rows.entries()) {
      if (cells.length !== this.#width && cells.length !== 0) throw widthError(row);
    }
  }

  scalar(input: BindInput, row: number, column: number): Scalar | undefined {
    const source = this.#rows[row]![column]?.source;
    return source === undefined ? undefined : readValue(source, input, this.#charset);
  }

  isDefault(_input: BindInput, row: number, column: number): boolean {
    const cells = this.#rows[row]!;
    return cells.length === 0 || cells[column]?.isDefault === true;
  }

  render(
    input: BindInput,
    rows: readonly number[] | undefined,
    keys: KeysByRow | undefined,
  ): { text: Uint8Array; parameters: readonly number[] } {
    const parts: Uint8Array[] = [];
    const parameters: number[] = [];
    const chosen = rows ?? this.#rows.keys();
    for (const row of chosen) {
      parts.push(Buffer.from(parts.length === 0 ? '(' : ', ('));
      const cells = this.#rows[row]!;
      const key = keys?.keys.get(row);
      const width = cells.length === 0 && keys !== undefined ? this.#width : cells.length;
      for (let column = 0; column < width; column++) {
        if (column > 0) parts.push(comma);
        const cell = cells[column];
        if (keys !== undefined && keys.at === column && key !== undefined) parts.push(Buffer.from(keyText(key)));
        else if (cell === undefined) parts.push(Buffer.from('DEFAULT'));
        else {
          parts.push(cellText(cell, input));
          parameters.push(...cell.parameters);
        }
      }
      if (keys !== undefined && keys.at < 0)
        parts.push(Buffer.from(`${width > 0 ? ', ' : ''}${key === undefined ? 'DEFAULT' : keyText(key)}`));
      parts.push(Buffer.from(')'));
    }
    return { text: Buffer.concat(parts), parameters };
  }
}

/** INSERT ... SET a = 1, b = 2. */
class AssignedRow implements InsertRows {
  readonly span: Span;
  readonly outerParameters: { readonly before: readonly number[]; readonly after: readonly number[] };
  readonly #names: readonly string[];
  readonly #cells: readonly Cell[];
  readonly #charset: 'utf8' | 'latin1';

  constructor(statement: InsertStatement, builder: PlanBuilder) {
    const assignments = statement.source.kind === 'set' ? statement.source.assignments : [];
    this.#names = assignments.map((assignment) => assignment.column.column.name);
    this.#cells = assignments.map((assignment) => cellOf(assignment.value, builder));
    const first = assignments[0]?.start ?? statement.end;
    this.span = { start: first, end: assignments.at(-1)?.end ?? first };
    this.#charset = builder.charset;
    this.outerParameters = outerParameters(this.span, builder);
  }

  count(): number {
    return 1;
  }

  checkWidths(): void {}

  scalar(input: BindInput, _row: number, column: number): Scalar | undefined {
    const source = this.#cells[column]?.source;
    return source === undefined ? undefined : readValue(source, input, this.#charset);
  }

  isDefault(_input: BindInput, _row: number, column: number): boolean {
    return this.#cells[column]?.isDefault === true;
  }

  render(
    input: BindInput,
    _rows: readonly number[] | undefined,
    keys: KeysByRow | undefined,
  ): { text: Uint8Array; parameters: readonly number[] } {
    const parts: Uint8Array[] = [];
    const parameters: number[] = [];
    const key = keys?.keys.get(0);
    for (const [index, cell] of this.#cells.entries()) {
      parts.push(Buffer.from(`${index > 0 ? ', ' : ''}${quoteName(this.#names[index]!)} = `));
      if (keys !== undefined && keys.at === index && key !== undefined) parts.push(Buffer.from(keyText(key)));
      else {
        parts.push(cellText(cell, input));
        parameters.push(...cell.parameters);
      }
    }
    if (keys !== undefined && keys.at < 0 && key !== undefined)
      parts.push(Buffer.from(`${parts.length > 0 ? ', ' : ''}${quoteName(keys.column)} = ${keyText(key)}`));
    return { text: Buffer.concat(parts), parameters };
  }
}
