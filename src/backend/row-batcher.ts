/** Turns runs of row bytes into batches of complete rows, without copying rows that lie within one chunk. */
import { type FrameKind, PACKET_PAYLOAD_MAX } from '../wire/index.ts';
import type { BackendFault } from './backend-fault.ts';
import type { ResponseHandler } from './request-kind.ts';

/** Complete rows of one chunk. The buffer is never reused: a batch may be kept as long as its memory may. */
export interface RowBatch {
  readonly buffer: Buffer;
  readonly count: number;
  /** The payload of row i, without packet header, is `[bounds[2i], bounds[2i+1])` of `buffer`. May be longer than 2 * count. */
  readonly bounds: Uint32Array;
}

export interface RowBatchHandler {
  onFrame(kind: FrameKind, payload: Buffer, sequenceId: number): void;
  onBatch(batch: RowBatch): void;
  onEnd(): void;
  onFault(fault: BackendFault): void;
}

const HEADER = 4;
const GATHER_START = 16 * 1024;

export class RowBatcher implements ResponseHandler {
  readonly #handler: RowBatchHandler;
  /** The payload of a row that came in pieces, or of several physical packets. */
  #gather: Buffer = Buffer.alloc(0);
  #gathered = 0;
  #gathering = false;
  readonly #header = Buffer.alloc(HEADER);
  #headerHave = 0;
  /** Bytes of the open packet still to come. */
  #left = 0;
  #more = false;

  constructor(handler: RowBatchHandler) {
    this.#handler = handler;
  }

  onFrame(kind: FrameKind, payload: Buffer, sequenceId: number): void {
    this.#handler.onFrame(kind, payload, sequenceId);
  }

  onRows(chunk: Buffer, start: number, end: number): void {
    let at = start;
    while (at < end && (this.#gathering || this.#headerHave > 0)) at = this.#continue(chunk, at, end);
    if (at >= end) return;
    let bounds = new Uint32Array(2 * Math.max(4, Math.min(1024, (end - at) >>> 5)));
    let count = 0;
    const from = at;
    while (end - at >= HEADER) {
      const length = (chunk[at] as number) | ((chunk[at + 1] as number) << 8) | ((chunk[at + 2] as number) << 16);
      if (length === PACKET_PAYLOAD_MAX || at + HEADER + length > end) break;
      if (2 * count === bounds.length) {
        const longer = new Uint32Array(bounds.length * 2);
        longer.set(bounds);
        bounds = longer;
      }
      bounds[2 * count] = at + HEADER;
      at += HEADER + length;
      bounds[2 * count + 1] = at;
      count += 1;
    }
    if (at > from) this.#handler.onBatch({ buffer: chunk, count, bounds });
    while (at < end) at = this.#continue(chunk, at, end);
  }

  onEnd(): void {
    this.#handler.onEnd();
  }

  onFault(fault: BackendFault): void {
    this.#handler.onFault(fault);
  }

  /** Takes bytes of a row that does not lie within one run. Answers the position after them. */
  #continue(chunk: Buffer, at: number, end: number): number {
    if (this.#left === 0) {
      const take = Math.min(HEADER - this.#headerHave, end - at);
      chunk.copy(this.#header, this.#headerHave, at, at + take);
      this.#headerHave += take;
      if (this.#headerHave < HEADER) return at + take;
      this.#headerHave = 0;
      this.#left = this.#header.readUIntLE(0, 3);
      this.#more = this.#left === PACKET_PAYLOAD_MAX;
      this.#gathering = true;
      if (this.#left === 0) this.#row();
      return at + take;
    }
    const take = Math.min(this.#left, end - at);
    this.#room(take);
    chunk.copy(this.#gather, this.#gathered, at, at + take);
    this.#gathered += take;
    this.#left -= take;
    if (this.#left === 0 && !this.#more) this.#row();
    return at + take;
  }

  #row(): void {
    const bounds = new Uint32Array(2);
    bounds[1] = this.#gathered;
    const batch = { buffer: this.#gather, count: 1, bounds };
    this.#gather = Buffer.alloc(0);
    this.#gathered = 0;
    this.#gathering = false;
    this.#handler.onBatch(batch);
  }

  #room(length: number): void {
    const needed = this.#gathered + length;
    if (needed <= this.#gather.length) return;
    const known = this.#gathered + this.#left;
    const size = Math.max(needed, Math.min(known, Math.max(GATHER_START, this.#gather.length * 2)));
    const next = Buffer.allocUnsafeSlow(size);
    this.#gather.copy(next, 0, 0, this.#gathered);
    this.#gather = next;
  }
}
