/** Everything that a client session is, as plain data: what a lease is prepared with, and what moves if the session moves. */
import type { TransactionType } from '../base/index.ts';
import { initialMeshValues, type MeshValues } from './mesh-variables.ts';
import { freshSettings, type Settings } from './settings.ts';

/** Why a session holds a backend connection between statements; a metric label. */
export type PinReason = 'transaction' | 'temporary table' | 'lock tables' | 'user lock' | 'handler' | 'found rows';

/** Characteristics of the next transaction, as SET TRANSACTION and START TRANSACTION give them. */
export interface TransactionCharacteristics {
  readonly isolation: string | undefined;
  readonly access: 'READ ONLY' | 'READ WRITE' | undefined;
  readonly consistentSnapshot: boolean;
  /** Fixed at BEGIN; undefined: as the session's variable says when the first branch opens. */
  readonly type?: TransactionType;
  /** Fixed at BEGIN, in the same way. */
  readonly snapshot?: 'off' | 'atomic';
}

export const plainTransaction: TransactionCharacteristics = {
  isolation: undefined,
  access: undefined,
  consistentSnapshot: false,
};

/** One row of SHOW WARNINGS. */
export interface Diagnostic {
  readonly level: 'Note' | 'Warning' | 'Error';
  readonly code: number;
  readonly message: string;
  /** Of an error; servers do not list that of warnings. */
  readonly sqlState?: string;
}

/** Mutable, owned by one client session. */
export interface SessionState {
  /** The account's user name and the client's host. */
  user: string;
  host: string;
  /** host part of the matched account, for CURRENT_USER(). */
  accountHost: string;
  connectionId: number;
  database: string | undefined;
  settings: Settings;
  /** What the login fixed: the character set of the handshake. A reset goes back to it. */
  loginSettings: Settings;
  /** The mesh's own session variables, and what a reset takes them back to. */
  mesh: MeshValues;
  loginMesh: MeshValues;
  autocommit: boolean;
  /** BEGIN was given, or autocommit=0 and a statement has run. */
  inTransaction: boolean;
  /** For the transaction in progress or, by SET TRANSACTION, the next one. */
  transaction: TransactionCharacteristics;
  lastInsertId: bigint;
  foundRows: bigint;
  rowCount: bigint;
  diagnostics: readonly Diagnostic[];
  /** @@warning_count: more than `diagnostics` when servers listed only some. */
  warningCount: number;
}

export function newSessionState(connectionId: number, host: string): SessionState {
  return {
    user: '',
    host,
    accountHost: '%',
    connectionId,
    database: undefined,
    settings: freshSettings,
    loginSettings: freshSettings,
    mesh: initialMeshValues,
    loginMesh: initialMeshValues,
    autocommit: true,
    inTransaction: false,
    transaction: plainTransaction,
    lastInsertId: 0n,
    foundRows: 0n,
    rowCount: -1n,
    diagnostics: [],
    warningCount: 0,
  };
}

/** COM_RESET_CONNECTION and COM_CHANGE_USER: back to a fresh session of the same connection. */
export function resetSessionState(state: SessionState): void {
  state.settings = state.loginSettings;
  state.mesh = state.loginMesh;
  state.autocommit = true;
  state.inTransaction = false;
  state.transaction = plainTransaction;
  state.lastInsertId = 0n;
  state.foundRows = 0n;
  state.rowCount = -1n;
  state.diagnostics = [];
  state.warningCount = 0;
}
