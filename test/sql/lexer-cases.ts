/** Shared by the tests of the lexer half: modes, and tokens in a readable form. */

import { keywordName, Lexer, type LexMode, TokenKind, type TokenList } from '../../src/sql/index.ts';

export const mariadbMode: LexMode = {
  charset: 'utf8',
  ansiQuotes: false,
  noBackslashEscapes: false,
  pipesAsConcat: false,
  highNotPrecedence: false,
  ignoreSpace: false,
  serverVersion: 101100,
  mariadb: true,
};
export const mysqlMode: LexMode = { ...mariadbMode, serverVersion: 80400, mariadb: false };

/** A fresh list of tokens. */
export function lexed(text: string | Uint8Array, mode: LexMode = mariadbMode): TokenList {
  return new Lexer().lex(typeof text === 'string' ? Buffer.from(text) : text, mode);
}

const kindNames = Object.keys(TokenKind);

export function textOf(tokens: TokenList, index: number): string {
  return Buffer.from(tokens.text.subarray(tokens.starts[index], tokens.ends[index])).toString();
}

/** `kind:text` of each token, without the end; words with their keyword behind a slash. */
export function shown(tokens: TokenList): string[] {
  const out: string[] = [];
  for (let i = 0; i < tokens.count; i++) {
    const kind = kindNames[tokens.kinds[i]!]!;
    const keyword = kind === 'word' && tokens.ids[i] !== 0 ? `/${keywordName(tokens.ids[i]!)}` : '';
    out.push(`${kind === 'punctuation' ? 'op' : kind}:${textOf(tokens, i)}${keyword}`);
  }
  return out;
}
