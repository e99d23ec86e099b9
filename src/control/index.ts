/** Where configurations and schemas come from, how they are swapped, and how the sidecar lives and ends. */
export { barrierVerdict, type SourceVerdict } from './barrier-verdict.ts';
export {
  buildSnapshot,
  defaultServerFallback,
  type SchemaWarning,
  type ServerFallback,
  tableDifference,
} from './build-snapshot.ts';
export { type Configuration, type ReloadReason, type ReloadResult, restartKeys } from './configuration.ts';
export { type InitAccount, type InitResult, initTransactions } from './init-transactions.ts';
export { checkLive } from './live-checks.ts';
export { type PhysicalSchema, type PhysicalTable, parseServerVersion, readPhysicalSchema } from './physical-schema.ts';
export { judgeLimits, type LimitVerdict } from './process-limits.ts';
export { type ConfigurationListener, ConfigurationRefused, Publisher, type PublisherOptions } from './publisher.ts';
export { redisLeaseStore } from './redis-lease-store.ts';
export type { RuleSource } from './rule-source.ts';
export { type ReadSource, type RefreshReason, SchemaLoader, type SchemaLoaderOptions } from './schema-loader.ts';
export { tableSegments } from './segment-table.ts';
export { openSource, reasonOf, withSource } from './source-connection.ts';
export { tableLeaseStore } from './table-lease-store.ts';
export { type HeldLease, type LeaseStore, WorkerLease, type WorkerLeaseOptions } from './worker-lease.ts';
