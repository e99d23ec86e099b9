/** A position in a token list: looks at tokens, consumes them, and knows the depth and height limits of one parse. */
import { Keyword, keywordName } from '../keywords.ts';
import { type Fingerprint, type LexMode, TokenKind, type TokenList } from '../tokens.ts';
import { SlotMap } from './slot-map.ts';

/** Nested expressions, queries and table factors deeper than this are refused: the parser recurses once per level. */
const depthMax = 200;
/** Height of a tree of left-associative operators: whoever walks the tree may recurse without fear. */
const heightMax = 1000;

/** Thrown inside the parser only; `parse` turns it into a ParseProblem. */
export class SyntaxProblem extends Error {
  /** Index of the offending token. */
  readonly token: number;
  constructor(message: string, token: number) {
    super(message);
    this.name = 'SyntaxProblem';
    this.token = token;
  }
}

/** Makes a readonly node writable while it is being built. */
export type Draft<T> = { -readonly [K in keyof T]: T[K] };

/**
 * Reads tokens from left to right. A token is compared by its *symbol*: the upper-cased text of an unquoted word, the text of
 * a punctuation mark, and '' for everything else (strings, numbers, quoted names, the end).
 */
export class Cursor {
  readonly tokens: TokenList;
  readonly mode: LexMode;
  /** Index of the current token. */
  at: number;
  /** Byte offset after the last consumed token. */
  end: number;
  /** `?` tokens consumed so far. */
  parameters = 0;
  /** Upper bound of the height of the expressions that were read since it was last set to 0. */
  height = 0;
  /** Where the fingerprint's slots are; undefined when the statement is parsed without one. */
  readonly slots: SlotMap | undefined;
  readonly #first: number;
  readonly #symbols: (string | undefined)[] = [];
  readonly #text: Buffer;
  #depth = 0;

  constructor(tokens: TokenList, firstToken: number, mode: LexMode, slots: Fingerprint | undefined) {
    this.tokens = tokens;
    this.mode = mode;
    this.at = firstToken;
    this.#first = firstToken;
    this.end = firstToken < tokens.count ? tokens.starts[firstToken]! : tokens.text.length;
    this.#text = Buffer.from(tokens.text.buffer, tokens.text.byteOffset, tokens.text.byteLength);
    this.slots = slots === undefined ? undefined : new SlotMap(tokens, slots);
  }

  /** Kind of the token `ahead` places after the current one; `end` past the last token. */
  kind(ahead = 0): TokenKind {
    const index = this.at + ahead;
    return index < this.tokens.count ? (this.tokens.kinds[index]! as TokenKind) : TokenKind.end;
  }

  /** Symbol of the token `ahead` places after the current one (see the class comment). */
  symbol(ahead = 0): string {
    return this.symbolAt(this.at + ahead);
  }

  symbolAt(index: number): string {
    const known = this.#symbols[index - this.#first];
    if (known !== undefined) return known;
    const symbol = this.#readSymbol(index);
    this.#symbols[index - this.#first] = symbol;
    return symbol;
  }

