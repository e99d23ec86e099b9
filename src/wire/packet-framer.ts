/** Splits a byte stream into MySQL packets, pulled one at a time. */
import { MeshError } from '../base/index.ts';
import { PACKET_PAYLOAD_MAX } from './packet-writer.ts';

const HEADER = 4;
/** A packet that comes in pieces is gathered in a buffer which begins at this size at most, whatever length it claims. */
const GATHER_START = 64 * 1024;

/**
 * `push` chunks as they arrive, `next` until it answers undefined. Sequence ids are checked: call `startCommand` before the packet
 * that begins a command (id 0), or `expect`.
 *
 * A payload that lies within one chunk is a view of it; pushed chunks must therefore not be reused by their owner.
 * After an error (1153 too large, 1156 out of order) the framer is of no use: close the connection.
 */
export class PacketFramer {
  readonly #chunks: Buffer[] = [];
  /** Position in the first chunk. */
  #at = 0;
  #buffered = 0;
  #payloadMax: number;
  #expected = 0;
  /** The packet being gathered, over chunks or over physical packets. */
  #gather: Buffer | undefined;
  #gathered = 0;
  /** Bytes of the current physical packet still to come; -1 between packets. */
  #left = -1;
  #more = false;

  /** `payloadMax` in bytes bounds a logical packet (several physical ones joined). */
  constructor(payloadMax: number) {
    this.#payloadMax = payloadMax;
  }

  /** Raised after authentication. */
  set payloadMax(bytes: number) {
    this.#payloadMax = bytes;
  }

  /** Bytes pushed and not yet given out: stop reading the socket when there are many. */
  get bufferedBytes(): number {
    return this.#buffered + this.#gathered;
  }

  /** The sequence id that a reply to the last packet begins with. */
  get nextSequenceId(): number {
    return this.#expected;
  }

  /** The next packet must have sequence id 0. */
  startCommand(): void {
    this.#expected = 0;
  }

  /** The next packet must have this sequence id (after a reply of ours within one exchange). */
  expect(sequenceId: number): void {
    this.#expected = sequenceId & 0xff;
  }

  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#buffered += chunk.length;
  }

  /** The next complete payload, or undefined until more is pushed. Throws MeshError. */
  next(): Buffer | undefined {
    for (;;) {
      if (this.#left < 0) {
        if (this.#buffered < HEADER) return undefined;
        const whole = this.#header();
        if (whole !== undefined) return whole;
      }
      this.#fill();
      if (this.#left > 0) return undefined;
      this.#left = -1;
      if (this.#more) continue;
      const payload = (this.#gather as Buffer).subarray(0, this.#gathered);
      this.#gather = undefined;
      this.#gathered = 0;
      return payload;
    }
  }

  /**
   * Takes out what was pushed and not given out. A server that starts TLS puts it back in front of its socket
   * (`socket.unshift`): clients may send the first TLS bytes in one segment with their request.
   */
  takeRest(): Buffer {
    const [first, ...others] = this.#chunks.splice(0);
    if (first === undefined) return Buffer.alloc(0);
    const rest = Buffer.concat([first.subarray(this.#at), ...others]);
    this.#at = 0;
    this.#buffered = 0;
    return rest;
  }

  /** Reads a header; answers the payload at once if it is a whole packet within the first chunk. */
  #header(): Buffer | undefined {
    const first = this.#chunks[0] as Buffer;
    let length: number;
    let id: number;
    if (first.length - this.#at >= HEADER) {
      const at = this.#at;
      length = (first[at] as number) | ((first[at + 1] as number) << 8) | ((first[at + 2] as number) << 16);
      id = first[at + 3] as number;
      this.#drop(HEADER);
    } else {
      length = this.#byte() | (this.#byte() << 8) | (this.#byte() << 16);
      id = this.#byte();
    }
    if (id !== this.#expected) throw new MeshError('ER_NET_PACKETS_OUT_OF_ORDER');
    this.#expected = (id + 1) & 0xff;
    if (this.#gathered + length > this.#payloadMax) throw new MeshError('ER_NET_PACKET_TOO_LARGE');
    const continues = this.#more;
    this.#more = length === PACKET_PAYLOAD_MAX;
    const chunk = this.#chunks[0];
    if (!continues && !this.#more && chunk !== undefined && chunk.length - this.#at >= length) {
      const payload = chunk.subarray(this.#at, this.#at + length);
      this.#drop(length);
      return payload;
    }
    if (!continues && !this.#more && length === 0) return Buffer.alloc(0);
    this.#left = length;
    this.#gather ??= Buffer.allocUnsafeSlow(Math.min(length, GATHER_START));
    return undefined;
  }

  /** Moves what has arrived of the current packet into the gathering buffer. */
  #fill(): void {
    while (this.#left > 0 && this.#buffered > 0) {
      const chunk = this.#chunks[0] as Buffer;
      const take = Math.min(this.#left, chunk.length - this.#at);
      this.#room(take);
      chunk.copy(this.#gather as Buffer, this.#gathered, this.#at, this.#at + take);
      this.#gathered += take;
      this.#left -= take;
      this.#drop(take);
    }
  }

  #room(length: number): void {
    const gather = this.#gather as Buffer;
    const needed = this.#gathered + length;
    if (needed <= gather.length) return;
    const known = this.#gathered + this.#left;
    const next = Buffer.allocUnsafeSlow(
      Math.max(needed, Math.min(gather.length * 2, this.#more ? this.#payloadMax : known)),
    );
    gather.copy(next, 0, 0, this.#gathered);
    this.#gather = next;
  }

  #byte(): number {
    const byte = (this.#chunks[0] as Buffer)[this.#at] as number;
    this.#drop(1);
    return byte;
  }

  #drop(length: number): void {
    this.#at += length;
    this.#buffered -= length;
    if (this.#at >= (this.#chunks[0] as Buffer).length) {
      this.#chunks.shift();
      this.#at = 0;
    }
  }
}
