/** Turns a packet's text into tokens in one pass, as the MySQL and MariaDB servers would. */

import { ByteClass, byteClasses } from './byte-class.ts';
import { isCharsetName } from './charset-names.ts';
import { readComment } from './comment.ts';
import { keywordByHash } from './keyword-lookup.ts';
import { Op } from './keywords.ts';
import { bitsEnd, digitsEnd, hexEnd, numberEnd } from './number-text.ts';
import { pushOperator } from './operator-token.ts';
import { prefixedLiteral, pushName, pushString, pushVariable } from './quoted-token.ts';
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
