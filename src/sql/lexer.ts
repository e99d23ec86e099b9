/** Turns a packet's text into tokens in one pass, as the MySQL and MariaDB servers would. */

import { ByteClass, byteClasses } from './byte-class.ts';
import { isCharsetName } from './charset-names.ts';
import { readComment } from './comment.ts';
import { keywordByHash } from './keyword-lookup.ts';
import { Op } from './keywords.ts';
import { bitsEnd, digitsEnd, hexEnd, numberEnd } from './number-text.ts';
import { quotedEnd, stringEnd } from './quoted-text.ts';
import { TokenBuffer } from './token-buffer.ts';
import { type LexMode, TokenKind, type TokenList } from './tokens.ts';

const { letter, digit, space } = ByteClass;

/** One lexer serves one thread of statements: its token list is overwritten by the next `lex`. */
export class Lexer {
  readonly #tokens = new TokenBuffer();

  /**
   * Reads all of `text`. Never throws: what is no token becomes a `bad` token. `text` must stay unchanged while the list
   * is in use.
   */
  lex(text: Uint8Array, mode: LexMode): TokenList {
    const tokens = this.#tokens;
    tokens.reset(text, mode);
    const classes = byteClasses(mode.charset);
    const length = text.length;
    // The token before is a dot or @@ that touches the byte at `joined`: a word there is a name, whatever it looks like.
    let joined = -1;
    // End of a word to which a dot may be joined.
    let wordEnd = -1;
    let inComment = false;
    let i = 0;
    while (i < length) {
      const c = text[i]!;
      const kind = classes[c]!;
      if (kind === space) {
        i++;
        continue;
      }
      if (kind === letter || (kind === digit && joined === i)) {
        const start = i;
        if (joined !== i) {
          const literal = prefixedLiteral(tokens, text, i, length, c, mode);
          if (literal > 0) {
            i = literal;
            continue;
          }
        }
        let hash = 0;
        let byte = c;
        do {
          hash = (Math.imul(hash, 31) + (byte | 0x20)) | 0;
          i++;
          if (i === length) break;
          byte = text[i]!;
        } while (classes[byte]! >= letter);
        wordEnd = i;
        if (joined === start && text[start - 1] !== 0x40) {
          tokens.push(TokenKind.word, start, i, 0);
          continue;
        }
        const dotted = byte === 0x2e && i + 1 < length && classes[text[i + 1]!]! >= letter;
        if (dotted && joined !== start) {
          tokens.push(TokenKind.word, start, i, 0);
        } else if (c === 0x5f && joined !== start && introduces(text, start, i, length, classes, mode)) {
          tokens.push(TokenKind.introducer, start, i, 0);
        } else {
          tokens.push(TokenKind.word, start, i, keywordByHash(text, start, i, hash));
        }
        continue;
      }
      if (kind === digit) {
        i = this.#number(text, i, length, classes);
        if (tokens.kinds[tokens.count - 1] === TokenKind.word) wordEnd = i;
        continue;
      }
      switch (c) {
        case 0x28: // (
          tokens.push(TokenKind.punctuation, i, ++i, Op.LPAREN);
          break;
        case 0x29: // )
          tokens.push(TokenKind.punctuation, i, ++i, Op.RPAREN);
          break;
        case 0x2c: // ,
          tokens.push(TokenKind.punctuation, i, ++i, Op.COMMA);
          break;
        case 0x3b: // ;
          tokens.push(TokenKind.punctuation, i, ++i, Op.SEMICOLON);
          break;
        case 0x3d: // =
          tokens.push(TokenKind.punctuation, i, ++i, Op.EQ);
          break;
        case 0x2b: // +
          tokens.push(TokenKind.punctuation, i, ++i, Op.PLUS);
          break;
        case 0x25: // %
          tokens.push(TokenKind.punctuation, i, ++i, Op.PERCENT);
          break;
        case 0x5e: // ^
          tokens.push(TokenKind.punctuation, i, ++i, Op.CARET);
          break;
        case 0x7e: // ~
          tokens.push(TokenKind.punctuation, i, ++i, Op.TILDE);
          break;
        case 0x7b: // {
          tokens.push(TokenKind.punctuation, i, ++i, Op.LBRACE);
          break;
        case 0x7d: // }
          tokens.push(TokenKind.punctuation, i, ++i, Op.RBRACE);
          break;
        case 0x27: // '
          i = pushString(tokens, text, i, i, length, mode);
          break;
        case 0x22: // "
          i = mode.ansiQuotes ? pushName(tokens, text, i, length) : pushString(tokens, text, i, i, length, mode);
          break;
        case 0x60: // `
          i = pushName(tokens, text, i, length);
          break;
        case 0x3f: {
          // ? beside a name's byte is no parameter for the servers either.
          const next = i + 1 < length ? classes[text[i + 1]!]! : space;
          tokens.push(next >= letter ? TokenKind.bad : TokenKind.parameter, i, ++i, 0);
          break;
        }
        case 0x2e: {
          const next = i + 1 < length ? classes[text[i + 1]!]! : space;
          if (next === digit && wordEnd !== i) {
            i = this.#number(text, i, length, classes);
          } else {
            tokens.push(TokenKind.punctuation, i, ++i, Op.DOT);
            if (next >= letter) joined = i;
          }
          break;
        }
        case 0x40: // @
          if (text[i + 1] === 0x40) {
            tokens.push(TokenKind.systemVariable, i, i + 2, 0);
            i += 2;
            joined = i;
          } else {
            i = pushVariable(tokens, text, i, length, classes, mode);
          }
          break;
        case 0x23: // #
          i = lineEnd(text, i + 1, length);
          break;
        case 0x2d: // -
          if (text[i + 1] === 0x2d && opensLineComment(text, i + 2, length, classes)) {
            i = lineEnd(text, i + 2, length);
          } else if (text[i + 1] === 0x3e) {
            const double = text[i + 2] === 0x3e;
            const end = i + (double ? 3 : 2);
            tokens.push(TokenKind.punctuation, i, end, double ? Op.DOUBLE_ARROW : Op.ARROW);
            i = end;
          } else {
            tokens.push(TokenKind.punctuation, i, ++i, Op.MINUS);
          }
          break;
        case 0x2f: // /
          if (text[i + 1] !== 0x2a) {
            tokens.push(TokenKind.punctuation, i, ++i, Op.SLASH);
            break;
          }
          {
            const end = readComment(tokens, text, i, length, mode);
            // Negative: an executable comment was opened, its text goes on there.
            if (end < 0) inComment = true;
            i = Math.abs(end);
          }
          break;
        case 0x2a: // *
          if (inComment && text[i + 1] === 0x2f) {
            tokens.close(i, i + 2);
            inComment = false;
            i += 2;
          } else {
            tokens.push(TokenKind.punctuation, i, ++i, Op.STAR);
          }
          break;
        default:
          i = pushOperator(tokens, text, i, c);
      }
    }
    // The servers refuse an executable comment that is never closed.
    if (inComment) tokens.push(TokenKind.bad, length, length, 0);
    tokens.finish();
    return tokens;
  }

