/** Fills the metrics of pins and transactions from the sessions that main gives, on a scrape only. */
import type { MeshMetrics } from './mesh-metrics.ts';

/** What is asked of one session. */
export interface SessionFigures {
  readonly pinReasons: readonly string[];
  /** Connections that its transaction holds. */
  readonly branches: number;
}

/** Counted since the start. */
export interface TransactionFigures {
  readonly opened: number;
  readonly committed: number;
  readonly rolledBack: number;
  readonly partial: number;
}

export function watchSessions(
  metrics: MeshMetrics,
  read: () => readonly SessionFigures[],
  transactions: TransactionFigures,
): void {
  const type = 'LOCAL';
  const open = (): number => read().filter((session) => session.branches > 0).length;
  metrics.transactionsOpen.readFrom(() => [{ labels: { type }, value: open() }]);
  metrics.transactions.readFrom(() =>
    (
      [
        ['opened', transactions.opened],
        ['committed', transactions.committed],
        ['rolled_back', transactions.rolledBack],
        ['partial', transactions.partial],
      ] as const
    ).map(([outcome, value]) => ({ labels: { type, outcome }, value })),
  );
  metrics.pins.readFrom(() => {
    const counts = new Map<string, number>([['transaction', open()]]);
    for (const session of read())
      for (const reason of session.pinReasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
    return [...counts].map(([reason, value]) => ({ labels: { reason }, value }));
  });
}
