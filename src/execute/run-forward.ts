/** One shard: its answer passes through as bytes; only frame packets are read, and patched where they must differ. */
import type { BackendFault, ResponseHandler } from '../backend/index.ts';
import { BackendFault as Fault, ServerError } from '../backend/index.ts';
import { MeshError } from '../base/index.ts';
import type { Access, NameMap, ShardQuery } from '../plan/index.ts';
import type { Diagnostic } from '../session/index.ts';
import type { BranchStatement } from '../transaction/index.ts';
import { type FrameKind, type OkPacket, parseErr, parseOk, StatusFlag } from '../wire/index.ts';
import { branchStatement } from './branch-statement.ts';
import type { ClientFile } from './client-file.ts';
import { ATTEMPTS_MAX, Elsewhere, isReadOnlyError } from './elsewhere.ts';
import { clientError, sourceFault } from './faults.ts';
import { logicalColumn, logicalMessage } from './name-mapping.ts';
import type { ErrorValues, Reply } from './reply.ts';
import type { StatementLease } from './running-lease.ts';
import type { SessionBackend } from './session-backend.ts';
import { sendShardQuery } from './shard-request.ts';
import type { Outcome, StatementRun } from './statement-run.ts';

const EMPTY = Buffer.alloc(0);

export interface ForwardRequest {
  readonly query: ShardQuery;
  readonly access: Access;
  readonly names: NameMap;
  /** Reported instead of the backend's insert id. */
  readonly insertId?: bigint;
  /** LOAD DATA LOCAL: the file that the client is asked for. */
  readonly infile?: Uint8Array;
  /** Warnings of what was read for this statement before it: told with its own. */
  readonly earlier?: readonly Diagnostic[];
}

/** What earlier attempts of a statement have told. */
export interface Told {
  /** Columns of the header that the reply has, 0: none; the next attempt repeats it. */
  header: number;
  /** Rows have been handed to the reply: from here on it cannot begin anew. */
  rows: boolean;
}

interface Progress extends Told {
  /** Something has been written to the reply. */
  started: boolean;
}

/** Runs on one source. Never rejects: failures are told to the reply. */
export function runForward(run: StatementRun, request: ForwardRequest): Promise<Outcome> {
  return forwardOnce(run, request, 0);
}

async function forwardOnce(run: StatementRun, request: ForwardRequest, attempt: number): Promise<Outcome> {
  const { backend, reply } = run;
  const { query, names } = request;
  let held: StatementLease | undefined;
  const progress: Progress = { started: false, header: 0, rows: false };
  try {
    held = backend.takeNow(query.source) ?? (await backend.take(query.source, request.access));
    return await forwardOn(run, request, held, progress, attempt < ATTEMPTS_MAX);
  } catch (error) {
    // Refused as read-only: nothing ran, and the next primary is waited for.
    if (error instanceof Elsewhere) return forwardOnce(run, request, attempt + 1);
    if (!(error instanceof Fault)) {
      if (!(error instanceof ServerError) && !(error instanceof MeshError)) {
        held?.destroy();
        held = undefined;
      }
      return failed(reply, clientError(error, query.source, names, backend.directory.physicalSchemas));
    }
    const wasHeld = held?.held ?? false;
    held?.destroy();
    held = undefined;
    // Safe to repeat: nothing has been told, and either the server cannot have run it or it only reads.
    const repeatable = !error.mayHaveExecuted || request.access === 'read';
    if (attempt === 0 && !wasHeld && repeatable && !progress.started) return forwardOnce(run, request, 1);
    if (wasHeld) await backend.transactionLost(`the connection to source '${query.source}' was lost`);
    return failed(reply, backend.lostPin() ?? sourceFault(error, query.source));
  } finally {
    const ending = held?.done(run.plan.effects.opaque);
    if (ending !== undefined) await ending;
  }
}

