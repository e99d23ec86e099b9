/** Names of servers and sidecars: eight characters that no other has. */
import { randomBytes } from 'node:crypto';

const digits = '0123456789abcdefghijklmnopqrstuvwxyz';

/** `length` random characters of base 36. */
export function randomName(length: number): string {
  let text = '';
  // 252 = 7 x 36: every character is as likely as any other.
  while (text.length < length)
    for (const byte of randomBytes(length)) if (byte < 252 && text.length < length) text += digits[byte % 36];
  return text;
}
