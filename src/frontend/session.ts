/** One client's session: its state, its backends, its statements. Everything that outlives one command. */
import { type Aftermath, type ClientFile, SessionBackend, type TransactionTally } from '../execute/index.ts';
import type { PlanCache } from '../plan/index.ts';
import {
  initialMeshValues,
  type MeshVariableName,
  newSessionState,
  type PositionBook,
  type PositionTokens,
  type SessionState,
  withMeshValue,
} from '../session/index.ts';
import type { Lexer } from '../sql/index.ts';
import type { CommitProtocols } from '../transaction/index.ts';
import type { FrontendObserver } from './frontend-observer.ts';
import type { Account, LogicalDatabase, MeshHandle, MeshSnapshot } from './mesh-snapshot.ts';
import type { PreparedStatement } from './prepared-statement.ts';
import type { ResponseWriter } from './response-writer.ts';
import type { SessionDirectory } from './session-directory.ts';
import { StatementTiming } from './statement-timing.ts';
import type { SessionTables } from './temporary-tables.ts';
import { defaultTracked } from './tracked-changes.ts';

/** What all sessions of a worker share. */
export interface WorkerShare {
  readonly mesh: MeshHandle;
  /** Reused by every statement of the worker: its tokens are valid until the next `lex`. */
  readonly lexer: Lexer;
  readonly plans: PlanCache;
  readonly sessions: SessionDirectory;
  readonly observer: FrontendObserver;
  readonly transactions: TransactionTally;
  readonly protocols: CommitProtocols;
  readonly positions: PositionBook;
  readonly tokens: PositionTokens;
}

const RUNNING_TEXT_MAX = 4096;

export class Session {
  readonly share: WorkerShare;
  readonly state: SessionState;
  readonly backend: SessionBackend;
  account: Account | undefined;
  /** Statement id -> statement. */
  readonly prepared = new Map<number, PreparedStatement>();
  /** Statements of PREPARE, by lower-cased name. */
  readonly named = new Map<string, PreparedStatement>();
  temporary: SessionTables | undefined;
  /** Names of open handlers. */
  readonly handlers = new Set<string>();
  nextStatementId = 1;
  /** What the last PREPARE gave, 0 if it failed: clients may send EXECUTE before they know. */
  lastPreparedId = 0;
  /** session_track_system_variables of the client; the backends' own is the mesh's. */
  tracked: ReadonlySet<string> = defaultTracked;
  readonly timing = new StatementTiming();
  readonly aftermath: Aftermath = { schemaChanged: () => this.database.schemaChanged('DDL') };
  /** Text of the running statement. */
  runningText: Buffer | undefined;
  startedAt = 0;
  #snapshot: MeshSnapshot;

  constructor(share: WorkerShare, connectionId: number, host: string) {
    this.share = share;
    this.state = newSessionState(connectionId, host);
    this.#snapshot = share.mesh.current();
    this.backend = new SessionBackend(
      this.state,
      firstDatabase(this.#snapshot).directory,
      { foundRows: false, deprecateEof: true },
      share.protocols,
      share.transactions,
      share.positions,
      share.tokens,
    );
  }

  /** The beginning of the running statement's text, for SHOW PROCESSLIST; decoded only for those who ask. */
  get running(): string | undefined {
    return this.runningText?.toString('utf8', 0, Math.min(this.runningText.length, RUNNING_TEXT_MAX));
  }

  /** The configuration this session works with: the newest, except inside of a transaction or pin. */
  get snapshot(): MeshSnapshot {
    const current = this.share.mesh.current();
    if (current !== this.#snapshot && this.backend.quiet) {
      this.#snapshot = current;
      this.backend.leases.directory = this.database.directory;
    }
    return this.#snapshot;
  }

  /** The same without moving on to a newer one: for the middle of a statement, which must end on what it was planned with. */
  get snapshotInUse(): MeshSnapshot {
    return this.#snapshot;
  }

  /** The logical database whose rules plan the next statement: the session's own, or the first one when it has none. */
  get database(): LogicalDatabase {
    const { databases } = this.#snapshot;
    const name = this.state.database;
    return (name === undefined ? undefined : databases.get(name)) ?? this.#ownDatabase();
  }

  /** The first one that the account may use: information_schema without a current database tells of it, and of no other. */
  #ownDatabase(): LogicalDatabase {
    const { databases } = this.#snapshot;
    const allowed = this.account?.databases ?? 'all';
    if (allowed !== 'all') {
      for (const [name, database] of databases) if (allowed.includes(name)) return database;
    }
    return firstDatabase(this.#snapshot);
  }

  /** USE, COM_INIT_DB and the database of the handshake; the caller has checked that it exists and may be used. */
  use(database: string): void {
    this.state.database = database;
    this.backend.leases.directory = this.database.directory;
    this.#takeDefaults();
  }

  /** The login is known: what its user, the rules and the configuration say of the session's variables. */
  loggedIn(account: Account): void {
    this.account = account;
    if (this.backend.quiet) this.backend.leases.directory = this.database.directory;
    this.state.loginMesh = initialMeshValues;
    this.state.mesh = initialMeshValues;
    this.#takeDefaults();
  }

  /** What the client has set itself stays. */
  #takeDefaults(): void {
    const type = this.account?.transactionType ?? this.database.rules.transactionType ?? this.#snapshot.transactionType;
    this.#takeDefault('shardmesh_transaction_type', type);
    this.#takeDefault('shardmesh_consistency', this.#snapshot.consistency);
  }

  #takeDefault(name: MeshVariableName, value: string): void {
    const { state } = this;
    const before = state.loginMesh[name];
    if (value === before) return;
    state.loginMesh = withMeshValue(state.loginMesh, name, value);
    if (state.mesh[name] === before) state.mesh = withMeshValue(state.mesh, name, value);
  }

  /** COM_CHANGE_USER: no database until the new user names one. */
  useNone(): void {
    this.state.database = undefined;
    this.backend.leases.directory = this.database.directory;
  }

  async close(): Promise<void> {
    this.prepared.clear();
    this.named.clear();
    await this.backend.close();
  }
}

function firstDatabase(snapshot: MeshSnapshot): LogicalDatabase {
  for (const database of snapshot.databases.values()) return database;
  throw new Error('a mesh without databases');
}

/** One command's surroundings. */
export interface CommandContext {
  readonly session: Session;
  readonly account: Account;
  readonly reply: ResponseWriter;
  /** Undefined: the client has not offered to send files. */
  readonly file: ClientFile | undefined;
}