/**
 * Runs on this lease. Rejects with BackendFault if the connection is lost; a server's error is an outcome. `mayMove`: rejects with
 * Elsewhere if a primary refused it as read-only.
 */
export function forwardOn(
  run: StatementRun,
  request: ForwardRequest,
  held: StatementLease,
  progress: Progress = { started: false, header: 0, rows: false },
  mayMove = false,
): Promise<Outcome> {
  const { effects } = run.plan;
  if (request.infile !== undefined && run.file === undefined) throw new MeshError('ER_CLIENT_LOCAL_FILES_DISABLED');
  // Nearly always undefined: only transaction types that keep a record of statements watch them.
  const watched = held.held ? run.backend.watched(held) : undefined;
  if (watched === undefined && !effects.readsInsertId && !run.insertIdUncertain)
    return send(run, request, held, progress, undefined, mayMove);
  return prepared(run, request, held, progress, watched, mayMove);
}

type Watched = NonNullable<ReturnType<SessionBackend['watched']>>;

/** The same with something to be done before the statement. */
async function prepared(
  run: StatementRun,
  request: ForwardRequest,
  held: StatementLease,
  progress: Progress,
  watched: Watched | undefined,
  mayMove: boolean,
): Promise<Outcome> {
  if (run.plan.effects.readsInsertId || run.insertIdUncertain) await run.backend.leases.replayInsertId(held.lease);
  if (watched === undefined) return send(run, request, held, progress, undefined, mayMove);
  const statement = branchStatement(run, request.query, request.access);
  await watched.coordinator.beforeStatement?.(watched.branch, statement);
  return send(run, request, held, progress, { watched, statement }, false);
}

interface WatchedStatement {
  readonly watched: Watched;
  readonly statement: BranchStatement;
}

function send(
  run: StatementRun,
  request: ForwardRequest,
  held: StatementLease,
  progress: Progress,
  watching: WatchedStatement | undefined,
  mayMove: boolean,
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const schemas = run.backend.directory.physicalSchemas;
    const ended = (fault: BackendFault | undefined): void => {
      progress.started = answer.started;
      if (answer.passing !== undefined)
        resolve(passed(answer.passing, fault).then(() => settle(run, request, held, answer, watching)));
      else if (fault !== undefined) reject(fault);
      else if (
        mayMove &&
        answer.error !== undefined &&
        isRefusedWrite(run, answer.error) &&
        run.backend.refusedAsReadOnly(held)
      )
        reject(new Elsewhere({ primaryOnly: true }));
      else if (isPlain(run, held, answer)) {
        try {
          answer.tell();
          resolve(outcomeOf(run.reply, answer));
        } catch (error) {
          reject(error);
        }
      } else resolve(settle(run, request, held, answer, watching));
    };
    const answer = new ForwardAnswer(run.reply, held, request, schemas, run.file, ended, progress);
    sendShardQuery(held.lease, request.query, run.request, answer)?.catch(reject);
  });
}

/** A row change that a server refused because it is read-only: nothing of it ran. A procedure may have done something before. */
function isRefusedWrite(run: StatementRun, error: ErrorValues): boolean {
  return !run.plan.effects.opaque && !run.state.inTransaction && isReadOnlyError(error.errno, error.message);
}

/** Waits until the client's file has been read to its end, which may go on after the server's answer. */
async function passed(passing: Promise<void>, fault: BackendFault | undefined): Promise<void> {
  await passing;
  if (fault !== undefined) throw fault;
}

/** Nothing has to be asked of the server, or remembered of the connection, before the end of the answer is told. */
export function isPlain(run: StatementRun, held: StatementLease, answer: ForwardAnswer): boolean {
  const { effects } = run.plan;
  return (
    answer.error === undefined &&
    answer.warnings === 0 &&
    answer.moreWarnings === 0 &&
    !held.held &&
    !effects.setsInsertId &&
    !run.insertIdUncertain &&
    effects.pins.length === 0 &&
    effects.assigns.length === 0
  );
}

