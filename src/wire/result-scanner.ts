/**
 * Walks a backend's answer by packet headers and tells frame packets from rows, without copying or decoding rows.
 *
 * Pages: "Command response", "Text resultset", "Binary resultset" of the client/server protocol.
 */

import { MalformedPacket } from './packet-reader.ts';
import { PACKET_PAYLOAD_MAX } from './packet-writer.ts';
import { StatusFlag } from './status-flags.ts';

/**
 * What a frame packet is:
 * - `ok`: an OK packet that is a whole answer (with MORE_RESULTS set, another follows)
 * - `err`: ends the answer, also in the middle of rows
 * - `infile`: the server waits for a file's content; after it was sent, the answer goes on
 * - `column-count`: begins a result set
 * - `column`: a column definition; `param`: a parameter definition of a prepare answer
 * - `eof`: the EOF after definitions (never with DEPRECATE_EOF)
 * - `end`: the EOF, or with DEPRECATE_EOF the OK, that ends rows (or, with CURSOR_EXISTS, stands in their place)
 * - `prepare-ok`: the first packet of a prepare answer
 * - `text`: COM_STATISTICS' text
 */
export type FrameKind =
  | 'ok'
  | 'err'
  | 'infile'
  | 'column-count'
  | 'column'
  | 'param'
  | 'eof'
  | 'end'
  | 'prepare-ok'
  | 'text';

/** The shape of an answer; see RequestKind of the backend room. */
export type ReplyKind = 'result' | 'prepare' | 'fetch' | 'field-list' | 'simple' | 'text';

/** Receives what the scanner finds, in order. */
export interface ResultSink {
  /** A complete frame packet's payload: a view into the chunk (or a copy, if it came in pieces). It may be changed in place. */
  onFrame(kind: FrameKind, payload: Buffer, sequenceId: number): void;
  /** `[start, end)` of `chunk` are bytes of row packets, headers included; packets may begin or end outside. */
  onRows(chunk: Buffer, start: number, end: number): void;
}

const HEADER = 4;
/** Longer frame packets are refused: no OK, ERR or definition comes near it. */
const FRAME_MAX = 8 * 1024 * 1024;

type Phase =
  | 'idle'
  | 'first'
  | 'columns'
  | 'columns-eof'
  | 'rows'
  | 'params'
  | 'params-eof'
  | 'prepared-columns'
  | 'prepared-columns-eof'
  | 'field-list';

/** One per connection; `begin` for each request, then `scan` chunks until it answers that the reply is complete. */
export class ResultScanner {
  readonly #deprecateEof: boolean;
  #phase: Phase = 'idle';
  #kind: ReplyKind = 'simple';
  #columnsLeft = 0;
  #preparedColumns = 0;
  #sequence = 0;
  #shift = 0;
  #untouched = false;

  // The packet being walked. `#bodyLeft` counts payload bytes still to come; -1 while the header is incomplete.
  readonly #header = Buffer.alloc(HEADER);
  #headerHave = 0;
  #bodyLeft = -1;
  /** The current packet is (a part of) a row. */
  #inRow = false;
  /** The last row packet had the maximal length: the next one continues it. */
  #continued = false;
  /** A frame packet that came in pieces. */
  #frame: Buffer | undefined;
  #frameHave = 0;

  /** Status flags of the last OK, EOF or end packet. */
  status = 0;
  /** True after an ERR until the next packet that carries status flags. */
  statusStale = false;
  /** Rows of the current result set, so far. */
  rowCount = 0;
  /** Whether the whole answer had an ERR. */
  failed = false;
  /** Called with each OK (also at the end of rows) that reports changes of session state. */
  onChanges: ((payload: Buffer) => void) | undefined;

  constructor(deprecateEof: boolean) {
    this.#deprecateEof = deprecateEof;
  }

  get active(): boolean {
    return this.#phase !== 'idle';
  }

  /** No byte of the answer has come yet. */
  get untouched(): boolean {
    return this.#phase !== 'idle' && this.#untouched;
  }

