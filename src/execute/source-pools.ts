/** The pools of all data sources of a process. Two configurations that name the same server and account share its pools. */
import { type CapabilityClass, Pool, type PoolStats } from '../backend/index.ts';
import type { DataSource } from '../rules/index.ts';
import { connectOptions, sourceIdentity } from './connect-options.ts';

interface PoolEntry {
  readonly source: DataSource;
  readonly pool: Pool;
}

/** How often pools that no configuration names any more are looked at until nobody uses them. */
const RETIRE_EVERY_MS = 250;

export class SourcePools {
  readonly #pools = new Map<string, PoolEntry>();
  /** The same by source and class bits, so that a look-up makes no string. Forgotten whenever a pool goes. */
  #near = new WeakMap<DataSource, Pool[]>();
  /** Identities of the sources in force; undefined: all. */
  #wanted: ReadonlySet<string> | undefined;
  #retiring: NodeJS.Timeout | undefined;

  /** The pool of a data source for a class of clients; made when it is first asked for. */
  pool(source: DataSource, capabilities: CapabilityClass): Pool {
    const index =
      (capabilities.foundRows ? 1 : 0) + (capabilities.deprecateEof ? 2 : 0) + (capabilities.ignoreSpace ? 4 : 0);
    const near = this.#near.get(source)?.[index];
    if (near !== undefined) return near;
    const pool = this.#find(source, capabilities);
    const row = this.#near.get(source) ?? [];
    row[index] = pool;
    this.#near.set(source, row);
    return pool;
  }

  #find(source: DataSource, capabilities: CapabilityClass): Pool {
    const key = `${sourceIdentity(source)} ${capabilities.foundRows}${capabilities.deprecateEof}${capabilities.ignoreSpace ?? false}`;
    const known = this.#pools.get(key);
    if (known !== undefined) return known.pool;
    const pool = new Pool({
      connect: connectOptions(source, capabilities),
      sizeMin: source.pool.sizeMin,
      sizeMax: source.pool.sizeMax,
      acquireTimeoutMs: source.pool.connectionTimeoutMs,
      idleTimeoutMs: source.pool.idleTimeoutMs,
      lifetimeMaxMs: source.pool.lifetimeMaxMs,
    });
    this.#pools.set(key, { source, pool });
    // A transaction that began before a reload reaches a removed source for the first time.
    if (this.#wanted?.has(sourceIdentity(source)) === false) this.#retireLater();
    return pool;
  }

  /**
   * Pools of sources that no configuration in force names are closed as soon as nobody holds or awaits a connection of them:
   * statements and transactions that began on an older configuration end as if nothing had changed.
   */
  keepOnly(sources: Iterable<DataSource>): void {
    this.#wanted = new Set([...sources].map(sourceIdentity));
    this.#retire();
  }

  #retire(): void {
    clearTimeout(this.#retiring);
    this.#retiring = undefined;
    let waiting = false;
    for (const [key, entry] of this.#pools) {
      if (this.#wanted?.has(sourceIdentity(entry.source)) !== false) continue;
      const stats = entry.pool.stats();
      if (stats.leased + stats.waiting > 0) {
        waiting = true;
        continue;
      }
      this.#pools.delete(key);
      this.#near = new WeakMap();
      void entry.pool.drain();
    }
    if (waiting) this.#retireLater();
  }

  #retireLater(): void {
    this.#retiring ??= setTimeout(() => this.#retire(), RETIRE_EVERY_MS).unref();
  }

  /** Closes a source's connections of today, leased ones too. */
  cut(source: DataSource, cause: Error): void {
    const wanted = sourceIdentity(source);
    for (const entry of this.#pools.values()) if (sourceIdentity(entry.source) === wanted) entry.pool.cut(cause);
  }

  /** Statistics of a source's pools. */
  stats(source: DataSource): readonly PoolStats[] {
    const wanted = sourceIdentity(source);
    return [...this.#pools.values()]
      .filter((entry) => sourceIdentity(entry.source) === wanted)
      .map((entry) => entry.pool.stats());
  }

  close(): void {
    clearTimeout(this.#retiring);
    for (const { pool } of this.#pools.values()) pool.close();
    this.#pools.clear();
    this.#near = new WeakMap();
  }
}
