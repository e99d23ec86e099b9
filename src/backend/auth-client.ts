/** The client's side of authentication, after the handshake response: packets in, packets to send and a verdict out. */
import {
  AuthPlugin,
  cachingSha2Scramble,
  type ErrPacket,
  nativePasswordScramble,
  type OkPacket,
  parseAuthSwitchRequest,
  parseErr,
  parseOk,
  rsaEncryptPassword,
  Sha2Dialogue,
} from '../wire/index.ts';

export interface AuthClientOptions {
  readonly password: string;
  /** TLS or a unix socket: a cleartext password may be sent. */
  readonly secure: boolean;
  readonly capabilities: number;
  readonly serverPublicKey?: string | undefined;
  readonly allowPublicKeyRetrieval: boolean;
}

export type AuthClientStep =
  | { readonly kind: 'send'; readonly payload: Buffer }
  | { readonly kind: 'wait' }
  | { readonly kind: 'accepted'; readonly ok: OkPacket }
  | { readonly kind: 'denied'; readonly err: ErrPacket }
  /** This side cannot or must not go on. */
  | { readonly kind: 'stopped'; readonly reason: string };

export class AuthClient {
  readonly #options: AuthClientOptions;
  #plugin = '';
  #scramble: Buffer = Buffer.alloc(0);
  #awaitsKey = false;

  constructor(options: AuthClientOptions) {
    this.#options = options;
  }

  /** The plugin and answer to put into the handshake response (or COM_CHANGE_USER). A plugin we do not know is answered as native: the server switches. */
  first(serverPlugin: string, scramble: Buffer): { readonly plugin: string; readonly response: Buffer } {
    this.#plugin = serverPlugin === AuthPlugin.CACHING_SHA2 ? AuthPlugin.CACHING_SHA2 : AuthPlugin.NATIVE;
    this.#scramble = scramble;
    return { plugin: this.#plugin, response: this.#answer() };
  }

  receive(payload: Buffer): AuthClientStep {
    switch (payload[0]) {
      case 0x00:
        return { kind: 'accepted', ok: parseOk(payload, this.#options.capabilities) };
      case 0xff:
        return { kind: 'denied', err: parseErr(payload) };
      case 0xfe:
        return this.#switch(payload);
      case 0x01:
        return this.#more(payload.subarray(1));
      default:
        return {
          kind: 'stopped',
          reason: `an unknown packet (0x${(payload[0] ?? 0).toString(16)}) while authenticating`,
        };
    }
  }

  #switch(payload: Buffer): AuthClientStep {
    const { plugin, scramble } = parseAuthSwitchRequest(payload);
    this.#plugin = plugin;
    this.#scramble = scramble;
    switch (plugin) {
      case AuthPlugin.NATIVE:
      case AuthPlugin.CACHING_SHA2:
        return { kind: 'send', payload: this.#answer() };
      case AuthPlugin.CLEAR:
        if (!this.#options.secure) {
          return { kind: 'stopped', reason: 'the server asks for the password in clear, which needs TLS' };
        }
        return { kind: 'send', payload: Buffer.from(`${this.#options.password}\0`) };
      default:
        return {
          kind: 'stopped',
          reason: `the server asks for authentication plugin ${plugin}, which is not supported`,
        };
    }
  }

  #more(data: Buffer): AuthClientStep {
    if (this.#plugin !== AuthPlugin.CACHING_SHA2) {
      return { kind: 'stopped', reason: `unexpected data for authentication plugin ${this.#plugin}` };
    }
    const { password, secure, serverPublicKey } = this.#options;
    if (this.#awaitsKey) {
      this.#awaitsKey = false;
      return this.#encrypted(data.toString('latin1'));
    }
    if (data[0] === Sha2Dialogue.FAST_AUTH_SUCCESS) return { kind: 'wait' };
    if (data[0] !== Sha2Dialogue.PERFORM_FULL_AUTHENTICATION) {
      return { kind: 'stopped', reason: 'unexpected data for caching_sha2_password' };
    }
    if (secure) return { kind: 'send', payload: Buffer.from(`${password}\0`) };
    if (serverPublicKey !== undefined) return this.#encrypted(serverPublicKey);
    if (!this.#options.allowPublicKeyRetrieval) {
      return {
        kind: 'stopped',
        reason:
          'caching_sha2_password needs TLS, a unix socket, serverPublicKey or allowPublicKeyRetrieval for its first login',
      };
    }
    this.#awaitsKey = true;
    return { kind: 'send', payload: Buffer.of(Sha2Dialogue.REQUEST_PUBLIC_KEY) };
  }

  #encrypted(publicPem: string): AuthClientStep {
    try {
      return { kind: 'send', payload: rsaEncryptPassword(this.#options.password, this.#scramble, publicPem) };
    } catch {
      return { kind: 'stopped', reason: 'the server’s public key cannot be used' };
    }
  }

  #answer(): Buffer {
    const { password } = this.#options;
    return this.#plugin === AuthPlugin.NATIVE
      ? nativePasswordScramble(password, this.#scramble)
      : cachingSha2Scramble(password, this.#scramble);
  }
}
