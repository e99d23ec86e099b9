/** Writes one client's responses: sequence ids, status flags, EOF or OK endings as the client negotiated; one flush per response. */
import type { Socket } from 'node:net';
import { MeshError } from '../base/index.ts';
import type { ErrorValues, OkValues, Reply } from '../execute/index.ts';
import type { SessionState } from '../session/index.ts';
import {
  buildEof,
  buildErr,
  buildOk,
  type Capabilities,
  Capability,
  type Compression,
  errOf,
  framePayload,
  hasCapability,
  PacketWriter,
  packCompressed,
  type SessionChange,
  StatusFlag,
  zlibCompression,
} from '../wire/index.ts';
import type { CursorRows } from './cursor-rows.ts';
import type { TextRows } from './text-rows.ts';

/** Memory that an idle connection keeps for its next answer. */
const IDLE_BYTES = 1024;
/** Bytes buffered here before they are handed to the socket in the middle of a response. */
const FLUSH_BYTES = 64 * 1024;
/** Row runs shorter than this are copied behind what is buffered; longer ones are written as they are. */
const COPY_BYTES_MAX = 16 * 1024;

/** A row packet up to this length is sent only when it is complete. */
const WAIT_BYTES_MAX = 64 * 1024;
const EMPTY = Buffer.alloc(0);
const ER_QUERY_INTERRUPTED = 1317;

/** Flags that a backend may tell through to the client. */
const PASSED_FLAGS =
  StatusFlag.NO_GOOD_INDEX_USED |
  StatusFlag.NO_INDEX_USED |
  StatusFlag.DATABASE_DROPPED |
  StatusFlag.METADATA_CHANGED |
  StatusFlag.QUERY_WAS_SLOW |
  StatusFlag.PS_OUT_PARAMS |
  StatusFlag.CURSOR_EXISTS |
  StatusFlag.LAST_ROW_SENT;

/** Owned by one client connection. `begin` starts the response to one command. */
export class ResponseWriter implements Reply {
  readonly #socket: Socket;
  readonly #state: SessionState;
  readonly #writer = new PacketWriter(IDLE_BYTES);
  #capabilities: Capabilities = 0;
  #waiters: (() => void)[] = [];
  #congested = false;
  /** Bytes still to come of a long row packet whose beginning is already out. */
  #rowRest = 0;
  /** The beginning of a short row packet that the end of a run cut. */
  #cut: Buffer = EMPTY;

  protocol: 'text' | 'binary' = 'text';
  moreResults = false;
  /** Set: the compressed protocol is spoken, and this is the next packet's sequence id in it. */
  compressedSequenceId: number | undefined;
  compression: Compression = zlibCompression;
  /** Set: the rows of the result go there instead of to the client, who is told that a cursor is open. */
  cursor: CursorRows | undefined;
  /** Set: rows come in the binary protocol and leave in the text protocol. */
  textRows: TextRows | undefined;
  /** RELEASE: close the connection behind this response. */
  closeAfterReply = false;
  rowsPassed = 0;
  /** Why the running statement was stopped: told in place of a server's "Query execution was interrupted". */
  interruption: MeshError | undefined;
  /** Bytes handed to the socket, for metrics. */
  bytesSent = 0;
  readonly #onError: ((error: ErrorValues | MeshError) => void) | undefined;

  /** `onError` is told every error that is answered. */
  constructor(socket: Socket, state: SessionState, onError?: (error: ErrorValues | MeshError) => void) {
    this.#socket = socket;
    this.#state = state;
    this.#onError = onError;
    const wake = (): void => {
      this.#congested = false;
      const waiters = this.#waiters;
      this.#waiters = [];
      for (const waiter of waiters) waiter();
    };
    socket.on('drain', wake);
    socket.on('close', wake);
  }

  set capabilities(value: Capabilities) {
    this.#capabilities = value;
  }

