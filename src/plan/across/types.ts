/** The contract between the core of planning (names, keys, routes, rewriting) and the planning of SELECTs across shards. */
import type { MeshError } from '../../base/index.ts';
import type { Column, TableSchema } from '../../catalog/index.ts';
import type { LogicalTable } from '../../rules/index.ts';
import type {
  ColumnRef,
  DerivedTable,
  Expression,
  Literal,
  LiteralValue,
  QueryExpression,
  SelectBlock,
  SelectItem,
  Span,
  TableFunction,
  TableName,
  TableReference,
} from '../../sql/index.ts';
import type { Edit, Piece, RewriteTemplate, StatementText } from '../rewrite.ts';
import type { Action, BindInput, NameMap, PlanEnvironment, RouteReason, ShardQuery } from '../types.ts';

// ---- what names mean ----------------------------------------------------------------------------------------

/** What a base table's name stands for. */
export type TableMeaning =
  | { readonly kind: 'sharded'; readonly logical: LogicalTable }
  | { readonly kind: 'broadcast'; readonly logical: LogicalTable }
  /** A table (or view) of one shard source. */
  | {
      readonly kind: 'single';
      readonly logical: LogicalTable;
      readonly source: string;
      /** The session's own: other connections of the source do not see it. */
      readonly temporary?: boolean;
    }
  /** information_schema, performance_schema, mysql, sys; `schema` lower-cased, `table` as written. */
  | { readonly kind: 'system'; readonly schema: string; readonly table: string };

/** One mention of a base table anywhere in the statement (FROM, INSERT INTO, a subquery ...). */
export interface TableUse {
  /** Place in `ResolvedStatement.uses`, and the number that `table` pieces of a rewrite refer to. */
  readonly index: number;
  readonly name: TableName;
  /** The name under which columns are qualified; the logical table name without alias. */
  readonly alias: string;
  /** Absent for INSERT targets and `TABLE t`. */
  readonly factor: TableReference | undefined;
  readonly meaning: TableMeaning;
  /** Undefined for system tables only: statements whose other tables are unknown are refused before this. */
  readonly schema: TableSchema | undefined;
}

/** A column of a relation or of a query's result, as far as it is known. */
export interface RelationColumn {
  readonly name: string;
  /** The base column that is handed up unchanged (not through an expression). */
  readonly origin: ColumnOrigin | undefined;
  /** Not part of `*` (invisible columns). */
  readonly invisible: boolean;
}
export interface ColumnOrigin {
  readonly use: TableUse;
  readonly column: Column;
}

/** Something in a FROM clause. `columns` undefined: not known (system tables, JSON_TABLE, stars over those). */
export type Relation =
  | {
      readonly kind: 'table';
      readonly alias: string;
      readonly use: TableUse;
      readonly columns: readonly RelationColumn[] | undefined;
      readonly nullable: boolean;
    }
  | {
      readonly kind: 'derived';
      readonly alias: string;
      readonly factor: DerivedTable;
      readonly query: ResolvedQuery;
      readonly columns: readonly RelationColumn[] | undefined;
      readonly nullable: boolean;
    }
  | {
      readonly kind: 'common';
      readonly alias: string;
      readonly factor: TableReference | undefined;
      readonly common: ResolvedCommon;
      readonly columns: readonly RelationColumn[] | undefined;
      readonly nullable: boolean;
    }
  | {
      readonly kind: 'function';
      readonly alias: string;
      readonly factor: TableFunction;
      readonly columns: undefined;
      readonly nullable: boolean;
    };
// `nullable`: on the inner side of an outer join.

/** A common table expression. */
export interface ResolvedCommon {
  readonly name: string;
  readonly query: ResolvedQuery;
  readonly recursive: boolean;
  /** How many FROM clauses name it. */
  references: number;
}

/** One SELECT block with its names resolved. */
export interface ResolvedBlock {
  readonly select: SelectBlock;
  readonly outer: ResolvedBlock | undefined;
  readonly relations: readonly Relation[];
  /** Result columns, stars expanded; undefined if a star covers unknown columns. */
  readonly output: readonly OutputColumn[] | undefined;
  /** Queries inside of expressions of this block (not derived tables), in text order. */
  readonly subqueries: readonly ResolvedQuery[];
  /** GROUP BY, or aggregate functions without OVER in select list, HAVING or ORDER BY. */
  readonly aggregated: boolean;
  /** Window functions. */
  readonly windowed: boolean;
}

export interface OutputColumn extends RelationColumn {
  readonly item: SelectItem;
  /** For a star: the relation and its column. */
  readonly relation: Relation | undefined;
}

