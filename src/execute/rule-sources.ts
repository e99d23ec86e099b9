/** The sources of a logical database as its sessions see them: pools, replicas, which table is which. */
import type { ReplicaSet } from '../backend/index.ts';
import { MeshError } from '../base/index.ts';
import { type DataSource, physicalTablesOf, primaryOf, type RuleSet, singleTableAllowed } from '../rules/index.ts';
import type { ReplicaSets } from './replica-sets.ts';
import type { SourceDirectory } from './source-directory.ts';
import type { SourcePools } from './source-pools.ts';

/** A logical database's shard sources over the shared pools. */
export function ruleSources(rules: RuleSet, pools: SourcePools, sets: ReplicaSets): SourceDirectory {
  const replicaSets = new Map<string, ReplicaSet>();
  for (const name of rules.shardSources) {
    const set = sets.of(rules, name);
    if (set !== undefined) replicaSets.set(name, set);
  }
  const byMember = new Map([...replicaSets.values()].flatMap((set) => set.members.map(({ name }) => [name, set])));
  const primary = (name: string): DataSource => {
    const source = primaryOf(rules, name);
    if (source === undefined) throw new MeshError('SM_CONFIG', { message: `there is no source '${name}'` });
    return source;
  };
  const memberOf = (name: string): DataSource => rules.dataSources.get(name) as DataSource;
  /** After a failover another member than the configured one. */
  const primaryNow = (name: string): DataSource => {
    const set = replicaSets.get(name);
    return set === undefined ? primary(name) : memberOf(set.primary.name);
  };
  const logical = new Map<string, ReadonlyMap<string, string>>(
    rules.shardSources.map((name) => [name, physicalTablesOf(rules, name)]),
  );
  const logicalName = (source: string, table: string): string | undefined =>
    logical.get(source)?.get(table) ??
    (isHidden(table) || !singleTableAllowed(rules, source, table) ? undefined : table);
  return {
    sources: rules.shardSources,
    logicalDatabase: rules.databaseName,
    logicalName,
    shownAs: (source, table) => {
      const name = logicalName(source, table);
      const first = name === undefined ? undefined : rules.tables.get(name)?.nodes[0];
      return first === undefined || (first.source === source && first.table === table) ? name : undefined;
    },
    primaryPool: (name, capabilities) => pools.pool(primaryNow(name), capabilities),
    replicated: replicaSets.size > 0,
    replicaSet: (name) => replicaSets.get(name),
    setOfMember: (name) => byMember.get(name),
    memberPool: (member, capabilities) => pools.pool(memberOf(member.name), capabilities),
    transactionalReads: (name) => rules.groups.get(name)?.transactionalReads ?? 'PRIMARY',
    physicalSchema: (name) => primary(name).database,
    physicalSchemas: new Set([...rules.dataSources.values()].map((source) => source.database)),
    defaultSource: rules.defaultSource,
  };
}

/** Tables of the mesh itself. */
function isHidden(table: string): boolean {
  return table.startsWith('shardmesh_') || table.startsWith('_shardmesh');
}
