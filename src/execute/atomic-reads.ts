/** `shardmesh_snapshot = 'atomic'`: the snapshots that a session's transaction, or one statement, reads on all of its sources. */
import type { Lease } from '../backend/index.ts';
import { MeshError } from '../base/index.ts';
import type { Access } from '../plan/index.ts';
import type { SessionState } from '../session/index.ts';
import { type AtomicSnapshots, addressOf } from '../transaction/index.ts';
import type { StatementLease } from './running-lease.ts';
import type { SessionLeases } from './session-leases.ts';

/** Owned by one session. */
export class AtomicReads {
  readonly #state: SessionState;
  readonly #leases: SessionLeases;
  readonly #snapshots: AtomicSnapshots | undefined;
  readonly #open = new Map<string, Lease>();

  constructor(state: SessionState, leases: SessionLeases, snapshots: AtomicSnapshots | undefined) {
    this.#state = state;
    this.#leases = leases;
    this.#snapshots = snapshots;
  }

  /** Snapshots are open, or the next statement of the transaction in progress opens them. */
  get active(): boolean {
    return this.#open.size > 0 || (this.#state.inTransaction && this.#wanted);
  }

  get isOpen(): boolean {
    return this.#open.size > 0;
  }

  /** One statement over several sources, outside of a transaction, is to read this way. */
  get forStatement(): boolean {
    return !this.#state.inTransaction && this.#wanted;
  }

  get #wanted(): boolean {
    return (this.#state.transaction.snapshot ?? this.#state.mesh.shardmesh_snapshot) === 'atomic';
  }

  holds(lease: Lease): boolean {
    return [...this.#open.values()].includes(lease);
  }

  /** Only while `active`. In a transaction the first one opens the snapshots of all sources: which ones it will read is not known. */
  async take(source: string, access: Access): Promise<StatementLease> {
    if (access === 'write')
      throw new MeshError('SM_UNSUPPORTED', {
        what: "writing and locking in a transaction with shardmesh_snapshot = 'atomic'",
        reason: 'it reads the past; write in a transaction of its own',
      });
    if (this.#open.size === 0) await this.openOn(this.#leases.directory.sources);
    const lease = this.#open.get(source);
    if (lease === undefined) throw new MeshError('SM_SNAPSHOT_UNAVAILABLE', { reason: `source '${source}' is new` });
    if (!lease.active || lease.connection.state === 'closed')
      throw new MeshError('SM_TRANSACTION_ABORTED', { reason: `the snapshot of source '${source}' was lost` });
    await this.#leases.prepare(lease);
    return this.#leases.held(source, lease);
  }

  /** Opens the snapshots. Connections are waited for before anything is held up for them, in the order of their names. */
  async openOn(sources: Iterable<string>): Promise<void> {
    const isolation = this.#state.transaction.isolation ?? this.#state.settings.variables.get('tx_isolation');
    if (/SERIALIZABLE/i.test(isolation ?? this.#state.settings.variables.get('transaction_isolation') ?? ''))
      throw new MeshError('SM_UNSUPPORTED', {
        what: "shardmesh_snapshot = 'atomic' at SERIALIZABLE",
        reason: 'its reads lock what they see; use REPEATABLE READ',
      });
    if (this.#snapshots === undefined)
      throw new MeshError('SM_SNAPSHOT_UNAVAILABLE', { reason: 'there is no XA here' });
    const { directory, capabilities } = this.#leases;
    try {
      for (const source of [...sources].sort()) this.#open.set(source, await this.#leases.acquire(source, false));
      const addresses = directory.sources.map((source) =>
        addressOf(directory.primaryPool(source, capabilities).options.connect),
      );
      await this.#snapshots.open([...this.#open.values()], addresses);
      this.#leases.checkGoing();
    } catch (error) {
      this.cut();
      throw error;
    }
  }

  /** The transaction, or the statement, has ended: nothing can be lost with it. */
  end(): void {
    for (const lease of this.#open.values())
      lease.connection.query('COMMIT').then(
        () => lease.release(),
        () => lease.destroy(),
      );
    this.#open.clear();
  }

  /** The same at once. */
  cut(): void {
    for (const lease of this.#open.values()) lease.destroy();
    this.#open.clear();
  }
}
