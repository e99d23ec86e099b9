/** What each byte may begin, for connection charsets in which ASCII bytes always mean ASCII. */

import type { LexMode } from './tokens.ts';

export const ByteClass = { other: 0, space: 1, letter: 2, digit: 3 } as const;

/** Bytes 0x80 and up that the servers take as letters under latin1; the rest there start no token, 0xA0 is a blank. */
const latin1Letters: readonly (readonly [number, number])[] = [
  [131, 131],
  [138, 138],
  [140, 140],
  [142, 142],
  [154, 154],
  [156, 156],
  [158, 159],
  [192, 214],
  [216, 246],
  [248, 255],
];

function ascii(): Uint8Array {
  const classes = new Uint8Array(256);
  for (const byte of [0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x20]) classes[byte] = ByteClass.space;
  for (let byte = 0x30; byte <= 0x39; byte++) classes[byte] = ByteClass.digit;
  for (let byte = 0x41; byte <= 0x5a; byte++) {
    classes[byte] = ByteClass.letter;
    classes[byte | 0x20] = ByteClass.letter;
  }
  classes[0x5f] = ByteClass.letter; // _
  classes[0x24] = ByteClass.letter; // $
  return classes;
}

const utf8 = ascii().fill(ByteClass.letter, 0x80);
const latin1 = ascii();
latin1[0xa0] = ByteClass.space;
for (const [from, to] of latin1Letters) latin1.fill(ByteClass.letter, from, to + 1);

/** Class of each byte: letters and digits may stand in an unquoted name (`_`, `$` and non-ASCII letters are letters). */
export function byteClasses(charset: LexMode['charset']): Uint8Array {
  return charset === 'utf8' ? utf8 : latin1;
}
