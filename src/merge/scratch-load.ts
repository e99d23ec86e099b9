/** Turns a feed's text-protocol rows into INSERT texts that store the same values bit by bit, under any character set and sql_mode. */
import { MeshError, unreachable } from '../base/index.ts';
import type { ScratchLoad } from '../plan/index.ts';

/**
 * Session variables (name -> SQL literal) of the scratch session while a feed's `define` and INSERTs run: instants are loaded
 * in UTC, and zero dates, odd dates and the empty ENUM value are stored as they come. `final` runs under the client's own.
 */
export const scratchLoadSettings: ReadonlyMap<string, string> = new Map([
  ['time_zone', "'+00:00'"],
  ['sql_mode', "'ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO'"],
]);

const HEX = Buffer.from('0123456789ABCDEF');
const COMMA = 44;
const QUOTE = 39;
const BACKSLASH = 92;
const ZERO = 48;
const PREFIX_X = Buffer.from("X'");
const PREFIX_JSON = Buffer.from("_utf8mb4 X'");
const NULL_TEXT = Buffer.from('NULL');
const ZERO_DATE = Buffer.from("'0000-00-00 00:00:00'");

/**
 * Gathers rows into `INSERT INTO name (columns) VALUES (...), (...)`. `add` answers a full text when `bytesMax` is reached,
 * `finish` the last one. Texts are views of an inner buffer: valid until the next call. Held memory is at most about
 * `bytesMax` plus the longest row, twice its size when it is binary.
 */
export class ScratchInsert {
  readonly #prefix: Buffer;
  readonly #loads: readonly ScratchLoad[];
  readonly #bytesMax: number;
  #buffer: Buffer;
  #position = 0;
  #rows = 0;
  /** Rows added so far. */
  rowsTotal = 0;

  constructor(
    feed: { readonly name: string; readonly columns: readonly string[]; readonly loads: readonly ScratchLoad[] },
    bytesMax: number,
  ) {
    const columns = feed.columns.map((name) => quoted(name)).join(',');
    this.#prefix = Buffer.from(`INSERT INTO ${quoted(feed.name)} (${columns}) VALUES `);
    this.#loads = feed.loads;
    this.#bytesMax = bytesMax;
    this.#buffer = Buffer.allocUnsafeSlow(Math.max(4096, Math.min(64 * 1024, bytesMax)));
  }

  /** Bytes held. */
  get bytes(): number {
    return this.#buffer.length;
  }

