/** One shard query's rows as a pull stream, with a limit on what waits in memory. */
import {
  type RowBatch as BackendBatch,
  type BackendConnection,
  BackendFault,
  type ResponseHandler,
  RowBatcher,
  ServerError,
} from '../backend/index.ts';
import { MeshError } from '../base/index.ts';
import type { RowBatch, RowSource } from '../merge/index.ts';
import { type FrameKind, parseErr } from '../wire/index.ts';
import { Elsewhere, isStopped } from './elsewhere.ts';
import { sourceFault } from './faults.ts';
import type { GuardedRead } from './guarded-read.ts';
import type { ErrorValues } from './reply.ts';
import { endOf } from './run-forward.ts';

/** Rows that wait here before the backend is told to stop. */
const PAUSE_BYTES = 512 * 1024;

/** A shard's own ERR, as an exception of the stream. */
export class ShardError extends Error {
  readonly source: string;
  readonly values: ErrorValues;

  constructor(source: string, values: ErrorValues) {
    super(values.message);
    this.name = 'ShardError';
    this.source = source;
    this.values = values;
  }
}

/**
 * Handler and row source at once. The connection may be shared by several streams that were sent back to back
 * (`shared`): it can't be paused then, so their rows wait in memory up to `bytesMax`.
 */
export class ShardStream implements RowSource {
  readonly source: string;
  readonly handler: ResponseHandler;
  readonly #connection: BackendConnection;
  readonly #shared: boolean;
  readonly #bytesMax: number;
  #queue: BackendBatch[] = [];
  #queuedBytes = 0;
  #paused = false;
  #cancelled = false;
  #ended = false;
  #error: Error | undefined;
  #wake: (() => void) | undefined;
  #columnsDue = 0;
  readonly columns: Buffer[] = [];
  /** Looks at the column definitions before any row is handed out; what it answers ends the stream as its error. */
  onColumns: ((columns: readonly Buffer[]) => MeshError | undefined) | undefined;
  warnings = 0;
  status = 0;
  /** The connection is lost: the lease must be destroyed. */
  fault: BackendFault | undefined;
  /** Resolves when the backend's answer is complete or lost, whether or not its rows were read. */
  readonly finished: Promise<void>;
  #finish: () => void = () => undefined;
  readonly #columnsReady: Promise<void>;
  #columnsDone: () => void = () => undefined;

