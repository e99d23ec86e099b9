/** What the front end tells of its work: the seam to metrics, statistics and logs. Every call is cheap: no promise, no text. */
import type { MeshError } from '../base/index.ts';
import type { ErrorValues } from '../execute/index.ts';
import type { Fingerprint, TokenList } from '../sql/index.ts';
import type { Digest } from '../telemetry/index.ts';
import type { Session } from './session.ts';

/** One statement that has ended. A single object is used for all: read it at once. Times in milliseconds. */
export class StatementRecord {
  /** What `FrontendObserver.digest` answered; undefined if the text could not even be read. */
  digest: Digest | undefined;
  /** Kind of its action. */
  route = 'refuse';
  parseMs = 0;
  planMs = 0;
  /** Everything from the first byte to the end of the answer. */
  totalMs = 0;
  failed = false;
  errno = 0;
  rows = 0;
  affected = 0;
  /** Bytes of the answer. */
  bytes = 0;
  shards = 0;
}

export interface FrontendObserver {
  connectionOpened(): void;
  connectionClosed(): void;
  /** There are as many as `limits.connections` allows. */
  connectionRefused(): void;
  /** The handshake ended well. */
  loggedIn(session: Session): void;
  /** The user or password was wrong, or the database is not for the user. */
  loginFailed(error: MeshError, host: string): void;
  /** A command packet; its first byte. */
  command(code: number): void;
  /** An ERR packet to a client. */
  errorAnswered(error: ErrorValues | MeshError): void;
  /** Where a statement is counted, asked while its tokens are still valid. */
  digest(database: string, fingerprint: Fingerprint, tokens: TokenList): Digest;
  statement(session: Session, record: StatementRecord): void;
  /** A bug: an exception that nobody expected. */
  bug(error: unknown): void;
}
