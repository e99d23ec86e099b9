/** Derived columns appended to a shard's select list, and the merge keys that point at them. */
import type { Expression, SelectItem, Span } from '../../sql/index.ts';
import { someNode } from '../syntax-walk.ts';
import { columnOrder, type OrderUse } from './column-order.ts';
import { backtick } from './sql-name.ts';
import { bare, isFickle, isNumber, plainColumn, positionLiteral, sameColumn } from './syntax.ts';
import type { AcrossBuilder, ColumnOrigin, OutputColumn, Piece, ResolvedBlock, ResolvedStatement } from './types.ts';

/** What a key of ORDER BY, GROUP BY or DISTINCT stands for, with positions, aliases and parentheses seen through. */
export interface KeyTarget {
  readonly expression: Expression | undefined;
  /** Output column that has the same value; -1 if none. */
  readonly output: number;
  readonly origin: ColumnOrigin | undefined;
  readonly collation: string | undefined;
}

/** Where a key's value and its comparable form are in the shard's row. */
export interface KeyPlace {
  readonly column: number;
  readonly weight?: number;
}

/** Collects hidden columns for one block; `visible` columns come first. */
export class HiddenColumns {
  readonly visible: number;
  readonly #pieces: Piece[] = [];
  readonly #known = new Map<string, number>();
  #count = 0;
  readonly #statement: ResolvedStatement;
  readonly #builder: AcrossBuilder;
  readonly #output: readonly OutputColumn[];
  readonly #items: readonly SelectItem[];

  constructor(
    statement: ResolvedStatement,
    builder: AcrossBuilder,
    block: ResolvedBlock,
    output: readonly OutputColumn[],
  ) {
    this.#statement = statement;
    this.#builder = builder;
    this.#output = output;
    this.#items = block.select.items;
    this.visible = output.length;
  }

  /** What to insert at the end of the select list. */
  get pieces(): readonly Piece[] {
    return this.#pieces;
  }

  /** Appends a column, or finds the one appended before under the same identity. */
  add(identity: string, pieces: readonly Piece[]): number {
    const known = this.#known.get(identity);
    if (known !== undefined) return known;
    const column = this.visible + this.#count;
    this.#pieces.push({ kind: 'text', text: ', ' }, ...pieces, { kind: 'text', text: ` AS _mesh_h${this.#count}` });
    this.#count += 1;
    this.#known.set(identity, column);
    return column;
  }

