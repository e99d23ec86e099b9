/**
 * The seam where transaction types differ: how branches begin, and how they all commit.
 *
 * LOCAL is the only type so far. XA slips in as a second implementation: `openSql` then starts an XA branch for
 * all sources but the first, and `commit` prepares before it decides.
 */
import { BackendFault } from '../backend/index.ts';
import { MeshError } from '../base/index.ts';
import type { TransactionCharacteristics } from '../session/index.ts';
import type { Branch } from './branch.ts';

export interface CommitProtocol {
  readonly type: 'LOCAL';
  /** What opens a branch on a backend connection, in order. */
  openSql(characteristics: TransactionCharacteristics, first: boolean): readonly string[];
  /** Ends every branch; resolves when the outcome is certain. Leases are released or destroyed by the caller. */
  commit(branches: readonly Branch[]): Promise<void>;
}

/**
 * Each source commits by itself. With one writer this is exact; with several, a failure after the first success cannot be
 * taken back and is told as SM_PARTIAL_COMMIT.
 */
export const localProtocol: CommitProtocol = {
  type: 'LOCAL',

  openSql(characteristics) {
    const statements: string[] = [];
    if (characteristics.isolation !== undefined) {
      statements.push(`SET TRANSACTION ISOLATION LEVEL ${characteristics.isolation}`);
    }
    const options: string[] = [];
    if (characteristics.consistentSnapshot) options.push('WITH CONSISTENT SNAPSHOT');
    if (characteristics.access !== undefined) options.push(characteristics.access);
    statements.push(options.length === 0 ? 'BEGIN' : `START TRANSACTION ${options.join(', ')}`);
    return statements;
  },

  async commit(branches) {
    const readers = branches.filter((branch) => !branch.wrote);
    const writers = branches.filter((branch) => branch.wrote);
    const committed: string[] = [];
    // One after the other: the first failure then leaves as many branches as possible still to be rolled back.
    for (const [index, branch] of writers.entries()) {
      try {
        await branch.lease.connection.query('COMMIT');
        committed.push(branch.source);
      } catch (cause) {
        const rest = writers.slice(index + 1);
        await rollbackAll([...rest, ...readers]);
        const unknown = cause instanceof BackendFault && cause.mayHaveExecuted;
        if (committed.length === 0 && (rest.length === 0 || !unknown)) throw cause;
        if (unknown) branch.lease.destroy();
        throw new MeshError(
          'SM_PARTIAL_COMMIT',
          {
            committed: committed.join(', '),
            failed: [
              unknown ? `${branch.source} (outcome unknown)` : branch.source,
              ...rest.map((other) => other.source),
            ].join(', '),
            reason: cause instanceof Error ? cause.message : String(cause),
          },
          { cause },
        );
      }
    }
    // A reader's COMMIT only ends its snapshot: losing it loses nothing.
    await Promise.all(
      readers.map((branch) => branch.lease.connection.query('COMMIT').catch(() => branch.lease.destroy())),
    );
  },
};

/** Rolls back every branch; one that cannot be asked is destroyed, which rolls it back on its server. */
export async function rollbackAll(branches: readonly Branch[]): Promise<void> {
  await Promise.all(
    branches.map((branch) => branch.lease.connection.query('ROLLBACK').catch(() => branch.lease.destroy())),
  );
}
