/** UPDATE and DELETE, of one table and of several. */
import type { DeleteStatement, TableName, UpdateStatement } from '../ast.ts';
import type { Cursor, Draft } from './cursor.ts';
import { parseExpression } from './expression.ts';
import { parseAssignments } from './insert.ts';
import { parseIdentifier, parseTableName } from './names.ts';
import type { parseWith } from './query.ts';
import { parseLimit, parseOrderBy, startsLimit } from './query-tail.ts';
import { parseSelectItems } from './select.ts';
import { parseTableReference, parseTableReferences } from './table-factor.ts';

type With = ReturnType<typeof parseWith>;

/** Reads from UPDATE on; `start` is where the statement (its WITH) began. */
export function parseUpdate(cursor: Cursor, start: number, tables: With): UpdateStatement {
  cursor.expect('UPDATE');
  cursor.accept('LOW_PRIORITY');
  const ignore = cursor.accept('IGNORE');
  const statement: Draft<UpdateStatement> = {
    kind: 'update',
    start,
    end: start,
    ...tables,
    ignore,
    tables: parseTableReferences(cursor),
    assignments: [],
    orderBy: [],
  };
  cursor.expect('SET');
  statement.assignments = parseAssignments(cursor);
  parseWhereToLimit(cursor, statement);
  if (cursor.is('RETURNING')) {
    const { start: from } = cursor;
    cursor.advance();
    parseSelectItems(cursor);
    statement.returning = { start: from, end: cursor.end };
  }
  statement.end = cursor.end;
  return statement;
}

function parseWhereToLimit(cursor: Cursor, statement: Draft<UpdateStatement> | Draft<DeleteStatement>): void {
  if (cursor.accept('WHERE')) statement.where = parseExpression(cursor);
  if (cursor.is('ORDER')) statement.orderBy = parseOrderBy(cursor);
  if (startsLimit(cursor)) statement.limit = parseLimit(cursor);
}

/** Reads from DELETE on; `start` is where the statement (its WITH) began. */
export function parseDelete(cursor: Cursor, start: number, tables: With): DeleteStatement {
  cursor.expect('DELETE');
  while (cursor.is('LOW_PRIORITY') || cursor.is('QUICK')) cursor.advance();
  const ignore = cursor.accept('IGNORE');
  // DELETE HISTORY removes old row versions (MariaDB), another thing altogether.
  if (cursor.is('HISTORY') && cursor.symbol(1) === 'FROM') throw cursor.unexpected();
  const statement: Draft<DeleteStatement> = {
    kind: 'delete',
    start,
    end: start,
    ...tables,
    ignore,
    targets: [],
    tables: [],
    orderBy: [],
  };
  if (cursor.accept('FROM')) {
    parseFromForm(cursor, statement);
  } else {
    statement.targets = parseTargets(cursor);
    cursor.expect('FROM');
    statement.tables = parseTableReferences(cursor);
  }
  parseWhereToLimit(cursor, statement);
  const returningStart = cursor.start;
  if (cursor.accept('RETURNING')) {
    const items = parseSelectItems(cursor);
    statement.returning = { items, span: { start: returningStart, end: cursor.end } };
  }
  statement.end = cursor.end;
  return statement;
}

/** `FROM t [alias]` of one table, or `FROM t1, t2 USING ...`. */
function parseFromForm(cursor: Cursor, statement: Draft<DeleteStatement>): void {
  if (!isMultiTable(cursor)) {
    statement.tables = [parseTableReference(cursor)];
    return;
  }
  statement.targets = parseTargets(cursor);
  cursor.expect('USING');
  statement.tables = parseTableReferences(cursor);
}

/** Whether after a name (and `.*`) comes `,` or USING. */
function isMultiTable(cursor: Cursor): boolean {
  let ahead = 1;
  if (cursor.symbol(1) === '.') ahead = 3;
  if (cursor.symbol(ahead) === '.' && cursor.symbol(ahead + 1) === '*') ahead += 2;
  const next = cursor.symbol(ahead);
  return next === ',' || next === 'USING';
}

/** `t1, db.t2.*, ...`: the names without `.*`. */
function parseTargets(cursor: Cursor): TableName[] {
  const targets: TableName[] = [];
  do {
    targets.push(parseTarget(cursor));
  } while (cursor.accept(','));
  return targets;
}

function parseTarget(cursor: Cursor): TableName {
  if (cursor.symbol(1) === '.' && cursor.symbol(2) === '*') {
    const table = parseIdentifier(cursor);
    cursor.skip(2);
    return { start: table.start, end: table.end, table };
  }
  const name = parseTableName(cursor);
  cursor.acceptAll('.', '*');
  return name;
}
