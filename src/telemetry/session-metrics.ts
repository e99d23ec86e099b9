/** Fills the metrics of pins and transactions from the sessions that main gives, on a scrape only. */
import type { MeshMetrics } from './mesh-metrics.ts';

/** What is asked of one session. */
export interface SessionFigures {
  readonly pinReasons: readonly string[];
  /** Connections that its transaction holds. */
  readonly branches: number;
  /** Of the transaction in progress. */
  readonly transactionType: string;
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
  transactions: ReadonlyMap<string, TransactionFigures>,
): void {
  const open = (): readonly SessionFigures[] => read().filter((session) => session.branches > 0);
  metrics.transactionsOpen.readFrom(() => {
    const sessions = open();
    return [...transactions.keys()].map((type) => ({
      labels: { type },
      value: sessions.filter(({ transactionType }) => transactionType === type).length,
    }));
  });
  metrics.transactions.readFrom(() =>
    [...transactions].flatMap(([type, counts]) =>
      (
        [
          ['opened', counts.opened],
          ['committed', counts.committed],
          ['rolled_back', counts.rolledBack],
          ['partial', counts.partial],
        ] as const
      ).map(([outcome, value]) => ({ labels: { type, outcome }, value })),
    ),
  );
  metrics.pins.readFrom(() => {
    const sessions = read();
    const counts = new Map<string, number>([['transaction', open().length]]);
    for (const session of sessions)
      for (const reason of session.pinReasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
    return [...counts].map(([reason, value]) => ({ labels: { reason }, value }));
  });
}
