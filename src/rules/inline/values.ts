/** The values of inline expressions and what can be done with them; every error names the column of the text. */
import { javaIntegerHash, javaStringHash } from '../java-hash-code.ts';
import { type BinaryOperator, ExpressionError, type StaticFunction } from './expression.ts';

/** Lists hold single values only. */
export type InlineValue = bigint | string | boolean | readonly (bigint | string | boolean)[];
type Single = bigint | string | boolean;

/** So that `${0..999999999}` is an error, not an outage. */
const ITEMS_MAX = 100_000;
const TEXT_MAX = 100_000;

export function asText(value: InlineValue): string {
  return typeof value === 'string' ? value : String(value);
}

export function asInteger(value: InlineValue, at: number): bigint {
  if (typeof value === 'bigint') return value;
  throw new ExpressionError(
    at,
    `a whole number is expected, not ${typeName(value)}`,
    typeof value === 'string' ? 'use Long.parseLong(...)' : undefined,
  );
}

export function asBoolean(value: InlineValue, at: number): boolean {
  if (typeof value === 'boolean') return value;
  throw new ExpressionError(at, `true or false is expected, not ${typeName(value)}`);
}

export function itemsOf(value: InlineValue): readonly Single[] {
  return typeof value === 'object' ? value : [value];
}

/** Java's long arithmetic: wraps at 64 bits when both sides fit them, else exact as BigInteger. `+` joins when a side is text. */
export function arithmetic(operator: BinaryOperator, left: InlineValue, right: InlineValue, at: number): InlineValue {
  if (operator === '+' && (typeof left === 'string' || typeof right === 'string')) {
    if (typeof left === 'object' || typeof right === 'object')
      throw new ExpressionError(at, 'a list cannot be joined to text');
    return limitedText(asText(left) + asText(right), at);
  }
  const a = asInteger(left, at);
  const b = asInteger(right, at);
  const fits = BigInt.asIntN(64, a) === a && BigInt.asIntN(64, b) === b;
  const result = exact(operator, a, b, fits, at);
  return fits ? BigInt.asIntN(64, result) : result;
}

function exact(operator: BinaryOperator, a: bigint, b: bigint, fits: boolean, at: number): bigint {
  switch (operator) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '%':
      if (b === 0n) throw new ExpressionError(at, 'division by zero');
      return a % b;
    case '&':
      return a & b;
    case '|':
      return a | b;
    case '^':
      return a ^ b;
    case '<<':
    case '>>':
    case '>>>': {
      if (!fits) throw new ExpressionError(at, 'shifts are for 64-bit numbers');
      const distance = b & 63n;
      if (operator === '<<') return a << distance;
      return operator === '>>' ? a >> distance : BigInt.asUintN(64, a) >> distance;
    }
    default:
      throw new ExpressionError(at, `operator ${operator} is not for numbers`);
  }
}

export function compare(operator: BinaryOperator, left: InlineValue, right: InlineValue, at: number): boolean {
  if (typeof left === 'object' || typeof right === 'object') throw new ExpressionError(at, 'lists cannot be compared');
  if (typeof left !== typeof right) {
    throw new ExpressionError(at, `${typeName(left)} cannot be compared with ${typeName(right)}`);
  }
  switch (operator) {
    case '==':
      return left === right;
    case '!=':
      return left !== right;
    case '<':
      return left < right;
    case '<=':
      return left <= right;
    case '>':
      return left > right;
    default:
      return left >= right;
  }
}

export function rangeOf(from: InlineValue, to: InlineValue, exclusive: boolean, at: number): readonly Single[] {
  const letters = typeof from === 'string' && typeof to === 'string' && from.length === 1 && to.length === 1;
  const first = letters ? BigInt(from.charCodeAt(0)) : asInteger(from, at);
  let last = letters ? BigInt(to.charCodeAt(0)) : asInteger(to, at);
  const step = first <= last ? 1n : -1n;
  if (exclusive) {
    if (first === last) return [];
    last -= step;
  }
  if ((last - first) * step >= BigInt(ITEMS_MAX))
    throw new ExpressionError(at, `a range has at most ${ITEMS_MAX} items`);
  const items: Single[] = [];
  for (let item = first; step > 0n ? item <= last : item >= last; item += step)
    items.push(letters ? String.fromCharCode(Number(item)) : item);
  return items;
}

