/** Clients: listeners, handshake, sessions, commands and replies. */
export { accountsOf } from './accounts.ts';
export type { ListenerShare } from './client-connection.ts';
export type { FrontendObserver, StatementRecord } from './frontend-observer.ts';
export { type KillOrder, type KillOutcome, killSession } from './kill-statement.ts';
export { Listener } from './listener.ts';
export type { Account, LogicalDatabase, MeshHandle, MeshLimits, MeshSnapshot } from './mesh-snapshot.ts';
export { metricsObserver } from './metrics-observer.ts';
export type { WorkerShare } from './session.ts';
export { type ProcessStatus, SessionDirectory, workerOf } from './session-directory.ts';
export { type AuditLevel, StatementLog, type StatementLogSettings } from './statement-log.ts';
export { tlsContexts } from './tls-contexts.ts';
