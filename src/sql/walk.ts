/** Visits the parts of a syntax tree in text order, parents before children. */
import { unreachable } from '../base/index.ts';
import type {
  ColumnAssignment,
  CommonTable,
  Expression,
  Limit,
  OrderItem,
  QueryBody,
  QueryExpression,
  SelectBlock,
  SelectItem,
  SetItem,
  Statement,
  TableFactor,
  TableName,
  TableReference,
  WindowSpec,
} from './ast.ts';

/** Called for the parts that it names. Answering `false` leaves the part's children out; any other answer is ignored. */
export interface Visitor {
  readonly expression?: (expression: Expression) => unknown;
  /** Whole queries: of the statement, of derived and common tables, of subqueries. */
  readonly query?: (query: QueryExpression) => unknown;
  /** Blocks and set operations of queries. */
  readonly body?: (body: QueryBody) => unknown;
  readonly commonTable?: (table: CommonTable) => unknown;
  readonly factor?: (factor: TableFactor) => unknown;
  /**
   * Each name of a table as it is written, whatever it stands for (a common table's name too): in FROM, after TABLE, as the
   * target of a write, in DDL and administration. Not the qualifiers of columns.
   */
  readonly tableName?: (name: TableName) => unknown;
}

/** What a walk may begin at. */
export type WalkRoot = Statement | Expression | QueryExpression | TableFactor;

/** Visits `root` and everything in it. */
export function walk(root: WalkRoot, visitor: Visitor): void {
  if (!('kind' in root)) {
    walkQuery(root, visitor);
    return;
  }
  switch (root.kind) {
    case 'table':
    case 'derived':
    case 'join':
    case 'tables':
    case 'function':
      walkFactor(root, visitor);
      return;
    default:
      if (isStatement(root)) walkStatement(root, visitor);
      else walkExpression(root, visitor);
  }
}

/** Every expression below `root`, those of its subqueries included unless `visit` answers false for a parent. */
export function forEachExpression(root: WalkRoot, visit: (expression: Expression) => unknown): void {
  walk(root, { expression: visit });
}

/** Every query below `root`, outer ones first. */
export function forEachQuery(root: WalkRoot, visit: (query: QueryExpression) => unknown): void {
  walk(root, { query: visit });
}

/** Every SELECT block below `root`. */
export function forEachSelect(root: WalkRoot, visit: (select: SelectBlock) => unknown): void {
  walk(root, { body: (body) => (body.kind === 'select' ? visit(body) : undefined) });
}

/** Every table of a FROM clause (or of UPDATE and DELETE) below `root`. Targets of INSERT and DDL are names: see `forEachTableName`. */
export function forEachTableReference(root: WalkRoot, visit: (table: TableReference) => unknown): void {
  walk(root, { factor: (factor) => (factor.kind === 'table' ? visit(factor) : undefined) });
}

/** Every table name below `root`, as `Visitor.tableName` says. */
export function forEachTableName(root: WalkRoot, visit: (name: TableName) => unknown): void {
  walk(root, { tableName: visit });
}

const statementKinds: ReadonlySet<string> = new Set(
  'query insert update delete ddl set show transaction other diagnostics load use do kill explain describe reload resolve empty'.split(
    ' ',
  ),
);

/** Subjects of SHOW whose object is a table, view or sequence. */
const tableSubjects: ReadonlySet<string> = new Set([
  'COLUMNS',
  'INDEX',
  'CREATE TABLE',
  'CREATE VIEW',
  'CREATE SEQUENCE',
]);

/** CALL is told from a function call by its lack of a name's span. */
function isStatement(root: Statement | Expression): root is Statement {
  return root.kind === 'call' ? !('nameSpan' in root) : statementKinds.has(root.kind);
}

