/** The password of caching_sha2_password's full path without TLS: XOR with the scramble, then RSA-OAEP (SHA-1). */
import {
  constants,
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
  privateDecrypt,
  publicEncrypt,
} from 'node:crypto';

export interface RsaKey {
  readonly privateKey: KeyObject;
  /** SPKI PEM, as sent to clients. */
  readonly publicPem: string;
}

/** A fresh 2048-bit key: takes some 50 ms, so make one per process at its start. */
export function newRsaKey(): RsaKey {
  const pair = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  return { privateKey: createPrivateKey(pair.privateKey), publicPem: pair.publicKey };
}

/** Client side. */
export function rsaEncryptPassword(password: string, scramble: Buffer, publicPem: string): Buffer {
  const clear = xor(Buffer.from(`${password}\0`), scramble);
  return publicEncrypt({ key: publicPem, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' }, clear);
}

/** Server side: the password's bytes, or undefined if the packet is not what the key encrypted. */
export function rsaDecryptPassword(encrypted: Buffer, scramble: Buffer, key: RsaKey): Buffer | undefined {
  let clear: Buffer;
  try {
    clear = privateDecrypt(
      { key: key.privateKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' },
      encrypted,
    );
  } catch {
    return undefined;
  }
  const password = xor(clear, scramble);
  return password[password.length - 1] === 0 ? password.subarray(0, password.length - 1) : undefined;
}

function xor(text: Buffer, scramble: Buffer): Buffer {
  const out = Buffer.alloc(text.length);
  for (let i = 0; i < text.length; i += 1) out[i] = (text[i] as number) ^ (scramble[i % 20] as number);
  return out;
}
