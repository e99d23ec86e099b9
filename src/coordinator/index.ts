/** Transactions across services: Saga, TCC and two-phase messages over HTTP, coordinated from any sidecar. */
export {
  type CallEffect,
  type Effect,
  inFlight,
  nextWake,
  type Order,
  type TransactionEvent,
  transactionMachine,
  type Verdict,
} from './advance.ts';
export { backoffMs } from './backoff.ts';
export type { BarrierVerdict } from './barrier-verdict.ts';
export { BranchClient } from './branch-client.ts';
export { BranchTargets, TargetRefused } from './branch-targets.ts';
export { Coordinator, type CoordinatorObserver, type CoordinatorOptions, type Outcome } from './coordinator.ts';
export type { BranchDefinition, Kind, Operation, Side, TransactionDefinition } from './definition.ts';
export { dtmRoutes } from './dtm-api.ts';
export { GroupCommit } from './group-commit.ts';
export { type MysqlStoreOptions, mysqlStore, mysqlTables } from './mysql-store.ts';
export { newGid } from './new-gid.ts';
export { openApi } from './openapi.ts';
export { idleBranch, isFinal, type Phase, type Progress } from './progress.ts';
export { guardedRoutes, openServiceServer, type ServiceServerOptions } from './service-server.ts';
export {
  type AuditEntry,
  type ListFilter,
  type StoredTransaction,
  StoreUnavailable,
  type TransactionStore,
  type TransactionSummary,
} from './store.ts';
export { operatorRoutes, v1Routes } from './v1-api.ts';