  /** The text of an expression of this block under physical names. */
  textOf(expression: Expression): Piece[] {
    return copyText(expression, this.#builder);
  }

  /** Sees through position, alias and COLLATE. Undefined: a position outside of the list (the servers will say so). */
  target(expression: Expression): KeyTarget | undefined {
    const position = positionLiteral(expression);
    if (position !== undefined) {
      const value = this.#builder.pin(position);
      const output = value.kind === 'integer' ? Number(value.value) - 1 : -1;
      return this.outputTarget(output);
    }
    const inner = bare(expression);
    if (inner.kind === 'collate') {
      const origin = plainColumn(inner.operand, this.#statement);
      return { expression, output: -1, origin, collation: inner.collation };
    }
    if (inner.kind === 'column') {
      const resolved = this.#statement.columns.get(inner);
      if (resolved?.kind === 'alias') return this.#itemTarget(resolved.item);
    }
    const origin = plainColumn(inner, this.#statement);
    if (origin !== undefined) {
      return {
        expression,
        output: this.#output.findIndex((column) => column.origin !== undefined && sameColumn(column.origin, origin)),
        origin,
        collation: undefined,
      };
    }
    return { expression, output: this.#sameText(inner), origin: undefined, collation: undefined };
  }

  /** An output column as a key. */
  outputTarget(output: number): KeyTarget | undefined {
    const column = this.#output[output];
    if (column === undefined) return undefined;
    const expression = column.item.expression.kind === 'star' ? undefined : column.item.expression;
    return { expression, output, origin: column.origin, collation: undefined };
  }

  /**
   * Makes a key comparable outside of the servers, appending what that needs. `plain`: its own value must be a column too
   * (a shard orders by its position). Undefined: only a server knows the order.
   */
  place(target: KeyTarget, use: OrderUse, plain: boolean): KeyPlace | undefined {
    const { expression, origin, collation } = target;
    const text = this.#pieceOf(target);
    if (text === undefined) return undefined;
    if (origin === undefined) {
      if (
        collation !== undefined ||
        expression === undefined ||
        !isNumber(expression, this.#statement) ||
        isFickle(expression)
      )
        return undefined;
      if (target.output >= 0) return { column: target.output };
      if (use !== 'sort' && someNode(expression, (node) => node.kind === 'parameter')) return undefined;
      // An alias has no meaning inside of the select list.
      if (
        someNode(
          expression,
          (node) => node.kind === 'column' && this.#statement.columns.get(node as never)?.kind === 'alias',
        )
      )
        return undefined;
      return { column: this.add(`= ${this.#identity(target)}`, text) };
    }
    const order = columnOrder(origin.column, this.#builder.environment.schema, use, collation);
    if (order === undefined) return undefined;
    const own = () => (target.output >= 0 ? target.output : this.add(`= ${this.#identity(target)}`, text));
    if (order.kind === 'direct') return { column: own() };
    const weight = this.add(`${order.before} ${this.#identity(target)} ${order.after}`, [
      { kind: 'text', text: order.before },
      ...text,
      { kind: 'text', text: order.after },
    ]);
    return { column: plain ? own() : weight, weight };
  }

  #identity(target: KeyTarget): string {
    const { origin, expression } = target;
    return origin === undefined
      ? String(expression!.start)
      : `${origin.use.index}.${origin.column.name} ${target.collation ?? ''}`;
  }

  #pieceOf(target: KeyTarget): Piece[] | undefined {
    if (target.expression !== undefined) return this.textOf(target.expression);
    const column = this.#output[target.output];
    if (column?.relation === undefined) return undefined;
    return [{ kind: 'text', text: `${backtick(column.relation.alias)}.${backtick(column.name)}` }];
  }

  #itemTarget(item: SelectItem): KeyTarget | undefined {
    return this.outputTarget(this.#output.findIndex((column) => column.item === item));
  }

  /** A select item written like this expression (literals are pinned, so that this holds for all texts of the plan). */
  #sameText(expression: Expression): number {
    const text = normal(this.#builder.text.slice(expression));
    const item = this.#items.find(
      (candidate) =>
        candidate.expression.kind !== 'star' && normal(this.#builder.text.slice(bare(candidate.expression))) === text,
    );
    if (item === undefined || item.expression.kind === 'star') return -1;
    if (!pinLiterals(expression, this.#builder) || !pinLiterals(item.expression, this.#builder)) return -1;
    return this.#output.findIndex((column) => column.item === item);
  }
}

/** The text of an expression or clause under physical names, without the headings that select items get. */
export function copyText(span: Span, builder: AcrossBuilder): Piece[] {
  const edits = [...builder.nameEdits(span), ...builder.factEdits(span)];
  return builder.text.pieces(
    span,
    edits.filter((edit) => edit.pieces.every((piece) => piece.kind !== 'heading')),
  );
}

/** A text without differences of white space. */
export function normal(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

/** Makes every literal below part of the plan's identity; false when there are parameters, whose values may differ. */
export function pinLiterals(root: Expression, builder: AcrossBuilder): boolean {
  let parameters = false;
  someNode(root, (node) => {
    if (node.kind === 'parameter') parameters = true;
    else if (node.kind === 'literal' && (node as unknown as { slot: number }).slot >= 0) builder.pin(node as never);
    return false;
  });
  return !parameters;
}
