/** LOAD DATA LOCAL into several nodes: the file's lines are told apart and sent on as they are, in batches, all or nothing. */
import { BackendFault, type Lease, ServerError } from '../backend/index.ts';
import { MeshError } from '../base/index.ts';
import type { Action, LoadSplit } from '../plan/index.ts';
import type { Diagnostic } from '../session/index.ts';
import { type FrameKind, type OkPacket, parseErr, parseOk } from '../wire/index.ts';
import { type ClientFile, drain } from './client-file.ts';
import { clientError, sourceFault } from './faults.ts';
import { type LoadLine, LoadLines } from './load-lines.ts';
import { logicalMessage } from './name-mapping.ts';
import { failed } from './run-forward.ts';
import { allOrNothing, sumMessages } from './run-write.ts';
import type { Outcome, StatementRun } from './statement-run.ts';

type LoadAction = Extract<Action, { kind: 'load' }>;

/** Bytes of the file that are gathered before the servers get them. */
const BATCH_BYTES = 8 * 1024 * 1024;
const LINE_MAX = 64 * 1024 * 1024;
/** Lines that keys are drawn for at once. */
const KEYS_AT_ONCE = 1000;
/** As many as a server keeps of one statement (max_error_count). */
const DIAGNOSTICS_MAX = 64;
const PACKET = 256 * 1024;
const EMPTY = Buffer.alloc(0);
/** Character sets in which no byte of ASCII is a part of another character. */
const ASCII_SAFE =
  /^(?:utf8|utf8mb3|utf8mb4|ascii|binary|latin\d|cp\d+|koi8.|greek|hebrew|armscii8|geostd8|hp8|dec8|swe7|tis620|mac\w+|keybcs2)$/;
/** Asian sets that the pattern above would let through. */
const UNSAFE = /^cp932$/;

/** Never rejects: failures are told to the reply after everything was taken back. */
export async function runLoad(run: StatementRun, action: LoadAction): Promise<Outcome> {
  const { load } = action;
  const { file } = run;
  if (file === undefined) return failed(run.reply, new MeshError('ER_CLIENT_LOCAL_FILES_DISABLED'));
  /** The client is sending. */
  const state = { sending: false };
  const sources = [...new Set(load.queries.map((query) => query.source))].sort();
  try {
    const total = await allOrNothing(run, sources, async (leases, transaction) => {
      if (transaction?.watched === true)
        throw new MeshError('SM_UNSUPPORTED', {
          what: 'LOAD DATA into several nodes in this type of transaction',
          reason: 'it keeps a record of every row; load outside of it',
        });
      const utf8 = await fileCharset(load, leases);
      file.request(load.file);
      state.sending = true;
      const batches = new Batches(run, action, leases);
      await readAll(file, load, utf8, batches, state);
      await batches.flush();
      return batches.total;
    });
    const warnings = Math.min(total.warnings, 0xffff);
    run.reply.ok({ affectedRows: total.affected, insertId: 0n, warnings, message: total.message, status: 0 });
    return {
      failed: false,
      rows: 0n,
      affected: total.affected,
      insertId: typeof total.firstKey === 'bigint' ? total.firstKey : 0n,
      diagnostics: total.diagnostics,
      errno: 0,
    };
  } catch (error) {
    if (state.sending) await drain(file).catch(() => undefined);
    return failed(run.reply, clientError(error, '', action.names, run.backend.directory.physicalSchemas));
  }
}

/** Whether bytes outside of ASCII are UTF-8. Throws if bytes of other characters could be taken for separators. */
async function fileCharset(load: LoadSplit, leases: ReadonlyMap<string, Lease>): Promise<boolean> {
  const charsets =
    load.charset === undefined
      ? await Promise.all(
          [...leases.values()].map(async (lease) => {
            const result = await lease.connection.query('SELECT @@character_set_database');
            return result.rows[0]?.[0] ?? '';
          }),
        )
      : [load.charset];
  for (const charset of charsets) {
    if (!ASCII_SAFE.test(charset) || UNSAFE.test(charset) || charset !== charsets[0])
      throw new MeshError('SM_UNSUPPORTED', {
        what: `LOAD DATA of a file in ${charset} into several nodes`,
        reason: 'name another character set with CHARACTER SET, such as utf8mb4',
      });
  }
  return charsets[0]?.startsWith('utf8') === true;
}

