/** A server for tests made of AuthServer: logs clients in, then answers each command as the test says. */
import net from 'node:net';
import tls from 'node:tls';
import {
  AuthServer,
  type AuthStep,
  buildErr,
  buildOk,
  Capability,
  Command,
  type CredentialStore,
  errOf,
  FastAuthCache,
  PacketFramer,
  PacketWriter,
  parseCredential,
  type RsaKey,
  StaticCredentials,
  StatusFlag,
  serverCapabilities,
} from '../../src/wire/index.ts';
import { authority, certificate, key } from './certificates.ts';

/** What a test gets for each command. `reply` writes OK by default. */
export interface FakeSession {
  readonly socket: net.Socket;
  readonly writer: PacketWriter;
  /** An OK with these status flags. */
  ok(status?: number): void;
  /** Sends what `writer` holds. */
  flush(): void;
}

export interface FakeServerOptions {
  readonly credentials?: CredentialStore;
  readonly rsaKey?: RsaKey;
  readonly tls?: boolean;
  readonly onCommand?: (payload: Buffer, session: FakeSession) => void;
  /** In place of the greeting. */
  readonly onConnect?: (socket: net.Socket) => boolean;
}

export const okPacket = {
  affectedRows: 0n,
  insertId: 0n,
  status: StatusFlag.AUTOCOMMIT as number,
  warnings: 0,
  info: '',
  changes: [],
};

export class FakeServer {
  readonly #server: net.Server;
  readonly #options: FakeServerOptions;
  readonly sockets = new Set<net.Socket>();
  readonly #cache = new FastAuthCache();
  /** Successful logins. */
  logins = 0;
  /** Set to refuse logins from now on, with errno 1040. */
  full = false;

  private constructor(options: FakeServerOptions) {
    this.#options = options;
    this.#server = net.createServer({ noDelay: true }, (socket) => {
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
      socket.on('error', () => {});
      if (options.onConnect?.(socket) === true) return;
      this.#serve(socket);
    });
  }

  static start(options: FakeServerOptions = {}): Promise<FakeServer> {
    const fake = new FakeServer(options);
    return new Promise((resolve) => fake.#server.listen(0, '127.0.0.1', () => resolve(fake)));
  }

  get port(): number {
    return (this.#server.address() as net.AddressInfo).port;
  }

  /** Stops listening and cuts all connections. */
  close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #serve(plain: net.Socket): void {
    let socket = plain;
    const framer = new PacketFramer(64 * 1024 * 1024);
    const writer = new PacketWriter();
    const flush = (): void => {
      socket.write(writer.take());
    };
    const ok = (status: number = StatusFlag.AUTOCOMMIT): void => {
      writer.begin();
      buildOk(writer, { ...okPacket, status }, 0);
      writer.end();
      flush();
    };
    if (this.full) {
      writer.begin();
      buildErr(writer, { errno: 1040, sqlState: '08004', message: 'Too many connections' }, false);
      writer.end();
      flush();
      plain.end();
      return;
    }
    const auth = new AuthServer({
      connectionId: 1,
      serverVersion: '8.4.0-fake',
      capabilities:
        (serverCapabilities & ~Capability.SESSION_TRACK) | (this.#options.tls === true ? Capability.SSL : 0),
      collation: 45,
      host: 'test',
      secure: false,
      credentials:
        this.#options.credentials ?? new StaticCredentials(new Map([['app', { credential: parseCredential('app') }]])),
      cache: this.#cache,
      ...(this.#options.rsaKey === undefined ? {} : { rsaKey: this.#options.rsaKey }),
    });
    let accepted = false;
    const send = (payload: Buffer): void => {
      writer.sequenceId = framer.nextSequenceId;
      writer.packet(payload);
      framer.expect(writer.sequenceId);
      flush();
    };
    const login = (step: AuthStep): void => {
      if (step.kind === 'send') send(step.payload);
      else if (step.kind === 'start-tls') {
        plain.off('data', onData);
        plain.pause();
        const rest = framer.takeRest();
        if (rest.length > 0) plain.unshift(rest);
        const secured = new tls.TLSSocket(plain, { isServer: true, key, cert: certificate, ca: authority });
        socket = secured;
        secured.on('error', () => {});
        secured.on('data', onData);
        auth.tlsStarted();
      } else if (step.kind === 'accepted') {
        if (step.before !== undefined) send(step.before);
        accepted = true;
        this.logins += 1;
        writer.sequenceId = framer.nextSequenceId;
        ok();
      } else {
        writer.sequenceId = framer.nextSequenceId;
        writer.begin();
        buildErr(writer, errOf(step.error));
        writer.end();
        flush();
        socket.end();
      }
    };
    const onData = (chunk: Buffer): void => {
      framer.push(chunk);
      for (;;) {
        if (accepted) framer.startCommand();
        const payload = framer.next();
        if (payload === undefined) return;
        if (!accepted) {
          login(auth.receive(payload));
          continue;
        }
        if (payload[0] === 1) {
          socket.end();
          return;
        }
        if (payload[0] === Command.CHANGE_USER) {
          accepted = false;
          login(auth.changeUser(payload));
          continue;
        }
        writer.sequenceId = framer.nextSequenceId;
        const session: FakeSession = { socket, writer, ok, flush };
        if (this.#options.onCommand === undefined) ok();
        else this.#options.onCommand(payload, session);
      }
    };
    plain.on('data', onData);
    writer.packet(auth.greeting());
    framer.expect(1);
    flush();
  }
}
