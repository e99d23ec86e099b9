/** One client socket: handshake, TLS, packets in, commands one after the other, responses out. */
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { MeshError, type SharedCounters } from '../base/index.ts';
import type { ClientFile } from '../execute/index.ts';
import { freshSettings, withVariables } from '../session/index.ts';
import {
  type AuthAccepted,
  AuthServer,
  type AuthStep,
  buildLocalInfile,
  Capability,
  Command,
  CompressedReader,
  collationById,
  type FastAuthCache,
  hasCapability,
  MalformedPacket,
  PacketFramer,
  payloadOf,
  type RsaKey,
  serverCapabilities,
} from '../wire/index.ts';
import { accountsFrom, credentialsOf, databaseDenied, mayUse } from './accounts.ts';
import { type CommandOptions, commandFailed, runCommand } from './commands.ts';
import { LoginDamper } from './login-damper.ts';
import type { Account } from './mesh-snapshot.ts';
import { checkClientCharset } from './plan-environment.ts';
import { ResponseWriter } from './response-writer.ts';
import { type CommandContext, Session, type WorkerShare } from './session.ts';
import { peerCertificate, type ServerTls } from './tls-contexts.ts';

/** What all connections of one listener share. */
export interface ListenerShare extends WorkerShare {
  readonly authCache: FastAuthCache;
  readonly rsaKey: RsaKey;
  /** Undefined: no TLS. */
  readonly tls: ServerTls | undefined;
  /** Connections by account, for those that have a limit. */
  readonly counters: SharedCounters;
}

/** Bytes of a packet before the client has logged in. */
const HANDSHAKE_PACKET_MAX = 64 * 1024;
/** Bytes of commands that may wait behind the running one before the socket is not read any more. */
const PENDING_BYTES_MAX = 1024 * 1024;

/** One for all listeners of the process. */
const damper = new LoginDamper();

type Phase = 'handshake' | 'command' | 'closed';

