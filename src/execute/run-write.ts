/** A write to several shards: all or nothing, also inside a transaction of the session. */
import { BackendFault, type Lease, ServerError } from '../backend/index.ts';
import { MeshError } from '../base/index.ts';
import type { Action, ShardQuery } from '../plan/index.ts';
import type { Diagnostic } from '../session/index.ts';
import type { Statement } from '../sql/index.ts';
import type { Coordinator, Transaction } from '../transaction/index.ts';
import type { OkPacket } from '../wire/index.ts';
import { branchStatement } from './branch-statement.ts';
import { clientError, endsTransaction, sourceFault } from './faults.ts';
import { logicalColumn, logicalMessage } from './name-mapping.ts';
import { failed } from './run-forward.ts';
import type { Outcome, StatementRun } from './statement-run.ts';
import { runForAnswer, type WriteAnswer } from './write-answer.ts';

type Write = Extract<Action, { kind: 'write' }>;

const STATEMENT = 'shardmesh statement';
const SAVEPOINT = `\`${STATEMENT}\``;

/** Never rejects: failures are told to the reply after everything was taken back. */
export async function runWrite(run: StatementRun, action: Write): Promise<Outcome> {
  try {
    const results = await allOrNothing(run, sourcesOf(action.queries), (leases, transaction, timestamp) =>
      writeAll(run, action, leases, transaction, timestamp),
    );
    const summed = sum(results, action, run.plan.statement);
    const rows = tellReturned(run, action, results, summed.warnings);
    if (rows === undefined) run.reply.ok({ ...summed, status: 0 });
    return {
      failed: false,
      rows: rows ?? 0n,
      affected: rows === undefined ? summed.affectedRows : -1n,
      message: summed.message,
      insertId: summed.insertId,
      diagnostics: results.flatMap((result) => result.diagnostics),
      warnings: summed.warnings,
      errno: 0,
    };
  } catch (error) {
    return failed(run.reply, clientError(error, '', action.names, run.backend.directory.physicalSchemas));
  }
}

interface WriteResult extends WriteAnswer {
  readonly diagnostics: readonly Diagnostic[];
}

/** A statement's work on several sources. It must have ended on all of them when it resolves or rejects. */
type Work<T> = (
  leases: ReadonlyMap<string, Lease>,
  transaction: Transaction | undefined,
  /** The statement's time, where it is fixed for all of them. */
  timestamp: string | undefined,
) => Promise<T>;

/** Does the work on connections to all these sources; if it rejects, everything of it has been taken back. */
export function allOrNothing<T>(run: StatementRun, sources: readonly string[], work: Work<T>): Promise<T> {
  return run.state.inTransaction ? insideTransaction(run, sources, work) : ownTransaction(run, sources, work);
}

/** Autocommit: a transaction for this statement alone. */
async function ownTransaction<T>(run: StatementRun, sources: readonly string[], work: Work<T>): Promise<T> {
  const { transaction, take } = run.backend.statementTransaction();
  const time = statementTime(run);
  try {
    const leases = new Map<string, Lease>();
    for (const source of sources) {
      const branch = await take(source, time?.set);
      branch.wrote = true;
      leases.set(source, branch.lease);
    }
    const results = await work(leases, transaction, time?.at);
    run.backend.settling();
    await onAll(leases, time?.reset);
    await transaction.commit();
    return results;
  } catch (error) {
    await Promise.all(
      transaction.sources.map(async (source) => {
        const lease = transaction.branch(source)?.lease;
        // A connection that does not forget the statement's time must not answer anybody else.
        if (lease !== undefined && time !== undefined)
          await lease.connection.query(time.reset).catch(() => lease.destroy());
      }),
    );
    await transaction.rollback();
    throw error;
  }
}

