/** FROM clauses: tables, derived tables, JSON_TABLE and joins. */
import type {
  DerivedTable,
  Expression,
  Identifier,
  Join,
  Span,
  TableFactor,
  TableFunction,
  TableReference,
} from '../ast.ts';
import { TokenKind } from '../tokens.ts';
import type { Cursor } from './cursor.ts';
import { parseExpression } from './expression.ts';
import { parseIdentifier, parseNameList, parseTableAlias, parseTableName } from './names.ts';
import { asQuery } from './parentheses.ts';
import { continuesQuery, parseQueryExpression, startsQuery } from './query.ts';

/** Joins in one comma-free table reference. */
const joinsMax = 500;

/** `a JOIN b, c, ...` */
export function parseTableReferences(cursor: Cursor): TableFactor[] {
  const tables: TableFactor[] = [];
  do tables.push(parseJoins(cursor));
  while (cursor.accept(','));
  return tables;
}

interface Operator {
  readonly type: Join['type'];
  /** A join that must have ON or USING. */
  readonly conditional: boolean;
}

/** Joins that still wait for ON or USING, and the table on their right side. */
interface Pending {
  readonly operator: Operator | undefined;
  table: TableFactor;
}

/**
 * A condition belongs to the nearest join before it that has none. An inner join that gets no condition at all is a cross
 * join of everything on its left with the next *table*, even if joins with conditions follow: `a JOIN b JOIN c ON x` is
 * `(a JOIN b) JOIN c ON x`.
 */
function parseJoins(cursor: Cursor): TableFactor {
  cursor.enter();
  const pending: Pending[] = [{ operator: undefined, table: parseTableFactor(cursor) }];
  for (let joins = 0; ; joins++) {
    if (joins > joinsMax) throw cursor.problem('too many joins');
    const last = pending[pending.length - 1]!;
    if (startsCondition(cursor)) {
      if (last.operator === undefined) throw cursor.unexpected();
      pending.pop();
      const left = pending[pending.length - 1]!;
      left.table = withCondition(cursor, left.table, last.operator, last.table);
      continue;
    }
    if (cursor.is('NATURAL')) {
      last.table = parseNaturalJoin(cursor, last.table);
      continue;
    }
    const operator = parseJoinOperator(cursor);
    if (operator === undefined) break;
    pending.push({ operator, table: parseTableFactor(cursor) });
  }
  cursor.leave();
  let right = pending.pop()!;
  for (let left = pending.pop(); left !== undefined; left = pending.pop()) {
    if (right.operator?.conditional !== false) throw cursor.unexpected('ON');
    left.table = crossJoin(left.table, right.table);
    right = left;
  }
  return right.table;
}

function startsCondition(cursor: Cursor): boolean {
  if (cursor.is('USING')) return cursor.symbol(1) === '(';
  // INSERT ... SELECT ... FROM a JOIN b ON DUPLICATE KEY UPDATE
  return cursor.is('ON') && !cursor.are('ON', 'DUPLICATE', 'KEY');
}

function withCondition(cursor: Cursor, left: TableFactor, operator: Operator, right: TableFactor): Join {
  let on: Expression | undefined;
  let using: readonly Identifier[] = [];
  if (cursor.accept('ON')) {
    on = parseExpression(cursor);
  } else {
    cursor.expect('USING');
    using = parseNameList(cursor);
  }
  const { start } = left;
  const joined = {
    kind: 'join' as const,
    start,
    end: cursor.end,
    type: operator.type,
    natural: false,
    left,
    right,
    using,
  };
  return on === undefined ? joined : { ...joined, on };
}

/** Puts `left` before the first table of `right`. */
function crossJoin(left: TableFactor, right: TableFactor): Join {
  if (right.kind === 'join') return { ...right, start: left.start, left: crossJoin(left, right.left) };
  return { kind: 'join', start: left.start, end: right.end, type: 'inner', natural: false, left, right, using: [] };
}

