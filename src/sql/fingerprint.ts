/** Turns the tokens of one statement into its cache key: the text without literals, and where the literals stand. */

import type { FingerprintBuffer } from './fingerprint-buffer.ts';
import { Keyword, Op } from './keywords.ts';
import { idSet, isOperand, opensTypeLength } from './operand.ts';
import { isCellLiteral, isLiteralKind, listEnd, measureRows } from './slot-shape.ts';
import { mayHoldStatements, nextSemicolon } from './statement-end.ts';
import { MarkKind, SlotKind, TokenKind, type TokenList } from './tokens.ts';

// Bytes of the key that begin no token of a text. A word is written with a blank before it, unless it touches a dot or @@.
const SCALAR = 0x01; // then the literal's kind
const LIST = 0x02;
const ROWS = 0x03; // then the first row, with CELL for each literal
const CELL = 0x04;
const MARK = 0x05;
const BAD = 0x06;
const END = 0x07; // the statement's end is not certain
const OPERATOR = 0x0e; // first of the bytes for operators of several characters
const NATIONAL = 0x10;
const TEMPORAL = 0x11;

const BLANK = 0x20;
/** Largest scale of a decimal that is told apart. */
const SCALE_MAX = 31;

/** Statements whose literals become slots; in all others they are part of the key. */
const slotted = idSet(['SELECT', 'INSERT', 'REPLACE', 'UPDATE', 'DELETE', 'WITH', 'VALUES', 'TABLE']);
/** Words that end a BY list at its own depth. */
const endsByList = idSet(
  'LIMIT HAVING ORDER UNION EXCEPT INTERSECT FOR INTO WHERE SELECT VALUES ROWS RANGE GROUPS SEPARATOR WINDOW LOCK SET'.split(
    ' ',
  ),
);

/** Key bytes of operators: their character, or a control byte when there are several. 0x0b is no token's byte either. */
const operatorBytes = buildOperatorBytes();

function buildOperatorBytes(): Uint8Array {
  const bytes = new Uint8Array(64);
  const single: readonly (readonly [number, string])[] = [
    [Op.LPAREN, '('],
    [Op.RPAREN, ')'],
    [Op.COMMA, ','],
    [Op.SEMICOLON, ';'],
    [Op.DOT, '.'],
    [Op.EQ, '='],
    [Op.LT, '<'],
    [Op.GT, '>'],
    [Op.PLUS, '+'],
    [Op.MINUS, '-'],
    [Op.STAR, '*'],
    [Op.SLASH, '/'],
    [Op.PERCENT, '%'],
    [Op.CARET, '^'],
    [Op.TILDE, '~'],
    [Op.BANG, '!'],
    [Op.PIPE, '|'],
    [Op.AMPERSAND, '&'],
    [Op.COLON, ':'],
    [Op.LBRACE, '{'],
    [Op.RBRACE, '}'],
  ];
  for (const [id, sign] of single) bytes[id] = sign.charCodeAt(0);
  let next = OPERATOR;
  for (const id of [
    Op.NULL_SAFE_EQ,
    Op.NE,
    Op.LE,
    Op.GE,
    Op.SHIFT_LEFT,
    Op.SHIFT_RIGHT,
    Op.PIPE_PIPE,
    Op.AND_AND,
    Op.ASSIGN,
    Op.ARROW,
    Op.DOUBLE_ARROW,
  ]) {
    bytes[id] = next++;
  }
  return bytes;
}

/**
 * Fills `out` with the fingerprint of the statement that begins at token `firstToken`. Equal keys mean equal token sequences
 * up to the literals in slots, and thus equal slots. Allocates nothing once `out` has grown.
 */
