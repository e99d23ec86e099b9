/** The rules room: YAML files to checked, frozen snapshots; sharding algorithms, inline expressions, key generators, hints. */

export { type HintProblem, hintsOf, isHintComment, noHints, parseHints } from './hints.ts';
export { type HostPattern, readHostPattern, readNetwork } from './host-pattern.ts';
export { describeKey } from './key-value.ts';
export { createKeyGenerator } from './keys/create-key-generator.ts';
export type { GeneratorPorts, KeyGenerator, SegmentPort, WorkerIdPort } from './keys/key-generator.ts';
export { readAddress } from './load/address.ts';
export { algorithmReference, type JsonSchema, meshJsonSchema, rulesJsonSchema } from './load/json-schemas.ts';
export { isRulesFile, loadMeshConfig } from './load/load-mesh-config.ts';
export { loadRules } from './load/load-rules.ts';
export { applyOverrides } from './load/overrides.ts';
export { parseAuthenticationString } from './load/read-users.ts';
export { resolveLookups } from './lookup.ts';
export type * from './mesh-config.ts';
export { routeNodes } from './route-nodes.ts';
export { type RowRoute, routeRow } from './route-row.ts';
export {
  equalityKeepsShard,
  findTable,
  physicalTablesOf,
  primaryOf,
  replicasOf,
  shardSourceOf,
  singleTable,
  singleTableAllowed,
} from './rule-set.ts';
export type * from './types.ts';
