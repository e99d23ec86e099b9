/** Where a value comes from at bind time: a literal of the text, an element of a folded list, or a parameter. */
import { MeshError } from '../base/index.ts';
import {
  type Expression,
  type Fingerprint,
  Keyword,
  type Literal,
  literalValue,
  TokenKind,
  type TokenList,
} from '../sql/index.ts';
import type { Position, StatementText } from './rewrite.ts';
import { type Scalar, scalarOfLiteral, scalarOfParameter } from './scalar.ts';
import type { BindInput } from './types.ts';

export type ValueSource =
  | { readonly kind: 'literal'; readonly at: Position; readonly negative: boolean }
  /** Element of a list or rows slot, counted through all rows. */
  | { readonly kind: 'element'; readonly slot: number; readonly element: number; readonly negative: boolean }
  /** Every element of a list slot. */
  | { readonly kind: 'list'; readonly slot: number }
  | { readonly kind: 'parameter'; readonly index: number; readonly negative: boolean }
  /** LAST_INSERT_ID(). */
  | { readonly kind: 'lastInsertId' }
  /** Whole numbers added, subtracted, multiplied: exact while all stays in 64 bits. */
  | {
      readonly kind: 'arithmetic';
      readonly operator: '+' | '-' | '*';
      readonly left: ValueSource;
      readonly right: ValueSource;
      readonly negative: boolean;
    };

/** The source of a value expression: literal or parameter, in parentheses, with signs. Undefined: an expression to be computed. */
export function valueSource(expression: Expression, text: StatementText): ValueSource | undefined {
  let negative = false;
  for (;;) {
    if (expression.kind === 'paren') expression = expression.inner;
    else if (expression.kind === 'unary' && (expression.operator === '-' || expression.operator === '+')) {
      if (expression.operator === '-') negative = !negative;
      expression = expression.operand;
    } else break;
  }
  if (expression.kind === 'parameter') return { kind: 'parameter', index: expression.index, negative };
  if (
    expression.kind === 'call' &&
    expression.name === 'LAST_INSERT_ID' &&
    expression.args.length === 0 &&
    expression.schema === undefined &&
    !negative
  )
    return { kind: 'lastInsertId' };
  if (
    expression.kind === 'binary' &&
    (expression.operator === '+' || expression.operator === '-' || expression.operator === '*')
  ) {
    const [left, right] = [valueSource(expression.left, text), valueSource(expression.right, text)];
    if (left === undefined || right === undefined) return undefined;
    return { kind: 'arithmetic', operator: expression.operator, left, right, negative };
  }
  if (expression.kind !== 'literal') return undefined;
  return literalSource(expression, negative, text);
}

function literalSource(literal: Literal, negative: boolean, text: StatementText): ValueSource {
  if (literal.slot >= 0 && text.fingerprint.slotKinds[literal.slot] !== 0)
    return { kind: 'element', slot: literal.slot, element: literal.element, negative };
  return { kind: 'literal', at: text.position(literal.start, false), negative };
}

/** The value; a `list` source has several: use `elementRanges` and `scalarAt`. */
export function readValue(source: ValueSource, input: BindInput, charset: 'utf8' | 'latin1'): Scalar {
  switch (source.kind) {
    case 'parameter': {
      const value = input.parameters[source.index];
      if (value === undefined) throw new MeshError('ER_DUP_UNKNOWN_STMT', { command: 'EXECUTE' });
      return scalarOfParameter(value, source.negative, charset);
    }
    case 'literal': {
      const { at } = source;
      const token = (at.slot < 0 ? input.fingerprint.firstToken : input.fingerprint.slotEnd[at.slot]!) + at.delta;
      return scalarOfLiteral(literalValue(input.tokens, token), source.negative, charset);
    }
    case 'element': {
      const ranges = elementRanges(input.tokens, input.fingerprint, source.slot);
      return scalarAt(input, ranges, source.element, charset);
    }
    case 'lastInsertId':
      return { kind: 'integer', value: input.facts.lastInsertId };
    case 'arithmetic':
      return arithmetic(source, readValue(source.left, input, charset), readValue(source.right, input, charset));
    case 'list':
      throw new MeshError('SM_INTERNAL', { message: 'a list is not one value' });
  }
}

