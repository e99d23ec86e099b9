/** HTTP surfaces: health and metrics, and an operator's orders, all through handles that main gives. */
export { type AdminServerOptions, openAdminServer } from './admin-server.ts';
export { type AdminToken, loadAdminToken, readAdminToken, tokenFileName } from './admin-token.ts';
export type {
  AdminAudit,
  HealthHandles,
  HealthReason,
  MetricsHandles,
  OperatorHandles,
  ProcessReport,
  ReloadAnswer,
  SourceStatus,
  StatusReport,
} from './handles.ts';
export { type HealthServerOptions, openHealthServer } from './health-server.ts';
export { mergeDigests, mergeSources } from './merge-statuses.ts';
export { type DigestStatus, type MeshRowHandles, meshRows, type SessionStatus } from './mesh-rows.ts';
