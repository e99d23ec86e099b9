/** The server's side of authentication as a state machine: packets in, packets to send and a verdict out; no sockets. */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { MeshError } from '../base/index.ts';
import { AuthPlugin, buildAuthMoreData, buildAuthSwitchRequest } from './auth-packets.ts';
import { cachingSha2FastVerify, cachingSha2StoredDigest, Sha2Dialogue, sha256 } from './caching-sha2.ts';
import { type Capabilities, Capability, hasCapability } from './capabilities.ts';
import { parseChangeUser } from './change-user.ts';
import { type Compression, zlibCompression, zstdCompression } from './compressed-packet.ts';
import { type Credential, type CredentialStore, FastAuthCache, type UserEntry } from './credential.ts';
import { buildHandshake } from './handshake.ts';
import { type HandshakeResponse, isSslRequest, parseHandshakeResponse } from './handshake-response.ts';
import { nativePasswordHash, nativePasswordVerify } from './native-password.ts';
import { MalformedPacket } from './packet-reader.ts';
import { payloadOf } from './packet-writer.ts';
import { type RsaKey, rsaDecryptPassword } from './rsa-password.ts';
import { StatusFlag } from './status-flags.ts';
import { verifyStoredSha2 } from './stored-sha2.ts';

export interface AuthServerOptions {
  readonly connectionId: number;
  readonly serverVersion: string;
  /** Offered flags; SSL among them if TLS can be started. */
  readonly capabilities: Capabilities;
  /** Collation id of the greeting, 1-255. */
  readonly collation: number;
  /** The client's host, for error texts. */
  readonly host: string;
  /** The transport is secret already: a unix socket, or TLS from the first byte. */
  readonly secure: boolean;
  readonly credentials: CredentialStore;
  readonly cache: FastAuthCache;
  /** For caching_sha2_password's full path without TLS; without it such clients are refused. */
  readonly rsaKey?: RsaKey;
  /** The plugin named in the greeting. Default caching_sha2_password. */
  readonly defaultPlugin?: string;
}

export interface AuthAccepted {
  readonly user: string;
  /** Empty if none. */
  readonly database: string;
  /** What both sides have. */
  readonly capabilities: Capabilities;
  readonly collation: number;
  /** The client's max_allowed_packet in bytes, 0 if unknown. */
  readonly packetSizeMax: number;
  readonly attributes: ReadonlyMap<string, string>;
  readonly plugin: string;
  /** Undefined: none. Where a client can do both it is zlib, as on MySQL. */
  readonly compression: Compression | undefined;
}

export type AuthStep =
  /** Send this payload, then feed the next packet. */
  | { readonly kind: 'send'; readonly payload: Buffer }
  /** Start TLS on the socket, call `tlsStarted`, then feed the next packet. */
  | { readonly kind: 'start-tls' }
  /** Send `before` if there is one, check the database, then send OK (or ERR) yourself. */
  | { readonly kind: 'accepted'; readonly before: Buffer | undefined; readonly accepted: AuthAccepted }
  /** Send the ERR, then close (after COM_CHANGE_USER too). */
  | { readonly kind: 'refused'; readonly error: MeshError };

type Phase = 'response' | 'switched' | 'sha2-full' | 'sha2-rsa' | 'done';

export class AuthServer {
  readonly #options: AuthServerOptions;
  #phase: Phase = 'response';
  #secure: boolean;
  #certified = false;
  #scramble: Buffer = newScramble();
  #capabilities: Capabilities = 0;
  #response: Omit<HandshakeResponse, 'authResponse' | 'authPlugin'> | undefined;
  #entry: UserEntry | undefined;
  #known = false;
  #plugin = '';
  #usedPassword = false;

  constructor(options: AuthServerOptions) {
    this.#options = options;
    this.#secure = options.secure;
  }

  /** The first packet's payload. */
  greeting(): Buffer {
    const { connectionId, serverVersion, capabilities, collation } = this.#options;
    return payloadOf((writer) =>
      buildHandshake(writer, {
        serverVersion,
        connectionId,
        scramble: this.#scramble,
        capabilities,
        collation,
        status: StatusFlag.AUTOCOMMIT,
        authPlugin: this.#options.defaultPlugin ?? AuthPlugin.CACHING_SHA2,
      }),
    );
  }

  /** From here on a cleartext password may be asked for. */
  tlsStarted(): void {
    this.#secure = true;
  }

  /** The client has shown a certificate that a trusted authority has signed. */
  certified(): void {
    this.#certified = true;
  }

