/**
 * Rewriting by splicing: a template says which stretches of the user's own text are copied and what stands between them.
 * Stretches are anchored on tokens counted from the last literal before them, so one template fits every text with the same fingerprint.
 */
import { Buffer } from 'node:buffer';
import { MeshError } from '../base/index.ts';
import { type Fingerprint, type Span, TokenKind, type TokenList } from '../sql/index.ts';

/** An edge of a token: token = (end of slot `slot`, or the statement's first token if -1) + `delta`. */
export interface Position {
  readonly slot: number;
  readonly delta: number;
  /** The token's end instead of its start. */
  readonly end: boolean;
}

export type Piece =
  | { readonly kind: 'text'; readonly text: string }
  /** The statement's own text between two positions; `parameters` are the `?` in it. */
  | { readonly kind: 'copy'; readonly from: Position; readonly to: Position; readonly parameters: readonly number[] }
  /** The physical name of table use `table`; where it equals `logical`, the text `from`..`to` stays as it is and `suffix` is left out. */
  | {
      readonly kind: 'table';
      readonly table: number;
      readonly logical: string;
      readonly suffix: string;
      readonly from?: Position;
      readonly to?: Position;
    }
  /** Bytes computed at bind time. */
  | { readonly kind: 'computed'; readonly index: number }
  /** A text that stands only where the physical name of use `table` differs from `logical`. */
  | { readonly kind: 'alias'; readonly table: number; readonly logical: string; readonly text: string }
  /** A fact of the session as SQL text (session-functions.ts); `from`..`to` stays where the session does not know it. */
  | { readonly kind: 'fact'; readonly name: string; readonly from: Position; readonly to: Position }
  /** ` AS` and the text `from`..`to` as a name: the heading that MySQL would have given. */
  | { readonly kind: 'heading'; readonly from: Position; readonly to: Position };

/** Replaces the bytes of `at` (empty: an insertion) by pieces. */
export interface Edit {
  readonly at: Span;
  readonly pieces: readonly Piece[];
}

export interface RewriteTemplate {
  readonly pieces: readonly Piece[];
  /** Indexes of the client's parameters in text order; undefined: all of them in order. */
  readonly parameters: readonly number[] | undefined;
  /** Copies the whole statement with nothing but table pieces between: the client's bytes may do. */
  readonly maybeIdentity: boolean;
  /** Some copied stretch is cut inside, so texts with executable comments can't be spliced safely. */
  readonly cuts: boolean;
}

/** A text of the fingerprint's shape, as bytes to be sent. */
export interface Rendered {
  readonly text: Uint8Array;
  readonly parameters: readonly number[] | undefined;
}

/** Gives the SQL text of a session fact (`fact` pieces); undefined: leave the text as it is. */
export type FactText = (name: string) => string | undefined;

/** The text that is being planned: turns byte spans of its syntax tree into positions that fit all texts of its shape. */
export class StatementText {
  readonly tokens: TokenList;
  readonly fingerprint: Fingerprint;

  constructor(tokens: TokenList, fingerprint: Fingerprint) {
    this.tokens = tokens;
    this.fingerprint = fingerprint;
  }

  #confined: Span | undefined;

  /** From now on `whole` means this part of the text only (the statement inside of EXPLAIN). */
  confine(span: Span): void {
    this.#confined = { start: span.start, end: span.end };
  }

  /** The statement's own text of a span, decoded. */
  slice(span: Span): string {
    return decode(this.tokens.text.subarray(span.start, span.end));
  }

