/** caching_sha2_password, fast path: SHA256(pw) XOR SHA256(SHA256(SHA256(pw)) + scramble). */
import { hash, timingSafeEqual } from 'node:crypto';

/** The bytes after 0x01 of an AuthMoreData packet in this plugin's dialogue, and the client's question for the key. */
export const Sha2Dialogue = {
  REQUEST_PUBLIC_KEY: 0x02,
  FAST_AUTH_SUCCESS: 0x03,
  PERFORM_FULL_AUTHENTICATION: 0x04,
} as const;

export function sha256(data: Buffer | string): Buffer {
  return hash('sha256', data, 'buffer');
}

/** What the fast path needs to know: SHA256(SHA256(password)), 32 bytes. */
export function cachingSha2StoredDigest(password: string): Buffer {
  return sha256(sha256(password));
}

/** The client's answer, 32 bytes; none for an empty password. Only the first 20 bytes of the scramble count. */
export function cachingSha2Scramble(password: string, scramble: Buffer): Buffer {
  if (password === '') return Buffer.alloc(0);
  const stage1 = sha256(password);
  const mask = sha256(Buffer.concat([sha256(stage1), scramble.subarray(0, 20)]));
  for (let i = 0; i < mask.length; i += 1) mask[i] = (mask[i] as number) ^ (stage1[i] as number);
  return mask;
}

/** Whether `response` was made from the password with this digest. Constant time for well-formed responses. */
export function cachingSha2FastVerify(response: Buffer, scramble: Buffer, digest: Buffer): boolean {
  if (response.length !== 32) return false;
  const stage1 = sha256(Buffer.concat([digest, scramble.subarray(0, 20)]));
  for (let i = 0; i < stage1.length; i += 1) stage1[i] = (stage1[i] as number) ^ (response[i] as number);
  return timingSafeEqual(sha256(stage1), digest);
}
