/** Identifiers, qualified names and aliases. */
import type { Identifier, TableName } from '../ast.ts';
import { isReserved } from '../reserved-words.ts';
import { TokenKind } from '../tokens.ts';
import type { Cursor } from './cursor.ts';

/** Whether the token `ahead` places on can begin a name: a quoted name or a word that is not reserved. */
export function startsName(cursor: Cursor, ahead = 0): boolean {
  const kind = cursor.kind(ahead);
  if (kind === TokenKind.quotedName) return true;
  return kind === TokenKind.word && !isReserved(cursor.tokens.ids[cursor.at + ahead]!, cursor.mode.mariadb);
}

/** Not reserved everywhere, but they begin what may follow a table or a select item. */
const clauseWords: ReadonlySet<string> = new Set(
  'EXCEPT FETCH INTERSECT LATERAL MINUS OFFSET QUALIFY RETURNING TABLESAMPLE UNION WINDOW'.split(' '),
);

/** Whether an alias without AS stands here. */
function startsImplicitAlias(cursor: Cursor): boolean {
  if (!startsName(cursor)) return false;
  return cursor.kind() === TokenKind.quotedName || !clauseWords.has(cursor.symbol());
}

/** Reads a name. */
export function parseIdentifier(cursor: Cursor): Identifier {
  if (!startsName(cursor)) throw cursor.unexpected();
  return takeIdentifier(cursor);
}

/** Reads a name where reserved words are names too: after a dot, after `@@`. */
export function parseAnyIdentifier(cursor: Cursor): Identifier {
  const kind = cursor.kind();
  if (kind !== TokenKind.word && kind !== TokenKind.quotedName) throw cursor.unexpected();
  return takeIdentifier(cursor);
}

function takeIdentifier(cursor: Cursor): Identifier {
  const start = cursor.start;
  const end = cursor.tokens.ends[cursor.at]!;
  const quoted = cursor.kind() === TokenKind.quotedName;
  const name = quoted ? unquote(cursor, start, end) : cursor.decode(start, end);
  cursor.advance();
  return { start, end, name, quoted };
}

/** Text of a quoted name without its quotes, doubled quotes made single. */
function unquote(cursor: Cursor, start: number, end: number): string {
  const quote = cursor.latin1(start, start + 1);
  return cursor.decode(start + 1, end - 1).replaceAll(quote + quote, quote);
}

/** `a` or `a.b`. */
export function parseTableName(cursor: Cursor): TableName {
  const first = parseIdentifier(cursor);
  if (!cursor.is('.')) return { start: first.start, end: first.end, table: first };
  cursor.advance();
  const table = parseAnyIdentifier(cursor);
  return { start: first.start, end: table.end, schema: first, table };
}

/** `a, b.c, ...` */
export function parseTableNames(cursor: Cursor): TableName[] {
  const names = [parseTableName(cursor)];
  while (cursor.accept(',')) names.push(parseTableName(cursor));
  return names;
}

/** `(a, b, ...)`; the list may be empty only if `empty` is true. */
export function parseNameList(cursor: Cursor, empty = false): Identifier[] {
  cursor.expect('(');
  const names: Identifier[] = [];
  if (!(empty && cursor.is(')'))) {
    do names.push(parseIdentifier(cursor));
    while (cursor.accept(','));
  }
  cursor.expect(')');
  return names;
}

/** `[AS] alias` of a select item, where a string is an alias too. */
export function parseItemAlias(cursor: Cursor): Identifier | undefined {
  const explicit = cursor.accept('AS');
  if (cursor.kind() === TokenKind.string) return parseStringName(cursor);
  if (explicit) return parseIdentifier(cursor);
  return startsImplicitAlias(cursor) ? parseIdentifier(cursor) : undefined;
}

/** `[AS] alias` of a table. */
export function parseTableAlias(cursor: Cursor): Identifier | undefined {
  if (cursor.accept('AS')) return parseIdentifier(cursor);
  return startsImplicitAlias(cursor) ? parseIdentifier(cursor) : undefined;
}

/** A name written as a string: `SELECT 1 AS 'one'`, `SET NAMES 'utf8mb4'`. */
export function parseStringName(cursor: Cursor): Identifier {
  const start = cursor.start;
  if (cursor.kind() !== TokenKind.string) throw cursor.unexpected();
  const end = cursor.tokens.ends[cursor.at]!;
  const name = stringText(cursor, start, end);
  cursor.advance();
  return { start, end, name, quoted: true };
}

const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', b: '\b', '0': '\0', Z: '\x1a' };

/** Text of a string token between its quotes; used for names only, values are read by literalValue. */
function stringText(cursor: Cursor, start: number, end: number): string {
  const open = cursor.latin1(start, start + 1);
  const from = open === "'" || open === '"' ? start + 1 : start + 2; // N'...'
  const quote = cursor.latin1(from - 1, from);
  const body = cursor.decode(from, end - 1);
  const pattern = cursor.mode.noBackslashEscapes ? /''|""/g : /\\([\s\S])|''|""/g;
  return body.replace(pattern, (whole, escaped: string | undefined) => {
    if (typeof escaped === 'string') return escapes[escaped] ?? escaped;
    return whole[0] === quote ? quote : whole;
  });
}

/** A word, quoted name or string, as names of character sets, engines, roles and plugins are written. */
export function parseWordOrString(cursor: Cursor): Identifier {
  return cursor.kind() === TokenKind.string ? parseStringName(cursor) : parseAnyIdentifier(cursor);
}
