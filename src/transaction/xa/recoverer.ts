/** Ends the prepared branches that a server lists and nobody else ends: drives the recovery machine, one round at a time. */
import { ServerError } from '../../backend/index.ts';
import type { Clock } from '../../base/index.ts';
import { faultPoint } from '../fault-point.ts';
import { beginRecovery, type RecoveryEffect, type RecoveryEvent, recoveryMachine } from './recovery-machine.ts';
import type { ServerWatch } from './server-watch.ts';
import { type ListedBranch, parseBranchName } from './transaction-id.ts';
import { commitXaSql, rollbackXaSql } from './xa-sql.ts';

/** A sidecar without heartbeat for this long is taken for dead. */
export const OWNER_GONE_MS = 12_000;
/** A decided branch whose owner lives is left to it for this long. */
const PATIENCE_MS = 4000;
const HAZARDS_MAX = 1000;
const MARK_TRIES = 5;

/** A branch that recovery cannot or must not end by itself. */
export interface Hazard {
  readonly server: string;
  readonly gid: string;
  readonly branch: string;
  readonly reason: 'no decision' | 'not committed' | 'unknown commit point' | 'only on a replica';
  /** Milliseconds since 1970. */
  readonly since: number;
}

/** A branch as it was seen in the last round. */
export interface SeenBranch extends ListedBranch {
  readonly server: string;
  readonly ageMs: number;
  readonly ownerGone: boolean;
}

export interface RecovererPorts {
  readonly clock: Clock;
  /** The process itself; its own undecided branches are claimed by those who gave them up. */
  readonly node: string;
  /** The watch of a server by its identity. */
  find(identity: string): ServerWatch | undefined;
  keepMs(): number;
  report(event: string, fields: object): void;
  /** A hazard for good: counted, and kept in the audit table. */
  heuristic(hazard: Hazard): void;
}

export class Recoverer {
  readonly #watch: ServerWatch;
  readonly #ports: RecovererPorts;
  /** When a branch was first seen with a decision, on the monotonic clock. */
  readonly #decidedAt = new Map<string, number>();
  readonly hazards = new Map<string, Hazard>();
  seen: readonly SeenBranch[] = [];
  /** Branches ended since the start. */
  committed = 0;
  rolledBack = 0;

  constructor(watch: ServerWatch, ports: RecovererPorts) {
    this.#watch = watch;
    this.#ports = ports;
  }