  /** A number, or a name that begins with digits, at `start` (a digit, or a dot before a digit). Returns its end. */
  #number(text: Uint8Array, start: number, length: number, classes: Uint8Array): number {
    const tokens = this.#tokens;
    if (text[start] === 0x30 && start + 1 < length) {
      const prefix = text[start + 1]!;
      if (prefix === 0x78 || prefix === 0x62) {
        const end = prefix === 0x78 ? hexEnd(text, start + 2, length) : bitsEnd(text, start + 2, length);
        if (end > start + 2 && (end === length || classes[text[end]!]! < letter)) {
          tokens.push(prefix === 0x78 ? TokenKind.hex : TokenKind.bit, start, end, 0);
          return end;
        }
      }
    }
    let end = text[start] === 0x2e ? start : digitsEnd(text, start, length);
    const next = end < length ? text[end]! : 0x20;
    if (classes[next]! >= letter) {
      if ((next | 0x20) === 0x65) {
        const sign = text[end + 1];
        const from = sign === 0x2b || sign === 0x2d ? end + 2 : end + 1;
        const exponent = digitsEnd(text, from, length);
        if (exponent > from) {
          tokens.push(TokenKind.float, start, exponent, 0);
          return exponent;
        }
      }
      while (end < length && classes[text[end]!]! >= letter) end++;
      tokens.push(TokenKind.word, start, end, 0);
      return end;
    }
    if (next !== 0x2e) {
      tokens.push(TokenKind.integer, start, end, 0);
      return end;
    }
    const fraction = digitsEnd(text, end + 1, length);
    if (fraction < length && (text[fraction]! | 0x20) === 0x65) {
      const full = numberEnd(text, fraction, length);
      tokens.push(full < 0 ? TokenKind.bad : TokenKind.float, start, Math.abs(full), 0);
      return Math.abs(full);
    }
    tokens.push(TokenKind.decimal, start, fraction, 0);
    return fraction;
  }
}