  #readSymbol(index: number): string {
    if (index >= this.tokens.count) return '';
    const kind = this.tokens.kinds[index];
    if (kind !== TokenKind.word && kind !== TokenKind.punctuation) return '';
    const word = kind === TokenKind.word;
    if (word && this.tokens.ids[index] !== 0) return keywordName(this.tokens.ids[index]!);
    const start = this.tokens.starts[index]!;
    const end = this.tokens.ends[index]!;
    // No keyword is longer than 30 bytes or holds a byte outside ASCII.
    if (end - start > 40) return '';
    for (let i = start; i < end; i++) if (this.tokens.text[i]! >= 0x80) return '';
    const text = this.#text.toString('latin1', start, end).toUpperCase();
    // The lexer gives no id to a word that touches a dot: it is a name, whatever it looks like.
    return word && Object.hasOwn(Keyword, text) ? '' : text;
  }

  /** Whether the current token has this symbol. */
  is(symbol: string): boolean {
    return this.symbol() === symbol;
  }

  /** Whether the next tokens have these symbols. */
  are(...symbols: readonly string[]): boolean {
    for (let i = 0; i < symbols.length; i++) if (this.symbol(i) !== symbols[i]) return false;
    return true;
  }

  /** Byte offset of the current token. */
  get start(): number {
    return this.at < this.tokens.count ? this.tokens.starts[this.at]! : this.tokens.text.length;
  }

  /** Whether the statement ends here: `;` or the end of the text. */
  get atEnd(): boolean {
    return this.kind() === TokenKind.end || this.symbol() === ';';
  }

  /** Consumes one token. Never passes the end of the text. */
  advance(): void {
    if (this.at >= this.tokens.count) return;
    const kind = this.tokens.kinds[this.at];
    if (kind === TokenKind.end) return;
    if (kind === TokenKind.bad) throw this.problem('unreadable text');
    if (kind === TokenKind.parameter) this.parameters++;
    this.end = this.tokens.ends[this.at]!;
    this.at++;
  }

  /** Consumes `count` tokens. */
  skip(count: number): void {
    for (let i = 0; i < count; i++) this.advance();
  }

  /** Consumes the token if it has this symbol. */
  accept(symbol: string): boolean {
    if (this.symbol() !== symbol) return false;
    this.advance();
    return true;
  }

  /** Consumes the tokens if all of them have these symbols. */
  acceptAll(...symbols: readonly string[]): boolean {
    if (!this.are(...symbols)) return false;
    this.skip(symbols.length);
    return true;
  }

  /** Consumes the first of these words that stands here and returns it, or undefined. */
  acceptOne(...symbols: readonly string[]): string | undefined {
    const symbol = this.symbol();
    if (symbol === '' || !symbols.includes(symbol)) return undefined;
    this.advance();
    return symbol;
  }

  expect(symbol: string): void {
    if (this.symbol() !== symbol) throw this.unexpected(symbol);
    this.advance();
  }

  expectAll(...symbols: readonly string[]): void {
    for (const symbol of symbols) this.expect(symbol);
  }

  /** Exact text between two byte offsets, bytes outside ASCII as U+0080..U+00FF. */
  latin1(start: number, end: number): string {
    return this.#text.toString('latin1', start, end);
  }

  /** Text between two byte offsets in the connection's character set. */
  decode(start: number, end: number): string {
    return this.mode.charset === 'utf8'
      ? this.#text.toString('utf8', start, end)
      : this.#text.toString('latin1', start, end);
  }

  /** Text of one token in the connection's character set. */
  tokenText(index: number): string {
    return this.decode(this.tokens.starts[index]!, this.tokens.ends[index]!);
  }

  /** Index of the `)` that closes the `(` at `index`, or -1. Does not consume. */
  closing(index: number): number {
    let depth = 0;
    for (let i = index; i < this.tokens.count; i++) {
      const symbol = this.symbolAt(i);
      if (symbol === '(') depth++;
      else if (symbol === ')') {
        depth--;
        if (depth === 0) return i;
      } else if (symbol === ';') return -1;
    }
    return -1;
  }

  /** Consumes `( ... )` with everything inside. */
  skipParentheses(): void {
    const closing = this.is('(') ? this.closing(this.at) : -1;
    if (closing < 0) throw this.unexpected('(');
    this.skip(closing + 1 - this.at);
  }

  /** Consumes the rest of the statement; parentheses must balance. */
  skipToEnd(): void {
    while (!this.atEnd) {
      if (this.is('(')) this.skipParentheses();
      else if (this.is(')')) throw this.unexpected();
      else this.advance();
    }
  }

  /** Counts one level of nesting; every `enter` has its `leave` unless the parse fails. */
  enter(): void {
    if (++this.#depth > depthMax) throw this.problem('statement is nested too deeply');
  }

  leave(): void {
    this.#depth--;
  }

  /** Adds levels to the height of the tree that is being built. */
  grow(levels: number): void {
    this.height += levels;
    if (this.height > heightMax) throw this.problem('expression has too many operators in one chain');
  }

  /** "unexpected 'FOO'" at the current token. */
  unexpected(wanted?: string): SyntaxProblem {
    const tail = wanted === undefined ? '' : `, expected '${wanted}'`;
    if (this.kind() === TokenKind.end) return new SyntaxProblem(`unexpected end of statement${tail}`, this.at);
    const text = this.tokenText(this.at);
    const shown = text.length > 64 ? `${text.slice(0, 64)}...` : text;
    return new SyntaxProblem(`unexpected '${shown}'${tail}`, this.at);
  }

  problem(message: string): SyntaxProblem {
    return new SyntaxProblem(message, this.at);
  }
}
