/** A map with a limit on total weight that forgets what was used least recently. */
export class Lru<K, V> {
  readonly #weightMax: number;
  readonly #weigh: (value: V, key: K) => number;
  readonly #onEvict: ((value: V, key: K) => void) | undefined;
  readonly #entries = new Map<K, { value: V; weight: number }>();
  #weight = 0;

  /** `weigh` answers an entry's weight in the unit of `weightMax` (1 each by default). `onEvict` also sees replaced and deleted entries. */
  constructor(weightMax: number, weigh: (value: V, key: K) => number = () => 1, onEvict?: (value: V, key: K) => void) {
    this.#weightMax = weightMax;
    this.#weigh = weigh;
    this.#onEvict = onEvict;
  }

  get size(): number {
    return this.#entries.size;
  }

  get weight(): number {
    return this.#weight;
  }

  get(key: K): V | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.value;
  }

  /** Without touching the order of use. */
  peek(key: K): V | undefined {
    return this.#entries.get(key)?.value;
  }

  set(key: K, value: V): void {
    this.delete(key);
    const weight = this.#weigh(value, key);
    this.#entries.set(key, { value, weight });
    this.#weight += weight;
    for (const [oldKey, old] of this.#entries) {
      if (this.#weight <= this.#weightMax || oldKey === key) break;
      this.#drop(oldKey, old);
    }
  }

  delete(key: K): boolean {
    const entry = this.#entries.get(key);
    if (entry === undefined) return false;
    this.#drop(key, entry);
    return true;
  }

  clear(): void {
    for (const [key, entry] of this.#entries) this.#drop(key, entry);
  }

  entries(): IterableIterator<[K, V]> {
    const inner = this.#entries.entries();
    return (function* () {
      for (const [key, entry] of inner) yield [key, entry.value] as [K, V];
    })();
  }

  #drop(key: K, entry: { value: V; weight: number }): void {
    this.#entries.delete(key);
    this.#weight -= entry.weight;
    this.#onEvict?.(entry.value, key);
  }
}
