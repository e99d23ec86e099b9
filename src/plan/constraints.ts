/**
 * What the statement demands of sharding columns: conditions that every row which can matter must satisfy, carried over
 * equalities of joins, correlated subqueries and derived tables. Always necessary conditions, never guesses.
 */
import type { ColumnRef, Expression, QueryExpression, TableFactor } from '../sql/index.ts';
import type {
  ColumnOrigin,
  Relation,
  ResolvedBlock,
  ResolvedColumn,
  ResolvedQuery,
  ResolvedStatement,
  TableUse,
} from './across/types.ts';
import { keyColumnOf } from './key-columns.ts';
import { type ColumnTarget, type KeyPredicate, predicateOf } from './key-predicate.ts';
import { equalColumns } from './key-value.ts';
import { strip } from './parentheses.ts';
import type { PlanBuilder } from './plan-builder.ts';

interface Conjunct {
  readonly expression: Expression;
  /** Uses whose rows need to satisfy it. */
  readonly uses: ReadonlySet<number>;
}

/** A column of a base table or of a derived relation: `u3.user_id`, `d1.x`. */
type ColumnKey = string;

export class Constraints {
  readonly #statement: ResolvedStatement;
  readonly #builder: PlanBuilder;
  readonly #conjuncts: Conjunct[] = [];
  readonly #edges = new Map<ColumnKey, Set<ColumnKey>>();
  readonly #reached = new Map<ColumnKey, ReadonlySet<ColumnKey>>();
  readonly #relationIds = new Map<Relation, number>();
  readonly #relationUses = new Map<Relation, ReadonlySet<number>>();

  constructor(statement: ResolvedStatement, builder: PlanBuilder) {
    this.#statement = statement;
    this.#builder = builder;
    this.#query(statement.query, new Set());
  }

