/** Where the answer to one statement goes; the frontend implements it over a client's socket. */
import type { MeshError } from '../base/index.ts';
import type { SessionChange } from '../wire/index.ts';

/** What an OK packet tells. */
export interface OkValues {
  readonly affectedRows: bigint;
  readonly insertId: bigint;
  readonly warnings: number;
  /** Human-readable text: "Records: 3  Duplicates: 0  Warnings: 0". */
  readonly message: string;
  /** Backend status flags that are worth telling (NO_INDEX_USED ...); transaction and more-results flags are the session's. */
  readonly status: number;
  /** What clients with SESSION_TRACK are told. */
  readonly changes?: readonly SessionChange[];
}

/** A server's own error, already under logical names. */
export interface ErrorValues {
  readonly errno: number;
  readonly sqlState: string;
  readonly message: string;
}

/**
 * One response under way. Calls come in protocol order: `header`, rows, `end`; or `ok`; or `error` at any point.
 * Bytes are buffered and leave with `flush`.
 */
export interface Reply {
  /** Rows are text packets or binary ones. */
  readonly protocol: 'text' | 'binary';
  /** Column definitions (payloads), already under logical names. */
  header(columns: readonly Buffer[], status: number): void;
  /**
   * Row packets as they came from a backend, headers included; the run may begin or end in the middle of a packet.
   * The bytes are this reply's from now on: their sequence ids are changed in place.
   */
  rawRows(chunk: Buffer, start: number, end: number): void;
  /** Nothing refers to the bytes of `rawRows` any more: they have been copied, or the system has taken them. */
  readonly settled: boolean;
  /** Row packets of the current result set that went through `rawRows`. */
  readonly rowsPassed: number;
  /** One row's payload (copied). */
  row(payload: Buffer): void;
  /** The end of a result set. */
  end(warnings: number, status: number): void;
  ok(values: OkValues): void;
  error(error: ErrorValues | MeshError): void;
  /** Sends what is buffered. */
  flush(): void;
  /** The client reads too slowly: stop reading backends until `drained`. */
  readonly congested: boolean;
  /** Resolves when the client has caught up or is gone. */
  drained(): Promise<void>;
  /** False in the middle of a long row: no error can be told any more, only the connection be closed. */
  readonly atPacketBoundary: boolean;
  /** The client is gone: nothing more can be told. */
  readonly closed: boolean;
  /** Another result follows this one (set for each result of a CALL or multi-statement). */
  moreResults: boolean;
}
