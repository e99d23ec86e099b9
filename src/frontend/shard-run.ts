/** What the floor of the shards needs to carry out a statement of a session. */
import { systemClock } from '../base/index.ts';
import type { ClientRequest, StatementRun } from '../execute/index.ts';
import type { Plan } from '../plan/index.ts';
import type { CommandContext } from './session.ts';

/** The reply is the client's; a caller that wants the answer for itself puts another in its place. */
export function statementRun(context: CommandContext, plan: Plan, request: ClientRequest): StatementRun {
  const { session } = context;
  return {
    state: session.state,
    backend: session.backend,
    reply: context.reply,
    request,
    plan,
    limits: { resultMemory: session.snapshotInUse.limits.resultMemory },
    clock: systemClock,
    file: context.file,
    insertIdUncertain: insertIdUncertain(context, plan),
  };
}

/**
 * An INSERT that names the AUTO_INCREMENT column: the OK packet's id may be the given value, which LAST_INSERT_ID() must not
 * become; the server is asked afterwards.
 */
function insertIdUncertain(context: CommandContext, plan: Plan): boolean {
  const statement = plan.statement;
  // LAST_INSERT_ID(expr) in a query: no OK packet tells the value.
  if (statement?.kind !== 'insert') return plan.effects.setsInsertId;
  const { temporary, database } = context.session;
  const name = statement.table.table.name;
  const table = temporary?.get(name) ?? database.schema().tables.get(name);
  const auto = table?.columns.find((column) => column.autoIncrement);
  if (auto === undefined) return false;
  if (statement.source.kind === 'set') {
    return statement.source.assignments.some(
      (assignment) => assignment.column.column.name.toLowerCase() === auto.name.toLowerCase(),
    );
  }
  return (
    statement.columns.length === 0 ||
    statement.columns.some((column) => column.name.toLowerCase() === auto.name.toLowerCase())
  );
}
