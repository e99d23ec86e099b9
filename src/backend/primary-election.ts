/** Which member of a group takes writes, from what their probes say. Pure. */
import type { SourceFacts } from './source-probe.ts';

export interface ElectionMember {
  readonly name: string;
  /** Undefined: it does not answer. */
  readonly facts: SourceFacts | undefined;
}

export interface Election {
  /** Who may be written; undefined: nobody, so writes wait. */
  readonly primary: string | undefined;
  /** The primary has no record of being it: a takeover to write down, as this epoch, before the first write. */
  readonly takeover: number | undefined;
  /** Members that would like to be primary and are older than the one that is: no reads, no writes. */
  readonly quarantined: readonly string[];
  /** Members of equal epoch that both took writes: nobody may be written. */
  readonly splitBrain: readonly string[];
}

/**
 * `configured` is `writeDataSourceName`, `current` who was primary before, `epochMax` the highest epoch ever seen of the group.
 * Every member has been asked at least once.
 * A candidate is writable and replicates from nobody. The configured one counts as holder of epoch 0.
 */
export function elect(
  members: readonly ElectionMember[],
  configured: string,
  current: string | undefined,
  epochMax: number,
): Election {
  const candidates = members.filter(
    ({ name, facts }) =>
      facts !== undefined &&
      !facts.readOnly &&
      // An account that may not ask about replication can only vouch for the configured primary.
      (facts.replicating === false || (facts.replicating === undefined && name === configured)),
  );
  const held = (member: ElectionMember): number => {
    const facts = member.facts as SourceFacts;
    // Rows replicate: an epoch is held only by the server that it names.
    if (facts.epochHolder === facts.identity) return facts.epoch;
    return -1;
  };
  const highest = Math.max(epochMax, ...members.map(({ facts }) => facts?.epoch ?? 0));
  const holders = candidates.filter((member) => held(member) === highest && highest > 0);
  const none: Election = { primary: undefined, takeover: undefined, quarantined: [], splitBrain: [] };
  if (holders.length > 1) {
    // One row, one holder: only a copied or a forked table shows two.
    const wrote = holders.filter((member) => member.facts?.wrote === true);
    if (wrote.length > 1) return { ...none, splitBrain: wrote.map(({ name }) => name) };
  }
  const [holder] = holders;
  if (holder !== undefined) {
    const quarantined = candidates.filter((member) => !holders.includes(member)).map(({ name }) => name);
    return { ...none, primary: holder.name, quarantined };
  }
  // Nobody who answers holds the highest epoch. Those that know of it (the row has replicated to them) may take over from its
  // holder; one that has never heard of it is an old primary.
  const informed = candidates.filter((member) => (member.facts?.epoch ?? 0) === highest);
  const quarantined = candidates.filter((member) => !informed.includes(member)).map(({ name }) => name);
  if (informed.length === 0) return { ...none, quarantined };
  const wrote = informed.filter((member) => member.facts?.wrote === true);
  if (wrote.length > 1) return { ...none, quarantined, splitBrain: wrote.map(({ name }) => name) };
  const winner =
    informed.find(({ name }) => name === configured) ?? informed.find(({ name }) => name === current) ?? informed[0];
  if (winner === undefined) return { ...none, quarantined };
  if (winner.name === configured && highest === 0) return { ...none, primary: winner.name, quarantined };
  return { ...none, primary: winner.name, takeover: highest + 1, quarantined };
}