/** N'..', x'..' and b'..'; returns the literal's end, or 0 if there is none at `i`. */
function prefixedLiteral(
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
function pushString(
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
function pushName(tokens: TokenBuffer, text: Uint8Array, start: number, length: number): number {
  const end = quotedEnd(text, start, length);
  tokens.push(end < 0 ? TokenKind.bad : TokenKind.quotedName, start, Math.abs(end), 0);
  return Math.abs(end);
}

/** @name, @'name', @"name" or @`name`. An @ with nothing of that kind behind it is bad. */
function pushVariable(
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

/** The operators of two or three characters, and every byte that starts no token. */
function pushOperator(tokens: TokenBuffer, text: Uint8Array, i: number, c: number): number {
  const next = text[i + 1];
  let id = 0;
  let end = i + 1;
  if (c === 0x3c) {
    if (next === 0x3d) {
      end = text[i + 2] === 0x3e ? i + 3 : i + 2;
      id = end === i + 3 ? Op.NULL_SAFE_EQ : Op.LE;
    } else if (next === 0x3e || next === 0x3c) {
      end = i + 2;
      id = next === 0x3e ? Op.NE : Op.SHIFT_LEFT;
    } else {
      id = Op.LT;
    }
  } else if (c === 0x3e) {
    if (next === 0x3d || next === 0x3e) {
      end = i + 2;
      id = next === 0x3d ? Op.GE : Op.SHIFT_RIGHT;
    } else {
      id = Op.GT;
    }
  } else if (c === 0x21) {
    if (next === 0x3d) end = i + 2;
    id = next === 0x3d ? Op.NE : Op.BANG;
  } else if (c === 0x7c) {
    if (next === 0x7c) end = i + 2;
    id = next === 0x7c ? Op.PIPE_PIPE : Op.PIPE;
  } else if (c === 0x26) {
    if (next === 0x26) end = i + 2;
    id = next === 0x26 ? Op.AND_AND : Op.AMPERSAND;
  } else if (c === 0x3a) {
    if (next === 0x3d) end = i + 2;
    id = next === 0x3d ? Op.ASSIGN : Op.COLON;
  }
  tokens.push(id === 0 ? TokenKind.bad : TokenKind.punctuation, i, end, id);
  return end;
}

/** Whether the word [start, end), which begins with `_`, is a charset introducer: a literal follows it. */
function introduces(
  text: Uint8Array,
  start: number,
  end: number,
  length: number,
  classes: Uint8Array,
  mode: LexMode,
): boolean {
  let i = end;
  while (i < length && classes[text[i]!] === space) i++;
  if (i >= length) return false;
  const c = text[i]!;
  const next = text[i + 1];
  const literal =
    c === 0x27 ||
    (c === 0x22 && !mode.ansiQuotes) ||
    (c === 0x30 && (next === 0x78 || next === 0x62)) ||
    (((c | 0x20) === 0x78 || (c | 0x20) === 0x62) && next === 0x27);
  if (!literal || end - start > 12) return false;
  let name = '';
  for (let at = start + 1; at < end; at++) name += String.fromCharCode(text[at]!);
  return isCharsetName(name);
}

/** Whether `--` is a comment: a blank, a control byte or the end must follow it. */
function opensLineComment(text: Uint8Array, i: number, length: number, classes: Uint8Array): boolean {
  if (i >= length) return true;
  const c = text[i]!;
  return classes[c] === space || c < 0x20 || c === 0x7f;
}

/** End of a comment that runs to the end of its line; a NUL ends it too, as in the servers. */
function lineEnd(text: Uint8Array, i: number, length: number): number {
  while (i < length && text[i] !== 0x0a && text[i] !== 0) i++;
  return i;
}
