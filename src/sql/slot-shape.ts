/** Recognises lists of literals and rows of one shape in a token list, and finds their elements again. */

import { Keyword, Op } from './keywords.ts';
import { type Fingerprint, SlotKind, TokenKind, type TokenList } from './tokens.ts';

/** Whether a token of this kind is a literal all by itself. */
export function isLiteralKind(kind: number): boolean {
  return kind >= TokenKind.integer && kind <= TokenKind.bit;
}

/** Whether the token is a literal as a cell of a row: NULL, TRUE and FALSE count. */
export function isCellLiteral(kind: number, id: number): boolean {
  if (isLiteralKind(kind)) return true;
  return kind === TokenKind.word && (id === Keyword.NULL || id === Keyword.TRUE || id === Keyword.FALSE);
}

/**
 * The `)` of a list of literals whose first element is the token `first`, or -1 when the parentheses hold anything else.
 * Every element is one token: element n stands at `first + 2 * n`.
 */
export function listEnd(tokens: TokenList, first: number): number {
  const { kinds, ids, count } = tokens;
  let i = first;
  while (i + 1 < count) {
    if (!isLiteralKind(kinds[i]!) || kinds[i + 1] !== TokenKind.punctuation) return -1;
    const id = ids[i + 1]!;
    if (id === Op.RPAREN) return i + 1;
    if (id !== Op.COMMA) return -1;
    i += 2;
  }
  return -1;
}

/** What `measureRows` found; one object, overwritten by each call. */
export interface RowsShape {
  /** Tokens of one row, parentheses included. */
  rowTokens: number;
  rows: number;
  /** Cells of one row. */
  width: number;
}

const shape: RowsShape = { rowTokens: 0, rows: 0, width: 0 };

/**
 * Measures the rows that begin with the `(` at token `first`: two or more, of the same tokens except for literals, with at
 * most one literal in a cell and no parameter. Undefined when they are not so.
 */
export function measureRows(tokens: TokenList, first: number): RowsShape | undefined {
  const rowTokens = measureFirstRow(tokens, first);
  if (rowTokens < 0) return undefined;
  const { kinds, ids, count } = tokens;
  let rows = 1;
  let row = first;
  for (;;) {
    const comma = row + rowTokens;
    if (comma >= count || kinds[comma] !== TokenKind.punctuation || ids[comma] !== Op.COMMA) break;
    row = comma + 1;
    if (!sameRow(tokens, first, row, rowTokens)) return undefined;
    rows++;
  }
  if (rows < 2) return undefined;
  shape.rowTokens = rowTokens;
  shape.rows = rows;
  return shape;
}

/** Number of tokens of the first row, and its width in `shape`; -1 when it can't be folded. */
function measureFirstRow(tokens: TokenList, first: number): number {
  const { kinds, ids, count } = tokens;
  let depth = 0;
  let width = 1;
  let literals = 0;
  for (let i = first; i < count; i++) {
    const kind = kinds[i]!;
    const id = ids[i]!;
    if (kind === TokenKind.punctuation) {
      if (id === Op.LPAREN) depth++;
      else if (id === Op.SEMICOLON) return -1;
      else if (id === Op.COMMA && depth === 1) {
        width++;
        literals = 0;
      } else if (id === Op.RPAREN && --depth === 0) {
        // `()` has no cell.
        if (i === first + 1) return -1;
        shape.width = width;
        return i + 1 - first;
      }
    } else if (isCellLiteral(kind, id)) {
      if (++literals > 1) return -1;
    } else if (kind === TokenKind.parameter || kind === TokenKind.bad) {
      return -1;
    }
  }
  return -1;
}

function sameRow(tokens: TokenList, first: number, row: number, rowTokens: number): boolean {
  const { kinds, ids, count } = tokens;
  if (row + rowTokens > count) return false;
  for (let i = 0; i < rowTokens; i++) {
    const kind = kinds[row + i]!;
    const id = ids[row + i]!;
    const firstKind = kinds[first + i]!;
    const firstId = ids[first + i]!;
    if (isCellLiteral(kind, id)) {
      if (!isCellLiteral(firstKind, firstId)) return false;
    } else if (kind !== firstKind || id !== firstId) {
      return false;
    } else if (kind !== TokenKind.punctuation) {
      if (!sameText(tokens, first + i, row + i)) return false;
    }
  }
  return true;
}

/** Same bytes, and the same gap before them: `f (` and `f(` may differ. */
function sameText(tokens: TokenList, a: number, b: number): boolean {
  const { text, starts, ends } = tokens;
  const length = ends[a]! - starts[a]!;
  if (ends[b]! - starts[b]! !== length) return false;
  for (let i = 0; i < length; i++) if (text[starts[a]! + i] !== text[starts[b]! + i]) return false;
  return (starts[a + 1] === ends[a]) === (starts[b + 1] === ends[b]);
}

/** Rows of a rows slot. */
export function slotRows(fingerprint: Fingerprint, slot: number): number {
  return fingerprint.slotSize[slot]! / fingerprint.slotWidth[slot]!;
}

/** Token of the `(` of a row of a rows slot; for the number of rows: the token two after the last `)`. */
export function slotRowToken(fingerprint: Fingerprint, slot: number, row: number): number {
  const first = fingerprint.slotFirst[slot]!;
  return first + (row * (fingerprint.slotEnd[slot]! + 1 - first)) / slotRows(fingerprint, slot);
}

/**
 * First token of the literal of an element: of a scalar slot (element 0), of a list, or of a cell of a rows slot (elements
 * count row by row). -1 for a cell without a literal, such as DEFAULT.
 */
export function elementToken(tokens: TokenList, fingerprint: Fingerprint, slot: number, element: number): number {
  const first = fingerprint.slotFirst[slot]!;
  const kind = fingerprint.slotKinds[slot];
  if (kind === SlotKind.scalar) return first;
  if (kind === SlotKind.list) return first + 2 * element;
  const width = fingerprint.slotWidth[slot]!;
  const { kinds, ids } = tokens;
  let column = element % width;
  let depth = 0;
  for (let i = slotRowToken(fingerprint, slot, Math.floor(element / width)); i < tokens.count; i++) {
    const id = ids[i]!;
    if (kinds[i] === TokenKind.punctuation) {
      if (id === Op.LPAREN) depth++;
      else if (id === Op.RPAREN) {
        if (--depth === 0) return -1;
      } else if (id === Op.COMMA && depth === 1 && column-- === 0) return -1;
    } else if (column === 0 && isCellLiteral(kinds[i]!, id)) {
      return opensLiteral(tokens, i - 1) ? i - 1 : i;
    }
  }
  return -1;
}

/** Whether the token is the first of a literal of two tokens: an introducer, or DATE, TIME, TIMESTAMP before a string. */
function opensLiteral(tokens: TokenList, i: number): boolean {
  if (tokens.kinds[i] === TokenKind.introducer) return true;
  if (tokens.kinds[i] !== TokenKind.word || tokens.kinds[i + 1] !== TokenKind.string) return false;
  const id = tokens.ids[i];
  return id === Keyword.DATE || id === Keyword.TIME || id === Keyword.TIMESTAMP;
}
