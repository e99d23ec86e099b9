/** GET DIAGNOSTICS: which facts about the last statement go into which user variables. */
import type { DiagnosticsStatement } from '../ast.ts';
import { TokenKind } from '../tokens.ts';
import type { Cursor, Draft } from './cursor.ts';
import { parseLiteral } from './literal.ts';
import { parseUserVariableName } from './primary.ts';

const statementItems: ReadonlySet<string> = new Set(['NUMBER', 'ROW_COUNT']);
const conditionItems: ReadonlySet<string> = new Set([
  'CLASS_ORIGIN',
  'SUBCLASS_ORIGIN',
  'CONSTRAINT_CATALOG',
  'CONSTRAINT_SCHEMA',
  'CONSTRAINT_NAME',
  'CATALOG_NAME',
  'SCHEMA_NAME',
  'TABLE_NAME',
  'COLUMN_NAME',
  'CURSOR_NAME',
  'MESSAGE_TEXT',
  'MYSQL_ERRNO',
  'RETURNED_SQLSTATE',
  'ROW_NUMBER',
]);

/** STACKED diagnostics exist inside of handlers of stored programs only: not understood here. */
export function parseDiagnostics(cursor: Cursor): DiagnosticsStatement {
  const { start } = cursor;
  cursor.expect('GET');
  cursor.accept('CURRENT');
  cursor.expect('DIAGNOSTICS');
  const statement: Draft<DiagnosticsStatement> = { kind: 'diagnostics', start, end: start, items: [] };
  let known = statementItems;
  if (cursor.accept('CONDITION')) {
    known = conditionItems;
    const number = cursor.kind() === TokenKind.userVariable ? parseUserVariableName(cursor) : parseLiteral(cursor);
    if (number === undefined) throw cursor.unexpected();
    statement.condition = number;
  }
  const items: { variable: DiagnosticsStatement['items'][number]['variable']; item: string }[] = [];
  do {
    const variable = parseUserVariableName(cursor);
    cursor.expect('=');
    const item = cursor.tokenText(cursor.at).toUpperCase();
    if (!known.has(item)) throw cursor.unexpected();
    cursor.advance();
    items.push({ variable, item });
  } while (cursor.accept(','));
  return { ...statement, items, end: cursor.end };
}
