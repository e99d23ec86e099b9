/**
 * BEST_EFFORT: the source that is written first commits what it has together with an outbox of what the others have; those commit
 * right after, or are caught up with by the relay. A transaction that writes on one source only is a plain local one.
 */
import { BackendFault, type Lease, ServerError } from '../../backend/index.ts';
import { MeshError } from '../../base/index.ts';
import { StatusFlag } from '../../wire/index.ts';
import type { Branch } from '../branch.ts';
import {
  type BranchResult,
  type BranchStatement,
  type CommitProtocol,
  type Coordinator,
  plainOpening,
  rollbackAll,
  type TransactionScope,
} from '../commit-protocol.ts';
import { faultPoint, leavesOut, testMs } from '../fault-point.ts';
import { randomName } from '../server-identity.ts';
import { beginCommit, type CommitEffect, type CommitEvent, type CommitState, commitMachine } from './commit-machine.ts';
import { Forgetter } from './forgetter.ts';
import { type DeliveryGround, onOwnLease, ownClass } from './ground.ts';
import { BARRED, barOutbox, type Delivery, insertInbox, insertOutbox, stateOfOutbox } from './outbox.ts';
import { encodePayload } from './payload.ts';
import { whyNotReplayable, writesNothing } from './replayable.ts';
import { serverNameOf } from './server-name.ts';
import { WriteRecord } from './write-record.ts';
import { bytesOf, ownParameters, type WrittenStatement } from './written-statement.ts';

export interface BestEffortOptions {
  /** The sources of a logical database, as configured now. */
  ground(logicalDatabase: string): DeliveryGround;
  /** There is something in the outbox of this source. */
  handOver(logicalDatabase: string, source: string): void;
  /** COMMIT waits so long for the other sources before it leaves them to the relay. */
  readonly deliveryWaitMs: number;
  /** What one transaction may leave to be delivered. */
  readonly bytesMax: number;
  /** Wall clock in milliseconds. */
  now(): number;
}

export const bestEffortDefaults = { deliveryWaitMs: testMs('wait', 5000), bytesMax: 4 * 1024 * 1024 } as const;

export function bestEffortProtocol(options: BestEffortOptions): CommitProtocol {
  const forgetter = new Forgetter((logicalDatabase) => options.ground(logicalDatabase), options.deliveryWaitMs);
  return { type: 'BEST_EFFORT', begin: (scope) => new BestEffortCoordinator(options, forgetter, scope) };
}

/** Statements that are being kept: what is known before they have run. */
interface Pending {
  readonly timestamp: string | undefined;
  readonly bytes: number;
  readonly parameters: WrittenStatement['parameters'];
}

class BestEffortCoordinator implements Coordinator {
  readonly type = 'BEST_EFFORT';
  readonly #options: BestEffortOptions;
  readonly #forgetter: Forgetter;
  readonly #scope: TransactionScope;
  readonly #record = new WriteRecord();
  readonly #pending = new Map<Branch, Pending>();
  /** Sources whose writing statements all came by here. */
  readonly #seen = new Set<string>();
  #gid: string | undefined;

  constructor(options: BestEffortOptions, forgetter: Forgetter, scope: TransactionScope) {
    this.#options = options;
    this.#forgetter = forgetter;
    this.#scope = scope;
  }

  get id(): string | undefined {
    return this.#gid;
  }