/** What has to be known before the end of the answer is told: nothing may be told behind it. */
export async function settle(
  run: StatementRun,
  request: ForwardRequest,
  held: StatementLease,
  answer: ForwardAnswer,
  watching: WatchedStatement | undefined,
): Promise<Outcome> {
  const { backend, reply } = run;
  const { effects } = run.plan;
  let insertId = answer.insertId;
  let diagnostics: readonly Diagnostic[] = noDiagnostics;
  let foundRows: bigint | undefined;
  try {
    if (effects.setsInsertId) backend.leases.insertIdUnknown(held.lease);
    if (answer.warnings > 0 || answer.error !== undefined) {
      const schemas = backend.directory.physicalSchemas;
      diagnostics = (await backend.diagnostics(held.lease)).map((entry) => ({
        ...entry,
        message: logicalMessage(entry.message, entry.code, request.names, schemas),
        ...(entry.level === 'Error' && entry.code === answer.error?.errno ? { sqlState: answer.error.sqlState } : {}),
      }));
    }
    if (request.earlier !== undefined) {
      const own = diagnostics.length;
      diagnostics = withEarlier(request.earlier, diagnostics);
      answer.moreWarnings = diagnostics.length - own;
    }
    if (effects.pins.includes('found rows') && answer.error === undefined)
      foundRows = await numberOf(held, 'FOUND_ROWS()');
    if (run.insertIdUncertain && answer.error === undefined) insertId = await numberOf(held, 'LAST_INSERT_ID()');
    // Assignments hold even where the statement failed behind them.
    if (effects.assigns.length > 0) await backend.leases.learnUserVariables(held.lease, effects.assigns);
    if (watching !== undefined)
      await watching.watched.coordinator.afterStatement?.(watching.watched.branch, watching.statement, {
        ok: answer.ok,
        errno: answer.error?.errno ?? 0,
      });
  } catch (error) {
    // What the statement left on the connection is not known: nobody may get it.
    const reason = error instanceof Error ? error.message : String(error);
    await backend.leaseLost(held, reason);
    throw new MeshError('SM_SOURCE_LOST', { source: held.source, reason }, { cause: error });
  }
  if (answer.error === undefined && held.held) await backend.checkStillOpen(held);
  answer.tell();
  const outcome = outcomeOf(reply, answer);
  return { ...outcome, insertId, diagnostics, ...(foundRows === undefined ? {} : { foundRows }) };
}

/** Conditions that ran where the rows were read run once more on what was read: the same warning is told as often as the one that had more. */
function withEarlier(earlier: readonly Diagnostic[], own: readonly Diagnostic[]): readonly Diagnostic[] {
  const left = new Map<string, number>();
  for (const { code, message } of earlier) left.set(`${code} ${message}`, (left.get(`${code} ${message}`) ?? 0) + 1);
  const more = own.filter(({ code, message }) => {
    const count = left.get(`${code} ${message}`) ?? 0;
    left.set(`${code} ${message}`, count - 1);
    return count <= 0;
  });
  return [...earlier, ...more];
}

const noDiagnostics: readonly Diagnostic[] = [];

export function outcomeOf(reply: Reply, answer: ForwardAnswer): Outcome {
  return {
    failed: answer.error !== undefined,
    rows: BigInt(reply.rowsPassed),
    affected: answer.affected,
    insertId: answer.insertId,
    diagnostics: noDiagnostics,
    warnings: answer.warnings + answer.moreWarnings,
    message: answer.ok?.info ?? '',
    errno: answer.error?.errno ?? 0,
  };
}

/** What the connection itself answers to LAST_INSERT_ID() or FOUND_ROWS(). */
async function numberOf(held: StatementLease, call: 'LAST_INSERT_ID()' | 'FOUND_ROWS()'): Promise<bigint> {
  const result = await held.lease.connection.query(`SELECT ${call}`);
  return BigInt(result.rows[0]?.[0] ?? 0);
}

