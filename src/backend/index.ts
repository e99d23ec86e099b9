/** MySQL connections as a client, and pools of them. */

export { BackendConnection, type ConnectionState, type PositionListener } from './backend-connection.ts';
export { BackendFault, type FaultStage } from './backend-fault.ts';
export {
  type BackendTls,
  type CapabilityClass,
  type ConnectOptions,
  mysqlTrackingSql,
  type TlsMode,
  trackingSql,
} from './connect-options.ts';
export { Lease } from './lease.ts';
export { Pool, type PoolOptions, type PoolStats } from './pool.ts';
export { PrepareHandler } from './prepare-statement.ts';
export { PreparedCache, type PreparedHandle } from './prepared-cache.ts';
export {
  type MemberOptions,
  type ReaderChoice,
  type ReplicaEvent,
  type ReplicaMember,
  ReplicaSet,
  type ReplicaSettings,
} from './replica-set.ts';
export type { RequestKind, ResponseHandler } from './request-kind.ts';
export { type RowBatch, RowBatcher, type RowBatchHandler } from './row-batcher.ts';
export { ServerError, type SmallResult, SmallResultHandler } from './small-result.ts';