/** `target[i]` and `target[a..b]`; negative numbers count from the end; a range that runs backwards reverses, as in Groovy. */
export function elementOf(
  target: InlineValue,
  index: bigint | { from: bigint; to: bigint; exclusive: boolean },
  at: number,
): InlineValue {
  if (typeof target !== 'string' && typeof target !== 'object') {
    throw new ExpressionError(at, `[ ] is for text and lists, not ${typeName(target)}`, 'use .toString() first');
  }
  const resolve = (position: bigint): number => {
    const resolved = position < 0n ? BigInt(target.length) + position : position;
    if (resolved < 0n || resolved >= BigInt(target.length))
      throw new ExpressionError(at, `position ${position} is outside a length of ${target.length}`);
    return Number(resolved);
  };
  if (typeof index === 'bigint') return target[resolve(index)]!;
  let from = resolve(index.from);
  let to = resolve(index.to);
  if (index.exclusive) {
    if (from === to) return typeof target === 'string' ? '' : [];
    to += from < to ? -1 : 1;
  }
  const backwards = from > to;
  if (backwards) [from, to] = [to, from];
  if (typeof target === 'string') {
    const text = target.slice(from, to + 1);
    return backwards ? [...text].reverse().join('') : text;
  }
  const items = target.slice(from, to + 1);
  return backwards ? items.reverse() : items;
}

export function callMethod(name: string, target: InlineValue, values: readonly InlineValue[], at: number): InlineValue {
  switch (name) {
    case 'toString':
      if (typeof target === 'object') throw new ExpressionError(at, '.toString() is not for lists');
      return asText(target);
    case 'equals':
      return target === values[0];
    case 'size':
    case 'length':
      if (typeof target === 'string' || typeof target === 'object') return BigInt(target.length);
      throw wrongTarget(name, target, at);
    case 'hashCode':
      if (typeof target === 'string') return BigInt(javaStringHash(target));
      if (typeof target === 'bigint') return BigInt(javaIntegerHash(target));
      throw wrongTarget(name, target, at);
    default:
      if (typeof target === 'bigint') return integerMethod(name, target, values, at);
      if (typeof target === 'string') return textMethod(name, target, values, at);
      throw wrongTarget(name, target, at);
  }
}

function integerMethod(name: string, target: bigint, values: readonly InlineValue[], at: number): InlineValue {
  switch (name) {
    case 'abs':
      return wrap(target < 0n ? -target : target, target);
    case 'intdiv': {
      const divisor = asInteger(values[0]!, at);
      if (divisor === 0n) throw new ExpressionError(at, 'division by zero');
      return wrap(target / divisor, target);
    }
    case 'mod':
      return arithmetic('%', target, values[0]!, at);
    case 'intValue':
    case 'toInteger':
      return BigInt.asIntN(32, target);
    case 'longValue':
    case 'toLong':
      return BigInt.asIntN(64, target);
    case 'padLeft':
    case 'padRight':
      throw wrongTarget(name, target, at, 'use .toString() first');
    default:
      throw wrongTarget(name, target, at);
  }
}

function wrap(result: bigint, operand: bigint): bigint {
  return BigInt.asIntN(64, operand) === operand ? BigInt.asIntN(64, result) : result;
}

