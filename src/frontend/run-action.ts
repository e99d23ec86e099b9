/** Carries out a bound action: the session's own kinds here, those of shards below. */
import { MeshError, unreachable } from '../base/index.ts';
import { type ClientRequest, execute, type Outcome, quietOutcome, writeLocalRows } from '../execute/index.ts';
import { type Action, explainRows, type Plan } from '../plan/index.ts';
import type { Hints } from '../rules/index.ts';
import { databaseDenied, mayUse } from './accounts.ts';
import { runControl } from './control-statement.ts';
import { setHinted } from './hinted-variables.ts';
import { runKill } from './kill-statement.ts';
import { notUnderstood } from './not-understood.ts';
import { remember } from './remember.ts';
import { runResolve } from './resolve-statement.ts';
import { runOwn } from './run-own.ts';
import { runPinned } from './run-pinned.ts';
import type { CommandContext } from './session.ts';
import { runSet } from './set-statement.ts';
import { statementRun } from './shard-run.ts';
import { runShow } from './show-statement.ts';
import { tell } from './tell-refusal.ts';
import { runTemporary } from './temporary-tables.ts';

/** Never rejects: the reply has been told whatever happened. */
export async function runAction(
  context: CommandContext,
  plan: Plan,
  action: Action,
  request: ClientRequest,
  text: Buffer,
  hints: Hints,
): Promise<Outcome> {
  const { session } = context;
  session.runningText = text;
  session.startedAt = performance.now();
  const stop = limitTime(context, action);
  let takeBack: (() => void) | undefined;
  try {
    if (hints.variables.size > 0) takeBack = setHinted(context, plan, hints.variables);
    const outcome = await (action.kind === 'forward' && plan.statement?.kind !== 'other'
      ? carryOutOnShards(context, plan, action, request)
      : carryOut(context, plan, action, request, text));
    const ending = remember(context, plan, action, outcome);
    if (ending !== undefined) await ending;
    return outcome;
  } catch (error) {
    tell(context, error);
    return { ...quietOutcome, failed: true };
  } finally {
    takeBack?.();
    stop?.();
    const kills = session.backend.statementDone();
    if (kills !== undefined) await kills;
    session.backend.leases.meter.held = undefined;
    session.runningText = undefined;
  }
}

/** `limits.statementTimeout`: the statement is killed on its backends. Answers what ends the watch. */
function limitTime(context: CommandContext, action: Action): (() => void) | undefined {
  const { session, reply } = context;
  const ms = session.snapshot.limits.statementTimeoutMs;
  // COMMIT and its like are never cut between two sources.
  if (ms === 0 || action.kind === 'control') return undefined;
  const timer = setTimeout(() => {
    reply.interruption = new MeshError('SM_STATEMENT_TIMEOUT', { ms });
    void session.backend.leases.interrupt(reply.interruption).catch(() => undefined);
  }, ms);
  return () => {
    clearTimeout(timer);
    reply.interruption = undefined;
  };
}

