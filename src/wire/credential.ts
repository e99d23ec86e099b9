/** How users' passwords are kept, and where the authentication finds them. */
import { randomBytes } from 'node:crypto';
import { Lru, MeshError } from '../base/index.ts';
import { sha256 } from './caching-sha2.ts';
import { parseStoredSha2, type StoredSha2 } from './stored-sha2.ts';

export type Credential =
  /** Serves both plugins. */
  | { readonly kind: 'cleartext'; readonly password: string }
  /** `*HEX`: SHA1(SHA1(password)); serves mysql_native_password only. */
  | { readonly kind: 'native'; readonly hash: Buffer }
  /** `$A$005$...`; serves caching_sha2_password only. */
  | { readonly kind: 'caching-sha2'; readonly stored: StoredSha2 };

export interface UserEntry {
  readonly credential: Credential;
  /** Refuse this user on connections without TLS (unix sockets count as such), or without a client certificate. */
  readonly require?: 'none' | 'tls' | 'certificate';
}

export interface CredentialStore {
  find(user: string): UserEntry | undefined;
  /** What to check against for a user that does not exist: it must cost the same, and never be right. */
  decoy(user: string): UserEntry;
}

/** Reads a password as configuration files write it. Throws MeshError SM_CONFIG for a hash that is cut short. */
export function parseCredential(text: string): Credential {
  if (/^\*[0-9A-Fa-f]{40}$/.test(text)) return { kind: 'native', hash: Buffer.from(text.slice(1), 'hex') };
  if (text.startsWith('$A$')) {
    const stored = parseStoredSha2(text);
    if (stored !== undefined) return { kind: 'caching-sha2', stored };
    throw new MeshError('SM_CONFIG', {
      message: 'a password that begins with $A$ must be $A$005$, 20 characters of salt and 43 of digest',
    });
  }
  return { kind: 'cleartext', password: text };
}

/** A fixed set of users. */
export class StaticCredentials implements CredentialStore {
  readonly #users: ReadonlyMap<string, UserEntry>;
  readonly #decoys: readonly UserEntry[];
  readonly #seed = randomBytes(16);

  constructor(users: ReadonlyMap<string, UserEntry>) {
    this.#users = users;
    const kinds = [...users.values()].map((entry) => entry.credential.kind);
    this.#decoys = (kinds.length === 0 ? (['cleartext'] as const) : kinds).map((kind) => ({
      credential: unguessable(kind),
    }));
  }

  find(user: string): UserEntry | undefined {
    return this.#users.get(user);
  }

  /** The same kind each time for the same name, in the proportion of the real users' kinds. */
  decoy(user: string): UserEntry {
    const pick = sha256(Buffer.concat([this.#seed, Buffer.from(user)])).readUInt32LE(0);
    return this.#decoys[pick % this.#decoys.length] as UserEntry;
  }
}

function unguessable(kind: Credential['kind']): Credential {
  switch (kind) {
    case 'cleartext':
      return { kind, password: randomBytes(24).toString('hex') };
    case 'native':
      return { kind, hash: randomBytes(20) };
    case 'caching-sha2':
      return { kind, stored: { rounds: 5000, salt: randomBytes(20), digest: randomBytes(43) } };
  }
}

/** SHA256(SHA256(password)) of users who proved a `$A$005$` password once, so that the next time is fast. */
export class FastAuthCache {
  readonly #digests: Lru<string, Buffer>;
  /** Told of each digest learnt here, to share it with other workers. */
  onLearn: ((key: string, digest: Buffer) => void) | undefined;

  constructor(usersMax = 10_000) {
    this.#digests = new Lru(usersMax);
  }

  /** The key holds the stored hash, so that a changed password is never matched by an old digest. */
  static key(user: string, stored: StoredSha2): string {
    return `${user}\0${stored.salt.toString('latin1')}${stored.digest.toString('latin1')}`;
  }

  get(key: string): Buffer | undefined {
    return this.#digests.get(key);
  }

  learn(key: string, digest: Buffer): void {
    this.#digests.set(key, digest);
    this.onLearn?.(key, digest);
  }

  /** A digest learnt by another worker. */
  accept(key: string, digest: Buffer): void {
    this.#digests.set(key, digest);
  }
}
