/** This process among those that keep transactions over several servers together: its name, its heartbeats, its recovery rounds. */
import { hostname } from 'node:os';
import type { Clock } from '../../base/index.ts';
import { meshSchema, serverTime } from '../tables.ts';
import { collectRows } from './collect-rows.ts';
import type { CommitVerdict } from './commit-machine.ts';
import { type Hazard, Recoverer, type SeenBranch } from './recoverer.ts';
import type { ServerFacts, ServerTarget } from './server-facts.ts';
import { ServerWatch } from './server-watch.ts';
import { SnapshotFence } from './snapshot-fence.ts';
import { TransactionIds } from './transaction-id.ts';

const ROUND_MS = 2000;
/** While something is left to be ended. */
const SOON_MS = 700;
const COLLECT_EVERY_MS = 60_000;
const FIRST_COLLECT_MS = 5000;
const DONE_BATCH = 500;
/** Between two looks for a branch that somebody else is to end. */
const AWAIT_EVERY_MS = 100;
const GIVEN_UP_MAX = 100_000;

export interface XaNodeOptions {
  /** The primaries of the configuration in force, each server once. */
  servers(): readonly ServerTarget[];
  unsafeReplication(): 'refuse' | 'warn';
  /** How long decisions and marks are kept. */
  keepMs(): number;
  readonly clock: Clock;
  report(event: string, fields: object): void;
}

interface Member {
  readonly watch: ServerWatch;
  readonly recoverer: Recoverer;
  cancel: (() => void) | undefined;
  collectedAt: number;
  /** Why the last round failed. */
  problem: string | undefined;
}

/** Counted since the start. */
export class XaTally {
  committed = 0;
  rolledBack = 0;
  inDoubt = 0;
  heuristic = 0;
}

export class XaNode {
  readonly ids = new TransactionIds();
  readonly clock: Clock;
  readonly tally = new XaTally();
  readonly snapshots: SnapshotFence;
  readonly #options: XaNodeOptions;
  readonly #members = new Map<string, Member>();
  /** Commit point's address -> transactions whose branches are all committed. */
  readonly #done = new Map<string, string[]>();
  /** Transactions without a certain decision that this process gave up -> commit point's address. */
  readonly #givenUp = new Map<string, string>();
  #stopped = false;
  #cancelSweep: (() => void) | undefined;

