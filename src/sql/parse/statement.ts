/** One statement of any kind, chosen by its first words. */
import type { Statement } from '../ast.ts';
import type { Cursor } from './cursor.ts';
import { parseDdl } from './ddl.ts';
import { parseAnalyzeStatement, parseExplain } from './explain.ts';
import { parseInsert } from './insert.ts';
import { parseLoadData } from './load.ts';
import { parseIdentifier } from './names.ts';
import { parseOther } from './other.ts';
import { startsCompound } from './program.ts';
import { parseQueryExpression, parseWith } from './query.ts';
import { parseSet } from './set.ts';
import { parseShow } from './show.ts';
import { parseTransaction } from './transaction.ts';
import { parseDelete, parseUpdate } from './update-delete.ts';

/** Reads a statement; the caller checks that it ends where it should. */
export function parseStatement(cursor: Cursor): Statement {
  const { start } = cursor;
  if (cursor.atEnd) return { kind: 'empty', start, end: start };
  switch (cursor.symbol()) {
    case 'SELECT':
    case 'VALUES':
    case 'TABLE':
    case '(':
      return parseQueryStatement(cursor);
    case 'WITH':
      return parseWithStatement(cursor);
    case 'INSERT':
    case 'REPLACE':
      return parseInsert(cursor);
    case 'UPDATE':
      return parseUpdate(cursor, start, { with: [], recursive: false });
    case 'DELETE':
      return parseDelete(cursor, start, { with: [], recursive: false });
    case 'SET':
      return parseSet(cursor, parseStatement);
    case 'SHOW':
      return parseShow(cursor);
    case 'EXPLAIN':
    case 'DESCRIBE':
    case 'DESC':
      return parseExplain(cursor, parseStatement);
    case 'ANALYZE':
      return parseAnalyzeStatement(cursor, parseStatement) ?? parseRest(cursor);
    case 'LOAD':
      return cursor.symbol(1) === 'DATA' ? parseLoadData(cursor) : parseRest(cursor);
    default:
      return parseRest(cursor);
  }
}

function parseRest(cursor: Cursor): Statement {
  if (cursor.is('BEGIN') && startsCompound(cursor)) return parseOther(cursor) ?? fail(cursor);
  if (cursor.are('DROP', 'PREPARE')) return parseDropPrepare(cursor);
  return parseTransaction(cursor) ?? parseDdl(cursor) ?? parseOther(cursor) ?? fail(cursor);
}

function fail(cursor: Cursor): never {
  throw cursor.unexpected();
}

/** Another spelling of DEALLOCATE PREPARE. */
function parseDropPrepare(cursor: Cursor): Statement {
  const { start } = cursor;
  cursor.skip(2);
  const name = parseIdentifier(cursor);
  return { kind: 'other', start, end: cursor.end, verb: 'DEALLOCATE', tables: [], name, expressions: [] };
}

function parseQueryStatement(cursor: Cursor): Statement {
  const query = parseQueryExpression(cursor);
  return { kind: 'query', start: query.start, end: query.end, query };
}

/** WITH before SELECT, UPDATE or DELETE. */
function parseWithStatement(cursor: Cursor): Statement {
  const { start } = cursor;
  const verb = verbAfterWith(cursor);
  if (verb === 'UPDATE') return parseUpdate(cursor, start, parseWith(cursor));
  if (verb === 'DELETE') return parseDelete(cursor, start, parseWith(cursor));
  return parseQueryStatement(cursor);
}

/** The first word after WITH that stands outside parentheses and begins a statement. */
function verbAfterWith(cursor: Cursor): string {
  let depth = 0;
  for (let index = cursor.at; ; index++) {
    const symbol = cursor.symbolAt(index);
    if (symbol === '(') depth++;
    else if (symbol === ')') depth--;
    else if (symbol === ';' || index >= cursor.tokens.count) return '';
    else if (depth === 0 && (symbol === 'SELECT' || symbol === 'UPDATE' || symbol === 'DELETE')) return symbol;
  }
}