function walkStatement(statement: Statement, visitor: Visitor): void {
  switch (statement.kind) {
    case 'query':
      walkQuery(statement.query, visitor);
      return;
    case 'insert': {
      visitor.tableName?.(statement.table);
      const { source } = statement;
      if (source.kind === 'values') for (const row of source.rows) walkExpressions(row.values, visitor);
      else if (source.kind === 'set') walkAssignments(source.assignments, visitor);
      else walkQuery(source.query, visitor);
      walkAssignments(statement.onDuplicate, visitor);
      walkItems(statement.returning?.items ?? [], visitor);
      return;
    }
    case 'update':
      walkCommonTables(statement.with, visitor);
      walkFactors(statement.tables, visitor);
      walkAssignments(statement.assignments, visitor);
      walkWhereToLimit(statement, visitor);
      return;
    case 'delete':
      walkCommonTables(statement.with, visitor);
      for (const target of statement.targets) visitor.tableName?.(target);
      walkFactors(statement.tables, visitor);
      walkWhereToLimit(statement, visitor);
      walkItems(statement.returning?.items ?? [], visitor);
      return;
    case 'ddl':
      for (const target of statement.targets) visitor.tableName?.(target);
      for (const reference of statement.references) visitor.tableName?.(reference);
      for (const { to } of statement.renames) if (!statement.targets.includes(to)) visitor.tableName?.(to);
      if (statement.query !== undefined) walkQuery(statement.query, visitor);
      return;
    case 'set':
      for (const item of statement.items) walkSetItem(item, visitor);
      if (statement.forStatement !== undefined) walkStatement(statement.forStatement, visitor);
      return;
    case 'show':
      if (statement.table !== undefined && tableSubjects.has(statement.what)) visitor.tableName?.(statement.table);
      walkOptional(statement.where, visitor);
      return;
    case 'other':
      for (const table of statement.tables) visitor.tableName?.(table);
      walkExpressions(statement.expressions, visitor);
      return;
    case 'load':
      visitor.tableName?.(statement.table);
      walkAssignments(statement.assignments, visitor);
      return;
    case 'do':
      walkExpressions(statement.expressions, visitor);
      return;
    case 'call':
      walkExpressions(statement.args, visitor);
      return;
    case 'kill':
      walkExpression(statement.id, visitor);
      return;
    case 'explain':
      if (statement.statement !== undefined) walkStatement(statement.statement, visitor);
      walkOptional(statement.connection, visitor);
      return;
    case 'describe':
      visitor.tableName?.(statement.table);
      return;
    case 'diagnostics':
      walkOptional(statement.condition, visitor);
      return;
    case 'use':
    case 'transaction':
    case 'reload':
    case 'resolve':
    case 'empty':
      return;
    default:
      unreachable(statement);
  }
}

function walkWhereToLimit(
  part: { readonly where?: Expression; readonly orderBy: readonly OrderItem[]; readonly limit?: Limit },
  visitor: Visitor,
): void {
  walkOptional(part.where, visitor);
  walkOrder(part.orderBy, visitor);
  walkLimit(part.limit, visitor);
}

function walkSetItem(item: SetItem, visitor: Visitor): void {
  walkOptional(item.value, visitor);
}

function walkAssignments(assignments: readonly ColumnAssignment[], visitor: Visitor): void {
  for (const { column, value } of assignments) {
    walkExpression(column, visitor);
    walkExpression(value, visitor);
  }
}

function walkQuery(query: QueryExpression, visitor: Visitor): void {
  if (visitor.query?.(query) === false) return;
  walkCommonTables(query.with, visitor);
  walkBody(query.body, visitor);
}

function walkCommonTables(tables: readonly CommonTable[], visitor: Visitor): void {
  for (const table of tables) {
    if (visitor.commonTable?.(table) !== false) walkQuery(table.query, visitor);
  }
}

function walkBody(body: QueryBody, visitor: Visitor): void {
  if (visitor.body?.(body) === false) return;
  switch (body.kind) {
    case 'select':
      walkItems(body.items, visitor);
      walkFactors(body.from, visitor);
      walkOptional(body.where, visitor);
      walkOrder(body.groupBy, visitor);
      walkOptional(body.having, visitor);
      for (const window of body.windows) walkWindow(window.spec, visitor);
      break;
    case 'values':
      for (const row of body.rows) walkExpression(row, visitor);
      break;
    case 'tableBlock':
      visitor.tableName?.(body.name);
      break;
    case 'setOperation':
      walkBody(body.left, visitor);
      walkBody(body.right, visitor);
      break;
    case 'parenQuery':
      walkQuery(body.query, visitor);
      break;
    default:
      unreachable(body);
  }
  walkOrder(body.orderBy, visitor);
  walkLimit(body.limit, visitor);
}

function walkItems(items: readonly SelectItem[], visitor: Visitor): void {
  for (const { expression } of items) if (expression.kind !== 'star') walkExpression(expression, visitor);
}