  /** First token that starts at or after `offset`. */
  tokenAt(offset: number): number {
    const { starts } = this.tokens;
    let low = this.fingerprint.firstToken;
    let high = this.fingerprint.endToken;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (starts[middle]! < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Position of a byte offset that is an edge of a token. An offset that is both prefers the end of the token before if `preferEnd`. */
  position(offset: number, preferEnd: boolean): Position {
    const { starts, ends } = this.tokens;
    const token = this.tokenAt(offset);
    const isStart = token < this.fingerprint.endToken && starts[token] === offset;
    const isEnd = token > this.fingerprint.firstToken && ends[token - 1] === offset;
    if (isEnd && (preferEnd || !isStart)) return this.#anchored(token - 1, true);
    if (isStart) return this.#anchored(token, false);
    // Between tokens (a span that begins or ends in white space): the next token's start, or the last one's end.
    if (token < this.fingerprint.endToken) return this.#anchored(token, false);
    return this.#anchored(this.fingerprint.endToken - 1, true);
  }

  /** Pieces that copy `span` with edits applied. Edits must lie inside of it and not overlap. */
  pieces(span: Span, edits: readonly Edit[]): Piece[] {
    const sorted = [...edits].sort((a, b) => a.at.start - b.at.start || a.at.end - b.at.end);
    const pieces: Piece[] = [];
    let from = span.start;
    for (const edit of sorted) {
      if (edit.at.start < from || edit.at.end > span.end)
        throw new MeshError('SM_INTERNAL', { message: 'overlapping edits' });
      if (edit.at.start > from) this.#copy(from, edit.at.start, pieces);
      pieces.push(...edit.pieces);
      from = edit.at.end;
    }
    if (span.end > from) this.#copy(from, span.end, pieces);
    return pieces;
  }

  /** The whole statement with edits. */
  whole(edits: readonly Edit[]): RewriteTemplate {
    const { starts, ends } = this.tokens;
    const { firstToken, endToken } = this.fingerprint;
    const span = this.#confined ?? { start: starts[firstToken]!, end: ends[endToken - 1]! };
    const maybeIdentity =
      this.#confined === undefined &&
      edits.every(
        ({ pieces }) =>
          // What is left out is never the same text.
          pieces.length > 0 &&
          pieces.every((piece) => (piece.kind === 'table' && piece.from !== undefined) || piece.kind === 'alias'),
      );
    return this.#template(this.pieces(span, edits), maybeIdentity, edits.length > 0);
  }

  /** A text put together from pieces. */
  compose(pieces: readonly Piece[]): RewriteTemplate {
    return this.#template(pieces, false, true);
  }

  /** `?` indexes inside of a span. */
  parametersIn(start: number, end: number): number[] {
    const { kinds, starts } = this.tokens;
    const indexes: number[] = [];
    let index = 0;
    for (let token = this.fingerprint.firstToken; token < this.fingerprint.endToken; token++) {
      if (starts[token]! >= end) break;
      if (kinds[token] !== TokenKind.parameter) continue;
      if (starts[token]! >= start) indexes.push(index);
      index++;
    }
    return indexes;
  }

  /** A table piece that stands for the text of `at`. */
  tablePiece(table: number, logical: string, suffix: string, at: Span): Piece {
    return {
      kind: 'table',
      table,
      logical,
      suffix,
      from: this.position(at.start, false),
      to: this.position(at.end, true),
    };
  }

  #copy(start: number, end: number, into: Piece[]): void {
    into.push({
      kind: 'copy',
      from: this.#edge(start),
      to: this.#edge(end),
      parameters: this.parametersIn(start, end),
    });
  }

  /** An offset as the border of a copied stretch: white space at a border belongs to whoever ends at a token there. */
  #edge(offset: number): Position {
    return this.position(offset, true);
  }

  #anchored(token: number, end: boolean): Position {
    const { slotCount, slotEnd, slotFirst, firstToken } = this.fingerprint;
    let slot = -1;
    for (let index = 0; index < slotCount; index++) {
      if (slotEnd[index]! <= token) slot = index;
      else if (slotFirst[index]! < token) {
        if (end && token === slotEnd[index]! - 1) slot = index;
        else if (slotFirst[index] !== token)
          throw new MeshError('SM_INTERNAL', { message: 'a rewrite inside of a literal list' });
        break;
      } else {
        if (end && slotFirst[index] === token && slotEnd[index] === token + 1) slot = index;
        else if (end && slotFirst[index] === token)
          throw new MeshError('SM_INTERNAL', { message: 'a rewrite inside of a literal list' });
        break;
      }
    }
    return { slot, delta: token - (slot < 0 ? firstToken : slotEnd[slot]!), end };
  }

  #template(pieces: readonly Piece[], maybeIdentity: boolean, cuts: boolean): RewriteTemplate {
    const parameters = pieces.flatMap((piece) => (piece.kind === 'copy' ? piece.parameters : []));
    const inOrder =
      parameters.length === this.fingerprint.parameterCount &&
      parameters.every((parameter, index) => parameter === index);
    return { pieces, parameters: inOrder ? undefined : parameters, maybeIdentity, cuts };
  }
}

/** Byte offset of a position in another text of the same shape. */
export function offsetOf(position: Position, tokens: TokenList, fingerprint: Fingerprint): number {
  const token = (position.slot < 0 ? fingerprint.firstToken : fingerprint.slotEnd[position.slot]!) + position.delta;
  return position.end ? tokens.ends[token]! : tokens.starts[token]!;
}