const uncertain: Scalar = { kind: 'string', text: undefined };

function arithmetic(source: Extract<ValueSource, { kind: 'arithmetic' }>, left: Scalar, right: Scalar): Scalar {
  if (left.kind === 'null' || right.kind === 'null') return { kind: 'null' };
  if (left.kind !== 'integer' || right.kind !== 'integer' || !isSigned64(left.value) || !isSigned64(right.value))
    return uncertain;
  let value = left.value;
  if (source.operator === '+') value += right.value;
  else if (source.operator === '-') value -= right.value;
  else value *= right.value;
  if (source.negative) value = -value;
  return isSigned64(value) ? { kind: 'integer', value } : uncertain;
}

function isSigned64(value: bigint): boolean {
  return BigInt.asIntN(64, value) === value;
}

/** Token ranges of the elements of a list or rows slot: from, to, from, to ... (rows: all elements of the first row, then the second). */
export function elementRanges(tokens: TokenList, fingerprint: Fingerprint, slot: number): Int32Array {
  const first = fingerprint.slotFirst[slot]!;
  const end = fingerprint.slotEnd[slot]!;
  const rows = fingerprint.slotKinds[slot] === 2;
  const level = rows ? 1 : 0;
  const ranges: number[] = [];
  let depth = 0;
  let from = rows ? -1 : first;
  for (let token = first; token < end; token++) {
    if (tokens.kinds[token] !== TokenKind.punctuation || tokens.ends[token]! - tokens.starts[token]! !== 1) continue;
    const byte = tokens.text[tokens.starts[token]!];
    if (byte === 0x28) {
      depth++;
      if (rows && depth === 1) from = token + 1;
    } else if (byte === 0x29) {
      if (rows && depth === 1 && token > from) ranges.push(from, token);
      depth--;
    } else if (byte === 0x2c && depth === level) {
      ranges.push(from, token);
      from = token + 1;
    }
  }
  if (!rows) ranges.push(from, end);
  return Int32Array.from(ranges);
}

/** Value of one element. */
export function scalarAt(input: BindInput, ranges: Int32Array, element: number, charset: 'utf8' | 'latin1'): Scalar {
  const { tokens } = input;
  let token = ranges[element * 2];
  if (token === undefined) throw new MeshError('SM_INTERNAL', { message: 'an element beyond its list' });
  let negative = false;
  while (tokens.kinds[token] === TokenKind.punctuation) {
    if (tokens.text[tokens.starts[token]!] === 0x2d) negative = !negative;
    token++;
  }
  return scalarOfLiteral(literalValue(tokens, token), negative, charset);
}

/** Value of a cell that is nothing but a literal with signs; undefined for anything else. */
export function literalCell(
  input: BindInput,
  from: number,
  to: number,
  charset: 'utf8' | 'latin1',
): Scalar | undefined {
  const { tokens } = input;
  let token = from;
  let negative = false;
  while (token < to && tokens.kinds[token] === TokenKind.punctuation) {
    const byte = tokens.text[tokens.starts[token]!];
    if (byte === 0x2d) negative = !negative;
    else if (byte !== 0x2b) return undefined;
    token++;
  }
  if (token >= to) return undefined;
  const kind = tokens.kinds[token]!;
  const single = to - token === 1;
  if (kind === TokenKind.word) {
    const id = tokens.ids[token]!;
    const constant = single && (id === Keyword.NULL || id === Keyword.TRUE || id === Keyword.FALSE);
    const temporal =
      to - token === 2 &&
      tokens.kinds[token + 1] === TokenKind.string &&
      (id === Keyword.DATE || id === Keyword.TIME || id === Keyword.TIMESTAMP);
    if (!constant && !temporal) return undefined;
  } else if (kind === TokenKind.introducer) {
    if (to - token !== 2) return undefined;
  } else if (!single || kind < TokenKind.integer || kind > TokenKind.bit) return undefined;
  return scalarOfLiteral(literalValue(tokens, token), negative, charset);
}
