/** The rows of a server-side cursor: kept here as the packets that the client will get, and given out by STMT_FETCH. */
import { PACKET_PAYLOAD_MAX } from '../wire/index.ts';

const HEADER = 4;

/** Filled while the statement runs, then read from the front. Bounded: beyond `bytesMax` nothing is kept and `overflow` is set. */
export class CursorRows {
  readonly bytesMax: number;
  columns: readonly Buffer[] = [];
  overflow = false;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #buffer: Buffer = Buffer.alloc(0);
  #at = 0;

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  /** Row packets with their headers; a run may begin and end within a packet. The bytes are the cursor's from now on. */
  add(chunk: Buffer, start: number, end: number): void {
    this.#bytes += end - start;
    if (this.#bytes > this.bytesMax) {
      this.overflow = true;
      this.#chunks = [];
      return;
    }
    this.#chunks.push(chunk.subarray(start, end));
  }

  /** All rows are there. Answers how many. */
  complete(): number {
    const [only] = this.#chunks;
    this.#buffer = this.#chunks.length === 1 ? (only as Buffer) : Buffer.concat(this.#chunks);
    this.#chunks = [];
    let count = 0;
    for (let at = 0; at < this.#buffer.length; at = this.#rowEnd(at)) count += 1;
    return count;
  }

  /** Takes up to `count` rows out: their bytes, and whether none is left. */
  take(count: number): { readonly rows: Buffer; readonly last: boolean } {
    const from = this.#at;
    for (let taken = 0; taken < count && this.#at < this.#buffer.length; taken += 1) this.#at = this.#rowEnd(this.#at);
    return { rows: this.#buffer.subarray(from, this.#at), last: this.#at >= this.#buffer.length };
  }

  /** A row of 16 MiB or more goes on in the packets behind a full one. */
  #rowEnd(start: number): number {
    let at = start;
    for (;;) {
      const length = this.#buffer.readUIntLE(at, 3);
      at += HEADER + length;
      if (length < PACKET_PAYLOAD_MAX || at >= this.#buffer.length) return at;
    }
  }
}
