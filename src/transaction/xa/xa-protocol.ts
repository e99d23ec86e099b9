/**
 * XA: a transaction over several sources commits on all of them or on none. The source touched first is the commit point and stays a
 * plain transaction; every other one is an XA branch. So a transaction on one source costs nothing, and one on n sources n-1 prepares.
 */
import { BackendFault, ServerError } from '../../backend/index.ts';
import { type Clock, MeshError } from '../../base/index.ts';
import type { Branch } from '../branch.ts';
import {
  type BranchOpening,
  type CommitProtocol,
  type Coordinator,
  plainOpening,
  type TransactionScope,
} from '../commit-protocol.ts';
import { faultPoint, leavesOut } from '../fault-point.ts';
import {
  type BranchRole,
  beginCommit,
  type CommitEffect,
  type CommitEvent,
  type CommitVerdict,
  commitMachine,
} from './commit-machine.ts';
import { addressOf } from './server-facts.ts';
import { branchName } from './transaction-id.ts';
import type { XaNode } from './xa-node.ts';
import { commitXaSql, decideSql, endXaSql, onePhaseSql, prepareSql, rollbackXaSql, xaOpening } from './xa-sql.ts';

/** A step that gets no answer for this long has failed: the connection is cut off. */
const STEP_TIMEOUT_MS = 10_000;
/** How long the commit point is asked again before the client is told that nobody knows. */
const ARBITRATE_MS = 10_000;
/** How long COMMIT waits for a branch that somebody else has to commit, because its connection was lost. */
const AWAIT_MS = 10_000;

export function xaProtocol(node: XaNode): CommitProtocol {
  return { type: 'XA', begin: (scope) => new XaCoordinator(node, scope), snapshots: node.snapshots };
}

class XaCoordinator implements Coordinator {
  readonly type = 'XA';
  id: string | undefined;
  readonly #node: XaNode;
  readonly #scope: TransactionScope;
  /** Source -> name of its XA branch; the others are plain transactions. */
  readonly #names = new Map<string, string>();
  #point: { readonly address: string; readonly incarnation: string; readonly threadId: number } | undefined;
  /** Why several writers cannot commit together. */
  #problem: { readonly source: string; readonly reason: string } | undefined;

  constructor(node: XaNode, scope: TransactionScope) {
    this.#node = node;
    this.#scope = scope;
  }