function parseNaturalJoin(cursor: Cursor, left: TableFactor): Join {
  cursor.expect('NATURAL');
  const side = cursor.acceptOne('LEFT', 'RIGHT', 'INNER');
  if (side !== undefined && side !== 'INNER') cursor.accept('OUTER');
  cursor.expect('JOIN');
  const right = parseTableFactor(cursor);
  const type = side === 'LEFT' ? 'left' : side === 'RIGHT' ? 'right' : 'inner';
  return { kind: 'join', start: left.start, end: right.end, type, natural: true, left, right, using: [] };
}

function parseJoinOperator(cursor: Cursor): Operator | undefined {
  switch (cursor.symbol()) {
    case 'JOIN':
    case 'STRAIGHT_JOIN':
      cursor.advance();
      return { type: 'inner', conditional: false };
    case 'INNER':
    case 'CROSS':
      cursor.advance();
      cursor.expect('JOIN');
      return { type: 'inner', conditional: false };
    case 'LEFT':
    case 'RIGHT': {
      const type = cursor.is('LEFT') ? 'left' : 'right';
      cursor.advance();
      cursor.accept('OUTER');
      cursor.expect('JOIN');
      return { type, conditional: true };
    }
    default:
      return undefined;
  }
}

function parseTableFactor(cursor: Cursor): TableFactor {
  switch (cursor.symbol()) {
    case '(':
      return parseInParentheses(cursor);
    case 'LATERAL': {
      if (cursor.symbol(1) !== '(') break;
      const { start } = cursor;
      cursor.advance();
      cursor.expect('(');
      const query = parseQueryExpression(cursor);
      cursor.expect(')');
      return finishDerived(cursor, start, query, true);
    }
    case 'JSON_TABLE':
      if (cursor.symbol(1) === '(') return parseJsonTable(cursor);
      break;
    default:
  }
  return parseTableReference(cursor);
}

/** A derived table, or joins in parentheses; `((SELECT 1) UNION (SELECT 2)) AS d` is one derived table. */
function parseInParentheses(cursor: Cursor): TableFactor {
  const { start } = cursor;
  cursor.enter();
  cursor.expect('(');
  if (startsQuery(cursor)) {
    const query = parseQueryExpression(cursor);
    cursor.expect(')');
    cursor.leave();
    return finishDerived(cursor, start, query, false);
  }
  const tables = parseTableReferences(cursor);
  const only = tables.length === 1 ? tables[0] : undefined;
  if (only?.kind === 'derived' && isBareQuery(only) && (cursor.is(')') || continuesQuery(cursor))) {
    const query = parseQueryExpression(cursor, asQuery(only));
    cursor.expect(')');
    cursor.leave();
    return finishDerived(cursor, start, query, false);
  }
  cursor.expect(')');
  cursor.leave();
  return { kind: 'tables', start, end: cursor.end, tables };
}

function isBareQuery(table: DerivedTable): boolean {
  return !table.lateral && table.alias === undefined;
}

function finishDerived(cursor: Cursor, start: number, query: DerivedTable['query'], lateral: boolean): DerivedTable {
  const alias = parseTableAlias(cursor);
  const columns = alias !== undefined && cursor.is('(') ? parseNameList(cursor) : [];
  const derived = { kind: 'derived' as const, start, end: cursor.end, lateral, query, columns };
  return alias === undefined ? derived : { ...derived, alias };
}

/** `JSON_TABLE(expr, path COLUMNS (...)) [AS] alias`; the columns are not looked into. */
function parseJsonTable(cursor: Cursor): TableFunction {
  const { start } = cursor;
  cursor.expectAll('JSON_TABLE', '(');
  const args = [parseExpression(cursor)];
  cursor.expect(',');
  args.push(parseExpression(cursor));
  cursor.expect('COLUMNS');
  cursor.skipParentheses();
  cursor.expect(')');
  const alias = parseTableAlias(cursor);
  const call = { kind: 'function' as const, start, end: cursor.end, name: 'JSON_TABLE', args };
  return alias === undefined ? call : { ...call, alias };
}