export class ClientConnection implements ClientFile {
  readonly session: Session;
  readonly #share: ListenerShare;
  readonly #id: number;
  #socket: Socket;
  #framer = new PacketFramer(HANDSHAKE_PACKET_MAX);
  /** Set after the login of a client with the compressed protocol. */
  #compressed: CompressedReader | undefined;
  #reply: ResponseWriter;
  #phase: Phase = 'handshake';
  #auth: AuthServer;
  #busy = false;
  /** For the count of the account's connections. */
  #waiting = false;
  readonly #options: CommandOptions = {
    capabilities: 0,
    multiStatements: false,
    changeUser: (packet) => this.#changeUser(packet),
  };
  /** Of the running command. */
  #context: CommandContext | undefined;
  #cancelTimeout: () => void = () => undefined;
  /** Who waits for the next packet of a file. */
  #reader: { resolve(packet: Buffer | undefined): void; reject(error: unknown): void } | undefined;
  #leaveAccount: () => void = () => undefined;
  /** Drain: close as soon as nothing is open. */
  #closing = false;
  readonly #onEnd: () => void;
  readonly #hear = (chunk: Buffer): void => this.#onData(chunk);
  readonly #leave = (): void => this.#ended();

  /** `client`: the address that a proxy told; undefined: the socket's own. */
  constructor(share: ListenerShare, socket: Socket, onEnd: () => void, client?: string) {
    this.#share = share;
    this.#socket = socket;
    this.#onEnd = onEnd;
    this.#id = share.sessions.newId();
    const host = client ?? addressOf(socket);
    this.session = new Session(share, this.#id, host);
    this.#reply = new ResponseWriter(socket, this.session.state, share.observer.errorAnswered);
    const snapshot = share.mesh.current();
    this.#auth = new AuthServer({
      connectionId: this.#id,
      serverVersion: snapshot.serverVersion,
      capabilities: (share.tls === undefined ? serverCapabilities : serverCapabilities | Capability.SSL) >>> 0,
      collation: 45,
      host,
      secure: socket.remoteAddress === undefined,
      credentials: credentialsOf(accountsFrom(snapshot.accounts, host)),
      cache: share.authCache,
      rsaKey: share.rsaKey,
    });
    share.sessions.add(this.#id, this);
    socket.setNoDelay(true);
    this.#listen(socket);
    this.#reply.sequenceId = 0;
    this.#reply.packet(this.#auth.greeting());
    this.#reply.flush();
    this.#framer.expect(1);
    const timer = setTimeout(() => this.#destroy(), snapshot.limits.handshakeTimeoutMs);
    this.#cancelTimeout = () => clearTimeout(timer);
  }

  get bytesIn(): number {
    return this.#socket.bytesRead;
  }

  get bytesOut(): number {
    return this.#socket.bytesWritten;
  }

  /** KILL CONNECTION: an error if the client is between commands, and the end either way. */
  kill(): void {
    if (!this.#busy && this.#phase === 'command') {
      this.#reply.sequenceId = 1;
      this.#reply.error(new MeshError('ER_CONNECTION_KILLED'));
      this.#reply.flush();
    }
    this.#destroy();
  }

  /** Drain: closes now if nothing is running and nothing is open on the backends, else at the next such point. */
  closeWhenQuiet(): void {
    this.#closing = true;
    this.#closeIfQuiet();
  }

  #listen(socket: Socket): void {
    socket.on('data', this.#hear);
    socket.on('error', () => this.#destroy());
    socket.on('close', this.#leave);
  }

  /** Others listen to the socket too. */
  #unlisten(socket: Socket): void {
    socket.off('data', this.#hear);
    socket.off('close', this.#leave);
  }

  #onData(chunk: Buffer): void {
    if (this.#compressed === undefined) {
      this.#framer.push(chunk);
    } else {
      try {
        for (const piece of this.#compressed.push(chunk)) this.#framer.push(piece);
      } catch (error) {
        this.#protocolError(error);
        return;
      }
    }
    if (this.#reader !== undefined) this.#feed();
    else if ((this.#busy || this.#waiting) && this.#framer.bufferedBytes > PENDING_BYTES_MAX) this.#socket.pause();
    this.#work();
  }

  /** Takes packets while there are any and no command is running. */
  #work(): void {
    while (!this.#busy && !this.#waiting && this.#phase !== 'closed') {
      let payload: Buffer | undefined;
      try {
        payload = this.#framer.next();
      } catch (error) {
        this.#protocolError(error);
        return;
      }
      if (payload === undefined) break;
      if (this.#compressed !== undefined) this.#reply.compressedSequenceId = this.#compressed.sequenceId + 1;
      if (this.#phase === 'handshake') {
        if (this.#authenticate(this.#auth.receive(payload))) return;
      } else {
        this.#command(payload);
      }
    }
    if (this.#socket.isPaused() && !this.#busy && !this.#waiting) this.#socket.resume();
  }

  /** Carries out one step of the dialogue; true if the socket is being replaced by TLS. */
  #authenticate(step: AuthStep): boolean {
    const reply = this.#reply;
    reply.sequenceId = this.#framer.nextSequenceId;
    switch (step.kind) {
      case 'send':
        reply.packet(step.payload);
        reply.flush();
        this.#framer.expect(reply.sequenceId);
        return false;
      case 'start-tls':
        this.#startTls();
        return true;
      case 'refused':
        this.#share.observer.loginFailed(step.error, this.session.state.host);
        this.#refuse(step.error);
        return false;
      case 'accepted':
        if (step.before !== undefined) reply.packet(step.before);
        this.#accepted(step.accepted);
        return false;
    }
  }

  /** The more wrong logins come from one host, the later each is told. */
  #refuse(error: MeshError): void {
    this.#phase = 'closed';
    this.#cancelTimeout();
    const tell = (): void => {
      this.#reply.error(error);
      this.#reply.flush();
      this.#end();
    };
    const delayMs = damper.failed(this.session.state.host);
    if (delayMs === 0) {
      tell();
      return;
    }
    const timer = setTimeout(tell, delayMs);
    timer.unref();
    this.#cancelTimeout = () => clearTimeout(timer);
  }

  #startTls(): void {
    const { tls } = this.#share;
    if (tls === undefined) return;
    const plain = this.#socket;
    this.#unlisten(plain);
    const expected = this.#framer.nextSequenceId;
    // Clients may send their first TLS bytes in one segment with the request.
    const rest = this.#framer.takeRest();
    if (rest.length > 0) {
      plain.pause();
      plain.unshift(rest);
    }
    // Who may come without a certificate is decided by the account, so that its refusal can be told.
    const certificates = { requestCert: tls.asksCertificate, rejectUnauthorized: false };
    const secure = new TLSSocket(plain, { isServer: true, secureContext: tls.context(), ...certificates });
    if (tls.asksCertificate) secure.once('secure', () => this.#checkCertificate(secure));
    this.#socket = secure;
    this.#framer = new PacketFramer(HANDSHAKE_PACKET_MAX);
    this.#framer.expect(expected);
    this.#reply = new ResponseWriter(secure, this.session.state, this.#share.observer.errorAnswered);
    this.#auth.tlsStarted();
    this.#listen(secure);
  }

  #checkCertificate(secure: TLSSocket): void {
    const shown = peerCertificate(secure);
    if (shown === 'trusted') this.#auth.certified();
    else if (shown === 'untrusted') this.#destroy();
  }

  #accepted(accepted: AuthAccepted): void {
    const { snapshot, state } = this.session;
    const account = accountsFrom(snapshot.accounts, state.host).get(accepted.user);
    this.#leaveAccount();
    if (account?.connections === undefined) {
      this.#welcome(accepted, account);
      return;
    }
    this.#waiting = true;
    this.#enterAccount(account, account.connections).then(
      (error) => {
        this.#waiting = false;
        if (this.#phase === 'closed') this.#leaveAccount();
        else if (error === undefined) this.#welcome(accepted, account);
        else this.#loginRefused(error);
        this.#work();
      },
      (error: unknown) => {
        this.#share.observer.bug(error);
        this.#destroy();
      },
    );
  }

  /** Counts this connection; answers what MySQL says of MAX_USER_CONNECTIONS if there are as many already. */
  async #enterAccount({ user, host }: Account, connections: number): Promise<MeshError | undefined> {
    const { counters } = this.#share;
    const name = `${user}@${host.text.toLowerCase()}`;
    if (!(await counters.take(name, connections)))
      return new MeshError('ER_USER_LIMIT_REACHED', { user, resource: 'max_user_connections', value: connections });
    this.#leaveAccount = () => {
      this.#leaveAccount = () => undefined;
      counters.give(name);
    };
    return undefined;
  }

  #welcome(accepted: AuthAccepted, account: Account | undefined): void {
    const { session } = this;
    const { state } = session;
    const snapshot = session.snapshot;
    const reply = this.#reply;
    try {
      if (account === undefined)
        throw new MeshError('ER_ACCESS_DENIED_ERROR', { user: accepted.user, host: state.host, using: 'YES' });
      this.#takeOver(accepted, account);
      if (accepted.database !== '') {
        if (!mayUse(account, accepted.database)) throw databaseDenied(account, accepted.database, state.host);
        if (!snapshot.databases.has(accepted.database) && accepted.database !== 'information_schema') {
          throw new MeshError('ER_BAD_DB_ERROR', { database: accepted.database });
        }
        session.use(accepted.database);
      }
    } catch (error) {
      if (!(error instanceof MeshError)) throw error;
      this.#loginRefused(error);
      return;
    }
    reply.done();
    reply.flush();
    this.#share.observer.loggedIn(session);
    this.#cancelTimeout();
    this.#phase = 'command';
    // From the packet after this OK on.
    if (this.#compressed === undefined && accepted.compression !== undefined) {
      this.#compressed = new CompressedReader(accepted.compression);
      reply.compression = accepted.compression;
      reply.compressedSequenceId = 0;
    }
    this.#framer.payloadMax = snapshot.limits.maxAllowedPacket;
    this.#framer.startCommand();
  }

  /** The password was right, and yet. */
  #loginRefused(error: MeshError): void {
    this.#share.observer.loginFailed(error, this.session.state.host);
    this.#reply.error(error);
    this.#reply.flush();
    this.#end();
  }

  #takeOver(accepted: AuthAccepted, account: Account): void {
    const { session } = this;
    session.loggedIn(account);
    session.state.user = accepted.user;
    session.state.accountHost = account.host.text;
    this.#options.capabilities = accepted.capabilities;
    this.#reply.capabilities = accepted.capabilities;
    this.#options.multiStatements = hasCapability(accepted.capabilities, Capability.MULTI_STATEMENTS);
    session.backend.leases.capabilities = {
      foundRows: hasCapability(accepted.capabilities, Capability.FOUND_ROWS),
      deprecateEof: hasCapability(accepted.capabilities, Capability.DEPRECATE_EOF),
      ignoreSpace: hasCapability(accepted.capabilities, Capability.IGNORE_SPACE),
    };
    applyCollation(session, accepted.collation);
  }

  #command(payload: Buffer): void {
    const account = this.session.account;
    if (account === undefined) {
      this.#destroy();
      return;
    }
    this.#busy = true;
    const code = payload[0] ?? -1;
    this.#share.observer.command(code);
    this.#reply.begin(
      this.#framer.nextSequenceId - 1,
      code === Command.STMT_EXECUTE || code === Command.STMT_FETCH ? 'binary' : 'text',
    );
    if (code === Command.QUIT) {
      this.#end();
      return;
    }
    const file = hasCapability(this.#options.capabilities, Capability.LOCAL_FILES) ? this : undefined;
    const context = { session: this.session, account, reply: this.#reply, file };
    this.#context = context;
    try {
      const answering = runCommand(context, payload, this.#options);
      // Without a promise the caller goes on with the next command: many short ones must not nest.
      if (answering === undefined) this.#commandDone();
      else answering.then(this.#onAnswered, this.#onFailed);
    } catch (error) {
      this.#commandFailed(error);
    }
  }

  readonly #onAnswered = (): void => {
    try {
      this.#commandDone();
      this.#work();
    } catch (error) {
      this.#bug(error);
    }
  };

  readonly #onFailed = (error: unknown): void => {
    this.#commandFailed(error);
    this.#work();
  };

  #commandFailed(error: unknown): void {
    try {
      if (this.#context !== undefined) commandFailed(this.#context, error);
      this.#commandDone();
    } catch (bug) {
      this.#bug(bug);
    }
  }

  #bug(error: unknown): void {
    this.#share.observer.bug(error);
    this.#destroy();
  }

  /** LOAD DATA LOCAL: what the client sends next is the file. */
  request(name: Uint8Array): void {
    const reply = this.#reply;
    reply.packet(payloadOf((writer) => buildLocalInfile(writer, name)));
    reply.flush();
    this.#framer.expect(reply.sequenceId);
  }

  /** The next packet of the file. */
  read(): Promise<Buffer | undefined> {
    if (this.#phase === 'closed') return Promise.reject(new MeshError('ER_CONNECTION_KILLED'));
    return new Promise((resolve, reject) => {
      this.#reader = { resolve, reject };
      this.#feed();
    });
  }

  #feed(): void {
    const reader = this.#reader;
    if (reader === undefined) return;
    let payload: Buffer | undefined;
    try {
      payload = this.#framer.next();
    } catch (error) {
      this.#reader = undefined;
      reader.reject(error);
      this.#protocolError(error);
      return;
    }
    if (payload === undefined) {
      if (this.#socket.isPaused()) this.#socket.resume();
      return;
    }
    this.#reader = undefined;
    this.#reply.sequenceId = this.#framer.nextSequenceId;
    if (this.#compressed !== undefined) this.#reply.compressedSequenceId = this.#compressed.sequenceId + 1;
    reader.resolve(payload.length === 0 ? undefined : payload);
  }

  #commandDone(): void {
    this.#context = undefined;
    if (this.#phase === 'closed') return;
    if (!this.#reply.atPacketBoundary) {
      this.#destroy();
      return;
    }
    this.#reply.flush();
    if (this.#reply.closeAfterReply) {
      this.#end();
      return;
    }
    this.#busy = false;
    // COM_CHANGE_USER that goes on: the sequence ids do as well.
    if (this.#phase === 'command') this.#framer.startCommand();
    this.#closeIfQuiet();
  }

  /** COM_CHANGE_USER: a new dialogue on the same connection; the state has been reset by the caller. */
  #changeUser(packet: Buffer): void {
    this.#phase = 'handshake';
    this.session.useNone();
    this.#authenticate(this.#auth.changeUser(packet));
  }

  #closeIfQuiet(): void {
    if (!this.#closing || this.#busy || !this.session.backend.quiet || this.session.state.inTransaction) return;
    if (this.#phase === 'command') {
      // As the answer to a command that is on its way: its client learns that it was not run.
      this.#reply.sequenceId = 1;
      this.#reply.error(new MeshError('SM_DRAINING'));
      this.#reply.flush();
    }
    this.#end();
  }

  #protocolError(error: unknown): void {
    if (error instanceof MeshError) {
      this.#reply.sequenceId = this.#framer.nextSequenceId;
      this.#reply.error(error);
      this.#reply.flush();
      this.#end();
      return;
    }
    if (!(error instanceof MalformedPacket)) this.#share.observer.bug(error);
    this.#destroy();
  }

  #end(): void {
    this.#phase = 'closed';
    this.#socket.end();
    // A client that does not close its side must not keep the socket.
    const timer = setTimeout(() => this.#socket.destroy(), 1000);
    timer.unref();
  }

  #destroy(): void {
    this.#phase = 'closed';
    this.#socket.destroy();
  }

  #ended(): void {
    this.#phase = 'closed';
    this.#reader?.reject(new MeshError('ER_CONNECTION_KILLED'));
    this.#reader = undefined;
    this.#cancelTimeout();
    this.#leaveAccount();
    this.#share.sessions.remove(this.#id);
    void this.session.close().catch((error: unknown) => this.#share.observer.bug(error));
    this.#onEnd();
  }
}

/** Where a connection comes from: an address, or `localhost` for a unix socket. */
export function addressOf(socket: Socket): string {
  return socket.remoteAddress?.replace(/^::ffff:/, '') ?? 'localhost';
}

/** The character set that the client declared in its handshake is the session's, as by SET NAMES. Throws SM_CHARSET_UNSAFE. */
function applyCollation(session: Session, id: number): void {
  const { state } = session;
  state.settings = freshSettings;
  state.loginSettings = freshSettings;
  const collation = collationById(id);
  if (collation?.name === undefined) return;
  checkClientCharset(collation.charset);
  if (id === 45) return;
  const known = session.database.schema().collations.has(collation.name);
  state.settings = withVariables(freshSettings, [
    ['character_set_client', `'${collation.charset}'`],
    ['character_set_results', `'${collation.charset}'`],
    ['collation_connection', known ? `'${collation.name}'` : `'${collation.charset}_general_ci'`],
  ]);
  state.loginSettings = state.settings;
}