  open(branch: BranchOpening, opened: readonly Branch[]): readonly string[] | Promise<readonly string[]> {
    const [first] = opened;
    return first === undefined ? plainOpening(this.#scope.characteristics) : this.#openNext(branch, first);
  }

  async #openNext({ source, lease }: BranchOpening, first: Branch): Promise<readonly string[]> {
    const { characteristics } = this.#scope;
    this.#names.delete(source);
    const pointFacts = await this.#facts(first);
    const facts = await this.#facts({ source, lease });
    if (typeof pointFacts === 'string') this.#problem ??= { source: first.source, reason: pointFacts };
    if (typeof facts === 'string') this.#problem ??= { source, reason: facts };
    // Reading goes on, and writing on one source: what cannot be done is refused at COMMIT.
    if (this.#problem !== undefined || typeof facts === 'string' || typeof pointFacts === 'string')
      return plainOpening(characteristics);
    const { threadId } = first.lease.connection;
    this.#point ??= { address: pointFacts.address, incarnation: pointFacts.incarnation, threadId };
    this.id ??= this.#node.ids.next(pointFacts.identity, this.#node.clock.now());
    const name = branchName({
      server: facts.identity,
      incarnation: facts.incarnation,
      threadId: lease.connection.threadId,
      commitPointIncarnation: this.#point.incarnation,
      commitPointThreadId: this.#point.threadId,
    });
    this.#names.set(source, name);
    return xaOpening(characteristics, this.id, name);
  }

  /** Facts of the branch's server, or why XA cannot be used there. */
  async #facts({ lease }: BranchOpening) {
    const address = addressOf(lease.connection.options);
    const known = this.#node.facts(address);
    try {
      const facts = known?.problem === undefined && known !== undefined ? known : await this.#node.learn(address);
      return facts.problem ?? facts;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  async commit(branches: readonly Branch[]): Promise<void> {
    const writers = branches.filter((branch) => branch.wrote);
    if (writers.length <= 1) {
      await this.#commitOne(branches, writers[0]);
      return;
    }
    if (this.#problem !== undefined || this.id === undefined) {
      const { source, reason } = this.#problem ?? { source: '', reason: 'no branch has been opened for it' };
      await this.rollback(branches);
      throw new MeshError('SM_XA_UNAVAILABLE', { source, reason });
    }
    await new XaCommit(this.#node, this.id, branches, this.#names, this.#point as Point).run();
  }

  /** One writer decides by itself; what only read is ended behind it. */
  async #commitOne(branches: readonly Branch[], writer: Branch | undefined): Promise<void> {
    if (writer !== undefined) {
      const name = this.#names.get(writer.source);
      const sql = name === undefined || this.id === undefined ? 'COMMIT' : onePhaseSql(this.id, name);
      try {
        await writer.lease.connection.query(sql);
      } catch (error) {
        await this.rollback(branches.filter((branch) => branch !== writer));
        // Whether it committed is not known: nobody else may get the connection.
        if (name !== undefined || error instanceof BackendFault) writer.lease.destroy();
        throw error;
      }
    }
    await Promise.all(
      branches.filter((branch) => branch !== writer).map((branch) => release(branch, this.id, this.#names)),
    );
  }

  async rollback(branches: readonly Branch[]): Promise<void> {
    await Promise.all(branches.map((branch) => rollbackActive(branch, this.id, this.#names)));
  }
}

type Point = { readonly address: string; readonly incarnation: string; readonly threadId: number };

/** Drives the machine over the leases of one transaction. */
class XaCommit {
  readonly #node: XaNode;
  readonly #gid: string;
  readonly #branches: readonly Branch[];
  readonly #names: ReadonlyMap<string, string>;
  readonly #point: Point;
  readonly #parts: string;
  readonly #answered = Promise.withResolvers<CommitVerdict>();
  #state: ReturnType<typeof beginCommit>;
  /** The first thing that went wrong: what the client is told. */
  #error: unknown;

  constructor(
    node: XaNode,
    gid: string,
    branches: readonly Branch[],
    names: ReadonlyMap<string, string>,
    point: Point,
  ) {
    this.#node = node;
    this.#gid = gid;
    this.#branches = branches;
    this.#names = names;
    this.#point = point;
    const roles = branches.map((branch, index): BranchRole => {
      if (index === 0) return 'commit point';
      return branch.wrote ? 'participant' : 'reader';
    });
    this.#parts = branches
      .flatMap((branch, index) => (roles[index] === 'participant' ? [names.get(branch.source) ?? ''] : []))
      .join(',');
    this.#state = beginCommit(roles);
  }

  async run(): Promise<void> {
    faultPoint('xa 0: begun');
    this.#happened({ kind: 'begin' });
    const verdict = await this.#answered.promise;
    const { tally } = this.#node;
    if (verdict === 'committed') {
      tally.committed += 1;
      return;
    }
    if (verdict === 'in doubt') {
      tally.inDoubt += 1;
      throw new MeshError(
        'SM_IN_DOUBT',
        { gid: this.#gid, source: this.#branches[0]?.source ?? '' },
        { cause: this.#error },
      );
    }
    tally.rolledBack += 1;
    if (this.#error instanceof ServerError && this.#error.errno === ER_DUP_ENTRY)
      throw new MeshError('SM_TRANSACTION_ABORTED', {
        reason: 'another sidecar took this one for dead and rolled it back',
      });
    if (this.#error instanceof ServerError && this.#error.errno === ER_SP_DOES_NOT_EXIST)
      throw new MeshError('SM_IMPLICIT_COMMIT', { source: this.#branches[0]?.source ?? '' });
    if (this.#error instanceof ServerError) throw this.#error;
    const reason = this.#error instanceof Error ? this.#error.message : 'a source did not answer';
    throw new MeshError('SM_TRANSACTION_ABORTED', { reason }, { cause: this.#error });
  }

  #happened(event: CommitEvent): void {
    const step = commitMachine(this.#state, event);
    this.#state = step.next;
    for (const effect of step.effects) void this.#carryOut(effect);
  }

  /** Never rejects. Each effect ends in exactly one event, if it is one that the machine waits for. */
  async #carryOut(effect: CommitEffect): Promise<void> {
    switch (effect.kind) {
      case 'prepare':
        return await this.#prepare(effect.branch);
      case 'decide':
        return await this.#decide(effect.branch);
      case 'ask': {
        this.#branch(effect.branch).lease.destroy();
        const verdict = await this.#node.arbitrate(this.#gid, this.#point, ARBITRATE_MS);
        return this.#happened({ kind: 'told', verdict });
      }
      case 'commit':
        return await this.#end(effect.branch, commitXaSql(this.#gid, this.#name(effect.branch)));
      case 'roll back': {
        if (!effect.prepared) {
          await rollbackActive(this.#branch(effect.branch), this.#gid, this.#names);
          return this.#happened({ kind: 'ended', branch: effect.branch });
        }
        return await this.#end(effect.branch, rollbackXaSql(this.#gid, this.#name(effect.branch)));
      }
      case 'release':
        if (this.#state.verdict === 'committed') await release(this.#branch(effect.branch), this.#gid, this.#names);
        else await rollbackActive(this.#branch(effect.branch), this.#gid, this.#names);
        return this.#happened({ kind: 'ended', branch: effect.branch });
      case 'hand over':
        this.#branch(effect.branch).lease.destroy();
        if (!leavesOut('hand over')) this.#node.giveUp(this.#gid, this.#point.address);
        return;
      case 'await': {
        const { lease } = this.#branch(effect.branch);
        const address = addressOf(lease.connection.options);
        const ended = await this.#node.ended(address, this.#gid, this.#name(effect.branch), AWAIT_MS);
        return this.#happened({ kind: ended ? 'ended' : 'left', branch: effect.branch });
      }
      case 'answer':
        return this.#answered.resolve(effect.verdict);
      case 'done':
        faultPoint('xa 4: all committed');
        return this.#node.done(this.#gid, this.#point.address);
    }
  }

  async #prepare(index: number): Promise<void> {
    try {
      const sql = prepareSql(this.#gid, this.#name(index), this.#parts, !leavesOut('mark'));
      await answered(this.#branch(index), sql, this.#node.clock);
    } catch (error) {
      this.#error ??= error;
      return this.#happened({ kind: 'not prepared', branch: index, lost: !(error instanceof ServerError) });
    }
    faultPoint('xa 1: one prepared');
    this.#happened({ kind: 'prepared', branch: index });
  }

  async #decide(index: number): Promise<void> {
    faultPoint('xa 1: all prepared');
    const branch = this.#branch(index);
    try {
      const sql = decideSql(this.#gid, this.#parts, this.#node.ids.node, !leavesOut('decision'));
      const answer = answered(branch, sql, this.#node.clock);
      faultPoint('xa 2: decision sent');
      await answer;
    } catch (error) {
      this.#error ??= error;
      if (error instanceof ServerError && (error.errno === ER_DUP_ENTRY || error.errno === ER_SP_DOES_NOT_EXIST))
        return this.#happened({ kind: 'not decided', certain: true });
      // If COMMIT itself was refused nothing is sure; if not, this makes way for the question.
      if (error instanceof ServerError) await answered(branch, 'ROLLBACK', this.#node.clock).catch(() => undefined);
      return this.#happened({ kind: 'not decided', certain: false });
    }
    faultPoint('xa 2: decided');
    this.#happened({ kind: 'decided' });
  }

  async #end(index: number, sql: string): Promise<void> {
    try {
      await answered(this.#branch(index), sql, this.#node.clock);
    } catch (error) {
      this.#error ??= error;
      return this.#happened({ kind: 'not ended', branch: index });
    }
    if (this.#state.verdict === 'committed') faultPoint('xa 3: one committed');
    this.#happened({ kind: 'ended', branch: index });
  }

  #branch(index: number): Branch {
    return this.#branches[index] as Branch;
  }

  #name(index: number): string {
    return this.#names.get(this.#branch(index).source) as string;
  }
}

const ER_DUP_ENTRY = 1062;
const ER_SP_DOES_NOT_EXIST = 1305;

/** Rejects with BackendFault if there is no answer in time: the connection is then cut off. */
async function answered(branch: Branch, sql: string, clock: Clock): Promise<void> {
  const cancel = clock.after(STEP_TIMEOUT_MS, () =>
    branch.lease.destroy(new Error(`source '${branch.source}' gave no answer within ${STEP_TIMEOUT_MS} ms`)),
  );
  try {
    await branch.lease.connection.query(sql);
  } finally {
    cancel();
  }
}

/** A branch that has not been prepared: losing its session rolls it back as well. */
async function rollbackActive(
  branch: Branch,
  gid: string | undefined,
  names: ReadonlyMap<string, string>,
): Promise<void> {
  const { connection } = branch.lease;
  const name = names.get(branch.source);
  try {
    if (name === undefined || gid === undefined) {
      await connection.query('ROLLBACK');
      return;
    }
    // After a deadlock, or after XA END, the branch is beyond XA END.
    await connection.query(endXaSql(gid, name)).catch((error) => {
      if (!(error instanceof ServerError)) throw error;
    });
    await connection.query(rollbackXaSql(gid, name));
  } catch {
    branch.lease.destroy();
  }
}

/** A branch that only read has nothing to lose. */
async function release(branch: Branch, gid: string | undefined, names: ReadonlyMap<string, string>): Promise<void> {
  const name = names.get(branch.source);
  const sql = name === undefined || gid === undefined ? 'COMMIT' : onePhaseSql(gid, name);
  await branch.lease.connection.query(sql).catch(() => branch.lease.destroy());
}
