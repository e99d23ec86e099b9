/** A primary and its replicas: who they are now, how they are, and who takes the next read or write. */
import { type Clock, MeshError, systemClock } from '../base/index.ts';
import { Position } from '../session/index.ts';
import { Balancer, type BalancerRule, type Candidate } from './balancer.ts';
import type { ConnectOptions } from './connect-options.ts';
import { elect } from './primary-election.ts';
import { SourceHealth } from './source-health.ts';
import { NO_ANSWER, SourceMonitor } from './source-monitor.ts';
import { PRIMARY_TABLE, type SourceFacts, seenSql, waitSql } from './source-probe.ts';

export interface ReplicaSettings {
  /** How long a read waits on a replica for a position. */
  readonly waitLimitMs: number;
  /** Replicas further behind serve nothing. */
  readonly lagMaxSeconds: number;
  readonly probeIntervalMs: number;
  readonly slowStartMs: number;
  readonly zone: string | undefined;
  /** How long a statement waits for a primary, and how many may. */
  readonly writeBufferMs: number;
  readonly writeBufferMax: number;
}

export interface MemberOptions {
  readonly name: string;
  readonly zone: string | undefined;
  readonly connect: ConnectOptions;
}

/** What a set tells of itself, for the log and the counters. */
export type ReplicaEvent =
  | {
      readonly kind: 'state';
      readonly source: string;
      readonly from: string;
      readonly to: string;
      readonly reason: string;
    }
  | {
      readonly kind: 'primary';
      readonly source: string | undefined;
      readonly before: string | undefined;
      readonly epoch: number;
    }
  | { readonly kind: 'quarantine'; readonly source: string; readonly on: boolean }
  | { readonly kind: 'split brain'; readonly sources: readonly string[] }
  /** What runs on this member will not be answered any more, or must not go on there: its connections are to be closed. */
  | { readonly kind: 'cut'; readonly source: string; readonly reason: string }
  | { readonly kind: 'warning'; readonly source: string; readonly reason: string };

export interface ReplicaSetOptions {
  readonly group: string;
  /** The configured primary first. */
  readonly members: readonly MemberOptions[];
  readonly balancer: BalancerRule;
  readonly settings: ReplicaSettings;
  readonly clock?: Clock;
  readonly random?: () => number;
  onEvent(event: ReplicaEvent): void;
}

/** Probes of a set that has something to wait for. */
const HURRY_MS = 100;
const PROBE_TIMEOUT_MS = 2000;

/** One source of a set. */
export class ReplicaMember implements Candidate {
  readonly name: string;
  readonly zone: string | undefined;
  readonly address: string;
  readonly connect: ConnectOptions;
  readonly health: SourceHealth;
  /** What is readable on it for certain; grows. */
  applied = new Position();
  /** A wait for this position ended without it: not asked to wait again until it is there. */
  behind: Position | undefined;
  facts: SourceFacts | undefined;
  asked = false;
  quarantined = false;
  latencyMs = 0;
  inFlight = 0;
  warmth = 1;
  /** Reads served. */
  reads = 0;
  /** Texts last taken in, so that the usual answer is not parsed again. */
  #appliedText = '';

  constructor(options: MemberOptions, health: SourceHealth) {
    this.name = options.name;
    this.zone = options.zone;
    this.connect = options.connect;
    this.health = health;
    this.address = `${options.connect.host ?? 'localhost'}:${options.connect.port ?? 3306}`;
  }

  get mariadb(): boolean {
    return this.facts?.mariadb ?? true;
  }