/** A query expression: one block, or several under set operations. */
export interface ResolvedQuery {
  readonly query: QueryExpression;
  readonly commons: readonly ResolvedCommon[];
  /** The SELECT blocks of the body in text order (one unless there are set operations). VALUES and TABLE blocks are in `others`. */
  readonly blocks: readonly ResolvedBlock[];
  readonly others: readonly TableUse[];
  readonly columns: readonly RelationColumn[] | undefined;
  /** Reads a column of an enclosing block. */
  readonly correlated: boolean;
}

export type ResolvedColumn =
  | {
      readonly kind: 'relation';
      readonly block: ResolvedBlock;
      readonly relation: Relation;
      readonly name: string;
      readonly origin: ColumnOrigin | undefined;
    }
  /** A select list alias in GROUP BY, HAVING or ORDER BY. */
  | { readonly kind: 'alias'; readonly block: ResolvedBlock; readonly item: SelectItem }
  /** All columns in sight are known and this is none of them: 1054 on any server. */
  | { readonly kind: 'missing' }
  /** Not all columns in sight are known. */
  | { readonly kind: 'unknown' };

export interface ResolvedStatement {
  readonly uses: readonly TableUse[];
  /** The query of a SELECT. */
  readonly query: ResolvedQuery;
  readonly columns: ReadonlyMap<ColumnRef, ResolvedColumn>;
  /** By the QueryExpression node: of derived tables, subqueries and common tables. */
  readonly queries: ReadonlyMap<QueryExpression, ResolvedQuery>;
  readonly blocks: ReadonlyMap<SelectBlock, ResolvedBlock>;
}

// ---- what the across planner may use -------------------------------------------------------------------------

/** Node indexes of a sharded table, ascending. */
export type NodeSet = readonly number[];

/** Answered at bind time. */
export interface RoutedUses {
  /** Nodes of `LogicalTable.nodes` that hold the rows of use `index` which the statement can need. Broadcast, single and system: empty. */
  nodesOf(index: number): NodeSet;
  readonly reason: RouteReason;
  readonly detail: string;
}

/**
 * A place where the whole statement can run for part of the rows: one shard source with a physical name for each use
 * (index = TableUse.index; system tables keep their own name).
 */
export interface NodePlace {
  readonly source: string;
  readonly tables: readonly string[];
}

/** What the core lends for planning one SELECT that may touch several nodes. */
export interface AcrossBuilder {
  readonly environment: PlanEnvironment;
  readonly text: StatementText;
  /**
   * All sharded tables are joined along their keys inside one binding group and every other table is present on each of
   * its sources: each node's rows of the FROM clause can be computed by that node alone, and their union is the FROM
   * clause's result. Aggregates, DISTINCT, ORDER BY, LIMIT and windows of the *top* block are not part of this promise;
   * those of derived tables and subqueries are. Always false for a body with set operations (look at each block).
   */
  readonly shardLocal: boolean;
  /** Lower-cased sharding columns of the top block's relations whose equality implies the same node (exact equality of the key, see key-value.ts). */
  isShardingKey(column: ColumnOrigin): boolean;
  /** Reads a literal's value and makes it part of the plan's identity. */
  pin(literal: Literal): LiteralValue;
  /**
   * Edits that give the tables inside of `span` their physical names with headings kept (sql.md section 0, point 5);
   * pass them on to `text.pieces(span, edits)` or `text.whole(edits)` together with your own.
   */
  nameEdits(span: Span): Edit[];
  /** Edits that splice session functions (LAST_INSERT_ID() ...) inside `span`; their pieces are `fact` pieces, filled by render. */
  factEdits(span: Span): Edit[];
  /** Places for the shards of the shardLocal group: one per node in `nodes` of use `leader`. */
  places(leader: number, nodes: NodeSet): NodePlace[];
  /** Index of the first sharded use; -1 if there is none. */
  readonly leader: number;
  /** Fills a template for one place. */
  query(template: RewriteTemplate, input: BindInput, place: NodePlace, computed?: readonly Uint8Array[]): ShardQuery;
  /** Reads a literal's or parameter's value at bind time as LIMIT needs it; undefined: not a non-negative integer. */
  limitValue(expression: Expression, input: BindInput): bigint | undefined;
  readonly names: NameMap;
}

/** A SELECT that runs on several nodes. Compiled once, lazily; bound with the nodes of each execution. */
export interface AcrossPlan {
  readonly weight: number;
  /** Called only when the statement needs more than one place; may answer `refuse`. */
  bind(input: BindInput, routed: RoutedUses): Action;
}

/** Implemented in across/index.ts. A MeshError is the refusal for every execution that needs several nodes. */
export type PlanAcross = (statement: ResolvedStatement, builder: AcrossBuilder) => AcrossPlan | MeshError;
export type { Edit, Piece, RewriteTemplate };