/** The statement as the client sent it, comments included, without its `;`. A view, no copy. */
export function clientBytes(tokens: TokenList, fingerprint: Fingerprint): Uint8Array {
  const { firstToken, endToken } = fingerprint;
  const start = firstToken === 0 ? 0 : tokens.ends[firstToken - 1]!;
  const end =
    endToken < tokens.count && tokens.kinds[endToken] !== TokenKind.end ? tokens.starts[endToken]! : tokens.text.length;
  return start === 0 && end === tokens.text.length ? tokens.text : tokens.text.subarray(start, end);
}

const nothing = new Uint8Array(0);
const segments: Uint8Array[] = [];

/**
 * Fills a template for one place. `tables` by use index. The answer is a view of the client's bytes when no name differs;
 * otherwise one new buffer. Throws MeshError SM_UNSUPPORTED for a text with executable comments that would have to be spliced.
 */
export function render(
  template: RewriteTemplate,
  tokens: TokenList,
  fingerprint: Fingerprint,
  tables: readonly string[],
  computed: readonly Uint8Array[] = [],
  factText?: FactText,
): Rendered {
  if (template.maybeIdentity && !differs(template.pieces, tables)) {
    return { text: clientBytes(tokens, fingerprint), parameters: template.parameters };
  }
  if (template.cuts && tokens.hasExecutableComments) {
    throw new MeshError('SM_UNSUPPORTED', {
      what: 'an executable comment in this statement',
      reason: 'table names must be replaced here',
    });
  }
  let length = 0;
  segments.length = 0;
  for (const piece of template.pieces) {
    const segment = segmentOf(piece, tokens, fingerprint, tables, computed, factText);
    segments.push(segment);
    length += segment.length;
  }
  const text = Buffer.allocUnsafe(length);
  let at = 0;
  for (const segment of segments) {
    text.set(segment, at);
    at += segment.length;
  }
  return { text, parameters: template.parameters };
}

function differs(pieces: readonly Piece[], tables: readonly string[]): boolean {
  for (const piece of pieces) {
    if ((piece.kind === 'table' || piece.kind === 'alias') && tables[piece.table] !== piece.logical) return true;
  }
  return false;
}

function segmentOf(
  piece: Piece,
  tokens: TokenList,
  fingerprint: Fingerprint,
  tables: readonly string[],
  computed: readonly Uint8Array[],
  factText: FactText | undefined,
): Uint8Array {
  switch (piece.kind) {
    case 'text':
      return constantBytes(piece.text);
    case 'copy':
      return tokens.text.subarray(offsetOf(piece.from, tokens, fingerprint), offsetOf(piece.to, tokens, fingerprint));
    case 'table': {
      const physical = tables[piece.table]!;
      if (physical === piece.logical && piece.from !== undefined && piece.to !== undefined) {
        return tokens.text.subarray(offsetOf(piece.from, tokens, fingerprint), offsetOf(piece.to, tokens, fingerprint));
      }
      return constantBytes(physical === piece.logical ? quoteName(physical) : quoteName(physical) + piece.suffix);
    }
    case 'computed':
      return computed[piece.index]!;
    case 'alias':
      return tables[piece.table] === piece.logical ? nothing : constantBytes(piece.text);
    case 'fact': {
      const fact = factText?.(piece.name);
      if (fact !== undefined) return Buffer.from(fact, 'utf8');
      return tokens.text.subarray(offsetOf(piece.from, tokens, fingerprint), offsetOf(piece.to, tokens, fingerprint));
    }
    case 'heading': {
      const heading = tokens.text.subarray(
        offsetOf(piece.from, tokens, fingerprint),
        offsetOf(piece.to, tokens, fingerprint),
      );
      return Buffer.from(` AS ${quoteName(decode(heading))}`, 'utf8');
    }
  }
}

const CONSTANTS_MAX = 20_000;
const constants = new Map<string, Uint8Array>();

/** UTF-8 bytes of a text that comes from a plan (never from values), remembered. */
function constantBytes(text: string): Uint8Array {
  let bytes = constants.get(text);
  if (bytes === undefined) {
    bytes = Buffer.from(text, 'utf8');
    if (constants.size >= CONSTANTS_MAX) constants.clear();
    constants.set(text, bytes);
  }
  return bytes;
}

const TICK = '`';

/** A name in backticks, always: it may directly follow or precede a word. */
export function quoteName(name: string): string {
  if (!name.includes(TICK)) return TICK + name + TICK;
  return `\`${name.replaceAll('`', '``')}\``;
}

/** Bytes as text. */
export function decode(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}
