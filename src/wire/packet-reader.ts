/** Reads protocol fields from one packet's payload. Strings and slices are views or copies as each method says. */

/** The bytes of a packet do not make sense. Ends the session (client) or the connection (backend). */
export class MalformedPacket extends Error {
  constructor(what: string) {
    super(`malformed packet: ${what}`);
    this.name = 'MalformedPacket';
  }
}

/** A cursor over `[start, end)` of a buffer. Reading past the end throws MalformedPacket. May be reused with `reset`. */
export class PacketReader {
  #buffer: Buffer;
  #end: number;
  /** Absolute offset in the buffer. */
  position: number;

  constructor(buffer: Buffer, start = 0, end = buffer.length) {
    this.#buffer = buffer;
    this.position = start;
    this.#end = end;
  }

  reset(buffer: Buffer, start = 0, end = buffer.length): void {
    this.#buffer = buffer;
    this.position = start;
    this.#end = end;
  }

  get buffer(): Buffer {
    return this.#buffer;
  }

  get remaining(): number {
    return this.#end - this.position;
  }

  skip(length: number): void {
    this.#take(length);
  }

  /** The next byte without taking it; -1 at the end. */
  peek(): number {
    return this.position < this.#end ? (this.#buffer[this.position] as number) : -1;
  }

  int1(): number {
    return this.#buffer[this.#take(1)] as number;
  }

  int2(): number {
    return this.#buffer.readUInt16LE(this.#take(2));
  }

  int3(): number {
    return this.#buffer.readUIntLE(this.#take(3), 3);
  }

  int4(): number {
    return this.#buffer.readUInt32LE(this.#take(4));
  }

  int8(): bigint {
    return this.#buffer.readBigUInt64LE(this.#take(8));
  }

  /** A length-encoded integer, exact. */
  lenencBig(): bigint {
    if (this.peek() !== 0xfe) return BigInt(this.lenenc());
    this.position += 1;
    return this.int8();
  }

  /** A length-encoded integer that counts something: more than 2^53-1 is malformed. */
  lenenc(): number {
    const first = this.int1();
    if (first < 0xfb) return first;
    if (first === 0xfc) return this.int2();
    if (first === 0xfd) return this.int3();
    if (first !== 0xfe) throw new MalformedPacket(`length byte 0x${first.toString(16)}`);
    const value = this.int8();
    if (value > 0x1f_ffff_ffff_ffffn) throw new MalformedPacket('length beyond 2^53');
    return Number(value);
  }

  /** A view of `length` bytes. */
  bytes(length: number): Buffer {
    const start = this.#take(length);
    return this.#buffer.subarray(start, start + length);
  }

  /** A view of a length-encoded string. */
  lenencBytes(): Buffer {
    return this.bytes(this.lenenc());
  }

  lenencString(): string {
    const length = this.lenenc();
    const start = this.#take(length);
    return this.#buffer.toString('utf8', start, start + length);
  }

  /** A view up to a NUL, which is taken too. */
  nulBytes(): Buffer {
    const at = this.#buffer.indexOf(0, this.position);
    if (at < 0 || at >= this.#end) throw new MalformedPacket('string without its NUL');
    const view = this.#buffer.subarray(this.position, at);
    this.position = at + 1;
    return view;
  }

  nulString(): string {
    return this.nulBytes().toString('utf8');
  }

  /** A view of everything left. */
  restBytes(): Buffer {
    return this.bytes(this.remaining);
  }

  restString(): string {
    return this.restBytes().toString('utf8');
  }

  #take(length: number): number {
    const start = this.position;
    if (length < 0 || start + length > this.#end) {
      throw new MalformedPacket(`needs ${length} bytes at ${start}, has ${this.#end - start}`);
    }
    this.position = start + length;
    return start;
  }
}
