/** Statements that leave something on their server's connection, which the session then keeps until nothing is left: locks and handlers. */
import { execute, type Outcome, type StatementRun } from '../execute/index.ts';
import type { Action } from '../plan/index.ts';
import { forEachExpression } from '../sql/index.ts';
import { ownStatement } from './own-statement.ts';
import type { CommandContext } from './session.ts';

/** Rejects as `pinTo` does. */
export async function runPinned(
  context: CommandContext,
  run: StatementRun,
  action: Extract<Action, { kind: 'pinned' }>,
  text: Buffer,
): Promise<Outcome> {
  const { session } = context;
  const { backend } = session;
  const { pin, route, names, ends } = action;
  const { statement } = run.plan;
  const handler = statement?.kind === 'other' ? statement.handler : undefined;
  // What names no table concerns what is there already, on whichever source.
  const known = ends || handler === 'read' || handler === 'close' ? backend.pin : undefined;
  const query = known?.reasons.has(pin) === true ? { ...action.query, source: known.source } : action.query;
  await backend.pinTo(query.source, pin);
  const outcome = await execute(run, { kind: 'forward', access: 'write', route, query, names }, session.aftermath);
  if (ends) backend.unpin(pin);
  else if (pin === 'user lock') await settleUserLocks(context, text);
  else if (pin === 'handler') settleHandlers(context, handler, statementName(run), outcome);
  return outcome;
}

function statementName(run: StatementRun): string {
  const { statement } = run.plan;
  return statement?.kind === 'other' ? (statement.name?.name ?? '').toLowerCase() : '';
}

/** The pin ends with the last handler. */
function settleHandlers({ session }: CommandContext, verb: string | undefined, name: string, outcome: Outcome): void {
  const { handlers, backend } = session;
  if (backend.pin === undefined) handlers.clear();
  else if (!outcome.failed && verb === 'open') handlers.add(name);
  else if (!outcome.failed && verb === 'close') handlers.delete(name);
  if (handlers.size === 0) backend.unpin('handler');
}

/** Tells the pin which locks a statement may have taken. */
async function settleUserLocks(context: CommandContext, planned: Buffer): Promise<void> {
  const { statement, text } = ownStatement(context, planned);
  const taken: (Buffer | undefined)[] = [];
  let releasedAll = false;
  forEachExpression(statement, (expression) => {
    if (expression.kind !== 'call') return;
    if (expression.name === 'RELEASE_ALL_LOCKS') releasedAll = true;
    if (expression.name !== 'GET_LOCK') return;
    const name = expression.args[0];
    taken.push(name?.kind === 'literal' ? text.subarray(name.start, name.end) : undefined);
  });
  await context.session.backend.settleUserLocks(taken, releasedAll);
}
