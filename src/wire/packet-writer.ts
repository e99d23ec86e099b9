/** Builds packets into one growing buffer: header and sequence id, splitting at 16 MiB - 1. */

/** The longest payload of one physical packet; a payload of this length or more goes on in the next packet. */
export const PACKET_PAYLOAD_MAX = 0xff_ffff;

const BLOCK_SIZE = 16 * 1024;

/**
 * Begin, write fields, end; then `take()` everything that is finished and write it to the socket.
 * Bytes that were taken are not written again before `reuse`, so they need no copy.
 */
export class PacketWriter {
  #buffer: Buffer;
  /** Where the bytes not yet taken begin. */
  #taken = 0;
  /** Where the open packet's header begins; -1 when none is open. */
  #packet = -1;
  #position = 0;
  /** The sequence id of the next packet. Set it to 0 for a new command, or to the request's plus one for a reply. */
  sequenceId = 0;

  constructor(blockSize: number = BLOCK_SIZE) {
    // Small ones from Node's shared slab: memory of their own costs more than what is written into it.
    this.#buffer = blockSize < BLOCK_SIZE ? Buffer.allocUnsafe(blockSize) : Buffer.allocUnsafeSlow(blockSize);
  }

  /** Finished and open bytes not yet taken. */
  get pending(): number {
    return this.#position - this.#taken;
  }

  /** Opens a packet. */
  begin(): this {
    this.#need(4);
    this.#packet = this.#position;
    this.#position += 4;
    return this;
  }

  /** Closes the open packet: writes its header, or several when it is long. */
  end(): void {
    const start = this.#packet + 4;
    const length = this.#position - start;
    this.#packet = -1;
    if (length < PACKET_PAYLOAD_MAX) {
      this.#header(start - 4, length);
      return;
    }
    const extra = Math.floor(length / PACKET_PAYLOAD_MAX);
    this.#packet = start - 4;
    this.#need(4 * extra);
    const base = this.#packet + 4;
    this.#packet = -1;
    // From the last part to the first, so that moving does not overwrite what is still to move.
    for (let part = extra; part >= 1; part -= 1) {
      const from = base + part * PACKET_PAYLOAD_MAX;
      const to = Math.min(base + length, from + PACKET_PAYLOAD_MAX);
      this.#buffer.copyWithin(from + 4 * part, from, to);
    }
    for (let part = 0; part <= extra; part += 1) {
      const at = base + part * (PACKET_PAYLOAD_MAX + 4) - 4;
      this.#header(at, Math.min(PACKET_PAYLOAD_MAX, length - part * PACKET_PAYLOAD_MAX));
    }
    this.#position = base + length + 4 * extra;
  }

