/** Counters, timings, spans and the log: off the hot path, costing one array access or one check. */
export { CombinedMetrics } from './combined-metrics.ts';
export { relayEvents, watchOutboxes } from './delivery-watch.ts';
export { Digest, type DigestSample, DigestTable } from './digest-table.ts';
export { LabelSet, type Labels, type LabelValues } from './label-set.ts';
export {
  createLogger,
  type Logger,
  type LoggerOptions,
  type LogLevel,
  logDestination,
  type RootLogger,
  silentLogger,
} from './logger.ts';
export {
  type CommandLabel,
  commands,
  createMeshMetrics,
  type ErrorKindLabel,
  errorKinds,
  type MeshMetrics,
  type PhaseLabel,
  type RouteLabel,
  routes,
} from './mesh-metrics.ts';
export { Counter, Gauge, Histogram, latencyBuckets, type Metric, Observed, type Sample } from './metric.ts';
export { type PoolFigures, type SourceFigures, watchPools } from './pool-metrics.ts';
export { type ProcessLimits, processLimits } from './process-limits.ts';
export { watchProcess, watchSidecar } from './process-metrics.ts';
export { exposition, MetricRegistry, type MetricValues } from './registry.ts';
export { type MemberFigures, type ReplicaSetFigures, watchReplicas } from './replica-watch.ts';
export { type SessionFigures, type TransactionFigures, watchSessions } from './session-metrics.ts';
export { detectTracing, parseTraceparent, type Span, setTracing, startSpan, traceparentOf, tracingOn } from './span.ts';
export { watchXa, type XaFigures, xaReports } from './xa-metrics.ts';
