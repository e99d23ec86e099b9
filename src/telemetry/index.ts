/** Counters, timings, spans and the log: off the hot path, costing one array access or one check. */
export { LabelSet, type Labels, type LabelValues } from './label-set.ts';
export {
  createLogger,
  type Logger,
  type LoggerOptions,
  type LogLevel,
  type RootLogger,
  silentLogger,
} from './logger.ts';
export {
  type CommandLabel,
  createMeshMetrics,
  type ErrorKindLabel,
  type MeshMetrics,
  type PhaseLabel,
  type PinLabel,
  type RouteLabel,
  routes,
} from './mesh-metrics.ts';
export { Counter, Gauge, Histogram, latencyBuckets, type Metric, Observed, type Sample } from './metric.ts';
export { type PoolFigures, type SourceFigures, watchPools } from './pool-metrics.ts';
export { watchProcess } from './process-metrics.ts';
export { combinedText, exposition, MetricRegistry, type MetricValues } from './registry.ts';
export { parseTraceparent, type Span, setTracing, startSpan, traceparentOf } from './span.ts';