  /** The next packet's sequence id, as the backend counts. */
  get nextSequenceId(): number {
    return this.#sequence;
  }

  /**
   * A new answer begins. `sequenceId` is the first packet's (the request's last plus one). `sequenceShift` is added, in place,
   * to the sequence id of each packet header within row runs and to the ids reported with frames.
   */
  begin(kind: ReplyKind, sequenceId: number, sequenceShift = 0): void {
    if (this.#phase !== 'idle') throw new Error('begin: the previous answer is not complete');
    this.#kind = kind;
    this.#sequence = sequenceId & 0xff;
    this.#shift = sequenceShift & 0xff;
    this.#phase = kind === 'fetch' ? 'rows' : kind === 'field-list' ? 'field-list' : 'first';
    this.#untouched = true;
    this.rowCount = 0;
    this.failed = false;
  }

  /** LOCAL INFILE data was sent in packets up to `sequenceId`: the next packet from the server has the id after it. */
  infileSent(sequenceId: number): void {
    this.#sequence = (sequenceId + 1) & 0xff;
  }

  /**
   * Walks `[start, end)` of a chunk. Answers the offset after the last byte used: less than `end` if the answer was complete before
   * (then `active` is false). Throws MalformedPacket when the bytes make no sense; the connection is then of no use.
   */
  scan(chunk: Buffer, start: number, end: number, sink: ResultSink): number {
    let at = start;
    if (end > start) this.#untouched = false;
    /** Where the current run of row bytes begins, -1 if none is open. */
    let run = -1;
    while (at < end && this.#phase !== 'idle') {
      if (this.#bodyLeft < 0) {
        // -- header --
        if (this.#headerHave === 0 && end - at > HEADER) {
          // Fast: the header and the first byte of the payload are here.
          const length = (chunk[at] as number) | ((chunk[at + 1] as number) << 8) | ((chunk[at + 2] as number) << 16);
          const id = chunk[at + 3] as number;
          this.#checkSequence(id);
          if (length === 0) {
            if (!this.#continued) throw new MalformedPacket('empty packet in an answer');
            this.#continued = false;
            if (this.#shift !== 0) chunk[at + 3] = (id + this.#shift) & 0xff;
            if (run < 0) run = at;
            at += HEADER;
            continue;
          }
          if (this.#isRow(chunk[at + HEADER] as number, length)) {
            if (this.#shift !== 0) chunk[at + 3] = (id + this.#shift) & 0xff;
            if (run < 0) run = at;
            this.#startRow(length);
            at += HEADER;
            if (at + length <= end) {
              at += length;
              this.#inRow = false;
            } else {
              this.#bodyLeft = length - (end - at);
              at = end;
            }
            continue;
          }
          if (run >= 0) {
            sink.onRows(chunk, run, at);
            run = -1;
          }
          at += HEADER;
          if (at + length <= end) {
            const payload = chunk.subarray(at, at + length);
            at += length;
            this.#takeFrame(payload, id, sink);
          } else {
            this.#startFrame(length, id);
          }
          continue;
        }
        // Slow: gather header and first payload byte over chunks.
        if (this.#headerHave < HEADER) {
          if (run >= 0) {
            sink.onRows(chunk, run, at);
            run = -1;
          }
          this.#header[this.#headerHave] = chunk[at] as number;
          this.#headerHave += 1;
          at += 1;
          if (this.#headerHave === HEADER && this.#header.readUIntLE(0, 3) === 0) this.#emptyPacket(sink);
          continue;
        }
        const length = this.#header.readUIntLE(0, 3);
        const id = this.#header[3] as number;
        this.#checkSequence(id);
        this.#headerHave = 0;
        if (this.#isRow(chunk[at] as number, length)) {
          this.#emitHeader(id, sink);
          this.#startRow(length);
          this.#bodyLeft = length;
        } else {
          this.#startFrame(length, id);
        }
        continue;
      }
      const take = Math.min(this.#bodyLeft, end - at);
      if (this.#inRow) {
        if (run < 0) run = at;
        at += take;
        this.#bodyLeft -= take;
        if (this.#bodyLeft === 0) {
          this.#bodyLeft = -1;
          this.#inRow = false;
        }
        continue;
      }
      this.#appendFrame(chunk, at, at + take, sink);
      at += take;
    }
    if (run >= 0) sink.onRows(chunk, run, at);
    return at;
  }

  #checkSequence(id: number): void {
    if (id !== this.#sequence) {
      throw new MalformedPacket(`sequence id ${id} where ${this.#sequence} was due`);
    }
    this.#sequence = (id + 1) & 0xff;
  }

  #isRow(first: number, length: number): boolean {
    if (this.#phase !== 'rows') return false;
    if (this.#continued) return true;
    if (first === 0xff) return false;
    if (first !== 0xfe) return true;
    // 0xfe is also the length byte of a value of 16 MiB or more, whose packet has the maximal length.
    return this.#deprecateEof ? length >= PACKET_PAYLOAD_MAX : length >= 9;
  }

  #startRow(length: number): void {
    if (!this.#continued) this.rowCount += 1;
    this.#continued = length === PACKET_PAYLOAD_MAX;
    this.#inRow = true;
  }

  #emitHeader(id: number, sink: ResultSink): void {
    const header = Buffer.from(this.#header);
    header[3] = (id + this.#shift) & 0xff;
    sink.onRows(header, 0, HEADER);
  }

  #emptyPacket(sink: ResultSink): void {
    const id = this.#header[3] as number;
    this.#checkSequence(id);
    if (!this.#continued) throw new MalformedPacket('empty packet in an answer');
    this.#continued = false;
    this.#headerHave = 0;
    this.#emitHeader(id, sink);
  }

  #startFrame(length: number, id: number): void {
    if (length > FRAME_MAX) throw new MalformedPacket(`a frame packet of ${length} bytes`);
    this.#frame = Buffer.allocUnsafe(length);
    this.#frameHave = 0;
    this.#bodyLeft = length;
    this.#header[3] = id;
  }

  #appendFrame(chunk: Buffer, from: number, to: number, sink: ResultSink): void {
    const frame = this.#frame as Buffer;
    chunk.copy(frame, this.#frameHave, from, to);
    this.#frameHave += to - from;
    this.#bodyLeft -= to - from;
    if (this.#bodyLeft > 0) return;
    this.#bodyLeft = -1;
    this.#frame = undefined;
    this.#takeFrame(frame, this.#header[3] as number, sink);
  }

  #takeFrame(payload: Buffer, id: number, sink: ResultSink): void {
    const kind = this.#advance(payload);
    sink.onFrame(kind, payload, (id + this.#shift) & 0xff);
  }

  /** What this packet is; moves to the phase after it. */
  #advance(payload: Buffer): FrameKind {
    const first = payload[0] as number;
    if (first === 0xff) {
      this.#phase = 'idle';
      this.statusStale = true;
      this.failed = true;
      return 'err';
    }
    switch (this.#phase) {
      case 'first':
        return this.#first(payload, first);
      case 'columns':
        this.#columnsLeft -= 1;
        if (this.#columnsLeft === 0) this.#phase = this.#deprecateEof ? 'rows' : 'columns-eof';
        return 'column';
      case 'columns-eof':
        this.#eof(payload);
        // An opened cursor: the EOF stands for the rows, which are fetched later.
        if ((this.status & StatusFlag.CURSOR_EXISTS) !== 0) {
          this.#complete();
          return 'end';
        }
        this.#phase = 'rows';
        return 'eof';
      case 'rows':
        if (this.#deprecateEof) this.#ok(payload);
        else this.#eof(payload);
        this.#complete();
        return 'end';
      case 'params':
        this.#columnsLeft -= 1;
        if (this.#columnsLeft === 0) {
          if (this.#deprecateEof) this.#preparedColumnsNext();
          else this.#phase = 'params-eof';
        }
        return 'param';
      case 'params-eof':
        this.#eof(payload);
        this.#preparedColumnsNext();
        return 'eof';
      case 'prepared-columns':
        this.#columnsLeft -= 1;
        if (this.#columnsLeft === 0) this.#phase = this.#deprecateEof ? 'idle' : 'prepared-columns-eof';
        return 'column';
      case 'prepared-columns-eof':
        this.#eof(payload);
        this.#phase = 'idle';
        return 'eof';
      case 'field-list':
        if (first === 0xfe && payload.length < (this.#deprecateEof ? PACKET_PAYLOAD_MAX : 9)) {
          if (payload.length > 5) this.#ok(payload);
          else this.#eof(payload);
          this.#phase = 'idle';
          return 'end';
        }
        return 'column';
      case 'idle':
        throw new MalformedPacket('a packet after the end of the answer');
    }
  }

  #first(payload: Buffer, first: number): FrameKind {
    switch (this.#kind) {
      case 'text':
        this.#phase = 'idle';
        return 'text';
      case 'prepare':
        if (first !== 0 || payload.length < 9) throw new MalformedPacket('prepare answer');
        this.#preparedColumns = payload.readUInt16LE(5);
        this.#columnsLeft = payload.readUInt16LE(7);
        if (this.#columnsLeft > 0) this.#phase = 'params';
        else this.#preparedColumnsNext();
        return 'prepare-ok';
      case 'simple':
        if (first === 0xfe && payload.length < 7) this.#eof(payload);
        else if (first === 0 || first === 0xfe) this.#ok(payload);
        else throw new MalformedPacket('OK, EOF or ERR was due');
        this.#phase = 'idle';
        return 'ok';
      default:
    }
    if (first === 0) {
      this.#ok(payload);
      this.#complete();
      return 'ok';
    }
    if (first === 0xfb) return 'infile';
    if (first === 0xfe && payload.length < 9) throw new MalformedPacket('EOF where a column count was due');
    this.#columnsLeft = lenenc(payload, 0);
    if (this.#columnsLeft > 65_535) throw new MalformedPacket(`${this.#columnsLeft} columns`);
    this.#phase = 'columns';
    this.rowCount = 0;
    return 'column-count';
  }

  #preparedColumnsNext(): void {
    this.#columnsLeft = this.#preparedColumns;
    this.#phase = this.#columnsLeft > 0 ? 'prepared-columns' : 'idle';
  }

  #complete(): void {
    this.#phase = (this.status & StatusFlag.MORE_RESULTS) !== 0 && this.#kind === 'result' ? 'first' : 'idle';
  }

  #eof(payload: Buffer): void {
    if (payload[0] !== 0xfe || payload.length < 5) throw new MalformedPacket('EOF was due');
    this.status = payload.readUInt16LE(3);
    this.statusStale = false;
  }

  #ok(payload: Buffer): void {
    let at = 1 + lenencWidth(payload, 1);
    at += lenencWidth(payload, at);
    if (at + 2 > payload.length) throw new MalformedPacket('OK packet cut short');
    this.status = payload.readUInt16LE(at);
    this.statusStale = false;
    if ((this.status & StatusFlag.SESSION_STATE_CHANGED) !== 0) this.onChanges?.(payload);
  }
}

function lenencWidth(payload: Buffer, at: number): number {
  const first = payload[at];
  if (first === undefined || first === 0xff || first === 0xfb) throw new MalformedPacket('length-encoded integer');
  return first < 0xfb ? 1 : first === 0xfc ? 3 : first === 0xfd ? 4 : 9;
}

function lenenc(payload: Buffer, at: number): number {
  const width = lenencWidth(payload, at);
  if (at + width > payload.length) throw new MalformedPacket('length-encoded integer cut short');
  if (width === 1) return payload[at] as number;
  return width === 9 ? Number(payload.readBigUInt64LE(at + 1)) : payload.readUIntLE(at + 1, width - 1);
}
