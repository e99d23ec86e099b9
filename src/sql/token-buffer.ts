/** The growing, reusable store behind a TokenList. */

import { ownCopy } from '../base/index.ts';
import { type LexMode, MarkKind, TokenKind, type TokenList } from './tokens.ts';

const FIRST_CAPACITY = 256;
/** Arrays that grew beyond this many tokens for one big text are given back when a small text follows. */
const KEPT_CAPACITY = 1 << 16;

/** Owned by one Lexer; the arrays are replaced when they grow, so read them from the list each time. */
export class TokenBuffer implements TokenList {
  text: Uint8Array = new Uint8Array(0);
  count = 0;
  kinds: Uint8Array = new Uint8Array(FIRST_CAPACITY);
  starts: Int32Array = new Int32Array(FIRST_CAPACITY);
  ends: Int32Array = new Int32Array(FIRST_CAPACITY);
  ids: Uint16Array = new Uint16Array(FIRST_CAPACITY);
  hints: string[] = [];
  hintTokens: number[] = [];
  marks: number[] = [];
  hasExecutableComments = false;
  skippedExecutableComments = false;
  backslashEscapes = true;

  /** Forgets the previous text. */
  reset(text: Uint8Array, mode: LexMode): void {
    this.text = text;
    this.backslashEscapes = !mode.noBackslashEscapes;
    this.count = 0;
    // New arrays, not emptied ones: a copy may hold the old ones.
    if (this.hints.length > 0) {
      this.hints = [];
      this.hintTokens = [];
    }
    if (this.marks.length > 0) this.marks = [];
    this.hasExecutableComments = false;
    this.skippedExecutableComments = false;
    if (this.kinds.length > KEPT_CAPACITY && text.length < KEPT_CAPACITY) this.#resize(FIRST_CAPACITY, 0);
  }

  /** Appends a token. */
  push(kind: TokenKind, start: number, end: number, id: number): void {
    const at = this.count;
    // One place is always left for the closing token.
    if (at + 1 >= this.kinds.length) this.#resize(this.kinds.length * 2, at);
    this.kinds[at] = kind;
    this.starts[at] = start;
    this.ends[at] = end;
    this.ids[at] = id;
    this.count = at + 1;
  }

  /** Writes the closing token. */
  finish(): void {
    const at = this.count;
    this.kinds[at] = TokenKind.end;
    this.starts[at] = this.text.length;
    this.ends[at] = this.text.length;
    this.ids[at] = 0;
  }

  /** Notes a comment that matters, before the token that will be pushed next. */
  mark(kind: number, start: number, end: number): void {
    this.marks.push(this.count, kind, start, end);
  }

  /** Notes the end of an executable comment. */
  close(start: number, end: number): void {
    this.mark(MarkKind.close, start, end);
  }

  /** Keeps the text of a hint comment. */
  hint(start: number, end: number, mode: LexMode): void {
    const bytes = Buffer.from(this.text.buffer, this.text.byteOffset + start, end - start);
    this.hints.push(bytes.toString(mode.charset));
    this.hintTokens.push(this.count);
  }

  /** A list of its own, text included, that later `lex` calls leave alone. */
  copy(): TokenList {
    const copy = new TokenBuffer();
    const size = this.count + 1;
    // `slice` of a Buffer would be a view.
    copy.text = ownCopy(this.text);
    copy.count = this.count;
    copy.kinds = this.kinds.slice(0, size);
    copy.starts = this.starts.slice(0, size);
    copy.ends = this.ends.slice(0, size);
    copy.ids = this.ids.slice(0, size);
    copy.hints = this.hints;
    copy.hintTokens = this.hintTokens;
    copy.marks = this.marks;
    copy.hasExecutableComments = this.hasExecutableComments;
    copy.skippedExecutableComments = this.skippedExecutableComments;
    copy.backslashEscapes = this.backslashEscapes;
    return copy;
  }

  #resize(capacity: number, used: number): void {
    const kinds = new Uint8Array(capacity);
    kinds.set(this.kinds.subarray(0, used));
    const starts = new Int32Array(capacity);
    starts.set(this.starts.subarray(0, used));
    const ends = new Int32Array(capacity);
    ends.set(this.ends.subarray(0, used));
    const ids = new Uint16Array(capacity);
    ids.set(this.ids.subarray(0, used));
    this.kinds = kinds;
    this.starts = starts;
    this.ends = ends;
    this.ids = ids;
  }
}
