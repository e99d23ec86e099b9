/** mysql_native_password: SHA1(pw) XOR SHA1(scramble + SHA1(SHA1(pw))). */
import { createHash, hash, timingSafeEqual } from 'node:crypto';

const sha1 = (data: Buffer | string): Buffer => hash('sha1', data, 'buffer');

/** What a server stores: SHA1(SHA1(password)), 20 bytes (`*HEX` without the star). */
export function nativePasswordHash(password: string): Buffer {
  return sha1(sha1(password));
}

/** The client's answer, 20 bytes; none for an empty password. Only the first 20 bytes of the scramble count. */
export function nativePasswordScramble(password: string, scramble: Buffer): Buffer {
  if (password === '') return Buffer.alloc(0);
  const stage1 = sha1(password);
  const token = mask(sha1(stage1), scramble);
  for (let i = 0; i < token.length; i += 1) token[i] = (token[i] as number) ^ (stage1[i] as number);
  return token;
}

/** Whether `response` was made from the password whose stored hash this is. Constant time for well-formed responses. */
export function nativePasswordVerify(response: Buffer, scramble: Buffer, stored: Buffer): boolean {
  if (response.length !== 20) return false;
  const stage1 = mask(stored, scramble);
  for (let i = 0; i < stage1.length; i += 1) stage1[i] = (stage1[i] as number) ^ (response[i] as number);
  return timingSafeEqual(sha1(stage1), stored);
}

function mask(stored: Buffer, scramble: Buffer): Buffer {
  return createHash('sha1').update(scramble.subarray(0, 20)).update(stored).digest();
}
