/** The sources of a logical database as the delivery of best-effort transactions needs them: with connections of its own. */
import { MeshError } from '../base/index.ts';
import { type DataSource, primaryOf, type RuleSet } from '../rules/index.ts';
import type { DeliveryGround } from '../transaction/index.ts';
import type { SourcePools } from './source-pools.ts';

/** Connections to one source that the mesh takes for its own work at most: sessions cannot use them up, nor it theirs. */
const CONNECTIONS_MAX = 8;
const WAIT_MS = 5000;

const ownSources = new WeakMap<DataSource, DataSource>();

/** The same source with the mesh's own few connections. */
export function ownSource(source: DataSource): DataSource {
  let own = ownSources.get(source);
  if (own === undefined) {
    own = { ...source, pool: { ...source.pool, sizeMin: 0, sizeMax: CONNECTIONS_MAX, connectionTimeoutMs: WAIT_MS } };
    ownSources.set(source, own);
  }
  return own;
}

/** `pools`: of the mesh's own connections. */
export function deliveryGround(rules: RuleSet, pools: SourcePools): DeliveryGround {
  const primary = (name: string): DataSource => {
    const source = primaryOf(rules, name);
    if (source === undefined) throw new MeshError('SM_CONFIG', { message: `there is no source '${name}'` });
    return source;
  };
  return {
    logicalDatabase: rules.databaseName,
    sources: rules.shardSources,
    lease: async (name, capabilities) => pools.pool(ownSource(primary(name)), capabilities).acquire(),
    schema: (name) => primary(name).database,
  };
}
