/** INSERT and REPLACE in all forms. */
import type { ColumnAssignment, InsertRow, InsertStatement } from '../ast.ts';
import type { Cursor, Draft } from './cursor.ts';
import { parseIdentifier, parseNameList, parseTableName } from './names.ts';
import { parseColumnInput, parseColumnRef } from './primary.ts';
import { parseQueryExpression, startsQuery } from './query.ts';
import { parseSelectItems } from './select.ts';
import { parsePartitions } from './table-factor.ts';

/** Reads from INSERT or REPLACE on. */
export function parseInsert(cursor: Cursor): InsertStatement {
  const { start } = cursor;
  const replace = cursor.accept('REPLACE');
  if (!replace) cursor.expect('INSERT');
  const priority = cursor.acceptOne('LOW_PRIORITY', 'DELAYED', 'HIGH_PRIORITY') as InsertStatement['priority'];
  const ignore = !replace && cursor.accept('IGNORE');
  cursor.accept('INTO');
  const table = parseTableName(cursor);
  const partitions = parsePartitions(cursor);
  const columnsAt = cursor.end;
  const statement: Draft<InsertStatement> = {
    kind: 'insert',
    start,
    end: columnsAt,
    replace,
    ignore,
    table,
    partitions,
    columns: [],
    columnsAt,
    source: { kind: 'values', rows: [], span: { start: columnsAt, end: columnsAt }, rowsSlot: -1 },
    onDuplicate: [],
  };
  if (priority !== undefined) statement.priority = priority;
  if (cursor.is('(') && !startsQueryInParentheses(cursor)) {
    const inside = cursor.tokens.ends[cursor.at]!;
    statement.columns = parseNameList(cursor, true);
    statement.columnsSpan = { start: inside, end: cursor.end - 1 };
  }
  statement.source = parseSource(cursor, statement);
  parseRowAlias(cursor, statement);
  parseOnDuplicate(cursor, statement);
  const returningStart = cursor.start;
  if (cursor.accept('RETURNING')) {
    const items = parseSelectItems(cursor);
    statement.returning = { items, span: { start: returningStart, end: cursor.end } };
  }
  statement.end = cursor.end;
  return statement;
}

/** `(SELECT`, `((SELECT`, `(WITH` ...: no column list begins so. */
function startsQueryInParentheses(cursor: Cursor): boolean {
  const next = cursor.symbol(1);
  return next === '(' || next === 'SELECT' || next === 'WITH' || next === 'TABLE' || next === 'VALUES';
}

function parseSource(cursor: Cursor, statement: Draft<InsertStatement>): InsertStatement['source'] {
  if (cursor.is('VALUE') || (cursor.is('VALUES') && cursor.symbol(1) !== 'ROW')) {
    cursor.advance();
    return parseRows(cursor);
  }
  if (cursor.is('SET') && statement.columnsSpan === undefined) {
    cursor.advance();
    const from = cursor.start;
    const assignments = parseAssignments(cursor);
    return { kind: 'set', assignments, span: { start: from, end: cursor.end } };
  }
  if (startsQuery(cursor) || cursor.is('(')) return { kind: 'query', query: parseQueryExpression(cursor) };
  throw cursor.unexpected();
}

function parseRows(cursor: Cursor): InsertStatement['source'] {
  const first = cursor.at;
  const { start } = cursor;
  const rows: InsertRow[] = [];
  do {
    const from = cursor.start;
    cursor.expect('(');
    const values = [];
    if (!cursor.is(')')) {
      do values.push(parseColumnInput(cursor));
      while (cursor.accept(','));
    }
    cursor.expect(')');
    rows.push({ start: from, end: cursor.end, values });
  } while (cursor.accept(','));
  const rowsSlot = cursor.slots?.rowsAt(first) ?? -1;
  return { kind: 'values', rows, span: { start, end: cursor.end }, rowsSlot };
}

/** `AS new` or `AS new(a, b)` after the rows. */
function parseRowAlias(cursor: Cursor, statement: Draft<InsertStatement>): void {
  if (statement.source.kind === 'query' || !cursor.accept('AS')) return;
  statement.rowAlias = parseIdentifier(cursor);
  if (cursor.is('(')) statement.rowAliasColumns = parseNameList(cursor);
}

function parseOnDuplicate(cursor: Cursor, statement: Draft<InsertStatement>): void {
  if (!cursor.is('ON')) return;
  const { start } = cursor;
  cursor.expectAll('ON', 'DUPLICATE', 'KEY', 'UPDATE');
  statement.onDuplicate = parseAssignments(cursor);
  statement.onDuplicateSpan = { start, end: cursor.end };
}

/** `a = 1, t.b = DEFAULT, ...`; `:=` is the same here. */
export function parseAssignments(cursor: Cursor): ColumnAssignment[] {
  const assignments: ColumnAssignment[] = [];
  do {
    const column = parseColumnRef(cursor);
    if (!cursor.accept(':=')) cursor.expect('=');
    const value = parseColumnInput(cursor);
    assignments.push({ start: column.start, end: value.end, column, value });
  } while (cursor.accept(','));
  return assignments;
}