  open(): readonly string[] {
    return plainOpening(this.#scope.characteristics);
  }

  beforeStatement(branch: Branch, statement: BranchStatement): Promise<void> | undefined {
    if (statement.access === 'write') this.#seen.add(branch.source);
    if (statement.access !== 'write' || writesNothing(statement.plan.statement)) {
      if (statement.plan.effects.opaque) this.#refuseUnlessHome(branch.source, 'it calls stored functions');
      return undefined;
    }
    return this.#record.keeps(branch.source) ? this.#keep(branch, statement) : undefined;
  }

  async #keep(branch: Branch, statement: BranchStatement): Promise<void> {
    const { plan, query } = statement;
    const reason = whyNotReplayable(plan.statement) ?? (plan.effects.opaque ? 'it calls stored functions' : undefined);
    if (reason !== undefined) throw notDeliverable(branch.source, reason);
    const parameters = parametersOf(statement);
    const bytes = bytesOf(query.text, parameters);
    const total = this.#record.bytes + bytes;
    if (total > this.#options.bytesMax) {
      throw notDeliverable(
        branch.source,
        `the transaction has ${total} bytes to deliver by now, more than ${this.#options.bytesMax}`,
      );
    }
    // Not known by name: nothing could be delivered there.
    await serverNameOf(branch.lease.connection);
    const timestamp = statement.timestamp ?? (await this.#fixTime(branch.lease, statement));
    this.#pending.set(branch, { timestamp, bytes, parameters });
  }

  /** One statement time for the first run and for a later one. */
  async #fixTime(lease: Lease, { settings }: BranchStatement): Promise<string | undefined> {
    if (settings.variables.has('timestamp')) return undefined;
    const timestamp = (this.#options.now() / 1000).toFixed(6);
    await lease.connection.query(`SET timestamp=${timestamp}`);
    return timestamp;
  }

  afterStatement(branch: Branch, statement: BranchStatement, result: BranchResult): Promise<void> | undefined {
    const pending = this.#pending.get(branch);
    if (pending === undefined) return undefined;
    this.#pending.delete(branch);
    if (result.ok !== undefined) {
      const isInsert = statement.plan.statement?.kind === 'insert';
      const written: WrittenStatement = {
        text: Buffer.from(statement.query.text),
        parameters: pending.parameters,
        settings: statement.settings,
        timestamp: pending.timestamp,
        insertId: isInsert ? result.ok.insertId : 0n,
        affected: result.ok.affectedRows,
      };
      this.#record.add(branch.source, written, pending.bytes);
    }
    if (pending.timestamp === undefined || pending.timestamp === statement.timestamp) return undefined;
    return branch.lease.connection.query('SET timestamp=DEFAULT').then(() => undefined);
  }

  savepoint(verb: 'set' | 'rollback to' | 'release', name: string): void {
    if (verb === 'set') this.#record.savepoint(name);
    else if (verb === 'release') this.#record.release(name);
    else this.#record.rollbackTo(name);
  }

  async commit(branches: readonly Branch[]): Promise<void> {
    const written = this.#record.bySource();
    const unseen = branches.find((branch) => branch.wrote && !this.#seen.has(branch.source));
    if (unseen !== undefined && branches.length > 1) {
      // Never met; but what was written past the record could not be delivered.
      await rollbackAll(branches);
      throw notDeliverable(unseen.source, 'a statement was not recorded');
    }
    const home = branches.find((branch) => branch.source === this.#record.home);
    const targets = branches.filter((branch) => written.has(branch.source));
    const others = branches.filter((branch) => branch !== home && !targets.includes(branch));
    if (home === undefined || targets.length === 0) {
      // One writer: its COMMIT is the whole transaction.
      const alone = home ?? unseen;
      if (alone !== undefined) await commitHome(alone, others);
      await endReaders(others.filter((branch) => branch !== alone));
      return;
    }
    await checkOpen([home, ...targets], branches);
    const run = new CommitRun(this.#options, this.#forgetter, this.#scope.logicalDatabase, home, targets);
    this.#gid = run.gid;
    try {
      await run.prepare(written);
    } catch (error) {
      await rollbackAll(branches);
      throw error;
    }
    // A reader's COMMIT only ends its snapshot.
    const ended = endReaders(others);
    await run.run();
    await ended;
  }

  rollback(branches: readonly Branch[]): Promise<void> {
    return rollbackAll(branches);
  }

  #refuseUnlessHome(source: string, reason: string): void {
    if (this.#record.keeps(source)) throw notDeliverable(source, reason);
  }
}

/** The effects of `commitMachine`, carried out on real servers. */
class CommitRun {
  readonly gid: string;
  readonly #options: BestEffortOptions;
  readonly #forgetter: Forgetter;
  readonly #ground: DeliveryGround;
  readonly #home: Branch;
  readonly #targets: readonly Branch[];
  #deliveries: readonly Delivery[] = [];
  #server = '';
  #state: CommitState;
  #refusal: unknown;
  /** When the decision was sent, by both clocks. */
  #begunAt = { wall: 0, running: 0 };

  constructor(
    options: BestEffortOptions,
    forgetter: Forgetter,
    logicalDatabase: string,
    home: Branch,
    targets: readonly Branch[],
  ) {
    this.gid = newGid();
    this.#options = options;
    this.#forgetter = forgetter;
    this.#ground = options.ground(logicalDatabase);
    this.#home = home;
    this.#targets = targets;
    this.#state = beginCommit(targets.length);
  }

  /** Everything that can still fail without a trace. */
  async prepare(written: ReadonlyMap<string, readonly WrittenStatement[]>): Promise<void> {
    this.#server = await serverNameOf(this.#home.lease.connection);
    this.#deliveries = await Promise.all(
      this.#targets.map(async ({ source, lease }, index): Promise<Delivery> => {
        const payload = { class: lease.connection.options.class, statements: written.get(source) ?? [] };
        return {
          seq: index + 1,
          server: await serverNameOf(lease.connection),
          schema: this.#ground.schema(source),
          source,
          payload: encodePayload(payload),
        };
      }),
    );
  }

  /** Resolves when the transaction has committed: what is not delivered yet will be. */
  async run(): Promise<void> {
    await this.#carryOut([{ kind: 'decide' }]);
    if (this.#state.kind !== 'ended') throw new Error('a commit that did not end');
    switch (this.#state.outcome) {
      case 'committed':
        return;
      case 'rolled back':
        throw this.#refusal;
      case 'unknown':
        throw new MeshError('SM_IN_DOUBT', { gid: this.gid, source: this.#home.source });
    }
  }

  async #carryOut(effects: readonly CommitEffect[]): Promise<void> {
    // Deliveries side by side, everything else in order.
    const deliveries: Promise<void>[] = [];
    for (const effect of effects) {
      if (effect.kind === 'deliver') deliveries.push(this.#deliver(effect.target).then((event) => this.#on(event)));
      else await this.#effect(effect);
    }
    await Promise.all(deliveries);
  }

  #on(event: CommitEvent): Promise<void> {
    const { next, effects } = commitMachine(this.#state, event);
    this.#state = next;
    return this.#carryOut(effects);
  }

  async #effect(effect: Exclude<CommitEffect, { kind: 'deliver' }>): Promise<void> {
    switch (effect.kind) {
      case 'decide':
        return this.#on(await this.#decide());
      case 'ask':
        return this.#on(await this.#ask());
      case 'roll back':
        return rollbackAll(this.#targets);
      case 'forget':
        this.#forgetter.forget(this.#ground.logicalDatabase, this.#home.source, {
          gid: this.gid,
          seq: effect.target + 1,
        });
        return;
      case 'hand over':
        this.#options.handOver(this.#ground.logicalDatabase, this.#home.source);
    }
  }

  async #decide(): Promise<CommitEvent> {
    const { lease } = this.#home;
    this.#begunAt = { wall: this.#options.now(), running: performance.now() };
    faultPoint('best effort 1: decide');
    try {
      await lease.connection.query(`${insertOutbox(this.gid, this.#deliveries)};COMMIT`);
      faultPoint('best effort 2: decided');
      return { kind: 'decided' };
    } catch (error) {
      this.#refusal = error;
      lease.destroy();
      if (error instanceof BackendFault && error.mayHaveExecuted) return { kind: 'unanswered' };
      return { kind: 'refused' };
    }
  }

  async #ask(): Promise<CommitEvent> {
    for (let attempt = 0; attempt < ASK_ATTEMPTS; attempt += 1) {
      try {
        return await onOwnLease(
          this.#ground,
          this.#home.source,
          ownClass,
          this.#options.deliveryWaitMs,
          async (lease) => {
            try {
              await lease.connection.query(barOutbox(this.gid, 1));
            } catch (error) {
              if (!(error instanceof ServerError) || error.errno !== ER_DUP_ENTRY) throw error;
              // Perhaps it is the bar of an attempt whose answer was lost.
              const { rows } = await lease.connection.query(stateOfOutbox(this.gid, 1));
              if (Number(rows[0]?.[0]) !== BARRED) return { kind: 'found' };
            }
            // A row that was delivered meanwhile is kept for a day: after a long pause its absence proves nothing.
            const passed = Math.max(
              this.#options.now() - this.#begunAt.wall,
              performance.now() - this.#begunAt.running,
            );
            if (passed > ASK_MAX_MS) return { kind: 'unreachable' };
            const reason = `the connection to source '${this.#home.source}' was lost before it had committed`;
            this.#refusal = new MeshError('SM_TRANSACTION_ABORTED', { reason });
            return { kind: 'barred' };
          },
        );
      } catch {
        // Locked by the transaction in question, or not reachable: it may be a moment later.
      }
    }
    return { kind: 'unreachable' };
  }