/** Tells an error and sums it up. */
export function failed(reply: Reply, error: ErrorValues | MeshError): Outcome {
  reply.error(error);
  return {
    failed: true,
    rows: 0n,
    affected: -1n,
    insertId: 0n,
    diagnostics: [errorDiagnostic(error)],
    errno: error.errno,
  };
}

function errorDiagnostic(error: ErrorValues | MeshError): Diagnostic {
  return {
    level: 'Error',
    code: error.errno,
    message: error instanceof MeshError ? error.clientMessage : error.message,
    sqlState: error.sqlState,
  };
}

/** Listens to the backend and writes to the client, holding the backend back when the client is slow. */
export class ForwardAnswer implements ResponseHandler {
  readonly #reply: Reply;
  readonly #lease: StatementLease;
  readonly #request: ForwardRequest;
  readonly #schemas: ReadonlySet<string>;
  readonly #told: Told;
  /** Called once, when no more of the answer comes. Must not throw. */
  readonly #done: (fault: BackendFault | undefined) => void;
  /** Definitions until all are there: views of the chunk. */
  #columns: Buffer[] = [];
  #columnsDue = 0;
  /** The packet that ends the answer, or one of its results. */
  #last: (() => void) | undefined;

  /** Something has been written to the reply. */
  started = false;
  error: ErrorValues | undefined;
  warnings = 0;
  /** Told besides the server's own; see ForwardRequest.earlier. */
  moreWarnings = 0;
  affected = -1n;
  insertId = 0n;
  ok: OkPacket | undefined;

  /** The client's file on its way to the server. */
  passing: Promise<void> | undefined;
  /** Ends the wait for the server to take more of it. */
  #wake: (() => void) | undefined;
  readonly #file: ClientFile | undefined;

  constructor(
    reply: Reply,
    lease: StatementLease,
    request: ForwardRequest,
    schemas: ReadonlySet<string>,
    file: ClientFile | undefined,
    done: (fault: BackendFault | undefined) => void,
    told: Told,
  ) {
    this.#told = told;
    this.#file = file;
    this.#reply = reply;
    this.#lease = lease;
    this.#request = request;
    this.moreWarnings = request.earlier?.length ?? 0;
    this.#schemas = schemas;
    this.#done = done;
  }

  /** Writes the packet that ends the answer. */
  tell(): void {
    const last = this.#last;
    this.#last = undefined;
    last?.();
  }

