/** What several workers tell of the same thing, as one. */
import type { MemberStatus, SourceStatus } from './handles.ts';
import type { DigestStatus } from './mesh-rows.ts';

/** Connections are added up; a source is up if every worker finds it so. */
export function mergeSources(lists: readonly (readonly SourceStatus[])[]): SourceStatus[] {
  const merged = new Map<string, SourceStatus>();
  for (const status of lists.flat()) {
    const key = `${status.database}\0${status.group}\0${status.source}`;
    const known = merged.get(key);
    if (known === undefined) {
      merged.set(key, status);
      continue;
    }
    const reason = known.reason ?? status.reason;
    merged.set(key, {
      ...known,
      ...(known.member === undefined || status.member === undefined
        ? {}
        : { member: mergeMembers(known.member, status.member) }),
      up: known.up && status.up,
      ...(reason === undefined ? {} : { reason }),
      idle: known.idle + status.idle,
      leased: known.leased + status.leased,
      waiting: known.waiting + status.waiting,
    });
  }
  return [...merged.values()];
}

/** Workers probe by themselves: the worse state is shown, and reads are added up. */
function mergeMembers(one: MemberStatus, other: MemberStatus): MemberStatus {
  return {
    ...one,
    state: one.state === 'up' ? other.state : one.state,
    lagSeconds: one.lagSeconds ?? other.lagSeconds,
    latencyMs: Math.max(one.latencyMs, other.latencyMs),
    reads: one.reads + other.reads,
    epoch: Math.max(one.epoch, other.epoch),
  };
}

/** Those that took most time first; `other` last. */
export function mergeDigests(lists: readonly (readonly DigestStatus[])[]): DigestStatus[] {
  const merged = new Map<string, DigestStatus>();
  for (const digest of lists.flat()) {
    const key = `${digest.name}\0${digest.database}`;
    const known = merged.get(key);
    merged.set(
      key,
      known === undefined
        ? digest
        : {
            ...known,
            count: known.count + digest.count,
            errors: known.errors + digest.errors,
            totalMs: known.totalMs + digest.totalMs,
            maxMs: Math.max(known.maxMs, digest.maxMs),
            rows: known.rows + digest.rows,
            affected: known.affected + digest.affected,
            bytes: known.bytes + digest.bytes,
            shards: known.shards + digest.shards,
            lastSeen: Math.max(known.lastSeen, digest.lastSeen),
          },
    );
  }
  const isOther = ({ name }: DigestStatus): number => (name === 'other' ? 1 : 0);
  return [...merged.values()].sort((a, b) => isOther(a) - isOther(b) || b.totalMs - a.totalMs);
}
