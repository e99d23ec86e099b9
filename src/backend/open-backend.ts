/** Opens a socket to a MySQL server, upgrades it to TLS and authenticates; hands it over quiet. */
import net from 'node:net';
import tls from 'node:tls';
import { connectSocket } from '../base/index.ts';
import {
  buildHandshakeResponse,
  buildSslRequest,
  type Capabilities,
  Capability,
  type Handshake,
  hasCapability,
  PacketFramer,
  PacketWriter,
  parseErr,
  parseHandshake,
} from '../wire/index.ts';
import { AuthClient } from './auth-client.ts';
import { BackendFault } from './backend-fault.ts';
import type { ConnectOptions } from './connect-options.ts';

/** An authenticated connection in the command phase, without listeners on its socket. */
export interface OpenBackend {
  readonly socket: net.Socket;
  readonly handshake: Handshake;
  readonly capabilities: Capabilities;
  readonly secure: boolean;
  readonly status: number;
}

export const CONNECT_TIMEOUT_MS = 5000;
const HANDSHAKE_PACKET_MAX = 1024 * 1024;
/** utf8mb4_general_ci: MySQL and MariaDB both have it. */
export const DEFAULT_COLLATION = 45;

/** Rejects with BackendFault, the socket closed. */
export async function openBackend(options: ConnectOptions): Promise<OpenBackend> {
  const timeoutMs = options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS;
  const channel = new Channel(options);
  const timer = setTimeout(() => channel.fail(fault('connect', `no connection within ${timeoutMs} ms`)), timeoutMs);
  try {
    return await authenticate(channel, options);
  } catch (error) {
    const cause = error instanceof BackendFault ? error : fault('handshake', String((error as Error).message), error);
    channel.fail(cause);
    throw cause;
  } finally {
    clearTimeout(timer);
  }
}

async function authenticate(channel: Channel, options: ConnectOptions): Promise<OpenBackend> {
  const greeting = await channel.read();
  if (greeting[0] === 0xff) throw denied(greeting);
  const handshake = parseHandshake(greeting);
  const collation = options.collation ?? DEFAULT_COLLATION;
  let capabilities = wantedCapabilities(options, handshake.capabilities);
  const head = { packetSizeMax: 0x4000_0000, collation };

  let secure = options.socketPath !== undefined;
  const mode = options.tls?.mode ?? 'disabled';
  if (mode !== 'disabled' && !secure) {
    if (hasCapability(handshake.capabilities, Capability.SSL)) {
      capabilities = (capabilities | Capability.SSL) >>> 0;
      channel.send((writer) => buildSslRequest(writer, { ...head, capabilities }));
      await channel.startTls(options);
      secure = true;
    } else if (mode !== 'preferred') {
      throw fault('handshake', 'the server does not offer TLS');
    }
  }

  const auth = new AuthClient({
    password: options.password,
    secure,
    capabilities,
    serverPublicKey: options.serverPublicKey,
    allowPublicKeyRetrieval: options.allowPublicKeyRetrieval ?? false,
  });
  const first = auth.first(handshake.authPlugin, handshake.scramble);
  channel.send((writer) =>
    buildHandshakeResponse(writer, {
      ...head,
      capabilities,
      user: options.user,
      authResponse: first.response,
      database: options.database ?? '',
      authPlugin: first.plugin,
      attributes: new Map(Object.entries(options.attributes ?? { program_name: 'shardmesh' })),
    }),
  );
  for (;;) {
    const step = auth.receive(await channel.read());
    switch (step.kind) {
      case 'send':
        channel.send((writer) => writer.bytes(step.payload));
        break;
      case 'wait':
        break;
      case 'accepted':
        return { socket: channel.release(), handshake, capabilities, secure, status: step.ok.status };
      case 'denied':
        throw fault('handshake', step.err.message, undefined, step.err.errno, step.err.sqlState);
      case 'stopped':
        throw fault('handshake', step.reason);
    }
  }
}

/** What a connection asks for, of what the server has. */
function wantedCapabilities(options: ConnectOptions, offered: Capabilities): Capabilities {
  const { class: wanted } = options;
  let flags =
    Capability.LONG_PASSWORD |
    Capability.LONG_FLAG |
    Capability.PROTOCOL_41 |
    Capability.TRANSACTIONS |
    Capability.SECURE_CONNECTION |
    Capability.MULTI_STATEMENTS |
    Capability.MULTI_RESULTS |
    Capability.PS_MULTI_RESULTS |
    Capability.PLUGIN_AUTH |
    Capability.PLUGIN_AUTH_LENENC |
    Capability.CONNECT_ATTRS |
    Capability.SESSION_TRACK |
    Capability.LOCAL_FILES;
  if (wanted.foundRows) flags |= Capability.FOUND_ROWS;
  if (wanted.deprecateEof) flags |= Capability.DEPRECATE_EOF;
  if (wanted.ignoreSpace === true) flags |= Capability.IGNORE_SPACE;
  if (wanted.interactive === true) flags |= Capability.INTERACTIVE;
  if (options.database !== undefined && options.database !== '') flags |= Capability.CONNECT_WITH_DB;
  // MariaDB clears LONG_PASSWORD in its offer to say that it has extended capabilities; sending it means not to use them.
  // IGNORE_SPACE and INTERACTIVE are obeyed by servers that do not offer them.
  const unasked = Capability.LONG_PASSWORD | Capability.IGNORE_SPACE | Capability.INTERACTIVE;
  return (flags & (offered | unasked)) >>> 0;
}

