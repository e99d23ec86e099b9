/** Plans by fingerprint and environment, bounded in bytes; a text must be seen twice before its plan is kept. */
import { Buffer } from 'node:buffer';
import { Lru } from '../base/index.ts';
import type { Fingerprint, TokenList } from '../sql/index.ts';
import type { Plan, PlanEnvironment } from './types.ts';
import { elementRanges } from './value-source.ts';

/** Plans of one key and environment: more than one when plans pin the values of slots. */
interface Entry {
  readonly key: Uint8Array;
  readonly environment: number;
  readonly plans: Plan[];
  weight: number;
}

const VARIANTS_MAX = 16;
/** Numbers are never used twice, so that forgetting one only costs plans. */
const ENVIRONMENTS_MAX = 4096;
const SKETCH_SIZE = 1 << 14;

/** One per process; every session looks here first. */
export class PlanCache {
  readonly #entries: Lru<number, Entry>;
  readonly #environments = new WeakMap<PlanEnvironment, number>();
  /** Equal environments of several sessions share a number. */
  readonly #numbers = new Map<string, number>();
  #nextNumber = 1;
  /** Hashes seen lately, one byte each: the doorkeeper. */
  readonly #sketch = new Uint8Array(SKETCH_SIZE);
  #sightings = 0;
  #hits = 0;
  #misses = 0;

  /** `bytesMax`: limit on the plans' estimated weight. */
  constructor(bytesMax: number) {
    this.#entries = new Lru(bytesMax, (entry) => entry.weight);
  }

  get hits(): number {
    return this.#hits;
  }

  get misses(): number {
    return this.#misses;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Estimated bytes held. */
  get weight(): number {
    return this.#entries.weight;
  }

  /** A plan for this very shape, environment and pinned values. */
  get(fingerprint: Fingerprint, tokens: TokenList, environment: PlanEnvironment): Plan | undefined {
    const identity = this.#identity(environment);
    const entry = this.#entries.get(bucket(fingerprint, identity));
    if (entry !== undefined && entry.environment === identity && sameKey(entry.key, fingerprint)) {
      for (const plan of entry.plans) {
        if (plan.pinned.length === 0 || sameValues(plan, fingerprint, tokens)) {
          this.#hits++;
          return plan;
        }
      }
    }
    this.#misses++;
    return undefined;
  }

  /** Keeps a plan, if this shape was seen before. */
  put(fingerprint: Fingerprint, environment: PlanEnvironment, plan: Plan): void {
    if (!this.#seenBefore(fingerprint)) return;
    const identity = this.#identity(environment);
    const name = bucket(fingerprint, identity);
    const known = this.#entries.peek(name);
    if (known !== undefined && known.environment === identity && sameKey(known.key, fingerprint)) {
      const plans = [plan, ...known.plans.slice(0, VARIANTS_MAX - 1)];
      this.#entries.set(name, { ...known, plans, weight: weigh(known.key, plans) });
      return;
    }
    const key = fingerprint.key.slice(0, fingerprint.keyLength);
    this.#entries.set(name, { key, environment: identity, plans: [plan], weight: weigh(key, [plan]) });
  }

  /** Forgets all plans. */
  clear(): void {
    this.#entries.clear();
  }

  #seenBefore(fingerprint: Fingerprint): boolean {
    const slot = (fingerprint.hash >>> 0) % SKETCH_SIZE;
    const mark = ((fingerprint.hash >>> 24) | 1) & 0xff;
    if (this.#sketch[slot] === mark) return true;
    // Old sightings fade, so that the sketch does not fill up with texts that never come again.
    if (++this.#sightings >= SKETCH_SIZE * 4) {
      this.#sketch.fill(0);
      this.#sightings = 0;
    }
    this.#sketch[slot] = mark;
    return false;
  }

  #identity(environment: PlanEnvironment): number {
    const known = this.#environments.get(environment);
    if (known !== undefined) return known;
    const { rules, schema, database, mode, sqlMode, collation, databases } = environment;
    const text = JSON.stringify([
      rules.databaseName,
      rules.version,
      schema.version,
      database ?? null,
      mode,
      sqlMode,
      collation,
      [...databases].sort(),
      environment.temporary?.version ?? 0,
    ]);
    let number = this.#numbers.get(text);
    if (number === undefined) {
      if (this.#numbers.size >= ENVIRONMENTS_MAX) this.#numbers.clear();
      number = this.#nextNumber++;
      this.#numbers.set(text, number);
    }
    this.#environments.set(environment, number);
    return number;
  }
}

/** Environment and hash as one exact number, so that a look-up makes no string; the caller compares the key itself. */
function bucket(fingerprint: Fingerprint, identity: number): number {
  return (identity % (1 << 20)) * 0x1_0000_0000 + (fingerprint.hash >>> 0);
}

function sameKey(key: Uint8Array, fingerprint: Fingerprint): boolean {
  if (key.length !== fingerprint.keyLength) return false;
  return Buffer.compare(key, fingerprint.key.subarray(0, fingerprint.keyLength)) === 0;
}

function sameValues(plan: Plan, fingerprint: Fingerprint, tokens: TokenList): boolean {
  for (const pin of plan.pinned) if (slotText(fingerprint, tokens, pin.slot, pin.element) !== pin.text) return false;
  return true;
}

/** Text of a slot's element, without signs before it. */
function slotText(fingerprint: Fingerprint, tokens: TokenList, slot: number, element: number): string | undefined {
  let from = fingerprint.slotFirst[slot]!;
  let to = fingerprint.slotEnd[slot]!;
  if (fingerprint.slotKinds[slot] !== 0) {
    const ranges = elementRanges(tokens, fingerprint, slot);
    if (element * 2 >= ranges.length) return undefined;
    from = ranges[element * 2]!;
    to = ranges[element * 2 + 1]!;
  }
  const bytes = tokens.text.subarray(tokens.starts[from]!, tokens.ends[to - 1]!);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}

function weigh(key: Uint8Array, plans: readonly Plan[]): number {
  return plans.reduce((sum, plan) => sum + plan.weight, key.length + 200);
}
