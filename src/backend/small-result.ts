/** Gathers a small answer in memory, for Shardmesh's own statements. */
import {
  type Capabilities,
  Capability,
  type ColumnDefinition,
  collationById,
  type ErrPacket,
  type FrameKind,
  hasCapability,
  type OkPacket,
  parseColumnDefinition,
  parseEof,
  parseErr,
  parseOk,
  TextRowView,
} from '../wire/index.ts';
import type { BackendFault } from './backend-fault.ts';
import type { ResponseHandler } from './request-kind.ts';
import { type RowBatch, RowBatcher } from './row-batcher.ts';

/** The answer to an internal statement: the last result set, if any, and the final OK. */
export interface SmallResult {
  readonly columns: readonly ColumnDefinition[];
  /** Text protocol values; null is NULL. Values of the binary character set are decoded as latin1, others as UTF-8. */
  readonly rows: readonly (readonly (string | null)[])[];
  readonly ok: OkPacket;
}

/** An ERR packet where the caller asked for a result. The connection stays usable. */
export class ServerError extends Error {
  readonly errno: number;
  readonly sqlState: string;

  constructor(err: ErrPacket) {
    super(err.message);
    this.name = 'ServerError';
    this.errno = err.errno;
    this.sqlState = err.sqlState;
  }
}

const BYTES_MAX = 16 * 1024 * 1024;
const BINARY = 63;
const noOk: OkPacket = { affectedRows: 0n, insertId: 0n, status: 0, warnings: 0, info: '', changes: [] };

export class SmallResultHandler extends RowBatcher implements ResponseHandler {
  constructor(capabilities: Capabilities, resolve: (result: SmallResult) => void, reject: (error: Error) => void) {
    let columns: ColumnDefinition[] = [];
    let rows: (string | null)[][] = [];
    let view = new TextRowView(0);
    let ok: OkPacket = noOk;
    let error: ServerError | undefined;
    let bytes = 0;
    super({
      onFrame(kind: FrameKind, payload: Buffer): void {
        switch (kind) {
          case 'column-count':
            columns = [];
            rows = [];
            break;
          case 'column':
            columns.push(parseColumnDefinition(payload));
            break;
          case 'ok':
          case 'end':
            ok = okOf(payload, capabilities);
            break;
          case 'err':
            error = new ServerError(parseErr(payload));
            break;
          case 'infile':
            throw new Error('an internal statement asked for a file');
          default:
        }
      },
      onBatch(batch: RowBatch): void {
        if (view.columnCount !== columns.length) view = new TextRowView(columns.length);
        for (let i = 0; i < batch.count; i += 1) {
          const from = batch.bounds[2 * i] as number;
          const to = batch.bounds[2 * i + 1] as number;
          bytes += to - from;
          if (bytes > BYTES_MAX) throw new Error('the result of an internal statement is longer than 16 MiB');
          view.reset(batch.buffer, from, to);
          rows.push(columns.map((column, at) => view.string(at, encodingOf(column.collation)) ?? null));
        }
      },
      onEnd(): void {
        if (error === undefined) resolve({ columns, rows, ok });
        else reject(error);
      },
      onFault(fault: BackendFault): void {
        reject(fault);
      },
    });
  }
}

/** Texts come in the session's character_set_results. */
function encodingOf(collation: number): BufferEncoding {
  return collation === BINARY || collationById(collation)?.charset === 'latin1' ? 'latin1' : 'utf8';
}

function okOf(payload: Buffer, capabilities: Capabilities): OkPacket {
  if (payload[0] === 0xfe && (payload.length === 5 || !hasCapability(capabilities, Capability.DEPRECATE_EOF))) {
    const eof = parseEof(payload);
    return { ...noOk, status: eof.status, warnings: eof.warnings };
  }
  return parseOk(payload, capabilities);
}
