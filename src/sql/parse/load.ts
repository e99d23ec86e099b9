/** LOAD DATA [LOCAL] INFILE, with its formats, column list and assignments. */
import type { Identifier, Literal, LoadStatement } from '../ast.ts';
import { TokenKind } from '../tokens.ts';
import type { Cursor, Draft } from './cursor.ts';
import { parseAssignments } from './insert.ts';
import { parseLiteral } from './literal.ts';
import { parseIdentifier, parseTableName } from './names.ts';
import { parseUserVariableName } from './primary.ts';
import { parsePartitions } from './table-factor.ts';

/** Reads from LOAD on; the caller has seen LOAD DATA. */
export function parseLoadData(cursor: Cursor): LoadStatement {
  const { start } = cursor;
  cursor.expectAll('LOAD', 'DATA');
  cursor.acceptOne('LOW_PRIORITY', 'CONCURRENT');
  const local = cursor.accept('LOCAL');
  cursor.expect('INFILE');
  if (cursor.kind() !== TokenKind.string) throw cursor.unexpected();
  const file = literal(cursor);
  const replace = cursor.acceptOne('REPLACE', 'IGNORE') === 'REPLACE';
  cursor.expectAll('INTO', 'TABLE');
  const table = parseTableName(cursor);
  const statement: Draft<LoadStatement> = {
    kind: 'load',
    start,
    end: cursor.end,
    local,
    file,
    replace,
    table,
    partitions: parsePartitions(cursor),
    columns: [],
    columnsAt: 0,
    into: { kind: 'variables', start, end: start, variables: [] },
    assignments: [],
  };
  parseFormat(cursor, statement);
  parseSkip(cursor, statement);
  statement.columnsAt = cursor.end;
  if (cursor.is('(')) parseColumns(cursor, statement);
  if (cursor.accept('SET')) statement.assignments = parseAssignments(cursor);
  statement.end = cursor.end;
  return statement;
}

function literal(cursor: Cursor): Literal {
  const found = parseLiteral(cursor);
  if (found === undefined) throw cursor.unexpected();
  return found;
}

function parseFormat(cursor: Cursor, statement: Draft<LoadStatement>): void {
  if (cursor.acceptAll('CHARACTER', 'SET') || cursor.accept('CHARSET')) {
    const at = cursor.at;
    cursor.advance();
    statement.charset = cursor
      .tokenText(at)
      .replace(/^['"]|['"]$/g, '')
      .toLowerCase();
  }
  if (cursor.acceptOne('FIELDS', 'COLUMNS') !== undefined) {
    for (;;) {
      const optionally = cursor.accept('OPTIONALLY');
      const what = optionally ? undefined : cursor.acceptOne('TERMINATED', 'ESCAPED');
      if (what === undefined && !cursor.accept('ENCLOSED')) {
        if (optionally) throw cursor.unexpected();
        break;
      }
      cursor.expect('BY');
      const value = literal(cursor);
      if (what === 'TERMINATED') statement.fieldsTerminated = value;
      else if (what === 'ESCAPED') statement.fieldsEscaped = value;
      else statement.fieldsEnclosed = value;
    }
  }
  if (!cursor.accept('LINES')) return;
  for (;;) {
    const what = cursor.acceptOne('STARTING', 'TERMINATED');
    if (what === undefined) return;
    cursor.expect('BY');
    if (what === 'STARTING') statement.linesStarting = literal(cursor);
    else statement.linesTerminated = literal(cursor);
  }
}

function parseSkip(cursor: Cursor, statement: Draft<LoadStatement>): void {
  const { start } = cursor;
  if (!cursor.accept('IGNORE')) return;
  if (cursor.kind() !== TokenKind.integer) throw cursor.unexpected();
  const count = literal(cursor);
  if (cursor.acceptOne('LINES', 'ROWS') === undefined) throw cursor.unexpected();
  statement.skip = { count, start, end: cursor.end };
}

function parseColumns(cursor: Cursor, statement: Draft<LoadStatement>): void {
  const from = cursor.tokens.ends[cursor.at]!;
  const columns: (Identifier | undefined)[] = [];
  const variables: string[] = [];
  cursor.expect('(');
  if (!cursor.is(')')) {
    do {
      if (cursor.kind() === TokenKind.userVariable) {
        variables.push(parseUserVariableName(cursor).name);
        columns.push(undefined);
      } else columns.push(parseIdentifier(cursor));
    } while (cursor.accept(','));
  }
  cursor.expect(')');
  statement.columns = columns;
  statement.columnsSpan = { start: from, end: cursor.end - 1 };
  statement.into = { kind: 'variables', start: from, end: cursor.end - 1, variables };
}