  onFrame(kind: FrameKind, payload: Buffer): void {
    // Another result of the same statement follows.
    this.tell();
    switch (kind) {
      case 'column-count':
        this.#columns = [];
        this.#columnsDue = (payload[0] as number) < 0xfb ? (payload[0] as number) : payload.readUInt16LE(1);
        return;
      case 'column':
        this.#columns.push(logicalColumn(payload, this.#request.names));
        if (this.#columns.length === this.#columnsDue && this.#lease.lease.connection.deprecateEof) this.#header(0);
        return;
      case 'eof':
        this.#header(payload.readUInt16LE(3));
        return;
      case 'end': {
        const end = endOf(payload, this.#lease.lease.connection.deprecateEof);
        this.warnings = end.warnings;
        this.affected = -1n;
        this.insertId = this.#request.insertId ?? 0n;
        this.#finish(end.status, () => this.#reply.end(end.warnings + this.moreWarnings, end.status));
        return;
      }
      case 'ok': {
        const ok = parseOk(payload, this.#lease.lease.connection.capabilities);
        this.ok = ok;
        this.warnings = ok.warnings;
        this.affected = ok.affectedRows;
        this.insertId = this.#request.insertId ?? ok.insertId;
        this.started = true;
        this.#finish(ok.status, () =>
          this.#reply.ok({
            affectedRows: ok.affectedRows,
            insertId: this.insertId,
            warnings: ok.warnings,
            message: ok.info,
            status: ok.status,
          }),
        );
        return;
      }
      case 'err': {
        const err = parseErr(payload);
        this.error = {
          errno: err.errno,
          sqlState: err.sqlState,
          message: logicalMessage(err.message, err.errno, this.#request.names, this.#schemas),
        };
        const { error } = this;
        this.started = true;
        this.#last = () => this.#reply.error(error);
        return;
      }
      case 'infile':
        // Only for the statement that names a file, and only that file: no server may ask for another.
        if (this.#request.infile === undefined || this.#file === undefined)
          throw new Error('the server asks for a file that the statement does not name');
        this.started = true;
        this.passing = this.#passFile(this.#file, this.#request.infile);
        return;
      default:
        throw new Error(`unexpected ${kind} in an answer that passes through`);
    }
  }

  /** Packet by packet, as fast as the server takes them. Never rejects: a client that is gone takes the connection with it. */
  async #passFile(file: ClientFile, name: Uint8Array): Promise<void> {
    const { connection } = this.#lease.lease;
    try {
      file.request(name);
      for (;;) {
        const data = await file.read();
        const taken = connection.writeInfile(data ?? EMPTY);
        if (data === undefined) return;
        if (taken || connection.state === 'closed') continue;
        await new Promise<void>((resolve) => {
          connection.onDrain = resolve;
          this.#wake = resolve;
        });
        connection.onDrain = undefined;
        this.#wake = undefined;
      }
    } catch {
      this.#lease.destroy();
    }
  }

  onRows(chunk: Buffer, start: number, end: number): void {
    this.#told.rows = true;
    this.#reply.rawRows(chunk, start, end);
  }

  onChunkEnd(): boolean {
    // Only long answers come in several chunks: hand over what is there, and wait if the client does not read.
    this.#reply.flush();
    if (!this.#reply.congested) return this.#columns.length === 0 && this.#reply.settled;
    const connection = this.#lease.lease.connection;
    connection.pause();
    void this.#reply.drained().then(() => {
      if (this.#reply.closed) this.#lease.destroy();
      else connection.resume();
    });
    return false;
  }

  onEnd(): void {
    this.#wake?.();
    this.#done(undefined);
  }

  onFault(fault: BackendFault): void {
    this.#wake?.();
    this.#done(fault);
  }

  #header(status: number): void {
    this.started = true;
    const told = this.#told.header;
    // Another server's answer to the same read begins with the same header.
    if (told > 0 && !this.#told.rows && told === this.#columns.length) return;
    this.#told.header = this.#columns.length;
    this.#reply.header(this.#columns, status);
    this.#columns = [];
  }

  /** More results of the same statement (CALL) set the flag for this packet only. */
  #finish(status: number, write: () => void): void {
    this.#last = () => {
      const outer = this.#reply.moreResults;
      if ((status & StatusFlag.MORE_RESULTS) !== 0) this.#reply.moreResults = true;
      write();
      this.#reply.moreResults = outer;
    };
  }
}

/** Warnings and status of the packet that ends rows. */
export function endOf(payload: Buffer, deprecateEof: boolean): { readonly warnings: number; readonly status: number } {
  if (!deprecateEof) return { warnings: payload.readUInt16LE(1), status: payload.readUInt16LE(3) };
  // An OK packet with header 0xfe: affected rows and insert id are 0 in the end of a result set.
  let at = 1;
  at += lenencWidth(payload, at);
  at += lenencWidth(payload, at);
  return { status: payload.readUInt16LE(at), warnings: payload.readUInt16LE(at + 2) };
}

function lenencWidth(payload: Buffer, at: number): number {
  const first = payload[at] as number;
  return first < 0xfb ? 1 : first === 0xfc ? 3 : first === 0xfd ? 4 : 9;
}