/** Inside the session's transaction: a savepoint on every target, so that a failure on one takes the statement back on all. */
async function insideTransaction<T>(run: StatementRun, sources: readonly string[], work: Work<T>): Promise<T> {
  const time = statementTime(run);
  const leases = new Map<string, Lease>();
  let coordinator: Coordinator | undefined;
  try {
    for (const source of sources) {
      const held = await run.backend.take(source, 'write');
      leases.set(source, held.lease);
      await held.lease.connection.query(joined(`SAVEPOINT ${SAVEPOINT}`, time?.set));
    }
    coordinator = run.backend.transaction?.coordinator;
    coordinator?.savepoint?.('set', STATEMENT);
    const results = await work(leases, run.backend.transaction, time?.at);
    await onAll(leases, joined(time?.reset, `RELEASE SAVEPOINT ${SAVEPOINT}`));
    coordinator?.savepoint?.('release', STATEMENT);
    return results;
  } catch (error) {
    if (
      error instanceof BackendFault ||
      (error instanceof MeshError && (error.code === 'SM_SOURCE_LOST' || error.code === 'SM_BARRIER'))
    ) {
      await run.backend.transactionLost(error.message);
      throw error;
    }
    if (error instanceof ServerError && endsTransaction(error.errno)) {
      // One server has rolled its part back: the transaction as a whole must be gone everywhere.
      await forgetTime(leases, time?.reset);
      await run.backend.rollback();
      throw error;
    }
    try {
      await onAll(leases, joined(time?.reset, `ROLLBACK TO SAVEPOINT ${SAVEPOINT}`, `RELEASE SAVEPOINT ${SAVEPOINT}`));
      coordinator?.savepoint?.('rollback to', STATEMENT);
      coordinator?.savepoint?.('release', STATEMENT);
    } catch (second) {
      await forgetTime(leases, time?.reset);
      await run.backend.transactionLost(second instanceof Error ? second.message : String(second));
    }
    throw error;
  }
}

/** Connections that cannot be told to forget the statement's time are cut off. */
async function forgetTime(leases: ReadonlyMap<string, Lease>, reset: string | undefined): Promise<void> {
  if (reset === undefined) return;
  await Promise.all([...leases.values()].map((lease) => lease.connection.query(reset).catch(() => lease.destroy())));
}

/** Statements of one packet: one that fails stops the rest. */
function joined(...statements: readonly (string | undefined)[]): string {
  return statements.filter((sql) => sql !== undefined).join(';');
}

/** Sources in parallel, the queries of one source in order. The first failure is thrown after all have ended. */
async function writeAll(
  run: StatementRun,
  action: Write,
  leases: ReadonlyMap<string, Lease>,
  transaction: Transaction | undefined,
  timestamp: string | undefined,
): Promise<WriteResult[]> {
  const watching = transaction?.watched === true ? transaction : undefined;
  const results: WriteResult[] = [];
  const failures: unknown[] = [];
  await Promise.all(
    [...leases].map(async ([source, lease]) => {
      for (const [index, query] of action.queries.entries()) {
        if (query.source !== source) continue;
        if (failures.length > 0) return;
        try {
          results[index] = await writeWatched(run, action, query, lease, watching, timestamp);
        } catch (error) {
          if (error instanceof ServerError) error.message = clientRow(error.message, query);
          failures.push(error instanceof BackendFault ? sourceFault(error, source) : error);
          return;
        }
      }
    }),
  );
  if (failures.length > 0) throw failures[0];
  return results.filter((result) => result !== undefined);
}

/** With the transaction's coordinator told before and behind, if it wants to know. */
async function writeWatched(
  run: StatementRun,
  action: Write,
  query: ShardQuery,
  lease: Lease,
  watching: Transaction | undefined,
  timestamp: string | undefined,
): Promise<WriteResult> {
  const branch = watching?.branch(query.source);
  if (watching === undefined || branch === undefined) return writeOne(run, action, query, lease);
  const { coordinator } = watching;
  const statement = branchStatement(run, query, 'write', timestamp);
  await coordinator.beforeStatement?.(branch, statement);
  let result: WriteResult;
  try {
    result = await writeOne(run, action, query, lease);
  } catch (error) {
    if (error instanceof ServerError)
      await coordinator.afterStatement?.(branch, statement, { ok: undefined, errno: error.errno });
    throw error;
  }
  await coordinator.afterStatement?.(branch, statement, { ok: result.ok, errno: 0 });
  return result;
}

async function writeOne(run: StatementRun, action: Write, query: ShardQuery, lease: Lease): Promise<WriteResult> {
  if (run.plan.effects.readsInsertId) await run.backend.leases.replayInsertId(lease);
  const answer = await runForAnswer(run, query, lease);
  run.backend.leases.insertIdUnknown(lease);
  if (answer.returned !== undefined && query.rows !== undefined && answer.returned.rows.length !== query.rows.length)
    throw new MeshError('SM_UNSUPPORTED', {
      what: 'RETURNING of rows for several nodes of which some were left out',
      reason: 'which ones is not told, so that the others cannot be put in order',
    });
  if (answer.ok.warnings === 0) return { ...answer, diagnostics: [] };
  const schemas = run.backend.directory.physicalSchemas;
  const diagnostics = (await run.backend.diagnostics(lease)).map((entry) => ({
    ...entry,
    message: clientRow(logicalMessage(entry.message, entry.code, action.names, schemas), query),
  }));
  return { ...answer, diagnostics };
}

