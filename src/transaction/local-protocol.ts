/** LOCAL: each source commits by itself. With one writer this is exact; with several a failure after the first success cannot be taken back. */
import { BackendFault } from '../backend/index.ts';
import { MeshError } from '../base/index.ts';
import type { Branch } from './branch.ts';
import { type CommitProtocol, plainOpening, rollbackAll } from './commit-protocol.ts';

export const localProtocol: CommitProtocol = {
  type: 'LOCAL',
  begin: ({ characteristics }) => ({
    type: 'LOCAL',
    id: undefined,
    open: () => plainOpening(characteristics),
    commit: commitEach,
    rollback: rollbackAll,
  }),
};

async function commitEach(branches: readonly Branch[]): Promise<void> {
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
}
