/** Operators: a Pratt parser with the precedence that the grammars of MySQL and MariaDB give them. */
import type { Between, BinaryOperator, Expression, InList, InSubquery, Interval, QueryExpression } from '../ast.ts';
import type { Cursor } from './cursor.ts';
import { parseParentheses } from './parentheses.ts';
import { parsePrimary } from './primary.ts';
import { parseQueryExpression, startsQuery } from './query.ts';

/** How tightly an operator binds; from the rules of the servers' grammars, which differ from the manual's list for BETWEEN. */
export const Precedence = {
  or: 1,
  xor: 2,
  and: 3,
  not: 4,
  comparison: 5, // = <=> <> < <= > >= IS
  predicate: 6, // IN BETWEEN LIKE REGEXP SOUNDS MEMBER
  bitOr: 7,
  bitAnd: 8,
  shift: 9,
  additive: 10,
  multiplicative: 11,
  bitXor: 12,
  concat: 13, // || under PIPES_AS_CONCAT
  unary: 14,
} as const;

/** Chains of AND and OR up to this length are left-associative; longer ones become balanced trees, to keep trees low. */
const plainChainMax = 32;

const comparisons: Readonly<Record<string, BinaryOperator>> = {
  '=': '=',
  '<=>': '<=>',
  '<>': '<>',
  '!=': '<>',
  '<': '<',
  '<=': '<=',
  '>': '>',
  '>=': '>=', // biome-ignore format: a table
};

const arithmetic: Readonly<Record<string, readonly [operator: BinaryOperator, precedence: number]>> = {
  '|': ['|', Precedence.bitOr],
  '&': ['&', Precedence.bitAnd],
  '<<': ['<<', Precedence.shift],
  '>>': ['>>', Precedence.shift],
  '+': ['+', Precedence.additive],
  '-': ['-', Precedence.additive],
  '*': ['*', Precedence.multiplicative],
  '/': ['/', Precedence.multiplicative],
  DIV: ['DIV', Precedence.multiplicative],
  '%': ['%', Precedence.multiplicative],
  MOD: ['%', Precedence.multiplicative],
  '^': ['^', Precedence.bitXor],
};

/** Reads a whole expression. */
export function parseExpression(cursor: Cursor): Expression {
  cursor.enter();
  const expression = parseOperators(cursor, Precedence.or);
  cursor.leave();
  return expression;
}

/** Reads an expression without comparisons and logic: what the grammar calls bit_expr. */
export function parseBitExpression(cursor: Cursor): Expression {
  cursor.enter();
  const expression = parseOperators(cursor, Precedence.bitOr);
  cursor.leave();
  return expression;
}

/** Reads an expression whose operators all bind at least as tightly as `least`. */
function parseOperators(cursor: Cursor, least: number): Expression {
  const outerHeight = cursor.height;
  cursor.height = 0;
  let left = parsePrefix(cursor, least);
  // What was read binds this tightly: a tighter operator can't follow (`a IS TRUE + 1`, `NOT a ^ b` was read by then).
  let ceiling = left.kind === 'interval' ? 0 : Number.POSITIVE_INFINITY;
  for (;;) {
    const precedence = infixPrecedence(cursor);
    if (precedence < least) break;
    if (precedence > ceiling) throw cursor.unexpected();
    // MySQL takes no chain of these; MariaDB does, with rules that follow no table: nobody means either.
    if (precedence === Precedence.predicate && ceiling === precedence) throw cursor.unexpected();
    left = parseInfix(cursor, left, precedence);
    ceiling = precedence;
    cursor.grow(1);
  }
  // Siblings do not add up: the highest counts.
  cursor.grow(1);
  cursor.height = Math.max(cursor.height, outerHeight);
  return left;
}

function parsePrefix(cursor: Cursor, least: number): Expression {
  if (!cursor.is('NOT') || cursor.mode.highNotPrecedence) return parseUnary(cursor);
  if (least > Precedence.not) throw cursor.unexpected();
  const start = cursor.start;
  cursor.enter();
  cursor.advance();
  const operand = parseOperators(cursor, Precedence.not);
  cursor.leave();
  return { kind: 'unary', start, end: operand.end, operator: 'NOT', operand };
}