export function fingerprint(tokens: TokenList, firstToken: number, out: FingerprintBuffer): void {
  out.reset();
  const { kinds, ids, starts, ends, text } = tokens;
  const semicolon = mayHoldStatements(tokens, firstToken) ? -1 : nextSemicolon(tokens, firstToken);
  const end = semicolon < 0 ? tokens.count : semicolon;
  out.firstToken = firstToken;
  out.endToken = end;
  out.endCertain = semicolon >= 0;
  const verb = firstKeyword(tokens, firstToken, end);
  out.verb = verb;
  const hasSlots = slotted[verb] === 1;
  const folds = hasSlots && !tokens.hasExecutableComments;
  let rowsAhead = folds && (verb === Keyword.INSERT || verb === Keyword.REPLACE);
  const marks = tokens.marks;
  let mark = 0;
  while (mark < marks.length && marks[mark]! < firstToken) mark += 4;

  let depth = 0;
  // Depth of the parenthesis inside of which literals are structure (a type's length); 0 = none.
  let plainDepth = 0;
  // Depth of the ORDER BY / GROUP BY / PARTITION BY list that is being read, or -1.
  let byDepth = -1;
  let i = firstToken;
  while (i < end) {
    while (mark < marks.length && marks[mark]! <= i) mark = putMark(out, tokens, mark);
    const kind = kinds[i]!;
    if (kind === TokenKind.word) {
      const id = ids[i]!;
      if (folds && isTemporal(kinds[i + 1]!, id) && i + 1 < end) {
        out.put(SCALAR);
        out.put(TEMPORAL);
        out.put(id & 0xff);
        out.put(id >>> 8);
        out.slot(SlotKind.scalar, i, i + 2, 1, 0);
        i += 2;
        continue;
      }
      if (!touchesDot(tokens, i, firstToken)) out.put(BLANK);
      out.putText(text, starts[i]!, ends[i]!);
      if (id !== 0) {
        if (id === Keyword.BY) byDepth = depth;
        else if (depth === byDepth && endsByList[id] === 1) byDepth = -1;
      }
      i++;
      if (id === Keyword.IN && folds && plainDepth === 0 && isOpen(tokens, i, end)) {
        const close = listEnd(tokens, i + 1);
        if (close > 0 && close < end) {
          putOperator(out, tokens, i);
          out.put(LIST);
          out.slot(SlotKind.list, i + 1, close, (close - i) >> 1, 0);
          i = close;
          depth++;
        }
      } else if (rowsAhead && depth === 0 && (id === Keyword.VALUES || id === Keyword.VALUE)) {
        if (isOpen(tokens, i, end)) {
          const next = putRows(out, tokens, i);
          if (next > i || id === Keyword.VALUES) rowsAhead = false;
          i = next;
        }
      }
      continue;
    }
    if (kind === TokenKind.punctuation) {
      const id = ids[i]!;
      if (id === Op.LPAREN) {
        depth++;
        if (plainDepth === 0 && hasSlots && opensTypeLength(tokens, i, firstToken)) plainDepth = depth;
      } else if (id === Op.RPAREN) {
        if (depth === plainDepth) plainDepth = 0;
        if (depth === byDepth) byDepth = -1;
        if (depth > 0) depth--;
      }
      putOperator(out, tokens, i);
      i++;
      continue;
    }
    if (kind === TokenKind.parameter) {
      out.put(0x3f);
      out.parameterCount++;
      i++;
      continue;
    }
    const literal = kind === TokenKind.introducer ? i + 1 : i;
    if (hasSlots && plainDepth === 0 && literal < end && isLiteralKind(kinds[literal]!)) {
      if (isOperand(tokens, i, literal, firstToken, end, depth === byDepth)) {
        i = putScalar(out, tokens, i, literal, end);
        continue;
      }
    }
    if (kind === TokenKind.bad) {
      out.put(BAD);
      out.putCounted(text, starts[i]!, ends[i]!);
    } else {
      out.put(BLANK);
      out.putText(text, starts[i]!, ends[i]!);
    }
    i++;
  }
  while (mark < marks.length && marks[mark]! <= end) mark = putMark(out, tokens, mark);
  if (semicolon < 0) out.put(END);
}

/** The first word's keyword, behind any parentheses. */
function firstKeyword(tokens: TokenList, first: number, end: number): number {
  let i = first;
  while (i < end && tokens.kinds[i] === TokenKind.punctuation && tokens.ids[i] === Op.LPAREN) i++;
  return i < end && tokens.kinds[i] === TokenKind.word ? tokens.ids[i]! : 0;
}

