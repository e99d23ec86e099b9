/** Account names: `'u'@'h'`, `u@h`, CURRENT_USER. They name nothing that the mesh routes by. */
import { TokenKind } from '../tokens.ts';
import type { Cursor } from './cursor.ts';

/** Consumes one account or role name. */
export function skipAccount(cursor: Cursor): void {
  const kind = cursor.kind();
  if (kind !== TokenKind.word && kind !== TokenKind.quotedName && kind !== TokenKind.string) throw cursor.unexpected();
  const current = cursor.is('CURRENT_USER') || cursor.is('CURRENT_ROLE');
  cursor.advance();
  if (current) {
    cursor.acceptAll('(', ')');
    return;
  }
  if (cursor.kind() === TokenKind.userVariable) cursor.advance();
}

/** Consumes `DEFINER = account`. */
export function skipDefiner(cursor: Cursor): void {
  cursor.expectAll('DEFINER', '=');
  skipAccount(cursor);
}
