/** One statement of a packet as text: its tokens, where the next one begins, where it is wrong. */
import { MeshError } from '../base/index.ts';
import { type Lexer, type LexMode, Op, TokenKind, type TokenList, withoutExecutableComments } from '../sql/index.ts';

/** Tokens of a text without marks of executable comments: it is lexed again if there were any. */
export function lexPlain(lexer: Lexer, text: Uint8Array, mode: LexMode): TokenList {
  const tokens = lexer.lex(text, mode);
  const plain = withoutExecutableComments(tokens);
  return plain === text ? tokens : lexer.lex(plain, mode);
}

/** Where the statement after this one begins, if there is more than semicolons and comments. */
export function nextStatement(tokens: TokenList, endToken: number): number | undefined {
  for (let index = endToken; index < tokens.count; index += 1) {
    if (tokens.kinds[index] === TokenKind.end) return undefined;
    const semicolon = tokens.kinds[index] === TokenKind.punctuation && tokens.ids[index] === Op.SEMICOLON;
    if (!semicolon) return tokens.starts[index];
  }
  return undefined;
}

/** The error of a server for a text that it does not understand from `offset` on. */
export function syntaxErrorAt(text: Buffer, offset: number): MeshError {
  const line = text.subarray(0, offset).filter((byte) => byte === 0x0a).length + 1;
  return new MeshError('ER_PARSE_ERROR', { near: text.subarray(offset, offset + 80).toString('utf8'), line });
}
