/** Headers of stored programs, up to the body, whose end is then found. */
import { TokenKind } from '../tokens.ts';
import type { Cursor } from './cursor.ts';
import type { DdlDraft } from './ddl-draft.ts';
import { parseTableName } from './names.ts';
import { skipProgramStatement } from './program.ts';

/** Consumes what follows the program's name. Fails where the end is not certain. */
export function skipRoutine(cursor: Cursor, statement: DdlDraft): void {
  const create = statement.verb === 'CREATE';
  switch (statement.object) {
    case 'PROCEDURE':
    case 'FUNCTION':
      if (create) skipRoutineHead(cursor);
      else cursor.skipToEnd();
      return;
    case 'TRIGGER':
      if (!create) throw cursor.unexpected();
      skipTriggerHead(cursor, statement);
      skipProgramStatement(cursor);
      return;
    case 'EVENT':
      skipTo(cursor, 'DO');
      if (cursor.accept('DO')) skipProgramStatement(cursor);
      else if (create) throw cursor.unexpected('DO');
      return;
    default:
      // Packages need sql_mode=ORACLE, whose programs are written differently.
      throw cursor.problem('the end of a package is not certain');
  }
}

/** Tokens up to a word outside parentheses, or to the end. */
function skipTo(cursor: Cursor, word: string): void {
  while (!cursor.atEnd && !cursor.is(word)) {
    if (cursor.is('(')) cursor.skipParentheses();
    else cursor.advance();
  }
}

/** Parameters, RETURNS type, characteristics, body. */
function skipRoutineHead(cursor: Cursor): void {
  if (cursor.is('(')) cursor.skipParentheses();
  if (cursor.accept('RETURNS')) {
    skipType(cursor);
    // A loadable function has no body.
    if (cursor.accept('SONAME')) {
      if (cursor.kind() !== TokenKind.string) throw cursor.unexpected();
      cursor.advance();
      return;
    }
  }
  while (skipCharacteristic(cursor)) {
    // Each call consumes one.
  }
  skipProgramStatement(cursor);
}

const typeWords: ReadonlySet<string> = new Set(
  'UNSIGNED SIGNED ZEROFILL BINARY ASCII UNICODE BYTE PRECISION VARYING VARCHAR VARCHARACTER CHAR CHARACTER TEXT'.split(
    ' ',
  ),
);

function skipType(cursor: Cursor): void {
  if (cursor.kind() !== TokenKind.word) throw cursor.unexpected();
  cursor.advance();
  for (;;) {
    if (cursor.is('(')) cursor.skipParentheses();
    else if (cursor.acceptAll('CHARACTER', 'SET') || cursor.accept('CHARSET') || cursor.accept('COLLATE'))
      cursor.advance();
    else if (typeWords.has(cursor.symbol())) cursor.advance();
    else return;
  }
}

function skipCharacteristic(cursor: Cursor): boolean {
  switch (cursor.symbol()) {
    case 'COMMENT':
      cursor.advance();
      if (cursor.kind() !== TokenKind.string) throw cursor.unexpected();
      cursor.advance();
      return true;
    case 'LANGUAGE':
      cursor.advance();
      // Other languages quote their bodies in ways of their own.
      cursor.expect('SQL');
      return true;
    case 'NOT':
      cursor.expectAll('NOT', 'DETERMINISTIC');
      return true;
    case 'DETERMINISTIC':
      cursor.advance();
      return true;
    case 'CONTAINS':
      cursor.expectAll('CONTAINS', 'SQL');
      return true;
    case 'NO':
      cursor.expectAll('NO', 'SQL');
      return true;
    case 'READS':
    case 'MODIFIES':
      cursor.advance();
      cursor.expectAll('SQL', 'DATA');
      return true;
    case 'SQL':
      cursor.expectAll('SQL', 'SECURITY');
      if (cursor.acceptOne('DEFINER', 'INVOKER') === undefined) throw cursor.unexpected();
      return true;
    default:
      return false;
  }
}

/** `{BEFORE | AFTER} event [OR event] ON t FOR EACH ROW [{FOLLOWS | PRECEDES} other]`. */
function skipTriggerHead(cursor: Cursor, statement: DdlDraft): void {
  if (cursor.acceptOne('BEFORE', 'AFTER') === undefined) throw cursor.unexpected();
  do {
    if (cursor.acceptOne('INSERT', 'UPDATE', 'DELETE') === undefined) throw cursor.unexpected();
  } while (cursor.accept('OR'));
  cursor.expect('ON');
  statement.references.push(parseTableName(cursor));
  cursor.expectAll('FOR', 'EACH', 'ROW');
  if (cursor.acceptOne('FOLLOWS', 'PRECEDES') !== undefined) parseTableName(cursor);
}