/** `t [PARTITION (p)] [FOR SYSTEM_TIME ...] [[AS] alias] [index hints] [TABLESAMPLE ...]`. */
export function parseTableReference(cursor: Cursor): TableReference {
  const name = parseTableName(cursor);
  const partitions = parsePartitions(cursor);
  let special: Span | undefined = parseSystemTime(cursor);
  const alias = parseTableAlias(cursor);
  const indexHints = parseIndexHints(cursor);
  if (cursor.is('TABLESAMPLE') && special === undefined) {
    const { start } = cursor;
    cursor.skip(2);
    cursor.skipParentheses();
    special = { start, end: cursor.end };
  }
  return {
    kind: 'table',
    start: name.start,
    end: cursor.end,
    name,
    partitions,
    ...(alias === undefined ? {} : { alias }),
    ...(indexHints === undefined ? {} : { indexHints }),
    ...(special === undefined ? {} : { special }),
  };
}

/** `PARTITION (p0, p1)`; empty when none stands here. */
export function parsePartitions(cursor: Cursor): Identifier[] {
  if (!cursor.is('PARTITION') || cursor.symbol(1) !== '(') return [];
  cursor.advance();
  return parseNameList(cursor);
}

/** MariaDB: FOR SYSTEM_TIME {ALL | AS OF x | BETWEEN x AND y | FROM x TO y}. */
function parseSystemTime(cursor: Cursor): Span | undefined {
  if (!cursor.are('FOR', 'SYSTEM_TIME')) return undefined;
  const { start } = cursor;
  cursor.skip(2);
  if (cursor.accept('ALL')) return { start, end: cursor.end };
  if (cursor.acceptAll('AS', 'OF')) {
    parseMoment(cursor);
    return { start, end: cursor.end };
  }
  const between = cursor.accept('BETWEEN');
  if (!between) cursor.expect('FROM');
  parseMoment(cursor);
  cursor.expect(between ? 'AND' : 'TO');
  parseMoment(cursor);
  return { start, end: cursor.end };
}

/** A constant or a call: an operand with nothing that could be an alias or a hint after it. */
function parseMoment(cursor: Cursor): void {
  cursor.acceptOne('TRANSACTION');
  if (cursor.symbol(1) === '(') {
    cursor.advance();
    cursor.skipParentheses();
    return;
  }
  const kind = cursor.kind();
  if (cursor.is('(')) {
    cursor.skipParentheses();
    return;
  }
  if (
    kind === TokenKind.word &&
    cursor.kind(1) === TokenKind.string &&
    cursor.acceptOne('TIMESTAMP', 'DATE') !== undefined
  ) {
    cursor.advance();
    return;
  }
  if (kind === TokenKind.punctuation || kind === TokenKind.end) throw cursor.unexpected();
  cursor.advance();
  if (cursor.acceptOne('+', '-') !== undefined) throw cursor.problem('a calculation is not understood here');
}

/** `{USE | FORCE | IGNORE} {INDEX | KEY} [FOR ...] (a, b)`, any number of times. */
function parseIndexHints(cursor: Cursor): Span | undefined {
  const { start } = cursor;
  let found = false;
  while (
    (cursor.is('USE') || cursor.is('FORCE') || cursor.is('IGNORE')) &&
    (cursor.symbol(1) === 'INDEX' || cursor.symbol(1) === 'KEY')
  ) {
    found = true;
    cursor.skip(2);
    if (cursor.accept('FOR')) {
      if (cursor.acceptOne('ORDER', 'GROUP') !== undefined) cursor.expect('BY');
      else cursor.expect('JOIN');
    }
    cursor.expect('(');
    if (!cursor.is(')')) {
      do if (!cursor.accept('PRIMARY')) parseIdentifier(cursor);
      while (cursor.accept(','));
    }
    cursor.expect(')');
  }
  return found ? { start, end: cursor.end } : undefined;
}