/** Whether the word is DATE, TIME or TIMESTAMP before a string: a temporal literal. */
function isTemporal(next: number, id: number): boolean {
  return next === TokenKind.string && (id === Keyword.DATE || id === Keyword.TIME || id === Keyword.TIMESTAMP);
}

function isOpen(tokens: TokenList, i: number, end: number): boolean {
  return i < end && tokens.kinds[i] === TokenKind.punctuation && tokens.ids[i] === Op.LPAREN;
}

/** Whether the word at `i` follows a dot or @@ without a gap: then it is a name or a variable's name or scope. */
function touchesDot(tokens: TokenList, i: number, first: number): boolean {
  if (i === first || tokens.ends[i - 1] !== tokens.starts[i]) return false;
  const kind = tokens.kinds[i - 1];
  return kind === TokenKind.systemVariable || (kind === TokenKind.punctuation && tokens.ids[i - 1] === Op.DOT);
}

/** Writes an operator. A gap before `(` or `.` may change the meaning of the word before it, so it is kept as one blank. */
function putOperator(out: FingerprintBuffer, tokens: TokenList, i: number): void {
  const id = tokens.ids[i]!;
  if ((id === Op.LPAREN || id === Op.DOT) && i > 0 && tokens.kinds[i - 1] === TokenKind.word) {
    if (tokens.ends[i - 1] !== tokens.starts[i]) out.put(BLANK);
  }
  out.put(operatorBytes[id]!);
}

function putMark(out: FingerprintBuffer, tokens: TokenList, mark: number): number {
  const kind = tokens.marks[mark + 1]!;
  out.put(MARK);
  out.put(kind);
  if (kind !== MarkKind.close) out.putCounted(tokens.text, tokens.marks[mark + 2]!, tokens.marks[mark + 3]!);
  return mark + 4;
}

/** Writes the rows at the `(` at `i` if they fold; returns the token after them, or `i` if they do not. */
function putRows(out: FingerprintBuffer, tokens: TokenList, i: number): number {
  const shape = measureRows(tokens, i);
  if (shape === undefined) return i;
  const { kinds, ids, starts, ends, text } = tokens;
  const rowEnd = i + shape.rowTokens;
  const last = i + shape.rows * (shape.rowTokens + 1) - 1;
  out.slot(SlotKind.rows, i, last, shape.rows * shape.width, shape.width);
  out.put(ROWS);
  for (let at = i; at < rowEnd; at++) {
    if (kinds[at] === TokenKind.punctuation) {
      putOperator(out, tokens, at);
    } else if (isCellLiteral(kinds[at]!, ids[at]!)) {
      out.put(CELL);
    } else {
      if (!touchesDot(tokens, at, i)) out.put(BLANK);
      out.putText(text, starts[at]!, ends[at]!);
    }
  }
  return last;
}

/** Writes a scalar slot; adjacent strings are one literal. Returns the token after it. */
function putScalar(out: FingerprintBuffer, tokens: TokenList, i: number, literal: number, end: number): number {
  const { kinds, starts, ends, text } = tokens;
  if (literal > i) {
    out.put(BLANK);
    out.putText(text, starts[i]!, ends[i]!);
  }
  const kind = kinds[literal]!;
  let next = literal + 1;
  out.put(SCALAR);
  if (kind === TokenKind.string) {
    const c = text[starts[literal]!];
    out.put(c === 0x27 || c === 0x22 ? kind : NATIONAL);
    // A string that an executable comment adds or ends stays in the key.
    while (next < end && joins(tokens, next)) next++;
  } else {
    out.put(kind);
    if (kind === TokenKind.decimal) out.put(scaleOf(tokens, literal));
  }
  out.slot(SlotKind.scalar, i, next, 1, 0);
  return next;
}

function joins(tokens: TokenList, next: number): boolean {
  return tokens.kinds[next] === TokenKind.string && !tokens.hasExecutableComments;
}

/** Digits after the point of a decimal; kept off the other bytes of the key by its range. */
function scaleOf(tokens: TokenList, i: number): number {
  const { text, starts, ends } = tokens;
  let at = starts[i]!;
  while (text[at] !== 0x2e) at++;
  return Math.min(SCALE_MAX, ends[i]! - at - 1);
}
