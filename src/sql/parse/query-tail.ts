/** What ends a query: ORDER BY, LIMIT, locking, INTO. */
import type { Expression, Limit, LockClause, OrderItem, SelectBlock } from '../ast.ts';
import { TokenKind } from '../tokens.ts';
import type { Cursor } from './cursor.ts';
import { parseExpression } from './expression.ts';
import { parseLiteral } from './literal.ts';
import { parseIdentifier, parseTableNames, startsName } from './names.ts';
import { parsePrimary, parseUserVariableName } from './primary.ts';

/** `ORDER BY a, b DESC`. */
export function parseOrderBy(cursor: Cursor): OrderItem[] {
  cursor.expectAll('ORDER', 'BY');
  return parseOrderItems(cursor);
}

/** `a [ASC | DESC], ...` of ORDER BY and GROUP BY. */
export function parseOrderItems(cursor: Cursor): OrderItem[] {
  const items: OrderItem[] = [];
  do {
    const expression = parseExpression(cursor);
    const direction = cursor.acceptOne('ASC', 'DESC');
    items.push({ start: expression.start, end: cursor.end, expression, descending: direction === 'DESC' });
  } while (cursor.accept(','));
  return items;
}

/** LIMIT and FETCH in all forms. The span holds the keywords. */
export function parseLimit(cursor: Cursor): Limit {
  const { start } = cursor;
  if (cursor.accept('LIMIT')) return parseLimitOperands(cursor, start);
  let offset: Expression | undefined;
  if (cursor.accept('OFFSET')) {
    offset = parseLimitNumber(cursor);
    if (cursor.acceptOne('ROW', 'ROWS') === undefined) throw cursor.unexpected();
    if (!cursor.is('FETCH')) return makeLimit(cursor, start, undefined, offset);
  }
  cursor.expect('FETCH');
  if (cursor.acceptOne('FIRST', 'NEXT') === undefined) throw cursor.unexpected();
  // FETCH FIRST ROW ONLY means one row; there is no literal to point at, so it stays special.
  if (cursor.is('ROW') || cursor.is('ROWS')) throw cursor.problem('FETCH without a number of rows is not understood');
  const count = parseLimitNumber(cursor);
  if (cursor.acceptOne('ROW', 'ROWS') === undefined) throw cursor.unexpected();
  if (cursor.accept('ONLY')) return makeLimit(cursor, start, count, offset);
  cursor.expectAll('WITH', 'TIES');
  return makeLimit(cursor, start, count, offset, 'with ties');
}

function parseLimitOperands(cursor: Cursor, start: number): Limit {
  if (cursor.accept('ROWS')) {
    cursor.expect('EXAMINED');
    parseLimitNumber(cursor);
    return makeLimit(cursor, start, undefined, undefined, 'rows examined');
  }
  let count = parseLimitNumber(cursor);
  let offset: Expression | undefined;
  if (cursor.accept(',')) {
    offset = count;
    count = parseLimitNumber(cursor);
  } else if (cursor.accept('OFFSET')) {
    offset = parseLimitNumber(cursor);
  }
  if (!cursor.acceptAll('ROWS', 'EXAMINED')) return makeLimit(cursor, start, count, offset);
  parseLimitNumber(cursor);
  return makeLimit(cursor, start, count, offset, 'rows examined');
}

function makeLimit(
  cursor: Cursor,
  start: number,
  count?: Expression,
  offset?: Expression,
  special?: Limit['special'],
): Limit {
  return {
    start,
    end: cursor.end,
    ...(count === undefined ? {} : { count }),
    ...(offset === undefined ? {} : { offset }),
    ...(special === undefined ? {} : { special }),
  };
}

/** An integer, a parameter or, in programs, a variable's name. */
function parseLimitNumber(cursor: Cursor): Expression {
  const kind = cursor.kind();
  if (kind === TokenKind.parameter) return parsePrimary(cursor);
  if (kind === TokenKind.integer || kind === TokenKind.hex || kind === TokenKind.bit) {
    const literal = parseLiteral(cursor);
    if (literal !== undefined) return literal;
  }
  if (!startsName(cursor)) throw cursor.unexpected();
  const column = parseIdentifier(cursor);
  return { kind: 'column', start: column.start, end: column.end, column };
}

/** Whether a LIMIT, OFFSET or FETCH clause begins here. */
export function startsLimit(cursor: Cursor): boolean {
  if (cursor.is('LIMIT')) return true;
  if (cursor.is('FETCH')) return cursor.symbol(1) === 'FIRST' || cursor.symbol(1) === 'NEXT';
  return cursor.is('OFFSET') && cursor.mode.mariadb;
}

/** FOR UPDATE, FOR SHARE, LOCK IN SHARE MODE, any number of times; undefined when none stands here. */
export function parseLocks(cursor: Cursor): LockClause | undefined {
  const { start } = cursor;
  let mode: LockClause['mode'] | undefined;
  for (;;) {
    if (cursor.are('FOR', 'UPDATE')) {
      cursor.skip(2);
      mode = 'update';
    } else if (cursor.are('FOR', 'SHARE')) {
      cursor.skip(2);
      mode ??= 'share';
    } else if (cursor.are('LOCK', 'IN')) {
      cursor.skip(2);
      cursor.expectAll('SHARE', 'MODE');
      mode ??= 'share';
    } else {
      break;
    }
    if (cursor.accept('OF')) parseTableNames(cursor);
    if (cursor.acceptAll('SKIP', 'LOCKED') || cursor.accept('NOWAIT')) continue;
    if (cursor.accept('WAIT') && parseLiteral(cursor) === undefined) throw cursor.unexpected();
  }
  return mode === undefined ? undefined : { mode, span: { start, end: cursor.end } };
}

/** INTO OUTFILE '...' options, INTO DUMPFILE '...', INTO @a, b. */
export function parseInto(cursor: Cursor): NonNullable<SelectBlock['into']> {
  const { start } = cursor;
  cursor.expect('INTO');
  const file = cursor.acceptOne('OUTFILE', 'DUMPFILE');
  if (file !== undefined) {
    if (cursor.kind() !== TokenKind.string) throw cursor.unexpected();
    cursor.advance();
    if (file === 'OUTFILE') skipExportOptions(cursor);
    return { kind: 'file', span: { start, end: cursor.end }, variables: [] };
  }
  const variables: string[] = [];
  do {
    const user = cursor.kind() === TokenKind.userVariable;
    variables.push(user ? parseUserVariableName(cursor).name : parseIdentifier(cursor).name);
  } while (cursor.accept(','));
  return { kind: 'variables', span: { start, end: cursor.end }, variables };
}

/** CHARACTER SET x, FIELDS ..., LINES ...: as in LOAD DATA. */
export function skipExportOptions(cursor: Cursor): void {
  if (cursor.acceptAll('CHARACTER', 'SET') || cursor.accept('CHARSET')) cursor.advance();
  if (cursor.acceptOne('FIELDS', 'COLUMNS') !== undefined) {
    for (;;) {
      if (cursor.accept('OPTIONALLY')) cursor.expect('ENCLOSED');
      else if (cursor.acceptOne('TERMINATED', 'ENCLOSED', 'ESCAPED') === undefined) break;
      cursor.expect('BY');
      if (parseLiteral(cursor) === undefined) throw cursor.unexpected();
    }
  }
  if (!cursor.accept('LINES')) return;
  while (cursor.acceptOne('STARTING', 'TERMINATED') !== undefined) {
    cursor.expect('BY');
    if (parseLiteral(cursor) === undefined) throw cursor.unexpected();
  }
}
