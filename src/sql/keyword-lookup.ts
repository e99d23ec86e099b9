/** Finds the keyword id of a word straight from its bytes: a hash table of bytes, case-insensitive, without a string. */

import { Keyword } from './keywords.ts';

const SLOTS = 8192;
const MASK = SLOTS - 1;

/** Open addressing: slot -> keyword id, 0 = free. */
const slots = new Uint16Array(SLOTS);
/** Start of each keyword's spelling in `spellings`; the next id's start is its end. */
const offsets = new Uint16Array(Object.keys(Keyword).length + 2);
const spellings = build();

/** Longest and shortest keyword, in bytes: other words need no look-up. */
let longest = 0;
for (const word of Object.keys(Keyword)) longest = Math.max(longest, word.length);

/**
 * One step of the hash that `keywordByHash` expects, for a byte of the word. The 0x20 bit folds case: among bytes that may
 * stand in an unquoted name it conflates nothing but a letter's two cases.
 */
export function hashStep(hash: number, byte: number): number {
  return (Math.imul(hash, 31) + (byte | 0x20)) | 0;
}

/** Keyword id of the word in `text` at [start, end), or 0. */
export function keywordOf(text: Uint8Array, start: number, end: number): number {
  let hash = 0;
  for (let i = start; i < end; i++) hash = hashStep(hash, text[i]!);
  return keywordByHash(text, start, end, hash);
}

/** As `keywordOf`, when the hash of the folded bytes is known already. */
export function keywordByHash(text: Uint8Array, start: number, end: number, hash: number): number {
  const length = end - start;
  if (length > longest) return 0;
  let slot = (hash ^ (hash >>> 13)) & MASK;
  for (;;) {
    const id = slots[slot]!;
    if (id === 0) return 0;
    const from = offsets[id]!;
    if (offsets[id + 1]! - from === length) {
      let i = 0;
      while (i < length && spellings[from + i] === (text[start + i]! | 0x20)) i++;
      if (i === length) return id;
    }
    slot = (slot + 1) & MASK;
  }
}

function build(): Uint8Array {
  const bytes: number[] = [];
  for (const [word, id] of Object.entries(Keyword)) {
    offsets[id] = bytes.length;
    let hash = 0;
    for (let i = 0; i < word.length; i++) {
      const byte = word.charCodeAt(i);
      hash = hashStep(hash, byte);
      bytes.push(byte | 0x20);
    }
    offsets[id + 1] = bytes.length;
    let slot = (hash ^ (hash >>> 13)) & MASK;
    while (slots[slot] !== 0) slot = (slot + 1) & MASK;
    slots[slot] = id;
  }
  return Uint8Array.from(bytes);
}