  constructor(source: string, connection: BackendConnection, shared: boolean, bytesMax: number) {
    this.source = source;
    this.#connection = connection;
    this.#shared = shared;
    this.#bytesMax = bytesMax;
    this.finished = new Promise((resolve) => {
      this.#finish = resolve;
    });
    this.#columnsReady = new Promise((resolve) => {
      this.#columnsDone = resolve;
    });
    this.handler = new RowBatcher({
      onFrame: (kind, payload) => this.#frame(kind, payload),
      onBatch: (batch) => this.#batch(batch),
      onEnd: () => this.#end(undefined),
      onFault: (fault) => {
        this.fault = fault;
        this.#end(sourceFault(fault, source));
      },
    });
  }

  /** The handler of a read on a member of a replica set: it fails with Elsewhere if the read came too early, or failed on a replica. */
  guarded(guard: GuardedRead): ResponseHandler {
    const { handler } = this;
    return {
      onFrame: (kind, payload, sequenceId) => {
        if (guard.late) return;
        if (kind === 'err' && guard.onReplica && this.columns.length === 0 && !isStopped(parseErr(payload).errno))
          this.#error = new Elsewhere({ primaryOnly: true });
        else handler.onFrame(kind, payload, sequenceId);
      },
      onRows: (chunk, start, end) => {
        if (!guard.late) handler.onRows(chunk, start, end);
      },
      onChunkEnd: () => !guard.late && handler.onChunkEnd?.() === true,
      onEnd: () => {
        if (guard.late) this.#end(new Elsewhere({ primaryOnly: true }));
        else handler.onEnd();
      },
      onFault: (fault) => handler.onFault(fault),
    };
  }

  /** The column definitions (payloads as the backend sent them); rejects with ShardError or MeshError. */
  async definitions(): Promise<readonly Buffer[]> {
    await this.#columnsReady;
    if (this.#error !== undefined) throw this.#error;
    return this.columns;
  }

  next(): RowBatch | undefined | Promise<RowBatch | undefined> {
    const batch = this.#queue.shift();
    if (batch !== undefined) {
      this.#queuedBytes -= batch.buffer.length;
      if (this.#paused && this.#queuedBytes < PAUSE_BYTES / 2) {
        this.#paused = false;
        this.#connection.resume();
      }
      return batch as RowBatch;
    }
    if (this.#error !== undefined) throw this.#error;
    if (this.#ended) return undefined;
    return new Promise((resolve, reject) => {
      this.#wake = () => {
        this.#wake = undefined;
        try {
          resolve(this.next());
        } catch (error) {
          reject(error);
        }
      };
    });
  }

  /** Why it ended too early. */
  get error(): Error | undefined {
    return this.#error;
  }

  /** The backend answered with an error, or is lost. */
  get failed(): boolean {
    return this.#error !== undefined;
  }

  /** Bytes of rows that wait here. */
  get bytesHeld(): number {
    return this.#queuedBytes;
  }

  /** Nobody wants its rows any more. */
  get cancelled(): boolean {
    return this.#cancelled;
  }

  /** The query was not sent, because of `error` or because an earlier one of its connection failed. */
  abandon(error?: unknown): void {
    if (error instanceof BackendFault) {
      this.fault = error;
      this.#end(sourceFault(error, this.source));
    } else if (error instanceof ServerError) {
      const { errno, sqlState, message } = error;
      this.#end(new ShardError(this.source, { errno, sqlState, message }));
    } else {
      this.#end(error instanceof Error ? error : new MeshError('ER_QUERY_INTERRUPTED'));
    }
  }

  cancel(): void {
    this.#cancelled = true;
    this.#queue = [];
    this.#queuedBytes = 0;
    if (this.#paused) {
      this.#paused = false;
      this.#connection.resume();
    }
  }

  #frame(kind: FrameKind, payload: Buffer): void {
    switch (kind) {
      case 'column-count':
        this.#columnsDue = (payload[0] as number) < 0xfb ? (payload[0] as number) : payload.readUInt16LE(1);
        return;
      case 'column':
        this.columns.push(Buffer.from(payload));
        if (this.columns.length === this.#columnsDue) {
          const refusal = this.onColumns?.(this.columns);
          if (refusal !== undefined) {
            this.#error = refusal;
            this.cancel();
          }
          this.#columnsDone();
        }
        return;
      case 'eof':
        return;
      case 'end': {
        const end = endOf(payload, this.#connection.deprecateEof);
        this.warnings = end.warnings;
        this.status = end.status;
        return;
      }
      case 'err': {
        const err = parseErr(payload);
        this.#error = new ShardError(this.source, { errno: err.errno, sqlState: err.sqlState, message: err.message });
        return;
      }
      default:
        throw new Error(`unexpected ${kind} in a shard's rows`);
    }
  }

  #batch(batch: BackendBatch): void {
    if (this.#cancelled) return;
    this.#queue.push(batch);
    this.#queuedBytes += batch.buffer.length;
    if (this.#shared) {
      if (this.#queuedBytes > this.#bytesMax) {
        this.#error = new MeshError('SM_RESULT_TOO_LARGE', { limit: this.#bytesMax });
        this.cancel();
      }
    } else if (this.#queuedBytes > PAUSE_BYTES && !this.#paused) {
      this.#paused = true;
      this.#connection.pause();
    }
    this.#wake?.();
  }

  #end(error: Error | undefined): void {
    this.#error ??= error;
    this.#ended = true;
    this.#columnsDone();
    this.#finish();
    this.#wake?.();
  }
}
