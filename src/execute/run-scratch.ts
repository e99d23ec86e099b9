/** A SELECT that only a server can answer: its tables' needed rows are copied into temporary tables, then its own text runs there. */
import { BackendFault, type Lease } from '../backend/index.ts';
import { MeshError } from '../base/index.ts';
import { ScratchInsert, scratchLoadSettings } from '../merge/index.ts';
import type { Action, ScratchFeed } from '../plan/index.ts';
import { type Diagnostic, settingsReplay, withVariables } from '../session/index.ts';
import { BinaryRowView, parseColumnDefinition, payloadOf, writeTextRow } from '../wire/index.ts';
import { Elsewhere, mayUseReplica } from './elsewhere.ts';
import { sourceFault } from './faults.ts';
import type { ReaderAttempt } from './guarded-read.ts';
import { informationSchemaRows } from './information-schema.ts';
import { textOf } from './memory-reply.ts';
import { logicalColumn, logicalMessage } from './name-mapping.ts';
import { failed, forwardOn } from './run-forward.ts';
import { shardFailure } from './run-scatter.ts';
import type { StatementLease } from './running-lease.ts';
import { enterScratch } from './scratch-gate.ts';
import { openShardReads } from './shard-reads.ts';
import { bufferOf, textRequest } from './shard-request.ts';
import type { ShardStream } from './shard-stream.ts';
import type { Outcome, StatementRun } from './statement-run.ts';
import { runForOk } from './write-answer.ts';

/** One INSERT of the load. */
const INSERT_BYTES = 512 * 1024;

/** As many as any server lists. */
const WARNINGS_MAX = 65_535;

type Scratch = Extract<Action, { kind: 'scratch' }>;

/** Never rejects: failures are told to the reply. The temporary tables are gone when it resolves. */
export async function runScratch(run: StatementRun, action: Scratch): Promise<Outcome> {
  let reader: ReaderAttempt | undefined = mayUseReplica(run) ? { primaryOnly: false } : undefined;
  for (let attempt = 0; ; attempt += 1) {
    const outcome = await scratchOnce(run, action, reader, attempt);
    if (!('primaryOnly' in outcome)) return outcome;
    reader = outcome;
  }
}

/** Answers where to read again if a replica failed: nothing has been told before the last statement runs. */
async function scratchOnce(
  run: StatementRun,
  action: Scratch,
  reader: ReaderAttempt | undefined,
  attempt: number,
): Promise<Outcome | ReaderAttempt> {
  const { backend, reply } = run;
  const { scratch, names } = action;
  const schemas = backend.directory.physicalSchemas;
  let held: StatementLease | undefined;
  let leave: (() => void) | undefined;
  const made: string[] = [];
  const logical = (entries: readonly Diagnostic[]): readonly Diagnostic[] =>
    entries.map((entry) => ({ ...entry, message: logicalMessage(entry.message, entry.code, names, schemas) }));
  try {
    leave = await enterScratch(backend.directory.primaryPool(scratch.source, backend.leases.capabilities));
    // Outside of the session's transaction: only the feeds must see its writes, and they are read inside of it.
    held = await backend.leases.takeFree(scratch.source);
    const { lease } = held;
    const load = loadSettings(run);
    let copied = 0;
    const earlier: Diagnostic[] = [];
    for (const feed of scratch.feeds) {
      if (load.enter !== undefined) await lease.connection.query(load.enter);
      await define(run, feed, lease);
      made.push(feed.name);
      copied += await fill(run, feed, lease, run.limits.resultMemory - copied, earlier, reader, attempt);
      if (load.leave !== undefined) await lease.connection.query(load.leave);
    }
    const outcome = await forwardOn(
      run,
      { query: scratch.final, access: 'read', names, ...(earlier.length === 0 ? {} : { earlier: logical(earlier) }) },
      held,
    );
    const temporary = made.map((name) => `\`${name}\``).join(',');
    // The answer has been told: a connection that keeps the tables goes, and nothing more is said.
    await lease.connection.query(`DROP TEMPORARY TABLE ${temporary}`).catch(() => lease.destroy());
    made.length = 0;
    return outcome;
  } catch (error) {
    // What is left on the connection is not known: it goes.
    held?.destroy();
    held = undefined;
    if (error instanceof Elsewhere) return error.reader;
    if (error instanceof BackendFault) return failed(reply, sourceFault(error, scratch.source));
    return failed(reply, shardFailure(error, names, schemas));
  } finally {
    await held?.done();
    leave?.();
  }
}

