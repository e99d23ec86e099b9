/**
 * Snapshots of several servers that never show half of an XA transaction.
 *
 * Every decision shares the fence row of its commit-point server until it is committed. Whoever opens a snapshot holds the fences of
 * all servers for itself meanwhile: nothing is decided then, and what has been decided but is not committed everywhere yet is
 * known, by decisions that are not done. A snapshot that lacks the mark of such a branch is opened again; the branch is on its way, and
 * waits for no fence. Readers of one process that come at the same time share one hold.
 */
import type { BackendConnection, Lease } from '../../backend/index.ts';
import { type Clock, MeshError } from '../../base/index.ts';
import type { AtomicSnapshots } from '../commit-protocol.ts';
import { leavesOut } from '../fault-point.ts';
import { meshSchema } from '../tables.ts';
import { addressOf, openInternal, type ServerFacts, type ServerTarget } from './server-facts.ts';
import { parseBranchName } from './transaction-id.ts';

/** How long a reader tries before it is told why there is no snapshot. */
const OPEN_MS = 5000;
/** COMMITs wait for a hold: it is given up when a branch takes this long to arrive. */
const SETTLE_MS = 150;
const AGAIN_MS = 20;
const AGAIN_MAX_MS = 500;
/** Readers that share one hold. */
const BATCH_MAX = 64;
/** A server that gives no answer for this long is cut off. */
const ANSWER_MS = 2000;
/** Decided transactions that are not known to be committed everywhere. */
const UNDONE_MAX = 10_000;
const ARRIVED_MAX = 20_000;
/** The connections of a group that nobody used for this long are closed. */
const IDLE_MS = 30_000;

/** What the fence needs of its process. */
export interface FencePorts {
  readonly clock: Clock;
  target(address: string): ServerTarget | undefined;
  /** Rejects if the server cannot be asked. */
  learn(address: string): Promise<ServerFacts>;
  /** Transactions that this process knows to be committed everywhere, though their decisions do not say so yet. */
  finished(): ReadonlySet<string>;
}

/** A prepared branch whose transaction is decided. */
interface DecidedBranch {
  readonly gid: string;
  readonly branch: string;
}

interface Opening {
  readonly leases: readonly Lease[];
  readonly until: number;
  readonly opened: PromiseWithResolvers<void>;
}

/** Worth another hold a little later. */
class Unsettled extends Error {}

export class SnapshotFence implements AtomicSnapshots {
  readonly #ports: FencePorts;
  /** By the addresses of all servers that are fenced together. */
  readonly #groups = new Map<string, FenceGroup>();

  constructor(ports: FencePorts) {
    this.#ports = ports;
  }