/** Signs, `~`, `!`, BINARY and what binds tighter. */
function parseUnary(cursor: Cursor): Expression {
  const symbol = cursor.symbol();
  if (symbol === 'INTERVAL') {
    const interval = parseInterval(cursor);
    if (interval !== undefined) return interval;
  }
  if (symbol !== '-' && symbol !== '+' && symbol !== '~' && symbol !== '!' && symbol !== 'BINARY' && symbol !== 'NOT') {
    return parseCollate(cursor, parsePrimary(cursor));
  }
  const start = cursor.start;
  cursor.enter();
  cursor.advance();
  const operand = parseUnary(cursor);
  cursor.leave();
  cursor.grow(1);
  return { kind: 'unary', start, end: operand.end, operator: symbol, operand };
}

function parseCollate(cursor: Cursor, operand: Expression): Expression {
  while (cursor.is('COLLATE')) {
    cursor.advance();
    const from = cursor.at;
    // A word (BINARY included), a quoted name or a string.
    cursor.advance();
    const collation = cursor.tokenText(from).replace(/^[`'"]|[`'"]$/g, '');
    if (!/^[A-Za-z0-9_]+$/.test(collation)) throw cursor.problem('unexpected collation name');
    cursor.grow(1);
    operand = { kind: 'collate', start: operand.start, end: cursor.end, operand, collation };
  }
  return operand;
}

/**
 * `INTERVAL expr unit`, also as the left operand of `+`; undefined when this is the function INTERVAL(a, b, ...).
 * As a left operand only a simple right operand is taken: the servers' grammars disagree about anything longer.
 */
function parseInterval(cursor: Cursor): Expression | undefined {
  if (cursor.symbol(1) === '(' && isIntervalFunction(cursor)) return undefined;
  const interval = parseIntervalOperand(cursor);
  if (!cursor.accept('+')) return interval;
  const right = parseUnary(cursor);
  if (infixPrecedence(cursor) > Precedence.not) throw cursor.unexpected();
  return { kind: 'binary', start: interval.start, end: right.end, operator: '+', left: interval, right };
}

function parseIntervalOperand(cursor: Cursor): Interval {
  const start = cursor.start;
  cursor.expect('INTERVAL');
  const value = parseExpression(cursor);
  const unit = cursor.symbol();
  if (!isIntervalUnit(unit)) throw cursor.unexpected();
  cursor.advance();
  return { kind: 'interval', start, end: cursor.end, value, unit };
}

const intervalUnit = /^(?:SQL_TSI_)?(?:MICROSECOND|SECOND|MINUTE|HOUR|DAY|WEEK|MONTH|QUARTER|YEAR)$/;
const intervalPair =
  /^(?:(?:SECOND|MINUTE|HOUR|DAY)_MICROSECOND|(?:MINUTE|HOUR|DAY)_SECOND|(?:HOUR|DAY)_MINUTE|DAY_HOUR|YEAR_MONTH)$/;

/** Whether an upper-cased word is the unit of an INTERVAL. */
export function isIntervalUnit(word: string): boolean {
  return intervalUnit.test(word) || intervalPair.test(word);
}

/** Whether the parentheses after INTERVAL hold a list: then it is the function. */
function isIntervalFunction(cursor: Cursor): boolean {
  const closing = cursor.closing(cursor.at + 1);
  if (closing < 0) return false;
  let depth = 0;
  for (let index = cursor.at + 1; index < closing; index++) {
    const symbol = cursor.symbolAt(index);
    if (symbol === '(') depth++;
    else if (symbol === ')') depth--;
    else if (symbol === ',' && depth === 1) return true;
  }
  return false;
}

/** How tightly the next token binds as an infix operator; 0 when it is none. */
function infixPrecedence(cursor: Cursor): number {
  const symbol = cursor.symbol();
  if (symbol === '') return 0;
  const calculation = Object.hasOwn(arithmetic, symbol) ? arithmetic[symbol] : undefined;
  if (calculation !== undefined) return calculation[1];
  if (Object.hasOwn(comparisons, symbol) || symbol === 'IS') return Precedence.comparison;
  switch (symbol) {
    case 'OR':
      return Precedence.or;
    case '||':
      return cursor.mode.pipesAsConcat ? Precedence.concat : Precedence.or;
    case 'XOR':
      return Precedence.xor;
    case 'AND':
    case '&&':
      return Precedence.and;
    case 'NOT':
      return isNegatable(cursor.symbol(1)) ? Precedence.predicate : 0;
    case 'SOUNDS':
      return cursor.symbol(1) === 'LIKE' ? Precedence.predicate : 0;
    case 'MEMBER':
      return cursor.symbol(cursor.symbol(1) === 'OF' ? 2 : 1) === '(' ? Precedence.predicate : 0;
    default:
      return isNegatable(symbol) ? Precedence.predicate : 0;
  }
}

function isNegatable(symbol: string): boolean {
  return symbol === 'IN' || symbol === 'BETWEEN' || symbol === 'LIKE' || symbol === 'REGEXP' || symbol === 'RLIKE';
}

/** The next operator with its right side. */
function parseInfix(cursor: Cursor, left: Expression, precedence: number): Expression {
  const symbol = cursor.symbol();
  switch (precedence) {
    case Precedence.or:
      return parseChain(cursor, left, 'OR');
    case Precedence.xor:
      return parseRight(cursor, left, 'XOR', Precedence.and);
    case Precedence.and:
      return parseChain(cursor, left, 'AND');
    case Precedence.comparison:
      return symbol === 'IS' ? parseIs(cursor, left) : parseComparison(cursor, left, comparisons[symbol]!);
    case Precedence.predicate:
      return parsePredicate(cursor, left, symbol);
    case Precedence.concat:
      return parseRight(cursor, left, '||', Precedence.unary);
    default:
      return parseArithmetic(cursor, left, arithmetic[symbol]![0], precedence);
  }
}

function parseRight(cursor: Cursor, left: Expression, operator: BinaryOperator, least: number): Expression {
  cursor.advance();
  const right = parseOperators(cursor, least);
  return { kind: 'binary', start: left.start, end: right.end, operator, left, right };
}

function parseArithmetic(cursor: Cursor, left: Expression, operator: BinaryOperator, precedence: number): Expression {
  const signed = operator === '+' || operator === '-';
  if (signed && cursor.symbol(1) === 'INTERVAL') {
    const mark = cursor.at;
    cursor.advance();
    if (!(cursor.symbol(1) === '(' && isIntervalFunction(cursor))) {
      const right = parseIntervalOperand(cursor);
      return { kind: 'binary', start: left.start, end: right.end, operator, left, right };
    }
    cursor.at = mark;
  }
  return parseRight(cursor, left, operator, precedence + 1);
}

/** `a OR b OR c ...` or `a AND b AND c ...`: all operands of one level at once. */
function parseChain(cursor: Cursor, left: Expression, operator: 'OR' | 'AND'): Expression {
  const terms = [left];
  const least = operator === 'OR' ? Precedence.xor : Precedence.not;
  for (;;) {
    const symbol = cursor.symbol();
    const again =
      operator === 'AND'
        ? symbol === 'AND' || symbol === '&&'
        : symbol === 'OR' || (symbol === '||' && !cursor.mode.pipesAsConcat);
    if (!again) break;
    cursor.advance();
    terms.push(parseOperators(cursor, least));
  }
  if (terms.length <= plainChainMax) {
    cursor.grow(terms.length);
    return terms.reduce((chain, term) => joinTerms(operator, chain, term));
  }
  cursor.grow(Math.ceil(Math.log2(terms.length)));
  return balance(operator, terms, 0, terms.length);
}

function joinTerms(operator: BinaryOperator, left: Expression, right: Expression): Expression {
  return { kind: 'binary', start: left.start, end: right.end, operator, left, right };
}

/** AND and OR are associative, in three-valued logic too, so any tree over the same terms in the same order means the same. */
function balance(operator: BinaryOperator, terms: readonly Expression[], from: number, to: number): Expression {
  if (to - from === 1) return terms[from]!;
  const middle = (from + to) >> 1;
  return joinTerms(operator, balance(operator, terms, from, middle), balance(operator, terms, middle, to));
}

function parseComparison(cursor: Cursor, left: Expression, operator: BinaryOperator): Expression {
  const quantifier = cursor.symbol(1);
  const quantified = quantifier === 'ANY' || quantifier === 'SOME' || quantifier === 'ALL';
  if (!quantified || cursor.symbol(2) !== '(') return parseRight(cursor, left, operator, Precedence.predicate);
  cursor.skip(2);
  const query = parseSubquery(cursor);
  return {
    kind: 'quantified',
    start: left.start,
    end: cursor.end,
    operator,
    quantifier: quantifier === 'ALL' ? 'ALL' : 'ANY',
    left,
    query,
  };
}

/** `( query )` where only a query may stand. */
export function parseSubquery(cursor: Cursor): QueryExpression {
  cursor.expect('(');
  if (!startsQuery(cursor) && !cursor.is('(')) throw cursor.unexpected();
  const query = parseQueryExpression(cursor);
  cursor.expect(')');
  return query;
}

function parseIs(cursor: Cursor, operand: Expression): Expression {
  cursor.advance();
  const not = cursor.accept('NOT');
  const test = cursor.acceptOne('NULL', 'TRUE', 'FALSE', 'UNKNOWN', 'JSON');
  if (test === undefined) throw cursor.unexpected();
  if (test === 'JSON') {
    cursor.acceptOne('VALUE', 'ARRAY', 'OBJECT', 'SCALAR');
    if (cursor.acceptOne('WITH', 'WITHOUT') !== undefined) cursor.expectAll('UNIQUE', 'KEYS');
  }
  return {
    kind: 'is',
    start: operand.start,
    end: cursor.end,
    not,
    operand,
    test: test as 'NULL' | 'TRUE' | 'FALSE' | 'UNKNOWN' | 'JSON',
  };
}

/** [NOT] IN, BETWEEN, LIKE, REGEXP; SOUNDS LIKE; MEMBER OF. */
function parsePredicate(cursor: Cursor, operand: Expression, symbol: string): Expression {
  const not = symbol === 'NOT';
  const word = not ? cursor.symbol(1) : symbol;
  switch (word) {
    case 'IN':
      cursor.skip(not ? 2 : 1);
      return parseIn(cursor, operand, not);
    case 'BETWEEN':
      cursor.skip(not ? 2 : 1);
      return parseBetween(cursor, operand, not);
    case 'LIKE':
    case 'REGEXP':
    case 'RLIKE': {
      cursor.skip(not ? 2 : 1);
      const operator = word === 'LIKE' ? 'LIKE' : 'REGEXP';
      const pattern = parseOperators(cursor, Precedence.bitOr);
      const node = {
        kind: 'like' as const,
        start: operand.start,
        end: pattern.end,
        not,
        operator,
        operand,
        pattern,
      } as const;
      if (word !== 'LIKE' || !cursor.accept('ESCAPE')) return node;
      const escaped = parseOperators(cursor, Precedence.bitOr);
      return { ...node, end: escaped.end, escape: escaped };
    }
    case 'SOUNDS':
      cursor.advance();
      return parseRight(cursor, operand, 'SOUNDS LIKE', Precedence.bitOr);
    case 'MEMBER': {
      const open = cursor.symbol(1) === 'OF' ? 2 : 1;
      cursor.skip(open);
      const right = parseParentheses(cursor);
      if (right.kind !== 'paren') throw cursor.problem("expected one expression after 'MEMBER OF'");
      return { kind: 'binary', start: operand.start, end: right.end, operator: 'MEMBER OF', left: operand, right };
    }
    default:
      throw cursor.unexpected();
  }
}

function parseIn(cursor: Cursor, operand: Expression, not: boolean): InList | InSubquery {
  const open = cursor.at;
  const right = parseParentheses(cursor);
  const { start } = operand;
  const { end } = right;
  if (right.kind === 'subquery') return { kind: 'inSubquery', start, end, not, operand, query: right.query };
  const items = right.kind === 'row' ? right.items : [right.inner];
  const slot = cursor.slots?.listAt(open + 1) ?? -1;
  const listSlot = slot >= 0 && items.every((item) => item.kind === 'literal' && item.slot === slot) ? slot : -1;
  const listSpan = { start: cursor.tokens.ends[open]!, end: end - 1 };
  return { kind: 'inList', start, end, not, operand, items, listSlot, listSpan };
}

function parseBetween(cursor: Cursor, operand: Expression, not: boolean): Between {
  const low = parseOperators(cursor, Precedence.bitOr);
  cursor.expect('AND');
  const high = parseOperators(cursor, Precedence.predicate);
  // MySQL nests a second BETWEEN to the right, MariaDB to the left: nobody means either.
  if (high.kind === 'between') throw cursor.problem('ambiguous chain of BETWEEN');
  return { kind: 'between', start: operand.start, end: high.end, not, operand, low, high };
}
