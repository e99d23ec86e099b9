/** The entry of the parser: one statement from a token list to a syntax tree, or a problem with its position. */
import type { ParseProblem, ParseResult } from '../ast.ts';
import { type Fingerprint, type LexMode, TokenKind, type TokenList } from '../tokens.ts';
import { Cursor, SyntaxProblem } from './cursor.ts';
import { parseStatement } from './statement.ts';

/**
 * Parses the statement that begins at `firstToken`. Never throws for any text.
 *
 * `slots` is the fingerprint of the same statement: literals then know their slots; without it every slot is -1.
 * The tree holds no reference to `tokens` and stays valid after the lexer's next call.
 */
export function parse(tokens: TokenList, firstToken: number, mode: LexMode, slots?: Fingerprint): ParseResult {
  const cursor = new Cursor(tokens, firstToken, mode, slots);
  try {
    const statement = parseStatement(cursor);
    if (!cursor.atEnd) throw cursor.unexpected();
    const parameterCount = cursor.parameters;
    // A `bad` token is never passed, so this is `;` or the end of the text.
    const next = cursor.is(';') ? cursor.at + 1 : cursor.at;
    return { ok: true, statement, parameterCount, end: tokenStart(tokens, next), nextToken: next };
  } catch (error) {
    if (!(error instanceof SyntaxProblem)) throw error;
    return { ok: false, problem: describe(tokens, firstToken, cursor, error) };
  }
}

function tokenStart(tokens: TokenList, index: number): number {
  return index < tokens.count ? tokens.starts[index]! : tokens.text.length;
}

function describe(tokens: TokenList, firstToken: number, cursor: Cursor, error: SyntaxProblem): ParseProblem {
  const at = tokenStart(tokens, error.token);
  let line = 1;
  for (let i = 0; i < at; i++) if (tokens.text[i] === 0x0a) line++;
  const next = certainEnd(tokens, firstToken, cursor);
  const end = next === undefined ? undefined : tokenStart(tokens, next);
  return { message: error.message, at, line, end };
}

/** Statements that hold no other statements: their first `;` is their end, whatever stands before it. */
const plainStatements: ReadonlySet<string> = new Set(
  `SELECT INSERT REPLACE UPDATE DELETE WITH VALUES TABLE DROP TRUNCATE RENAME SHOW USE DO CALL KILL EXPLAIN DESCRIBE DESC COMMIT
  ROLLBACK SAVEPOINT RELEASE START LOCK UNLOCK FLUSH RESET PURGE GRANT REVOKE OPTIMIZE CHECK CHECKSUM REPAIR LOAD PREPARE
  EXECUTE DEALLOCATE HANDLER XA`.split(/\s+/),
);

/** Token after this statement's `;`, if that `;` is certain. */
function certainEnd(tokens: TokenList, firstToken: number, cursor: Cursor): number | undefined {
  const first = cursor.symbolAt(firstToken);
  const plainCreate = (first === 'CREATE' || first === 'ALTER') && isPlainDefinition(tokens, firstToken, cursor);
  if (first !== '(' && !plainStatements.has(first) && !plainCreate) return undefined;
  for (let index = firstToken; ; index++) {
    if (index >= tokens.count || tokens.kinds[index] === TokenKind.end) return index;
    if (tokens.kinds[index] === TokenKind.bad) return undefined;
    if (cursor.symbolAt(index) === ';') return index + 1;
  }
}

/** CREATE and ALTER of objects that have no body, with the object's kind directly after the verb. */
function isPlainDefinition(tokens: TokenList, firstToken: number, cursor: Cursor): boolean {
  const plain = [
    'TABLE',
    'INDEX',
    'UNIQUE',
    'FULLTEXT',
    'SPATIAL',
    'TEMPORARY',
    'DATABASE',
    'SCHEMA',
    'USER',
    'ROLE',
    'VIEW',
  ];
  return firstToken + 1 < tokens.count && plain.includes(cursor.symbolAt(firstToken + 1));
}
