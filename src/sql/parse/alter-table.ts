/** ALTER TABLE: columns, keys and constraints that come, go or change their names; the rest is skipped. */
import type { Cursor } from './cursor.ts';
import { type DdlDraft, skipWait } from './ddl-draft.ts';
import { parseIdentifier, parseTableName, startsName } from './names.ts';
import { parseColumnDefinition, parseConstraint, parseElement, parseMergedTables } from './table-definition.ts';

/** Reads the comma-separated changes after the table's name. */
export function parseAlterTable(cursor: Cursor, statement: DdlDraft): void {
  skipWait(cursor);
  if (cursor.atEnd) return;
  do {
    parseChange(cursor, statement);
    skipRest(cursor, statement);
  } while (cursor.accept(','));
}

/** Tokens up to the `,` that ends a change. */
function skipRest(cursor: Cursor, statement: DdlDraft): void {
  while (!cursor.atEnd && !cursor.is(',')) {
    if (cursor.is('(')) cursor.skipParentheses();
    else if (cursor.is(')')) throw cursor.unexpected();
    else if (cursor.is('UNION') && (cursor.symbol(1) === '=' || cursor.symbol(1) === '('))
      parseMergedTables(cursor, statement);
    else cursor.advance();
  }
}

function parseChange(cursor: Cursor, statement: DdlDraft): void {
  switch (cursor.symbol()) {
    case 'ADD':
      cursor.advance();
      parseAdd(cursor, statement);
      return;
    case 'MODIFY':
      cursor.advance();
      cursor.accept('COLUMN');
      cursor.acceptAll('IF', 'EXISTS');
      statement.columns.push(parseColumnDefinition(cursor, statement));
      return;
    case 'CHANGE': {
      cursor.advance();
      cursor.accept('COLUMN');
      cursor.acceptAll('IF', 'EXISTS');
      const from = parseIdentifier(cursor);
      const column = parseColumnDefinition(cursor, statement);
      statement.columns.push(column);
      if (from.name.toLowerCase() !== column.name.name.toLowerCase()) {
        statement.renamedColumns.push({ from, to: column.name });
      }
      return;
    }
    case 'DROP':
      cursor.advance();
      parseDropPart(cursor, statement);
      return;
    case 'ALTER':
      cursor.advance();
      if (cursor.acceptOne('CHECK', 'CONSTRAINT') !== undefined)
        statement.constraintNames.push(parseIdentifier(cursor));
      return;
    case 'RENAME':
      cursor.advance();
      parseRenamePart(cursor, statement);
      return;
    case 'EXCHANGE':
      cursor.expectAll('EXCHANGE', 'PARTITION');
      parseIdentifier(cursor);
      cursor.expectAll('WITH', 'TABLE');
      statement.targets.push(parseTableName(cursor));
      return;
    case 'CONVERT':
      // MariaDB: CONVERT PARTITION p TO TABLE t, CONVERT TABLE t TO PARTITION p ...
      cursor.advance();
      if (cursor.accept('TABLE')) statement.targets.push(parseTableName(cursor));
      else if (cursor.accept('PARTITION')) {
        parseIdentifier(cursor);
        cursor.expectAll('TO', 'TABLE');
        statement.targets.push(parseTableName(cursor));
      }
      return;
    case 'ORDER':
      // ORDER BY a, b: the commas are its own.
      cursor.expectAll('ORDER', 'BY');
      while (!cursor.atEnd) cursor.advance();
      return;
    default:
  }
}

function parseAdd(cursor: Cursor, statement: DdlDraft): void {
  if (cursor.is('PARTITION') || cursor.are('SYSTEM', 'VERSIONING')) return;
  if (parseConstraint(cursor, statement)) return;
  cursor.accept('COLUMN');
  cursor.acceptAll('IF', 'NOT', 'EXISTS');
  if (!cursor.accept('(')) {
    statement.columns.push(parseColumnDefinition(cursor, statement));
    return;
  }
  do parseElement(cursor, statement);
  while (cursor.accept(','));
  cursor.expect(')');
}

function parseDropPart(cursor: Cursor, statement: DdlDraft): void {
  if (cursor.acceptAll('FOREIGN', 'KEY') || cursor.accept('CONSTRAINT') || cursor.accept('CHECK')) {
    cursor.acceptAll('IF', 'EXISTS');
    statement.constraintNames.push(parseIdentifier(cursor));
    return;
  }
  if (['PRIMARY', 'INDEX', 'KEY', 'PARTITION'].includes(cursor.symbol())) return;
  if (cursor.is('SYSTEM') && cursor.symbol(1) === 'VERSIONING') return;
  if (cursor.is('PERIOD') && cursor.symbol(1) === 'FOR') return;
  cursor.accept('COLUMN');
  cursor.acceptAll('IF', 'EXISTS');
  statement.droppedColumns.push(parseIdentifier(cursor));
}

/** RENAME COLUMN a TO b, RENAME INDEX a TO b, RENAME [TO | AS | =] t. */
function parseRenamePart(cursor: Cursor, statement: DdlDraft): void {
  if (cursor.is('INDEX') || cursor.is('KEY')) return;
  if (cursor.accept('COLUMN')) {
    cursor.acceptAll('IF', 'EXISTS');
    const from = parseIdentifier(cursor);
    cursor.expect('TO');
    statement.renamedColumns.push({ from, to: parseIdentifier(cursor) });
    return;
  }
  if (!startsName(cursor)) {
    if (cursor.acceptOne('TO', 'AS', '=') === undefined) throw cursor.unexpected();
  }
  const to = parseTableName(cursor);
  statement.renames.push({ from: statement.targets[0]!, to });
}
