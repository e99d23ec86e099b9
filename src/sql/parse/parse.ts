/** The entry of the parser: one statement from a token list to a syntax tree, or a problem with its position. */
import type { ParseProblem, ParseResult } from '../ast.ts';
import { statementEnd } from '../statement-end.ts';
import type { Fingerprint, LexMode, TokenList } from '../tokens.ts';
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
    return { ok: false, problem: describe(tokens, firstToken, error) };
  }
}

function tokenStart(tokens: TokenList, index: number): number {
  return index < tokens.count ? tokens.starts[index]! : tokens.text.length;
}

function describe(tokens: TokenList, firstToken: number, error: SyntaxProblem): ParseProblem {
  const at = tokenStart(tokens, error.token);
  let line = 1;
  for (let i = 0; i < at; i++) if (tokens.text[i] === 0x0a) line++;
  const { endToken, certain } = statementEnd(tokens, firstToken);
  const end = certain ? tokenStart(tokens, endToken < tokens.count ? endToken + 1 : endToken) : undefined;
  return { message: error.message, at, line, end };
}