  /** `gtids` are readable on it. */
  hasApplied(gtids: string): void {
    if (gtids === this.#appliedText) return;
    this.#appliedText = gtids;
    this.applied.raise(gtids, 'applied');
    if (this.behind !== undefined && this.applied.covers(this.behind)) this.behind = undefined;
  }

  /** A wait for `wanted` ended with it, or without. */
  waited(wanted: Position, there: boolean): void {
    if (!there) this.behind = wanted.copy();
    else {
      this.applied.merge(wanted);
      if (this.behind !== undefined && this.applied.covers(this.behind)) this.behind = undefined;
    }
  }

  readDone(ms: number): void {
    this.reads += 1;
    this.latencyMs = this.latencyMs === 0 ? ms : this.latencyMs * 0.9 + ms * 0.1;
    this.health.statementAnswered();
  }

  /** The server behind the name is another one than before, or has lost what it had. */
  forget(): void {
    this.applied = new Position();
    this.behind = undefined;
    this.#appliedText = '';
  }

  seenSql(): string {
    return seenSql(this.mariadb);
  }

  waitSql(wanted: Position, limitMs: number): string {
    return waitSql(this.mariadb, wanted.text, limitMs);
  }
}

/** Where a read may go. */
export interface ReaderChoice {
  readonly member: ReplicaMember;
  /** To be waited for first; undefined: it has all that is needed. */
  readonly wait: Position | undefined;
}

interface Waiter {
  resolve(): void;
  reject(error: Error): void;
}

export class ReplicaSet {
  readonly group: string;
  readonly settings: ReplicaSettings;
  readonly members: readonly ReplicaMember[];
  /** Names the servers for positions: groups on the same servers share theirs. */
  readonly cluster: string;
  readonly #options: ReplicaSetOptions;
  readonly #clock: Clock;
  readonly #balancer: Balancer<ReplicaMember>;
  readonly #monitors: ReadonlyMap<ReplicaMember, SourceMonitor>;
  #primary: ReplicaMember;
  /** The primary answers and may be written. Not before every member has been asked once: an old primary could be configured. */
  #writable = false;
  #epoch = 0;
  #takingOver = false;
  #splitBrain: readonly string[] = [];
  #waiters = new Set<Waiter>();
  #hurry = false;
  #warned = new Set<string>();
  /** Statements that waited for a primary, and the last time it took to have one again. */
  buffered = 0;
  healMs: number | undefined;
  #lostAt: number | undefined;
  failovers = 0;
  /** Reads that ended on the primary because no replica had what they needed. */
  fallbacks = 0;
  waits = 0;
  waitsLate = 0;

  constructor(options: ReplicaSetOptions) {
    this.#options = options;
    this.group = options.group;
    this.settings = options.settings;
    this.#clock = options.clock ?? systemClock;
    const { random } = options;
    this.members = options.members.map((each) => {
      const health = new SourceHealth(
        (from, to, reason) => options.onEvent({ kind: 'state', source: each.name, from, to, reason }),
        random,
      );
      return new ReplicaMember(each, health);
    });
    this.#primary = this.members[0] as ReplicaMember;
    this.cluster = this.members
      .map(({ address }) => address)
      .sort()
      .join(' ');
    this.#balancer = new Balancer(options.balancer, options.settings.zone, random);
    this.#monitors = new Map(this.members.map((member) => [member, this.#monitor(member)]));
  }

