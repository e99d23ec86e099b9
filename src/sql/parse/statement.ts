/** One statement of any kind, chosen by its first words. */
import type { Statement } from '../ast.ts';
import type { Cursor } from './cursor.ts';
import { parseInsert } from './insert.ts';
import { parseQueryExpression, parseWith } from './query.ts';
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
    default:
      throw cursor.unexpected();
  }
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
