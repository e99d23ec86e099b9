/** Fills the metrics of pools and sources from the statistics that main gives, on a scrape only. */
import type { MeshMetrics } from './mesh-metrics.ts';
import type { Observed, Sample } from './metric.ts';

/** What the backend room's pools say of themselves (a superset fits). */
export interface PoolFigures {
  readonly idle: number;
  readonly leased: number;
  readonly connecting: number;
  readonly waiting: number;
  readonly connects: number;
  readonly connectFailures: number;
  readonly acquires: number;
  readonly acquireTimeouts: number;
  readonly discarded: number;
  readonly down: boolean;
}

/** One data source with all its pools. */
export interface SourceFigures {
  /** Sources of two databases may have the same name. */
  readonly database: string;
  readonly source: string;
  readonly role: 'primary' | 'replica';
  readonly pools: readonly PoolFigures[];
}

/** `read` is called several times per scrape: it must be cheap. */
export function watchPools(metrics: MeshMetrics, read: () => readonly SourceFigures[]): void {
  const each = (metric: Observed, samples: (figures: SourceFigures) => readonly Sample[]): void =>
    metric.readFrom(() => read().flatMap((figures) => samples(figures)));
  const sum = (figures: SourceFigures, pick: (pool: PoolFigures) => number): number =>
    figures.pools.reduce((total, pool) => total + pick(pool), 0);

  each(metrics.poolConnections, (figures) =>
    (['idle', 'leased', 'connecting'] as const).map((state) => ({
      labels: { database: figures.database, source: figures.source, state },
      value: sum(figures, (pool) => pool[state]),
    })),
  );
  each(metrics.poolWaiting, (f) => [
    { labels: { database: f.database, source: f.source }, value: sum(f, (pool) => pool.waiting) },
  ]);
  each(metrics.poolAcquires, (f) => [
    { labels: { database: f.database, source: f.source }, value: sum(f, (pool) => pool.acquires) },
  ]);
  each(metrics.poolTimeouts, (f) => [
    { labels: { database: f.database, source: f.source }, value: sum(f, (pool) => pool.acquireTimeouts) },
  ]);
  each(metrics.poolDiscarded, (f) => [
    { labels: { database: f.database, source: f.source }, value: sum(f, (pool) => pool.discarded) },
  ]);
  each(metrics.poolConnects, (f) => [
    { labels: { database: f.database, source: f.source, result: 'ok' }, value: sum(f, (pool) => pool.connects) },
    {
      labels: { database: f.database, source: f.source, result: 'failed' },
      value: sum(f, (pool) => pool.connectFailures),
    },
  ]);
  each(metrics.sourceUp, (f) => [
    {
      labels: { database: f.database, source: f.source, role: f.role },
      value: f.pools.some((pool) => pool.down) ? 0 : 1,
    },
  ]);
}
