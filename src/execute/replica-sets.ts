/** The replica sets of a process: one per group that has replicas, kept over reloads that change nothing of it. */
import { type ReplicaEvent, ReplicaSet, type ReplicaSettings } from '../backend/index.ts';
import { type DataSource, primaryOf, type RuleSet, replicasOf, type SourceGroup } from '../rules/index.ts';
import { connectOptions, sourceIdentity } from './connect-options.ts';
import type { SourcePools } from './source-pools.ts';

/** Class of the mesh's own connections. */
const OWN_CLASS = { foundRows: false, deprecateEof: true } as const;

interface Entry {
  readonly set: ReplicaSet;
  readonly database: string;
}

export class ReplicaSets {
  readonly #entries = new Map<string, Entry>();
  readonly #settings: () => ReplicaSettings;
  readonly #pools: SourcePools;
  readonly #onEvent: (database: string, group: string, event: ReplicaEvent) => void;

  constructor(
    pools: SourcePools,
    settings: () => ReplicaSettings,
    onEvent: (database: string, group: string, event: ReplicaEvent) => void = () => undefined,
  ) {
    this.#pools = pools;
    this.#settings = settings;
    this.#onEvent = onEvent;
  }

  /** The set of a shard source; undefined: it has no replicas. Starts to watch its members. */
  of(rules: RuleSet, source: string): ReplicaSet | undefined {
    const group = rules.groups.get(source);
    const primary = primaryOf(rules, source);
    if (group === undefined || primary === undefined || group.replicas.length === 0) return undefined;
    const members = [primary, ...replicasOf(rules, source)];
    const key = keyOf(rules, group, members, this.#settings());
    const known = this.#entries.get(key);
    if (known !== undefined) return known.set;
    const { databaseName: database } = rules;
    const set = new ReplicaSet({
      group: source,
      members: members.map((member) => ({
        name: member.name,
        zone: member.zone,
        connect: connectOptions(member, OWN_CLASS),
      })),
      balancer: group.balancer,
      settings: this.#settings(),
      onEvent: (event) => {
        const cut = event.kind === 'cut' ? members.find(({ name }) => name === event.source) : undefined;
        if (event.kind === 'cut' && cut !== undefined) this.#pools.cut(cut, new Error(event.reason));
        this.#onEvent(database, source, event);
      },
    });
    this.#entries.set(key, { set, database });
    set.start();
    return set;
  }

  /** Sets of rules that are not in force any more are not watched any longer. */
  keepOnly(ruleSets: Iterable<RuleSet>): void {
    const wanted = new Set<ReplicaSet>();
    for (const rules of ruleSets) {
      for (const source of rules.shardSources) {
        const set = this.of(rules, source);
        if (set !== undefined) wanted.add(set);
      }
    }
    for (const [key, { set }] of this.#entries) {
      if (wanted.has(set)) continue;
      this.#entries.delete(key);
      set.stop();
    }
  }

  list(): Iterable<Entry> {
    return this.#entries.values();
  }

  close(): void {
    for (const { set } of this.#entries.values()) set.stop();
    this.#entries.clear();
  }
}

function keyOf(rules: RuleSet, group: SourceGroup, members: readonly DataSource[], settings: ReplicaSettings): string {
  const { name, balancer } = group;
  return JSON.stringify([rules.databaseName, name, members.map(sourceIdentity), balancer, settings]);
}