/**
 * The column definitions that the statement's answer will have: its tables are made, left empty, and its text is prepared.
 * Empty if a definition needs the client's parameters, which are not known yet.
 */
export async function scratchColumns(run: StatementRun, action: Scratch): Promise<readonly Buffer[]> {
  const { scratch, names } = action;
  if (scratch.feeds.some(({ define: { parameters } }) => parameters === undefined || parameters.length > 0)) return [];
  const held = await run.backend.leases.takeFree(scratch.source);
  const { connection } = held.lease;
  try {
    const load = loadSettings(run);
    if (load.enter !== undefined) await connection.query(load.enter);
    for (const feed of scratch.feeds) await define(run, feed, held.lease);
    if (load.leave !== undefined) await connection.query(load.leave);
    const text = bufferOf(scratch.final.text).toString('utf8');
    const { columns } = await connection.prepare(text);
    connection.closePrepared(text);
    await connection.query(`DROP TEMPORARY TABLE ${scratch.feeds.map(({ name }) => `\`${name}\``).join(',')}`);
    await held.done();
    return columns.map((column) => logicalColumn(column, names));
  } catch (error) {
    held.destroy();
    throw error;
  }
}

/** A definition by query may hold the client's parameters: then it is executed as prepared. */
async function define(run: StatementRun, feed: ScratchFeed, lease: Lease): Promise<void> {
  const { text, parameters } = feed.define;
  const plain = parameters !== undefined && parameters.length === 0;
  const request = plain ? textRequest : run.request;
  await runForOk({ ...run, request }, { source: '', text, parameters, nodeTables: [] }, lease);
}

/** SET statements into and out of the load's settings, where they differ from the session's. */
function loadSettings(run: StatementRun): { readonly enter: string | undefined; readonly leave: string | undefined } {
  const client = run.state.settings;
  const loading = withVariables(client, scratchLoadSettings);
  const { ignoreSpace } = run.backend.leases.capabilities;
  return { enter: settingsReplay(client, loading), leave: settingsReplay(loading, client, ignoreSpace) };
}

/** Copies a feed's rows; answers the bytes that went through, and adds the warnings of reading them. */
async function fill(
  run: StatementRun,
  feed: ScratchFeed,
  lease: Lease,
  bytesMax: number,
  earlier: Diagnostic[],
  reader: ReaderAttempt | undefined,
  attempt: number,
): Promise<number> {
  if (feed.rows.kind === 'informationSchema') {
    await informationSchemaRows(run, feed.name, feed.rows.table, lease);
    return 0;
  }
  const insert = new ScratchInsert(feed, INSERT_BYTES);
  let bytes = 0;
  const send = async (text: Buffer | undefined): Promise<void> => {
    if (text === undefined) return;
    bytes += text.length;
    if (bytes > bytesMax) throw new MeshError('SM_RESULT_TOO_LARGE', { limit: run.limits.resultMemory });
    await lease.connection.query(text);
  };
  const reads = await openShardReads(run, feed.rows.queries, false, reader);
  try {
    for (const stream of reads.streams) {
      const toText = run.request.kind === 'text' ? undefined : await binaryToText(stream);
      for (;;) {
        const batch = await stream.next();
        if (batch === undefined) break;
        for (let index = 0; index < batch.count; index += 1) {
          const start = batch.bounds[2 * index] as number;
          const end = batch.bounds[2 * index + 1] as number;
          if (toText === undefined) {
            await send(insert.add(batch.buffer, start, end));
          } else {
            const row = toText(batch.buffer, start, end);
            await send(insert.add(row, 0, row.length));
          }
        }
      }
    }
    await send(insert.finish());
  } catch (error) {
    const again = reads.again(attempt);
    throw again === undefined ? error : new Elsewhere(again);
  } finally {
    for (const warning of await reads.close()) if (earlier.length < WARNINGS_MAX) earlier.push(warning);
  }
  return bytes;
}

/** Binary rows (of a prepared statement) as text rows: numbers are written with all their digits. */
async function binaryToText(stream: ShardStream): Promise<(buffer: Buffer, start: number, end: number) => Buffer> {
  const columns = (await stream.definitions()).map((definition) => parseColumnDefinition(definition));
  const view = new BinaryRowView(columns.map((column) => column.type));
  return (buffer, start, end) => {
    view.reset(buffer, start, end);
    const values = columns.map((column, index) => {
      const from = view.starts[index] as number;
      return from < 0 ? null : textOf(column, buffer, from, view.ends[index] as number);
    });
    return payloadOf((writer) => writeTextRow(writer, values));
  };
}