/** The rows of RETURNING as one result, in the order of the statement's rows; undefined: there is no RETURNING. */
function tellReturned(
  { reply }: StatementRun,
  action: Write,
  results: readonly WriteResult[],
  warnings: number,
): bigint | undefined {
  const first = results[0]?.returned;
  if (first === undefined) return undefined;
  const rows: Buffer[] = [];
  for (const [index, { returned }] of (action.affected === 'once' ? results.slice(0, 1) : results).entries()) {
    const places = action.queries[index]?.rows;
    for (const [at, row] of (returned?.rows ?? []).entries()) rows[places?.[at] ?? rows.length] = row;
  }
  reply.header(
    first.definitions.map((definition) => logicalColumn(definition, action.names)),
    0,
  );
  for (const row of rows) reply.row(row);
  reply.end(warnings, 0);
  return BigInt(rows.length);
}

/** "at row 1" of a shard's part of an INSERT, counted as the client wrote the rows. */
function clientRow(message: string, query: ShardQuery): string {
  const { rows } = query;
  if (rows === undefined) return message;
  return message.replace(/( at row )(\d+)$/, (whole, words: string, row: string) => {
    const own = rows[Number(row) - 1];
    return own === undefined ? whole : `${words}${own + 1}`;
  });
}

/** One statement time for all shards, unless the session has fixed its own. */
export function statementTime(
  run: StatementRun,
): { readonly at: string; readonly set: string; readonly reset: string } | undefined {
  if (run.state.settings.variables.has('timestamp')) return undefined;
  const at = (run.clock.now() / 1000).toFixed(6);
  return { at, set: `SET timestamp=${at}`, reset: 'SET timestamp=DEFAULT' };
}

function sourcesOf(queries: readonly ShardQuery[]): readonly string[] {
  return [...new Set(queries.map((query) => query.source))].sort();
}

async function onAll(leases: ReadonlyMap<string, Lease>, sql: string | undefined): Promise<void> {
  if (sql === undefined) return;
  await Promise.all([...leases.values()].map((lease) => lease.connection.query(sql)));
}

/** The shards' OK packets as one: broadcast tables count once. */
function sum(results: readonly WriteResult[], action: Write, statement: Statement | undefined) {
  const counted = action.affected === 'once' ? results.slice(0, 1) : results;
  let affectedRows = 0n;
  let insertId = 0n;
  let warnings = 0;
  for (const { ok } of counted) {
    affectedRows += ok.affectedRows;
    if (insertId === 0n) insertId = ok.insertId;
    warnings += ok.warnings;
  }
  const oks = counted.map(({ ok }) => ok);
  const message =
    statement?.kind === 'insert' ? insertMessage(oks, statement, warnings) : sumMessages(oks.map((ok) => ok.info));
  return { affectedRows, insertId: action.insertId ?? insertId, warnings, message };
}

/** "Records: 3  Duplicates: 1  Warnings: 0". A shard that got one row of several sends no such text: its row is counted here. */
function insertMessage(
  oks: readonly OkPacket[],
  statement: Extract<Statement, { kind: 'insert' }>,
  warnings: number,
): string {
  let records = 0;
  let duplicates = 0;
  for (const ok of oks) {
    const numbers = ok.info.match(/\d+/g);
    records += Number(numbers?.[0] ?? 1);
    if (numbers !== null) duplicates += Number(numbers[1] ?? 0);
    else if (statement.ignore) duplicates += ok.affectedRows === 0n ? 1 : 0;
    else duplicates += ok.affectedRows > 1n ? 1 : 0;
  }
  if (records < 2 && statement.source.kind !== 'query') return '';
  return `Records: ${records}  Duplicates: ${duplicates}  Warnings: ${warnings}`;
}

/** "Records: 2  Duplicates: 0  Warnings: 0" of each shard, added up number by number; texts of unlike shape: the first. */
export function sumMessages(messages: readonly string[]): string {
  const [first = '', ...rest] = messages;
  const shape = first.replace(/\d+/g, '#');
  const numbers = (first.match(/\d+/g) ?? []).map(Number);
  for (const message of rest) {
    if (message.replace(/\d+/g, '#') !== shape) return first;
    for (const [index, text] of (message.match(/\d+/g) ?? []).entries())
      numbers[index] = (numbers[index] as number) + Number(text);
  }
  let index = 0;
  return first.replace(/\d+/g, () => String(numbers[index++]));
}
