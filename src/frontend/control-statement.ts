/** BEGIN, COMMIT, ROLLBACK and savepoints of a session. Beginning is lazy: sources join when they are touched. */
import { MeshError } from '../base/index.ts';
import type { TransactionStatement } from '../sql/index.ts';
import type { CommandContext } from './session.ts';

/** Rejects with MeshError or the backend's error; otherwise answers OK. */
export async function runControl(context: CommandContext, statement: TransactionStatement): Promise<void> {
  const { session, reply } = context;
  const { state, backend } = session;
  switch (statement.verb) {
    case 'begin':
      if (state.inTransaction) await backend.commit();
      await backend.unlockTables();
      state.transaction = {
        ...state.transaction,
        access:
          statement.readOnly === undefined ? state.transaction.access : statement.readOnly ? 'READ ONLY' : 'READ WRITE',
        consistentSnapshot: statement.consistentSnapshot,
        type: state.mesh.shardmesh_transaction_type,
        snapshot: state.mesh.shardmesh_snapshot,
      };
      state.inTransaction = true;
      break;
    case 'commit':
    case 'rollback': {
      const characteristics = state.transaction;
      if (statement.verb === 'commit') await backend.commit();
      else await backend.rollback();
      if (statement.chain) {
        state.transaction = characteristics;
        state.inTransaction = true;
      }
      break;
    }
    case 'savepoint':
      // Outside of a transaction a savepoint is gone with its own statement.
      if (opened(context)) await backend.openTransaction().savepoint(nameOf(statement));
      break;
    case 'rollback to':
      requireSavepoint(context, nameOf(statement));
      await backend.openTransaction().rollbackTo(nameOf(statement));
      break;
    case 'release':
      requireSavepoint(context, nameOf(statement));
      await backend.openTransaction().release(nameOf(statement));
      break;
  }
  reply.done();
  if (statement.release) context.reply.closeAfterReply = true;
}

/** With autocommit=0 the first savepoint opens the transaction. */
function opened(context: CommandContext): boolean {
  const { state } = context.session;
  if (!state.autocommit) state.inTransaction = true;
  return state.inTransaction;
}

function requireSavepoint(context: CommandContext, name: string): void {
  const { state, backend } = context.session;
  if (!state.inTransaction || !backend.openTransaction().hasSavepoint(name)) {
    throw new MeshError('ER_SP_DOES_NOT_EXIST', { kind: 'SAVEPOINT', name });
  }
}

function nameOf(statement: TransactionStatement): string {
  return statement.savepoint?.name ?? '';
}