  /** The next packet from the client. Never throws for what a client sends. */
  receive(payload: Buffer): AuthStep {
    try {
      switch (this.#phase) {
        case 'response':
          return this.#handshakeResponse(payload);
        case 'switched':
          return this.#verify(payload);
        case 'sha2-full':
          return this.#fullAuthentication(payload);
        case 'sha2-rsa':
          return this.#decrypted(payload);
        case 'done':
          throw new Error('AuthServer: a packet after the verdict');
      }
    } catch (error) {
      if (!(error instanceof MalformedPacket)) throw error;
      this.#phase = 'done';
      return { kind: 'refused', error: new MeshError('ER_HANDSHAKE_ERROR', {}, { cause: error }) };
    }
  }

  /** Begins anew for COM_CHANGE_USER (its whole payload), on a connection that was accepted before. */
  changeUser(payload: Buffer): AuthStep {
    try {
      const change = parseChangeUser(payload, this.#capabilities);
      return this.#identify(
        {
          capabilities: this.#capabilities,
          packetSizeMax: this.#response?.packetSizeMax ?? 0,
          collation: change.collation & 0xff,
          user: change.user,
          database: change.database,
          attributes: change.attributes,
        },
        change.authPlugin,
        change.authResponse,
        true,
      );
    } catch (error) {
      if (!(error instanceof MalformedPacket)) throw error;
      this.#phase = 'done';
      return { kind: 'refused', error: new MeshError('ER_HANDSHAKE_ERROR', {}, { cause: error }) };
    }
  }

  #handshakeResponse(payload: Buffer): AuthStep {
    if (isSslRequest(payload)) {
      if (!hasCapability(this.#options.capabilities, Capability.SSL) || this.#secure) {
        throw new MalformedPacket('TLS was not offered');
      }
      return { kind: 'start-tls' };
    }
    const response = parseHandshakeResponse(payload);
    this.#capabilities = (response.capabilities & this.#options.capabilities) >>> 0;
    return this.#identify(response, response.authPlugin, response.authResponse);
  }

