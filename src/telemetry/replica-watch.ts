/** Metrics and log events of replica sets: who is primary, who serves reads, what waited and what fell back. */
import type { Logger } from './logger.ts';
import type { MeshMetrics } from './mesh-metrics.ts';
import type { Observed, Sample } from './metric.ts';

/** What a replica set says of itself (a superset fits). */
export interface ReplicaSetFigures {
  readonly group: string;
  readonly writable: boolean;
  readonly epoch: number;
  readonly failovers: number;
  readonly fallbacks: number;
  readonly waits: number;
  readonly waitsLate: number;
  readonly buffered: number;
  readonly waiting: number;
  readonly healMs: number | undefined;
  readonly primary: MemberFigures;
  readonly members: readonly MemberFigures[];
}

export interface MemberFigures {
  readonly name: string;
  readonly reads: number;
  readonly latencyMs: number;
  readonly quarantined: boolean;
  readonly health: { readonly state: string; readonly up: boolean };
  readonly facts: { readonly lagSeconds: number | undefined } | undefined;
}

/** A superset of its events fits. */
export interface ReplicaTold {
  readonly kind: 'state' | 'primary' | 'quarantine' | 'split brain' | 'cut' | 'warning';
}

/** `sets` is read on a scrape only. */
export function watchReplicas(
  metrics: MeshMetrics,
  logger: Logger,
  sets: { list(): Iterable<{ readonly database: string; readonly set: ReplicaSetFigures }> },
): { told(database: string, group: string, event: ReplicaTold): void } {
  const perSet = (metric: Observed, value: (set: ReplicaSetFigures) => number): void =>
    metric.readFrom(() =>
      [...sets.list()].map(({ database, set }) => ({ labels: { database, group: set.group }, value: value(set) })),
    );
  const perMember = (metric: Observed, value: (member: MemberFigures) => number | undefined): void =>
    metric.readFrom(() =>
      [...sets.list()].flatMap(({ database, set }) =>
        set.members.flatMap((member): Sample[] => {
          const figure = value(member);
          return figure === undefined ? [] : [{ labels: { database, source: member.name }, value: figure }];
        }),
      ),
    );
  perSet(metrics.replicaWritable, (set) => (set.writable ? 1 : 0));
  perSet(metrics.replicaEpoch, (set) => set.epoch);
  perSet(metrics.replicaFailovers, (set) => set.failovers);
  perSet(metrics.replicaFallbacks, (set) => set.fallbacks);
  perSet(metrics.replicaWaits, (set) => set.waits);
  perSet(metrics.replicaWaitsLate, (set) => set.waitsLate);
  perSet(metrics.replicaBuffered, (set) => set.buffered);
  perSet(metrics.replicaWaiting, (set) => set.waiting);
  perSet(metrics.replicaHeal, (set) => (set.healMs ?? 0) / 1000);
  perMember(metrics.replicaReads, (member) => member.reads);
  perMember(metrics.replicaLag, (member) => member.facts?.lagSeconds);
  perMember(metrics.replicaLatency, (member) => member.latencyMs / 1000);
  perMember(metrics.replicaHealthy, (member) => (member.health.up && !member.quarantined ? 1 : 0));
  return {
    told(database, group, event) {
      const { kind, ...rest } = event;
      const fields = { database, group, ...rest };
      switch (kind) {
        case 'state':
          logger.warn(fields, 'replica.state');
          break;
        case 'primary':
          logger.warn(fields, 'replica.primary');
          break;
        case 'quarantine':
          logger.error(fields, 'replica.quarantine');
          break;
        case 'split brain':
          logger.error(fields, 'replica.split-brain');
          break;
        case 'cut':
          logger.warn(fields, 'replica.cut');
          break;
        case 'warning':
          logger.warn(fields, 'replica.warning');
          break;
      }
    },
  };
}
