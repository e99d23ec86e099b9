/** Reads the tokens that have quotes: strings, names, variables, x'..' and b'..'. */

import { ByteClass } from './byte-class.ts';
import { bitsEnd, hexEnd } from './number-text.ts';
import { quotedEnd, stringEnd } from './quoted-text.ts';
import type { TokenBuffer } from './token-buffer.ts';
import { type LexMode, TokenKind } from './tokens.ts';

const { letter } = ByteClass;

/** N'..', x'..' and b'..'; returns the literal's end, or 0 if there is none at `i`. */
export function prefixedLiteral(
  tokens: TokenBuffer,
  text: Uint8Array,
  i: number,
  length: number,
  c: number,
  mode: LexMode,
): number {
  if (i + 1 >= length || text[i + 1] !== 0x27) return 0;
  const prefix = c | 0x20;
  if (prefix === 0x6e) return pushString(tokens, text, i, i + 1, length, mode);
  if (prefix !== 0x78 && prefix !== 0x62) return 0;
  const hex = prefix === 0x78;
  const end = hex ? hexEnd(text, i + 2, length) : bitsEnd(text, i + 2, length);
  if (text[end] === 0x27 && (!hex || (end - i) % 2 === 0)) {
    tokens.push(hex ? TokenKind.hex : TokenKind.bit, i, end + 1, 0);
    return end + 1;
  }
  let close = end;
  while (close < length && text[close] !== 0x27) close++;
  close = Math.min(length, close + 1);
  tokens.push(TokenKind.bad, i, close, 0);
  return close;
}

/** A string that starts at `start` and whose quote is at `quote`. */
export function pushString(
  tokens: TokenBuffer,
  text: Uint8Array,
  start: number,
  quote: number,
  length: number,
  mode: LexMode,
): number {
  const end = stringEnd(text, quote, length, !mode.noBackslashEscapes);
  tokens.push(end < 0 ? TokenKind.bad : TokenKind.string, start, end < 0 ? length : end, 0);
  return end < 0 ? length : end;
}

/** A quoted name. */
export function pushName(tokens: TokenBuffer, text: Uint8Array, start: number, length: number): number {
  const end = quotedEnd(text, start, length);
  tokens.push(end < 0 ? TokenKind.bad : TokenKind.quotedName, start, Math.abs(end), 0);
  return Math.abs(end);
}

/** @name, @'name', @"name" or @`name`. An @ with nothing of that kind behind it is bad. */
export function pushVariable(
  tokens: TokenBuffer,
  text: Uint8Array,
  start: number,
  length: number,
  classes: Uint8Array,
  mode: LexMode,
): number {
  const c = start + 1 < length ? text[start + 1]! : 0;
  let end = start + 1;
  if (c === 0x27 || (c === 0x22 && !mode.ansiQuotes)) {
    end = stringEnd(text, end, length, !mode.noBackslashEscapes);
    if (end < 0) end = -length;
  } else if (c === 0x60 || c === 0x22) {
    end = quotedEnd(text, end, length);
  } else {
    while (end < length && (classes[text[end]!]! >= letter || text[end] === 0x2e)) end++;
    if (end === start + 1) end = -end;
  }
  tokens.push(end < 0 ? TokenKind.bad : TokenKind.userVariable, start, Math.abs(end), 0);
  return Math.abs(end);
}