  async #deliver(target: number): Promise<CommitEvent> {
    const { lease } = this.#targets[target] as Branch;
    faultPoint('best effort 3: deliver');
    const waitMs = this.#options.deliveryWaitMs;
    const timer = setTimeout(() => lease.destroy(new Error(`no answer within ${waitMs} ms`)), waitMs);
    try {
      const inbox = leavesOut('inbox') ? '' : `${insertInbox(this.gid, target + 1, this.#server)};`;
      await lease.connection.query(`${inbox}COMMIT`);
      faultPoint('best effort 4: delivered');
      return { kind: 'delivered', target };
    } catch (error) {
      lease.destroy();
      // The relay was faster.
      if (error instanceof ServerError && error.errno === ER_DUP_ENTRY) return { kind: 'delivered', target };
      return { kind: 'undelivered', target };
    } finally {
      clearTimeout(timer);
    }
  }
}

const ASK_ATTEMPTS = 3;
const ASK_MAX_MS = 3_600_000;
const ER_DUP_ENTRY = 1062;

/** Four random characters first: names of unrelated transactions are not neighbours in an index. */
function newGid(): string {
  return randomName(20);
}

async function commitHome(home: Branch, others: readonly Branch[]): Promise<void> {
  try {
    await home.lease.connection.query('COMMIT');
  } catch (error) {
    if (error instanceof BackendFault) home.lease.destroy();
    await rollbackAll(others);
    throw error;
  }
}

