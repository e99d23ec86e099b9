/**
 * The compressed protocol (zlib): packets of 7 bytes of header around pieces of the ordinary byte stream, both directions.
 *
 * Page: "Compression" of the client/server protocol.
 */
import { deflateSync, inflateSync } from 'node:zlib';
import { MalformedPacket } from './packet-reader.ts';

const HEADER = 7;
/** Shorter pieces are sent as they are. */
const COMPRESS_MIN = 50;
/** Bytes of one piece before compression. */
const PIECE_MAX = 256 * 1024;
const LEVEL = 3;

/** Unpacks what a peer sends. */
export class CompressedReader {
  #chunks: Buffer[] = [];
  #bytes = 0;
  /** Of the last packet; the answer goes on behind it. */
  sequenceId = 0;

  /** Bytes that wait for the rest of their packet. */
  get bufferedBytes(): number {
    return this.#bytes;
  }

  /** The pieces of the ordinary stream that are complete now. Throws MalformedPacket; the connection is then of no use. */
  push(chunk: Buffer): Buffer[] {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    const pieces: Buffer[] = [];
    for (;;) {
      if (this.#bytes < HEADER) return pieces;
      const head = this.#peek(HEADER);
      const length = head.readUIntLE(0, 3);
      if (this.#bytes < HEADER + length) return pieces;
      this.sequenceId = head[3] as number;
      const plainLength = head.readUIntLE(4, 3);
      const body = this.#take(HEADER + length).subarray(HEADER);
      if (length === 0) throw new MalformedPacket('an empty compressed packet');
      pieces.push(plainLength === 0 ? body : inflated(body, plainLength));
    }
  }

  #peek(length: number): Buffer {
    const [first] = this.#chunks;
    if (first !== undefined && first.length >= length) return first;
    this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0] as Buffer;
  }

  #take(length: number): Buffer {
    const all = this.#peek(length);
    this.#bytes -= length;
    if (all.length === length) this.#chunks.shift();
    else this.#chunks[0] = all.subarray(length);
    return all.subarray(0, length);
  }
}

function inflated(body: Buffer, length: number): Buffer {
  let plain: Buffer;
  try {
    plain = inflateSync(body, { maxOutputLength: length });
  } catch (error) {
    throw new MalformedPacket(`compressed data: ${(error as Error).message}`);
  }
  if (plain.length !== length) throw new MalformedPacket('compressed data of another length than it says');
  return plain;
}

/** Packs a part of the ordinary stream into packets with sequence ids from `sequenceId` on. */
export function packCompressed(
  bytes: Buffer,
  sequenceId: number,
): { readonly packets: Buffer; readonly nextSequenceId: number } {
  const parts: Buffer[] = [];
  let next = sequenceId;
  for (let at = 0; at < bytes.length; at += PIECE_MAX) {
    const piece = bytes.subarray(at, at + PIECE_MAX);
    const packed = piece.length < COMPRESS_MIN ? piece : deflateSync(piece, { level: LEVEL });
    const smaller = packed.length < piece.length;
    const body = smaller ? packed : piece;
    const head = Buffer.alloc(HEADER);
    head.writeUIntLE(body.length, 0, 3);
    head[3] = next & 0xff;
    head.writeUIntLE(smaller ? piece.length : 0, 4, 3);
    parts.push(head, body);
    next += 1;
  }
  return { packets: Buffer.concat(parts), nextSequenceId: next & 0xff };
}
