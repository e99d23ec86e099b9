/** Whether a session's transactions belong to a branch of a transaction across services, and their way through its barrier. */
import { BackendFault, type Lease } from '../backend/index.ts';
import { MeshError } from '../base/index.ts';
import { type SessionState, withMeshValue } from '../session/index.ts';
import type { Branch, Transaction } from '../transaction/index.ts';
import { BarrierPass, type BarrierPorts, barrierFault, insertIdOf } from './barrier-pass.ts';
import { sourceFault } from './faults.ts';
import type { StatementLease } from './running-lease.ts';
import type { SourceDirectory } from './source-directory.ts';

/** What it needs of the session's backend side. */
export interface BarrierGround {
  readonly directory: SourceDirectory;
  takeFree(source: string): Promise<StatementLease>;
  insertIdUnknown(lease: Lease): void;
}

export class SessionBarrier {
  readonly #state: SessionState;
  readonly #ground: BarrierGround;
  /** Of the transaction in progress. */
  #pass: BarrierPass | undefined;

  constructor(state: SessionState, ground: BarrierGround) {
    this.#state = state;
    this.#ground = ground;
  }

  /** The pass of the session's transaction, found at its first write. */
  of(transaction: Transaction): BarrierPass | undefined {
    const text = this.#state.mesh.shardmesh_branch;
    if (this.#pass === undefined) {
      if (text === '') return undefined;
      if (transaction.sources.some((source) => transaction.branch(source)?.wrote === true))
        throw new MeshError('SM_UNSUPPORTED', {
          what: 'shardmesh_branch behind a write of the same transaction',
          reason: 'what was written before would not be kept by the barrier',
        });
      this.#pass = this.passOf(transaction);
    } else if (text !== '' && text !== this.#pass.text) throw new MeshError('ER_CANT_CHANGE_TX_CHARACTERISTICS');
    return this.#pass;
  }

  /** A pass of a transaction that begins. */
  passOf(transaction: Transaction): BarrierPass | undefined {
    const text = this.#state.mesh.shardmesh_branch;
    return text === '' ? undefined : new BarrierPass(text, this.#ground.directory, transaction.coordinator.type);
  }

  /** Enters on a source that the transaction has only read from. */
  async enter(pass: BarrierPass, branch: Branch, end: BarrierPorts['end']): Promise<void> {
    const { source, lease } = branch;
    let before: bigint;
    try {
      before = await insertIdOf(lease, pass.sql(source));
    } catch (error) {
      throw error instanceof BackendFault ? sourceFault(error, source) : barrierFault(error, source);
    }
    branch.wrote = true;
    this.#ground.insertIdUnknown(lease);
    await this.judge(pass, source, Number(before), end);
  }

  async judge(pass: BarrierPass, source: string, before: number, end: BarrierPorts['end']): Promise<void> {
    await pass.judge(source, before, { end, alone: (other, sql) => this.#alone(other, sql) });
  }

  /** The branch's local transaction is over: what comes next does not belong to it. */
  ended(): void {
    this.#pass = undefined;
    if (this.#state.mesh.shardmesh_branch !== '')
      this.#state.mesh = withMeshValue(this.#state.mesh, 'shardmesh_branch', '');
  }

  async #alone(source: string, sql: string): Promise<bigint> {
    const held = await this.#ground.takeFree(source);
    try {
      const id = await insertIdOf(held.lease, sql);
      this.#ground.insertIdUnknown(held.lease);
      held.done();
      return id;
    } catch (error) {
      held.destroy();
      throw error instanceof BackendFault ? sourceFault(error, source) : barrierFault(error, source);
    }
  }
}