function textMethod(name: string, target: string, values: readonly InlineValue[], at: number): InlineValue {
  switch (name) {
    case 'padLeft':
    case 'padRight': {
      const width = asInteger(values[0]!, at);
      if (width > BigInt(TEXT_MAX)) throw new ExpressionError(at, `a text has at most ${TEXT_MAX} characters`);
      const fill = values[1] === undefined ? ' ' : asText(values[1]);
      return name === 'padLeft' ? target.padStart(Number(width), fill) : target.padEnd(Number(width), fill);
    }
    case 'substring': {
      const from = asInteger(values[0]!, at);
      const to = values[1] === undefined ? BigInt(target.length) : asInteger(values[1], at);
      if (from < 0n || to < from || to > BigInt(target.length))
        throw new ExpressionError(at, `substring(${from}, ${to}) is outside a length of ${target.length}`);
      return target.slice(Number(from), Number(to));
    }
    case 'charAt':
      return elementOf(target, asInteger(values[0]!, at), at);
    case 'toLowerCase':
      return target.toLowerCase();
    case 'toUpperCase':
      return target.toUpperCase();
    case 'trim':
      return target.trim();
    case 'replace':
      return limitedText(
        target.replaceAll(asText(values[0]!), () => asText(values[1]!)),
        at,
      );
    case 'indexOf':
      return BigInt(target.indexOf(asText(values[0]!)));
    case 'startsWith':
      return target.startsWith(asText(values[0]!));
    case 'endsWith':
      return target.endsWith(asText(values[0]!));
    case 'contains':
      return target.includes(asText(values[0]!));
    case 'toLong':
      return parseInteger(target, 64, at);
    case 'toInteger':
      return parseInteger(target, 32, at);
    default:
      throw wrongTarget(name, target, at, 'use Long.parseLong(...) first');
  }
}

export function callStatic(name: StaticFunction, values: readonly InlineValue[], at: number): InlineValue {
  const first = values[0]!;
  switch (name) {
    case 'Long.parseLong':
    case 'Long.valueOf':
      return typeof first === 'bigint' ? BigInt.asIntN(64, first) : parseInteger(first, 64, at);
    case 'Integer.parseInt':
    case 'Integer.valueOf':
      return typeof first === 'bigint' ? BigInt.asIntN(32, first) : parseInteger(first, 32, at);
    case 'String.valueOf':
      return callMethod('toString', first, [], at);
    case 'Math.abs':
      return callMethod('abs', asInteger(first, at), [], at);
    case 'Math.floorMod':
    case 'Math.floorDiv': {
      const a = asInteger(first, at);
      const b = asInteger(values[1]!, at);
      if (b === 0n) throw new ExpressionError(at, 'division by zero');
      const remainder = ((a % b) + b) % b;
      return name === 'Math.floorMod' ? remainder : wrap((a - remainder) / b, a);
    }
    case 'Math.min':
    case 'Math.max': {
      const a = asInteger(first, at);
      const b = asInteger(values[1]!, at);
      return (name === 'Math.min') === a < b ? a : b;
    }
  }
}

function parseInteger(value: InlineValue, bits: number, at: number): bigint {
  if (typeof value !== 'string' || !/^[+-]?\d{1,20}$/.test(value))
    throw new ExpressionError(
      at,
      `${typeof value === 'string' ? `'${value.slice(0, 40)}'` : typeName(value)} is not a whole number`,
    );
  const parsed = BigInt(value.replace(/^\+/, ''));
  if (BigInt.asIntN(bits, parsed) !== parsed) throw new ExpressionError(at, `${parsed} does not fit ${bits} bits`);
  return parsed;
}

function wrongTarget(name: string, target: InlineValue, at: number, suggestion?: string): ExpressionError {
  return new ExpressionError(at, `.${name}() is not for ${typeName(target)}`, suggestion);
}

function typeName(value: InlineValue): string {
  if (typeof value === 'bigint') return 'a number';
  if (typeof value === 'string') return 'text';
  return typeof value === 'boolean' ? 'true or false' : 'a list';
}

function limitedText(text: string, at: number): string {
  if (text.length > TEXT_MAX) throw new ExpressionError(at, `a text has at most ${TEXT_MAX} characters`);
  return text;
}
