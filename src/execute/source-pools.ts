/** The pools of all data sources of a process. Two configurations that name the same server and account share its pools. */
import { readFileSync } from 'node:fs';
import {
  type BackendTls,
  type CapabilityClass,
  type ConnectOptions,
  Pool,
  type PoolStats,
  type ReplicaSet,
} from '../backend/index.ts';
import { MeshError } from '../base/index.ts';
import { type DataSource, physicalTablesOf, primaryOf, type RuleSet, singleTableAllowed } from '../rules/index.ts';
import type { ReplicaSets } from './replica-sets.ts';
import type { SourceDirectory } from './source-directory.ts';

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

/** Where and how connections to a data source are opened. */
export function connectOptions(source: DataSource, capabilities: CapabilityClass): ConnectOptions {
  return {
    source: source.name,
    ...(source.socketPath === undefined ? { host: source.host, port: source.port } : { socketPath: source.socketPath }),
    user: source.username,
    password: source.password,
    database: source.database,
    class: capabilities,
    ...(source.tls.mode === 'disabled' ? {} : { tls: tlsOf(source) }),
    attributes: { program_name: 'shardmesh' },
  };
}

/** A logical database's shard sources over the shared pools. */
export function ruleSources(rules: RuleSet, pools: SourcePools, sets: ReplicaSets): SourceDirectory {
  const replicaSets = new Map<string, ReplicaSet>();
  for (const name of rules.shardSources) {
    const set = sets.of(rules, name);
    if (set !== undefined) replicaSets.set(name, set);
  }
  const byMember = new Map([...replicaSets.values()].flatMap((set) => set.members.map(({ name }) => [name, set])));
  const primary = (name: string): DataSource => {
    const source = primaryOf(rules, name);
    if (source === undefined) throw new MeshError('SM_CONFIG', { message: `there is no source '${name}'` });
    return source;
  };
  const memberOf = (name: string): DataSource => rules.dataSources.get(name) as DataSource;
  /** After a failover another member than the configured one. */
  const primaryNow = (name: string): DataSource => {
    const set = replicaSets.get(name);
    return set === undefined ? primary(name) : memberOf(set.primary.name);
  };
  const logical = new Map<string, ReadonlyMap<string, string>>(
    rules.shardSources.map((name) => [name, physicalTablesOf(rules, name)]),
  );
  const logicalName = (source: string, table: string): string | undefined =>
    logical.get(source)?.get(table) ??
    (isHidden(table) || !singleTableAllowed(rules, source, table) ? undefined : table);
  return {
    sources: rules.shardSources,
    logicalDatabase: rules.databaseName,
    logicalName,
    shownAs: (source, table) => {
      const name = logicalName(source, table);
      const first = name === undefined ? undefined : rules.tables.get(name)?.nodes[0];
      return first === undefined || (first.source === source && first.table === table) ? name : undefined;
    },
    primaryPool: (name, capabilities) => pools.pool(primaryNow(name), capabilities),
    replicated: replicaSets.size > 0,
    replicaSet: (name) => replicaSets.get(name),
    setOfMember: (name) => byMember.get(name),
    memberPool: (member, capabilities) => pools.pool(memberOf(member.name), capabilities),
    transactionalReads: (name) => rules.groups.get(name)?.transactionalReads ?? 'PRIMARY',
    physicalSchema: (name) => primary(name).database,
    physicalSchemas: new Set([...rules.dataSources.values()].map((source) => source.database)),
    defaultSource: rules.defaultSource,
  };
}

/** Tables of the mesh itself. */
function isHidden(table: string): boolean {
  return table.startsWith('shardmesh_') || table.startsWith('_shardmesh');
}

/** Sources are frozen with their configuration: what tells them apart is made once. */
const identities = new WeakMap<DataSource, string>();

export function sourceIdentity(source: DataSource): string {
  let text = identities.get(source);
  if (text === undefined) {
    text = identityText(source);
    identities.set(source, text);
  }
  return text;
}

function identityText(source: DataSource): string {
  const { name, host, port, socketPath, database, username, password, pool, tls } = source;
  return JSON.stringify([name, host, port, socketPath, database, username, password, pool, tls]);
}

function tlsOf(source: DataSource): BackendTls {
  const { mode, caFile, certFile, keyFile } = source.tls;
  return {
    mode,
    ...(caFile === undefined ? {} : { ca: readFileSync(caFile) }),
    ...(certFile === undefined ? {} : { cert: readFileSync(certFile) }),
    ...(keyFile === undefined ? {} : { key: readFileSync(keyFile) }),
  };
}