  constructor(options: XaNodeOptions) {
    this.#options = options;
    this.clock = options.clock;
    this.snapshots = new SnapshotFence({
      clock: this.clock,
      target: (address) => this.#members.get(address)?.watch.target,
      learn: (address) => this.learn(address),
      finished: () => new Set([...this.#done.values()].flat()),
    });
  }

  start(): void {
    this.#sweep();
  }

  /** Follows the configuration, and claims what was given up. */
  #sweep(): void {
    if (this.#stopped) return;
    const wanted = new Map(this.#options.servers().map((target) => [target.address, target]));
    for (const [address, member] of this.#members) {
      const target = wanted.get(address);
      if (target !== undefined) {
        member.watch.target = target;
        continue;
      }
      // A transaction that began before a reload may still need it: its rounds go on while branches are listed.
      if (member.recoverer.seen.length > 0) continue;
      member.cancel?.();
      member.watch.close();
      this.#members.delete(address);
    }
    for (const target of wanted.values()) if (!this.#members.has(target.address)) this.#add(target);
    void this.#claimGivenUp().finally(() => {
      if (!this.#stopped) this.#cancelSweep = this.clock.after(SOON_MS, () => this.#sweep());
    });
  }

  #add(target: ServerTarget): Member {
    const { clock, report, keepMs } = this.#options;
    const watch = new ServerWatch(target, this.ids.node, hostname(), clock, () => this.#options.unsafeReplication());
    const recoverer = new Recoverer(watch, {
      clock,
      report,
      node: this.ids.node,
      keepMs: () => keepMs(),
      find: (identity) => this.watchOf(identity),
      heuristic: (hazard) => this.#heuristic(watch, hazard),
    });
    const member: Member = {
      watch,
      recoverer,
      cancel: undefined,
      // Soon after the start: a process that is restarted often must collect too.
      collectedAt: clock.monotonic() - this.#collectEveryMs() + FIRST_COLLECT_MS,
      problem: undefined,
    };
    this.#members.set(target.address, member);
    this.#later(member, 0);
    return member;
  }

  #later(member: Member, ms: number): void {
    if (this.#stopped || this.#members.get(member.watch.target.address) !== member) return;
    member.cancel = this.clock.after(ms, () => {
      void this.#round(member).then((left) => this.#later(member, left ? SOON_MS : ROUND_MS));
    });
  }

  async #round(member: Member): Promise<boolean> {
    try {
      const facts = await member.watch.learn();
      this.#tell(member, facts.identity === '' ? facts.problem : undefined);
      if (facts.identity === '') return false;
      await member.watch.beat();
      await this.#flushDone(member.watch);
      const left = await member.recoverer.round();
      await this.#collect(member);
      return left;
    } catch (error) {
      this.#tell(member, error instanceof Error ? error.message : String(error));
      return member.recoverer.seen.length > 0;
    }
  }

  /** Once for each change, not once for each round. */
  #tell(member: Member, problem: string | undefined): void {
    if (problem === member.problem) return;
    member.problem = problem;
    if (problem !== undefined) this.#options.report('xa.server', { server: member.watch.target.address, problem });
  }

  async #collect(member: Member): Promise<void> {
    if (this.clock.monotonic() - member.collectedAt < this.#collectEveryMs()) return;
    if (!(await member.watch.holdLock())) return;
    member.collectedAt = this.clock.monotonic();
    await collectRows(
      member.watch,
      [...this.#members.values()].map(({ watch }) => watch),
      this.#options.keepMs(),
    );
  }

  #collectEveryMs(): number {
    return Math.min(COLLECT_EVERY_MS, this.#options.keepMs() / 4);
  }

  async #flushDone(watch: ServerWatch): Promise<void> {
    const waiting = this.#done.get(watch.target.address);
    while (waiting !== undefined && waiting.length > 0) {
      const batch = waiting.slice(0, DONE_BATCH);
      await watch.query(
        `UPDATE ${meshSchema}.decision SET done=1 WHERE gid IN (${batch.map((gid) => `'${gid}'`).join(',')})`,
      );
      waiting.splice(0, batch.length);
    }
  }

  async #claimGivenUp(): Promise<void> {
    for (const [gid, address] of [...this.#givenUp]) {
      const watch = this.#members.get(address)?.watch;
      if (watch === undefined) this.#givenUp.delete(gid);
      else if ((await watch.claim(gid)) !== 'unknown') this.#givenUp.delete(gid);
      else return;
    }
  }

  /** For the sources whose identity is on several addresses, the first. */
  watchOf(identity: string): ServerWatch | undefined {
    for (const { watch } of this.#members.values()) if (watch.facts?.identity === identity) return watch;
    return undefined;
  }

  /** What is known of a server right now; undefined: `learn`. */
  facts(address: string): ServerFacts | undefined {
    return this.#members.get(address)?.watch.facts;
  }

  /** Rejects if the server cannot be asked, or is none of the configuration's. */
  async learn(address: string): Promise<ServerFacts> {
    const known = this.#members.get(address);
    const target = this.#options.servers().find((server) => server.address === address);
    const member = known ?? (target === undefined ? undefined : this.#add(target));
    if (member === undefined) throw new Error(`no server ${address} in the configuration`);
    return await member.watch.learn();
  }

  /**
   * What became of a transaction whose commit point gave no answer: its session there is ended, then "rolled back" is claimed.
   * `in doubt` after `withinMs` without an answer.
   */
  async arbitrate(
    gid: string,
    point: { readonly address: string; readonly incarnation: string; readonly threadId: number },
    withinMs: number,
  ): Promise<CommitVerdict> {
    const until = this.clock.monotonic() + withinMs;
    for (;;) {
      const watch = this.#members.get(point.address)?.watch;
      if (watch !== undefined) {
        await watch.killSession(point.incarnation, point.threadId).catch(() => false);
        const verdict = await watch.claim(gid);
        if (verdict !== 'unknown') return verdict;
      }
      if (this.clock.monotonic() >= until) {
        this.giveUp(gid, point.address);
        return 'in doubt';
      }
      await new Promise<void>((resolve) => this.clock.after(200, resolve));
    }
  }

  /** This process will not end the transaction's branches itself: a decision is made sure of, so that any recoverer can. */
  giveUp(gid: string, address: string): void {
    if (this.#givenUp.size < GIVEN_UP_MAX) this.#givenUp.set(gid, address);
  }

  /** Resolves when what the branch wrote is there, by its mark; false if it is not, or the server cannot be asked, after `withinMs`. */
  async ended(address: string, gid: string, branch: string, withinMs: number): Promise<boolean> {
    const until = this.clock.monotonic() + withinMs;
    for (;;) {
      if (
        (await this.#members
          .get(address)
          ?.watch.hasMark(gid, branch)
          .catch(() => false)) === true
      )
        return true;
      if (this.clock.monotonic() >= until || this.#stopped) {
        this.#options.report('xa.branch_left', { gid, branch, server: address });
        return false;
      }
      await new Promise<void>((resolve) => this.clock.after(AWAIT_EVERY_MS, resolve));
    }
  }

  /** All branches are committed: the decision's row may be forgotten when its time has come. */
  done(gid: string, address: string): void {
    const list = this.#done.get(address);
    if (list === undefined) this.#done.set(address, [gid]);
    else if (list.length < GIVEN_UP_MAX) list.push(gid);
  }

  /** Prepared branches as of the last rounds. */
  branches(): readonly SeenBranch[] {
    return [...this.#members.values()].flatMap(({ recoverer }) => recoverer.seen);
  }

  hazards(): readonly Hazard[] {
    return [...this.#members.values()].flatMap(({ recoverer }) => [...recoverer.hazards.values()]);
  }

  /** Branches that recovery has ended. */
  recovered(): { readonly committed: number; readonly rolledBack: number } {
    let committed = 0;
    let rolledBack = 0;
    for (const { recoverer } of this.#members.values()) {
      committed += recoverer.committed;
      rolledBack += recoverer.rolledBack;
    }
    return { committed, rolledBack };
  }

  /** False: there is none. */
  forgetHazard(gid: string, branch: string): boolean {
    let found = false;
    for (const { recoverer } of this.#members.values()) found = recoverer.hazards.delete(gid + branch) || found;
    return found;
  }

  /** A recovery round on every server, for an operator who waits for it. */
  async roundNow(): Promise<void> {
    await Promise.all([...this.#members.values()].map(({ recoverer }) => recoverer.round().catch(() => true)));
  }

  watches(): readonly ServerWatch[] {
    return [...this.#members.values()].map(({ watch }) => watch);
  }

  #heuristic(watch: ServerWatch, hazard: Hazard): void {
    this.tally.heuristic += 1;
    void watch
      .query(
        `INSERT INTO ${meshSchema}.audit (ts, actor, gid, branch, action, reason, detail) VALUES (${serverTime}, 'recovery', '${hazard.gid}', '${hazard.branch}', 'heuristic', '${hazard.reason}', '')`,
      )
      .catch(() => undefined);
  }

  /** Ends the rounds; what is prepared stays for others, or for the next start. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelSweep?.();
    this.snapshots.close();
    for (const { watch, cancel } of this.#members.values()) {
      cancel?.();
      await this.#flushDone(watch).catch(() => undefined);
      await watch.query(`DELETE FROM ${meshSchema}.node WHERE node='${this.ids.node}'`, 1000).catch(() => undefined);
      watch.close();
    }
    this.#members.clear();
  }
}