/** Packets over a socket as promises: for the handshake only. */
class Channel {
  #socket: net.Socket;
  readonly #framer = new PacketFramer(HANDSHAKE_PACKET_MAX);
  readonly #writer = new PacketWriter(1024);
  #waiting: { resolve: (payload: Buffer) => void; reject: (error: Error) => void } | undefined;
  #failure: BackendFault | undefined;
  #connected = false;

  constructor(options: ConnectOptions) {
    this.#socket =
      options.socketPath !== undefined
        ? connectSocket({ path: options.socketPath })
        : connectSocket({
            host: options.host ?? '127.0.0.1',
            port: options.port ?? 3306,
            noDelay: true,
            keepAlive: true,
            keepAliveInitialDelay: 30_000,
          });
    this.#socket.once('connect', () => {
      this.#connected = true;
    });
    this.#listen();
  }

  read(): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) {
        reject(this.#failure);
        return;
      }
      this.#waiting = { resolve, reject };
      this.#deliver();
    });
  }

  send(build: (writer: PacketWriter) => void): void {
    this.#writer.sequenceId = this.#framer.nextSequenceId;
    this.#writer.begin();
    build(this.#writer);
    this.#writer.end();
    this.#framer.expect(this.#writer.sequenceId);
    this.#socket.write(this.#writer.take());
  }

  async startTls(options: ConnectOptions): Promise<void> {
    // Bytes before TLS would be read as if they had come through it.
    if (this.#framer.bufferedBytes > 0) throw fault('handshake', 'the server sent data before TLS');
    this.#unlisten();
    const plain = this.#socket;
    plain.on('error', ignore); // comes again on the secured socket
    const wanted = options.tls;
    const mode = wanted?.mode ?? 'disabled';
    const host = wanted?.serverName ?? options.host ?? '127.0.0.1';
    const secured = tls.connect({
      socket: plain,
      host,
      ...(net.isIP(host) === 0 ? { servername: host } : {}),
      ...(wanted?.ca === undefined ? {} : { ca: wanted.ca }),
      ...(wanted?.cert === undefined ? {} : { cert: wanted.cert }),
      ...(wanted?.key === undefined ? {} : { key: wanted.key }),
      minVersion: wanted?.minVersion ?? 'TLSv1.2',
      rejectUnauthorized: mode === 'verify-ca' || mode === 'verify-identity',
      ...(mode === 'verify-identity' ? {} : { checkServerIdentity: () => undefined }),
    });
    this.#socket = secured;
    this.#listen();
    await new Promise<void>((resolve, reject) => {
      if (this.#failure !== undefined) reject(this.#failure);
      this.#waiting = { resolve: () => reject(fault('handshake', 'data before TLS was ready')), reject };
      secured.once('secureConnect', () => {
        this.#waiting = undefined;
        resolve();
      });
    });
  }

  /** The socket without listeners, paused; fails if the server sent more than asked. */
  release(): net.Socket {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#framer.bufferedBytes > 0) throw fault('handshake', 'the server sent data after authentication');
    this.#socket.pause();
    this.#unlisten();
    return this.#socket;
  }

  fail(cause: BackendFault): void {
    this.#failure ??= cause;
    this.#socket.destroy();
    this.#waiting?.reject(this.#failure);
    this.#waiting = undefined;
  }

  #listen(): void {
    this.#socket.on('data', this.#onData);
    this.#socket.on('error', this.#onError);
    this.#socket.on('close', this.#onClose);
  }

  #unlisten(): void {
    this.#socket.off('data', this.#onData);
    this.#socket.off('error', this.#onError);
    this.#socket.off('close', this.#onClose);
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#framer.push(chunk);
    this.#deliver();
  };

  readonly #onError = (error: Error): void => {
    const stage = this.#connected ? 'handshake' : 'connect';
    this.fail(fault(stage, messageOf(error), error));
  };

  readonly #onClose = (): void => {
    this.fail(fault('handshake', 'the server closed the connection while it was being opened'));
  };

  #deliver(): void {
    if (this.#waiting === undefined) return;
    try {
      const payload = this.#framer.next();
      if (payload === undefined) return;
      const { resolve } = this.#waiting;
      this.#waiting = undefined;
      resolve(payload);
    } catch (error) {
      this.fail(fault('handshake', messageOf(error as Error), error));
    }
  }
}

function ignore(): void {}

function denied(payload: Buffer): BackendFault {
  const err = parseErr(payload);
  return fault('handshake', err.message, undefined, err.errno, err.sqlState);
}

function fault(
  stage: 'connect' | 'handshake',
  message: string,
  cause?: unknown,
  errno?: number,
  sqlState?: string,
): BackendFault {
  return new BackendFault(message, { stage, mayHaveExecuted: false, cause, errno, sqlState });
}

/** Node gives an AggregateError without a message when several addresses failed. */
function messageOf(error: Error): string {
  if (error.message !== '') return error.message;
  return error instanceof AggregateError ? error.errors.map((each: Error) => each.message).join('; ') : error.name;
}
