/** Compares numbers and times in the text protocol's spelling, exactly and without making strings. */

const ZERO = 48;
const MINUS = 45;
const DOT = 46;

/** Whole and decimal numbers of any length: `-12.50`, `007`, `18446744073709551615`. */
export function compareDecimalText(
  a: Buffer,
  aStart: number,
  aEnd: number,
  b: Buffer,
  bStart: number,
  bEnd: number,
): number {
  const aNegative = a[aStart] === MINUS;
  const bNegative = b[bStart] === MINUS;
  if (aNegative) aStart += 1;
  if (bNegative) bStart += 1;
  if (aNegative !== bNegative) {
    if (isZero(a, aStart, aEnd) && isZero(b, bStart, bEnd)) return 0;
    return aNegative ? -1 : 1;
  }
  return aNegative
    ? compareMagnitude(b, bStart, bEnd, a, aStart, aEnd)
    : compareMagnitude(a, aStart, aEnd, b, bStart, bEnd);
}

function isZero(buffer: Buffer, start: number, end: number): boolean {
  for (let i = start; i < end; i += 1) {
    const c = buffer[i] as number;
    if (c !== ZERO && c !== DOT) return false;
  }
  return true;
}

function compareMagnitude(a: Buffer, aStart: number, aEnd: number, b: Buffer, bStart: number, bEnd: number): number {
  while (aStart < aEnd && a[aStart] === ZERO) aStart += 1;
  while (bStart < bEnd && b[bStart] === ZERO) bStart += 1;
  let aPoint = aStart;
  while (aPoint < aEnd && a[aPoint] !== DOT) aPoint += 1;
  let bPoint = bStart;
  while (bPoint < bEnd && b[bPoint] !== DOT) bPoint += 1;
  const length = aPoint - aStart;
  if (length !== bPoint - bStart) return length < bPoint - bStart ? -1 : 1;
  for (let i = 0; i < length; i += 1) {
    const difference = (a[aStart + i] as number) - (b[bStart + i] as number);
    if (difference !== 0) return difference < 0 ? -1 : 1;
  }
  const fraction = Math.max(aEnd - aPoint, bEnd - bPoint) - 1;
  for (let i = 1; i <= fraction; i += 1) {
    const x = aPoint + i < aEnd ? (a[aPoint + i] as number) : ZERO;
    const y = bPoint + i < bEnd ? (b[bPoint + i] as number) : ZERO;
    if (x !== y) return x < y ? -1 : 1;
  }
  return 0;
}

/** `-838:59:59.123456` as microseconds: exact in a double. */
export function timeTextMicroseconds(buffer: Buffer, start: number, end: number): number {
  let at = start;
  const negative = buffer[at] === MINUS;
  if (negative) at += 1;
  let seconds = 0;
  let part = 0;
  while (at < end && buffer[at] !== DOT) {
    const c = buffer[at] as number;
    if (c === 58) {
      seconds = (seconds + part) * 60;
      part = 0;
    } else part = part * 10 + (c - ZERO);
    at += 1;
  }
  seconds += part;
  let micros = 0;
  let digits = 0;
  for (at += 1; at < end && digits < 6; at += 1, digits += 1) micros = micros * 10 + ((buffer[at] as number) - ZERO);
  for (; digits < 6; digits += 1) micros *= 10;
  const value = seconds * 1_000_000 + micros;
  return negative ? -value : value;
}

const powersOfTen = Float64Array.from({ length: 23 }, (_, i) => Number(`1e${i}`));

/** The double that a decimal spelling means, correctly rounded. Short spellings make no string. */
export function parseDoubleText(buffer: Buffer, start: number, end: number): number {
  let at = start;
  const negative = buffer[at] === MINUS;
  if (negative) at += 1;
  let mantissa = 0;
  let fraction = -1;
  for (; at < end; at += 1) {
    const c = buffer[at] as number;
    if (c === DOT && fraction < 0) fraction = 0;
    else if (c >= ZERO && c <= 57) {
      mantissa = mantissa * 10 + (c - ZERO);
      if (fraction >= 0) fraction += 1;
      if (mantissa > 9_007_199_254_740_991) break;
    } else break;
  }
  // An exact mantissa divided by an exact power of ten is rounded once, so correctly.
  if (at === end && fraction <= 22) {
    const value = fraction > 0 ? mantissa / (powersOfTen[fraction] as number) : mantissa;
    return negative ? -value : value;
  }
  return Number(buffer.toString('latin1', start, end));
}
