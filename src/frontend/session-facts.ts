/** What of a session is spliced into statements. */
import type { SessionFacts } from '../plan/index.ts';
import type { Diagnostic } from '../session/index.ts';
import type { Session } from './session.ts';

export function factsOf(session: Session): SessionFacts {
  const { state } = session;
  return {
    database: state.database,
    connectionId: state.connectionId,
    user: `${state.user}@${state.host}`,
    currentUser: `${state.user}@${state.accountHost}`,
    lastInsertId: state.lastInsertId,
    foundRows: state.foundRows,
    rowCount: state.rowCount,
    warningCount: state.warningCount,
    errorCount: state.diagnostics.length === 0 ? 0 : errorsOf(state.diagnostics),
    autocommit: state.autocommit,
    inTransaction: state.inTransaction,
    mesh: state.mesh,
    position: session.backend.reads,
  };
}

function errorsOf(diagnostics: readonly Diagnostic[]): number {
  return diagnostics.filter((entry) => entry.level === 'Error').length;
}
