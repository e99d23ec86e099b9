export { accountsOf } from './accounts.ts';
export type { ListenerShare } from './client-connection.ts';
export { type Address, Listener } from './listener.ts';
export type { Account, LogicalDatabase, MeshHandle, MeshLimits, MeshSnapshot } from './mesh-snapshot.ts';
export { metricsObserver } from './metrics-observer.ts';
export type { FrontendObserver, WorkerShare } from './session.ts';
export { SessionDirectory } from './session-directory.ts';
export { tlsContexts } from './tls-contexts.ts';