  /** One look at everything. Rejects if the server cannot be asked. True: something is left that should be looked at again soon. */
  async round(): Promise<boolean> {
    const listed = await this.#watch.listed();
    const names = new Set(listed.map(({ branch, gid }) => gid.text + branch));
    for (const name of this.#decidedAt.keys()) if (!names.has(name)) this.#decidedAt.delete(name);
    for (const [name, hazard] of this.hazards)
      if (hazard.reason !== 'not committed' && !names.has(name)) this.hazards.delete(name);
    if (listed.length === 0) {
      this.seen = [];
      return false;
    }
    const ages = await this.#watch.beatAges();
    const now = this.#ports.clock.now();
    const gone = ({ gid }: ListedBranch): boolean =>
      gid.node !== this.#ports.node && (ages.get(gid.node) ?? Number.POSITIVE_INFINITY) > OWNER_GONE_MS;
    const server = this.#watch.target.address;
    this.seen = listed.map((each) => ({ ...each, server, ageMs: now - each.gid.createdAt, ownerGone: gone(each) }));
    if (!(await this.#watch.holdLock())) return true;
    // One after the other: servers have had defects with raced XA COMMITs.
    for (const each of this.seen) await this.#recover(each);
    return true;
  }

  async #recover(each: SeenBranch): Promise<void> {
    const { gid, branch } = each;
    const point = this.#ports.find(gid.commitPoint);
    if (point === undefined) {
      this.#hazard(each, 'unknown commit point');
      return;
    }
    const name = gid.text + branch;
    const seenFor = this.#ports.clock.monotonic() - (this.#decidedAt.get(name) ?? this.#ports.clock.monotonic());
    let state = beginRecovery({
      ownerGone: each.ownerGone,
      tooOld: each.ageMs > this.#ports.keepMs() / 2,
      mayKill: each.ownerGone || seenFor >= PATIENCE_MS,
    });
    let event: RecoveryEvent | undefined = { kind: 'begin' };
    while (event !== undefined) {
      const step: ReturnType<typeof recoveryMachine> = recoveryMachine(state, event);
      state = step.next;
      event = undefined;
      for (const effect of step.effects) event = await this.#carryOut(effect, each, point);
    }
  }

  async #carryOut(effect: RecoveryEffect, each: SeenBranch, point: ServerWatch): Promise<RecoveryEvent | undefined> {
    const { gid, branch } = each;
    const name = gid.text + branch;
    switch (effect.kind) {
      case 'read decision': {
        const state = await point.readDecision(gid.text);
        if (state === 'committed' || state === 'rolled back') {
          if (!this.#decidedAt.has(name)) this.#decidedAt.set(name, this.#ports.clock.monotonic());
        }
        return { kind: 'decision', state };
      }
      case 'claim': {
        const verdict = await point.claim(gid.text);
        faultPoint('xa recovery: claimed');
        if (verdict === 'rolled back') await this.#freeCommitPoint(branch, point);
        return { kind: 'decision', state: verdict === 'in doubt' ? 'unknown' : verdict };
      }
      case 'end':
        return { kind: 'ended', how: await this.#end(effect.verdict, each) };
      case 'kill': {
        const known = parseBranchName(branch);
        const done =
          known !== undefined &&
          known.server === this.#watch.facts?.identity &&
          (await this.#watch.killSession(known.incarnation, known.threadId).catch(() => false));
        if (done) await this.#pause(150);
        return { kind: 'killed', done };
      }
      case 'check mark':
        for (let attempt = 0; attempt < MARK_TRIES; attempt += 1) {
          if (await this.#watch.hasMark(gid.text, branch)) return { kind: 'mark', present: true };
          // A commit that has just left the list may not be visible yet.
          await this.#pause(200);
        }
        return { kind: 'mark', present: false };
      case 'hazard':
        this.#hazard(each, effect.reason);
        return undefined;
      case 'wait':
      case 'finished':
        return undefined;
    }
  }

  async #end(verdict: 'committed' | 'rolled back', each: SeenBranch) {
    const { gid, branch } = each;
    try {
      await this.#watch.query(
        verdict === 'committed' ? commitXaSql(gid.text, branch) : rollbackXaSql(gid.text, branch),
      );
      faultPoint('xa recovery: ended');
      if (verdict === 'committed') this.committed += 1;
      else this.rolledBack += 1;
      this.#ports.report('xa.recovered', { gid: gid.text, server: each.server, verdict });
      return 'done' as const;
    } catch (error) {
      if (!(error instanceof ServerError)) throw error;
      if (error.errno === XA_RBROLLBACK) return 'unchanged' as const;
      if (error.errno !== XAER_NOTA) return 'failed' as const;
      const still = (await this.#watch.listed()).some(
        (other) => other.gid.text === gid.text && other.branch === branch,
      );
      return still ? ('attached' as const) : ('gone' as const);
    }
  }

  /** The dead owner's session at the commit point holds locks until it ends. */
  async #freeCommitPoint(branch: string, point: ServerWatch): Promise<void> {
    const known = parseBranchName(branch);
    if (known === undefined) return;
    await point.killSession(known.commitPointIncarnation, known.commitPointThreadId).catch(() => false);
  }

  #hazard(each: SeenBranch, reason: Hazard['reason']): void {
    const name = each.gid.text + each.branch;
    if (this.hazards.has(name) || this.hazards.size >= HAZARDS_MAX) return;
    const { server, gid, branch } = each;
    const hazard: Hazard = { server, gid: gid.text, branch, reason, since: this.#ports.clock.now() };
    this.hazards.set(name, hazard);
    if (reason === 'not committed') this.#ports.heuristic(hazard);
    this.#ports.report('xa.hazard', { ...hazard });
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.#ports.clock.after(ms, resolve));
  }
}

const XAER_NOTA = 1397;
const XA_RBROLLBACK = 1402;