  async open(leases: readonly Lease[], addresses: readonly string[]): Promise<void> {
    if (leavesOut('snapshot')) {
      await Promise.all(leases.map((lease) => lease.connection.query(openSql)));
      return;
    }
    const all = [...new Set([...addresses, ...leases.map((lease) => addressOf(lease.connection.options))])].sort();
    const key = all.join(' ');
    let group = this.#groups.get(key);
    if (group === undefined) {
      group = new FenceGroup(this.#ports, all, () => this.#groups.delete(key));
      this.#groups.set(key, group);
    }
    await group.open(leases);
  }

  close(): void {
    for (const group of this.#groups.values()) group.close();
  }
}

/** Servers that are always fenced together, and the connections that hold their fences. */
class FenceGroup {
  readonly #ports: FencePorts;
  readonly #addresses: readonly string[];
  readonly #unused: () => void;
  readonly #connections = new Map<string, BackendConnection>();
  readonly #queue: Opening[] = [];
  /** Branches whose marks have been seen: every later snapshot has them. */
  readonly #arrived = new Set<string>();
  #working = false;
  #cancelIdle: (() => void) | undefined;

  /** `unused`: nobody has come for a while; the group is to be forgotten. */
  constructor(ports: FencePorts, addresses: readonly string[], unused: () => void) {
    this.#ports = ports;
    this.#addresses = addresses;
    this.#unused = unused;
  }

  async open(leases: readonly Lease[]): Promise<void> {
    const opened = Promise.withResolvers<void>();
    this.#queue.push({ leases, until: this.#ports.clock.monotonic() + OPEN_MS, opened });
    if (!this.#working) void this.#work();
    await opened.promise;
  }

  close(): void {
    this.#cancelIdle?.();
    for (const connection of this.#connections.values()) connection.end();
    this.#connections.clear();
  }

  async #work(): Promise<void> {
    this.#working = true;
    this.#cancelIdle?.();
    let pauseMs = AGAIN_MS;
    while (this.#queue.length > 0) {
      const batch = this.#queue.splice(0, BATCH_MAX);
      const again = await this.#openAll(batch);
      const now = this.#ports.clock.monotonic();
      for (const [opening, reason] of again) {
        if (now < opening.until) this.#queue.push(opening);
        else opening.opened.reject(unavailable(reason));
      }
      // COMMITs must get through between two holds that lead to nothing.
      if (again.size > 0) await this.#pause(pauseMs);
      pauseMs = again.size > 0 ? Math.min(2 * pauseMs, AGAIN_MAX_MS) : AGAIN_MS;
    }
    this.#working = false;
    this.#cancelIdle = this.#ports.clock.after(IDLE_MS, () => {
      this.#unused();
      this.close();
    });
  }

  /** Answers those that have to be tried again, and why; the others have been told. */
  async #openAll(batch: readonly Opening[]): Promise<ReadonlyMap<Opening, unknown>> {
    const again = new Map<Opening, unknown>();
    const opened: Opening[] = [];
    try {
      const facts = await this.#facts();
      const until = this.#ports.clock.monotonic() + SETTLE_MS;
      const decided = await this.#fence(new Map([...facts].map(([address, { identity }]) => [identity, address])));
      await Promise.all(
        batch.map(async (opening) => {
          const each = opening.leases.map((lease) => {
            const identity = facts.get(addressOf(lease.connection.options))?.identity ?? '';
            return this.#snapshot(lease, decided.get(identity) ?? [], until);
          });
          // Nothing may run on its connections any more when it is told.
          const failure = (await Promise.allSettled(each)).find((one) => one.status === 'rejected')?.reason;
          if (failure === undefined) opened.push(opening);
          else if (failure instanceof Unsettled) again.set(opening, failure);
          else opening.opened.reject(unavailable(failure));
        }),
      );
      // A connection that is gone by now may have lost its fence before the last snapshot was open.
      await Promise.all([...this.#connections.values()].map((connection) => this.#answered(connection, releaseSql)));
      for (const opening of opened) opening.opened.resolve();
    } catch (error) {
      for (const connection of this.#connections.values()) connection.destroy();
      this.#connections.clear();
      for (const opening of batch) again.set(opening, error);
    }
    return again;
  }

  /** Of the servers by address. Rejects if one of them has no tables, or cannot be asked. */
  async #facts(): Promise<ReadonlyMap<string, ServerFacts>> {
    const facts = await Promise.all(this.#addresses.map((address) => this.#ports.learn(address)));
    for (const { address, identity, problem } of facts) if (identity === '') throw new Error(`${address}: ${problem}`);
    return new Map(facts.map((each) => [each.address, each]));
  }

  /** Holds all fences. `servers`: identity -> address. Answers the branches that are decided and may not be committed yet, by identity. */
  async #fence(servers: ReadonlyMap<string, string>): Promise<ReadonlyMap<string, readonly DecidedBranch[]>> {
    // By identity: two addresses of one server would wait for each other.
    const [first, ...others] = [...servers.values()].sort();
    const decided = new Map<string, DecidedBranch[]>();
    const finished = this.#ports.finished();
    const take = async (address: string): Promise<void> => {
      const connection = await this.#connection(address);
      const { rows } = await this.#answered(connection, fenceSql);
      if (rows.length > UNDONE_MAX)
        throw new Error(`${address} has more than ${UNDONE_MAX} transactions that are not committed everywhere yet`);
      for (const [gid, parts] of rows) {
        if (gid === null || gid === undefined || finished.has(gid)) continue;
        for (const branch of (parts ?? '').split(',')) {
          const server = parseBranchName(branch)?.server;
          if (server === undefined || this.#arrived.has(gid + branch)) continue;
          const known = decided.get(server);
          if (known === undefined) decided.set(server, [{ gid, branch }]);
          else known.push({ gid, branch });
        }
      }
    };
    // The first is what readers queue at; behind it the others are free, and none waits for another.
    if (first !== undefined) await take(first);
    await Promise.all(others.map(take));
    return decided;
  }

  /** Opens the lease's snapshot until it shows every branch. */
  async #snapshot(lease: Lease, branches: readonly DecidedBranch[], until: number): Promise<void> {
    const seen =
      branches.length === 0
        ? ''
        : `;SELECT gid, branch FROM ${meshSchema}.mark WHERE (gid, branch) IN (${branches.map(({ gid, branch }) => `('${gid}','${branch}')`).join(',')})`;
    for (;;) {
      const { rows } = await lease.connection.query(`${openSql}${seen}`);
      if (branches.length === 0) return;
      for (const [gid, branch] of rows) this.#hasArrived(`${gid}${branch}`);
      if (rows.length >= branches.length) return;
      if (this.#ports.clock.monotonic() >= until)
        throw new Unsettled(`a transaction that is decided is not committed on source '${lease.source}' yet`);
      await this.#pause(1);
    }
  }

  #hasArrived(name: string): void {
    if (this.#arrived.size >= ARRIVED_MAX) this.#arrived.clear();
    this.#arrived.add(name);
  }

  async #connection(address: string): Promise<BackendConnection> {
    const known = this.#connections.get(address);
    if (known !== undefined && known.state !== 'closed') return known;
    const target = this.#ports.target(address);
    if (target === undefined) throw new Error(`no server ${address} in the configuration`);
    const connection = await openInternal(target.connect);
    this.#connections.set(address, connection);
    return connection;
  }

  async #answered(connection: BackendConnection, sql: string) {
    const cancel = this.#ports.clock.after(ANSWER_MS, () =>
      connection.destroy(new Error(`no answer within ${ANSWER_MS} ms`)),
    );
    try {
      return await connection.query(sql);
    } finally {
      cancel();
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.#ports.clock.after(ms, resolve));
  }
}

/** The ROLLBACK is for snapshots that are opened again. */
const openSql =
  'ROLLBACK;SET TRANSACTION ISOLATION LEVEL REPEATABLE READ;START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY';
/** Should this process be paused, the server ends the session, and with it the hold, by itself. */
const fenceSql =
  'SET SESSION wait_timeout=2;SET TRANSACTION ISOLATION LEVEL READ COMMITTED;BEGIN;' +
  `SELECT v FROM ${meshSchema}.fence WHERE slot=0 FOR UPDATE;` +
  `SELECT gid, parts FROM ${meshSchema}.decision WHERE done=0 AND state=1 LIMIT ${UNDONE_MAX + 1}`;
const releaseSql = 'ROLLBACK;SET SESSION wait_timeout=DEFAULT';

function unavailable(failure: unknown): MeshError {
  if (failure instanceof MeshError) return failure;
  const reason = failure instanceof Error ? failure.message : String(failure);
  return new MeshError('SM_SNAPSHOT_UNAVAILABLE', { reason }, { cause: failure });
}
