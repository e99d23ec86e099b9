/** What a backend answers to a request, and who listens to the answer. */
import type { FrameKind, ReplyKind } from '../wire/index.ts';
import type { BackendFault } from './backend-fault.ts';

/**
 * The shape of the answer that a command gets:
 * - `result`: COM_QUERY, COM_STMT_EXECUTE: OK, ERR, LOCAL INFILE request, or result sets, chained by MORE_RESULTS
 * - `prepare`: COM_STMT_PREPARE
 * - `fetch`: COM_STMT_FETCH: rows, then their end
 * - `field-list`: COM_FIELD_LIST: column definitions, then their end
 * - `simple`: one OK, EOF or ERR: PING, INIT_DB, STMT_RESET, SET_OPTION, PROCESS_KILL, RESET_CONNECTION
 * - `text`: COM_STATISTICS: one packet of text
 * - `none`: nothing is answered: STMT_CLOSE, STMT_SEND_LONG_DATA, QUIT
 */
export type RequestKind = ReplyKind | 'none';

/**
 * Listens to the answer of one request. Calls come in protocol order; `onEnd` or `onFault` is the last one, exactly once.
 *
 * An exception thrown by a handler destroys the connection and comes back as `onFault` (a bug ends the session, not the process).
 */
export interface ResponseHandler {
  /**
   * A complete packet that is not a row (its payload, without header). The view may be patched in place and lives as long
   * as it is referenced, but holds the whole received chunk in memory: copy what is kept for long.
   */
  onFrame(kind: FrameKind, payload: Buffer, sequenceId: number): void;
  /**
   * Bytes `[start, end)` of `chunk` are row packets, headers included, possibly beginning or ending in the middle of one.
   * The chunk is not reused before `onChunkEnd` allows it: it may be written to a socket without a copy.
   */
  onRows(chunk: Buffer, start: number, end: number): void;
  /**
   * Everything that one received chunk held has been reported; the answer goes on with the next one. A forwarder flushes here.
   * Not called when the chunk held the end of the answer (`onEnd` is then the moment to flush).
   * True: nothing refers to the chunk any more, its memory may be used for the next one.
   */
  onChunkEnd?(): boolean;
  /** The answer is complete. A server's ERR is an answer. The connection is `idle` unless more requests are queued. */
  onEnd(): void;
  /** The connection was lost, or the bytes received made no sense. No answer will come, or its rest is missing. */
  onFault(fault: BackendFault): void;
}
