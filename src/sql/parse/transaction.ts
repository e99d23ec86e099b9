/** BEGIN, START TRANSACTION, COMMIT, ROLLBACK and savepoints. */
import type { TransactionStatement } from '../ast.ts';
import { TokenKind } from '../tokens.ts';
import type { Cursor, Draft } from './cursor.ts';
import { parseIdentifier } from './names.ts';

/** Reads a transaction statement; undefined when none begins here. */
export function parseTransaction(cursor: Cursor): TransactionStatement | undefined {
  const verb = transactionVerb(cursor);
  if (verb === undefined) return undefined;
  const { start } = cursor;
  const statement: Draft<TransactionStatement> = {
    kind: 'transaction',
    start,
    end: start,
    verb,
    consistentSnapshot: false,
    chain: false,
    release: false,
  };
  switch (verb) {
    case 'begin':
      if (cursor.accept('START')) parseCharacteristics(cursor, statement);
      else cursor.skip(cursor.symbol(1) === 'WORK' ? 2 : 1);
      break;
    case 'savepoint':
      cursor.advance();
      statement.savepoint = parseIdentifier(cursor);
      break;
    case 'release':
      cursor.expectAll('RELEASE', 'SAVEPOINT');
      statement.savepoint = parseIdentifier(cursor);
      break;
    default:
      parseEnd(cursor, statement);
  }
  statement.end = cursor.end;
  return statement;
}

function transactionVerb(cursor: Cursor): TransactionStatement['verb'] | undefined {
  switch (cursor.symbol()) {
    case 'BEGIN':
      return 'begin';
    case 'START':
      return cursor.symbol(1) === 'TRANSACTION' ? 'begin' : undefined;
    case 'COMMIT':
      return 'commit';
    case 'ROLLBACK':
      return 'rollback';
    case 'SAVEPOINT':
      return 'savepoint';
    case 'RELEASE':
      return 'release';
    default:
      return undefined;
  }
}

function parseCharacteristics(cursor: Cursor, statement: Draft<TransactionStatement>): void {
  cursor.expect('TRANSACTION');
  if (cursor.atEnd) return;
  do {
    if (cursor.accept('WITH')) {
      cursor.expectAll('CONSISTENT', 'SNAPSHOT');
      statement.consistentSnapshot = true;
      continue;
    }
    cursor.expect('READ');
    const access = cursor.acceptOne('ONLY', 'WRITE');
    if (access === undefined || statement.readOnly !== undefined) throw cursor.unexpected();
    statement.readOnly = access === 'ONLY';
  } while (cursor.accept(','));
}

/** COMMIT and ROLLBACK with AND [NO] CHAIN, [NO] RELEASE, TO savepoint. */
function parseEnd(cursor: Cursor, statement: Draft<TransactionStatement>): void {
  const rollback = cursor.is('ROLLBACK');
  cursor.advance();
  cursor.accept('WORK');
  if (rollback && cursor.accept('TO')) {
    // A savepoint may be named `savepoint`.
    if (cursor.is('SAVEPOINT') && cursor.symbol(1) !== ';' && cursor.kind(1) !== TokenKind.end) cursor.advance();
    statement.verb = 'rollback to';
    statement.savepoint = parseIdentifier(cursor);
    return;
  }
  if (cursor.accept('AND')) {
    const no = cursor.accept('NO');
    cursor.expect('CHAIN');
    statement.chain = !no;
  }
  if (cursor.are('NO', 'RELEASE')) cursor.skip(2);
  else statement.release = cursor.accept('RELEASE');
}
