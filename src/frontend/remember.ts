/** What a session keeps of a statement for those that ask about it: ROW_COUNT(), FOUND_ROWS(), LAST_INSERT_ID(), warnings. */
import { endsTransaction, type Outcome } from '../execute/index.ts';
import type { Action, Plan } from '../plan/index.ts';
import type { SessionState } from '../session/index.ts';
import type { CommandContext } from './session.ts';
import { onlyError } from './tell-refusal.ts';

/** A promise while a transaction that the server has ended is ended here. */
export function remember(
  context: CommandContext,
  plan: Plan,
  action: Action,
  outcome: Outcome,
): Promise<void> | undefined {
  const { state, backend } = context.session;
  // What it ran has been remembered by itself.
  if (action.kind === 'session') return undefined;
  if (isSchemaSurprise(outcome.errno))
    void context.session.database.schemaChanged(`error ${outcome.errno}`).catch(() => undefined);
  rememberDiagnostics(context, plan, outcome);
  state.rowCount = outcome.failed ? -1n : outcome.affected;
  if (outcome.failed) {
    return endsTransaction(outcome.errno) && state.inTransaction ? backend.rollback() : undefined;
  }
  rememberFoundRows(state, plan, action, outcome);
  if (plan.effects.setsInsertId && outcome.insertId !== 0n) state.lastInsertId = outcome.insertId;
  return undefined;
}

function rememberDiagnostics({ session: { state }, reply }: CommandContext, plan: Plan, outcome: Outcome): void {
  const { diagnostics } = outcome;
  const stopped = reply.interruption;
  if (outcome.errno === ER_QUERY_INTERRUPTED && stopped !== undefined) {
    onlyError(state, stopped, stopped.clientMessage);
    return;
  }
  if (diagnostics.length === 0) {
    if (plan.effects.keepsDiagnostics) return;
    state.diagnostics = diagnostics;
    state.warningCount = outcome.warnings ?? 0;
    return;
  }
  // Each shard lists that many: together they may have more.
  const listedMax = Number(state.settings.variables.get('max_error_count') ?? MAX_ERROR_COUNT);
  state.diagnostics = diagnostics.length > listedMax ? diagnostics.slice(0, listedMax) : diagnostics;
  state.warningCount = Math.max(outcome.warnings ?? 0, diagnostics.length);
}

/** Of a server that nobody has changed. */
const MAX_ERROR_COUNT = 64;

function rememberFoundRows(state: SessionState, plan: Plan, action: Action, outcome: Outcome): void {
  const kind = plan.statement?.kind;
  if (outcome.foundRows !== undefined) state.foundRows = outcome.foundRows;
  else if (outcome.affected !== -1n) {
    // SELECT ... INTO: an OK packet.
    if (kind === 'query') state.foundRows = outcome.affected;
    // INSERT ... SELECT counts what it selected: its message says how many.
    else if (plan.statement?.kind === 'insert' && plan.statement.source.kind === 'query')
      state.foundRows = BigInt(/^Records: (\d+)/.exec(outcome.message ?? '')?.[1] ?? state.foundRows);
  } else if (kind === 'insert' || kind === 'delete') {
    // The rows of RETURNING are not counted.
  } else if (kind === 'show' ? QUERIED_SHOWS.has(showOf(plan)) : kind !== 'other' && kind !== 'explain') {
    state.foundRows = outcome.rows;
  } else if (kind === 'explain' && action.kind !== 'explain') state.foundRows = 0n;
}

function showOf({ statement }: Plan): string {
  return statement?.kind === 'show' ? statement.what : '';
}

/** SHOW statements that servers answer by a query of their own, which FOUND_ROWS() counts. */
const QUERIED_SHOWS: ReadonlySet<string> = new Set([
  'DATABASES',
  'TABLES',
  'TABLE STATUS',
  'OPEN TABLES',
  'COLUMNS',
  'INDEX',
  'VARIABLES',
  'STATUS',
  'COLLATION',
  'CHARACTER SET',
  'EVENTS',
  'TRIGGERS',
  'PROCEDURE STATUS',
  'FUNCTION STATUS',
  'COUNT(*) WARNINGS',
  'COUNT(*) ERRORS',
]);

const ER_QUERY_INTERRUPTED = 1317;

/** Unknown table or column: perhaps the schema was changed beside the mesh. */
function isSchemaSurprise(errno: number): boolean {
  return errno === 1146 || errno === 1054 || errno === 1051;
}
