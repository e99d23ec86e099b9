/** Fills the metrics of XA transactions from what main gives, on a scrape only. */
import type { Logger } from './logger.ts';
import type { MeshMetrics } from './mesh-metrics.ts';

export interface XaFigures {
  readonly tally: {
    readonly committed: number;
    readonly rolledBack: number;
    readonly inDoubt: number;
    readonly heuristic: number;
  };
  /** Prepared branches that were listed in the last rounds. */
  branches(): readonly { readonly ageMs: number; readonly ownerGone: boolean }[];
  hazards(): readonly unknown[];
  recovered(): { readonly committed: number; readonly rolledBack: number };
}

export function watchXa(metrics: MeshMetrics, xa: XaFigures): void {
  metrics.xaCommits.readFrom(() => [
    { labels: { outcome: 'committed' }, value: xa.tally.committed },
    { labels: { outcome: 'rolled_back' }, value: xa.tally.rolledBack },
    { labels: { outcome: 'in_doubt' }, value: xa.tally.inDoubt },
  ]);
  metrics.xaPrepared.readFrom(() => {
    const branches = xa.branches();
    const abandoned = branches.filter((branch) => branch.ownerGone).length;
    return [
      { labels: { state: 'owned' }, value: branches.length - abandoned },
      { labels: { state: 'abandoned' }, value: abandoned },
    ];
  });
  metrics.xaOldest.readFrom(() => [
    { labels: {}, value: xa.branches().reduce((most, { ageMs }) => Math.max(most, ageMs / 1000), 0) },
  ]);
  metrics.xaRecovered.readFrom(() => {
    const { committed, rolledBack } = xa.recovered();
    return [
      { labels: { outcome: 'committed' }, value: committed },
      { labels: { outcome: 'rolled_back' }, value: rolledBack },
    ];
  });
  metrics.xaHazards.readFrom(() => [{ labels: {}, value: xa.hazards().length }]);
  metrics.xaHeuristic.readFrom(() => [{ labels: {}, value: xa.tally.heuristic }]);
}

/** What recovery says, as events of the log. */
export function xaReports(logger: Logger): (event: string, fields: object) => void {
  return (event, fields) => {
    if (event === 'xa.recovered') logger.info(fields, 'xa.recovered');
    else if (event === 'xa.server') logger.warn(fields, 'xa.server');
    else logger.error(fields, 'xa.hazard');
  };
}