  get deprecateEof(): boolean {
    return hasCapability(this.#capabilities, Capability.DEPRECATE_EOF);
  }

  /** Starts the response to a command packet with this sequence id. */
  begin(commandSequenceId: number, protocol: 'text' | 'binary'): void {
    this.#writer.sequenceId = (commandSequenceId + 1) & 0xff;
    this.protocol = protocol;
    this.moreResults = false;
    this.cursor = undefined;
    this.textRows = undefined;
    this.#rowRest = 0;
    this.#cut = EMPTY;
  }

  /** Of the next packet. */
  get sequenceId(): number {
    return this.#writer.sequenceId;
  }

  set sequenceId(value: number) {
    this.#writer.sequenceId = value & 0xff;
  }

  get congested(): boolean {
    return this.#congested;
  }

  get closed(): boolean {
    return this.#socket.destroyed || !this.#socket.writable;
  }

  drained(): Promise<void> {
    if (!this.#congested || this.closed) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  /** The session's status flags together with what a backend told. */
  status(backend: number): number {
    let flags = backend & PASSED_FLAGS;
    if (this.#state.autocommit) flags |= StatusFlag.AUTOCOMMIT;
    if (this.#state.inTransaction) flags |= StatusFlag.IN_TRANSACTION;
    if (this.#state.inTransaction && this.#state.transaction.access === 'READ ONLY') {
      flags |= StatusFlag.IN_TRANSACTION_READONLY;
    }
    if (this.#state.settings.variables.get('sql_mode')?.includes('NO_BACKSLASH_ESCAPES')) {
      flags |= StatusFlag.NO_BACKSLASH_ESCAPES;
    }
    if (this.moreResults) flags |= StatusFlag.MORE_RESULTS;
    return flags;
  }

  header(columns: readonly Buffer[], status: number): void {
    this.rowsPassed = 0;
    if (this.cursor !== undefined) {
      this.cursor.columns = columns;
      return;
    }
    if (this.textRows !== undefined) this.textRows.definitions = columns;
    this.#definitions(columns);
    if (!this.deprecateEof) this.#eof(0, status);
  }

  #definitions(columns: readonly Buffer[]): void {
    const writer = this.#writer;
    writer.begin().lenenc(columns.length).end();
    for (const column of columns) writer.packet(column);
  }

  rawRows(chunk: Buffer, start: number, end: number): void {
    if (this.cursor !== undefined) {
      this.cursor.add(chunk, start, end);
      return;
    }
    if (this.textRows !== undefined) {
      this.textRows.packets(chunk, start, end, (row) => {
        this.rowsPassed += 1;
        this.#sendRow(row);
      });
      return;
    }
    let from = start;
    if (this.#cut.length > 0) {
      from = this.#completeCut(chunk, start, end);
      if (from === end) return;
    }
    const whole = this.#renumber(chunk, from, end);
    this.#pass(chunk, from, whole);
    if (whole < end) this.#cut = Buffer.from(chunk.subarray(whole, end));
  }

  get settled(): boolean {
    return this.cursor === undefined && this.#writer.pending === 0 && this.#socket.writableLength === 0;
  }

  /** True when nothing of a row is half sent, so that an ERR packet may follow. */
  get atPacketBoundary(): boolean {
    return this.#rowRest === 0;
  }

  row(payload: Buffer): void {
    if (this.cursor !== undefined) {
      const packet = framePayload(payload, 0);
      this.cursor.add(packet, 0, packet.length);
      return;
    }
    this.#sendRow(this.textRows === undefined ? payload : this.textRows.row(payload));
  }

  #sendRow(payload: Buffer): void {
    this.#writer.packet(payload);
    if (this.#writer.pending > FLUSH_BYTES) this.flush();
  }

  end(warnings: number, status: number): void {
    const { cursor } = this;
    if (cursor === undefined) {
      this.#endOfRows(warnings, this.status(status));
      return;
    }
    if (cursor.overflow) {
      this.error(new MeshError('SM_RESULT_TOO_LARGE', { limit: cursor.bytesMax }));
      return;
    }
    this.rowsPassed = cursor.complete();
    this.#definitions(cursor.columns);
    // One EOF or OK stands for definitions and rows alike: the rows are fetched.
    this.#endOfRows(warnings, this.status(status) | StatusFlag.CURSOR_EXISTS);
  }

  #endOfRows(warnings: number, status: number): void {
    if (!this.deprecateEof) {
      this.#writer.begin();
      buildEof(this.#writer, warnings, status);
      this.#writer.end();
      return;
    }
    const ok = { affectedRows: 0n, insertId: 0n, status, warnings, info: '', changes: [] };
    this.#writer.begin();
    buildOk(this.#writer, ok, this.#capabilities, true);
    this.#writer.end();
  }

  ok(values: OkValues): void {
    this.#writer.begin();
    buildOk(
      this.#writer,
      {
        affectedRows: values.affectedRows,
        insertId: values.insertId,
        status: this.status(values.status),
        warnings: values.warnings,
        info: values.message,
        changes: values.changes ?? [],
      },
      this.#capabilities,
    );
    this.#writer.end();
  }

  /** An OK that tells nothing but the session's status. */
  done(changes: readonly SessionChange[] = []): void {
    this.ok({ affectedRows: 0n, insertId: 0n, warnings: 0, message: '', status: 0, changes });
  }

  /** Bytes of all answers so far, sent or not. */
  get bytesAnswered(): number {
    return this.bytesSent + this.#writer.pending;
  }

  error(error: ErrorValues | MeshError): void {
    const told = error.errno === ER_QUERY_INTERRUPTED ? (this.interruption ?? error) : error;
    this.#onError?.(told);
    this.#writer.begin();
    const latin1 = this.#state.settings.variables.get('character_set_results') === "'latin1'";
    buildErr(this.#writer, told instanceof MeshError ? errOf(told) : told, true, latin1);
    this.#writer.end();
  }

  /** An EOF packet on its own: after the definitions of FIELD_LIST and PREPARE, and as the answer to SET_OPTION. */
  eof(): void {
    this.#eof(0, 0);
  }

  #eof(warnings: number, status: number): void {
    this.#writer.begin();
    buildEof(this.#writer, warnings, this.status(status));
    this.#writer.end();
  }

  /** Any other packet of a response: prepare replies, EOF of FIELD_LIST, statistics. */
  packet(payload: Buffer): void {
    this.#writer.packet(payload);
  }

  flush(): void {
    if (this.#writer.pending > 0) this.#write(this.#writer.take());
  }

  #write(bytes: Buffer): void {
    if (this.closed || bytes.length === 0) return;
    let sent = bytes;
    if (this.compressedSequenceId !== undefined) {
      const { packets, nextSequenceId } = packCompressed(bytes, this.compressedSequenceId, this.compression);
      this.compressedSequenceId = nextSequenceId;
      sent = packets;
    }
    this.bytesSent += sent.length;
    if (!this.#socket.write(sent)) this.#congested = true;
    // Nearly always the system has taken all of it by now.
    if (this.#socket.writableLength === 0) this.#writer.reuse();
  }

  #pass(chunk: Buffer, start: number, end: number): void {
    if (end - start <= COPY_BYTES_MAX) {
      this.#writer.raw(chunk, start, end);
      if (this.#writer.pending > FLUSH_BYTES) this.flush();
      return;
    }
    this.flush();
    this.#write(chunk.subarray(start, end));
  }

  /**
   * Gives the run's packets this response's sequence ids, in place, walking headers only. Answers where the last packet that
   * may be sent ends: a short packet cut by the end of the run waits for its rest, so that an error can still be told.
   */
  #renumber(chunk: Buffer, start: number, end: number): number {
    let at = start;
    while (at < end) {
      if (this.#rowRest > 0) {
        const step = Math.min(this.#rowRest, end - at);
        this.#rowRest -= step;
        at += step;
        continue;
      }
      if (end - at < 4) return at;
      const length = chunk.readUIntLE(at, 3);
      if (length <= WAIT_BYTES_MAX && end - at < 4 + length) return at;
      this.#number(chunk, at + 3);
      this.#rowRest = length;
      at += 4;
    }
    return at;
  }

  #number(buffer: Buffer, at: number): void {
    this.rowsPassed += 1;
    buffer[at] = this.#writer.sequenceId;
    this.#writer.sequenceId = (this.#writer.sequenceId + 1) & 0xff;
  }

  /** Adds bytes to the packet that the previous run cut; answers where the run goes on behind it. */
  #completeCut(chunk: Buffer, start: number, end: number): number {
    let from = start;
    if (this.#cut.length < 4) {
      const taken = Math.min(4 - this.#cut.length, end - from);
      this.#cut = Buffer.concat([this.#cut, chunk.subarray(from, from + taken)]);
      from += taken;
      if (this.#cut.length < 4) return end;
    }
    const length = this.#cut.readUIntLE(0, 3);
    const missing = 4 + length - this.#cut.length;
    if (length <= WAIT_BYTES_MAX && end - from < missing) {
      this.#cut = Buffer.concat([this.#cut, chunk.subarray(from, end)]);
      return end;
    }
    this.#number(this.#cut, 3);
    this.#writer.raw(this.#cut);
    this.#cut = EMPTY;
    this.#rowRest = missing;
    const taken = Math.min(missing, end - from);
    this.#rowRest -= taken;
    this.#pass(chunk, from, from + taken);
    return from + taken;
  }
}