  /** Adds the row `[start, end)` of a text-protocol packet. */
  add(row: Buffer, start: number, end: number): Buffer | undefined {
    let full: Buffer | undefined;
    // The worst case is two hexadecimal digits per byte, and a prefix per value.
    const worst = 2 * (end - start) + 16 * this.#loads.length + this.#prefix.length + 8;
    if (this.#rows > 0 && this.#position + worst > this.#bytesMax) full = this.finish();
    if (full !== undefined) {
      // The text that goes out keeps its buffer.
      this.#buffer = Buffer.allocUnsafeSlow(Math.max(this.#buffer.length, worst));
    }
    this.#need(worst);
    if (this.#rows === 0) this.#put(this.#prefix);
    else this.#byte(COMMA);
    this.#byte(40);
    let at = start;
    for (let i = 0; i < this.#loads.length; i += 1) {
      if (i > 0) this.#byte(COMMA);
      if (at >= end) throw new MeshError('SM_INTERNAL', { message: 'a feed row with too few values' });
      const first = row[at]!;
      if (first === 0xfb) {
        this.#put(NULL_TEXT);
        at += 1;
        continue;
      }
      let length = first;
      at += 1;
      if (first === 0xfc) {
        length = row.readUInt16LE(at);
        at += 2;
      } else if (first === 0xfd) {
        length = row.readUIntLE(at, 3);
        at += 3;
      } else if (first === 0xfe) {
        length = Number(row.readBigUInt64LE(at));
        at += 8;
      }
      if (at + length > end) throw new MeshError('SM_INTERNAL', { message: 'a feed value beyond its row' });
      this.#value(this.#loads[i]!, row, at, at + length);
      at += length;
    }
    if (at !== end) throw new MeshError('SM_INTERNAL', { message: 'a feed row with too many values' });
    this.#byte(41);
    this.#rows += 1;
    this.rowsTotal += 1;
    return full;
  }

  /** The text of the rows not handed out yet. */
  finish(): Buffer | undefined {
    if (this.#rows === 0) return undefined;
    const text = this.#buffer.subarray(0, this.#position);
    this.#position = 0;
    this.#rows = 0;
    return text;
  }

  #value(load: ScratchLoad, row: Buffer, start: number, end: number): void {
    switch (load) {
      case 'number':
        this.#number(row, start, end);
        return;
      case 'text':
      case 'bytes':
        this.#string(row, start, end, PREFIX_X);
        return;
      case 'json':
        this.#string(row, start, end, PREFIX_JSON);
        return;
      case 'epoch':
        this.#epoch(row, start, end);
        return;
      default:
        unreachable(load);
    }
  }

  /** Digits, sign, point and exponent stand for themselves; anything else would be a wrong plan. */
  #number(row: Buffer, start: number, end: number): void {
    if (start === end) throw new MeshError('SM_INTERNAL', { message: 'a feed number without digits' });
    for (let i = start; i < end; i += 1) {
      const c = row[i]!;
      if ((c < ZERO || c > 57) && c !== 45 && c !== 46 && c !== 43 && c !== 101) {
        throw new MeshError('SM_INTERNAL', { message: 'a feed value that is not a number' });
      }
    }
    // A double must be read as one: a plain literal of digits would be DECIMAL, which has no negative zero and 65 digits.
    row.copy(this.#buffer, this.#position, start, end);
    this.#position += end - start;
    if (end - start === 2 && row[start] === 45 && row[start + 1] === ZERO) this.#put(EXPONENT);
  }

  /** Plain ASCII in quotes, all else in hexadecimal: no escape depends on NO_BACKSLASH_ESCAPES. */
  #string(row: Buffer, start: number, end: number, prefix: Buffer): void {
    let plain = true;
    for (let i = start; i < end && plain; i += 1) {
      const c = row[i]!;
      plain = c >= 32 && c < 127 && c !== QUOTE && c !== BACKSLASH;
    }
    if (plain) {
      this.#byte(QUOTE);
      row.copy(this.#buffer, this.#position, start, end);
      this.#position += end - start;
    } else {
      this.#put(prefix);
      for (let i = start; i < end; i += 1) {
        const c = row[i]!;
        this.#buffer[this.#position] = HEX[c >> 4]!;
        this.#buffer[this.#position + 1] = HEX[c & 15]!;
        this.#position += 2;
      }
    }
    this.#byte(QUOTE);
  }

  /** `1700000000.123456` as `'2023-11-14 22:13:20.123456'`. */
  #epoch(row: Buffer, start: number, end: number): void {
    let seconds = 0;
    let at = start;
    for (; at < end && row[at] !== 46; at += 1) {
      const c = row[at]!;
      if (c < ZERO || c > 57) throw new MeshError('SM_INTERNAL', { message: 'a feed instant that is not a number' });
      seconds = seconds * 10 + (c - ZERO);
    }
    if (seconds === 0 && row.subarray(start, end).every((c) => c === ZERO || c === 46)) {
      this.#put(ZERO_DATE);
      return;
    }
    const text = new Date(seconds * 1000).toISOString();
    this.#byte(QUOTE);
    this.#position += this.#buffer.write(`${text.slice(0, 10)} ${text.slice(11, 19)}`, this.#position, 'latin1');
    row.copy(this.#buffer, this.#position, at, end);
    this.#position += end - at;
    this.#byte(QUOTE);
  }

  #put(bytes: Buffer): void {
    this.#need(bytes.length);
    bytes.copy(this.#buffer, this.#position);
    this.#position += bytes.length;
  }

  #byte(value: number): void {
    this.#buffer[this.#position] = value;
    this.#position += 1;
  }

  #need(length: number): void {
    if (this.#position + length + 64 <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(2 * this.#buffer.length, this.#position + length + 64));
    this.#buffer.copy(larger, 0, 0, this.#position);
    this.#buffer = larger;
  }
}

const EXPONENT = Buffer.from('e0');

function quoted(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}
