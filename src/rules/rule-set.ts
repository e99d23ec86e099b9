/** Questions to a RuleSet. */
import type { DataSource, LogicalTable, RuleSet, ShardingStrategy } from './types.ts';

/** The primary server of a shard source (a group or a data source). Undefined: no such source. */
export function primaryOf(rules: RuleSet, shardSource: string): DataSource | undefined {
  return rules.dataSources.get(rules.groups.get(shardSource)?.primary ?? shardSource);
}

/** The replicas of a shard source, in the order of the rules. */
export function replicasOf(rules: RuleSet, shardSource: string): readonly DataSource[] {
  return (rules.groups.get(shardSource)?.replicas ?? []).flatMap((name) => rules.dataSources.get(name) ?? []);
}

/** The shard source that a name in a hint means: a group or data source itself, or the group that a grouped data source belongs to. */
export function shardSourceOf(rules: RuleSet, name: string): string | undefined {
  if (rules.groups.has(name)) return name;
  for (const group of rules.groups.values()) {
    if (group.primary === name || group.replicas.includes(name)) return group.name;
  }
  return rules.dataSources.has(name) ? name : undefined;
}

/** A sharded, broadcast or by-name single table. MySQL's table names are case-sensitive on Linux; `ignoreCase` is for lower_case_table_names. */
export function findTable(rules: RuleSet, name: string, ignoreCase = false): LogicalTable | undefined {
  const exact = rules.tables.get(name);
  if (exact !== undefined || !ignoreCase) return exact;
  const lower = name.toLowerCase();
  for (const table of rules.tables.values()) {
    if (table.name.toLowerCase() === lower) return table;
  }
  return undefined;
}

/** A table that the catalog found on one source. */
export function singleTable(name: string, source: string): LogicalTable {
  return Object.freeze({
    name,
    kind: 'single',
    nodes: Object.freeze([Object.freeze({ source, table: name })]),
    databaseStrategy: none,
    tableStrategy: none,
    shardingColumns: Object.freeze([]),
    auditors: Object.freeze([]),
  });
}
const none: ShardingStrategy = Object.freeze({ kind: 'none' });

/** Whether the rules let `table` of `source` be seen as a single table. */
export function singleTableAllowed(rules: RuleSet, source: string, table: string): boolean {
  if (rules.singlePatterns.length === 0) return true;
  return rules.singlePatterns.some(
    (pattern) =>
      (pattern.source === '*' || pattern.source === source) && (pattern.table === '*' || pattern.table === table),
  );
}

/** Every physical table of sharded and broadcast tables on `source` -> its logical name; these are no single tables. */
export function physicalTablesOf(rules: RuleSet, source: string): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const table of rules.tables.values()) {
    for (const node of table.nodes) if (node.source === source) names.set(node.table, table.name);
  }
  return names;
}

/**
 * Whether equality of a string column under `collation` implies the same shard for this strategy
 * (sql.md, section 0, point 1): binary without padding, or an algorithm that hashes weight strings.
 */
export function equalityKeepsShard(
  strategy: ShardingStrategy,
  collation: { readonly binary: boolean; readonly padSpace: boolean },
): boolean {
  if (strategy.kind === 'none' || strategy.kind === 'hint') return true;
  if (strategy.algorithm.keyForm === 'collation') return true;
  return collation.binary && !collation.padSpace;
}