function walkFactors(factors: readonly TableFactor[], visitor: Visitor): void {
  for (const factor of factors) walkFactor(factor, visitor);
}

function walkFactor(factor: TableFactor, visitor: Visitor): void {
  if (visitor.factor?.(factor) === false) return;
  switch (factor.kind) {
    case 'table':
      visitor.tableName?.(factor.name);
      return;
    case 'derived':
      walkQuery(factor.query, visitor);
      return;
    case 'join':
      walkFactor(factor.left, visitor);
      walkFactor(factor.right, visitor);
      walkOptional(factor.on, visitor);
      return;
    case 'tables':
      walkFactors(factor.tables, visitor);
      return;
    case 'function':
      walkExpressions(factor.args, visitor);
      return;
    default:
      unreachable(factor);
  }
}

function walkOrder(items: readonly OrderItem[], visitor: Visitor): void {
  for (const { expression } of items) walkExpression(expression, visitor);
}

/** Operands in text order. */
function walkLimit(limit: Limit | undefined, visitor: Visitor): void {
  if (limit === undefined) return;
  const { count, offset } = limit;
  const offsetFirst = offset !== undefined && count !== undefined && offset.start < count.start;
  walkOptional(offsetFirst ? offset : count, visitor);
  walkOptional(offsetFirst ? count : offset, visitor);
}

function walkWindow(spec: WindowSpec, visitor: Visitor): void {
  walkExpressions(spec.partitionBy, visitor);
  walkOrder(spec.orderBy, visitor);
}

function walkOptional(expression: Expression | undefined, visitor: Visitor): void {
  if (expression !== undefined) walkExpression(expression, visitor);
}

function walkExpressions(expressions: readonly Expression[], visitor: Visitor): void {
  for (const expression of expressions) walkExpression(expression, visitor);
}

function walkExpression(expression: Expression, visitor: Visitor): void {
  if (visitor.expression?.(expression) === false) return;
  switch (expression.kind) {
    case 'literal':
    case 'parameter':
    case 'column':
    case 'userVariable':
    case 'systemVariable':
      return;
    case 'assignment':
      walkExpression(expression.variable, visitor);
      walkExpression(expression.value, visitor);
      return;
    case 'unary':
    case 'is':
    case 'cast':
    case 'collate':
      walkExpression(expression.operand, visitor);
      return;
    case 'binary':
      walkExpression(expression.left, visitor);
      walkExpression(expression.right, visitor);
      return;
    case 'quantified':
      walkExpression(expression.left, visitor);
      walkQuery(expression.query, visitor);
      return;
    case 'between':
      walkExpression(expression.operand, visitor);
      walkExpression(expression.low, visitor);
      walkExpression(expression.high, visitor);
      return;
    case 'inList':
      walkExpression(expression.operand, visitor);
      walkExpressions(expression.items, visitor);
      return;
    case 'inSubquery':
      walkExpression(expression.operand, visitor);
      walkQuery(expression.query, visitor);
      return;
    case 'like':
      walkExpression(expression.operand, visitor);
      walkExpression(expression.pattern, visitor);
      walkOptional(expression.escape, visitor);
      return;
    case 'case':
      walkOptional(expression.operand, visitor);
      for (const branch of expression.branches) {
        walkExpression(branch.when, visitor);
        walkExpression(branch.then, visitor);
      }
      walkOptional(expression.otherwise, visitor);
      return;
    case 'interval':
      walkExpression(expression.value, visitor);
      return;
    case 'exists':
    case 'subquery':
      walkQuery(expression.query, visitor);
      return;
    case 'row':
      walkExpressions(expression.items, visitor);
      return;
    case 'paren':
      walkExpression(expression.inner, visitor);
      return;
    case 'match':
      walkExpressions(expression.columns, visitor);
      walkExpression(expression.against, visitor);
      return;
    case 'columnValue':
      walkOptional(expression.column, visitor);
      return;
    case 'call':
      walkExpressions(expression.args, visitor);
      if (expression.orderBy !== undefined) walkOrder(expression.orderBy, visitor);
      walkOptional(expression.separator, visitor);
      walkLimit(expression.limit, visitor);
      if (expression.over !== undefined) walkWindow(expression.over, visitor);
      return;
    default:
      unreachable(expression);
  }
}