  /** What the rows of one use must satisfy, in terms of its own sharding columns. */
  predicate(use: TableUse): KeyPredicate {
    if (use.meaning.kind !== 'sharded') return { kind: 'all' };
    const parts: KeyPredicate[] = [];
    for (const conjunct of this.#conjuncts) {
      if (!conjunct.uses.has(use.index)) continue;
      const part = predicateOf(conjunct.expression, (ref) => this.#target(ref, use), this.#builder);
      if (part.kind !== 'all') parts.push(part);
    }
    return parts.length === 0 ? { kind: 'all' } : parts.length === 1 ? parts[0]! : { kind: 'and', parts };
  }

  /** Whether every condition on `from` also holds for `to`: their values are equal in all rows that matter. */
  implies(from: ColumnOrigin, to: ColumnOrigin): boolean {
    return this.#reach(baseKey(from)).has(baseKey(to));
  }

  #target(ref: ColumnRef, use: TableUse): ColumnTarget | undefined {
    const key = this.#keyOf(this.#statement.columns.get(ref));
    if (key === undefined || use.meaning.kind !== 'sharded' || use.schema === undefined) return undefined;
    const reached = this.#reach(key);
    for (const name of use.meaning.logical.shardingColumns) {
      const column = use.schema.columnsByName.get(name);
      if (column !== undefined && reached.has(baseKey({ use, column })))
        return { name, key: keyColumnOf(use, column, this.#builder.environment) };
    }
    return undefined;
  }

  #reach(from: ColumnKey): ReadonlySet<ColumnKey> {
    const known = this.#reached.get(from);
    if (known !== undefined) return known;
    const reached = new Set([from]);
    for (const key of reached) for (const next of this.#edges.get(key) ?? []) reached.add(next);
    this.#reached.set(from, reached);
    return reached;
  }

  #edge(from: ColumnKey, to: ColumnKey): void {
    const targets = this.#edges.get(from);
    if (targets === undefined) this.#edges.set(from, new Set([to]));
    else targets.add(to);
  }

  /** Walks a query; `above`: uses of enclosing blocks that the WHERE of this query also restricts. Answers the uses inside. */
  #query(query: ResolvedQuery, above: ReadonlySet<number>): Set<number> {
    const inside = new Set<number>();
    for (const use of query.others) inside.add(use.index);
    for (const common of query.commons) for (const use of this.#query(common.query, new Set())) inside.add(use);
    const alone = query.blocks.length === 1 && query.others.length === 0;
    for (const block of query.blocks) for (const use of this.#block(block, alone ? above : new Set())) inside.add(use);
    return inside;
  }

  #block(block: ResolvedBlock, above: ReadonlySet<number>): Set<number> {
    // First what is inside, so that conjuncts know whom they restrict.
    const own = new Set<number>();
    for (const relation of block.relations) if (relation.kind === 'table') own.add(relation.use.index);
    const inside = new Set(own);
    const nested: (() => void)[] = [];
    for (const relation of block.relations) {
      const uses = new Set<number>();
      if (relation.kind === 'table') uses.add(relation.use.index);
      if (relation.kind === 'derived') {
        collectUses(relation.query, uses);
        nested.push(() => this.#query(relation.query, relation.nullable ? new Set() : new Set([...inside, ...above])));
        this.#derivedEdges(relation, relation.query, true);
      }
      if (relation.kind === 'common') {
        if (relation.common.references === 1 && !relation.common.recursive) collectUses(relation.common.query, uses);
        this.#derivedEdges(
          relation,
          relation.common.query,
          relation.common.references === 1 && !relation.common.recursive,
        );
      }
      this.#relationUses.set(relation, uses);
      for (const use of uses) inside.add(use);
    }
    for (const query of block.subqueries) {
      collectUses(query, inside);
      nested.push(() => this.#query(query, new Set()));
    }
    const restricted = new Set([...inside, ...above]);
    this.#conjunction(block.select.where, restricted, () => true);
    let next = 0;
    const walk = (factor: TableFactor, nullable: boolean): Relation[] => {
      if (factor.kind === 'tables') return factor.tables.flatMap((table) => walk(table, nullable));
      if (factor.kind !== 'join') {
        const relation = block.relations[next++];
        return relation === undefined ? [] : [relation];
      }
      const left = walk(factor.left, nullable || factor.type === 'right' || factor.type === 'full');
      const right = walk(factor.right, nullable || factor.type === 'left' || factor.type === 'full');
      const both = [...left, ...right];
      const side = factor.type === 'left' ? right : factor.type === 'right' ? left : both;
      if (factor.type !== 'full') {
        const whole = factor.type === 'inner' && !nullable;
        const uses = whole ? restricted : this.#usesOf(side);
        const ids = new Set(side);
        const mayImply = (relation: Relation | undefined): boolean =>
          whole || relation === undefined || ids.has(relation) || relation.kind === 'function';
        this.#conjunction(factor.on, uses, mayImply);
        const names = factor.natural
          ? sharedNames(left, right)
          : factor.using.map((column) => column.name.toLowerCase());
        for (const name of names) this.#mergedEdges(name, left, right, mayImply);
      }
      return both;
    };
    for (const factor of block.select.from) walk(factor, false);
    for (const work of nested) work();
    return inside;
  }

  #usesOf(relations: readonly Relation[]): Set<number> {
    const uses = new Set<number>();
    for (const relation of relations) for (const use of this.#relationUses.get(relation) ?? []) uses.add(use);
    return uses;
  }

  #conjunction(
    expression: Expression | undefined,
    uses: ReadonlySet<number>,
    mayImply: (relation: Relation | undefined) => boolean,
  ): void {
    if (expression === undefined) return;
    if (expression.kind === 'paren') {
      this.#conjunction(expression.inner, uses, mayImply);
      return;
    }
    if (expression.kind === 'binary' && expression.operator === 'AND') {
      this.#conjunction(expression.left, uses, mayImply);
      this.#conjunction(expression.right, uses, mayImply);
      return;
    }
    this.#conjuncts.push({ expression, uses });
    if (expression.kind === 'binary' && expression.operator === '=')
      this.#equality(expression.left, expression.right, mayImply);
    if (expression.kind === 'inSubquery' && !expression.not) this.#membership(expression.operand, expression.query);
  }

  #equality(left: Expression, right: Expression, mayImply: (relation: Relation | undefined) => boolean): void {
    const [a, b] = [strip(left), strip(right)];
    if (a.kind === 'row' && b.kind === 'row' && a.items.length === b.items.length) {
      for (const [index, item] of a.items.entries()) this.#equality(item, b.items[index]!, mayImply);
      return;
    }
    if (a.kind !== 'column' || b.kind !== 'column') return;
    const [x, y] = [this.#statement.columns.get(a), this.#statement.columns.get(b)];
    if (x?.kind !== 'relation' || y?.kind !== 'relation') return;
    this.#equate(x, y, mayImply);
  }

  #equate(
    x: Extract<ResolvedColumn, { kind: 'relation' }>,
    y: Extract<ResolvedColumn, { kind: 'relation' }>,
    mayImply: (relation: Relation | undefined) => boolean,
  ): void {
    const [xKey, yKey] = [this.#keyOf(x), this.#keyOf(y)];
    if (xKey === undefined || yKey === undefined || x.origin === undefined || y.origin === undefined) return;
    const environment = this.#builder.environment;
    const [p, q] = [
      keyColumnOf(x.origin.use, x.origin.column, environment),
      keyColumnOf(y.origin.use, y.origin.column, environment),
    ];
    if (!equalColumns(p, q) || !equalColumns(q, p)) return;
    // Across blocks a subquery's condition says something of its own rows only.
    const [xInner, yInner] = [isWithin(x.block, y.block), isWithin(y.block, x.block)];
    if (yInner && mayImply(y.relation)) this.#edge(xKey, yKey);
    if (xInner && mayImply(x.relation)) this.#edge(yKey, xKey);
  }

  #mergedEdges(
    name: string,
    left: readonly Relation[],
    right: readonly Relation[],
    mayImply: (relation: Relation | undefined) => boolean,
  ): void {
    const holders = (relations: readonly Relation[]) =>
      relations.filter((relation) => relation.columns?.some((column) => column.name.toLowerCase() === name));
    for (const a of holders(left)) {
      for (const b of holders(right)) {
        const block = this.#statement.query.blocks[0]!;
        const x = {
          kind: 'relation',
          block,
          relation: a,
          name,
          origin: a.columns!.find((column) => column.name.toLowerCase() === name)!.origin,
        } as const;
        const y = {
          kind: 'relation',
          block,
          relation: b,
          name,
          origin: b.columns!.find((column) => column.name.toLowerCase() === name)!.origin,
        } as const;
        this.#equate(x, y, mayImply);
      }
    }
  }

