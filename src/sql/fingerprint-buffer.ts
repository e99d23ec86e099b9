/** The reusable store behind a Fingerprint: key bytes with their hash, and slots. */

import type { Fingerprint } from './tokens.ts';

const FIRST_KEY = 512;
const FIRST_SLOTS = 32;
/** Stores that grew beyond these for one big text are given back at the next statement. */
const KEPT_KEY = 1 << 18;
const KEPT_SLOTS = 1 << 14;

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** Made once per thread of statements and filled again for each statement. */
export class FingerprintBuffer implements Fingerprint {
  key: Uint8Array = new Uint8Array(FIRST_KEY);
  keyLength = 0;
  hash = 0;
  slotCount = 0;
  slotKinds: Uint8Array = new Uint8Array(FIRST_SLOTS);
  slotFirst: Int32Array = new Int32Array(FIRST_SLOTS);
  slotEnd: Int32Array = new Int32Array(FIRST_SLOTS);
  slotSize: Int32Array = new Int32Array(FIRST_SLOTS);
  slotWidth: Int32Array = new Int32Array(FIRST_SLOTS);
  firstToken = 0;
  endToken = 0;
  verb = 0;
  endCertain = true;
  parameterCount = 0;

  /** Empties the key and the slots. */
  reset(): void {
    if (this.key.length > KEPT_KEY) this.key = new Uint8Array(FIRST_KEY);
    if (this.slotKinds.length > KEPT_SLOTS) this.#resizeSlots(FIRST_SLOTS);
    this.keyLength = 0;
    this.hash = FNV_OFFSET | 0;
    this.slotCount = 0;
    this.parameterCount = 0;
  }

  /** Appends one byte to the key. */
  put(byte: number): void {
    const at = this.keyLength;
    if (at === this.key.length) this.#resizeKey(at * 2);
    this.key[at] = byte;
    this.hash = Math.imul(this.hash ^ byte, FNV_PRIME);
    this.keyLength = at + 1;
  }

  /** Appends the bytes [start, end) of `text` to the key. */
  putText(text: Uint8Array, start: number, end: number): void {
    let at = this.keyLength;
    const needed = at + end - start;
    if (needed > this.key.length) this.#resizeKey(Math.max(this.key.length * 2, needed));
    const key = this.key;
    let hash = this.hash;
    for (let i = start; i < end; i++) {
      const byte = text[i]!;
      key[at++] = byte;
      hash = Math.imul(hash ^ byte, FNV_PRIME);
    }
    this.hash = hash;
    this.keyLength = at;
  }

  /** Appends a length and that many bytes, for text that does not show its own end. */
  putCounted(text: Uint8Array, start: number, end: number): void {
    const length = end - start;
    this.put(length & 0xff);
    this.put((length >>> 8) & 0xff);
    this.put((length >>> 16) & 0xff);
    this.put(length >>> 24);
    this.putText(text, start, end);
  }

  /** Appends a slot that covers the tokens [first, end). */
  slot(kind: number, first: number, end: number, size: number, width: number): void {
    const at = this.slotCount;
    if (at === this.slotKinds.length) this.#resizeSlots(at * 2);
    this.slotKinds[at] = kind;
    this.slotFirst[at] = first;
    this.slotEnd[at] = end;
    this.slotSize[at] = size;
    this.slotWidth[at] = width;
    this.slotCount = at + 1;
  }

  /** A fingerprint of its own that later statements leave alone. */
  copy(): Fingerprint {
    const copy = new FingerprintBuffer();
    copy.key = this.key.slice(0, this.keyLength);
    copy.keyLength = this.keyLength;
    copy.hash = this.hash;
    copy.slotCount = this.slotCount;
    copy.slotKinds = this.slotKinds.slice(0, this.slotCount);
    copy.slotFirst = this.slotFirst.slice(0, this.slotCount);
    copy.slotEnd = this.slotEnd.slice(0, this.slotCount);
    copy.slotSize = this.slotSize.slice(0, this.slotCount);
    copy.slotWidth = this.slotWidth.slice(0, this.slotCount);
    copy.firstToken = this.firstToken;
    copy.endToken = this.endToken;
    copy.verb = this.verb;
    copy.endCertain = this.endCertain;
    copy.parameterCount = this.parameterCount;
    return copy;
  }

  #resizeKey(capacity: number): void {
    const key = new Uint8Array(capacity);
    key.set(this.key.subarray(0, this.keyLength));
    this.key = key;
  }

  #resizeSlots(capacity: number): void {
    const used = Math.min(this.slotCount, capacity);
    const kinds = new Uint8Array(capacity);
    kinds.set(this.slotKinds.subarray(0, used));
    this.slotKinds = kinds;
    this.slotFirst = resized(this.slotFirst, capacity, used);
    this.slotEnd = resized(this.slotEnd, capacity, used);
    this.slotSize = resized(this.slotSize, capacity, used);
    this.slotWidth = resized(this.slotWidth, capacity, used);
  }
}

function resized(old: Int32Array, capacity: number, used: number): Int32Array {
  const array = new Int32Array(capacity);
  array.set(old.subarray(0, used));
  return array;
}
