/**
 * The compressed protocol (zlib or zstd): packets of 7 bytes of header around pieces of the ordinary byte stream, both directions.
 *
 * Page: "Compression" of the client/server protocol.
 */
import { constants, deflateSync, inflateSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { MalformedPacket } from './packet-reader.ts';

const HEADER = 7;
/** Shorter pieces are sent as they are. */
const COMPRESS_MIN = 50;
/** Bytes of one piece before compression. */
const PIECE_MAX = 256 * 1024;
const ZLIB_LEVEL = 3;
const ZSTD_LEVEL = 3;
/** Above it zstd takes much time for little: clients name levels up to 22, for both directions. */
const ZSTD_LEVEL_MAX = 9;

export interface Compression {
  readonly algorithm: 'zlib' | 'zstd';
  readonly level: number;
}

export const zlibCompression: Compression = { algorithm: 'zlib', level: ZLIB_LEVEL };

/** `level` as the client's handshake names it. */
export function zstdCompression(level: number): Compression {
  return { algorithm: 'zstd', level: level < 1 ? ZSTD_LEVEL : Math.min(level, ZSTD_LEVEL_MAX) };
}

/** Unpacks what a peer sends. */
export class CompressedReader {
  #chunks: Buffer[] = [];
  #bytes = 0;
  readonly #algorithm: Compression['algorithm'];
  /** Of the last packet; the answer goes on behind it. */
  sequenceId = 0;

  constructor({ algorithm }: Compression) {
    this.#algorithm = algorithm;
  }

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
      pieces.push(plainLength === 0 ? body : unpacked(this.#algorithm, body, plainLength));
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

function unpacked(algorithm: Compression['algorithm'], body: Buffer, length: number): Buffer {
  let plain: Buffer;
  try {
    const options = { maxOutputLength: length };
    plain = algorithm === 'zlib' ? inflateSync(body, options) : zstdDecompressSync(body, options);
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
  compression: Compression,
): { readonly packets: Buffer; readonly nextSequenceId: number } {
  const parts: Buffer[] = [];
  let next = sequenceId;
  for (let at = 0; at < bytes.length; at += PIECE_MAX) {
    const piece = bytes.subarray(at, at + PIECE_MAX);
    const shorter = piece.length < COMPRESS_MIN ? piece : packed(piece, compression);
    const smaller = shorter.length < piece.length;
    const body = smaller ? shorter : piece;
    const head = Buffer.alloc(HEADER);
    head.writeUIntLE(body.length, 0, 3);
    head[3] = next & 0xff;
    head.writeUIntLE(smaller ? piece.length : 0, 4, 3);
    parts.push(head, body);
    next += 1;
  }
  return { packets: Buffer.concat(parts), nextSequenceId: next & 0xff };
}

function packed(piece: Buffer, { algorithm, level }: Compression): Buffer {
  if (algorithm === 'zlib') return deflateSync(piece, { level });
  return zstdCompressSync(piece, { params: { [constants.ZSTD_c_compressionLevel]: level } });
}