  /** `x IN (SELECT y ...)` in a conjunction: only rows with y = x matter. */
  #membership(operand: Expression, expression: QueryExpression): void {
    const ref = strip(operand);
    const query = this.#statement.queries.get(expression);
    if (ref.kind !== 'column' || query === undefined) return;
    const outer = this.#statement.columns.get(ref);
    const column = query.columns?.[0];
    const block = query.blocks[0];
    if (
      outer?.kind !== 'relation' ||
      outer.origin === undefined ||
      column?.origin === undefined ||
      block === undefined ||
      query.blocks.length !== 1
    )
      return;
    const key = this.#keyOf(outer);
    if (key === undefined || !this.#handsDown(block, 0, column.origin)) return;
    const environment = this.#builder.environment;
    const [p, q] = [
      keyColumnOf(outer.origin.use, outer.origin.column, environment),
      keyColumnOf(column.origin.use, column.origin.column, environment),
    ];
    if (equalColumns(p, q) && equalColumns(q, p)) this.#edge(key, baseKey(column.origin));
  }

  /** Edges between a derived relation's columns and the base columns behind them. */
  #derivedEdges(relation: Relation, query: ResolvedQuery, once: boolean): void {
    const block = query.blocks[0];
    for (const [index, column] of (relation.columns ?? []).entries()) {
      if (column.origin === undefined || block === undefined) continue;
      const key = this.#derivedKey(relation, column.name);
      this.#edge(baseKey(column.origin), key);
      if (once && this.#handsDown(block, index, column.origin)) this.#edge(key, baseKey(column.origin));
    }
  }

  /** Whether a condition on an output column may be applied to the rows that the block reads. */
  #handsDown(block: ResolvedBlock, index: number, origin: ColumnOrigin): boolean {
    const { select } = block;
    if (select.limit !== undefined || block.windowed || select.rollup || select.lock !== undefined) return false;
    if (!block.aggregated) return index >= 0;
    return select.groupBy.some((item) => {
      const ref = strip(item.expression);
      const resolved = ref.kind === 'column' ? this.#statement.columns.get(ref) : undefined;
      return (
        resolved?.kind === 'relation' && resolved.origin !== undefined && baseKey(resolved.origin) === baseKey(origin)
      );
    });
  }

  #keyOf(column: ResolvedColumn | undefined): ColumnKey | undefined {
    if (column?.kind !== 'relation') return undefined;
    if (column.relation.kind === 'table') return column.origin === undefined ? undefined : baseKey(column.origin);
    return this.#derivedKey(column.relation, column.name);
  }

  #derivedKey(relation: Relation, name: string): ColumnKey {
    let id = this.#relationIds.get(relation);
    if (id === undefined) {
      id = this.#relationIds.size;
      this.#relationIds.set(relation, id);
    }
    return `d${id}.${name.toLowerCase()}`;
  }
}

function baseKey(origin: ColumnOrigin): ColumnKey {
  return `u${origin.use.index}.${origin.column.name.toLowerCase()}`;
}

/** Whether `inner` is `outer` itself or a block nested in it. */
function isWithin(inner: ResolvedBlock, outer: ResolvedBlock): boolean {
  for (let block: ResolvedBlock | undefined = inner; block !== undefined; block = block.outer)
    if (block === outer) return true;
  return false;
}

function sharedNames(left: readonly Relation[], right: readonly Relation[]): string[] {
  const names = new Set(left.flatMap((relation) => relation.columns?.map((column) => column.name.toLowerCase()) ?? []));
  return [
    ...new Set(right.flatMap((relation) => relation.columns?.map((column) => column.name.toLowerCase()) ?? [])),
  ].filter((name) => names.has(name));
}

/** All uses inside of a query, nested ones included. */
export function collectUses(query: ResolvedQuery, into: Set<number>): void {
  for (const use of query.others) into.add(use.index);
  for (const common of query.commons) collectUses(common.query, into);
  for (const block of query.blocks) {
    for (const relation of block.relations) {
      if (relation.kind === 'table') into.add(relation.use.index);
      if (relation.kind === 'derived') collectUses(relation.query, into);
      if (relation.kind === 'common' && !relation.common.recursive) collectUses(relation.common.query, into);
    }
    for (const subquery of block.subqueries) collectUses(subquery, into);
  }
}
