/** Runs an action on its shards: one small file per kind of action, chosen here. */

import { MeshError } from '../base/index.ts';
import type { Action, ShardQuery } from '../plan/index.ts';
import { mayUseReplica } from './elsewhere.ts';
import { clientError } from './faults.ts';
import { MemoryReply } from './memory-reply.ts';
import type { ErrorValues } from './reply.ts';
import { runDdl } from './run-ddl.ts';
import { failed, runForward } from './run-forward.ts';
import { runInspect } from './run-inspect.ts';
import { runLoad } from './run-load.ts';
import { runReader } from './run-reader.ts';
import { runScatter } from './run-scatter.ts';
import { runScratch } from './run-scratch.ts';
import { runSelectInto } from './run-select-into.ts';
import { runWrite } from './run-write.ts';
import { textRequest } from './shard-request.ts';
import { type Outcome, quietOutcome, type StatementRun } from './statement-run.ts';
import { writeLocalRows } from './write-rows.ts';

/** The actions that need backends, or only a reply; all others are the session's own. */
export type ShardAction = Extract<
  Action,
  {
    kind:
      | 'reply'
      | 'forward'
      | 'scatter'
      | 'scratch'
      | 'write'
      | 'load'
      | 'insertSelect'
      | 'selectInto'
      | 'ddl'
      | 'inspect'
      | 'refuse';
  }
>;

/** What an action may set off outside of this room. */
export interface Aftermath {
  /** The schema has changed: read the catalog again. */
  schemaChanged(): Promise<void>;
}

/** Never rejects: the reply has been told whatever happened. */
export function execute(run: StatementRun, action: ShardAction, aftermath: Aftermath): Promise<Outcome> {
  // The usual case, without another promise around its own.
  if (action.kind === 'forward' && action.access === 'read' && mayUseReplica(run)) return runReader(run, action);
  if (action.kind === 'forward') return run.backend.inBranch ? forwardInBranch(run, action) : runForward(run, action);
  return executeOther(run, action, aftermath);
}

/** Autocommit in a branch of a transaction across services: a write becomes a transaction with the barrier in it. */
async function forwardInBranch(run: StatementRun, action: Extract<Action, { kind: 'forward' }>): Promise<Outcome> {
  const kind = run.plan.statement?.kind;
  if (action.access === 'read' || kind === 'query') return await runForward(run, action);
  if (kind !== 'insert' && kind !== 'update' && kind !== 'delete')
    return failed(
      run.reply,
      new MeshError('SM_UNSUPPORTED', {
        what: 'this statement outside of a transaction while shardmesh_branch is set',
        reason: 'its effects could not be kept by the barrier; BEGIN first',
      }),
    );
  const { route, query, names, insertId } = action;
  const write = { kind: 'write', route, queries: [query], affected: 'sum', names } as const;
  return await writeInBranch(run, insertId === undefined ? write : { ...write, insertId });
}

async function writeInBranch(run: StatementRun, action: Extract<Action, { kind: 'write' }>): Promise<Outcome> {
  const { inBranch } = run.backend;
  const outcome = await runWrite(run, action);
  if (inBranch) run.backend.branchEnded();
  return outcome;
}

async function executeOther(
  run: StatementRun,
  action: Exclude<ShardAction, { kind: 'forward' }>,
  aftermath: Aftermath,
): Promise<Outcome> {
  switch (action.kind) {
    case 'reply': {
      if (action.rows !== undefined)
        return { ...quietOutcome, rows: writeLocalRows(run.reply, action.rows), affected: -1n };
      const affected = action.affected ?? 0n;
      run.reply.ok({ affectedRows: affected, insertId: 0n, warnings: 0, message: '', status: 0 });
      return { ...quietOutcome, affected };
    }
    case 'scatter':
      return atomically(run, action.queries, () => runScatter(run, action));
    case 'scratch':
      return atomically(run, feedQueries(action), () => runScratch(run, action));
    case 'write':
      return writeInBranch(run, action);
    case 'load':
      return runLoad(run, action);
    case 'ddl':
      return runDdl(run, action, () => aftermath.schemaChanged());
    case 'inspect': {
      if (action.query === undefined) throw new Error('an inspect action without query belongs to the session');
      return runInspect(run, { ...action, query: action.query });
    }
    case 'insertSelect':
      return runInsertSelect(run, action, aftermath);
    case 'selectInto':
      return runSelectInto(run, action, (inner, read) => execute(inner, read as ShardAction, aftermath));
    case 'refuse':
      return failed(run.reply, action.error);
  }
}