  /** Drops the open packet. */
  cancel(): void {
    if (this.#packet >= 0) this.#position = this.#packet;
    this.#packet = -1;
  }

  /** A whole packet from a payload (copied). */
  packet(payload: Buffer): void {
    this.begin().bytes(payload).end();
  }

  /** Raw bytes that already carry headers (copied), between packets. */
  raw(buffer: Buffer, start = 0, end = buffer.length): void {
    this.#need(end - start);
    buffer.copy(this.#buffer, this.#position, start, end);
    this.#position += end - start;
  }

  /** Hands out what is finished. Empty if nothing is. */
  take(): Buffer {
    const end = this.#packet >= 0 ? this.#packet : this.#position;
    const view = this.#buffer.subarray(this.#taken, end);
    this.#taken = end;
    return view;
  }

  /** What was taken is not needed any more: its place may be written again. Only between packets, with nothing pending. */
  reuse(): void {
    if (this.#packet >= 0 || this.#position !== this.#taken) return;
    this.#position = 0;
    this.#taken = 0;
  }

  int1(value: number): this {
    this.#need(1);
    this.#buffer[this.#position] = value;
    this.#position += 1;
    return this;
  }

  int2(value: number): this {
    this.#need(2);
    this.#buffer[this.#position] = value & 0xff;
    this.#buffer[this.#position + 1] = (value >>> 8) & 0xff;
    this.#position += 2;
    return this;
  }

  int3(value: number): this {
    this.#need(3);
    this.#position = this.#buffer.writeUIntLE(value, this.#position, 3);
    return this;
  }

  int4(value: number): this {
    this.#need(4);
    this.#position = this.#buffer.writeUInt32LE(value >>> 0, this.#position);
    return this;
  }

  /** Unsigned; a negative value is written in two's complement. */
  int8(value: bigint): this {
    this.#need(8);
    this.#position = this.#buffer.writeBigUInt64LE(BigInt.asUintN(64, value), this.#position);
    return this;
  }

  float(value: number): this {
    this.#need(4);
    this.#position = this.#buffer.writeFloatLE(value, this.#position);
    return this;
  }

  double(value: number): this {
    this.#need(8);
    this.#position = this.#buffer.writeDoubleLE(value, this.#position);
    return this;
  }

  lenenc(value: number | bigint): this {
    if (value < 0xfb) return this.int1(Number(value));
    if (value <= 0xffff) return this.int1(0xfc).int2(Number(value));
    if (value <= 0xff_ffff) return this.int1(0xfd).int3(Number(value));
    return this.int1(0xfe).int8(BigInt(value));
  }

  bytes(value: Uint8Array): this {
    this.#need(value.length);
    this.#buffer.set(value, this.#position);
    this.#position += value.length;
    return this;
  }

  zeros(length: number): this {
    this.#need(length);
    this.#buffer.fill(0, this.#position, this.#position + length);
    this.#position += length;
    return this;
  }

  string(value: string): this {
    const length = Buffer.byteLength(value);
    this.#need(length);
    this.#buffer.write(value, this.#position, length, 'utf8');
    this.#position += length;
    return this;
  }

  nulString(value: string): this {
    return this.string(value).int1(0);
  }

  lenencBytes(value: Uint8Array): this {
    return this.lenenc(value.length).bytes(value);
  }

  lenencString(value: string): this {
    return this.lenenc(Buffer.byteLength(value)).string(value);
  }

  /** A length-encoded slice `[start, end)`. */
  lenencSlice(buffer: Buffer, start: number, end: number): this {
    this.lenenc(end - start);
    this.raw(buffer, start, end);
    return this;
  }

  #header(at: number, length: number): void {
    this.#buffer.writeUIntLE(length, at, 3);
    this.#buffer[at + 3] = this.sequenceId;
    this.sequenceId = (this.sequenceId + 1) & 0xff;
  }

  #need(length: number): void {
    if (this.#position + length <= this.#buffer.length) return;
    const pending = this.#position - this.#taken;
    const next = Buffer.allocUnsafeSlow(Math.max(BLOCK_SIZE, (pending + length) * 2));
    this.#buffer.copy(next, 0, this.#taken, this.#position);
    this.#buffer = next;
    if (this.#packet >= 0) this.#packet -= this.#taken;
    this.#position = pending;
    this.#taken = 0;
  }
}

/** The physical packets of one payload, sequence ids from `sequenceId`: one allocation, one copy. */
export function framePayload(payload: Buffer, sequenceId = 0): Buffer {
  const parts = Math.floor(payload.length / PACKET_PAYLOAD_MAX) + 1;
  const framed = Buffer.allocUnsafe(payload.length + 4 * parts);
  let at = 0;
  for (let part = 0; part < parts; part += 1) {
    const from = part * PACKET_PAYLOAD_MAX;
    const length = Math.min(PACKET_PAYLOAD_MAX, payload.length - from);
    framed.writeUIntLE(length, at, 3);
    framed[at + 3] = (sequenceId + part) & 0xff;
    payload.copy(framed, at + 4, from, from + length);
    at += 4 + length;
  }
  return framed;
}

/** One payload without a header, for packets that are framed elsewhere. */
export function payloadOf(build: (writer: PacketWriter) => void): Buffer {
  const writer = new PacketWriter(512);
  writer.begin();
  build(writer);
  writer.end();
  return writer.take().subarray(4);
}
