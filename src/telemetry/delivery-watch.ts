/** Metrics and log events of what best-effort transactions leave to be delivered. */
import type { Logger } from './logger.ts';
import { deliveryOutcomes, type MeshMetrics } from './mesh-metrics.ts';

/** One attempt to deliver. */
export interface DeliveryReport {
  readonly gid: string;
  readonly seq: number;
  readonly target: string;
  readonly outcome: (typeof deliveryOutcomes)[number];
  readonly tries: number;
  readonly reason: string;
}

export interface OutboxFigures {
  readonly state: 'pending' | 'dead';
  readonly rows: number;
  readonly oldestMs: number;
}

/** What a relay tells, counted and logged. */
export function relayEvents(metrics: MeshMetrics, logger: Logger) {
  const series = Object.fromEntries(
    deliveryOutcomes.map((outcome) => [outcome, metrics.deliveries.series({ outcome })]),
  ) as Record<DeliveryReport['outcome'], number>;
  const silent = new Set<string>();
  return {
    attempted(report: DeliveryReport): void {
      metrics.deliveries.add(series[report.outcome]);
      const { outcome, ...rest } = report;
      if (outcome === 'dead') logger.error(rest, 'delivery.dead');
      else if (outcome === 'postponed') logger.warn(rest, 'delivery.postponed');
      else logger.info(rest, 'delivery.delivered');
    },
    unreachable(source: string, error: unknown): void {
      // Once per source: what keeps it silent is told by the pools.
      if (silent.has(source)) return;
      silent.add(source);
      logger.warn({ source, reason: error instanceof Error ? error.message : String(error) }, 'delivery.unreachable');
    },
    reachable(source: string): void {
      silent.delete(source);
    },
  };
}

export function watchOutboxes(metrics: MeshMetrics, read: () => ReadonlyMap<string, readonly OutboxFigures[]>): void {
  const rows = () => [...read()].flatMap(([server, counts]) => counts.map((count) => ({ server, ...count })));
  metrics.outboxRows.readFrom(() =>
    rows().map(({ server, state, rows: value }) => ({ labels: { server, state }, value })),
  );
  metrics.outboxAge.readFrom(() =>
    rows().map(({ server, state, oldestMs }) => ({ labels: { server, state }, value: oldestMs / 1000 })),
  );
}
