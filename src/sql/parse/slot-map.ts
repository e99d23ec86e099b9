/** From a token to its fingerprint slot: lists and rows slots also know which of their elements a token belongs to. */
import { type Fingerprint, SlotKind, TokenKind, type TokenList } from '../tokens.ts';

const comma = 0x2c;
const open = 0x28;
const close = 0x29;

/** Valid as long as the parse that made it: it copies what it needs from the fingerprint. */
export class SlotMap {
  readonly #first: number;
  readonly #slots: Int32Array;
  readonly #elements: Int32Array;
  readonly #listAt = new Map<number, number>();
  readonly #rowsAt = new Map<number, number>();

  constructor(tokens: TokenList, fingerprint: Fingerprint) {
    this.#first = fingerprint.firstToken;
    const size = Math.max(0, fingerprint.endToken - fingerprint.firstToken);
    this.#slots = new Int32Array(size).fill(-1);
    this.#elements = new Int32Array(size);
    for (let slot = 0; slot < fingerprint.slotCount; slot++) {
      const first = fingerprint.slotFirst[slot]!;
      const kind = fingerprint.slotKinds[slot]!;
      if (kind === SlotKind.list) this.#listAt.set(first, slot);
      if (kind === SlotKind.rows) this.#rowsAt.set(first, slot);
      this.#fill(tokens, fingerprint, slot, kind);
    }
  }

  #fill(tokens: TokenList, fingerprint: Fingerprint, slot: number, kind: number): void {
    // The level at which a comma separates elements: rows have parentheses of their own.
    const level = kind === SlotKind.rows ? 1 : 0;
    let depth = 0;
    let element = 0;
    const end = fingerprint.slotEnd[slot]!;
    for (let index = fingerprint.slotFirst[slot]!; index < end; index++) {
      const at = index - this.#first;
      if (at < 0 || at >= this.#slots.length) return;
      this.#slots[at] = slot;
      this.#elements[at] = element;
      if (kind === SlotKind.scalar || tokens.kinds[index] !== TokenKind.punctuation) continue;
      if (tokens.ends[index]! - tokens.starts[index]! !== 1) continue;
      const byte = tokens.text[tokens.starts[index]!];
      if (byte === open) depth++;
      else if (byte === close) depth--;
      if (byte === comma && (depth === level || depth === 0)) element++;
    }
  }

  /** Slot of a token, or -1. */
  slot(token: number): number {
    return this.#slots[token - this.#first] ?? -1;
  }

  /** Element of a token inside its list or rows slot; 0 in a scalar slot. */
  element(token: number): number {
    return this.#elements[token - this.#first] ?? 0;
  }

  /** The list slot whose first element begins at this token, or -1. */
  listAt(token: number): number {
    return this.#listAt.get(token) ?? -1;
  }

  /** The rows slot whose first `(` is this token, or -1. */
  rowsAt(token: number): number {
    return this.#rowsAt.get(token) ?? -1;
  }
}