  start(): void {
    for (const monitor of this.#monitors.values()) monitor.start();
  }

  stop(): void {
    for (const monitor of this.#monitors.values()) monitor.stop();
    for (const waiter of [...this.#waiters]) waiter.reject(new MeshError('SM_DRAINING'));
  }

  /** Who takes writes, or took them last. */
  get primary(): ReplicaMember {
    return this.#primary;
  }

  get writable(): boolean {
    return this.#writable;
  }

  get epoch(): number {
    return this.#epoch;
  }

  /** Statements that wait for a primary now. */
  get waiting(): number {
    return this.#waiters.size;
  }

  /**
   * A replica for a read that must see `floor`; undefined `floor`: any state will do. `full` tells that a member's connections
   * are all in use; `patient`: wait also where a wait has just been in vain. Undefined: the primary.
   */
  chooseReader(
    floor: Position | undefined,
    full: (member: ReplicaMember) => boolean,
    except?: ReplicaMember,
    patient = false,
  ): ReaderChoice | undefined {
    const now = this.#clock.monotonic();
    const usable: ReplicaMember[] = [];
    for (const member of this.members) {
      if (member === this.#primary || member === except || !this.#serves(member, floor !== undefined)) continue;
      if (full(member)) continue;
      if (!patient && floor !== undefined && member.behind !== undefined && !member.applied.covers(floor)) continue;
      member.warmth = member.health.warmth(now, this.settings.slowStartMs);
      usable.push(member);
    }
    const member = this.#balancer.choose(usable);
    if (member === undefined) return undefined;
    const has = floor === undefined || floor.empty || member.applied.covers(floor);
    // A copy: the floor goes on growing while the wait is under way.
    return { member, wait: has ? undefined : floor.copy() };
  }

  /** `member` can be read at all; `exact`: by a read that must not miss anything. */
  #serves(member: ReplicaMember, exact: boolean): boolean {
    const { facts } = member;
    if (!member.health.up || facts === undefined || member.quarantined) return false;
    if (facts.replicating === false || !facts.running) return false;
    if (facts.lagSeconds === undefined || facts.lagSeconds > this.settings.lagMaxSeconds) return false;
    return !exact || facts.seen !== '';
  }

  /** Why a member serves no reads that must not miss anything; empty: it does. */
  whyNot(member: ReplicaMember): string {
    const { facts } = member;
    if (member.quarantined) return 'an older primary of the group: make it a replica of the present one';
    if (!member.health.up) return member.health.reason;
    if (facts === undefined) return 'not asked yet';
    if (member === this.#primary) {
      if (this.#splitBrain.length > 0) return `split brain: ${this.#splitBrain.join(' and ')} both took writes`;
      return this.#writable ? '' : 'cannot be written';
    }
    if (facts.replicating === undefined) return 'the account may not ask about replication (SLAVE MONITOR)';
    if (!facts.replicating) return 'it replicates from nobody';
    if (!facts.running) return 'replication is stopped';
    if (facts.lagSeconds !== undefined && facts.lagSeconds > this.settings.lagMaxSeconds)
      return `${facts.lagSeconds} s behind`;
    if (facts.seen === '') return 'only for eventual reads: needs log_bin and log_slave_updates';
    return '';
  }

  /** A statement met a server that cannot be reached, or (`readOnly`) that refuses writes: look at once. */
  suspect(member: ReplicaMember, reason: string, readOnly = false): void {
    if (member !== this.#primary) {
      member.health.statementFailed(this.#clock.monotonic(), reason);
      return;
    }
    this.#lose();
    if (readOnly && member.facts !== undefined) member.facts = { ...member.facts, readOnly: true };
    for (const monitor of this.#monitors.values()) void monitor.probeNow();
  }

  /** Resolves when the primary can be written, at once if it can. Rejects with SM_NO_PRIMARY after the time limit, or the signal's reason. */
  async primaryReady(signal?: AbortSignal, deadline = Number.POSITIVE_INFINITY): Promise<void> {
    if (this.#writable) return;
    signal?.throwIfAborted();
    const { writeBufferMs, writeBufferMax } = this.settings;
    if (this.#splitBrain.length > 0) throw this.#noPrimary();
    const limitMs = Math.min(writeBufferMs, deadline - this.#clock.monotonic());
    if (this.#waiters.size >= writeBufferMax || limitMs <= 0) throw this.#noPrimary();
    this.buffered += 1;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter: Waiter = { resolve, reject };
    this.#waiters.add(waiter);
    const cancel = this.#clock.after(limitMs, () => reject(this.#noPrimary()));
    const aborted = (): void => reject(signal?.reason);
    signal?.addEventListener('abort', aborted, { once: true });
    try {
      await promise;
    } finally {
      cancel();
      signal?.removeEventListener('abort', aborted);
      this.#waiters.delete(waiter);
    }
  }

  #noPrimary(): MeshError {
    const reason =
      this.#splitBrain.length > 0
        ? `${this.#splitBrain.join(' and ')} are both writable and both took writes`
        : this.members.map((member) => `${member.name}: ${this.#noCandidate(member)}`).join('; ');
    return new MeshError('SM_NO_PRIMARY_NOW', { group: this.group, reason });
  }

  #noCandidate({ health, facts, quarantined }: ReplicaMember): string {
    if (quarantined) return 'quarantined';
    if (!health.up || facts === undefined) return health.reason || 'no answer yet';
    if (facts.readOnly) return 'read-only';
    return facts.replicating === true ? 'a replica' : 'writable';
  }

  #monitor(member: ReplicaMember): SourceMonitor {
    return new SourceMonitor({
      connect: member.connect,
      group: this.group,
      health: member.health,
      clock: this.#clock,
      timeoutMs: PROBE_TIMEOUT_MS,
      intervalMs: () =>
        this.#hurry || !this.#writable || member.behind !== undefined
          ? Math.min(HURRY_MS, this.settings.probeIntervalMs)
          : this.settings.probeIntervalMs,
      onFacts: (facts) => {
        const before = member.facts;
        if (before !== undefined && before.identity !== facts.identity) member.forget();
        member.facts = facts;
        member.asked = true;
        member.hasApplied(facts.applied);
        this.#warn(member);
        this.#elect();
      },
      onFailure: (error) => {
        // A member that hangs answers nothing any more; one that is gone has closed its connections itself.
        if (member.facts !== undefined && member !== this.#primary && error.message.startsWith(NO_ANSWER))
          this.#options.onEvent({ kind: 'cut', source: member.name, reason: error.message });
        member.facts = undefined;
        member.asked = true;
        // It may come back as another server, or without its last transactions.
        member.forget();
        this.#elect();
      },
    });
  }

  /** Said once: what an operator should set right. */
  #warn(member: ReplicaMember): void {
    const { facts } = member;
    if (facts === undefined) return;
    let reason: string | undefined;
    if (facts.replicating === true && !facts.readOnly)
      reason = 'a replica that is not read_only: it is treated as a replica all the same';
    else if (facts.replicating === true && facts.seen === '')
      reason = 'a replica without log_bin and log_slave_updates serves eventual reads only';
    else if (facts.replicating === undefined) reason = 'the account may not ask about replication (SLAVE MONITOR)';
    if (reason === undefined || this.#warned.has(`${member.name} ${reason}`)) return;
    this.#warned.add(`${member.name} ${reason}`);
    this.#options.onEvent({ kind: 'warning', source: member.name, reason });
  }

  #elect(): void {
    if (this.#takingOver || !this.members.every(({ asked }) => asked)) return;
    const election = elect(
      this.members.map(({ name, facts, health }) => ({ name, facts: health.state === 'down' ? undefined : facts })),
      (this.members[0] as ReplicaMember).name,
      this.#primary.name,
      this.#epoch,
    );
    for (const member of this.members) {
      if (member.facts !== undefined) this.#epoch = Math.max(this.#epoch, member.facts.epoch);
      const on = election.quarantined.includes(member.name);
      if (on === member.quarantined) continue;
      member.quarantined = on;
      this.#options.onEvent({ kind: 'quarantine', source: member.name, on });
    }
    if (election.splitBrain.join() !== this.#splitBrain.join()) {
      this.#splitBrain = election.splitBrain;
      if (election.splitBrain.length > 0) this.#options.onEvent({ kind: 'split brain', sources: election.splitBrain });
    }
    const winner = this.members.find(({ name }) => name === election.primary);
    if (winner === undefined) this.#lose();
    else if (election.takeover === undefined) this.#lead(winner, this.#epoch);
    else void this.#takeOver(winner, election.takeover);
  }

  #lose(): void {
    if (!this.#writable) return;
    this.#writable = false;
    this.#lostAt = this.#clock.monotonic();
    this.#options.onEvent({ kind: 'primary', source: undefined, before: this.#primary.name, epoch: this.#epoch });
    for (const monitor of this.#monitors.values()) void monitor.probeNow();
  }

  #lead(member: ReplicaMember, epoch: number): void {
    const before = this.#primary;
    this.#epoch = Math.max(this.#epoch, epoch);
    if (before === member && this.#writable) return;
    this.#primary = member;
    this.#writable = true;
    if (before !== member) {
      this.failovers += 1;
      const reason = `'${member.name}' is the primary of group '${this.group}' now`;
      this.#options.onEvent({ kind: 'cut', source: before.name, reason });
    }
    if (this.#lostAt !== undefined) this.healMs = this.#clock.monotonic() - this.#lostAt;
    this.#lostAt = undefined;
    this.#options.onEvent({ kind: 'primary', source: member.name, before: before.name, epoch: this.#epoch });
    for (const waiter of [...this.#waiters]) waiter.resolve();
  }

  /** Writes the new epoch down on the new primary; of several sidecars that try, one makes the row and the others read it. */
  async #takeOver(member: ReplicaMember, epoch: number): Promise<void> {
    this.#takingOver = true;
    this.#lose();
    try {
      const connection = await (this.#monitors.get(member) as SourceMonitor).connect();
      try {
        const holder = member.facts?.identity.replaceAll(/['\\]/g, '') ?? '';
        const group = this.group.replaceAll(/['\\]/g, '');
        await connection.query(createPrimaryTable);
        await connection.query(
          `INSERT INTO ${PRIMARY_TABLE} (group_name,epoch,holder,since) VALUES ('${group}',${epoch},'${holder}',UTC_TIMESTAMP()) ` +
            `ON DUPLICATE KEY UPDATE since=IF(epoch<${epoch},VALUES(since),since),holder=IF(epoch<${epoch},VALUES(holder),holder),epoch=GREATEST(epoch,${epoch})`,
        );
        const [row] = (await connection.query(`SELECT epoch,holder FROM ${PRIMARY_TABLE} WHERE group_name='${group}'`))
          .rows;
        if (row?.[1] !== holder) throw new Error(`epoch ${row?.[0]} belongs to ${row?.[1]}`);
        this.#takingOver = false;
        this.#lead(member, Number(row[0]));
      } finally {
        connection.end();
      }
    } catch (error) {
      this.#takingOver = false;
      this.#options.onEvent({
        kind: 'warning',
        source: member.name,
        reason: `its takeover could not be recorded: ${error instanceof Error ? error.message : String(error)}`,
      });
    }
  }
}

const createPrimaryTable = `CREATE TABLE IF NOT EXISTS ${PRIMARY_TABLE} (group_name VARCHAR(190) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL PRIMARY KEY, epoch BIGINT UNSIGNED NOT NULL, holder VARCHAR(190) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL, since DATETIME NOT NULL) ENGINE=InnoDB`;
