/** Finds the end of stored program bodies and compound statements, where `;` ends no statement of the client. */
import { TokenKind } from '../tokens.ts';
import type { Cursor } from './cursor.ts';

/** First words of statements that hold statements. */
const blocks: ReadonlySet<string> = new Set(['BEGIN', 'IF', 'CASE', 'LOOP', 'WHILE', 'REPEAT', 'FOR']);

/** Words that end a list of statements; no statement begins with them. */
const terminators: ReadonlySet<string> = new Set([
  'END',
  'ELSE',
  'ELSEIF',
  'ELSIF',
  'UNTIL',
  'WHEN',
  'THEN',
  'EXCEPTION',
]);

/** Whether a compound statement begins here; at the top level BEGIN does so only as BEGIN NOT ATOMIC. */
export function startsCompound(cursor: Cursor): boolean {
  const ahead = isLabel(cursor) ? 2 : 0;
  const symbol = cursor.symbol(ahead);
  if (symbol === 'BEGIN') return ahead > 0 || (cursor.symbol(1) === 'NOT' && cursor.symbol(2) === 'ATOMIC');
  return blocks.has(symbol);
}

function isLabel(cursor: Cursor): boolean {
  const kind = cursor.kind();
  return (kind === TokenKind.word || kind === TokenKind.quotedName) && cursor.symbol(1) === ':';
}

/** Consumes one statement of a program, up to but without its `;`. Fails where the end is not certain. */
export function skipProgramStatement(cursor: Cursor): void {
  cursor.enter();
  if (isLabel(cursor)) {
    cursor.skip(2);
    if (!blocks.has(cursor.symbol())) throw cursor.unexpected();
  }
  switch (cursor.symbol()) {
    case 'BEGIN':
      cursor.advance();
      cursor.acceptAll('NOT', 'ATOMIC');
      skipStatements(cursor);
      cursor.expect('END');
      skipEndLabel(cursor);
      break;
    case 'IF':
      skipIf(cursor);
      break;
    case 'CASE':
      skipCase(cursor);
      break;
    case 'LOOP':
      cursor.advance();
      skipLoop(cursor, 'LOOP');
      break;
    case 'WHILE':
      cursor.advance();
      skipExpression(cursor, 'DO');
      cursor.expect('DO');
      skipLoop(cursor, 'WHILE');
      break;
    case 'FOR':
      cursor.advance();
      skipExpression(cursor, 'DO');
      cursor.expect('DO');
      skipLoop(cursor, 'FOR');
      break;
    case 'REPEAT':
      cursor.advance();
      skipStatements(cursor);
      cursor.expect('UNTIL');
      skipExpression(cursor, 'END');
      cursor.expectAll('END', 'REPEAT');
      skipEndLabel(cursor);
      break;
    case 'DECLARE':
      skipDeclare(cursor);
      break;
    default:
      skipSimple(cursor);
  }
  cursor.leave();
}

/** Statements with their `;`, up to a word that ends the list. */
function skipStatements(cursor: Cursor): void {
  while (!terminators.has(cursor.symbol()) || isLabel(cursor)) {
    if (cursor.atEnd) throw cursor.unexpected();
    skipProgramStatement(cursor);
    cursor.expect(';');
  }
}

function skipEndLabel(cursor: Cursor): void {
  const kind = cursor.kind();
  if (kind === TokenKind.word || kind === TokenKind.quotedName) cursor.advance();
}

function skipLoop(cursor: Cursor, word: string): void {
  skipStatements(cursor);
  cursor.expectAll('END', word);
  skipEndLabel(cursor);
}

function skipIf(cursor: Cursor): void {
  cursor.expect('IF');
  do {
    skipExpression(cursor, 'THEN');
    cursor.expect('THEN');
    skipStatements(cursor);
  } while (cursor.accept('ELSEIF'));
  if (cursor.accept('ELSE')) skipStatements(cursor);
  cursor.expectAll('END', 'IF');
}

function skipCase(cursor: Cursor): void {
  cursor.expect('CASE');
  if (!cursor.is('WHEN')) skipExpression(cursor, 'WHEN');
  while (cursor.accept('WHEN')) {
    skipExpression(cursor, 'THEN');
    cursor.expect('THEN');
    skipStatements(cursor);
  }
  if (cursor.accept('ELSE')) skipStatements(cursor);
  cursor.expectAll('END', 'CASE');
}

/** Tokens up to a word outside parentheses and outside CASE expressions. */
function skipExpression(cursor: Cursor, until: string): void {
  let cases = 0;
  for (;;) {
    const symbol = cursor.symbol();
    if (cases === 0 && symbol === until) return;
    if (cursor.atEnd || symbol === ')') throw cursor.unexpected(until);
    if (symbol === '(') {
      cursor.skipParentheses();
      continue;
    }
    if (symbol === 'CASE') cases++;
    else if (symbol === 'END') {
      if (cases === 0) throw cursor.unexpected(until);
      cases--;
    }
    cursor.advance();
  }
}

/** DECLARE of variables, conditions and cursors is simple; a handler holds a statement. */
function skipDeclare(cursor: Cursor): void {
  const handler = cursor.symbol(2) === 'HANDLER' && ['CONTINUE', 'EXIT', 'UNDO'].includes(cursor.symbol(1));
  if (!handler) {
    skipSimple(cursor);
    return;
  }
  cursor.skip(3);
  cursor.expect('FOR');
  do skipCondition(cursor);
  while (cursor.accept(','));
  skipProgramStatement(cursor);
}

/** SQLSTATE [VALUE] 'x', an error number, SQLWARNING, NOT FOUND, SQLEXCEPTION or a name. */
function skipCondition(cursor: Cursor): void {
  if (cursor.accept('SQLSTATE')) {
    cursor.accept('VALUE');
    if (cursor.kind() !== TokenKind.string) throw cursor.unexpected();
  } else if (cursor.accept('NOT')) {
    if (!cursor.is('FOUND')) throw cursor.unexpected();
  }
  if (cursor.atEnd || cursor.kind() === TokenKind.punctuation) throw cursor.unexpected();
  cursor.advance();
}

const programObjects: ReadonlySet<string> = new Set(['PROCEDURE', 'FUNCTION', 'TRIGGER', 'EVENT', 'PACKAGE']);

/** First words of statements without statements inside, as a program may hold them. */
const simple: ReadonlySet<string> = new Set(
  `SELECT INSERT REPLACE UPDATE DELETE WITH VALUES TABLE SET CALL DO RETURN LEAVE ITERATE OPEN FETCH CLOSE DECLARE SIGNAL RESIGNAL
  GET COMMIT ROLLBACK START SAVEPOINT RELEASE CREATE ALTER DROP TRUNCATE RENAME PREPARE EXECUTE DEALLOCATE LOAD SHOW KILL FLUSH
  GRANT REVOKE ANALYZE CHECK CHECKSUM OPTIMIZE REPAIR LOCK UNLOCK EXPLAIN DESCRIBE DESC HANDLER XA RESET PURGE INSTALL UNINSTALL
  CHANGE STOP CACHE (`.split(/\s+/),
);

/** A statement without statements inside: up to `;`. Anything else might hold some, so its end is not certain. */
function skipSimple(cursor: Cursor): void {
  if (!simple.has(cursor.symbol())) throw cursor.unexpected();
  if (cursor.is('CREATE') || cursor.is('ALTER')) {
    // A program inside a program: no server takes it, and its end could not be found.
    for (let ahead = 1; ahead < 20; ahead++) if (programObjects.has(cursor.symbol(ahead))) throw cursor.unexpected();
  }
  cursor.skipToEnd();
}
