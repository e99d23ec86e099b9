/** One authenticated connection to a MySQL server: requests out, answers scanned and handed to their listeners in order. */
import type { Socket } from 'node:net';
import { giveBack } from '../base/index.ts';
import {
  type Capabilities,
  Capability,
  Command,
  framePayload,
  hasCapability,
  type OkPacket,
  PACKET_PAYLOAD_MAX,
  parseErr,
  parseOk,
  type ReplyKind,
  ResultScanner,
} from '../wire/index.ts';
import { BackendFault } from './backend-fault.ts';
import { changeUserOn } from './change-user.ts';
import { type ConnectOptions, mysqlTrackingSql, trackingSql } from './connect-options.ts';
import { CONNECT_TIMEOUT_MS, type OpenBackend, openBackend } from './open-backend.ts';
import { prepareOn } from './prepare-statement.ts';
import { PreparedCache, type PreparedHandle } from './prepared-cache.ts';
import type { RequestKind, ResponseHandler } from './request-kind.ts';
import { ServerError, type SmallResult, SmallResultHandler } from './small-result.ts';

/** `busy`: at least one answer is due. */
export type ConnectionState = 'idle' | 'busy' | 'closed';

interface Request {
  readonly kind: ReplyKind;
  readonly handler: ResponseHandler;
  /** Sequence id of the answer's first packet. */
  readonly sequence: number;
  readonly sequenceShift: number;
  sent: boolean;
}

/** Who learns how far a connection's writes have come. */
export interface PositionListener {
  positionMoved(connection: BackendConnection, gtids: string): void;
}

const PREPARED_MAX = 256;
const EMPTY = Buffer.alloc(0);

export class BackendConnection {
  readonly options: ConnectOptions;
  readonly threadId: number;
  /** Without MariaDB's `5.5.5-` prefix. */
  readonly serverVersion: string;
  readonly isMariaDB: boolean;
  /** What both sides agreed on. */
  readonly capabilities: Capabilities;
  /** TLS or a unix socket. */
  readonly secure: boolean;
  /** Whatever the floor above keeps about this connection: what it replayed on it. Forgotten by `reset` and `changeUser`. */
  sessionState: unknown = undefined;
  /** Called once when the connection is gone; `undefined` after `end`. */
  onClose: ((fault: BackendFault | undefined) => void) | undefined;
  /** Hears of every write position that this connection's answers report; set by the borrower. Undefined: nobody reads them. */
  positionListener: PositionListener | undefined;
  /** Called when the socket takes more LOCAL INFILE data, after `writeInfile` answered false. */
  onDrain: (() => void) | undefined;

  readonly #socket: Socket;
  readonly #scanner: ResultScanner;
  readonly #prepared: PreparedCache;
  #current: Request | undefined;
  /** Requests after the current one, in order. */
  readonly #queue: Request[] = [];
  #corked = 0;
  #closed = false;
  #paused = false;
  /** A private dialogue that the scanner does not know (COM_CHANGE_USER) takes all bytes. */
  #dialogue: ((chunk: Buffer) => void) | undefined;

