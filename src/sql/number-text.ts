/** Where the digits of number literals end. */

/** End of the decimal digits at `i`. */
export function digitsEnd(text: Uint8Array, i: number, length: number): number {
  while (i < length && text[i]! >= 0x30 && text[i]! <= 0x39) i++;
  return i;
}

/** End of the hexadecimal digits at `i`. */
export function hexEnd(text: Uint8Array, i: number, length: number): number {
  while (i < length) {
    const c = text[i]!;
    const lower = c | 0x20;
    if (!((c >= 0x30 && c <= 0x39) || (lower >= 0x61 && lower <= 0x66))) break;
    i++;
  }
  return i;
}

/** End of the zeros and ones at `i`. */
export function bitsEnd(text: Uint8Array, i: number, length: number): number {
  while (i < length && (text[i] === 0x30 || text[i] === 0x31)) i++;
  return i;
}

/** End of the exponent whose `e` is at `i`; negated if it has no digits, which is an error for the servers. */
export function numberEnd(text: Uint8Array, i: number, length: number): number {
  const sign = text[i + 1];
  const from = sign === 0x2b || sign === 0x2d ? i + 2 : i + 1;
  const end = digitsEnd(text, from, length);
  return end > from ? end : -Math.min(from, length);
}
