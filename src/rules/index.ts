/** The rules room: YAML files to checked, frozen snapshots; sharding algorithms, inline expressions, key generators, hints. */
export type * from './types.ts';
export { type HintProblem, hintsOf, isHintComment, noHints, parseHints } from './hints.ts';
export { resolveLookups } from './lookup.ts';
export { routeNodes } from './route-nodes.ts';
export { type RowRoute, routeRow } from './route-row.ts';
export {
  equalityKeepsShard, findTable, physicalTablesOf, primaryOf, replicasOf, shardSourceOf, singleTable, singleTableAllowed,
} from './rule-set.ts';
export { describeKey } from './key-value.ts';
export type * from './mesh-config.ts';
export {
  createKeyGenerator, type GeneratorPorts, type KeyGenerator, type SegmentPort, type WorkerIdPort,
} from './keys/key-generator.ts';