  /** Connects, authenticates and runs `initSql`. Rejects with BackendFault (stage `connect` or `handshake`). */
  static async connect(options: ConnectOptions): Promise<BackendConnection> {
    const connection = new BackendConnection(options, await openBackend(options));
    const timeoutMs = options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS;
    const timer = setTimeout(() => connection.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    try {
      await connection.#initialise();
    } catch (error) {
      const fault = new BackendFault((error as Error).message, {
        stage: 'handshake',
        mayHaveExecuted: false,
        cause: error,
        errno: error instanceof ServerError ? error.errno : undefined,
        sqlState: error instanceof ServerError ? error.sqlState : undefined,
      });
      connection.destroy(fault);
      throw fault;
    } finally {
      clearTimeout(timer);
    }
    return connection;
  }

  private constructor(options: ConnectOptions, open: OpenBackend) {
    this.options = options;
    this.threadId = open.handshake.connectionId;
    this.serverVersion = open.handshake.serverVersion.replace(/^5\.5\.5-/, '');
    this.isMariaDB =
      !hasCapability(open.handshake.capabilities, Capability.LONG_PASSWORD) || /mariadb/i.test(this.serverVersion);
    this.capabilities = open.capabilities;
    this.secure = open.secure;
    this.#socket = open.socket;
    this.#scanner = new ResultScanner(hasCapability(open.capabilities, Capability.DEPRECATE_EOF));
    this.#scanner.status = open.status;
    this.#scanner.onChanges = (payload) => {
      if (this.positionListener === undefined || !hasCapability(this.capabilities, Capability.SESSION_TRACK)) return;
      const gtids = gtidsOf(parseOk(payload, this.capabilities));
      if (gtids !== undefined) this.positionListener.positionMoved(this, gtids);
    };
    this.#prepared = new PreparedCache(options.preparedMax ?? PREPARED_MAX, (statementId) =>
      this.#closeStatement(statementId),
    );
    this.#socket.on('data', this.#onData);
    this.#socket.on('error', (error) => this.#lost(error));
    this.#socket.on('close', () => this.#lost(undefined));
    this.#socket.on('drain', () => this.onDrain?.());
    this.#socket.resume();
  }

  /** Whether result sets come without EOF packets. */
  get deprecateEof(): boolean {
    return hasCapability(this.capabilities, Capability.DEPRECATE_EOF);
  }

  get state(): ConnectionState {
    if (this.#closed) return 'closed';
    return this.#current === undefined && this.#dialogue === undefined ? 'idle' : 'busy';
  }

  /** Answers that are due. */
  get inFlight(): number {
    return this.#queue.length + (this.#current === undefined ? 0 : 1);
  }

  /** StatusFlag bits of the last packet that carried them. */
  get status(): number {
    return this.#scanner.status;
  }

  /** True after an ERR, which carries no flags: whether a transaction is open is then not known. */
  get statusStale(): boolean {
    return this.#scanner.statusStale;
  }

  /**
   * Sends one command (`payload` without packet header; copied, split if 16 MiB or longer). Several may be under way: answers
   * come in order. `sequenceShift` is added to the sequence ids of the answer (for answers that continue another one).
   * On a closed connection the handler's `onFault` is called, in a microtask, with `mayHaveExecuted: false`.
   */
  run(payload: Buffer, kind: RequestKind, handler: ResponseHandler, sequenceShift = 0): void {
    const parts = payload.length < PACKET_PAYLOAD_MAX ? 1 : Math.floor(payload.length / PACKET_PAYLOAD_MAX) + 1;
    this.#send(framePayload(payload), parts, kind, handler, sequenceShift);
  }

  /** Like `run` for bytes that already have packet headers (sequence ids from 0). Not copied: they must not change until the answer ends. */
  runFramed(packets: Buffer, kind: RequestKind, handler: ResponseHandler, sequenceShift = 0): void {
    let parts = 0;
    for (let at = 0; at + 4 <= packets.length; at += 4 + packets.readUIntLE(at, 3)) parts += 1;
    this.#send(packets, parts, kind, handler, sequenceShift);
  }

  /** COM_QUERY with one copy of the text. */
  runQuery(sql: string | Buffer, handler: ResponseHandler, sequenceShift = 0): void {
    const length = typeof sql === 'string' ? Buffer.byteLength(sql) : sql.length;
    if (length + 1 >= PACKET_PAYLOAD_MAX) {
      this.run(Buffer.concat([Buffer.of(Command.QUERY), Buffer.from(sql)]), 'result', handler, sequenceShift);
      return;
    }
    const packet = Buffer.allocUnsafe(5 + length);
    packet.writeUInt32LE(length + 1, 0); // the fourth byte is the sequence id 0
    packet[4] = Command.QUERY;
    if (typeof sql === 'string') packet.write(sql, 5, 'utf8');
    else sql.copy(packet, 5);
    this.#send(packet, 1, 'result', handler, sequenceShift);
  }

  /** Sends a command that has no answer (STMT_CLOSE, STMT_SEND_LONG_DATA). */
  post(payload: Buffer): void {
    if (!this.#closed) this.#socket.write(framePayload(payload));
  }

  /** Until `uncork`, requests are gathered and then written at once. Nestable. */
  cork(): void {
    this.#corked += 1;
    if (this.#corked === 1) this.#socket.cork();
  }

  uncork(): void {
    this.#corked -= 1;
    if (this.#corked > 0) return;
    if (this.#current !== undefined) this.#current.sent = true;
    for (const request of this.#queue) request.sent = true;
    this.#socket.uncork();
  }

  /** Stops reading from the server: the receiver of the rows is full. */
  pause(): void {
    this.#paused = true;
    this.#socket.pause();
  }

  resume(): void {
    this.#paused = false;
    if (!this.#closed) this.#socket.resume();
  }

  /**
   * One packet of a file's content, after an `infile` frame; an empty one ends it. The sequence ids are taken care of.
   * False: wait for `onDrain` before the next (it was taken nevertheless).
   */
  writeInfile(data: Buffer): boolean {
    if (this.#closed) return true;
    const first = this.#scanner.nextSequenceId;
    const parts = Math.floor(data.length / PACKET_PAYLOAD_MAX) + 1;
    this.#scanner.infileSent(first + parts - 1);
    return this.#socket.write(framePayload(data, first));
  }

  /** A small internal statement in the text protocol, answer in memory (16 MiB at most). Rejects with ServerError or BackendFault. */
  query(sql: string | Buffer): Promise<SmallResult> {
    return new Promise((resolve, reject) =>
      this.runQuery(sql, new SmallResultHandler(this.capabilities, resolve, reject)),
    );
  }

  /** The statement prepared on this connection, from its cache or anew. Rejects with ServerError or BackendFault. */
  async prepare(sql: string): Promise<PreparedHandle> {
    const known = this.#prepared.get(sql);
    if (known !== undefined) return known;
    const key = this.#prepared.key(sql);
    const handle = await prepareOn(this, sql);
    this.#prepared.set(key, handle);
    return handle;
  }

  /**
   * Tells apart the settings under which statements are prepared (schema, sql_mode, character sets, as any text): a statement
   * prepared under one scope is never answered under another. Set it with each change of them; empty after `reset`.
   */
  get preparedScope(): string {
    return this.#prepared.scope;
  }

  set preparedScope(scope: string) {
    this.#prepared.scope = scope;
  }

  /** The statement if it is prepared already. */
  prepared(sql: string): PreparedHandle | undefined {
    return this.#prepared.get(sql);
  }

  /** Keeps a statement that was prepared with `run(..., 'prepare', ...)`. */
  keepPrepared(handle: PreparedHandle): void {
    this.#prepared.set(this.#prepared.key(handle.text), handle);
  }

  /** Forgets a statement and closes it on the server. */
  closePrepared(sql: string): void {
    this.#prepared.delete(sql);
  }

  async ping(): Promise<void> {
    await this.#simple(Buffer.of(Command.PING));
  }

  async initDb(database: string): Promise<void> {
    await this.#simple(Buffer.concat([Buffer.of(Command.INIT_DB), Buffer.from(database)]));
  }

  /**
   * COM_RESET_CONNECTION and `initSql` in one write. `sessionState` and prepared statements are forgotten. The current schema stays.
   * If it rejects, destroy the connection: what is left on it is unknown.
   * Never on a connection with a prepared XA branch of MariaDB (transactions.md): its commit would be lost.
   */
  async reset(): Promise<void> {
    this.#prepared.clear();
    this.sessionState = undefined;
    this.cork();
    const done = Promise.all([this.#simple(Buffer.of(Command.RESET_CONNECTION)), this.#initialise()]);
    this.uncork();
    await done;
  }

  /** COM_CHANGE_USER, then `initSql`. The connection must be idle. Rejects with BackendFault, the connection then being closed. */
  async changeUser(user: string, password: string, database = ''): Promise<void> {
    this.#prepared.clear();
    this.sessionState = undefined;
    await changeUserOn(this, { user, password, database });
    await this.#initialise();
  }

  /** For `changeUser`: raw bytes both ways until `stop` is called. */
  takeOver(onChunk: (chunk: Buffer) => void): { write(bytes: Buffer): void; stop(status: number): void } {
    if (this.state !== 'idle') throw new Error('takeOver: the connection is not idle');
    this.#dialogue = onChunk;
    return {
      write: (bytes) => {
        this.#socket.write(bytes);
      },
      stop: (status) => {
        this.#dialogue = undefined;
        this.#scanner.status = status;
        this.#scanner.statusStale = false;
      },
    };
  }

  /** Says goodbye and closes. Answers still due are lost. */
  end(): void {
    if (this.#closed) return;
    this.#socket.end(framePayload(Buffer.of(Command.QUIT)));
    this.#close(undefined, false);
    // A server that does not close its side must not keep the socket alive.
    setTimeout(() => this.#socket.destroy(), 1000).unref();
  }

  /** Closes at once; a statement under way may go on on the server until it notices. */
  destroy(cause?: Error): void {
    if (this.#closed) return;
    this.#socket.destroy();
    this.#close(cause ?? new Error('closed by this side'), false);
  }

  async #initialise(): Promise<void> {
    const tracks = hasCapability(this.capabilities, Capability.SESSION_TRACK);
    const wanted = this.options.initSql ?? (tracks ? (this.isMariaDB ? trackingSql : mysqlTrackingSql) : '');
    if (wanted !== '') await this.query(wanted);
  }

  #simple(payload: Buffer): Promise<SmallResult> {
    return new Promise((resolve, reject) =>
      this.run(payload, 'simple', new SmallResultHandler(this.capabilities, resolve, reject)),
    );
  }

  #closeStatement(statementId: number): void {
    const payload = Buffer.alloc(5, Command.STMT_CLOSE);
    payload.writeUInt32LE(statementId, 1);
    this.post(payload);
  }

  #send(packets: Buffer, parts: number, kind: RequestKind, handler: ResponseHandler, sequenceShift: number): void {
    if (this.#closed || this.#dialogue !== undefined) {
      const message = this.#closed ? 'the connection is closed' : 'the connection is changing its user';
      const fault = new BackendFault(message, { stage: 'request', mayHaveExecuted: false });
      queueMicrotask(() => handler.onFault(fault));
      return;
    }
    if (kind !== 'none') {
      const request: Request = { kind, handler, sequence: parts & 0xff, sequenceShift, sent: this.#corked === 0 };
      if (this.#current === undefined) this.#begin(request);
      else this.#queue.push(request);
    }
    this.#socket.write(packets);
  }

  #begin(request: Request): void {
    this.#current = request;
    this.#scanner.begin(request.kind, request.sequence, request.sequenceShift);
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#dialogue !== undefined) {
      this.#dialogue(chunk);
      return;
    }
    let at = 0;
    while (at < chunk.length && !this.#closed) {
      const request = this.#current;
      if (request === undefined) {
        this.#unasked(chunk, at);
        return;
      }
      if (this.#scanner.untouched && isGoodbye(chunk, at)) {
        // Sequence id 0: sent before the server had read our request, so nothing of it was executed.
        this.#close(goodbye(chunk, at), true);
        this.#socket.destroy();
        return;
      }
      try {
        at = this.#scanner.scan(chunk, at, chunk.length, request.handler);
        if (this.#scanner.active) {
          if (request.handler.onChunkEnd?.() === true) giveBack(chunk);
          return;
        }
      } catch (error) {
        this.destroy(error as Error);
        return;
      }
      this.#finish(request, chunk, at);
    }
  };

  #finish(request: Request, chunk: Buffer, at: number): void {
    const next = this.#queue.shift();
    this.#current = undefined;
    if (this.#closed) return;
    if (next !== undefined) this.#begin(next);
    else if (at < chunk.length) this.#unasked(chunk, at);
    else if (this.#paused) this.resume();
    try {
      request.handler.onEnd();
    } catch (error) {
      this.destroy(error as Error);
    }
  }

  /** The server speaks although nothing was asked: it says why it goes, or the protocol is broken. */
  #unasked(chunk: Buffer, at: number): void {
    this.#socket.destroy();
    this.#close(isErr(chunk, at) ? goodbye(chunk, at) : new Error('the server sent data without a request'), false);
  }

  #lost(cause: Error | undefined): void {
    if (this.#closed) return;
    this.#socket.destroy();
    this.#close(cause ?? new Error('the server closed the connection'), false);
  }

  #close(cause: Error | undefined, nothingExecuted: boolean): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#prepared.clear();
    const wasBusy = this.#current !== undefined;
    const waiting = this.#current === undefined ? this.#queue.splice(0) : [this.#current, ...this.#queue.splice(0)];
    this.#current = undefined;
    const dialogue = this.#dialogue;
    this.#dialogue = undefined;
    dialogue?.(EMPTY);
    for (const request of waiting) {
      try {
        request.handler.onFault(faultOf(cause, 'request', request.sent && !nothingExecuted));
      } catch {
        // A listener's bug must not keep the others from hearing; the connection is closed already.
      }
    }
    this.onClose?.(
      cause === undefined ? undefined : faultOf(cause, wasBusy ? 'request' : 'idle', wasBusy && !nothingExecuted),
    );
    this.onClose = undefined;
  }
}

function faultOf(cause: Error | undefined, stage: 'request' | 'idle', mayHaveExecuted: boolean): BackendFault {
  const known = cause instanceof ServerError ? cause : undefined;
  return new BackendFault(cause?.message ?? 'the connection was ended', {
    stage,
    mayHaveExecuted,
    cause,
    errno: known?.errno,
    sqlState: known?.sqlState,
  });
}

/** The GTIDs that an OK packet reports: MySQL's session_track_gtids, MariaDB's last_gtid among its variables. */
function gtidsOf(ok: OkPacket): string | undefined {
  for (const change of ok.changes) {
    if (change.kind === 'gtids') return change.gtids;
    if (change.kind === 'variable' && change.name === 'last_gtid' && change.value !== '') return change.value;
  }
  return undefined;
}

function isErr(chunk: Buffer, at: number): boolean {
  return chunk.length - at >= 7 && chunk[at + 4] === 0xff;
}

function isGoodbye(chunk: Buffer, at: number): boolean {
  return isErr(chunk, at) && chunk[at + 3] === 0;
}

function goodbye(chunk: Buffer, at: number): ServerError {
  const end = Math.min(chunk.length, at + 4 + chunk.readUIntLE(at, 3));
  return new ServerError(parseErr(chunk.subarray(at + 4, end)));
}
