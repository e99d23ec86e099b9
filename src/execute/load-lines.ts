/** Cuts a file of LOAD DATA into its lines as servers do, and reads the fields that routing needs. Bytes are never changed. */
import type { LoadFormat } from '../plan/index.ts';

export interface LoadLine {
  /** With its end; the last one of a file may have none. */
  readonly bytes: Buffer;
  /** Of the wanted fields: null is NULL, undefined the line is too short. */
  readonly values: readonly (Buffer | null | undefined)[];
}

const NUL = 0x00;
/** What a letter behind the escape character means, where it is not itself. */
const ESCAPES: ReadonlyMap<number, number> = new Map(
  Object.entries({ '0': NUL, b: 0x08, n: 0x0a, r: 0x0d, t: 0x09, Z: 0x1a }).map(([letter, byte]) => [
    letter.charCodeAt(0),
    byte,
  ]),
);
const LETTER_N = 0x4e;
const NULL_WORD = Buffer.from('NULL');

/** The end of the bytes came first. */
class Incomplete extends Error {}
const incomplete = new Incomplete();

/** `push` what arrives, then `next` until it answers undefined; `end` when nothing more comes. */
export class LoadLines {
  readonly #format: LoadFormat;
  readonly #fields: number;
  readonly #wanted: readonly number[];
  #chunks: Buffer[] = [];
  #bytes: Buffer = Buffer.alloc(0);
  /** Where the next line begins in `#bytes`. */
  #start = 0;
  #pending = 0;
  /** Bytes that the next attempt waits for: a long line is not read anew with every packet. */
  #enough = 0;
  #ended = false;
  #skip: number;

  // -- the line under way --
  #at = 0;
  #lineOver = false;

  constructor(format: LoadFormat, fields: number, wanted: readonly number[], skip: number) {
    this.#format = format;
    this.#fields = fields;
    this.#wanted = wanted;
    this.#skip = skip;
  }

  /** Bytes that are not given out yet. */
  get buffered(): number {
    return this.#bytes.length - this.#start + this.#pending;
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#pending += chunk.length;
  }

  end(): void {
    this.#ended = true;
    this.#enough = 0;
  }

  /** The next line, if it is whole. */
  next(): LoadLine | undefined {
    if (this.#pending > 0 && (this.#start >= this.#bytes.length || this.buffered >= this.#enough)) this.#gather();
    for (;;) {
      if (this.#start >= this.#bytes.length || this.buffered < this.#enough) return undefined;
      this.#at = this.#start;
      this.#lineOver = false;
      let values: (Buffer | null | undefined)[] = [];
      try {
        if (this.#skip > 0) this.#toLineEnd();
        else values = this.#readFields();
      } catch (error) {
        if (error !== incomplete) throw error;
        if (this.#pending > 0) {
          this.#gather();
          continue;
        }
        this.#enough = 2 * this.buffered;
        return undefined;
      }
      const bytes = this.#bytes.subarray(this.#start, this.#at);
      this.#start = this.#at;
      this.#enough = 0;
      if (this.#skip > 0) this.#skip -= 1;
      else return { bytes, values };
    }
  }

  #gather(): void {
    this.#bytes = Buffer.concat([this.#bytes.subarray(this.#start), ...this.#chunks]);
    this.#start = 0;
    this.#chunks = [];
    this.#pending = 0;
  }

  #readFields(): (Buffer | null | undefined)[] {
    const values: (Buffer | null | undefined)[] = this.#wanted.map(() => undefined);
    let next = 0;
    for (let field = 0; field < this.#fields && !this.#lineOver; field += 1) {
      const wanted = this.#wanted[next] === field;
      const value = this.#readField(wanted);
      if (value === 'none') break;
      if (wanted) values[next++] = value;
    }
    if (!this.#lineOver) this.#toLineEnd();
    return values;
  }

  /** -1: the end of the file. */
  #get(): number {
    if (this.#at < this.#bytes.length) return this.#bytes[this.#at++] as number;
    if (!this.#ended) throw incomplete;
    return -1;
  }

  /** Whether the separator stands here whose first byte has been taken; takes the rest of it if so. */
  #isSeparator(separator: Uint8Array): boolean {
    for (let index = 1; index < separator.length; index += 1) {
      const at = this.#at + index - 1;
      if (at >= this.#bytes.length) {
        if (!this.#ended) throw incomplete;
        return false;
      }
      if (this.#bytes[at] !== separator[index]) return false;
    }
    this.#at += separator.length - 1;
    return true;
  }

  /** One field; `none`: the file ended before it. Its bytes are gathered only if `keep`. */
  #readField(keep: boolean): Buffer | null | 'none' {
    const { fieldEnd, lineEnd, enclosed, escaped } = this.#format;
    const out: number[] = [];
    let escapedN = false;
    let byte = this.#get();
    if (byte < 0) {
      this.#lineOver = true;
      return 'none';
    }
    const inside = byte === enclosed;
    if (!inside) this.#at -= 1;
    for (;;) {
      byte = this.#get();
      if (byte < 0) {
        this.#lineOver = true;
        // An enclosed field that never ends keeps its first character.
        if (inside) out.unshift(enclosed);
        break;
      }
      if (byte === escaped) {
        byte = this.#get();
        if (byte < 0) {
          out.push(escaped);
          this.#lineOver = true;
          if (inside) out.unshift(enclosed);
          break;
        }
        if (escaped !== enclosed || byte === escaped) {
          if (byte === LETTER_N) escapedN = true;
          if (keep) out.push(ESCAPES.get(byte) ?? byte);
          continue;
        }
        this.#at -= 1;
        byte = escaped;
      }
      if (!inside && byte === lineEnd[0] && this.#isSeparator(lineEnd)) {
        this.#lineOver = true;
        break;
      }
      if (inside && byte === enclosed) {
        const after = this.#get();
        if (after === enclosed) {
          if (keep) out.push(enclosed);
          continue;
        }
        if (after < 0 || (after === lineEnd[0] && this.#isSeparator(lineEnd))) {
          this.#lineOver = true;
          return fieldValue(out, escapedN);
        }
        if (after === fieldEnd[0] && this.#isSeparator(fieldEnd)) return fieldValue(out, escapedN);
        this.#at -= 1;
        byte = enclosed;
      } else if (!inside && byte === fieldEnd[0] && this.#isSeparator(fieldEnd)) break;
      if (keep) out.push(byte);
    }
    const value = fieldValue(out, escapedN);
    // The word alone is NULL where fields may be enclosed and this one is not.
    return enclosed >= 0 && value?.equals(NULL_WORD) === true ? null : value;
  }

  /** Over the fields that nobody reads; what encloses a field means nothing here. */
  #toLineEnd(): void {
    const { lineEnd, escaped } = this.#format;
    for (;;) {
      const byte = this.#get();
      if (byte < 0) return;
      if (byte === escaped) {
        if (this.#get() < 0) return;
        continue;
      }
      if (byte === lineEnd[0] && this.#isSeparator(lineEnd)) return;
    }
  }
}

/** `\N` and nothing else is NULL. */
function fieldValue(bytes: readonly number[], escapedN: boolean): Buffer | null {
  return escapedN && bytes.length === 1 ? null : Buffer.from(bytes);
}