/** A reader's COMMIT only ends its snapshot: losing it loses nothing. */
async function endReaders(branches: readonly Branch[]): Promise<void> {
  await Promise.all(
    branches.map((branch) => branch.lease.connection.query('COMMIT').catch(() => branch.lease.destroy())),
  );
}

/** A transaction that something has ended on its server must not be told as committed by the others. */
async function checkOpen(writers: readonly Branch[], all: readonly Branch[]): Promise<void> {
  for (const { source, lease } of writers) {
    const { connection } = lease;
    try {
      if (connection.statusStale) await connection.ping();
    } catch (error) {
      await rollbackAll(all);
      throw error;
    }
    if ((connection.status & StatusFlag.IN_TRANSACTION) !== 0) continue;
    await rollbackAll(all);
    throw new MeshError('SM_IMPLICIT_COMMIT', { source });
  }
}

function parametersOf({ parameters, query }: BranchStatement): WrittenStatement['parameters'] {
  if (parameters === undefined) return undefined;
  const { values, source } = parameters;
  const taken = query.parameters === undefined ? values : query.parameters.map((index) => values[index]);
  return ownParameters(taken as typeof values, source);
}

function notDeliverable(source: string, reason: string): MeshError {
  return new MeshError('SM_NOT_DELIVERABLE', { source, reason });
}
