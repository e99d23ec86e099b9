/** EXPLAIN, DESCRIBE, DESC and MariaDB's ANALYZE of a statement. */
import type { Statement } from '../ast.ts';
import { TokenKind } from '../tokens.ts';
import type { Cursor } from './cursor.ts';
import { parseExpression } from './expression.ts';
import { parseLiteral } from './literal.ts';
import { parseAnyIdentifier, parseTableName, parseWordOrString } from './names.ts';

const explainable: ReadonlySet<string> = new Set('SELECT INSERT REPLACE UPDATE DELETE WITH TABLE VALUES ('.split(' '));

/** Reads from EXPLAIN, DESCRIBE or DESC on; `inner` reads the explained statement. */
export function parseExplain(cursor: Cursor, inner: (cursor: Cursor) => Statement): Statement {
  const { start } = cursor;
  cursor.advance();
  if (!startsOptions(cursor) && !explainable.has(cursor.symbol())) return parseDescribe(cursor, start);
  let format = '';
  let analyze = false;
  for (;;) {
    if (cursor.is('ANALYZE') && !analyze) {
      cursor.advance();
      analyze = true;
    } else if (cursor.is('FORMAT') && format === '') {
      format = parseFormat(cursor);
    } else if (cursor.is('EXTENDED') || cursor.is('PARTITIONS')) {
      cursor.advance();
    } else {
      break;
    }
  }
  if (cursor.acceptAll('FOR', 'CONNECTION')) {
    const connection = parseExpression(cursor);
    return { kind: 'explain', start, end: cursor.end, format, analyze, connection };
  }
  return finish(cursor, start, format, analyze, inner);
}

/** MariaDB: ANALYZE [FORMAT = JSON] statement. Undefined when this is ANALYZE TABLE or another ANALYZE. */
export function parseAnalyzeStatement(cursor: Cursor, inner: (cursor: Cursor) => Statement): Statement | undefined {
  const next = cursor.symbol(1);
  const formatted = next === 'FORMAT' && cursor.symbol(2) === '=';
  if (!formatted && (next === 'TABLE' || !explainable.has(next))) return undefined;
  const { start } = cursor;
  cursor.advance();
  const format = formatted ? parseFormat(cursor) : '';
  return finish(cursor, start, format, true, inner);
}

function finish(
  cursor: Cursor,
  start: number,
  format: string,
  analyze: boolean,
  inner: (cursor: Cursor) => Statement,
): Statement {
  // The mesh explains whatever it can route.
  if (!explainable.has(cursor.symbol()) && (format !== 'MESH' || cursor.atEnd)) throw cursor.unexpected();
  cursor.enter();
  const statement = inner(cursor);
  cursor.leave();
  return { kind: 'explain', start, end: cursor.end, format, analyze, statement };
}

function startsOptions(cursor: Cursor): boolean {
  if (cursor.is('FORMAT')) return cursor.symbol(1) === '=';
  if (cursor.is('FOR')) return cursor.symbol(1) === 'CONNECTION';
  if (cursor.is('ANALYZE')) return true;
  return (cursor.is('EXTENDED') || cursor.is('PARTITIONS')) && explainable.has(cursor.symbol(1));
}

function parseFormat(cursor: Cursor): string {
  cursor.expectAll('FORMAT', '=');
  return parseWordOrString(cursor).name.toUpperCase();
}

/** `DESC t [column | 'pattern']`. */
function parseDescribe(cursor: Cursor, start: number): Statement {
  const table = parseTableName(cursor);
  if (cursor.atEnd) return { kind: 'describe', start, end: cursor.end, table };
  const column = cursor.kind() === TokenKind.string ? parseLiteral(cursor) : parseAnyIdentifier(cursor);
  if (column === undefined) throw cursor.unexpected();
  return { kind: 'describe', start, end: cursor.end, table, column };
}