  #identify(
    response: Omit<HandshakeResponse, 'authResponse' | 'authPlugin'>,
    clientPlugin: string,
    authResponse: Buffer,
    /** COM_CHANGE_USER: clients differ in which scramble their first answer is for, so all are asked with a new one. */
    again = false,
  ): AuthStep {
    this.#response = response;
    const found = this.#options.credentials.find(response.user);
    this.#known = found !== undefined;
    this.#entry = found ?? this.#options.credentials.decoy(response.user);
    this.#usedPassword = authResponse.length > 0;
    const allowed = pluginsOf(this.#entry.credential);
    const canSwitch = hasCapability(this.#capabilities, Capability.PLUGIN_AUTH);
    // A client that can switch but names no plugin (some do so in COM_CHANGE_USER) is told which.
    const plugin = canSwitch ? clientPlugin : AuthPlugin.NATIVE;
    if (allowed.includes(plugin) && !(again && canSwitch)) {
      this.#plugin = plugin;
      return this.#verify(authResponse);
    }
    if (!canSwitch) {
      this.#phase = 'done';
      return { kind: 'refused', error: new MeshError('ER_NOT_SUPPORTED_AUTH_MODE', { plugin: allowed[0] as string }) };
    }
    this.#plugin = allowed[0] as string;
    this.#scramble = newScramble();
    this.#phase = 'switched';
    return {
      kind: 'send',
      payload: payloadOf((writer) => buildAuthSwitchRequest(writer, this.#plugin, this.#scramble)),
    };
  }

  /** Checks the answer to the scramble. */
  #verify(response: Buffer): AuthStep {
    const { credential } = this.#entry as UserEntry;
    // Some clients send an empty password as one NUL.
    const empty = response.length === 0 || (response.length === 1 && response[0] === 0);
    this.#usedPassword = !empty;
    if (empty) return this.#verdict(credential.kind === 'cleartext' && credential.password === '');
    if (this.#plugin === AuthPlugin.NATIVE) {
      const hash = credential.kind === 'cleartext' ? nativePasswordHash(credential.password) : nativeHashOf(credential);
      return this.#verdict(nativePasswordVerify(response, this.#scramble, hash));
    }
    const digest = this.#fastDigest();
    if (digest !== undefined && cachingSha2FastVerify(response, this.#scramble, digest) && this.#admitted()) {
      return this.#verdict(true, moreData(Sha2Dialogue.FAST_AUTH_SUCCESS));
    }
    this.#phase = 'sha2-full';
    return { kind: 'send', payload: moreData(Sha2Dialogue.PERFORM_FULL_AUTHENTICATION) };
  }

  #fullAuthentication(payload: Buffer): AuthStep {
    if (this.#secure) {
      const end = payload.indexOf(0);
      return this.#checkClear(end < 0 ? payload : payload.subarray(0, end));
    }
    const { rsaKey } = this.#options;
    if (rsaKey === undefined) return this.#verdict(false);
    if (payload.length === 1 && payload[0] === Sha2Dialogue.REQUEST_PUBLIC_KEY) {
      this.#phase = 'sha2-rsa';
      return { kind: 'send', payload: payloadOf((writer) => buildAuthMoreData(writer, Buffer.from(rsaKey.publicPem))) };
    }
    return this.#decrypted(payload);
  }

  #decrypted(payload: Buffer): AuthStep {
    const { rsaKey } = this.#options;
    const password = rsaKey && rsaDecryptPassword(payload, this.#scramble, rsaKey);
    return password === undefined ? this.#verdict(false) : this.#checkClear(password);
  }

  #checkClear(password: Buffer): AuthStep {
    const { credential } = this.#entry as UserEntry;
    if (credential.kind === 'cleartext') {
      return this.#verdict(timingSafeEqual(sha256(password), sha256(credential.password)));
    }
    if (credential.kind !== 'caching-sha2') return this.#verdict(false);
    const right = verifyStoredSha2(password, credential.stored);
    if (right && this.#known) {
      const key = FastAuthCache.key(this.#user, credential.stored);
      this.#options.cache.learn(key, sha256(sha256(password)));
    }
    return this.#verdict(right);
  }

  #compression(zstdLevel: number): Compression | undefined {
    if (hasCapability(this.#capabilities, Capability.COMPRESS)) return zlibCompression;
    return hasCapability(this.#capabilities, Capability.ZSTD_COMPRESSION) ? zstdCompression(zstdLevel) : undefined;
  }

  #fastDigest(): Buffer | undefined {
    const { credential } = this.#entry as UserEntry;
    if (credential.kind === 'cleartext') return cachingSha2StoredDigest(credential.password);
    if (credential.kind === 'native') return undefined;
    return this.#options.cache.get(FastAuthCache.key(this.#user, credential.stored));
  }

  get #user(): string {
    return this.#response?.user ?? '';
  }

  /** A real user, on a transport that he may use. */
  #admitted(): boolean {
    if (!this.#known) return false;
    const need = this.#entry?.require ?? 'none';
    if (need === 'certificate') return this.#certified || this.#options.secure;
    return need === 'none' || this.#secure;
  }

  #verdict(right: boolean, before?: Buffer): AuthStep {
    this.#phase = 'done';
    const response = this.#response;
    if (!right || !this.#admitted() || response === undefined) {
      const values = { user: this.#user, host: this.#options.host, using: this.#usedPassword ? 'YES' : 'NO' };
      return { kind: 'refused', error: new MeshError('ER_ACCESS_DENIED_ERROR', values) };
    }
    return {
      kind: 'accepted',
      before,
      accepted: {
        user: response.user,
        database: response.database,
        capabilities: this.#capabilities,
        collation: response.collation,
        packetSizeMax: response.packetSizeMax,
        attributes: response.attributes,
        plugin: this.#plugin,
        compression: this.#compression(response.zstdLevel ?? 0),
      },
    };
  }
}

/** 20 random bytes without 0 and `$`, which some clients take for the end. */
function newScramble(): Buffer {
  const scramble = randomBytes(20);
  for (let i = 0; i < scramble.length; i += 1) {
    const byte = (scramble[i] as number) & 0x7f;
    scramble[i] = byte === 0 || byte === 0x24 ? byte + 1 : byte;
  }
  return scramble;
}

function pluginsOf(credential: Credential): readonly string[] {
  switch (credential.kind) {
    case 'cleartext':
      return [AuthPlugin.CACHING_SHA2, AuthPlugin.NATIVE];
    case 'native':
      return [AuthPlugin.NATIVE];
    case 'caching-sha2':
      return [AuthPlugin.CACHING_SHA2];
  }
}

function nativeHashOf(credential: Credential): Buffer {
  return credential.kind === 'native' ? credential.hash : Buffer.alloc(20);
}

function moreData(code: number): Buffer {
  return payloadOf((writer) => buildAuthMoreData(writer, Buffer.of(code)));
}