/** Reads the file to its end, and hands its lines on by their nodes. */
async function readAll(
  file: ClientFile,
  load: LoadSplit,
  utf8: boolean,
  batches: Batches,
  state: { sending: boolean },
): Promise<void> {
  const lines = new LoadLines(load.format, load.fields, load.wanted, load.skip);
  let waiting: LoadLine[] = [];
  const place = async (): Promise<void> => {
    const placed = waiting;
    waiting = [];
    const keys = await load.takeKeys?.(placed.length);
    for (const [index, line] of placed.entries()) batches.add(line, load, keys?.[index], utf8);
    if (batches.bytes >= BATCH_BYTES) await batches.flush();
  };
  for (let ended = false; !ended; ) {
    const packet = await file.read();
    if (packet === undefined) {
      ended = true;
      state.sending = false;
      lines.end();
    } else lines.push(packet);
    for (;;) {
      const line = lines.next();
      if (line === undefined) break;
      waiting.push(line);
      if (waiting.length >= KEYS_AT_ONCE) await place();
    }
    if (lines.buffered > LINE_MAX) throw new MeshError('SM_RESULT_TOO_LARGE', { limit: LINE_MAX });
    if (waiting.length > 0) await place();
  }
}

/** What of the file waits for its node. */
interface Waiting {
  pieces: Buffer[];
  /** Numbers of the lines in the file, from 1. */
  lines: number[];
}

/** `row`: the line it is about, as far as that is known. */
type RowDiagnostic = Diagnostic & { readonly row: number };

class Batches {
  readonly #run: StatementRun;
  readonly #action: LoadAction;
  readonly #leases: ReadonlyMap<string, Lease>;
  #waiting = new Map<number, Waiting>();
  #lines = 0;
  bytes = 0;
  readonly total = {
    affected: 0n,
    warnings: 0,
    message: 'Records: 0  Deleted: 0  Skipped: 0  Warnings: 0',
    diagnostics: [] as Diagnostic[],
    firstKey: undefined as bigint | string | undefined,
  };

  constructor(run: StatementRun, action: LoadAction, leases: ReadonlyMap<string, Lease>) {
    this.#run = run;
    this.#action = action;
    this.#leases = leases;
  }

