/** Statement statistics by digest, in a table of fixed size: what does not fit is summed up in one row called `other`. */

/** One statement that has ended. */
export interface DigestSample {
  readonly failed: boolean;
  readonly totalMs: number;
  /** Rows sent. */
  readonly rows: number;
  readonly affected: number;
  /** Bytes of the answer. */
  readonly bytes: number;
  readonly shards: number;
}

/** The figures of one digest. Times in milliseconds; `firstSeen` and `lastSeen` since 1970. */
export class Digest {
  /** 8 hex digits, or `other`. */
  readonly name: string;
  readonly database: string;
  /** The statement without literals; empty for `other`. */
  readonly text: string;
  readonly hash: number;
  readonly firstSeen: number;
  count = 0;
  errors = 0;
  totalMs = 0;
  maxMs = 0;
  rows = 0;
  affected = 0;
  bytes = 0;
  shards = 0;
  lastSeen = 0;
  /** It had to make room: what it still gets goes to `other`. */
  gone = false;

  constructor(name: string, database: string, text: string, hash: number) {
    this.name = name;
    this.database = database;
    this.text = text;
    this.hash = hash;
    this.firstSeen = Date.now();
  }

  add(sample: DigestSample): void {
    this.count += 1;
    if (sample.failed) this.errors += 1;
    this.totalMs += sample.totalMs;
    if (sample.totalMs > this.maxMs) this.maxMs = sample.totalMs;
    this.rows += sample.rows;
    this.affected += sample.affected;
    this.bytes += sample.bytes;
    this.shards += sample.shards;
    this.lastSeen = Date.now();
  }

  /** Takes over the figures of a digest that makes room. */
  absorb(other: Digest): void {
    this.count += other.count;
    this.errors += other.errors;
    this.totalMs += other.totalMs;
    this.maxMs = Math.max(this.maxMs, other.maxMs);
    this.rows += other.rows;
    this.affected += other.affected;
    this.bytes += other.bytes;
    this.shards += other.shards;
    this.lastSeen = Math.max(this.lastSeen, other.lastSeen);
  }
}

/** Digests looked at for the one that makes room. */
const CANDIDATES = 8;

export class DigestTable {
  /** Database -> hash of the fingerprint -> its digest. */
  readonly #known = new Map<string, Map<number, Digest>>();
  readonly #places: Digest[] = [];
  readonly #size: number;
  readonly #other = new Digest('other', '', '', 0);
  #hand = 0;

  /** `size`: digests at most, besides `other`. */
  constructor(size: number) {
    this.#size = size;
  }

  /** The digest of a statement; undefined at its first sight, then `add` it. The hot path: nothing is allocated. */
  find(database: string, hash: number): Digest | undefined {
    return this.#known.get(database)?.get(hash);
  }

  /** `text` without literals. The caller has asked `find`. */
  add(database: string, hash: number, text: string): Digest {
    let known = this.#known.get(database);
    if (known === undefined) {
      known = new Map();
      this.#known.set(database, known);
    }
    const digest = new Digest((hash >>> 0).toString(16).padStart(8, '0'), database, text, hash);
    known.set(hash, digest);
    if (this.#places.length < this.#size) this.#places.push(digest);
    else this.#places[this.#makeRoom()] = digest;
    return digest;
  }

  record(digest: Digest, sample: DigestSample): void {
    (digest.gone ? this.#other : digest).add(sample);
  }

  /** Those that took most time first; `other` last, if anything is in it. */
  list(): readonly Digest[] {
    const list = this.#places.filter((digest) => digest.count > 0).sort((a, b) => b.totalMs - a.totalMs);
    return this.#other.count > 0 ? [...list, this.#other] : list;
  }

  /** Gives up the least used of a few, in turn over the table. Answers its place. */
  #makeRoom(): number {
    let place = this.#hand;
    for (let step = 0; step < Math.min(CANDIDATES, this.#size); step += 1) {
      const candidate = this.#hand;
      this.#hand = (candidate + 1) % this.#size;
      if ((this.#places[candidate] as Digest).count < (this.#places[place] as Digest).count) place = candidate;
    }
    const victim = this.#places[place] as Digest;
    victim.gone = true;
    this.#known.get(victim.database)?.delete(victim.hash);
    this.#other.absorb(victim);
    return place;
  }
}
