/** Decodes literals of a token list, when a value is bound to a plan. */

import { isCharsetName } from './charset-names.ts';
import { Keyword } from './keywords.ts';
import type { LiteralValue } from './literal-value.ts';
import { TokenKind, type TokenList } from './tokens.ts';

/**
 * The value of the literal whose first token is `token`: a charset introducer, DATE / TIME / TIMESTAMP before a string, or the
 * literal itself; strings that follow a string directly are joined to it. Throws a RangeError if no literal begins there.
 */
export function literalValue(tokens: TokenList, token: number): LiteralValue {
  const { kinds, ids } = tokens;
  switch (kinds[token]) {
    case TokenKind.integer:
      return { kind: 'integer', value: integerAt(tokens, token) };
    case TokenKind.decimal:
      return { kind: 'decimal', text: ascii(tokens, token) };
    case TokenKind.float:
      return { kind: 'float', text: ascii(tokens, token) };
    case TokenKind.hex:
      return { kind: 'binary', bytes: hexBytes(tokens, token) };
    case TokenKind.bit:
      return { kind: 'binary', bytes: bitBytes(tokens, token) };
    case TokenKind.string: {
      const first = tokens.text[tokens.starts[token]!];
      const national = first === 0x6e || first === 0x4e;
      return { kind: 'string', bytes: stringBytes(tokens, token), charset: national ? 'utf8mb3' : undefined };
    }
    case TokenKind.introducer:
      return introduced(tokens, token);
    case TokenKind.word:
      if (ids[token] === Keyword.NULL) return { kind: 'null' };
      if (ids[token] === Keyword.TRUE) return { kind: 'boolean', value: true };
      if (ids[token] === Keyword.FALSE) return { kind: 'boolean', value: false };
      if (kinds[token + 1] === TokenKind.string) {
        const type = temporalType(ids[token]!);
        if (type !== undefined) {
          const text = Buffer.from(stringBytes(tokens, token + 1)).toString('latin1');
          return { kind: 'temporal', type, text };
        }
      }
  }
  throw new RangeError(`token ${token} is no literal`);
}

/**
 * The value of an integer token, without sign and exact at any length. Up to 15 digits it costs no string.
 */
export function integerAt(tokens: TokenList, token: number): bigint {
  const start = tokens.starts[token]!;
  const end = tokens.ends[token]!;
  if (end - start > 15) return BigInt(ascii(tokens, token));
  let value = 0;
  for (let i = start; i < end; i++) value = value * 10 + tokens.text[i]! - 0x30;
  return BigInt(value);
}

function temporalType(id: number): 'DATE' | 'TIME' | 'TIMESTAMP' | undefined {
  if (id === Keyword.DATE) return 'DATE';
  if (id === Keyword.TIME) return 'TIME';
  return id === Keyword.TIMESTAMP ? 'TIMESTAMP' : undefined;
}

/** `_charset literal`: a string of that charset; `_binary` makes bytes. Hex and bit literals are its bytes. */
function introduced(tokens: TokenList, token: number): LiteralValue {
  const name = ascii(tokens, token).slice(1).toLowerCase();
  if (!isCharsetName(name)) throw new RangeError(`token ${token} is no literal`);
  const value = literalValue(tokens, token + 1);
  if (value.kind !== 'string' && value.kind !== 'binary') throw new RangeError(`token ${token} is no literal`);
  if (name === 'binary') return { kind: 'string', bytes: value.bytes, charset: 'binary' };
  return { kind: 'string', bytes: value.bytes, charset: name };
}

function ascii(tokens: TokenList, token: number): string {
  const { text } = tokens;
  const start = tokens.starts[token]!;
  return Buffer.from(text.buffer, text.byteOffset + start, tokens.ends[token]! - start).toString('latin1');
}

/** Digits of x'..' or 0x..; an odd count (0x only) is read with a zero before it, as the servers do. */
function hexBytes(tokens: TokenList, token: number): Uint8Array {
  const { text } = tokens;
  const quoted = text[tokens.starts[token]! + 1] === 0x27;
  const from = tokens.starts[token]! + 2;
  const to = tokens.ends[token]! - (quoted ? 1 : 0);
  const bytes = new Uint8Array((to - from + 1) >> 1);
  let at = bytes.length * 2 - (to - from);
  for (let i = from; i < to; i++, at++) bytes[at >> 1] = (bytes[at >> 1]! << 4) | hexDigit(text[i]!);
  return bytes;
}

function hexDigit(byte: number): number {
  return byte <= 0x39 ? byte - 0x30 : (byte | 0x20) - 0x57;
}

/** Digits of b'..' or 0b.., padded with zeros before them to whole bytes. */
function bitBytes(tokens: TokenList, token: number): Uint8Array {
  const { text } = tokens;
  const quoted = text[tokens.starts[token]! + 1] === 0x27;
  const from = tokens.starts[token]! + 2;
  const to = tokens.ends[token]! - (quoted ? 1 : 0);
  const bytes = new Uint8Array((to - from + 7) >> 3);
  let at = bytes.length * 8 - (to - from);
  for (let i = from; i < to; i++, at++) bytes[at >> 3] = (bytes[at >> 3]! << 1) | (text[i]! & 1);
  return bytes;
}

/** The string at `token` and those that follow it directly, decoded. */
function stringBytes(tokens: TokenList, token: number): Uint8Array {
  let end = token + 1;
  while (end < tokens.count && tokens.kinds[end] === TokenKind.string && isPlain(tokens, end)) end++;
  let size = 0;
  for (let i = token; i < end; i++) size += tokens.ends[i]! - tokens.starts[i]!;
  const out = new Uint8Array(size);
  let length = 0;
  for (let i = token; i < end; i++) length = decodeString(tokens, i, out, length);
  return out.slice(0, length);
}

function isPlain(tokens: TokenList, token: number): boolean {
  const c = tokens.text[tokens.starts[token]!];
  return c === 0x27 || c === 0x22;
}

/** Appends the content of one string token to `out` at `length`; returns the new length. */
function decodeString(tokens: TokenList, token: number, out: Uint8Array, length: number): number {
  const { text } = tokens;
  const escapes = tokens.backslashEscapes;
  const open = tokens.starts[token]! + (isPlain(tokens, token) ? 0 : 1);
  const quote = text[open];
  const close = tokens.ends[token]! - 1;
  let i = open + 1;
  while (i < close) {
    const c = text[i]!;
    if (c === quote) {
      // Doubled.
      out[length++] = c;
      i += 2;
    } else if (c === 0x5c && escapes) {
      const escaped = text[i + 1]!;
      // \% and \_ keep their backslash: LIKE reads it.
      if (escaped === 0x25 || escaped === 0x5f) out[length++] = c;
      out[length++] = unescaped(escaped);
      i += 2;
    } else {
      out[length++] = c;
      i++;
    }
  }
  return length;
}

function unescaped(byte: number): number {
  switch (byte) {
    case 0x30: // 0
      return 0x00;
    case 0x62: // b
      return 0x08;
    case 0x6e: // n
      return 0x0a;
    case 0x72: // r
      return 0x0d;
    case 0x74: // t
      return 0x09;
    case 0x5a: // Z
      return 0x1a;
    default:
      return byte;
  }
}