  add(line: LoadLine, load: LoadSplit, key: bigint | string | undefined, utf8: boolean): void {
    this.#lines += 1;
    this.total.firstKey ??= key;
    const front = key === undefined ? EMPTY : Buffer.concat([Buffer.from(String(key)), load.format.fieldEnd]);
    const nodes = load.everywhere ? load.queries.keys() : [load.nodeOf(line.values, key, utf8, this.#lines)];
    for (const node of nodes) {
      let waiting = this.#waiting.get(node);
      if (waiting === undefined) {
        waiting = { pieces: [], lines: [] };
        this.#waiting.set(node, waiting);
      }
      if (front.length > 0) waiting.pieces.push(front);
      waiting.pieces.push(line.bytes);
      waiting.lines.push(this.#lines);
    }
    this.bytes += front.length + line.bytes.length;
  }

  /** Sends everything that waits: sources in parallel, the nodes of one source in turn. */
  async flush(): Promise<void> {
    const batch = this.#waiting;
    this.#waiting = new Map();
    this.bytes = 0;
    const { load } = this.#action;
    const diagnostics: RowDiagnostic[] = [];
    const failures: unknown[] = [];
    const oks: OkPacket[] = [];
    await Promise.all(
      [...this.#leases].map(async ([source, lease]) => {
        for (const [node, query] of load.queries.entries()) {
          const waiting = batch.get(node);
          if (waiting === undefined || query.source !== source || failures.length > 0) continue;
          try {
            const ok = await loadInto(lease, query.text, waiting.pieces);
            this.#run.backend.leases.insertIdUnknown(lease);
            if (load.everywhere && node > 0) continue;
            oks.push(ok);
            if (ok.warnings > 0) diagnostics.push(...(await this.#diagnostics(lease, waiting)));
          } catch (error) {
            failures.push(this.#failure(error, source, waiting));
          }
        }
      }),
    );
    if (failures.length > 0) throw failures[0];
    this.#sum(oks, diagnostics);
  }

  #sum(oks: readonly OkPacket[], diagnostics: readonly RowDiagnostic[]): void {
    const { total } = this;
    for (const ok of oks) {
      total.affected += ok.affectedRows;
      total.warnings += ok.warnings;
    }
    total.message = sumMessages([total.message, ...oks.map((ok) => ok.info)]);
    const sorted = [...diagnostics].sort((a, b) => a.row - b.row).map(({ row: _row, ...entry }) => entry);
    total.diagnostics.push(...sorted.slice(0, DIAGNOSTICS_MAX - total.diagnostics.length));
  }

  async #diagnostics(lease: Lease, { lines }: Waiting): Promise<RowDiagnostic[]> {
    const { names } = this.#action;
    const { backend } = this.#run;
    let row = 0;
    return (await backend.diagnostics(lease)).map((entry) => {
      const own = logicalMessage(entry.message, entry.code, names, backend.directory.physicalSchemas);
      const message = fileRow(own, lines);
      row = Number(ROW.exec(message)?.[2] ?? row);
      return { ...entry, message, row };
    });
  }

  #failure(error: unknown, source: string, { lines }: Waiting): unknown {
    if (error instanceof BackendFault) return sourceFault(error, source);
    if (error instanceof ServerError) error.message = fileRow(error.message, lines);
    return error;
  }
}

const ROW = /(^Row | at row )(\d+)/;

/** "Row 3 ..." and "... at row 3" of a node's part, counted as in the client's file. */
function fileRow(message: string, lines: readonly number[]): string {
  return message.replace(ROW, (whole, words: string, row: string) => {
    const line = lines[Number(row) - 1];
    return line === undefined ? whole : `${words}${line}`;
  });
}

/** Runs LOAD DATA LOCAL with this content. Rejects with ServerError or BackendFault. */
function loadInto(lease: Lease, text: Uint8Array, pieces: readonly Buffer[]): Promise<OkPacket> {
  const { connection } = lease;
  return new Promise((resolve, reject) => {
    let answer: OkPacket | Error | undefined;
    connection.runQuery(Buffer.from(text.buffer, text.byteOffset, text.byteLength), {
      onFrame(kind: FrameKind, payload: Buffer): void {
        if (kind === 'infile') send(connection, pieces);
        else if (kind === 'ok') answer = parseOk(payload, connection.capabilities);
        else if (kind === 'err') answer = new ServerError(parseErr(payload));
        else answer ??= new Error(`${kind} where an OK was due`);
      },
      onRows(): void {},
      onEnd(): void {
        if (answer === undefined) reject(new Error('an answer without OK'));
        else if (answer instanceof Error) reject(answer);
        else resolve(answer);
      },
      onFault: reject,
    });
  });
}

/** The content of a batch is in memory already: the socket may take it as fast as it can. */
function send(connection: Lease['connection'], pieces: readonly Buffer[]): void {
  let gathered: Buffer[] = [];
  let bytes = 0;
  const flush = (): void => {
    if (bytes > 0) connection.writeInfile(Buffer.concat(gathered));
    gathered = [];
    bytes = 0;
  };
  for (const piece of pieces) {
    gathered.push(piece);
    bytes += piece.length;
    if (bytes >= PACKET) flush();
  }
  flush();
  connection.writeInfile(EMPTY);
}
