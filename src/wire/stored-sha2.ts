/** The stored form of caching_sha2_password, `$A$005$` + salt (20) + digest (43): SHA-256 crypt with a salt of 20 bytes. */
import { hash, randomBytes, timingSafeEqual } from 'node:crypto';

const ALPHABET = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const SALT_LENGTH = 20;
const DIGEST_LENGTH = 43;
/** Longer passwords are refused by MySQL too; it also bounds the cost of a guess. */
export const SHA2_PASSWORD_MAX = 256;

export interface StoredSha2 {
  /** Rounds of the digest. */
  readonly rounds: number;
  readonly salt: Buffer;
  readonly digest: Buffer;
}

/** Undefined if the text is not of this form. */
export function parseStoredSha2(text: string): StoredSha2 | undefined {
  const match = /^\$A\$([0-9A-Fa-f]{3})\$/.exec(text);
  if (match === null) return undefined;
  const bytes = Buffer.from(text, 'latin1').subarray(match[0].length);
  const rounds = Number.parseInt(match[1] as string, 16) * 1000;
  if (bytes.length !== SALT_LENGTH + DIGEST_LENGTH || rounds < 1000) return undefined;
  return { rounds, salt: bytes.subarray(0, SALT_LENGTH), digest: bytes.subarray(SALT_LENGTH) };
}

/** A new stored form with a random salt, as a MySQL server would keep it. */
export function newStoredSha2(password: string, salt: Buffer = printableSalt()): string {
  return `$A$005$${salt.toString('latin1')}${sha256Crypt(Buffer.from(password), salt, 5000).toString('latin1')}`;
}

/** Costs some milliseconds of CPU. */
export function verifyStoredSha2(password: Buffer, stored: StoredSha2): boolean {
  if (password.length > SHA2_PASSWORD_MAX) return false;
  return timingSafeEqual(sha256Crypt(password, stored.salt, stored.rounds), stored.digest);
}

function printableSalt(): Buffer {
  const salt = randomBytes(SALT_LENGTH);
  for (let i = 0; i < salt.length; i += 1) salt[i] = ALPHABET.charCodeAt((salt[i] as number) & 63);
  return salt;
}

const sha256 = (data: Buffer): Buffer => hash('sha256', data, 'buffer');

/** The SHA-256 crypt scheme (Drepper), digest part only. */
function sha256Crypt(password: Buffer, salt: Buffer, rounds: number): Buffer {
  const b = sha256(Buffer.concat([password, salt, password]));
  const pieces: Buffer[] = [password, salt];
  let count = password.length;
  for (; count > 32; count -= 32) pieces.push(b);
  pieces.push(b.subarray(0, count));
  for (count = password.length; count > 0; count >>>= 1) pieces.push((count & 1) !== 0 ? b : password);
  let a = sha256(Buffer.concat(pieces));

  const p = stretch(sha256(Buffer.concat(new Array<Buffer>(password.length).fill(password))), password.length);
  const s = stretch(sha256(Buffer.concat(new Array<Buffer>(16 + (a[0] as number)).fill(salt))), salt.length);

  const round = Buffer.alloc(32 + 2 * p.length + s.length);
  for (let i = 0; i < rounds; i += 1) {
    let at = 0;
    at += ((i & 1) !== 0 ? p : a).copy(round, at);
    if (i % 3 !== 0) at += s.copy(round, at);
    if (i % 7 !== 0) at += p.copy(round, at);
    at += ((i & 1) !== 0 ? a : p).copy(round, at);
    a = sha256(round.subarray(0, at));
  }
  return encode(a);
}

/** `length` bytes of the digest repeated. */
function stretch(digest: Buffer, length: number): Buffer {
  const out = Buffer.alloc(length);
  for (let at = 0; at < length; at += 32) digest.copy(out, at);
  return out;
}

/** Base 64 of crypt: three bytes each, in the scheme's own order. */
function encode(a: Buffer): Buffer {
  const out = Buffer.alloc(DIGEST_LENGTH);
  let at = 0;
  const put = (high: number, middle: number, low: number, digits: number): void => {
    let word = (high << 16) | (middle << 8) | low;
    for (; digits > 0; digits -= 1) {
      out[at] = ALPHABET.charCodeAt(word & 63);
      at += 1;
      word >>>= 6;
    }
  };
  let [x, y, z] = [0, 10, 20];
  for (let i = 0; i < 10; i += 1) {
    put(a[x] as number, a[y] as number, a[z] as number, 4);
    [x, y, z] = [z + 1, x + 1, y + 1];
  }
  put(0, a[31] as number, a[30] as number, 3);
  return out;
}