async function carryOut(
  context: CommandContext,
  plan: Plan,
  action: Action,
  request: ClientRequest,
  text: Buffer,
): Promise<Outcome> {
  const { session, reply } = context;
  switch (action.kind) {
    case 'control':
      await runControl(context, action.statement);
      return quietOutcome;
    case 'set':
      await runSet(context, statementRun(context, plan, request), text);
      return quietOutcome;
    case 'session':
      return runOwn(context, text);
    case 'use':
      useDatabase(context, action.database);
      return quietOutcome;
    case 'kill':
      await runKill(context, action.target, action.id);
      return quietOutcome;
    case 'explain':
      return { ...quietOutcome, rows: writeLocalRows(reply, explainRows(action.of)), affected: -1n };
    case 'reload': {
      const problems = await session.share.mesh.reload();
      if (problems.length > 0) throw new MeshError('SM_CONFIG', { message: problems.join('; ') });
      reply.done();
      return quietOutcome;
    }
    case 'resolve':
      await runResolve(context, text);
      return quietOutcome;
    case 'inspect':
      if (action.query === undefined) return runShow(context, action.show, action.like, text);
      await commitImplicitly(context, plan);
      return execute(statementRun(context, plan, request), action, session.aftermath);
    case 'pinned': {
      await commitImplicitly(context, plan);
      if (action.pin === 'found rows') {
        // Read on the same connection right after the statement, FOUND_ROWS() is session data and holds nothing.
        if (!session.state.autocommit && !session.state.inTransaction) session.state.inTransaction = true;
        const { route, query, names } = action;
        const forward = { kind: 'forward', access: 'read', route, query, names } as const;
        return execute(statementRun(context, plan, request), forward, session.aftermath);
      }
      if (action.pin === 'temporary table')
        return runTemporary(session, statementRun(context, plan, request), action, session.aftermath);
      return runPinned(context, statementRun(context, plan, request), action, text);
    }
    case 'refuse':
      if (plan.kind === 'notUnderstood')
        return notUnderstood(statementRun(context, plan, request), context, text, action.error);
      return execute(statementRun(context, plan, request), action, session.aftermath);
    case 'ddl':
      // DDL commits what was open, as on any server; if that fails the DDL does not run.
      if (session.state.inTransaction) await session.backend.commit();
      return execute(statementRun(context, plan, request), action, session.aftermath);
    case 'reply':
      return execute(statementRun(context, plan, request), action, session.aftermath);
    case 'forward':
    case 'scatter':
    case 'scratch':
    case 'write':
    case 'load':
    case 'insertSelect':
    case 'selectInto':
      if (plan.statement?.kind === 'other') await commitImplicitly(context, plan);
      return carryOutOnShards(context, plan, action, request);
    default:
      return unreachable(action);
  }
}

/** Opens the session's transaction if its first statement must, and runs the action. */
function carryOutOnShards(
  context: CommandContext,
  plan: Plan,
  action: TableAction,
  request: ClientRequest,
): Promise<Outcome> {
  const { state, aftermath } = context.session;
  if (!state.autocommit && !state.inTransaction && plan.statement?.kind !== 'other' && touchesTables(action))
    state.inTransaction = true;
  return execute(statementRun(context, plan, request), action, aftermath);
}

type TableAction = Extract<
  Action,
  { kind: 'forward' | 'scatter' | 'scratch' | 'write' | 'insertSelect' | 'selectInto' | 'load' }
>;

/** Statements besides DDL that end a transaction on any server. */
const COMMITTING: ReadonlySet<string> = new Set([
  'ANALYZE',
  'CHECK',
  'OPTIMIZE',
  'REPAIR',
  'CACHE INDEX',
  'LOAD INDEX',
  'LOCK TABLES',
  'FLUSH',
  'RESET',
  'GRANT',
  'REVOKE',
  'RENAME USER',
  'INSTALL',
  'UNINSTALL',
]);

async function commitImplicitly({ session }: CommandContext, plan: Plan): Promise<void> {
  const { statement } = plan;
  if (statement?.kind !== 'other' || !COMMITTING.has(statement.verb) || !session.state.inTransaction) return;
  await session.backend.commit();
}

function touchesTables(action: Action): boolean {
  return !('route' in action) || action.route.reason !== 'no table';
}

export function useDatabase(context: CommandContext, database: string): void {
  const { session, account, reply } = context;
  if (!mayUse(account, database)) throw databaseDenied(account, database, session.state.host);
  if (!session.snapshot.databases.has(database)) throw new MeshError('ER_BAD_DB_ERROR', { database });
  if (session.state.database !== database && session.state.database !== undefined && !session.backend.quiet) {
    throw new MeshError('SM_UNSUPPORTED', {
      what: 'USE of another database inside of a transaction',
      reason: 'its branches belong to the first one',
    });
  }
  session.use(database);
  reply.done();
}
