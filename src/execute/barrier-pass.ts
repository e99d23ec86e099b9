/** A local transaction's way through the barrier of the branch that it belongs to: entered on each source before the first write there. */
import { type Lease, ServerError } from '../backend/index.ts';
import { MeshError, type TransactionType } from '../base/index.ts';
import { type BranchIdentity, barrierSql, passageOf, readBranchIdentity, tombstoneSql } from '../transaction/index.ts';
import type { SourceDirectory } from './source-directory.ts';

/** What the pass needs of the session. */
export interface BarrierPorts {
  /** Ends the local transaction: nothing of it is held any more, and the session is told so until it ends it itself. */
  end(reason: string, how: 'commit' | 'rollback'): Promise<void>;
  /** Runs a statement on a connection of its own, and answers its insert id. */
  alone(source: string, sql: string): Promise<bigint>;
}

/** Of one local transaction. */
export class BarrierPass {
  readonly text: string;
  readonly #identity: BranchIdentity;
  readonly #directory: SourceDirectory;
  readonly #type: TransactionType;
  readonly #entered = new Set<string>();

  /** Throws SM_UNSUPPORTED for types of transactions whose parts are committed apart. */
  constructor(text: string, directory: SourceDirectory, type: TransactionType) {
    const identity = readBranchIdentity(text);
    if (identity === undefined)
      throw new MeshError('ER_WRONG_VALUE_FOR_VAR', { name: 'shardmesh_branch', value: text });
    if (type !== 'LOCAL' && type !== 'XA')
      throw new MeshError('SM_UNSUPPORTED', {
        what: `a branch of a transaction across services in a ${type} transaction`,
        reason: 'its parts are not committed together with the barrier; use LOCAL or XA',
      });
    this.text = text;
    this.#identity = identity;
    this.#directory = directory;
    this.#type = type;
  }

  has(source: string): boolean {
    return this.#entered.has(source);
  }

  /** The statement that enters. */
  sql(source: string): string {
    if (this.#type === 'LOCAL' && this.#entered.size > 0 && !this.#entered.has(source))
      throw new MeshError('SM_UNSUPPORTED', {
        what: 'a branch that writes to several sources in a LOCAL transaction',
        reason: 'its barrier could be kept on one and lost on another; use shardmesh_transaction_type = XA',
      });
    return barrierSql(this.#identity, this.#directory.physicalSchema(source));
  }

  /** Judges what `sql` answered. Throws SM_BARRIER if the operation must not run; what the refusal rests on is durable then. */
  async judge(source: string, before: number, ports: BarrierPorts): Promise<void> {
    let passage = passageOf(this.#identity.role, before);
    // An undo that found its branch on one source may touch others as well.
    if (passage === 'empty' && (this.#entered.size > 0 || (await this.#triedElsewhere(source, ports)))) passage = 'run';
    if (passage === 'run') {
      this.#entered.add(source);
      return;
    }
    const reason = `the barrier of branch ${this.text} says: ${passage}`;
    // Nothing but the row is in it yet. It must be durable before anybody hears that there is nothing to undo: committed, not
    // written anew, so that whoever waits for it goes on behind it.
    await ports.end(reason, passage === 'empty' ? 'commit' : 'rollback');
    throw new MeshError('SM_BARRIER', { branch: this.text, verdict: passage });
  }

  /** Whether the branch has been done on another source; where it has not, it never will be. */
  async #triedElsewhere(source: string, ports: BarrierPorts): Promise<boolean> {
    const others = this.#directory.sources.filter((other) => other !== source);
    const states = await Promise.all(others.map((other) => this.#forbid(other, ports)));
    return states.includes(1);
  }

  async #forbid(source: string, ports: BarrierPorts): Promise<number> {
    return Number(await ports.alone(source, tombstoneSql(this.#identity, this.#directory.physicalSchema(source))));
  }
}

const missing: ReadonlySet<number> = new Set([1044, 1049, 1142, 1146]);

/** Says what to do where a source has no barrier. */
export function barrierFault(error: unknown, source: string): unknown {
  if (!(error instanceof ServerError) || !missing.has(error.errno)) return error;
  return new MeshError('SM_CONFIG', {
    message: `source '${source}' has no table shardmesh.barrier, or it may not be written: run shardmesh init-transactions (${error.message})`,
  });
}

/** The insert id of a statement on a lease. */
export async function insertIdOf(lease: Lease, sql: string): Promise<bigint> {
  return (await lease.connection.query(sql)).ok.insertId;
}
