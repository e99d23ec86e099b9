/** One statement's run: what every executor of this room is given, and what it leaves behind. */
import type { Clock } from '../base/index.ts';
import type { Plan } from '../plan/index.ts';
import type { Diagnostic, SessionState } from '../session/index.ts';
import type { ClientFile } from './client-file.ts';
import type { Reply } from './reply.ts';
import type { SessionBackend } from './session-backend.ts';
import type { ClientRequest } from './shard-request.ts';

export interface StatementRun {
  readonly state: SessionState;
  readonly backend: SessionBackend;
  readonly reply: Reply;
  readonly request: ClientRequest;
  readonly plan: Plan;
  readonly limits: { readonly resultMemory: number };
  readonly clock: Clock;
  /** Where LOAD DATA LOCAL reads from; undefined: the client sends no files. */
  readonly file?: ClientFile | undefined;
  /** The OK packet's insert id may not be LAST_INSERT_ID(): ask the server. */
  readonly insertIdUncertain: boolean;
}

/** What the session remembers of a statement. */
export interface Outcome {
  readonly failed: boolean;
  /** Rows sent. */
  readonly rows: bigint;
  /** For ROW_COUNT(): affected rows, or -1 after a result set. */
  readonly affected: bigint;
  /** The OK packet's insert id. */
  readonly insertId: bigint;
  readonly diagnostics: readonly Diagnostic[];
  /** How many warnings there were, which may be more than are listed. */
  readonly warnings?: number;
  /** The OK packet's message. */
  readonly message?: string;
  /** For FOUND_ROWS(), where it is not the number of rows sent. */
  readonly foundRows?: bigint;
  /** The error, if it failed. */
  readonly errno: number;
}

export const quietOutcome: Outcome = { failed: false, rows: 0n, affected: 0n, insertId: 0n, diagnostics: [], errno: 0 };