/** Outside of a transaction, with `shardmesh_snapshot = 'atomic'`: reads of several sources see snapshots that belong together. */
async function atomically(
  run: StatementRun,
  queries: readonly ShardQuery[],
  read: () => Promise<Outcome>,
): Promise<Outcome> {
  const { atomic, directory } = run.backend;
  if (!atomic.forStatement) return await read();
  const sources = new Set(queries.map((query) => query.source));
  if (sources.size < 2) return await read();
  try {
    await atomic.openOn(sources);
  } catch (error) {
    return failed(run.reply, clientError(error, '', emptyNames, directory.physicalSchemas));
  }
  try {
    return await read();
  } finally {
    atomic.end();
  }
}

function feedQueries({ scratch }: Extract<ShardAction, { kind: 'scratch' }>): readonly ShardQuery[] {
  return scratch.feeds.flatMap(({ rows }) => (rows.kind === 'informationSchema' ? [] : rows.queries));
}

/** Reads first, in whatever way the query takes, then inserts what was read. */
async function runInsertSelect(
  run: StatementRun,
  action: Extract<Action, { kind: 'insertSelect' }>,
  aftermath: Aftermath,
): Promise<Outcome> {
  const memory = new MemoryReply(run.reply.protocol, run.limits.resultMemory);
  run.backend.leases.meter.held = () => memory.bytesHeld;
  const read = await execute({ ...run, reply: memory }, action.read as ShardAction, aftermath);
  if (read.failed || memory.failure !== undefined) {
    return failed(
      run.reply,
      memory.failure ?? new MeshError('SM_INTERNAL', { message: 'the query of an INSERT failed without an error' }),
    );
  }
  const strict = strictWarning(run, read);
  if (strict !== undefined) return failed(run.reply, strict);
  let next: Action;
  try {
    next = await action.insert(memory.rows);
  } catch (error) {
    return failed(run.reply, clientError(error, '', emptyNames, run.backend.directory.physicalSchemas));
  }
  // The rows are literals now: the client's parameters are used up.
  return execute({ ...run, request: textRequest }, next as ShardAction, aftermath);
}

/**
 * What a query only warns of, such as a text compared as a number, is an error inside of a writing statement under a strict
 * sql_mode: read on its own, the first warning stands for it.
 */
function strictWarning(run: StatementRun, read: Outcome): ErrorValues | undefined {
  const statement = run.plan.statement;
  if (statement !== undefined && 'ignore' in statement && statement.ignore) return undefined;
  const mode = run.state.settings.variables.get('sql_mode');
  // Unset: the server's own, which is strict unless somebody has chosen otherwise.
  if (mode !== undefined && !/STRICT_(TRANS|ALL)_TABLES|TRADITIONAL/i.test(mode)) return undefined;
  const warning = read.diagnostics.find((entry) => entry.level === 'Warning');
  if (warning === undefined) return undefined;
  return {
    errno: warning.code,
    sqlState: warning.code === ER_TRUNCATED_WRONG_VALUE ? '22007' : 'HY000',
    message: warning.message,
  };
}

const ER_TRUNCATED_WRONG_VALUE = 1292;

const emptyNames = { database: undefined, tables: new Map<string, string>() };
